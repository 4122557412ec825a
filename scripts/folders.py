"""The folders that entry points write into and go on from: new, claimed, an earlier run's, a multirun's, a package."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from common import package
from common.package import Package

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
LOCK = ".lock"
SCAFFOLD = {".hydra", "wandb", "csv", "tensorboard", LOCK}  # a folder with nothing else is a false start, not a run
MULTIRUN = "multirun.yaml"  # what Hydra leaves in the folder of a multirun
RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # set by torchrun, by Lightning for the processes it starts, by srun
PROCESSES = ("WORLD_SIZE", "SLURM_NTASKS")
PACKAGED = ("domain", "domain/net", "experiment")  # the choices that a package is made of; trainer and logger are ours
KEPT = ("domain", "epochs", "goals", "seed")  # of a run's config, in a package
claimed: dict[Path, "Claim"] = {}


class Claim(NamedTuple):
    """`new`: what lies in the folder, this process has written."""

    lock: FileLock
    new: bool


def argument(key: str, arguments: list[str] | None = None) -> str | None:
    """What the command line gives for `key`, before Hydra has read it."""
    given = sys.argv[1:] if arguments is None else arguments
    return next((a.removeprefix(f"{key}=") for a in given if a.startswith(f"{key}=")), None)


def first_process() -> bool:
    """Whether this is the one of a distributed run that writes; true where there is only one."""
    return next((os.environ[name] for name in RANKS if name in os.environ), "0") == "0"


def prepare(arguments: list[str]) -> None:
    """Before Hydra writes anything: `output_dir=`, if given, is this process's own, and new or the same multirun's.

    Raises:
        ValueError: it holds a run or another multirun, or another process is writing there.
    """
    given = argument("output_dir", arguments)
    if given is None:
        several = any(int(os.environ.get(name, "1")) > 1 for name in PROCESSES)
        if several and argument("run", arguments) is None and argument("hydra.run.dir", arguments) is None:
            raise ValueError("output_dir: given nothing, wanted output_dir=DIR, the same for all processes")
        return
    folder = Path(given)
    if not first_process():
        return
    if any((folder / name).exists() for name in ("last.ckpt", "results.json")):
        raise ValueError(f"output_dir: given {folder}, which holds a run, wanted a new folder (or run={folder})")
    if (folder / MULTIRUN).is_file() and set(jobs_of(folder)) != set(arguments) - {"-m", "--multirun"}:
        raise ValueError(
            f"output_dir: given {folder}, which holds another multirun, wanted a new folder (or run={folder})"
        )
    claim(folder)


def claim(folder: Path) -> None:
    """Makes the folder this process's own until `release`, or until the process ends, however it ends.

    Raises:
        ValueError: it is another's.
    """
    folder = folder.resolve()
    if folder in claimed or not first_process():
        return
    new = not folder.exists() or {path.name for path in folder.iterdir()} <= {".hydra"}
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise ValueError(f"output_dir: given {folder}, where another run is writing, wanted another folder") from None
    claimed[folder] = Claim(lock, new)


def release(folder: Path) -> None:
    """Gives a folder back, if it was claimed; removes it if it was a false start."""
    claim = claimed.pop(folder.resolve(), None)
    if claim is not None:
        if claim.new and {path.name for path in folder.iterdir()} <= SCAFFOLD:
            shutil.rmtree(folder)
        claim.lock.release()


def jobs_of(folder: Path) -> list[str]:
    """The arguments that started the multirun in `folder`, but for `-m`."""
    overrides = OmegaConf.load(folder / MULTIRUN).hydra.overrides
    return [a for a in (*overrides.hydra, *overrides.task) if a != "hydra.mode=MULTIRUN"]


def expanded(arguments: list[str], *, goes_on: bool) -> list[str]:
    """The command line with what `run=` or `package=` stands for: their choices, or the jobs of a multirun.

    Args:
        goes_on: `run=` is to be gone on with, not only read.

    Raises:
        ValueError: another choice is given beside it, or there is no such package.
    """
    run, packaged = argument("run", arguments), argument("package", arguments)
    if goes_on and run is not None and arguments == [f"run={run}"] and (Path(run) / MULTIRUN).is_file():
        jobs = [a for a in jobs_of(Path(run)) if not a.startswith("output_dir=")]
        return [*jobs, f"output_dir={run}", "-m"]
    saved: Mapping[str, str]
    if run is not None and (Path(run) / ".hydra" / "hydra.yaml").is_file():
        saved = OmegaConf.load(Path(run) / ".hydra" / "hydra.yaml").hydra.runtime.choices
        fixed = [group for group in saved if not group.startswith("hydra/")]
    elif packaged is not None:
        saved = package.load(Path(packaged)).choices
        fixed = list(PACKAGED)
    else:
        return arguments
    for override in domain_choices(arguments):
        group, _, choice = override.partition("=")
        if group in fixed and choice != saved.get(group):
            given = "run" if run is not None else "package"
            raise ValueError(f"{override}: given with {given}=, wanted key=value: another {group} is another run")
    beside = {override.partition("=")[0] for override in domain_choices(arguments)}
    return [*(f"{group}={saved[group]}" for group in fixed if saved.get(group) and group not in beside), *arguments]


def domain_choices(arguments: list[str]) -> list[str]:
    """Of command-line overrides those that choose a config group: the folders under configs/."""
    return [a for a in arguments if "=" in a and (CONFIGS / a.split("=")[0].lstrip("+~")).is_dir()]


def config_of_run(cfg: DictConfig) -> DictConfig:
    """The config of the run that `run=DIR` names, with this command line's values laid over it.

    Raises:
        ValueError: no run in that folder, or an override that only a new run can take.
    """
    path = Path(cfg.run) / ".hydra" / "config.yaml"
    if not path.is_file():
        raise ValueError(f"run: given {cfg.run}, wanted the folder of an earlier run (no {path})")
    saved = OmegaConf.load(path)
    assert isinstance(saved, DictConfig)
    _overlay(saved, cfg, "run")
    saved.output_dir = cfg.output_dir
    return saved


def config_of_package(cfg: DictConfig, found: Package) -> DictConfig:
    """This command line's config with the package's domain in it, and this command line's values laid over that.

    Raises:
        ValueError: the package names what no config of this repository names.
    """
    merged = cfg.copy()
    saved = found.config(targets())
    for key in KEPT:
        merged[key] = saved[key]
    _overlay(merged, cfg, "package")
    return merged


def targets() -> set[str]:
    """Every `_target_` that the domains and experiments of this repository name in their configs."""
    named: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            named.update([node["_target_"]] if "_target_" in node else [])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    for path in (*CONFIGS.glob("domain/**/*.yaml"), *CONFIGS.glob("experiment/*.yaml")):
        walk(OmegaConf.to_container(OmegaConf.load(path)))
    return named


def _overlay(saved: DictConfig, cfg: DictConfig, given: str) -> None:
    OmegaConf.set_struct(saved, True)
    overrides = list(HydraConfig.get().overrides.task)
    for override in overrides:
        if override in domain_choices(overrides):
            continue
        if override[0] in "+~":
            raise ValueError(f"{override}: given with {given}=, wanted key=value")
        key = override.split("=")[0]
        OmegaConf.update(saved, key, OmegaConf.select(cfg, key))


def group_of(cfg: DictConfig, output_dir: Path) -> str:
    """W&B's name for runs that belong together: the jobs of a multirun, by its folder's name."""
    hydra = HydraConfig.get()
    together = output_dir.parent if hydra.mode == RunMode.MULTIRUN else output_dir
    return cfg.group or f"{hydra.runtime.choices['domain']}-{together.resolve().name}"
