"""A static B+-tree without pointers, searched a level at a time by a block of queries in lock-step.

The leaves are the sorted keys themselves, sixteen to a node; each inner node holds as many separators, and the
children of a node follow from its number (Slotin 2022, "Algorithms for Modern Hardware", section "Static B-Trees": the
S+ tree). A node is compared whole, eight keys an instruction, and the next one prefetched.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from databases.kernel import BLOCK, LANES, NODE, count_node, prefetch, settled

LARGEST = np.uint64(2**64 - 1)


class Levels(NamedTuple):
    """The inner nodes, root first: separators uint64 (nodes * NODE,); where each level begins, int64 (levels,)."""

    separators: np.ndarray
    begins: np.ndarray


@njit(cache=True, nogil=True)
def descend(tree, keys, queries, ranks):  # type: ignore[no-untyped-def]
    """Fills `ranks` with how many of the keys are below each query.

    Args:
        tree: Levels.
        keys: sorted uint64 (n,), n >= NODE.
        queries: uint64 (m,).
        ranks: int64 (m,).
    """
    node = np.empty(BLOCK, np.int64)
    last = len(keys) - NODE
    for start in range(0, len(queries), BLOCK):
        size = min(BLOCK, len(queries) - start)
        asked, found = queries[start : start + size], ranks[start : start + size]
        node[:size] = 0
        for level in range(len(tree.begins)):
            bottom = level + 1 == len(tree.begins)
            begin, below = tree.begins[level], 0 if bottom else tree.begins[level + 1]
            for i in range(size):
                child = node[i] * (NODE + 1) + count_node(tree.separators, begin + node[i] * NODE, asked[i])
                node[i] = child
                for lane in range(0, NODE, LANES):
                    if bottom:
                        prefetch(keys, child * NODE + lane)
                    else:
                        prefetch(tree.separators, below + child * NODE + lane)
        for i in range(size):
            rank = min(node[i] * NODE, last)  # the last leaf overlaps the one before rather than be padded
            found[i] = rank + count_node(keys, rank, asked[i])


@dataclass(frozen=True)
class BPlusTree:
    """The arrays of Levels."""

    separators: np.ndarray
    begins: np.ndarray

    @classmethod
    def over(cls, keys: np.ndarray) -> "BPlusTree":
        firsts = keys[::NODE]  # of every leaf
        levels: list[np.ndarray] = []
        while len(firsts) > 1:
            nodes = -(-len(firsts) // (NODE + 1))
            children = np.full((nodes, NODE + 1), LARGEST)
            children.flat[: len(firsts)] = firsts
            levels.insert(0, children[:, 1:].ravel())
            firsts = children[:, 0]
        begins = np.cumsum([0, *map(len, levels)], dtype=np.int64)[:-1]
        return cls(settled(np.concatenate([np.empty(0, np.uint64), *levels])), begins)

    def lower_bound(self, keys: np.ndarray, queries: np.ndarray, ranks: np.ndarray) -> None:
        descend(Levels(self.separators, self.begins), keys, queries, ranks)

    def fits(self, n: int) -> bool:
        bottom = self.separators[self.begins[-1] :] if len(self.begins) else self.separators
        return n >= NODE and -(-n // (NODE * (NODE + 1))) * NODE == max(len(bottom), NODE)

    def explain(self, keys: np.ndarray, query: np.uint64) -> str:
        leaf = max(int(np.searchsorted(keys, query)) - 1, 0) // NODE
        return f"B+-tree, {len(self.begins)} inner levels of {NODE + 1} children a node; leaf {leaf:,}"
