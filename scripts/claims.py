"""Measures what the essay claims, of all shipped packages: python -m scripts.claims [claims=constant_time]

What is measured already, of the same package with the same settings, stays, so that what was interrupted goes on;
claims that are named are measured again. The results and the page of them lie in docs/claims.
"""

import json
from collections.abc import Collection, Mapping
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
    """Every experiment that a claim needs, on every domain that has a package; then the page."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ValueError(f"claims: given no {', '.join(missing)}, wanted them installed: pip install -e '.[claims]'")
    known, folder = page.read(CLAIMS), Path(cfg.to or FOLDER)
    again = {known[name].experiment for name in chosen(cfg.claims, known)}
    needed = again or {claim.experiment for claim in known.values()}
    given = folders.argument("domain", list(HydraConfig.get().overrides.task))
    for name in [given] if given else [path.stem for path in sorted((folders.CONFIGS / "domain").glob("*.yaml"))]:
        packaged = folders.shipped(name)
        if packaged.is_dir():
            of_domain(name, packaged, folder, needed, again)
        elif given:
            raise ValueError(f"domain: given {name}, of which no package is shipped, wanted one that has one")
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


def of_domain(name: str, packaged: Path, folder: Path, needed: Collection[str], again: Collection[str]) -> None:
    """A file an experiment."""
    found = folders.load_package(packaged)
    cfg = composed(name, found)
    subject = None
    for experiment_name in filter(needed.__contains__, cfg.evidence):
        file = f"{experiment_name}-{name}.json"
        about = cli.about(cfg) | {"domain": name, "experiment": experiment_name, "package": sha256(packaged / MANIFEST)}
        about["config"]["evidence"] = OmegaConf.to_container(cfg.evidence[experiment_name], resolve=True)
        if experiment_name not in again and is_done(folder / file, about):
            continue
        subject = subject or opened(cfg, found)
        experiment.console.print(f"measuring {experiment_name} of {name}")
        items = instantiate(cfg.evidence[experiment_name], _convert_="all")(subject)
        figures = [item for item in items if isinstance(item, Figure)]
        plots = [asdict(item) for item in items if isinstance(item, Plot)]
        about |= {"headline": figures[0].metric, "uses": {}}
        experiment.write_figures(folder, figures, about=about, goals={}, name=file, plots=plots)


def composed(name: str, found: Package) -> DictConfig:
    """The config of a package, its referee being one of few problems; the command line's settings count.

    Raises:
        ValueError: this domain has no such settings.
    """
    task = list(HydraConfig.get().overrides.task)
    values = [override for override in task if override not in folders.group_choices(task)]
    choices = (f"{group}={choice}" for group, choice in found.choices.items())
    try:
        cfg = cli.compose([*choices, "split=test", *values])
    except HydraException:
        given = " ".join(values)
        raise ValueError(f"claims: given {given}, which {name} has not, wanted domain=DOMAIN beside it") from None
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
    return all(run.get(key) == json.loads(json.dumps(about[key])) for key in ("package", "split", "config"))


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
