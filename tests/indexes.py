"""Indexes of every kind, good and bad, and how they are asked."""

import numpy as np

from databases.bisection import Bisection
from databases.model_index import FEWEST_KEYS, ModelIndex
from databases.root import Root
from databases.tree import BPlusTree

LARGEST = 2**64 - 1


def uint64(values: list[int]) -> np.ndarray:
    return np.array(values, np.uint64)


def kinds(keys: np.ndarray) -> list:
    """Indexes of every kind, with good roots, bad ones and a nonsensical one."""
    if len(keys) < FEWEST_KEYS:
        return [Bisection()]
    roots = [Root.quantiles(keys, pieces=n) for n in (1, 5, 40)]
    roots.append(Root(uint64([LARGEST // 2]), np.array([0.0, 1e-9, 63.0]), np.array([0.0, 0.999, 1.0])))
    return [
        Bisection(),
        BPlusTree.over(keys),
        *(ModelIndex.fitted(keys, r, n_leaves=n) for r in roots for n in (1, 37)),
    ]


def ranks(index, keys: np.ndarray, queries: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    out = np.full(len(queries), -1, np.int64)
    index.lower_bound(keys, queries, out)
    return out
