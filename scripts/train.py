"""Trains a domain's net, builds its hand-written programs, judges all alike: python -m scripts.train domain=vision"""

import os
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig
from pytorch_lightning.callbacks import LambdaCallback

from common import checkpoint, experiment, tracking
from scripts import cli, folders, terminal


def train(cfg: DictConfig, output_dir: Path) -> None:
    """Into a new folder, or on with the run in `run=DIR`, or from the weights in `package=DIR`."""
    if HydraConfig.get().mode == RunMode.MULTIRUN and cfg.trainer.get("strategy") == "ddp":
        raise ValueError("trainer: given ddp with -m, wanted hydra/launcher=joblib, or one run at a time")
    if cfg.run is not None:
        output_dir = Path(cfg.run)
        folders.claim(output_dir, "run")
        cfg = folders.config_of_run(cfg)
        cfg.output_dir, cfg.run = str(output_dir), None
        os.environ["SOFTWARE2_COMMAND"] = f"{folders.commands_of(output_dir)}; {os.environ['SOFTWARE2_COMMAND']}"
    elif (output_dir / experiment.RESULTS).exists():  # a job that was done before its multirun was interrupted
        print(output_dir / experiment.RESULTS)
        return
    resume = (output_dir / checkpoint.CHECKPOINT).exists()
    found = None if cfg.package is None or resume else folders.load_package(Path(cfg.package))
    if found is not None:
        cfg.domain.module.net = folders.net_of_package(cfg, found)
    cfg.group = folders.group_of(cfg, output_dir)
    tracking.keep_in(output_dir)
    domain = cli.build(cfg)
    if found is not None:
        found.fill(domain.module)
    trainer = instantiate(cfg.trainer, _convert_="all", logger=instantiate(cfg.logger))
    trainer.callbacks.append(remembering(cfg, output_dir))
    try:
        results = experiment.run(
            domain, trainer, output_dir, about=cli.about(cfg), goals=dict(cfg.goals), resume=resume
        )
    finally:
        tracking.finish()
    if results:
        terminal.show(results)
        print(output_dir / experiment.RESULTS)


def remembering(cfg: DictConfig, output_dir: Path) -> LambdaCallback:
    """Notes the config once the checkpoint is taken over, its optimizer's state too: what cannot go on is not noted."""

    def note(*_: object) -> None:
        if folders.first_process():
            folders.note_config(cfg, output_dir)

    return LambdaCallback(on_train_start=note, on_fit_end=note)  # nothing starts where no epoch is left


def main() -> None:
    """The entry point."""
    cli.main(train, goes_on=True)


if __name__ == "__main__":
    main()
