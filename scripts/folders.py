"""The folders that entry points write into and go on from: new, claimed, an earlier run's, a multirun's, a package."""

import functools
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from filelock import FileLock, Timeout
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from common import package
from common.checkpoint import CHECKPOINT, write_whole
from common.package import RESULTS, Package
from common.results import load

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
LOCK = ".lock"
SCAFFOLD = {".hydra", LOCK}  # a folder with nothing else is a false start: no training had begun
MULTIRUN = "multirun.yaml"  # what Hydra leaves in the folder of a multirun
RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # set by torchrun, by Lightning for the processes it starts, by srun
PROCESSES = ("WORLD_SIZE", "SLURM_NTASKS")
KEPT = ("domain", "epochs", "seed")  # of a run's config, in a package
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


def prepare(arguments: list[str], *, trains: bool) -> list[str]:
    """Before Hydra writes anything: `output_dir=`, if given, is this process's own, and new or the same multirun's.

    Returns:
        Arguments to add: the other processes of a distributed run leave Hydra's notes to the first.

    Raises:
        ValueError: it holds a run or another multirun, or another process is writing there.
    """
    given, run = argument("output_dir", arguments), argument("run", arguments)
    launched = argument("hydra.run.dir", arguments) is not None  # by Lightning, in the midst of the first one's run
    if given is None:
        several = any(int(os.environ.get(name, "1")) > 1 for name in PROCESSES)
        if several and run is None and not launched:
            raise ValueError("output_dir: given nothing, wanted output_dir=DIR, the same for all processes")
    elif not launched:
        folder = Path(given)
        _check_free(folder, arguments, trains=trains)  # before anything is written there,
        claim(folder)
        _check_free(folder, arguments, trains=trains)  # and when nobody else can write there
    if first_process() or launched:
        return []
    return ["hydra.output_subdir=null", *([f"hydra.run.dir={run}"] if run is not None and given is None else [])]


def _check_free(folder: Path, arguments: list[str], *, trains: bool) -> None:
    held = [".hydra/config.yaml"] if trains and first_process() else []
    if any((folder / name).exists() for name in ("last.ckpt", "results.json", *held)):
        raise ValueError(f"output_dir: given {folder}, which holds a run, wanted a new folder (or run={folder})")
    if not {"-m", "--multirun"} & set(arguments):
        return
    same = {a for a in arguments if a not in ("-m", "--multirun") and not a.startswith("output_dir=")}
    notes = folder / MULTIRUN
    if set(jobs_of(folder)) != same if notes.is_file() else any(folder.glob("*/.hydra")):
        raise ValueError(f"output_dir: given {folder}, which holds other runs, wanted a new folder (or run={folder})")


def claim(folder: Path, given: str = "output_dir") -> None:
    """Makes the folder, which the setting `given` names, this process's own until `release`, or until the process ends.

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
        wanted = "another folder" if given == "output_dir" else "that it has ended"
        raise ValueError(f"{given}: given {folder}, where another run is writing, wanted {wanted}") from None
    claimed[folder] = Claim(lock, new)


def release(folder: Path) -> None:
    """Gives a folder back, if it was claimed; removes it if it was a false start."""
    claim = claimed.pop(folder.resolve(), None)
    if claim is None:
        return
    try:
        if claim.new and {path.name for path in folder.iterdir()} <= SCAFFOLD:
            shutil.rmtree(folder)
    finally:
        claim.lock.release()


def jobs_of(folder: Path) -> list[str]:
    """The arguments that started the multirun in `folder`, but for `-m` and `output_dir=`."""
    overrides = OmegaConf.load(folder / MULTIRUN).hydra.overrides
    arguments = (*overrides.hydra, *overrides.task)
    return [a for a in arguments if a != "hydra.mode=MULTIRUN" and not a.startswith("output_dir=")]


def expanded(arguments: list[str], *, goes_on: bool) -> list[str]:
    """The command line with what `run=` or `package=` stands for: their choices, or the jobs of a multirun.

    Args:
        goes_on: `run=` is to be gone on with, not only read.

    Raises:
        ValueError: another choice is given beside it, or there is no such package.
    """
    run, packaged = argument("run", arguments), argument("package", arguments)
    if goes_on and run is not None and arguments == [f"run={run}"] and (Path(run) / MULTIRUN).is_file():
        return [*jobs_of(Path(run)), f"output_dir={run}", "-m"]
    saved: Mapping[str, str]
    if run is not None and (Path(run) / ".hydra" / "hydra.yaml").is_file():
        saved = OmegaConf.load(Path(run) / ".hydra" / "hydra.yaml").hydra.runtime.choices
        fixed = [group for group in saved if not group.startswith("hydra/")]
    elif packaged is not None:
        saved = load_package(Path(packaged)).choices
        fixed = list(saved)
    else:
        return arguments
    for override in group_choices(arguments):
        group, _, choice = override.partition("=")
        if group in fixed and choice != saved.get(group):
            given = "run" if run is not None else "package"
            raise ValueError(f"{override}: given with {given}=, wanted key=value: another {group} is another run")
    beside = {override.partition("=")[0] for override in group_choices(arguments)}
    return [*(f"{group}={saved[group]}" for group in fixed if saved.get(group) and group not in beside), *arguments]


def group_choices(arguments: list[str]) -> list[str]:
    """Of command-line overrides those that choose a config group: the folders under configs/."""
    return [a for a in arguments if "=" in a and (CONFIGS / a.split("=")[0].lstrip("+~")).is_dir()]


def config_of_run(cfg: DictConfig) -> DictConfig:
    """The config of the run that `run=DIR` names, with this command line's values laid over it.

    Raises:
        ValueError: no run in that folder, or an override that only a new run can take, as another seed is once there is
            a checkpoint.
    """
    path = Path(cfg.run) / ".hydra" / "config.yaml"
    if not path.is_file():
        raise ValueError(f"run: given {cfg.run}, wanted the folder of an earlier run (no {path})")
    saved = OmegaConf.load(path)
    assert isinstance(saved, DictConfig)
    seed = saved.seed
    _overlay(saved, cfg, "run")
    if saved.seed != seed and (Path(cfg.run) / CHECKPOINT).exists():
        raise ValueError(
            f"seed: given {saved.seed} with run=, wanted {seed}, of which {cfg.run} holds a net, or a new run"
        )
    saved.output_dir = cfg.output_dir
    return saved


def commands_of(run: Path) -> str:
    """The commands that its results are of, or the one that began it, where there are none."""
    if (run / RESULTS).is_file() and (said := load([run / RESULTS])[0]["run"].get("command")):
        return str(said)
    return " ".join(["python -m scripts.train", *OmegaConf.load(run / ".hydra" / "overrides.yaml")])


def note_config(cfg: DictConfig, run: Path) -> None:
    """Has the run remember its config as it now is, for the next time that it goes on or is judged."""
    write_whole(run / ".hydra" / "config.yaml", OmegaConf.to_yaml(cfg).encode())


def config_of_package(cfg: DictConfig, found: Package) -> DictConfig:
    """This command line's config with the package's module and data, and this command line's values laid over them.

    Referee and goals stay this repository's.
    """
    merged = cfg.copy()
    saved = found.config
    merged.domain.module, merged.domain.data = saved["domain"]["module"], saved["domain"]["data"]
    merged.seed, merged.epochs = int(saved["seed"]), int(saved["epochs"])
    _overlay(merged, cfg, "package")
    return merged


def net_of_package(cfg: DictConfig, found: Package) -> DictConfig:
    """The config of a package's net, with this command line's values laid over it."""
    merged = cfg.copy()
    merged.domain.module.net = found.config["domain"]["module"]["net"]
    _overlay(merged, cfg, "package", under="domain.module.net.")
    return merged.domain.module.net


@functools.cache
def allowed_targets() -> frozenset[str]:
    """Every `_target_` that the domains and experiments of this repository name in their configs."""
    allowed: set[str] = set()
    for path in (*CONFIGS.glob("domain/**/*.yaml"), *CONFIGS.glob("experiment/*.yaml")):
        node = as_written(path)
        part = path.parent.name not in ("domain", "experiment")  # a net, or another group that goes into a domain
        allowed.update(package.targets(node if part else node.get("domain", {})))
    return frozenset(allowed)


def load_package(folder: Path) -> Package:
    """A package that is whole, names nothing but allowed targets, and was made of choices that exist here."""
    found = package.load(folder, allowed_targets())
    for group, choice in found.choices.items():
        if not is_packaged(group) or not (CONFIGS / group / f"{choice}.yaml").is_file() or ".." in group:
            raise ValueError(f"{folder / package.MANIFEST}: given {group}={choice}, wanted a choice that configs/ has")
    return found


def shipped(domain: str) -> Path:
    """Where this repository's package of a domain lies, if it has one: beside the domain's code.

    Raises:
        ValueError: no such domain.
    """
    config = CONFIGS / "domain" / f"{domain}.yaml"
    if not config.is_file():
        raise ValueError(f"domain: given {domain!r}, wanted one that configs/domain has")
    return CONFIGS.parent.joinpath(*as_written(config)["domain"]["data"]["_target_"].split(".")[:-2], "pretrained")


def as_written(config: Path) -> dict[str, Any]:
    """A file of configs/, with nothing composed or resolved: in a tenth of the time that OmegaConf takes."""
    return yaml.load(config.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def is_packaged(group: str) -> bool:
    """Whether a config group is part of what a package is; trainer and logger are the user's."""
    return group.split("/")[0] in ("domain", "experiment")


def _overlay(saved: DictConfig, cfg: DictConfig, given: str, under: str = "") -> None:
    OmegaConf.set_struct(saved, True)
    overrides = list(HydraConfig.get().overrides.task)
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0]
        if override in group_choices(overrides) or not key.startswith(under):
            continue
        if override[0] == "+" or (override[0] == "~" and given == "package" and key.startswith("domain.")):
            raise ValueError(f"{override}: given with {given}=, wanted key=value")
        if given == "package" and key.startswith("domain.baselines."):
            raise ValueError(f"{override}: given with package=, whose programs are built, wanted a run")
        if override[0] == "~":
            parent, _, name = key.rpartition(".")
            held = OmegaConf.select(saved, parent) if parent else saved
            if held is not None:
                with open_dict(saved):
                    held.pop(name, None)
        else:  # an older version may not have known this setting of the same target
            before, now = (OmegaConf.select(config, f"{key.rpartition('.')[0]}._target_") for config in (saved, cfg))
            OmegaConf.update(saved, key, OmegaConf.select(cfg, key), force_add=now is not None and before == now)


def group_of(cfg: DictConfig, output_dir: Path) -> str:
    """W&B's name for runs that belong together: the jobs of a multirun, by its folder's name."""
    hydra = HydraConfig.get()
    job = hydra.mode == RunMode.MULTIRUN or (output_dir.parent / MULTIRUN).is_file()
    together = output_dir.parent if job else output_dir
    return cfg.group or f"{hydra.runtime.choices['domain']}-{together.resolve().name}"
