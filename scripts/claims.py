"""Measures what the essay claims: python -m scripts.claims [mode=train] [claims=constant_time] [domain=vision]

`mode=measure` asks the shipped packages; `mode=train` trains what differs in one thing, at quick budgets, over hours.
What is measured already, of the same package or runs with the same settings, stays, so that what was interrupted goes
on; claims that are named are measured again (runs that have ended are read). The results and the page of them lie in
docs/claims, the runs in runs/claims.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from common import experiment, fetch
from common.evidence import Found, Source, Subject, page
from common.package import MANIFEST, Package
from common.program import Figure, Plot
from common.results import Results, load
from common.source import ROOT
from scripts import cli, folders

FOLDER = ROOT / "docs" / "claims"
CLAIMS = FOLDER / "claims.yaml"
NEEDED = ("art", "captum", "onnx", "sklearn")  # of the extra `claims`
OF_A_RUN = ("domain", "epochs", "trainer")  # settings that runs are given too
WHERE = ("commit", "cpu", "cores", "threads", "libraries", "data")
SAME = ("package", "sources", "split", "seed", "config")  # what was measured with these is measured


def measure(cfg: DictConfig, output_dir: Path) -> None:
    """Every experiment of this mode that a claim needs, on every domain that has it; then the page."""
    if cfg.mode not in MODES:
        raise ValueError(f"mode: given {cfg.mode}, wanted one of {', '.join(MODES)}")
    known, folder = page.read(CLAIMS), Path(cfg.to or FOLDER)
    again = {known[name].experiment for name in chosen(cfg.claims, known, cfg.mode)}
    needed = again or {claim.experiment for claim in known.values() if claim.mode == cfg.mode}
    given = folders.argument("domain", list(HydraConfig.get().overrides.task))
    for name in [given] if given else [path.stem for path in sorted((folders.CONFIGS / "domain").glob("*.yaml"))]:
        MODES[cfg.mode](name, folder, needed, again, asked=bool(given))
    write(folder, known)
    print(folder / "README.md")


def chosen(given: Any, known: Mapping[str, page.Claim], mode: str) -> list[str]:
    """The claims that `claims=` names.

    Raises:
        ValueError: one that is none, or of another mode.
    """
    names = [] if given is None else [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in known:
            raise ValueError(f"claims: given {name}, wanted some of {', '.join(known)}")
        if known[name].mode != mode:
            raise ValueError(f"claims: given {name} and mode={mode}, wanted mode={known[name].mode}")
    return names


def of_package(name: str, folder: Path, needed: Collection[str], again: Collection[str], *, asked: bool) -> None:
    """Asks a domain's shipped package, if it has one: a file an experiment."""
    if missing := [extra for extra in NEEDED if find_spec(extra) is None]:
        raise ValueError(f"claims: given no {', '.join(missing)}, wanted them installed: pip install -e '.[claims]'")
    packaged = folders.shipped(name)
    if not packaged.is_dir():
        if asked:
            raise ValueError(f"domain: given {name}, of which no package is shipped, wanted one that has one")
        return
    found = folders.load_package(packaged)
    cfg, subject = composed(name, found), None
    cli.note_fetched(cfg)
    for experiment_name in here(name, cfg.evidence, needed, again, asked=asked):
        about = about_it(cfg, name, experiment_name, cfg.evidence) | {"package": fetch.sha256(packaged / MANIFEST)}
        file = folder / f"{experiment_name}-{name}.json"
        if experiment_name in again or not is_done(file, about):
            subject = subject or opened(cfg, found)
            experiment.console.print(f"measuring {experiment_name} of {name}")
            items = instantiate(cfg.evidence[experiment_name], _convert_="all")(subject)
            keep(file, items, about | {"data": found.results["run"]["data"] | fetch.FETCHED})


def of_training(name: str, folder: Path, needed: Collection[str], again: Collection[str], *, asked: bool) -> None:
    """Trains what a domain's `trained` names: a file an experiment and seed."""
    cfg = composed(name)
    for experiment_name in here(name, cfg.trained, needed, again, asked=asked):
        node = cfg.trained[experiment_name]
        for seed in node.seeds:
            cfg.seed = seed
            points = {
                point: given.format(seed=seed) if isinstance(given, str) else given
                for point, given in node.points.items()
            }
            files = {given: fetch.sha256(ROOT / given) for given in points.values() if isinstance(given, str)}
            about = about_it(cfg, name, experiment_name, cfg.trained) | {"sources": files}
            file = folder / f"{experiment_name}-{name}-{seed}.json"
            if experiment_name in again or not is_done(file, about):
                experiment.console.print(f"training for {experiment_name} of {name}, seed {seed}")
                runs = {point: results_of(cfg, name, given) for point, given in points.items()}
                keep(file, instantiate(node.read, _convert_="all")(runs), about)


MODES: Mapping[str, Callable[..., None]] = {"measure": of_package, "train": of_training}


def here(name: str, there: DictConfig, needed: Collection[str], again: Collection[str], *, asked: bool) -> list[str]:
    """The needed experiments that a domain has.

    Raises:
        ValueError: the domain was asked for, and has not what is to be measured again.
    """
    if asked and (missing := set(again) - set(there)):
        raise ValueError(f"domain: given {name}, which has no {', '.join(sorted(missing))}, wanted one that has it")
    return [str(experiment_name) for experiment_name in there if experiment_name in needed]


def results_of(cfg: DictConfig, name: str, given: str | Sequence[str]) -> Results:
    """Of a run with these settings beside the domain's, which begins, goes on or has ended; or a committed file.

    Raises:
        ValueError: the run fails.
    """
    if isinstance(given, str):
        return load([ROOT / given])[0]
    settings = [f"domain={name}", *of_a_run(), *given, f"seed={cfg.seed}", f"split={cfg.split}"]
    whole = [settings, cli.settings(cli.compose(settings))]
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:12]
    run = Path("runs", "claims", f"{name}-{digest}").resolve()
    if not (run / experiment.RESULTS).is_file():
        begun = (run / ".hydra" / "config.yaml").is_file()
        arguments = [f"run={run}"] if begun else [*settings, f"output_dir={run}"]
        command = [sys.executable, "-m", "scripts.train", *arguments]
        if (ended := subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL)).returncode:
            raise ValueError(f"claims: given {' '.join(arguments)}, which ended with {ended.returncode}, wanted 0")
    return load([run / experiment.RESULTS])[0]


def of_a_run() -> list[str]:
    """What of the command line a run is given too: choices but the domain, and settings of OF_A_RUN."""
    task = [override for override in HydraConfig.get().overrides.task if not override.startswith("domain=")]
    choices = folders.group_choices(task)
    return [o for o in task if o in choices or o.lstrip("+~").partition("=")[0].partition(".")[0] in OF_A_RUN]


def about_it(cfg: DictConfig, name: str, experiment_name: str, experiments: DictConfig) -> dict[str, Any]:
    """What the file of an experiment says of it beyond what is measured."""
    about = cli.about(cfg) | {"domain": name, "experiment": experiment_name}
    node: Any = OmegaConf.to_container(experiments[experiment_name], resolve=True)
    about["config"]["evidence"] = {key: value for key, value in node.items() if key != "seeds"}
    return about


def keep(file: Path, items: Sequence[Found], about: Mapping[str, Any]) -> None:
    """Writes an experiment's file."""
    figures = [item for item in items if isinstance(item, Figure)]
    plots = [asdict(item) for item in items if isinstance(item, Plot)]
    where = {key: item.run[key] for item in items if isinstance(item, Source) for key in WHERE if key in item.run}
    about = {**about, "headline": figures[0].metric, "uses": {}, **where}
    experiment.write_figures(file.parent, figures, about=about, goals={}, name=file.name, plots=plots)


def composed(name: str, found: Package | None = None) -> DictConfig:
    """The config of a domain, or of its package; the command line counts.

    Raises:
        ValueError: this domain has no such settings.
    """
    task = list(HydraConfig.get().overrides.task)
    values = [override for override in task if override not in folders.group_choices(task)]
    if found is None:
        choices = [f"domain={name}", *folders.group_choices(of_a_run())]
    else:
        choices = cli.choices_of(found)
        for choice in folders.group_choices(task):
            group, _, option = choice.partition("=")
            if folders.is_packaged(group) and group != "domain" and found.choices.get(group) != option:
                raise ValueError(f"{choice}: given with mode=measure, wanted what {name}'s package was made with")
    try:
        cfg = cli.compose([*choices, "split=test", *values])
    except HydraException:
        given = " ".join(values)
        raise ValueError(f"claims: given {given}, which {name} has not, wanted domain=DOMAIN beside it") from None
    return cfg if found is None else folders.config_of_package(cfg, found)


def opened(cfg: DictConfig, found: Package) -> Subject:
    """The domain with its package, its data set up."""
    domain = cli.build(cfg)
    domain.data.setup("fit")
    asked = instantiate(cfg.asked, _convert_="all")
    referee = partial(instantiate, cfg.domain.evaluator, _convert_="all")
    return Subject(domain, found, asked, experiment.unpacked(domain, found), referee)


def is_done(path: Path, about: Mapping[str, Any]) -> bool:
    """Whether the experiment was done with all that is SAME."""
    if not path.is_file():
        return False
    run = load([path])[0]["run"]
    return all(run.get(key) == json.loads(json.dumps(about.get(key))) for key in SAME)


def measured(folder: Path) -> list[Results]:
    """What was measured so far."""
    return load(sorted(folder.glob("*-*.json")))


def write(folder: Path, known: Mapping[str, page.Claim]) -> None:
    """The page, as Markdown and as HTML."""
    folder.mkdir(parents=True, exist_ok=True)
    markdown, html = page.pages(known, measured(folder))
    (folder / "README.md").write_text(markdown)
    (folder / "index.html").write_text(html)


def main() -> None:
    """The entry point."""
    cli.main(measure)


if __name__ == "__main__":
    main()
