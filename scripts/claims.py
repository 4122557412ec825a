"""Measures what the essay claims: python -m scripts.claims [mode=train] [claims=constant_time] [domain=vision]

`mode=measure` asks the shipped packages; `mode=train` trains what differs in one thing, at quick budgets, over hours.
What is measured already, of the same package with the same settings, stays, so that what was interrupted goes on;
claims that are named are measured again. The results and the page of them lie in docs/claims, runs in runs/claims.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from common import experiment
from common.evidence import Subject, page
from common.fetch import sha256
from common.package import MANIFEST, Package
from common.program import Figure, Plot
from common.results import load
from common.source import ROOT
from scripts import cli, folders

FOLDER = ROOT / "docs" / "claims"
CLAIMS = FOLDER / "claims.yaml"
NEEDED = ("art", "captum", "onnx", "sklearn")  # of the extra `claims`


def measure(cfg: DictConfig, output_dir: Path) -> None:
    """Every experiment of this mode that a claim needs, on every domain that has it; then the page."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ValueError(f"claims: given no {', '.join(missing)}, wanted them installed: pip install -e '.[claims]'")
    if cfg.mode not in MODES:
        raise ValueError(f"mode: given {cfg.mode}, wanted one of {', '.join(MODES)}")
    known, folder = page.read(CLAIMS), Path(cfg.to or FOLDER)
    again = {known[name].experiment for name in chosen(cfg.claims, known)}
    needed = again or {claim.experiment for claim in known.values()}
    given = folders.argument("domain", list(HydraConfig.get().overrides.task))
    names = [given] if given else [path.stem for path in sorted((folders.CONFIGS / "domain").glob("*.yaml"))]
    done = [MODES[cfg.mode](name, folder, needed, again) for name in names]
    if again and not any(done):
        there = ", ".join(mode for mode in MODES if mode != cfg.mode)
        raise ValueError(
            f"claims: given {cfg.claims} and mode={cfg.mode}, where nothing measures it, wanted mode={there}"
        )
    write(folder, known)
    print(folder / "README.md")


def chosen(given: Any, known: Collection[str]) -> list[str]:
    """The claims that `claims=` names.

    Raises:
        ValueError: one that is none.
    """
    names = [] if given is None else [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in known:
            raise ValueError(f"claims: given {name}, wanted some of {', '.join(known)}")
    return names


def of_package(name: str, folder: Path, needed: Collection[str], again: Collection[str]) -> list[str]:
    """Asks a domain's shipped package, if it has one; returns the experiments, done now or before, a file each."""
    packaged = folders.shipped(name)
    if not packaged.is_dir():
        if folders.argument("domain", list(HydraConfig.get().overrides.task)):
            raise ValueError(f"domain: given {name}, of which no package is shipped, wanted one that has one")
        return []
    found = folders.load_package(packaged)
    cfg = composed(name, found)
    subject = None
    names = [experiment_name for experiment_name in cfg.evidence if experiment_name in needed]
    for experiment_name in names:
        about = about_it(cfg, name, experiment_name, cfg.evidence) | {"package": sha256(packaged / MANIFEST)}
        file = folder / f"{experiment_name}-{name}.json"
        if experiment_name in again or not is_done(file, about):
            subject = subject or opened(cfg, found)
            experiment.console.print(f"measuring {experiment_name} of {name}")
            keep(file, instantiate(cfg.evidence[experiment_name], _convert_="all")(subject), about)
    return names


def of_training(name: str, folder: Path, needed: Collection[str], again: Collection[str]) -> list[str]:
    """Trains what a domain's `trained` names; returns these experiments, done now or before, a file each and seed."""
    cfg = composed(name)
    names = [experiment_name for experiment_name in cfg.trained if experiment_name in needed]
    for experiment_name in names:
        node = cfg.trained[experiment_name]
        for seed in node.seeds:
            cfg.seed = seed
            about = about_it(cfg, name, experiment_name, cfg.trained)
            file = folder / f"{experiment_name}-{name}-{seed}.json"
            if experiment_name in again or not is_done(file, about):
                experiment.console.print(f"training for {experiment_name} of {name}, seed {seed}")
                runs = {point: results_of(name, given, seed) for point, given in node.points.items()}
                keep(file, instantiate(node.read, _convert_="all")(runs), about)
    return names


MODES: Mapping[str, Callable[..., list[str]]] = {"measure": of_package, "train": of_training}


def results_of(name: str, given: str | Sequence[str], seed: int) -> Mapping[str, Any]:
    """What a run gave: one with these settings, which begins, goes on or has ended; or a file that is committed.

    Raises:
        ValueError: the run fails.
    """
    if isinstance(given, str):
        return load([ROOT / given.format(seed=seed)])[0]
    choices = [c for c in folders.group_choices(list(HydraConfig.get().overrides.task)) if not c.startswith("domain=")]
    settings = [f"domain={name}", *choices, *given, f"seed={seed}", "split=test"]
    run = Path("runs", "claims", f"{name}-{hashlib.sha256(repr(settings).encode()).hexdigest()[:12]}").resolve()
    if not (run / experiment.RESULTS).is_file():
        begun = (run / ".hydra" / "config.yaml").is_file()
        arguments = [f"run={run}"] if begun else [*settings, f"output_dir={run}"]
        command = [sys.executable, "-m", "scripts.train", *arguments]
        if (ended := subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL)).returncode:
            raise ValueError(f"claims: given {' '.join(arguments)}, which ended with {ended.returncode}, wanted 0")
    return load([run / experiment.RESULTS])[0]


def about_it(cfg: DictConfig, name: str, experiment_name: str, experiments: DictConfig) -> dict[str, Any]:
    """What the file of an experiment says of it beyond what is measured."""
    about = cli.about(cfg) | {"domain": name, "experiment": experiment_name}
    about["config"]["evidence"] = OmegaConf.to_container(experiments[experiment_name], resolve=True)
    return about


def keep(file: Path, items: Sequence[Figure | Plot], about: Mapping[str, Any]) -> None:
    """Writes an experiment's file."""
    figures = [item for item in items if isinstance(item, Figure)]
    plots = [asdict(item) for item in items if isinstance(item, Plot)]
    about = {**about, "headline": figures[0].metric, "uses": {}}
    experiment.write_figures(file.parent, figures, about=about, goals={}, name=file.name, plots=plots)


def composed(name: str, found: Package | None = None) -> DictConfig:
    """The config of a domain, or of its package, the referee then being one of few problems; the command line counts.

    Raises:
        ValueError: this domain has no such settings.
    """
    task = list(HydraConfig.get().overrides.task)
    values = [override for override in task if override not in folders.group_choices(task)]
    choices = [f"{group}={choice}" for group, choice in found.choices.items()] if found else [f"domain={name}"]
    try:
        cfg = cli.compose([*choices, "split=test", *values])
    except HydraException:
        given = " ".join(values)
        raise ValueError(f"claims: given {given}, which {name} has not, wanted domain=DOMAIN beside it") from None
    if found is None:
        return cfg
    cfg = folders.config_of_package(cfg, found)
    set_by_hand = {override.partition("=")[0] for override in task}
    few = {key: value for key, value in cfg.few.items() if f"domain.evaluator.{key}" not in set_by_hand}
    cfg.domain.evaluator.merge_with(few)
    return cfg


def opened(cfg: DictConfig, found: Package) -> Subject:
    """The domain with its package, its data set up."""
    domain = cli.build(cfg)
    domain.data.setup("fit")
    asked = instantiate(cfg.asked, _convert_="all")
    return Subject(domain, found, asked, experiment.unpacked(domain, found))


def is_done(path: Path, about: Mapping[str, Any]) -> bool:
    """Whether the experiment was done with this very package, and these settings."""
    if not path.is_file():
        return False
    run = load([path])[0]["run"]
    return all(run.get(key) == json.loads(json.dumps(about.get(key))) for key in ("package", "split", "config", "seed"))


def write(folder: Path, known: Any) -> None:
    """The page, as Markdown and as HTML."""
    markdown, html = page.pages(known, load(sorted(folder.glob("*-*.json"))))
    (folder / "README.md").write_text(markdown)
    (folder / "index.html").write_text(html)


def main() -> None:
    """The entry point."""
    cli.main(measure)


if __name__ == "__main__":
    main()
