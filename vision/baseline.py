"""The hand-written programs (1.0): computer vision as it was done before nets, and plain rules.

`HogKernelMachine`: oriented gradients and coarse pixels, principal components, a Gaussian kernel on landmarks.
`SilhouetteRules`: what a person would write down after an afternoon with a ruler; nothing in it is fitted by machine.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from scipy.linalg import cho_factor, cho_solve, eigh, solve_triangular

from vision.hog import grid, hog
from vision.task import CLASSES, check_images

GRIDS = (grid(cell=4, block=2), grid(cell=7, block=2))
ORIENTATIONS = 12
PIXEL_BLOCK = 2  # side of the squares over which grey values are averaged
CHUNK = 1000  # images at a time: their kernel values stay in the cache
JITTER = 1e-4  # on the diagonal of the landmarks' kernel matrix, for Cholesky in the face of rounding


def describe(images: np.ndarray) -> np.ndarray:
    """Features, float32 (N, features): two scales of HOG for shape, block means of grey values for shade."""
    n, height, width = images.shape
    b = PIXEL_BLOCK
    grey = images.reshape(n, height // b, b, width // b, b).mean((2, 4), dtype=np.float32).reshape(n, -1) / 255
    return np.concatenate([hog(images, GRIDS, ORIENTATIONS), grey], 1)


def mirrored(images: np.ndarray) -> np.ndarray:
    """Left to right."""
    return np.ascontiguousarray(images[:, :, ::-1])


@dataclass(frozen=True, kw_only=True)
class HogKernelMachine:
    """Builds a least-squares support vector machine on random landmarks, blind to left and right.

    Kernel ridge regression of the one-against-all targets (Rifkin and Klautau 2004) in the span of `landmarks`
    training images (Nystroem; Williams and Seeger 2001), with a Gaussian kernel averaged over an image and its mirror
    image (Haasdonk and Burkhardt 2007): as exact as mirroring all training images, at half the cost.

    Args:
        landmarks: training images, drawn at random, that the answer is made of.
        components: principal components of the features that are kept.
        gamma: of the kernel exp(-gamma d^2 / mean d^2).
        ridge: the penalty, per training image.
        temperature: turns scores into probabilities; found on the validation split, like the others.
    """

    landmarks: int
    components: int
    gamma: float
    ridge: float
    temperature: float

    def __post_init__(self) -> None:
        for name in ("landmarks", "components"):
            if getattr(self, name) < 1:
                raise ValueError(f"baselines.hog_svm.{name}: given {getattr(self, name)}, wanted 1 or more")

    def build(self, data: Any) -> "KernelClassifier":
        images, labels = data.train
        console = Console(stderr=True)
        sides = [describe(images), describe(mirrored(images))]
        mean = (sides[0].mean(0) + sides[1].mean(0)) / 2
        covariance = sum((s - mean).T @ (s - mean) for s in sides) / (2 * len(images))
        width = min(self.components, len(covariance))
        variances, vectors = eigh(covariance, subset_by_index=(len(covariance) - width, len(covariance) - 1))
        # Rounded here, so that the machine is fitted to the very numbers that it will be stored as.
        projection = vectors.astype(np.float16)
        sides = [(s - mean) @ projection.astype(np.float32) for s in sides]
        chosen = np.random.default_rng(0).permutation(len(images))[: self.landmarks]
        landmarks = sides[0][chosen].astype(np.float16)
        kernel = Kernel(landmarks.astype(np.float32), float(self.gamma / (2 * variances.sum())))

        within = kernel([s[chosen] for s in sides]).astype(np.float64)
        root = np.linalg.cholesky((within + within.T) / 2 + JITTER * np.eye(len(within)))
        whiten = solve_triangular(root, np.eye(len(root)), lower=True).T.astype(np.float32)
        gram = np.zeros_like(root)
        moment = np.zeros((len(root), len(CLASSES)))
        targets = (2 * np.eye(len(CLASSES), dtype=np.float32) - 1)[labels]
        for start in track(range(0, len(images), CHUNK), "kernel sums", console=console):
            rows = slice(start, start + CHUNK)
            phi = kernel([s[rows] for s in sides]) @ whiten
            gram += phi.T @ phi
            moment += phi.T @ targets[rows]
        gram.flat[:: len(gram) + 1] += self.ridge * len(images)
        weights = whiten.astype(np.float64) @ cho_solve(cho_factor(gram), moment)
        weights = (weights / self.temperature).astype(np.float32)
        return KernelClassifier(mean, projection, landmarks, weights, kernel.gamma)


@dataclass(frozen=True)
class Kernel:
    """exp(-gamma d^2) to each landmark, averaged over the sides of an image: [(N, d), ...] -> (N, landmarks)."""

    landmarks: np.ndarray
    gamma: float

    def __call__(self, sides: list[np.ndarray]) -> np.ndarray:
        total = np.zeros((len(sides[0]), len(self.landmarks)), np.float32)
        squares = (self.landmarks**2).sum(1)
        for side in sides:
            distance = side @ self.landmarks.T
            distance *= -2
            distance += squares
            distance += (side**2).sum(1)[:, None]
            np.maximum(distance, 0, out=distance)
            distance *= -self.gamma
            total += np.exp(distance, out=distance)
        return total / len(sides)


@dataclass(frozen=True)
class KernelClassifier:
    """uint8 images (N, 28, 28) -> class probabilities, float32 (N, 10)."""

    mean: np.ndarray
    projection: np.ndarray
    landmarks: np.ndarray
    weights: np.ndarray
    gamma: float

    @cached_property
    def _single(self) -> tuple[np.ndarray, Kernel]:
        """Projection and kernel in single precision, to compute with."""
        return self.projection.astype(np.float32), Kernel(self.landmarks.astype(np.float32), self.gamma)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        check_images(images)
        projection, kernel = self._single
        out = np.empty((len(images), len(CLASSES)), np.float32)
        for start in range(0, len(images), CHUNK):
            some = images[start : start + CHUNK]
            sides = [(describe(side) - self.mean) @ projection for side in (some, mirrored(some))]
            out[start : start + CHUNK] = kernel(sides) @ self.weights
        out = np.exp(out - out.max(1, keepdims=True))
        return out / out.sum(1, keepdims=True)


@dataclass(frozen=True)
class SilhouetteRules:
    """No learning at all: measurements of the silhouette and a decision list, the same whatever the data."""

    def build(self, data: Any) -> "SilhouetteRules":
        return self

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """uint8 images (N, 28, 28) -> float32 (N, 10): SURE for the rule's class, the rest shared by the others."""
        m = Silhouette.measure(check_images(images))
        footwear = (m.width >= 26) & (m.left_height <= 12)
        no_waist = m.middle >= 16.4  # long sleeves hang beside the body and make the middle wide
        rules = [
            ("sandal", footwear & (m.gaps > 1.3) & (m.middle < 0.8 * m.width)),
            ("sandal", footwear & (m.area < 140)),
            ("ankle boot", footwear & (m.height >= 16) & (m.middle < 0.72 * m.width)),
            ("ankle boot", footwear & (m.height >= 20)),
            ("sandal", footwear & (m.middle < 0.55 * m.width)),
            ("sneaker", footwear),
            ("bag", (m.width >= 26) & (m.left_height <= 23)),
            ("bag", m.top < 0.4 * m.width),
            ("trouser", (m.crease > 60) & (m.top > 0.76 * m.width)),
            ("trouser", (m.width <= 13) & (m.top > 0.9 * m.width)),
            ("dress", ~no_waist & (m.shoulders < 15) & (m.width < 20)),
            ("dress", ~no_waist & (m.shoulders < 17) & (m.hem < 12.5)),
            ("dress", ~no_waist & (m.middle < 10)),
            ("T-shirt", ~no_waist & (m.top > 0.58 * m.width)),
            ("shirt", ~no_waist),
            ("dress", m.width <= 15),
            ("coat", (m.top < 0.64 * m.width) & (m.gaps < 0.5) & (m.crease > 3)),
            ("pullover", (m.top > 0.64 * m.width) & (m.hem > 0.8 * m.width)),
            ("pullover", (m.top > 0.6 * m.width) & (m.crease < 4)),
            ("shirt", np.ones(len(images), bool)),
        ]
        answer = np.select([hit for _, hit in rules], [CLASSES.index(name) for name, _ in rules])
        out = np.full((len(images), len(CLASSES)), (1 - SURE) / (len(CLASSES) - 1), np.float32)
        out[np.arange(len(images)), answer] = SURE
        return out


SURE = 0.7  # about as often as the rules are right
OPAQUE = 40  # grey value from which a pixel belongs to the garment


@dataclass(frozen=True)
class Silhouette:
    """Measurements in pixels, each an array (N,); heights and bands are relative to the bounding box."""

    height: np.ndarray
    width: np.ndarray
    area: np.ndarray
    left_height: np.ndarray  # rows that columns 4 to 8 touch: low for a shoe's toe
    top: np.ndarray  # mean extent, left edge to right edge, of the top fifth
    shoulders: np.ndarray  # of the band from 15 to 35 %
    middle: np.ndarray  # of the band from 40 to 60 %
    hem: np.ndarray  # of the bottom fifth
    gaps: np.ndarray  # mean background pixels inside the extent, from 30 to 70 %
    crease: np.ndarray  # mean grey step from column to column in the middle: two legs

    @staticmethod
    def measure(images: np.ndarray) -> "Silhouette":
        on = images > OPAQUE
        rows, columns = np.asarray(on.any(2)), np.asarray(on.any(1))
        first = rows.argmax(1)
        height = np.where(rows.any(1), images.shape[1] - rows[:, ::-1].argmax(1) - first, 0)
        width = np.where(columns.any(1), images.shape[2] - columns[:, ::-1].argmax(1) - columns.argmax(1), 0)
        extent = np.where(rows, images.shape[2] - on[:, :, ::-1].argmax(2) - on.argmax(2), 0)

        def band(values: np.ndarray, start: float, stop: float) -> np.ndarray:
            y = np.arange(images.shape[1])
            inside = (y >= (first + start * height)[:, None]) & (y < (first + stop * height)[:, None])
            return (values * inside).sum(1) / np.maximum(inside.sum(1), 1)

        steps = np.abs(np.diff(images[:, 8:24, 11:17].astype(np.float32), axis=2))
        return Silhouette(
            height=height,
            width=width,
            area=on.sum((1, 2)),
            left_height=on[:, :, 4:9].any(2).sum(1),
            top=band(extent, 0, 0.2),
            shoulders=band(extent, 0.15, 0.35),
            middle=band(extent, 0.4, 0.6),
            hem=band(extent, 0.8, 1),
            gaps=band(extent - on.sum(2), 0.3, 0.7),
            crease=steps.mean((1, 2)),
        )
