"""Lower bounds by binary search without branches, a block of queries in lock-step.

The halving of Knuth's uniform binary search (The Art of Computer Programming 3, section 6.2.1): every query of a block
takes the same number of steps, so that nothing is predicted, and what the next step reads is prefetched for all.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from databases.kernel import BLOCK, LANES, prefetch

CACHED_STEPS = 12  # after so many halvings the keys that are looked at stay in no cache


@njit(cache=True, nogil=True)
def bisect(keys, queries, ranks):  # type: ignore[no-untyped-def]
    """Fills `ranks` with how many of the keys are below each query.

    Args:
        keys: sorted uint64 (n,), n >= 1.
        queries: uint64 (m,).
        ranks: int64 (m,).
    """
    base = np.empty(BLOCK, np.int64)
    for start in range(0, len(queries), BLOCK):
        size = min(BLOCK, len(queries) - start)
        asked, found = queries[start : start + size], ranks[start : start + size]
        base[:size] = 0
        left = len(keys)
        while left > 1:
            half = left >> 1
            left -= half
            for i in range(size):
                above = base[i] + half
                base[i] = above if keys[np.uint64(above - 1)] < asked[i] else base[i]  # unsigned: never from the end
            if LANES < left < len(keys) >> CACHED_STEPS:
                for i in range(size):
                    prefetch(keys, base[i] + (left >> 1) - 1)
        for i in range(size):
            found[i] = base[i] + (keys[np.uint64(base[i])] < asked[i])


@dataclass(frozen=True)
class Bisection:
    """No index at all: what every sorted table can do."""

    def lower_bound(self, keys: np.ndarray, queries: np.ndarray, ranks: np.ndarray) -> None:
        if len(keys):
            bisect(keys, queries, ranks)
        else:
            ranks[:] = 0

    def over(self, _: np.ndarray) -> "Bisection":
        return self

    def fits(self, _: int) -> bool:
        return True

    def explain(self, keys: np.ndarray, _: np.uint64) -> str:
        return f"bisection of {len(keys):,} keys: {(len(keys) - 1).bit_length() + 1} comparisons"
