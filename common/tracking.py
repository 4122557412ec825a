"""What experiment trackers get beyond Lightning's curves: figures, tables, pictures, plots, the trained model.

W&B gets everything, sounds too; TensorBoard pictures and figures; CSV figures.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import wandb
from pytorch_lightning.loggers import TensorBoardLogger, WandbLogger

from common import drawing
from common.module import Module
from common.program import Evaluator, HasPreview, Picture


def keep_in(output_dir: Path) -> None:
    """Has W&B write all it writes into the run's folder, and a run that goes on keep its id.

    Call it before a logger is made.
    """
    for name in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        os.environ[name] = str(output_dir)
    earlier = sorted((output_dir / "wandb").glob("*run-*-*"))  # [offline-]run-TIME-ID
    if earlier:
        os.environ["WANDB_RUN_ID"] = earlier[-1].name.rpartition("-")[2]


def finish() -> None:
    """Ends W&B's run, so that the next job of a multirun gets one of its own."""
    if wandb.run is not None:
        wandb.finish()
    os.environ.pop("WANDB_RUN_ID", None)


class LogGallery(pl.Callback):
    """Logs what the net answers on the validation problems, after 1, 2, 4, 8... epochs.

    Args:
        evaluator: of the validation split; the test split is looked at once, after training.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        if evaluator.split != "val":
            raise ValueError(f"gallery: given the {evaluator.split} split, wanted val")
        self.evaluator = evaluator

    def on_validation_end(self, trainer: pl.Trainer, module: Module) -> None:  # type: ignore[override]
        epochs = trainer.current_epoch + 1
        if not trainer.is_global_zero or not trainer.loggers or trainer.sanity_checking or epochs & (epochs - 1):
            return
        look = self.evaluator.preview if isinstance(self.evaluator, HasPreview) else self.evaluator
        evaluation = look(module.program(trainer.datamodule))  # type: ignore[attr-defined]
        log_pictures(trainer.loggers, self.evaluator.gallery({module.name: evaluation}), trainer.global_step)


def log_pictures(loggers: Sequence[Any], gallery: Mapping[str, list[Picture]], step: int | None = None) -> None:
    """One entry `gallery/<group>` each (in TensorBoard one a picture), with captions where the tracker has them."""
    for logger in loggers:
        for group, pictures in gallery.items():
            if not pictures:
                continue
            if isinstance(logger, WandbLogger):
                captions = [p.caption for p in pictures]
                logger.log_image(f"gallery/{group}", [p.pixels for p in pictures], step=step, caption=captions)
                heard = [(p.sound, p.caption) for p in pictures if p.sound is not None]
                if heard:
                    sounds = [wandb.Audio(s.samples, s.sample_rate_hz, caption=caption) for s, caption in heard]
                    logger.experiment.log({f"sounds/{group}": sounds}, step=step)
            elif isinstance(logger, TensorBoardLogger):
                for number, picture in enumerate(pictures):  # one by one: they may differ in size
                    pixels = np.atleast_3d(picture.pixels)
                    logger.experiment.add_image(f"gallery/{group}/{number}", pixels, step or 0, dataformats="HWC")


def log_results(
    loggers: Sequence[Any], results: Mapping[str, Any], gallery: Mapping[str, list[Picture]], *, checkpoint: Path
) -> None:
    """Every figure under `<program>/<metric>`, and all there is to see."""
    figures = {f"{f['program']}/{f['metric']}": f["value"] for f in results["figures"]}
    for logger in loggers:
        logger.log_metrics(figures)
    log_pictures(loggers, gallery)
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            _log_wandb(logger.experiment, results, checkpoint)
        logger.save()
        logger.finalize("success")


def _log_wandb(run: Any, results: Mapping[str, Any], checkpoint: Path) -> None:
    columns: list[str | int] = ["program", "kind", "metric", "value", "low", "high", "unit", "goal"]
    rows = [[f[c] for c in columns] for f in results["figures"]]
    logged: dict[str, Any] = {"figures": wandb.Table(columns=columns, data=rows)}
    for plot in results["plots"]:
        key = f"{plot['program']}/{plot['name']}"
        if plot["shape"] == "matrix":
            logged[key] = wandb.Image(drawing.png(drawing.matrix(plot["data"], title=key)))
        else:
            points = wandb.Table(columns=["x", "y"], data=list(zip(plot["data"]["x"], plot["data"]["y"], strict=True)))
            logged[key] = wandb.plot.line(points, "x", "y", title=key)
    run.log(logged)
    if checkpoint.is_file():
        artifact = wandb.Artifact(f"model-{run.id}", type="model", metadata=dict(results["run"]))
        artifact.add_file(str(checkpoint))
        run.log_artifact(artifact)
