"""Measures a domain beside other people's programs and this machine's limits: python -m scripts.bench domain=vision"""

from functools import partial
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from common import experiment, report
from common.program import Figure
from common.results import experiments
from scripts import cli


def bench(cfg: DictConfig, output_dir: Path) -> None:
    """Runs every function that the domain's YAML names under `bench`, in its order."""
    if not cfg.bench:
        raise ValueError("bench: given a domain that has none, wanted one whose YAML names functions under bench")

    def trainer(**changed: Any) -> Any:
        quiet = {"enable_progress_bar": False, "enable_checkpointing": False, "logger": False}
        bare = OmegaConf.merge(cfg.trainer, quiet, {"callbacks": None, "plugins": None})
        return instantiate(bare, _convert_="all", **changed)

    figures: list[Figure] = []
    for name, measure in instantiate(cfg.bench, _convert_="all").items():
        experiment.console.print(f"measuring {name}")
        figures += measure(cli.build(cfg), partial(trainer))
    about = cli.about(cfg) | {"experiment": "bench", "headline": figures[0].metric, "uses": {}}
    results = experiment.write_figures(output_dir, figures, about=about, goals=dict(cfg.goals))
    print(report.figures(experiments([results])))
    print(output_dir / experiment.RESULTS)


def main() -> None:
    """The entry point."""
    cli.main(bench)


if __name__ == "__main__":
    main()
