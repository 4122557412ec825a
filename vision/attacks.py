"""Images that differ little and fool a program, by the Adversarial Robustness Toolbox (ART, of the extra `claims`).

Untargeted, within `levels` of every pixel's 0 to 255 (L-infinity). Images and `levels` are whole numbers, so that an
image that is rounded to uint8 stays within. ART draws from NumPy's global generator: seed it before.
"""

import os
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from common.program import Program
from vision.data import Images
from vision.module import LearnedClassifier, view_logits
from vision.task import CLASSES, SIZE

# ART makes ~/.art when it is imported, and two processes that do so at once for the first time get in each other's way.
with TemporaryDirectory() as folder, patch.dict(os.environ, HOME=folder):
    from art.attacks.evasion import FastGradientMethod, ProjectedGradientDescentPyTorch, SquareAttack
    from art.estimators.classification import BlackBoxClassifierNeuralNetwork, PyTorchClassifier

BRIGHTEST = 255
CHUNK = 250  # images a step
STEP = 2.5  # times levels / steps: far enough to reach the border from anywhere within (Madry et al. 2018, section 5)
SHORTER = 5  # times, the first run of PGD
LEAST = 1e-12  # probability


class Answer(nn.Module):
    """A learned program as one differentiable function, in float32: pixels (N, 28, 28) to log probabilities."""

    def __init__(self, program: LearnedClassifier) -> None:
        super().__init__()
        self.net, self.flip, self.temperature = program.net, program.flip_tta, program.temperature

    def forward(self, pixels: Float[Tensor, "n 28 28"]) -> Float[Tensor, "n 10"]:
        logits = view_logits(self.net, pixels, flip=self.flip) / self.temperature
        return logits.log_softmax(2).logsumexp(1) - np.log(logits.shape[1])


def fgsm(program: LearnedClassifier, images: Images, *, levels: int) -> np.ndarray:
    """uint8 (N, 28, 28), one step up the loss by the gradient's signs (Goodfellow et al. 2015, section 4)."""
    attack = FastGradientMethod(white_box(program), eps=levels, eps_step=levels, batch_size=CHUNK)
    return rounded(attack.generate(images.pixels.astype(np.float32), images.labels))


def pgd(program: LearnedClassifier, images: Images, *, levels: int, steps: int, restarts: int) -> np.ndarray:
    """uint8 (N, 28, 28), projected gradient ascent from a random start (Madry et al. 2018, section 2.1).

    Most images fall to a short one already: the whole ones are for those that the program still gets right.

    Args:
        steps: of a whole one.
        restarts: whole ones, each for what was left by those before.
    """
    found, left = images.pixels.copy(), np.arange(len(images.labels))
    for n in (max(1, steps // SHORTER), *[steps] * restarts):
        if len(left):
            attack = ProjectedGradientDescentPyTorch(
                white_box(program), eps=float(levels), eps_step=STEP * levels / n, max_iter=n, num_random_init=1,
                batch_size=CHUNK, verbose=False,
            )  # fmt: skip
            found[left] = rounded(attack.generate(images.pixels[left].astype(np.float32), images.labels[left]))
            left = left[right(program, Images(found[left], images.labels[left]))]
    return found


def square(program: Program, images: Images, *, levels: int, queries: int) -> np.ndarray:
    """uint8 (N, 28, 28), random squares kept where the answer's margin shrinks (Andriushchenko et al. 2020).

    It sees a program's probabilities only; their logarithms are the logits of the paper's margin.

    Args:
        queries: squares that are tried on an image. ART draws one for all images of a step.
    """

    # ART asks a step's images three times, of which only the changed ones are new. (A kilobyte each.)
    known: dict[bytes, np.ndarray] = {}

    def answers(pixels: np.ndarray) -> np.ndarray:
        asked = rounded(pixels[:, 0])
        keys = [image.tobytes() for image in asked]
        new = {key: image for key, image in zip(keys, asked, strict=True) if key not in known}
        if new:
            p = np.asarray(program(np.stack(list(new.values()))), np.float64)
            known.update(zip(new, np.log(np.maximum(p, LEAST)), strict=True))
        return np.stack([known[key] for key in keys])

    box = BlackBoxClassifierNeuralNetwork(
        answers, (1, SIZE, SIZE), len(CLASSES), channels_first=True, clip_values=(0, BRIGHTEST)
    )
    attack = SquareAttack(box, eps=levels, max_iter=queries, batch_size=CHUNK, verbose=False)
    return rounded(attack.generate(images.pixels[:, None].astype(np.float32), images.labels)[:, 0])


def right(program: Program, images: Images) -> np.ndarray:
    """Bool (N,): whether the program's answer is the label."""
    return np.asarray(program(images.pixels)).argmax(1) == images.labels


def white_box(program: LearnedClassifier) -> Any:
    """For ART. Its loss is the negative logarithm of the label's probability."""
    return PyTorchClassifier(
        Answer(program).eval(), nn.CrossEntropyLoss(), (SIZE, SIZE), len(CLASSES), clip_values=(0, BRIGHTEST),
        device_type="cpu",
    )  # fmt: skip


def rounded(pixels: np.ndarray) -> np.ndarray:
    """To uint8."""
    return np.rint(pixels).astype(np.uint8)
