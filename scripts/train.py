"""Trains a domain's net, builds its hand-written programs, judges all alike: python -m scripts.train domain=vision"""

from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from common import experiment, report, tracking
from scripts import cli


def train(cfg: DictConfig, output_dir: Path) -> None:
    """Into a new folder, or on with the run in `run=DIR`."""
    resume = cfg.run is not None
    if resume:
        cfg = cli.saved_config(cfg)
        cfg.output_dir = cfg.run
        output_dir = Path(cfg.run)
    tracking.keep_in(output_dir)
    domain = cli.build(cfg)
    trainer = instantiate(cfg.trainer, _convert_="all", logger=instantiate(cfg.logger))
    try:
        results = experiment.run(
            domain, trainer, output_dir, about=cli.about(cfg), goals=dict(cfg.goals), resume=resume
        )
    finally:
        tracking.finish()
    report.show(results)
    print(output_dir / experiment.RESULTS)


if __name__ == "__main__":
    cli.main(train)
