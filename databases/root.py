"""The root of a model index: a distribution function of the keys, piecewise linear in about their logarithm."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from databases.kernel import LANES, count_below, double_as_int64

EXPONENT_BIAS = 1023 << 52  # of float64


class Segments(NamedTuple):
    """A root as lookups read it.

    Args:
        smallest: the smallest key, uint64 (1,).
        bends: float64 (LANES * m,): the feature where one segment ends and the next begins, filled up with infinity.
        begins, slopes: float64 (s,): the feature at which each segment begins; leaves a unit of the feature.
        bases: float64 (s + 1,): the leaf, with its fraction, where each segment begins; and where the last ends.
    """

    smallest: np.ndarray
    bends: np.ndarray
    begins: np.ndarray
    slopes: np.ndarray
    bases: np.ndarray


@njit(cache=True, nogil=True)
def feature(key, smallest):  # type: ignore[no-untyped-def]
    """About log2(key - smallest + 1), never descending: the bits of that float64 read as a fixed-point number.

    Linear between powers of two (Mitchell 1962, "Computer Multiplication and Division Using Binary Logarithms").
    """
    distance = np.float64(key - smallest) + 1.0 if key > smallest else 1.0
    return np.float64(double_as_int64(distance) - EXPONENT_BIAS) * 2.0**-52


@njit(cache=True, nogil=True)
def leaf_of(root, key):  # type: ignore[no-untyped-def]
    """The leaf that answers for a key, and how far into it the key lies. Never descending, however it rounds."""
    x = feature(key, root.smallest[0])
    segment = 0
    for lane in range(0, len(root.bends), LANES):
        segment += count_below(root.bends, lane, x)
    at = root.bases[segment] + root.slopes[segment] * max(x - root.begins[segment], 0.0)
    return min(at, root.bases[segment + 1])


@njit(cache=True, nogil=True)
def features(keys, smallest):  # type: ignore[no-untyped-def]
    """`feature` of each of keys uint64 (n,), float64 (n,)."""
    out = np.empty(len(keys))
    for i in range(len(keys)):
        out[i] = feature(keys[i], smallest)
    return out


@dataclass(frozen=True)
class Root:
    """A piecewise-linear distribution function.

    Args:
        smallest: the smallest key, uint64 (1,); features are taken of the distance to it.
        knots: float64 (s + 1,), ascending features.
        values: float64 (s + 1,): its values there, from 0 to 1, ascending.
    """

    smallest: np.ndarray
    knots: np.ndarray
    values: np.ndarray

    @classmethod
    def through(cls, smallest: np.ndarray, knots: np.ndarray, values: np.ndarray) -> "Root":
        """Through points in ascending order, those of one feature becoming one."""
        knots, places = np.unique(knots, return_index=True)
        if len(knots) == 1:
            return cls(smallest, knots + np.arange(2), np.arange(2.0))
        return cls(smallest, knots, np.append(values[places[:-1]], 1.0))

    @classmethod
    def quantiles(cls, keys: np.ndarray, *, pieces: int) -> "Root":
        """As many of the sorted keys in each piece; with one, nothing is known of them but the first and the last."""
        values = np.linspace(0, 1, pieces + 1)
        ends = keys[np.rint(values * (len(keys) - 1)).astype(np.int64)]
        return cls.through(keys[:1].copy(), features(ends, keys[0]), values)

    def segments(self, n_leaves: int) -> Segments:
        """With leaf numbers for values; the last leaf ends just below `n_leaves`."""
        bases = np.maximum.accumulate(self.values) * n_leaves
        bases[-1] = np.nextafter(n_leaves, 0)
        inner = self.knots[1:-1]
        bends = np.full(-(-len(inner) // LANES) * LANES, np.inf)
        bends[: len(inner)] = inner
        return Segments(self.smallest, bends, self.knots[:-1], np.diff(bases) / np.diff(self.knots), bases)
