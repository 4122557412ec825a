"""Measures what the essay claims, of all shipped packages: python -m scripts.claims [claims=constant_time]

What is measured already, of the same package, stays, so that what was interrupted goes on; claims that are named are
measured again. The results and the page of them lie in docs/claims.
"""

from collections.abc import Collection
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from common import experiment
from common.evidence import Subject, page
from common.fetch import sha256
from common.package import MANIFEST
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
    given = folders.argument("domain")
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
    package = sha256(packaged / MANIFEST)
    found = folders.load_package(packaged)
    given = HydraConfig.get().overrides.task
    values = [override for override in given if override not in folders.group_choices(given)]
    cfg = cli.compose([*(f"{group}={choice}" for group, choice in found.choices.items()), "split=test", *values])
    cfg = folders.config_of_package(cfg, found)
    cfg.domain.evaluator.merge_with(cfg.few)
    subject = None
    for experiment_name in filter(needed.__contains__, cfg.evidence):
        file = f"{experiment_name}-{name}.json"
        if experiment_name not in again and is_of(folder / file, package):
            continue
        subject = subject or opened(cfg, found)
        experiment.console.print(f"measuring {experiment_name} of {name}")
        items = instantiate(cfg.evidence[experiment_name], _convert_="all")(subject)
        figures = [item for item in items if isinstance(item, Figure)]
        plots = [asdict(item) for item in items if isinstance(item, Plot)]
        about = cli.about(cfg) | {"domain": name, "experiment": experiment_name, "package": package}
        about |= {"headline": figures[0].metric, "uses": {}}
        about["config"]["evidence"] = OmegaConf.to_container(cfg.evidence[experiment_name], resolve=True)
        experiment.write_figures(folder, figures, about=about, goals={}, name=file, plots=plots)


def opened(cfg: DictConfig, found: Any) -> Subject:
    """The domain with its package, its data set up."""
    domain = cli.build(cfg)
    domain.data.setup("fit")
    found.fill(domain.module)
    return Subject(domain, found, instantiate(cfg.asked, _convert_="all"))


def is_of(path: Path, package: str) -> bool:
    """Whether the experiment was done, with this very package."""
    return path.is_file() and load([path])[0]["run"].get("package") == package


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
