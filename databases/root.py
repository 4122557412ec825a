"""The root of a model index: a distribution function of the keys, piecewise linear in about their logarithm."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from databases.kernel import double_as_int64

EXPONENT_BIAS = 1023 << 52  # of float64
PART_BITS = 16  # of how far into its leaf a key lies


class Ramps(NamedTuple):
    """A root as lookups read it: the leaf number is a sum of clipped ramps, as the net's value is.

    Args:
        smallest: the smallest key, uint64 (1,).
        begins, widths, slopes: float64 (pieces,): the feature at which each ramp begins, over how much of it the ramp
            rises, and by how many parts of a leaf a unit.
        last: the largest sum, which the last part of the last leaf has.
    """

    smallest: np.ndarray
    begins: np.ndarray
    widths: np.ndarray
    slopes: np.ndarray
    last: float


@njit(cache=True, nogil=True)
def feature(key, smallest):  # type: ignore[no-untyped-def]
    """About log2(key - smallest + 1), never descending: the bits of that float64 read as a fixed-point number.

    Linear between powers of two (Mitchell 1962, "Computer Multiplication and Division Using Binary Logarithms").
    """
    distance = np.float64(key - smallest) + 1.0
    return np.float64(double_as_int64(distance if key > smallest else 1.0) - EXPONENT_BIAS) * 2.0**-52


@njit(cache=True, nogil=True)
def leaves_of(root, keys, x, y, at):  # type: ignore[no-untyped-def]
    """Fills `at` int64 (n,) with the leaf that answers for each of `keys` uint64 (n,), in 2**PART_BITS parts of a leaf.

    Never descending as keys grow, however it rounds: no step is. A ramp at a time, so that keys fill vector registers.

    Args:
        x, y: float64 (n,), to work in.
    """
    for i in range(len(keys)):
        x[i] = feature(keys[i], root.smallest[0])
        y[i] = 0.0
    for ramp in range(len(root.begins)):
        begin, width, slope = root.begins[ramp], root.widths[ramp], root.slopes[ramp]
        for i in range(len(keys)):
            y[i] += slope * min(max(x[i] - begin, 0.0), width)
    for i in range(len(keys)):
        at[i] = np.int64(min(y[i], root.last))


@njit(cache=True, nogil=True)
def leaf_of(root, key):  # type: ignore[no-untyped-def]
    """The same of one key, to the last bit."""
    x, y = feature(key, root.smallest[0]), 0.0
    for ramp in range(len(root.begins)):
        y += root.slopes[ramp] * min(max(x - root.begins[ramp], 0.0), root.widths[ramp])
    return np.int64(min(y, root.last))


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
        """Through points in ascending order, those of one feature becoming one; what rounding let descend is level."""
        if not (np.isfinite(knots).all() and np.isfinite(values).all()):
            raise ValueError(
                f"root: given knots {knots} and values {values}, wanted finite numbers; did training diverge?"
            )
        values = np.maximum.accumulate(np.clip(values, 0, 1))
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

    def ramps(self, n_leaves: int) -> Ramps:
        """With leaf numbers for values."""
        widths, parts = np.diff(self.knots), float(n_leaves << PART_BITS)
        return Ramps(self.smallest, self.knots[:-1], widths, np.diff(self.values) * parts / widths, parts - 1)
