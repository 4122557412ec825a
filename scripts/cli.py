"""How every entry point starts: Hydra composes, wrong input ends in one line on stderr and exit code 1."""

import difflib
import functools
import inspect
import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from common import fetch
from common.package import Package
from common.results import parsed_goal
from common.source import ROOT
from scripts import folders, kernels, memory
from scripts.folders import CONFIGS, group_choices

EXPECTED = (HydraException, OmegaConfBaseException, ValueError, OSError)
NOISE = (
    "Checkpoint directory .* exists and is not empty",  # beside .hydra, as it should be
    ".*LeafSpec.*is deprecated",  # pytorch-lightning 2.6.6 with torch 2.14
    "The dirpath has changed from",  # a run that goes on in a folder that was moved or copied
    "The number of training batches .* is smaller than the logging interval",
)


def main(task: Callable[[DictConfig, Path], None], *, goes_on: bool = False) -> None:
    """Runs `task(config, output_dir)` as Hydra would, once or per job of a multirun.

    Args:
        goes_on: with `run=`, the task goes on with that run.
    """
    kernels.forget_stale()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach the handler below instead of Hydra's printer
    failed: list[Exception] = []

    def job(cfg: DictConfig) -> None:
        for noisy in ("pytorch_lightning", "lightning_utilities", "torch.utils.flop_counter"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        for harmless in NOISE:
            warnings.filterwarnings("ignore", harmless)
        memory.keep()
        output_dir = Path(HydraConfig.get().runtime.output_dir)
        cfg.output_dir = str(output_dir)  # a job of a multirun has a folder of its own
        try:
            check_types(cfg)
            note_fetched(cfg)
            for goal in filter(None, cfg.goals.values()):
                parsed_goal(goal)
            folders.claim(output_dir)
            task(cfg, output_dir)
        except EXPECTED as error:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise
            failed.append(error)  # raised here, Hydra would print its own lines around it
        finally:
            folders.release(output_dir)

    typed = list(sys.argv)
    try:
        os.environ["SOFTWARE2_COMMAND"] = command()
        sys.argv[1:] = folders.expanded(sys.argv[1:], goes_on=goes_on)
        sys.argv += folders.prepare(sys.argv[1:], trains=goes_on)
        hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name="config")(job)()
        if failed:
            raise failed[0]
    except EXPECTED as error:
        sys.exit(f"error: {one_line(error)}")
    finally:
        sys.argv = typed
        for folder in list(folders.claimed):
            folders.release(folder)


def command() -> str:
    """The command line as the user may type it again."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    return " ".join(["python -m", module.name if module else sys.argv[0], *sys.argv[1:]])


def one_line(error: BaseException) -> str:
    """What went wrong, for people: Hydra's and ours, with what exists there."""
    cause = error.__cause__
    text = " ".join(str(error).split())
    misspelt = re.search(r"Could not override '([^']+)'", text)
    if misspelt:
        return _unknown_key(misspelt[1])
    missing = re.search(
        r"Could not find '([^']+)'.*?Available options in '([^']+)': (.*?)(?: Config search path.*)?$", text
    )
    if missing:
        return f"{missing[2]}: given {missing[1].removeprefix(missing[2] + '/')!r}, wanted one of: {missing[3]}"
    if isinstance(error, HydraException) and cause is not None:
        # instantiate wraps what a constructor said; the constructor's words are the useful ones.
        return " ".join(str(cause).split()) if isinstance(cause, ValueError) else f"{text} ({cause})"
    return text


def _unknown_key(key: str) -> str:
    parent, _, name = key.rpartition(".")
    cfg = compose([choice.split(",")[0] for choice in group_choices(sys.argv[1:])])
    node = OmegaConf.select(cfg, parent) if parent else cfg
    while node is None or not isinstance(node, DictConfig):
        parent, _, name = parent.rpartition(".")
        node = OmegaConf.select(cfg, parent) if parent else cfg
    there = sorted(str(k) for k in node if not str(k).startswith("_"))
    close = difflib.get_close_matches(name, there, 1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"{parent or 'config'}: given unknown key {name!r}{hint}, wanted one of: {', '.join(there)}"


def compose(overrides: list[str]) -> DictConfig:
    """The config of a command line with these overrides."""
    if GlobalHydra.instance().is_initialized():
        return hydra.compose("config", overrides)
    with hydra.initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return hydra.compose("config", overrides)


def choices_of(found: Package) -> list[str]:
    """The overrides that a package was made with."""
    return [f"{group}={choice}" for group, choice in found.choices.items()]


def note_fetched(cfg: DictConfig) -> None:
    """Has what is fetched be noted for this config's folder of code: its domains share what they have read."""
    fetch.note_for(cfg.domain.data._target_.partition(".")[0])


def check_types(cfg: DictConfig) -> None:
    """Every overridden value has the type of what it replaces, or is null where that may be.

    Raises:
        ValueError: it has not, with the key, what was given and what was wanted.
    """
    overrides = list(HydraConfig.get().overrides.task)
    default = compose(group_choices(overrides))
    for override in overrides:
        key = override.split("=")[0].lstrip("+~")
        wanted, given = (OmegaConf.select(c, key, throw_on_missing=False) for c in (default, cfg))
        if wanted is None or isinstance(wanted, DictConfig) or override[0] in "+~":
            continue
        if given is None and takes_null(cfg, key):
            continue
        fine = isinstance(given, type(wanted)) and isinstance(given, bool) == isinstance(wanted, bool)
        if not fine and not (type(wanted) is float and type(given) is int):
            raise ValueError(f"{key}: given {given!r}, wanted {type(wanted).__name__} such as {wanted!r}")


def takes_null(cfg: DictConfig, key: str) -> bool:
    """Whether a setting may become null: what a constructor or one before it takes as None, or an entry like a goal."""
    parent, _, name = key.rpartition(".")
    target = OmegaConf.select(cfg, f"{parent}._target_") if parent else None
    if target is None:
        return bool(parent)
    target = get_object(target)
    for made in getattr(target, "__mro__", (target,)):
        wanted = inspect.signature(made).parameters.get(name)
        if wanted is not None:
            return wanted.annotation in (wanted.empty, Any) or type(None) in get_args(wanted.annotation)
    return True


def build(cfg: DictConfig) -> Any:
    """The Domain. Seed first: nets draw their weights when they are made."""
    import pytorch_lightning as pl

    pl.seed_everything(cfg.seed, verbose=False)
    return instantiate(cfg.domain, _convert_="all")


@functools.cache
def commit() -> str:
    """The commit that was checked out at the first call, `-dirty` if files differed from it; empty outside git."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(git, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return ""


def about(cfg: DictConfig) -> dict[str, Any]:
    """What results.json says of a run before anything is measured."""
    choices = HydraConfig.get().runtime.choices
    experiment = str(choices.get("experiment") or "quick").removeprefix(f"{choices['domain']}_")
    trainer = "" if choices["trainer"] == "default" else f"-{choices['trainer']}"
    return {
        "command": os.environ["SOFTWARE2_COMMAND"],
        "commit": commit(),
        "domain": choices["domain"],
        "experiment": experiment + trainer,
        "split": cfg.split,
        "seed": cfg.seed,
        "config": settings(cfg),
    }


def settings(cfg: DictConfig) -> dict[str, Any]:
    """What makes a run what it is, wherever it lies."""
    found: Any = {name: OmegaConf.to_container(cfg[name], resolve=True) for name in ("domain", "trainer")}
    for place in ("callbacks", "plugins", "default_root_dir"):
        found["trainer"].pop(place, None)
    return found | {"epochs": cfg.epochs} | ({} if cfg.package is None else {"package": cfg.package})
