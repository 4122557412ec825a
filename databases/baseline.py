"""The hand-written indexes: how each is built over the table."""

from dataclasses import dataclass
from typing import Any

from databases.bisection import Bisection
from databases.lookup import Lookup, built, modelled
from databases.root import Root
from databases.tree import BPlusTree


@dataclass(frozen=True)
class Tree:
    """A static B+-tree."""

    def build(self, data: Any) -> Lookup:
        return Lookup(built(BPlusTree.over, data.table.keys), data.table)


@dataclass(frozen=True)
class BinarySearch:
    """No index."""

    def build(self, data: Any) -> Lookup:
        return Lookup(Bisection(), data.table)


@dataclass(frozen=True)
class Interpolation:
    """The model index with a root that no training has seen: what learning must beat.

    Args:
        pieces: of the root, as many keys in each; with one it is a straight line from the first key to the last.
        n_leaves, keys_per_leaf: as in lookup.modelled.
    """

    pieces: int
    n_leaves: int
    keys_per_leaf: int

    def build(self, data: Any) -> Lookup:
        root = Root.quantiles(data.table.keys, pieces=self.pieces)
        index = modelled(data.table.keys, root, n_leaves=self.n_leaves, keys_per_leaf=self.keys_per_leaf)
        return Lookup(index, data.table)
