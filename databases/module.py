"""The loss, and how the trained root becomes a Program."""

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from common.module import Metrics, Module
from databases.bisection import Bisection
from databases.lookup import Index, Lookup, built, fastest
from databases.model_index import ModelIndex, leaves
from databases.root import Root

SMALLEST_STEP = 1e-12  # of the root between neighbours: none is free


class LearnedIndex(Module):
    """Trains the root of a model index for what a lookup costs: the logarithm of how many keys share its leaf.

    With leaves of equal width in the root's value, keys of density p(x) under a root r(x) lie p / r' times as densely
    in their leaves as a perfect root would have them, so that the mean of log2(p / r'), the Kullback-Leibler divergence
    of the root from the keys' distribution, is by how many steps the searches are longer. It is estimated between the
    neighbours of a sorted sample. (The squared error of the rank, which the paper's root minimises, looks at the few
    places where the root is far off, not at how steep it is.)

    Args:
        n_leaves: of the index, four bytes each, or fewer for a small table:
        keys_per_leaf: the fewest, on average, that are worth a leaf.
    """

    def __init__(self, *, n_leaves: int, keys_per_leaf: int, **shared: Any) -> None:
        super().__init__(**shared)
        if min(n_leaves, keys_per_leaf) < 1:
            raise ValueError(f"module: given n_leaves {n_leaves}, keys_per_leaf {keys_per_leaf}, wanted both above 0")
        self.n_leaves, self.keys_per_leaf = n_leaves, keys_per_leaf

    def loss(self, net: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Metrics]:
        x, ranks = batch
        with torch.autocast(x.device.type, enabled=False):
            steps = net(x).diff().clamp_min(SMALLEST_STEP)
        keys = ranks.diff()
        return (torch.xlogy(keys, keys) - torch.xlogy(keys, steps)).sum() / np.log(2), {}

    def program(self, data: pl.LightningDataModule) -> Lookup:
        """The index of the trained root, or bisection where that is faster on this machine."""
        keys = data.table.keys  # type: ignore[attr-defined]
        with torch.no_grad():
            knots, values = (bends.cpu().numpy() for bends in self.averaged.module.bends())  # type: ignore[operator]
        root = Root.through(data.smallest, data.low + knots * (data.high - data.low), values)  # type: ignore[attr-defined]

        def choose(keys: np.ndarray) -> Index:
            n_leaves = leaves(keys, self.n_leaves, self.keys_per_leaf)
            return fastest([ModelIndex.fitted(keys, root, n_leaves=n_leaves), Bisection()], keys)

        return Lookup(built(choose, keys), data.table)  # type: ignore[attr-defined]
