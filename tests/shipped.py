"""Shipped packages, in their domains, with few problems."""

from collections.abc import Callable

from common.evidence import Subject
from scripts import claims, cli, folders


def subject(config: Callable, name: str, *overrides: str) -> Subject:
    """What `python -m scripts.claims` gives experiments.

    Args:
        config: the fixture.
        overrides: of the referee, say: module and data are the package's.
    """
    found = folders.load_package(folders.shipped(name))
    cfg = config(*cli.choices_of(found), "split=test", *overrides)
    cfg.domain.module, cfg.domain.data = found.config["domain"]["module"], found.config["domain"]["data"]
    return claims.opened(cfg, found)
