"""The loss, and how the trained net becomes a player."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from common.module import Metrics, Module
from common.portable import Graph
from control.cache import cache
from control.data import Batch
from control.game import Rules
from control.inference import Inference, inference
from control.net import OUTCOMES
from control.positions import check_positions, legal_moves
from control.root import best_moves
from control.search import check_said, search
from control.tree import Selection, check_selection

TOGETHER = 256  # positions that are searched in lock-step


class AlphaZero(Module):
    """Cross-entropy of the moves with the search's visits, and of the outcome with what came of the games.

    Silver et al. 2018, arXiv 1712.01815, equation 1, with a win, a draw and a loss as classes instead of a squared
    error. Before each epoch the averaged net plays the games that it is trained on.

    Args:
        rules: of the game.
        selection: how the player searches.
        simulations: of the player, a move; 0 plays what the net says at once.
        cache_bits: 2 to the power of it answers of the net are remembered during one call.
    """

    def __init__(self, *, rules: Rules, selection: Selection, simulations: int, cache_bits: int, **shared: Any) -> None:
        super().__init__(**shared)
        if simulations < 0:
            raise ValueError(f"module.simulations: given {simulations}, wanted 0 or more")
        check_selection(selection)
        self.rules, self.selection, self.simulations, self.cache_bits = rules, selection, simulations, cache_bits

    def on_train_epoch_start(self) -> None:
        played = self.trainer.datamodule.play(self.averaged.module)  # type: ignore[attr-defined]
        shown = ("games", "positions_per_s", "evaluations_per_s")
        self.log_dict({f"play/{name}": played[name] for name in shown}, prog_bar=True)
        self.log_dict({f"play/{name}": number for name, number in played.items() if name not in shown})

    def loss(self, net: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        planes, policy, value = batch
        moves, outcome = net(planes).float().split([self.rules.game.moves, OUTCOMES], 1)
        policy_loss = -(policy * moves.log_softmax(1)).sum(1).mean()
        value_loss = F.cross_entropy(outcome, value)
        wrong_outcome = (outcome.argmax(1) != value.argmax(1)).float().mean()
        told = policy.sum(1) > 0  # a lost position has no better move
        worse = (policy.gather(1, best_legal(planes, moves))[:, 0] == 0) & told
        worse_move = worse.sum() / told.sum().clamp_min(1)
        parts = {"policy_loss": policy_loss, "value_loss": value_loss}
        return policy_loss + value_loss, parts | {"wrong_outcome": wrong_outcome, "worse_move": worse_move}

    def program(self, data: pl.LightningDataModule) -> "LearnedPlayer":
        net = inference(self.rules, self.averaged.module)
        return LearnedPlayer(
            net=net, selection=self.selection, simulations=self.simulations, cache_bits=self.cache_bits
        )

    def graphs(self, net: Any) -> Mapping[str, Graph]:
        """The logits of moves and of a win, a draw and a loss, without search."""
        parts = [self.rules.game.moves, OUTCOMES]
        planes = torch.zeros(2, 2, self.rules.height, self.rules.width, dtype=torch.uint8)
        return {"": Graph(lambda x: net(x).split(parts, 1), {"planes": ("n", planes)}, ["moves", "outcome"])}


def best_legal(planes: UInt8[Tensor, "n 2 height width"], moves: Float[Tensor, "n moves"]) -> Tensor:
    """int64 (N, 1): the legal move with the highest logit."""
    free = planes.sum(1) == 0  # (N, height, width), the top row first
    drops = moves.shape[1] == free.shape[2]
    legal = free[:, 0] if drops else free.flip(1).transpose(1, 2).flatten(1)
    return moves.masked_fill(~legal, -float("inf")).argmax(1, keepdim=True)


@dataclass(frozen=True)
class LearnedPlayer:
    """Positions uint64 (N, 2) -> float64 (N, 2 + moves): a move each, its value for the side to move, and shares.

    The shares are of the search's visits; without simulations they are what the net says of the legal moves, in the
    mean of the position and its mirror image.
    """

    net: Inference
    selection: Selection
    simulations: int
    cache_bits: int

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        positions = check_positions(self.net.rules.game, positions)
        answer = self._searched if self.simulations else self._at_once
        parts = [answer(positions[i : i + TOGETHER]) for i in range(0, len(positions), TOGETHER)]
        return np.concatenate([*parts, np.empty((0, 2 + self.net.rules.game.moves))])

    def with_simulations(self, simulations: int) -> "LearnedPlayer":
        """The same net, searching more or less."""
        return replace(self, simulations=simulations)

    def _searched(self, positions: np.ndarray) -> np.ndarray:
        game = self.net.rules.game
        known = cache(game, bits=self.cache_bits)
        return best_moves(
            game, self.selection, search(game, self.selection, self.net, known, positions, self.simulations)
        )

    def _at_once(self, positions: np.ndarray) -> np.ndarray:
        game = self.net.rules.game
        said = check_said(game, self.net.both_ways(positions), len(positions))
        logits = np.where(legal_moves(game, positions), said[:, : game.moves], -np.inf)
        moves, outcome = (np.exp(x - x.max(1, keepdims=True)) for x in (logits, said[:, game.moves :]))
        value = (outcome[:, 0] - outcome[:, 2]) / outcome.sum(1)
        return np.column_stack([logits.argmax(1), value, moves / moves.sum(1, keepdims=True)])
