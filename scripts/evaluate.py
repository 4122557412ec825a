"""Judges a run's checkpoint again, training nothing: python -m scripts.evaluate run=runs/vision/DIR split=test"""

from pathlib import Path

from omegaconf import DictConfig

from common import experiment, report
from scripts import cli


def evaluate(cfg: DictConfig, output_dir: Path) -> None:
    """Into a folder of its own; the run's stays as it is."""
    if cfg.run is None:
        raise ValueError("run: given nothing, wanted run=DIR, the folder of an earlier run")
    cfg = cli.saved_config(cfg)
    results = experiment.evaluate(
        cli.build(cfg), Path(cfg.run), output_dir, about=cli.about(cfg), goals=dict(cfg.goals)
    )
    report.show(results)
    print(output_dir / experiment.RESULTS)


if __name__ == "__main__":
    cli.main(evaluate)
