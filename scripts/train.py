"""Trains a domain's net, builds its hand-written programs, judges all alike: python -m scripts.train domain=vision"""

from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from common import checkpoint, experiment, package, report, tracking
from scripts import cli, folders


def train(cfg: DictConfig, output_dir: Path) -> None:
    """Into a new folder, or on with the run in `run=DIR`, or from the weights in `package=DIR`."""
    if cfg.run is not None:
        cfg = folders.config_of_run(cfg)
        cfg.output_dir, output_dir = cfg.run, Path(cfg.run)
        folders.claim(output_dir)
    elif (output_dir / experiment.RESULTS).exists():  # a job that was done before its multirun was interrupted
        print(output_dir / experiment.RESULTS)
        return
    cfg.group = folders.group_of(cfg, output_dir)
    found = None if cfg.package is None else package.load(Path(cfg.package))
    if found is not None:
        cfg.domain.module.net = folders.config_of_package(cfg, found).domain.module.net
    tracking.keep_in(output_dir)
    domain = cli.build(cfg)
    if found is not None:
        found.fill(domain.module)
    trainer = instantiate(cfg.trainer, _convert_="all", logger=instantiate(cfg.logger))
    resume = (output_dir / checkpoint.CHECKPOINT).exists()
    try:
        results = experiment.run(
            domain, trainer, output_dir, about=cli.about(cfg), goals=dict(cfg.goals), resume=resume
        )
    finally:
        tracking.finish()
    if results:
        report.show(results)
        print(output_dir / experiment.RESULTS)


def main() -> None:
    """The entry point."""
    cli.main(train, goes_on=True)


if __name__ == "__main__":
    main()
