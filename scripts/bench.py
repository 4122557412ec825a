"""Measures a domain beside other people's programs and this machine's limits: python -m scripts.bench domain=vision

With `package=DIR` the domain's net is the package's; unless given, one of random weights.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from common import experiment, report
from common.domain import Domain
from common.program import Figure, Plot
from common.results import experiments
from scripts import cli, folders


def bench(cfg: DictConfig, output_dir: Path) -> None:
    """Runs every function that the domain's YAML names under `bench`, in its order."""
    if not cfg.bench:
        raise ValueError("bench: given a domain that has none, wanted one whose YAML names functions under bench")

    def trainer(**changed: Any) -> Any:
        make = instantiate(cfg.trainer, _convert_="all", _partial_=True)  # objects handed to instantiate are copied
        quiet = {"enable_progress_bar": False, "enable_checkpointing": False, "logger": False, "plugins": None}
        return make(**quiet | changed)

    packaged = None if cfg.package is None else folders.load_package(Path(cfg.package))
    if packaged is not None:
        cfg = folders.config_of_package(cfg, packaged)

    def built() -> Domain:
        domain = cli.build(cfg)
        if packaged is not None:
            packaged.fill(domain.module)
        return domain

    about = cli.about(cfg) | {"experiment": "bench", "uses": {}}
    figures: list[Figure] = []
    plots: list[Plot] = []
    for name, measure in instantiate(cfg.bench, _convert_="all").items():
        experiment.console.print(f"measuring {name}")
        found = measure(built(), trainer)
        figures += [item for item in found if isinstance(item, Figure)]
        plots += [item for item in found if isinstance(item, Plot)]
        experiment.write_so_far(output_dir, figures, about=about)
    about |= {"headline": figures[0].metric}
    drawn = [asdict(plot) for plot in plots]
    results = experiment.write_figures(output_dir, figures, about=about, goals=dict(cfg.goals), plots=drawn)
    print(report.figures(experiments([results])))
    print(output_dir / experiment.RESULTS)


def main() -> None:
    """The entry point."""
    cli.main(bench)


if __name__ == "__main__":
    main()
