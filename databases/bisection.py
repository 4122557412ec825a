"""Lower bounds by binary search without branches, a block of queries in lock-step.

The halving of Knuth's uniform binary search (The Art of Computer Programming 3, section 6.2.1): every query of a block
takes the same number of steps, so that nothing is predicted, and what the next step reads is prefetched for all; the
last sixteen keys are compared at once.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from databases.kernel import BLOCK, NODE, count_node, prefetch


@njit(cache=True, nogil=True)
def bisect(keys, queries, ranks):  # type: ignore[no-untyped-def]
    """Fills `ranks` with how many of the keys are below each query.

    Args:
        keys: sorted uint64 (n,), n >= 1.
        queries: uint64 (m,).
        ranks: int64 (m,).
    """
    base = np.empty(BLOCK, np.int64)
    whole = len(keys) >= NODE
    for start in range(0, len(queries), BLOCK):
        size = min(BLOCK, len(queries) - start)
        base[:size] = 0
        left = len(keys)
        while left > (NODE if whole else 1):
            half = left >> 1
            left -= half
            for i in range(size):
                base[i] += half * (keys[base[i] + half - 1] < queries[start + i])
                prefetch(keys, base[i] + (left >> 1) - 1)
        for i in range(size):
            if whole:
                begin = min(base[i], len(keys) - NODE)
                ranks[start + i] = begin + count_node(keys, begin, queries[start + i])
            else:
                ranks[start + i] = base[i] + (keys[base[i]] < queries[start + i])


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

    def explain(self, keys: np.ndarray, _: np.uint64) -> str:
        return f"bisection of {len(keys):,} keys: {len(keys).bit_length()} steps"
