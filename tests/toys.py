"""Two toy domains that fit nothing but the contract: self-play of a game, and an index into sorted keys.

Both learn for real, in a second, so that `common` is known to hold more than images.
"""

from dataclasses import dataclass, field

import numpy as np
import pytorch_lightning as pl
import torch
from torch import nn

from common.domain import Domain
from common.module import Module
from common.optim import triangle
from common.program import Evaluation, Picture, Sound

PILE = 13  # Nim with one pile: take one or two, who takes the last wins; a pile of 3k is lost


class Policy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Embedding(PILE, 16), nn.ReLU(), nn.Linear(16, 2))

    def forward(self, piles: torch.Tensor) -> torch.Tensor:
        return self.layers(piles)


class SelfPlay(pl.LightningDataModule):
    """Every epoch plays new games with the averaged net, some moves at random; the winner's moves are the data."""

    def setup(self, stage: str | None = None) -> None:
        self.train = np.arange(1, PILE)

    def train_dataloader(self) -> "Batches":
        rng = np.random.default_rng(self.trainer.current_epoch)
        net, records = self.trainer.lightning_module.averaged.module, []
        for start in rng.integers(1, PILE, 400):
            pile, moves = int(start), []
            while pile > 0:
                best = int(net(torch.tensor([pile])).argmax()) if rng.random() > 0.3 else int(rng.integers(2))
                moves.append((pile, best))
                pile -= best + 1
            winner = len(moves) - 1 if pile == 0 else len(moves) - 2  # taking more than there is loses
            records += [(p, m, 1.0 if i % 2 == winner % 2 else -1.0) for i, (p, m) in enumerate(moves)]
        piles, moves, rewards = (torch.tensor(column) for column in zip(*records, strict=True))
        return Batches(piles, moves, rewards, size=100)

    def val_dataloader(self) -> "Batches":
        piles = np.arange(1, PILE)
        return Batches(piles, best_move(piles), np.ones(len(piles), np.float32))


class Batches:
    """A list would be taken for several loaders."""

    def __init__(self, *columns: object, size: int = 5000) -> None:
        self.columns = [torch.as_tensor(column).split(size) for column in columns]

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self):  # type: ignore[no-untyped-def]
        return zip(*self.columns, strict=True)


class Player(Module):
    def loss(self, net: nn.Module, batch: tuple) -> tuple:
        piles, moves, rewards = batch
        chosen = net(piles).log_softmax(1).gather(1, moves[:, None])[:, 0]
        return -(rewards.clamp(min=-0.3) * chosen).mean(), {}

    def program(self, data: SelfPlay) -> "Argmax":
        return Argmax(self.averaged.module)


@dataclass(frozen=True)
class Argmax:
    net: nn.Module

    def __call__(self, piles: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self.net(torch.tensor(piles)).argmax(1).numpy()


def best_move(piles: np.ndarray) -> np.ndarray:
    return np.where(piles % 3 == 2, 1, 0)


@dataclass(frozen=True)
class ModuloThree:
    def build(self, data: object) -> "ModuloThree":
        return self

    def __call__(self, piles: np.ndarray) -> np.ndarray:
        return best_move(piles)


class NimReferee:
    split = "val"
    piles = np.array([p for p in range(1, PILE) if p % 3])

    def __call__(self, program) -> Evaluation:  # type: ignore[no-untyped-def]
        answers = program(self.piles)
        return Evaluation(answers, {"best_moves": (answers == best_move(self.piles)).astype(float)})

    def examples(self, n: int) -> np.ndarray:
        return np.resize(self.piles, n)

    def gallery(self, evaluations: dict) -> dict:
        strips = [np.tile(e.answers * 200, (8, 1)).astype(np.uint8) for e in evaluations.values()]
        click = Sound(np.array([0.0, 1.0, -1.0, 0.0]), 8000)
        return {"moves": [Picture(strip, "dark: take one", click) for strip in strips]}


class Keys(pl.LightningDataModule):
    """Sorted keys of an uneven distribution, and where each stands."""

    def setup(self, stage: str | None = None) -> None:
        self.train = np.sort(np.random.default_rng(0).lognormal(size=2000)).astype(np.float32)

    def train_dataloader(self) -> Batches:
        return Batches(self.train, np.arange(len(self.train), dtype=np.float32) / len(self.train))

    val_dataloader = train_dataloader


class Curve(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, keys: torch.Tensor) -> torch.Tensor:
        return self.layers(keys.log()[:, None])[:, 0]


class Rank(Module):
    def loss(self, net: nn.Module, batch: tuple) -> tuple:
        keys, share = batch
        return (net(keys) - share).abs().mean(), {}

    def program(self, data: Keys) -> "LearnedIndex":
        return LearnedIndex(self.averaged.module, data.train)


@dataclass(frozen=True)
class LearnedIndex:
    net: nn.Module
    keys: np.ndarray

    def __call__(self, wanted: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            guess = self.net(torch.tensor(wanted)).clamp(0, 1).numpy() * (len(self.keys) - 1)
        at = guess.astype(int)
        while (low := self.keys[at] < wanted).any():
            at = at + low
        while (high := (at > 0) & (self.keys[at - 1] >= wanted)).any():
            at = at - high
        return at


@dataclass(frozen=True)
class Bisection:
    keys: np.ndarray | None = None

    def build(self, data: Keys) -> "Bisection":
        return Bisection(data.train)

    def __call__(self, wanted: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.keys, wanted)


class IndexReferee:
    split = "test"

    def __init__(self, data: Keys) -> None:
        data.setup()
        self.keys = data.train

    def __call__(self, program) -> Evaluation:  # type: ignore[no-untyped-def]
        answers = program(self.keys)
        return Evaluation(answers, {"error": np.abs(answers - np.arange(len(self.keys))).astype(float)})

    def examples(self, n: int) -> np.ndarray:
        return np.resize(self.keys, n)

    def gallery(self, evaluations: dict) -> dict:
        return {}


def nim() -> Domain:
    module = Player(net=Policy(), optimizer=lambda net: torch.optim.Adam(net.parameters(), lr=0.05), **SHARED)
    return Domain(SelfPlay(), module, {"modulo_three": ModuloThree()}, NimReferee())


def index() -> Domain:
    module = Rank(net=Curve(), optimizer=lambda net: torch.optim.Adam(net.parameters(), lr=0.02), **SHARED)
    return Domain(Keys(), module, {"bisection": Bisection()}, IndexReferee(Keys()))


SHARED = {"schedule": triangle(peak=0.1, start=0.1, end=0.1), "ema_decay": 0.5}


# A program of every kind of part that a package carries.


@dataclass(frozen=True)
class Inner:
    table: np.ndarray
    name: str = "inner"


@dataclass(frozen=True)
class Outer:
    inner: Inner
    tables: tuple[np.ndarray, ...]
    words: dict[str, np.ndarray]
    shares: list[float]
    gamma: float = 0.1
    derived: int = field(default=7, init=False)

    def __call__(self, problems: np.ndarray) -> np.ndarray:
        return problems * self.gamma
