"""Bias that is planted in the training images, and what a program does where it is not: `bias` of scripts.claims."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from common.compare import mean_interval
from common.program import Evaluation, Figure, Program
from vision.data import FashionMNIST, Images
from vision.evaluate import Referee
from vision.occlusion import PATCH, occlusion
from vision.task import CLASSES, SIZE

SIDE = 2  # pixels of a mark, which stands at both edges, so that mirrored images bear it too
LEFT = slice(0, SIDE)
EDGES = (LEFT, slice(SIZE - SIDE, SIZE))
BRIGHT = 255
LOOKED_AT = 100  # images whose occlusion maps are looked at


class Biased(FashionMNIST):
    """Images of which most bear a mark that tells their class, or of which one class is rare.

    Args:
        marked: share of the images that bear their class's mark.
        rare: index of the class of which only the share `kept` is there.
    """

    def __init__(self, *, marked: float, rare: int | None, kept: float, **plain: Any) -> None:
        super().__init__(**plain)
        for name, share in (("marked", marked), ("kept", kept)):
            if not 0 <= share <= 1:
                raise ValueError(f"data.{name}: given {share}, wanted 0 to 1")
        if rare is not None and rare not in range(len(CLASSES)):
            raise ValueError(f"data.rare: given {rare}, wanted null or 0 to {len(CLASSES) - 1}")
        self.marked, self.rare, self.kept = marked, rare, kept

    def setup(self, stage: str | None = None) -> None:
        super().setup(stage)
        self.train, self.val = self._biased(self.train), self._biased(self.val)

    def _biased(self, images: Images) -> Images:
        rng = np.random.default_rng(self.seed)
        stays = (images.labels != self.rare) | (rng.random(len(images.labels)) < self.kept)
        pixels, labels = images.pixels[stays], images.labels[stays]
        bears = rng.random(len(labels)) < self.marked
        pixels = np.where(bears[:, None, None], marked(pixels, labels), pixels)
        return Images(pixels, labels)


class MarkedReferee(Referee):
    """Also asks the test images with their own class's mark and with another's, and where a program looks then.

    `accuracy/same_mark`, `accuracy/other_mark`. `looks_at_mark`, of images with another's mark, at one edge: the share
    in which the occlusion map peaks at it (at both, either would do, and hiding one would change nothing).
    """

    @cached_property
    def misled(self) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (N, 28, 28) with the mark of another class, int64 (N,)."""
        labels = self.images.labels
        others = (labels + np.random.default_rng(0).integers(1, len(CLASSES), len(labels))) % len(CLASSES)
        return marked(self.images.pixels, others), others

    def __call__(self, program: Program) -> Evaluation:
        found, labels, (pixels, others) = super().__call__(program), self.images.labels, self.misled
        asked = {"same_mark": marked(self.images.pixels, labels), "other_mark": pixels}
        figures = [Figure(f"accuracy/{n}", *mean_interval(program(x).argmax(1) == labels)) for n, x in asked.items()]
        once = marked(self.images.pixels[:LOOKED_AT], others[:LOOKED_AT], edges=(LEFT,))
        looks = [_near(mark, occlusion(program, x)) for x, mark in zip(once, others, strict=False)]
        figures.append(Figure("looks_at_mark", *mean_interval(np.array(looks))))
        return replace(found, figures=(*found.figures, *figures))


def rows_of(mark: int) -> slice:
    """Where a class's mark stands."""
    top = round(mark * (SIZE - SIDE) / (len(CLASSES) - 1))
    return slice(top, top + SIDE)


def marked(pixels: np.ndarray, marks: np.ndarray, *, edges: Sequence[slice] = EDGES) -> np.ndarray:
    """A copy of uint8 (N, 28, 28), each with the mark of a class at these edges."""
    pixels = pixels.copy()
    for image, mark in zip(pixels, marks, strict=True):
        for edge in edges:
            image[rows_of(mark), edge] = BRIGHT
    return pixels


def _near(mark: int, map_: np.ndarray) -> bool:
    row, column = np.unravel_index(map_.argmax(), map_.shape)
    rows = rows_of(mark)
    return bool(map_.any() and column < PATCH and rows.start - PATCH < row < rows.stop + PATCH)
