"""The source code of the 2.0 program: a table of keys, and the place of each.

An index is asked for what it was built on; no key is held out. What is held out are the queries (evaluate.py).
"""

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from databases.keys import KeySet
from databases.root import features

VALIDATION_SEED, VALIDATION_KEYS = 2018, 100_000


class Ranks(pl.LightningDataModule):
    """Batches of (features (N,) from 0 to 1, ascending; the share of the keys below each, (N,)), float64.

    Args:
        keys: the table's name in keys.KEY_SETS.
        batch_size: keys drawn at random for a batch, over all processes.
        steps: batches an epoch.
        seed: fixes which keys are drawn, by epoch.
        limit: let the table have only so many keys, evenly spaced among all.
    """

    def __init__(self, *, keys: str, batch_size: int, steps: int, seed: int, limit: int | None) -> None:
        super().__init__()
        if min(batch_size, steps) < 1:
            raise ValueError(f"data: given batch_size {batch_size}, steps {steps}, wanted both above 0")
        self.table = KeySet(keys, limit)
        self.batch_size, self.steps, self.seed = batch_size, steps, seed

    @cached_property
    def smallest(self) -> np.ndarray:
        """The smallest key, (1,)."""
        return self.table.keys[:1].copy()

    @cached_property
    def width(self) -> float:
        """From the smallest key to the largest, as the net sees them."""
        return max(features(self.table.keys[-1:], self.smallest[0])[0], 1e-9)

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor]:
        """So many keys drawn at random, in their order."""
        keys = self.table.keys
        ranks = np.sort(rng.integers(0, len(keys), size))
        x = features(keys[ranks], self.smallest[0]) / self.width
        return torch.tensor(x), torch.tensor(ranks / len(keys))

    def train_dataloader(self) -> "Batches":
        trainer = self.trainer
        assert trainer is not None
        return Batches(
            self, epoch=lambda: trainer.current_epoch, rank=trainer.global_rank, processes=trainer.world_size
        )

    def val_dataloader(self) -> DataLoader:
        """One large batch, whatever the seed."""
        batch = self.batch(np.random.default_rng(VALIDATION_SEED), VALIDATION_KEYS)
        return DataLoader([batch], batch_size=None)  # type: ignore[arg-type]  # any sequence will do


class Batches:
    """One epoch's, drawn anew for each; of a batch a process of a distributed run gets every `processes`-th key."""

    def __init__(self, data: Ranks, *, epoch: Callable[[], int], rank: int = 0, processes: int = 1) -> None:
        if data.batch_size % processes:
            raise ValueError(f"data.batch_size: given {data.batch_size}, wanted a multiple of {processes} processes")
        self.data, self.epoch = data, epoch
        self.share = slice(rank, None, processes)

    def __len__(self) -> int:
        return self.data.steps

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rng = np.random.default_rng([self.data.seed, self.epoch()])
        for _ in range(len(self)):
            x, ranks = self.data.batch(rng, self.data.batch_size)
            yield x[self.share], ranks[self.share]
