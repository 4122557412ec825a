"""The loss, and how the trained net becomes a Program."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from common.module import Metrics, Module
from common.portable import Graph
from common.precision import auto
from vision.task import SIZE, check_images

CHUNK = 500  # images a forward pass: activations stay in the cache


class Classifier(Module):
    """Cross-entropy with label smoothing (Szegedy et al. 2016) on whole batches of images.

    The answers' temperature is fitted on the validation split after each epoch (Guo et al. 2017, section 4.2): label
    smoothing and averaging over views both leave a net less sure than it is right.

    Args:
        label_smoothing: share of the target spread over all classes.
        flip_tta: answer with the mean of the image and its mirror image.
    """

    temperature: Tensor

    def __init__(self, *, label_smoothing: float, flip_tta: bool, **shared: Any) -> None:
        super().__init__(**shared)
        self.label_smoothing = label_smoothing
        self.flip_tta = flip_tta
        self.register_buffer("temperature", torch.ones(()))
        self._answered: list[tuple[Tensor, Tensor]] = []

    def on_fit_start(self) -> None:
        whiten = getattr(self.net, "whiten", None)
        if whiten is not None and not self.averaged.n_averaged:  # a resumed net is whitened already
            whiten(torch.tensor(self.trainer.datamodule.train.pixels[:5000], device=self.device))  # type: ignore[attr-defined]
            self.averaged.module.load_state_dict(self.net.state_dict())

    def loss(self, net: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Metrics]:
        pixels, labels = batch
        logits = net(pixels)
        loss = F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing if net.training else 0.0)
        return loss, {"accuracy": (logits.argmax(1) == labels).float().mean()}

    def on_validation_epoch_start(self) -> None:
        self._answered = []

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        super().validation_step(batch, index)
        self._answered.append((view_logits(self.averaged.module, batch[0], flip=self.flip_tta), batch[1]))

    def on_validation_epoch_end(self) -> None:
        logits, labels = (torch.cat(parts) for parts in zip(*self._answered, strict=True))
        self.temperature.fill_(best_temperature(logits.float(), labels))

    def program(self, data: pl.LightningDataModule) -> "LearnedClassifier":
        net = copy.deepcopy(self.averaged.module).eval().requires_grad_(False).cpu()
        return LearnedClassifier(
            net=net, flip_tta=self.flip_tta, temperature=float(self.temperature), bf16=auto("cpu") == "bf16-mixed"
        )

    def graphs(self, net: Any) -> Mapping[str, Graph]:
        """The logits of one view, before the temperature."""
        return {"": Graph(net, {"pixels": ("n", torch.zeros(2, SIZE, SIZE, dtype=torch.uint8))}, ["logits"])}


def view_logits(net: nn.Module, pixels: Tensor, *, flip: bool) -> Float[Tensor, "n views 10"]:
    """The logits of each image, and of its mirror image if `flip`."""
    views = torch.stack([pixels, pixels.flip(-1)] if flip else [pixels], 1)
    return net(views.flatten(0, 1)).unflatten(0, views.shape[:2])


def probabilities(logits: Float[Tensor, "n views 10"], temperature: float) -> Float[Tensor, "n 10"]:
    """The mean over the views."""
    return (logits / temperature).softmax(2).mean(1)


def best_temperature(logits: Float[Tensor, "n views 10"], labels: Int[Tensor, " n"]) -> float:
    """The one, between 1/5 and 5, at which the labels are likeliest."""

    def nll(log_temperature: float) -> float:
        return float(F.nll_loss(probabilities(logits, np.exp(log_temperature)).clamp_min(1e-9).log(), labels))

    return float(np.exp(minimize_scalar(nll, bounds=(-np.log(5), np.log(5)), method="bounded").x))


@dataclass(frozen=True)
class LearnedClassifier:
    """uint8 images (N, 28, 28) -> class probabilities, float32 (N, 10)."""

    net: nn.Module
    flip_tta: bool
    temperature: float
    bf16: bool

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> np.ndarray:
        pixels = torch.tensor(check_images(images))
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            logits = [view_logits(self.net, chunk, flip=self.flip_tta) for chunk in pixels.split(CHUNK)]
        return probabilities(torch.cat(logits), self.temperature).numpy()
