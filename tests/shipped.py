"""Shipped packages, in their domains, with few problems."""

from collections.abc import Callable

from common.evidence import Subject
from scripts import claims, cli, folders

UNUSED = ("speech", "tts")  # whose programs need nothing of the training data, which takes minutes to prepare


def subject(config: Callable, name: str, *overrides: str) -> Subject:
    """What `python -m scripts.claims` gives experiments.

    Args:
        config: the fixture.
        overrides: of the referee, say: module and data are the package's.
    """
    found = folders.load_package(folders.shipped(name))
    cfg = config(*cli.choices_of(found), "split=test", *overrides)
    cfg.domain.module, cfg.domain.data = found.config["domain"]["module"], found.config["domain"]["data"]
    if name in UNUSED:
        cfg.domain.data.limit = 2
    return claims.opened(cfg, found)
