"""What every program of this domain is: an index over a table that it names, asked for lower bounds."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from databases.bisection import Bisection
from databases.keys import KeySet
from databases.model_index import FEWEST_KEYS, ModelIndex
from databases.root import Root

SAMPLE, TRIALS = 2**16, 5  # queries, and how often each index answers them, when the fastest is looked for


class Index(Protocol):
    """A structure over sorted keys, which it does not hold: uint64 (n,), n >= FEWEST_KEYS."""

    def lower_bound(self, keys: np.ndarray, queries: np.ndarray, ranks: np.ndarray, /) -> object:
        """Fills `ranks` int64 (m,) with how many of the keys are below each of `queries` uint64 (m,)."""
        ...

    def over(self, keys: np.ndarray, /) -> "Index":
        """The same kind of index, of the same settings, over other keys."""
        ...

    def fits(self, n: int, /) -> bool:
        """Whether it can be an index over n keys."""
        ...

    def explain(self, keys: np.ndarray, query: np.uint64, /) -> str:
        """How it comes to the answer, for people."""
        ...


@dataclass(frozen=True)
class Lookup:
    """uint64 queries (N,) -> how many of the table's keys are below each, int64 (N,)."""

    index: Index
    table: KeySet

    def __call__(self, queries: np.ndarray) -> np.ndarray:
        return ranks(self.index, self.table.keys, check_keys(queries, "queries"))


def ranks(index: Index, keys: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """How many of `keys` are below each query, int64 (m,), by an index over them."""
    found = np.empty(len(queries), np.int64)
    index.lower_bound(keys, queries, found)
    return found


def check_keys(keys: np.ndarray, name: str) -> np.ndarray:
    """`keys`, if they are some.

    Raises:
        ValueError: not a uint64 vector. (A conversion from float64 would round what is above 2**53.)
    """
    wanted = f"{name}: wanted a uint64 array of shape (N,), given "
    if not isinstance(keys, np.ndarray):
        raise ValueError(wanted + type(keys).__name__)
    if keys.dtype != np.uint64 or keys.ndim != 1:
        raise ValueError(wanted + f"{keys.dtype} {keys.shape}")
    return keys


def built(build: Callable[[np.ndarray], Index], keys: np.ndarray) -> Index:
    """An index over any number of sorted keys: over a handful, none is better than bisection."""
    return build(keys) if len(keys) >= FEWEST_KEYS else Bisection()


def fastest(candidates: Sequence[Index], keys: np.ndarray) -> Index:
    """The one that answers a sample of the keys soonest, as they take turns."""
    queries = np.random.default_rng(0).choice(keys, SAMPLE)
    took = np.empty((TRIALS, len(candidates)))
    for trial in took:
        for i, index in enumerate(candidates):
            start = time.perf_counter()
            ranks(index, keys, queries)
            trial[i] = time.perf_counter() - start
    return candidates[took.min(0).argmin()]


def modelled(keys: np.ndarray, root: Root, *, n_leaves: int, keys_per_leaf: int) -> Index:
    """The model index of a root, or bisection where that is faster on this machine.

    Args:
        n_leaves: of the index, or fewer for a small table:
        keys_per_leaf: the fewest, on average, that are worth a leaf.
    """
    leaves = max(1, min(n_leaves, len(keys) // keys_per_leaf))
    return built(lambda keys: fastest([ModelIndex.fitted(keys, root, n_leaves=leaves), Bisection()], keys), keys)
