"""The held-out images and the metrics. Nothing here knows who wrote the program."""

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import numpy as np
import torch

from common.compare import mean_interval, right_or_wrong
from common.evidence.doubt import calibration
from common.program import Evaluation, Figure, Picture, Plot, Program
from vision.data import Images, check_limit, read
from vision.task import CLASSES

NEAR_DUPLICATE_RMS = 0.06  # of the pixels' range; 182 test images have such a neighbour among the training images
PICTURES = 12  # of each kind in the gallery
SMALLEST = 1e-7  # probability: a program that is sure and wrong pays 16 nats, not infinity


class Referee:
    """Scores a program on one split: accuracy (the headline), NLL and Brier score, an image each.

    Args:
        split: `val` for choosing, `test` for the last look.
        limit: use only so many images.
    """

    def __init__(self, *, split: Literal["val", "test"], limit: int | None = None) -> None:
        if split not in ("val", "test"):
            raise ValueError(f"split: given {split!r}, wanted one of val, test")
        self.split = split
        self.limit = check_limit(limit)

    @cached_property
    def images(self) -> Images:
        return read(self.split, limit=self.limit)

    @cached_property
    def near_duplicates(self) -> np.ndarray:
        """bool (N,): a training image lies within NEAR_DUPLICATE_RMS."""
        ours = torch.tensor(self.images.pixels).flatten(1).float() / 255
        theirs = torch.tensor(read("train" if self.split == "val" else "all").pixels).flatten(1).float() / 255
        squares = (theirs**2).sum(1)
        nearest = [(squares - 2 * (o @ theirs.T)).amin(1) + (o**2).sum(1) for o in ours.split(1000)]
        return (torch.cat(nearest) / ours.shape[1] < NEAR_DUPLICATE_RMS**2).numpy()

    def examples(self, n: int) -> np.ndarray:
        return np.resize(self.images.pixels, (n, *self.images.pixels.shape[1:]))

    def __call__(self, program: Program) -> Evaluation:
        labels = self.images.labels
        p = np.asarray(program(self.images.pixels), np.float64)
        if p.shape != (len(labels), len(CLASSES)) or not (
            np.isfinite(p).all() and (p >= 0).all() and np.allclose(p.sum(1), 1, atol=1e-3)
        ):
            raise ValueError(f"answers: given {p.shape}, wanted finite probabilities ({len(labels)}, {len(CLASSES)})")
        right = (p.argmax(1) == labels).astype(np.float64)
        truth = np.eye(len(CLASSES))[labels]
        scores = {
            "accuracy": right,
            "nll": -np.log(np.maximum(p[np.arange(len(labels)), labels], SMALLEST)),
            "brier": ((p - truth) ** 2).sum(1),
        }
        bins = calibration(p, labels)
        figures = [
            Figure("calibration_error", bins["error"]),
            Figure("accuracy_without_near_duplicates", *mean_interval(right[~self.near_duplicates])),
        ]
        for index, name in enumerate(CLASSES):
            if (labels == index).any():
                figures.append(Figure(f"accuracy/{name}", *mean_interval(right[labels == index])))
        confusion = np.zeros((len(CLASSES), len(CLASSES)), int)
        np.add.at(confusion, (labels, p.argmax(1)), 1)
        plots = (
            Plot("confusion", "matrix", {"rows": confusion.tolist(), "labels": list(CLASSES)}),
            Plot("calibration", "curve", {k: bins[k] for k in ("x", "y")} | {"x_label": "confidence"}),
        )
        return Evaluation(p, scores, tuple(figures), plots)

    def gallery(self, evaluations: Mapping[str, Evaluation]) -> dict[str, list[Picture]]:
        """Images that all programs get right, that only one of them gets right, and that none does."""
        sides = right_or_wrong(evaluations) or {}
        votes = np.sum(list(sides.values()), 0)
        groups = {f"only {name} right": (votes == 1) & right for name, right in sides.items()} if len(sides) > 1 else {}
        groups |= {"all wrong": votes == 0, "all right": votes == len(sides)}
        rng = np.random.default_rng(0)
        shown = {}
        for group, mask in groups.items():
            rows = np.flatnonzero(mask)
            rows = np.sort(rng.choice(rows, min(PICTURES, len(rows)), replace=False))
            shown[group] = [Picture(self.images.pixels[i], self._caption(int(i), evaluations)) for i in rows]
        return shown

    def _caption(self, i: int, evaluations: Mapping[str, Evaluation]) -> str:
        said = (f"{name}: {CLASSES[e.answers[i].argmax()]} {e.answers[i].max():.0%}" for name, e in evaluations.items())
        return f"{CLASSES[self.images.labels[i]]} | " + ", ".join(said)
