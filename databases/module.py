"""The loss, and how the trained root becomes a Program."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from common.module import Metrics, Module
from common.portable import Graph
from databases.keys import KeySet
from databases.lookup import Lookup, modelled
from databases.root import Root

SMALLEST_STEP = 1e-12  # of the root between neighbours: none is free


class LearnedIndex(Module):
    """Trains the root of a model index for what a lookup costs: the logarithm of how many keys share its leaf.

    With leaves of equal width in the root's value, keys of density p(x) under a root r(x) lie p / r' times as densely
    in their leaves as a perfect root would have them, so that the mean of log2(p / r'), the Kullback-Leibler divergence
    of the root from the keys' distribution, is by how many steps the searches are longer. It is estimated between the
    neighbours of a sorted sample. (The squared error of the rank, which the paper's root minimises, looks at the few
    places where the root is far off, not at how steep it is: RankedIndex.)

    Args:
        n_leaves, keys_per_leaf: as in lookup.modelled; four bytes a leaf.
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
        with torch.no_grad():
            knots, values = (bends.cpu().numpy() for bends in self.averaged.module.bends())  # type: ignore[operator]
        root = Root.through(data.smallest, knots * data.width, values)  # type: ignore[attr-defined]
        table: KeySet = data.table  # type: ignore[attr-defined]
        index = modelled(table.keys, root, n_leaves=self.n_leaves, keys_per_leaf=self.keys_per_leaf)
        return Lookup(index, table)

    def graphs(self, net: Any) -> Mapping[str, Graph]:
        """The root, in float64 as everywhere: features from 0 to 1 -> shares of the keys below."""
        return {"": Graph(net, {"x": ("n", torch.linspace(0, 1, 2, dtype=torch.float64))}, ["rank"])}


class RankedIndex(LearnedIndex):
    """Trains the root stage by stage, as the paper does (Kraska et al. 2018, section 3.2): for the squared error of the
    rank, whatever the leaves will make of it."""

    def loss(self, net: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Metrics]:
        x, ranks = batch
        with torch.autocast(x.device.type, enabled=False):
            return (net(x) - ranks).square().mean(), {}
