"""A trained net as a function of positions, as fast as this machine answers."""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from common.precision import auto
from control.game import ONE, ZERO, Game, Rules, kernel, mirror_move


@kernel
def fill_planes(game: Game, positions: np.ndarray, out: np.ndarray) -> None:
    """`control.positions.planes` into uint8 (N, height, width, 2): channels last."""
    for i in range(len(positions)):
        own, other = positions[i, 0], positions[i, 0] ^ positions[i, 1]
        for column in range(game.width):
            for row in range(game.height):
                bit = ONE << (column * (game.height + 1) + game.height - 1 - row)
                out[i, row, column, 0] = own & bit != ZERO
                out[i, row, column, 1] = other & bit != ZERO


def as_planes(game: Game, positions: np.ndarray) -> torch.Tensor:
    """uint8 (N, 2, height, width), channels last in memory."""
    pixels = np.empty((len(positions), game.height, game.width, 2), np.uint8)
    fill_planes(game, positions, pixels)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Inference:
    """positions, uint64 (N, 2), in; float32 (N, moves + 3) logits of moves and of win, draw and loss out."""

    rules: Rules
    net: nn.Module

    @torch.inference_mode()
    def __call__(self, positions: np.ndarray) -> np.ndarray:
        return self.net(as_planes(self.rules.game, positions)).float().numpy()

    @torch.inference_mode()
    def both_ways(self, positions: np.ndarray) -> np.ndarray:
        """The mean of what the net says of each position and of its mirror image."""
        game, planes = self.rules.game, as_planes(self.rules.game, positions)
        mirrored = [mirror_move(game, move) for move in range(game.moves)] + [*range(game.moves, game.moves + 3)]
        return ((self.net(planes).float() + self.net(planes.flip(3)).float()[:, mirrored]) / 2).numpy()


def inference(rules: Rules, net: nn.Module) -> Inference:
    """Of a copy of the net as it is now, in bf16 where that is fast."""
    dtype = torch.bfloat16 if auto("cpu") == "bf16-mixed" else torch.float32
    return Inference(rules, copy.deepcopy(net).eval().requires_grad_(False).cpu().to(dtype))
