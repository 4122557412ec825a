"""The dataset that the net makes for itself: every epoch plays new games with it, and adds them to the others."""

from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from control import labels, solver
from control.game import Rules
from control.inference import as_planes, inference
from control.records import Table, table
from control.selfplay import Habits, Played, check_habits, self_play
from control.tree import Selection, check_selection
from control.window import Window, averaged, extended, take, window
from control.workers import WORKERS, close, run_all

Batch = tuple[Tensor, Tensor, Tensor]  # planes uint8 (N, 2, height, width), policy (N, moves), value (N, 3)


class SelfPlay(pl.LightningDataModule):
    """Batches of planes and of what the games say of them; no game begins with a position of the referee's.

    Args:
        streams: of games, each a generator of its own; a thread each, or a Ray actor's.
        games: of a stream, in lock-step: the net's batch.
        records: new ones of an epoch, over all streams.
        passes: how often a record is drawn on average before it has left the window, if that did not grow.
        batch_size: of training.
        window_start, window_share, window_most: the newest window_start + window_share * (all there were) records are
            trained on, window_most at most.
        root_weight: of the search's own value in the value's target, reached linearly in `root_weight_epochs`;
            at once if these are 0.
        cache_bits: 2 to the power of it answers of the net are remembered by a stream.
        workers: what plays: this machine's threads, or Ray's actors (extra `ray`).
        seed: fixes games and batches, by epoch and stream, so that a resumed run sees what an uninterrupted one does.
        limit: at most so many records an epoch, and so many validation positions, of all groups.
    """

    def __init__(
        self,
        *,
        rules: Rules,
        selection: Selection,
        habits: Habits,
        streams: int,
        games: int,
        records: int,
        passes: float,
        batch_size: int,
        window_start: int,
        window_share: float,
        window_most: int,
        root_weight: float,
        root_weight_epochs: int,
        cache_bits: int,
        workers: Literal["threads", "ray"],
        seed: int,
        limit: int | None = None,
    ) -> None:
        super().__init__()
        at_least_1 = {"streams": streams, "games": games, "records": records, "batch_size": batch_size}
        at_least_1 |= {"window_start": window_start, "window_most": window_most}
        for name, given in at_least_1.items():
            if given < 1:
                raise ValueError(f"data.{name}: given {given}, wanted 1 or more")
        if limit is not None and not (isinstance(limit, int) and limit > 0):
            raise ValueError(f"data.limit: given {limit!r}, wanted null or a whole number above 0")
        if workers not in WORKERS:
            raise ValueError(f"data.workers: given {workers!r}, wanted one of {', '.join(WORKERS)}")
        if not 0 <= root_weight <= 1:
            raise ValueError(f"data.root_weight: given {root_weight}, wanted 0 to 1")
        if root_weight_epochs < 0:
            raise ValueError(f"data.root_weight_epochs: given {root_weight_epochs}, wanted 0 or more")
        check_selection(selection)
        check_habits(habits, selection)
        self.rules, self.selection, self.habits = rules, selection, habits
        self.streams, self.games, self.records = streams, games, min(records, limit or records)
        self.passes, self.batch_size = passes, batch_size
        self.window_start, self.window_share, self.window_most = window_start, window_share, window_most
        self.root_weight, self.root_weight_epochs = root_weight, root_weight_epochs
        self.cache_bits, self.workers, self.seed, self.limit = cache_bits, workers, seed, limit
        self.window = window(rules.game)
        self.tables = [table(rules.game, games) for _ in range(streams)]

    def setup(self, stage: str | None = None) -> None:
        self.val = labels.read(self.rules, "val").shuffled()[: self.limit]
        held_out = [labels.read(self.rules, split).positions for split in ("val", "test")]
        self.barred = np.sort(labels.keys(self.rules.game, np.concatenate(held_out)))

    def play(self, net: nn.Module) -> dict[str, float]:
        """Plays until there are `records` new ones and adds them to the window; how much that was, and how fast."""
        assert self.trainer is not None
        epoch, start = self.trainer.current_epoch, perf_counter()
        jobs = [
            partial(
                self_play,
                self.rules.game,
                self.habits,
                self.selection,
                inference(self.rules, net),
                at,
                wanted=-(-self.records // self.streams),
                barred=self.barred,
                cache_bits=self.cache_bits,
                rng=np.random.default_rng((self.seed, epoch, stream)),
            )
            for stream, at in enumerate(self.tables)
        ]
        played = run_all(self.workers, jobs)
        self.tables = [p.table for p in played]
        weight = self.root_weight_at(epoch)
        for p in played:
            size = int(self.window_start + self.window_share * (self.window.seen[0] + len(p.records.outcome)))
            self.window = extended(
                self.rules.game, self.window, p.records, root_weight=weight, size=min(size, self.window_most)
            )
        return pace(played, perf_counter() - start) | {"window": float(len(self.window.value))}

    def root_weight_at(self, epoch: int) -> float:
        """What the search's own value weighs in an epoch's records."""
        reached = epoch / self.root_weight_epochs if self.root_weight_epochs else 1.0
        return self.root_weight * min(1.0, reached)

    def teardown(self, stage: str) -> None:
        close()

    def train_dataloader(self) -> "Batches":
        trainer = self.trainer
        assert trainer is not None
        return Batches(
            self, epoch=lambda: trainer.current_epoch, rank=trainer.global_rank, processes=trainer.world_size
        )

    def val_dataloader(self) -> "Exact":
        return Exact(self.rules, self.val, self.batch_size)

    def state_dict(self) -> dict[str, Any]:
        return {"window": _tensors(self.window), "tables": [_tensors(t) for t in self.tables]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        found = [Table(**_arrays(t)) for t in state_dict["tables"]]
        given, wanted = [len(t.positions) for t in found], [len(t.positions) for t in self.tables]
        if given != wanted:
            raise ValueError(
                f"data: given a checkpoint of {given} games, a number a stream, wanted the config's {wanted}"
            )
        self.window, self.tables = Window(**_arrays(state_dict["window"])), found


def pace(played: list[Played], seconds: float) -> dict[str, float]:
    """Sums over the streams."""
    games, moves, simulations, evaluations, looked_up, found = (
        float(sum(getattr(p, name) for p in played))
        for name in ("games", "moves", "simulations", "evaluations", "looked_up", "found")
    )
    return {
        "games": games,
        "positions": moves,
        "records": float(sum(len(p.records.outcome) for p in played)),
        "simulations_per_s": simulations / seconds,
        "evaluations_per_s": evaluations / seconds,
        "positions_per_s": moves / seconds,
        "cache_hits": found / max(1.0, looked_up),
        "seconds": seconds,
    }


def _tensors(arrays: Any) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array.copy()) for name, array in arrays._asdict().items()}


def _arrays(tensors: dict[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


class Batches:
    """An epoch's batches, drawn from the window as it is when the first one is asked for.

    Of each batch a process of a distributed run gets every `processes`-th record from its `rank` on.
    """

    def __init__(self, data: SelfPlay, *, epoch: Callable[[], int], rank: int = 0, processes: int = 1) -> None:
        if data.batch_size % processes:
            raise ValueError(f"data.batch_size: given {data.batch_size}, wanted a multiple of {processes} processes")
        self.data, self.epoch, self.share = data, epoch, slice(rank, None, processes)

    def __len__(self) -> int:
        return max(1, int(self.data.passes * self.data.records / self.data.batch_size))

    def __iter__(self) -> Iterator[Batch]:
        data, game = self.data, self.data.rules.game
        rng = np.random.default_rng((data.seed, self.epoch(), data.streams))
        rows, held = averaged(game, data.window)
        for _ in range(len(self)):
            drawn = rows[rng.integers(0, len(rows), data.batch_size)][self.share]
            mirrored = rng.random(data.batch_size)[self.share] < 0.5
            positions, policy, value = take(game, held, drawn, mirrored)
            yield as_planes(game, positions), torch.from_numpy(policy), torch.from_numpy(value)


class Exact:
    """Labelled positions with what is true of them: a policy that spreads over all moves that keep the outcome."""

    def __init__(self, rules: Rules, labelled: labels.Labelled, size: int) -> None:
        outcomes = np.where(labelled.scores == solver.ILLEGAL, -2, np.sign(labelled.scores))
        best = outcomes.max(1)
        policy = (outcomes == best[:, None]).astype(np.float32)
        policy /= policy.sum(1, keepdims=True)
        value = np.eye(3, dtype=np.float32)[1 - best]
        whole = as_planes(rules.game, labelled.positions), torch.from_numpy(policy), torch.from_numpy(value)
        self.batches = list(zip(*(part.split(size) for part in whole), strict=True))

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)
