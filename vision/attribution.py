"""Maps of what an answer is due to, pixel by pixel, and how well they foretell what becomes of it when pixels go.

Deletion and insertion: Petsiuk et al. 2018, RISE (arXiv 1806.07421), section 4.1. What is taken away becomes
background, 0; they blur it where they insert. Integrated gradients by captum, of the extra `claims`.
"""

from typing import NamedTuple

import numpy as np
import torch
from captum.attr import IntegratedGradients

from common.program import Program
from vision.attacks import Answer
from vision.module import LearnedClassifier
from vision.task import SIZE

CHUNK = 500  # images a forward pass


class Curves(NamedTuple):
    """Probability of a program's first answer, float (N, steps + 1), as pixels go and as they come."""

    deletion: np.ndarray
    insertion: np.ndarray


def integrated_gradients(program: LearnedClassifier, pixels: np.ndarray, *, steps: int) -> np.ndarray:
    """Float (N, 28, 28): each pixel's share in the answer's probability, counted from a black image.

    Sundararajan et al. 2017 (arXiv 1703.01365), section 3.
    """
    answer = Answer(program).eval()
    method = IntegratedGradients(lambda x: answer(x).exp())
    x = torch.tensor(pixels, dtype=torch.float32)
    target = torch.tensor(np.asarray(program(pixels)).argmax(1))
    return method.attribute(x, target=target, n_steps=steps, internal_batch_size=CHUNK).detach().numpy()


def curves(program: Program, pixels: np.ndarray, maps: np.ndarray, *, steps: int) -> Curves:
    """What becomes of the answers when pixels are blackened, or shown on black, in the order of `maps`.

    Args:
        pixels: uint8 (N, 28, 28).
        maps: float (N, 28, 28), the most important pixel largest.
        steps: in each of which equally many pixels go or come.
    """
    ranks = (-maps.reshape(len(maps), -1)).argsort(1, kind="stable").argsort(1).reshape(maps.shape)
    bounds = np.linspace(0, SIZE * SIZE, steps + 1)[:, None, None]
    found = []
    for image, rank in zip(pixels, ranks, strict=True):
        taken = rank < bounds  # (steps + 1, 28, 28)
        p = np.asarray(program(np.concatenate([np.where(taken, 0, image), np.where(taken, image, 0)])))
        found.append(p[:, p[0].argmax()].reshape(2, -1))
    return Curves(*np.stack(found, 1))


def areas(probabilities: np.ndarray) -> np.ndarray:
    """Float (N,): under each curve (N, steps + 1), the share of pixels running from 0 to 1."""
    return np.trapezoid(probabilities, dx=1 / (probabilities.shape[1] - 1))
