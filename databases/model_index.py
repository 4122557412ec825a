"""A recursive model index of two stages (Kraska et al. 2018, "The Case for Learned Index Structures", section 3).

The root, a piecewise-linear distribution function, says which leaf answers for a key, and how far into it the key lies;
a leaf is the straight line between its first rank and the next leaf's, four bytes. Sixteen keys around the predicted
rank are compared at once. If the answer is not among them, the query waits until a block of such queries has come
together, and sixteen more are compared on the side where it must be; the few that are not there either go on by
bisection between the bounds of their leaf, which are certain because the root never descends. So no answer rests on the
model: what it gets wrong costs time.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numba import njit

from databases.kernel import BLOCK, LANES, NODE, count_node, prefetch, settled
from databases.root import PART_BITS, Ramps, Root, feature, leaf_of, leaves_of

FEWEST_KEYS, MOST_KEYS = NODE, 2**32 - 1


class Stages(NamedTuple):
    """What a lookup reads.

    Args:
        root: gives leaf numbers, with fractions.
        ranks: uint32 (n_leaves + 1,): the first rank of each leaf, and the number of keys.
    """

    root: Ramps
    ranks: np.ndarray


@njit(cache=True, nogil=True)
def look_up(stages, keys, queries, ranks):  # type: ignore[no-untyped-def]
    """Fills `ranks` with how many of the keys are below each query.

    Args:
        stages: Stages.
        keys: sorted uint64 (n,), FEWEST_KEYS <= n <= MOST_KEYS.
        queries: uint64 (m,).
        ranks: int64 (m,).

    Returns:
        How many queries the first look left open, and how many went on by bisection.
    """
    n, left_open, bisected, waits = len(keys), 0, 0, 0
    x, y = np.empty(BLOCK), np.empty(BLOCK)
    begin, waiting = np.empty(BLOCK, np.int64), np.empty(2 * BLOCK, np.int64)
    for start in range(0, len(queries), BLOCK):
        size = min(BLOCK, len(queries) - start)
        asked, found = queries[start : start + size], ranks[start : start + size]
        leaves_of(stages.root, asked, x, y, begin)
        for i in range(size):
            prefetch(stages.ranks, begin[i] >> PART_BITS)
        for i in range(size):
            begin[i] = _predict(stages.ranks, begin[i], n)
            prefetch(keys, begin[i])
            prefetch(keys, begin[i] + LANES)
        for i in range(size):
            below = count_node(keys, begin[i], asked[i])
            found[i] = begin[i] + below
            waiting[np.uint64(waits)] = start + i
            waits += below == 0 or below == NODE
        if waits >= BLOCK:
            bisected += _second_look(stages, keys, queries, ranks, waiting[:waits])
            left_open, waits = left_open + waits, 0
    return left_open + waits, bisected + _second_look(stages, keys, queries, ranks, waiting[:waits])


@njit(cache=True, nogil=True)
def _predict(ranks, at, n):  # type: ignore[no-untyped-def]
    """Where the first look begins: sixteen keys from a multiple of eight, around where the leaf's line says.

    Args:
        ranks: of Stages.
        at: a leaf's number and how far into it the key lies, in 2**PART_BITS parts of a leaf.
        n: how many keys there are.
    """
    leaf = np.uint64(at >> PART_BITS)  # unsigned, numba need not ask whether it counts from the end
    first, end = np.int64(ranks[leaf]), np.int64(ranks[leaf + np.uint64(1)])
    ahead = (end - first) * (at & (2**PART_BITS - 1)) >> PART_BITS
    return min(max(first + ahead - (NODE - LANES) // 2, 0) & -LANES, n - NODE)


@njit(cache=True, nogil=True)
def _second_look(stages, keys, queries, ranks, waiting):  # type: ignore[no-untyped-def]
    """Settles the queries at those places, whose ranks are at one end of their first look; counts the bisected."""
    n, bisected = len(keys), 0
    for place in waiting:
        prefetch(keys, max(ranks[place] - NODE, 0))
        prefetch(keys, min(ranks[place] + NODE, n) - 1)
    for place in waiting:
        query, rank = queries[place], ranks[place]
        if rank > 0 and keys[rank - 1] >= query:
            begin = max(rank - NODE, 0)
        elif rank < n and keys[rank] < query:
            begin = min(rank, n - NODE)
        else:
            continue
        found = begin + count_node(keys, begin, query)
        if (found > 0 and keys[found - 1] >= query) or (found < n and keys[found] < query):
            found = _bisect_leaf(stages, keys, query)
            bisected += 1
        ranks[place] = found
    return bisected


@njit(cache=True, nogil=True)
def _bisect_leaf(stages, keys, query):  # type: ignore[no-untyped-def]
    leaf = leaf_of(stages.root, query) >> PART_BITS
    low, high = np.int64(stages.ranks[leaf]), np.int64(stages.ranks[leaf + 1])
    while low < high:
        middle = (low + high) >> 1
        below = keys[middle] < query
        low = middle + 1 if below else low
        high = high if below else middle
    return low


@njit(cache=True, nogil=True)
def fit_leaves(root, keys, ranks):  # type: ignore[no-untyped-def]
    """Fills `ranks` uint32 (n_leaves + 1,): where in the keys each leaf begins; by doubling steps, then halving."""
    low, n = 0, len(keys)
    ranks[0] = 0
    for leaf in range(1, len(ranks)):
        step = 1
        while low + step <= n and leaf_of(root, keys[low + step - 1]) >> PART_BITS < leaf:
            low += step
            step *= 2
        high = min(low + step, n)
        while low < high:
            middle = (low + high) >> 1
            before = leaf_of(root, keys[middle]) >> PART_BITS < leaf
            low = middle + 1 if before else low
            high = high if before else middle
        ranks[leaf] = low


@dataclass(frozen=True)
class ModelIndex:
    """A root, and `ranks` as in Stages."""

    root: Root
    ranks: np.ndarray

    @classmethod
    def fitted(cls, keys: np.ndarray, root: Root, *, n_leaves: int) -> "ModelIndex":
        """Over sorted keys, uint64 (n,), FEWEST_KEYS <= n <= MOST_KEYS."""
        if not FEWEST_KEYS <= len(keys) <= MOST_KEYS:
            raise ValueError(f"keys: given {len(keys):,}, wanted {FEWEST_KEYS} to {MOST_KEYS:,}")
        ranks = np.empty(n_leaves + 1, np.uint32)
        fit_leaves(root.ramps(n_leaves), keys, ranks)
        return cls(root, settled(ranks))

    def over(self, keys: np.ndarray) -> "ModelIndex":
        return self.fitted(keys, self.root, n_leaves=len(self.ranks) - 1)

    def fits(self, n: int) -> bool:
        return FEWEST_KEYS <= n == self.ranks[-1]

    def explain(self, keys: np.ndarray, query: np.uint64) -> str:
        at = leaf_of(self.stages.root, query) / 2**PART_BITS
        leaf = int(at)
        first, end = int(self.ranks[leaf]), int(self.ranks[leaf + 1])
        found = np.empty(1, np.int64)
        left_open, bisected = self.lower_bound(keys, np.array([query]), found)
        looks = "bisection" if bisected else "a second look" if left_open else "one look"
        return (
            f"feature {feature(query, self.root.smallest[0]):.4f}, leaf {leaf:,} of {len(self.ranks) - 1:,} with ranks "
            f"{first:,} to {end:,}, predicted {first + (at - leaf) * (end - first):,.1f}, found {found[0]:,} by {looks}"
        )

    def off(self, queries: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """How far each query's rank is from the middle of its first look, int64 (m,); LANES and more leave it open."""
        at, x, y = np.empty(len(queries), np.int64), np.empty(len(queries)), np.empty(len(queries))
        leaves_of(self.stages.root, queries, x, y, at)
        leaf, parts, n = at >> PART_BITS, at & (2**PART_BITS - 1), int(self.ranks[-1])
        first, end = self.ranks[leaf].astype(np.int64), self.ranks[leaf + 1].astype(np.int64)
        guess = first + ((end - first) * parts >> PART_BITS)
        begin = np.minimum(np.maximum(guess - (NODE - LANES) // 2, 0) & -LANES, n - NODE)
        return np.abs(ranks - begin - LANES)

    @cached_property
    def stages(self) -> Stages:
        return Stages(self.root.ramps(len(self.ranks) - 1), self.ranks)

    def lower_bound(self, keys: np.ndarray, queries: np.ndarray, ranks: np.ndarray) -> tuple[int, int]:
        return look_up(self.stages, keys, queries, ranks)
