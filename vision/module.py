"""The loss, and how the trained net becomes a Program."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common.module import Metrics, Module
from common.precision import auto
from vision.task import check_images

CHUNK = 500  # images a forward pass: activations stay in the cache


class Classifier(Module):
    """Cross-entropy with label smoothing (Szegedy et al. 2016) on whole batches of images.

    Args:
        label_smoothing: share of the target spread over all classes.
        flip_tta: answer with the mean of the image and its mirror image.
    """

    def __init__(self, *, label_smoothing: float, flip_tta: bool, **shared: Any) -> None:
        super().__init__(**shared)
        self.label_smoothing = label_smoothing
        self.flip_tta = flip_tta

    def on_fit_start(self) -> None:
        whiten = getattr(self.net, "whiten", None)
        if whiten is not None and self.global_step == 0:
            whiten(torch.tensor(self.trainer.datamodule.train.pixels[:5000], device=self.device))  # type: ignore[attr-defined]
            self.averaged.module.load_state_dict(self.net.state_dict())

    def loss(self, net: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Metrics]:
        pixels, labels = batch
        logits = net(pixels)
        loss = F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing if net.training else 0.0)
        return loss, {"accuracy": (logits.argmax(1) == labels).float().mean()}

    def program(self) -> "LearnedClassifier":
        net = copy.deepcopy(self.averaged.module).eval().requires_grad_(False).cpu()
        return LearnedClassifier(net=net, flip_tta=self.flip_tta, bf16=auto() == "bf16-mixed")


@dataclass(frozen=True)
class LearnedClassifier:
    """uint8 images (N, 28, 28) -> class probabilities, float32 (N, 10)."""

    net: nn.Module
    flip_tta: bool
    bf16: bool

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> np.ndarray:
        pixels = torch.tensor(check_images(images))
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            chunks = [self._probabilities(chunk) for chunk in pixels.split(CHUNK)]
        return torch.cat(chunks).numpy()

    def _probabilities(self, pixels: Tensor) -> Tensor:
        if not self.flip_tta:
            return self.net(pixels).softmax(1)
        both = self.net(torch.cat([pixels, pixels.flip(-1)])).softmax(1)
        return both.unflatten(0, (2, len(pixels))).mean(0)
