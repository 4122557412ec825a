"""Module: what every learned program shares: a net, its running average, an optimizer, a schedule.

A domain subclasses it with three methods: `loss` (how wrong a batch is), `program` (the trained net as a Program) and
`graphs` (its forward pass, for other machines).
"""

from collections.abc import Callable, Mapping
from inspect import get_annotations
from typing import Any, get_args

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from common.optim import Schedule
from common.portable import Graph
from common.program import Program

Metrics = dict[str, Tensor]


class Module(pl.LightningModule):
    """Trains `net` and validates and ships its exponential moving average (Polyak and Juditsky 1992).

    Args:
        net: the architecture; where a subclass says what kind by `net: Kind | Other`, one of these.
        optimizer: the net -> its optimizer (a factory of common.optim as a partial).
        schedule: share of the training done, 0 to 1 -> multiplier of the learning rate.
        ema_decay: share of the average that stays at each step; 0 averages nothing.
    """

    def __init__(
        self,
        *,
        net: nn.Module,
        optimizer: Callable[[nn.Module], torch.optim.Optimizer],
        schedule: Schedule,
        ema_decay: float,
    ) -> None:
        super().__init__()
        if not 0 <= ema_decay < 1:
            raise ValueError(f"module.ema_decay: given {ema_decay}, wanted 0 <= ema_decay < 1")
        wanted = get_annotations(type(self), eval_str=True).get("net", nn.Module)
        if not isinstance(net, wanted):
            names = " or ".join(kind.__name__ for kind in get_args(wanted) or [wanted])
            raise ValueError(f"module.net: given a {type(net).__name__}, wanted a {names}")
        self.net = net
        self.averaged = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(ema_decay), use_buffers=True)
        self.averaged.requires_grad_(False)
        self._optimizer = optimizer
        self._schedule = schedule

    @property
    def name(self) -> str:
        """The learned program's name in tables and logs: its architecture's."""
        return type(self.net).__name__.lower()

    def loss(self, net: nn.Module, batch: Any) -> tuple[Tensor, Metrics]:
        """The scalar to minimise for one batch, and what else is worth a curve."""
        raise NotImplementedError

    def program(self, data: pl.LightningDataModule) -> Program:
        """The averaged net as a Program, with what of the set-up `data` it answers from (an index its keys).

        It shares nothing with this module that training changes.
        """
        raise NotImplementedError

    def graphs(self, net: Any) -> Mapping[str, Graph]:
        """What `net`, a copy of the averaged one on the CPU, computes: {name: graph}, an only one's name being "".

        A domain that gives none has packages without ONNX.
        """
        return {}

    def training_step(self, batch: Any, _: int) -> Tensor:
        loss, metrics = self.loss(self.net, batch)
        # All processes of a distributed run decide together: one that left alone would have the others wait for it.
        if not self.trainer.strategy.reduce_boolean_decision(bool(torch.isfinite(loss)), all=True):
            raise ValueError(
                f"train loss: given {loss.item()} at step {self.global_step}, wanted a finite number; "
                "lower domain.module.optimizer.lr or look at the data; the last checkpoint is untouched"
            )
        self.log_dict({"train/loss": loss} | {f"train/{k}": v for k, v in metrics.items()})
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        self.averaged.update_parameters(self.net)

    def validation_step(self, batch: Any, _: int) -> None:
        loss, metrics = self.loss(self.averaged.module, batch)
        values = {"val/loss": loss} | {f"val/{k}": v for k, v in metrics.items()}
        self.log_dict(values, prog_bar=True, batch_size=len(batch[0]), sync_dist=True)

    def configure_optimizers(self) -> Any:
        optimizer = self._optimizer(self.net)
        steps = max(1, int(self.trainer.estimated_stepping_batches))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self._schedule(step / steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
