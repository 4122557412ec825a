"""Writes a run's programs as a folder that travels: python -m scripts.package run=DIR [to=vision/pretrained]

A package that an older version wrote becomes one that this version would write, without its run, by
`python -m scripts.package package=DIR to=NEW_DIR`: programs, results and card stay as they are. With `run=JUDGED` too,
where `python -m scripts.evaluate package=DIR KEY=VALUE` judged it with other settings of its module, it gets these.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from common import checkpoint, experiment, package, report
from common.fetch import sha256
from common.results import load
from scripts import cli, folders, portable

PACKAGED = ("data", "module", "baselines")  # of a domain


def write(cfg: DictConfig, output_dir: Path) -> None:
    """A run's, or again a package's."""
    if cfg.run is None and cfg.package is None:
        raise ValueError("run: given nothing, wanted run=DIR, the folder of a finished run, or package=DIR")
    folder = of_run(cfg) if cfg.package is None else again(cfg)
    print(folder)


def of_run(cfg: DictConfig) -> Path:
    """Beside the run's checkpoint, unless `to=` says where; the hand-written programs are built again."""
    run, folder = Path(cfg.run), Path(cfg.to or Path(cfg.run, "package"))
    folders.claim(run, "run")
    kept = folders.config_of_run(cfg)
    (results,) = load([run / experiment.RESULTS])
    if results["run"].get("checkpoint") != sha256(run / checkpoint.CHECKPOINT):
        raise ValueError(f"run: given {run}, whose checkpoint is not what its results are of; wanted it finished")
    of_results = results["run"]["config"]["domain"]
    for part, now in OmegaConf.to_container(kept.domain, resolve=True).items():  # type: ignore[union-attr]
        if part in PACKAGED and now != of_results[part]:
            raise ValueError(
                f"run: given {run} with another {part} than its results are of, wanted it as it was judged"
            )
    domain = cli.build(kept)
    clock = experiment.restore(domain, run)
    graphs = portable.files(domain.module, package.weights(domain.module))
    package.save(
        folder,
        code=type(domain.module).__module__.partition(".")[0],
        choices={g: c for g, c in HydraConfig.get().runtime.choices.items() if c and folders.is_packaged(g)},
        module=domain.module,
        baselines={e.name: e.program for e in experiment.entrants(domain, clock.spent) if e.kind == "baseline"},
        documents={
            package.CONFIG: OmegaConf.to_yaml(OmegaConf.create({key: kept[key] for key in folders.KEPT})),
            package.RESULTS: (run / experiment.RESULTS).read_text(),
            package.CARD: card(results),
        },
        graphs=graphs,
        allowed=folders.allowed_targets(),
    )
    return folder


def again(cfg: DictConfig) -> Path:
    """With the ONNX files of this version; and as it was judged, if `run=` says where."""
    if cfg.to is None:
        raise ValueError("to: given nothing, wanted to=DIR, a new folder")
    found = folders.load_package(Path(cfg.package))
    documents: dict[str, bytes] = {}
    if cfg.run is not None:
        found, documents = judged(Path(cfg.run), Path(cfg.package), found)
    module = cli.build(folders.config_of_package(cfg, found)).module
    found.fill(module)
    graphs = portable.files(module, found.parts[f"{found.learned}.safetensors"])
    package.renew(found, Path(cfg.to), {**graphs, **documents}, folders.allowed_targets())
    return Path(cfg.to)


def judged(run: Path, folder: Path, found: package.Package) -> tuple[package.Package, dict[str, bytes]]:
    """A package with the module's settings of a run of `scripts.evaluate` on it, and its documents with the results.

    Raises:
        ValueError: that run was of another package, or with other data or another net.
    """
    (results,) = load([run / experiment.RESULTS])
    if results["run"].get("package") != sha256(folder / package.MANIFEST):
        raise ValueError(f"run: given {run}, wanted where python -m scripts.evaluate package={folder} judged it")
    config: Any = OmegaConf.create(dict(found.config))
    now = results["run"]["config"]["domain"]
    before: Any = {part: OmegaConf.to_container(config.domain[part], resolve=True) for part in ("data", "module")}
    if before["data"] != now["data"] or before["module"]["net"] != now["module"]["net"]:
        raise ValueError(f"run: given {run}, judged with other data or another net, wanted those of the package")
    for name, value in now["module"].items():
        if value != before["module"].get(name):
            config.domain.module[name] = value
    documents = {package.CONFIG: OmegaConf.to_yaml(config), package.CARD: card(results)}
    encoded = {name: text.encode() for name, text in documents.items()}
    plain: Any = OmegaConf.to_container(config)
    return replace(found, config=plain), encoded | {package.RESULTS: (run / experiment.RESULTS).read_bytes()}


def card(results: Mapping[str, Any]) -> str:
    """A package's README, of its results and its domain's card."""
    domain_card = folders.shipped(results["run"]["domain"]).with_name("README.md").read_text()
    return report.card(results, domain_card=domain_card)


def main() -> None:
    """The entry point."""
    cli.main(write)


if __name__ == "__main__":
    main()
