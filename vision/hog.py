"""Histograms of oriented gradients, batched (Dalal and Triggs 2005, sections 6.2 to 6.4).

Every pixel votes with its gradient's length for two neighbouring orientations in up to four neighbouring cells, by
trilinear interpolation; blocks of cells are normalised by L2-Hys. Gamma is the square root.
"""

from typing import NamedTuple

import numba
import numpy as np

from vision.task import SIZE

CLIP = 0.2  # L2-Hys: normalise, clip, normalise again
EPS = 1e-3  # beside a block's squared length


class Grid(NamedTuple):
    """One scale: square cells, and overlapping square blocks of them.

    `first` int64 (28,): the lower of the two cells that a pixel row (or column) votes for; `share` float32 (28,): the
    upper one's share. A cell index of -1 or `cells` is off the image and gets nothing.
    """

    first: np.ndarray
    share: np.ndarray
    cells: int
    block: int


def grid(*, cell: int, block: int) -> Grid:
    """Cells of `cell` x `cell` pixels, blocks of `block` x `block` cells.

    Raises:
        ValueError: the cells do not tile the image, or a block is larger than it.
    """
    cells = SIZE // cell
    if SIZE % cell or not 1 <= block <= cells:
        raise ValueError(f"hog grid: given cell {cell}, block {block}, wanted a divisor of {SIZE} and 1 <= block")
    centre = (np.arange(SIZE) + 0.5) / cell - 0.5
    first = np.floor(centre).astype(np.int64)
    return Grid(first, (centre - first).astype(np.float32), cells, block)


class Votes(NamedTuple):
    """The pixels of one image that have a gradient: int64 and float32 arrays (784,), of which `count` are used."""

    y: np.ndarray
    x: np.ndarray
    orientation: np.ndarray
    length: np.ndarray
    share: np.ndarray


def features(grids: tuple[Grid, ...], orientations: int) -> int:
    """Numbers per image."""
    return sum((g.cells - g.block + 1) ** 2 * g.block**2 * orientations for g in grids)


def hog(pixels: np.ndarray, grids: tuple[Grid, ...], orientations: int) -> np.ndarray:
    """Features, float32 (N, features), of uint8 images (N, 28, 28); the grids' stand side by side.

    Args:
        orientations: bins of the full circle (signed gradients).
    """
    out = np.empty((len(pixels), features(grids, orientations)), np.float32)
    gamma = np.sqrt(np.arange(256, dtype=np.float32) / 255)
    whole, part = np.empty((3, SIZE * SIZE), np.int64), np.empty((2, SIZE * SIZE), np.float32)
    _describe(pixels, gamma, grids, orientations, Votes(*whole, *part), out)
    return out


@numba.njit(cache=True, fastmath=True, nogil=True)
def _describe(pixels, gamma, grids, orientations, votes, out):  # type: ignore[no-untyped-def]
    for n in range(len(pixels)):
        count = _gradients(pixels[n], gamma, orientations, votes)
        at = 0
        for g in grids:
            cells = np.zeros((g.cells + 2, g.cells + 2, orientations), np.float32)  # with a rim that is dropped
            _vote(votes, count, g, cells)
            at = _normalise(cells, g, out[n], at)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _gradients(image, gamma, orientations, votes):  # type: ignore[no-untyped-def]
    """Fills `votes` with central differences, zero across the image's edge; returns how many."""
    turn = np.float32(orientations / (2 * np.pi))
    count = 0
    for y in range(SIZE):
        for x in range(SIZE):
            dy = gamma[image[y + 1, x]] - gamma[image[y - 1, x]] if 0 < y < SIZE - 1 else np.float32(0)
            dx = gamma[image[y, x + 1]] - gamma[image[y, x - 1]] if 0 < x < SIZE - 1 else np.float32(0)
            if dx == 0 and dy == 0:
                continue
            place = np.arctan2(dy, dx) * turn + np.float32(orientations - 0.5)  # positive: int() is floor
            low = int(place)
            votes.y[count], votes.x[count], votes.orientation[count] = y, x, low % orientations
            votes.length[count] = np.sqrt(dx * dx + dy * dy)
            votes.share[count] = place - np.float32(low)
            count += 1
    return count


@numba.njit(cache=True, fastmath=True, nogil=True)
def _vote(votes, count, grid, cells):  # type: ignore[no-untyped-def]
    for k in range(count):
        o = votes.orientation[k]
        p = o + 1 if o + 1 < cells.shape[2] else 0
        high = votes.length[k] * votes.share[k]
        low = votes.length[k] - high
        i, v = grid.first[votes.y[k]] + 1, grid.share[votes.y[k]]
        j, h = grid.first[votes.x[k]] + 1, grid.share[votes.x[k]]
        for di in range(2):
            for dj in range(2):
                w = (v if di else np.float32(1) - v) * (h if dj else np.float32(1) - h)
                cells[i + di, j + dj, o] += w * low
                cells[i + di, j + dj, p] += w * high


@numba.njit(cache=True, fastmath=True, nogil=True)
def _normalise(cells, grid, out, at):  # type: ignore[no-untyped-def]
    """Writes the blocks from `out[at]` on; returns where they end."""
    side = grid.cells - grid.block + 1
    size = grid.block * grid.block * cells.shape[2]
    for by in range(side):
        for bx in range(side):
            v = out[at : at + size]
            k = 0
            for i in range(by + 1, by + 1 + grid.block):
                for j in range(bx + 1, bx + 1 + grid.block):
                    for o in range(cells.shape[2]):
                        v[k] = cells[i, j, o]
                        k += 1
            _scale(v)
            for k in range(size):
                v[k] = min(v[k], np.float32(CLIP))
            _scale(v)
            at += size
    return at


@numba.njit(cache=True, fastmath=True, nogil=True)
def _scale(v):  # type: ignore[no-untyped-def]
    """To unit length, nearly: plain loops, because array expressions of this size take a third longer."""
    squares = np.float32(EPS)
    for x in v:
        squares += x * x
    factor = np.float32(1) / np.sqrt(squares)
    for k in range(len(v)):
        v[k] *= factor
