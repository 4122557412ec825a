"""The compiled HOG kernel against a plain twin and scikit-image."""

import numpy as np
import pytest

from vision import hog as hog_module
from vision.data import read
from vision.hog import features, grid, hog


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return read("train", limit=300).pixels


def test_gradients_are_those_of_scikit_image() -> None:
    """Its HOG has hard votes and unsigned bins: ours, with hard cells and bins so fine that they fold into its nine.

    On noise, where hardly a gradient lies on the border of two bins.
    """
    from skimage.feature import hog as reference

    image = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
    fine = 36_000
    hard = hog_module.Grid(np.arange(28) // 4, np.zeros(28, np.float32), 7, 1)
    votes = hog_module.Votes(*np.empty((3, 784), np.int64), *np.empty((2, 784), np.float32))
    gamma = np.sqrt(np.arange(256, dtype=np.float32) / 255)
    cells = np.zeros((9, 9, fine), np.float32)
    hog_module._vote(votes, hog_module._gradients(image, gamma, fine, votes), hard, cells)
    cells = np.roll(cells, 1, axis=2)  # what lies exactly on 0 was split between the last bin and the first
    ours = cells[1:8, 1:8].reshape(7, 7, 2, 9, fine // 18).sum((2, 4)).ravel()
    theirs = reference(image, 9, (4, 4), (7, 7), block_norm="L2", transform_sqrt=True)
    np.testing.assert_allclose(ours / np.linalg.norm(ours), theirs, atol=2e-3)


def twin(image: np.ndarray, cell: int, block: int, orientations: int) -> np.ndarray:
    """HOG as the paper words it, pixel by pixel, in double precision."""
    grey = np.sqrt(image / 255)
    dx, dy = np.zeros((28, 28)), np.zeros((28, 28))
    dx[:, 1:-1], dy[1:-1] = grey[:, 2:] - grey[:, :-2], grey[2:] - grey[:-2]
    length, angle = np.hypot(dx, dy), np.arctan2(dy, dx) % (2 * np.pi)
    n = 28 // cell
    cells = np.zeros((n, n, orientations))
    centres = (np.arange(n) + 0.5) * cell
    turns = (np.arange(orientations) + 0.5) * 2 * np.pi / orientations
    for y in range(28):
        for x in range(28):
            rows = np.maximum(0, 1 - np.abs(y + 0.5 - centres) / cell)
            columns = np.maximum(0, 1 - np.abs(x + 0.5 - centres) / cell)
            away = np.abs((angle[y, x] - turns + np.pi) % (2 * np.pi) - np.pi)
            bins = np.maximum(0, 1 - away * orientations / (2 * np.pi))
            cells += length[y, x] * np.einsum("i,j,k->ijk", rows, columns, bins)
    blocks = []
    for i in range(n - block + 1):
        for j in range(n - block + 1):
            v = cells[i : i + block, j : j + block].ravel()
            v = np.minimum(v / np.sqrt(v @ v + hog_module.EPS), hog_module.CLIP)
            blocks.append(v / np.sqrt(v @ v + hog_module.EPS))
    return np.concatenate(blocks)


@pytest.mark.parametrize(("cell", "block", "orientations"), [(4, 2, 12), (7, 2, 9), (14, 1, 8)])
def test_hog_equals_its_plain_twin(cell: int, block: int, orientations: int, images: np.ndarray) -> None:
    g = grid(cell=cell, block=block)
    ours = hog(images[:5], (g,), orientations)
    assert ours.shape[1] == features((g,), orientations)
    for image, found in zip(images, ours, strict=False):
        np.testing.assert_allclose(found, twin(image, cell, block, orientations), atol=2e-4)


def test_scales_stand_side_by_side(images: np.ndarray) -> None:
    g = (grid(cell=4, block=2), grid(cell=7, block=2))
    parts = [hog(images[:3], (one,), 9) for one in g]
    np.testing.assert_array_equal(hog(images[:3], g, 9), np.concatenate(parts, 1))


def test_an_empty_image_has_no_gradients() -> None:
    assert not hog(np.zeros((1, 28, 28), np.uint8), (grid(cell=4, block=2),), 9).any()


def test_a_grid_that_does_not_tile_is_refused() -> None:
    with pytest.raises(ValueError, match="hog grid: given cell 5, block 2, wanted a divisor of 28"):
        grid(cell=5, block=2)
