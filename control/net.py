"""The architectures. All take planes of stones, uint8 (N, 2, height, width), and give logits (N, moves + 3).

Those are one logit a move, illegal ones included, and one each for a win, a draw and a loss of the side to move. No
net has a normalisation: residual blocks begin as the identity (Zhang et al. 2019, "Fixup Initialization", arXiv
1901.09321), which trains as well here, and training and playing see the same function.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from control.game import Rules

OUTCOMES = 3  # win, draw, loss


class Residual(nn.Module):
    """x + second(relu(first(x))), then ReLU; `second` begins as zero."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second
        nn.init.zeros_(second.weight)  # type: ignore[arg-type]
        nn.init.zeros_(second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(F.relu(self.first(x))))


def conv_block(channels: int) -> Residual:
    """Two 3x3 convolutions."""
    return Residual(*(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2)))


def dense_block(width: int) -> Residual:
    """Two dense layers."""
    return Residual(nn.Linear(width, width), nn.Linear(width, width))


class Hybrid(nn.Module):
    """Residual convolutions, which know what a row is anywhere, then residual dense layers, which know each cell.

    Args:
        channels: of the convolutions.
        conv_blocks: of two convolutions each, after a first one.
        width: of the dense layers.
        dense_blocks: of two dense layers each, after a first one.
    """

    def __init__(self, *, rules: Rules, channels: int, conv_blocks: int, width: int, dense_blocks: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, channels, 3, padding=1)
        self.convolutions = nn.Sequential(*(conv_block(channels) for _ in range(conv_blocks)))
        self.join = nn.Linear(channels * rules.height * rules.width, width)
        self.dense = nn.Sequential(*(dense_block(width) for _ in range(dense_blocks)))
        self.head = nn.Linear(width, rules.game.moves + OUTCOMES)
        self.to(memory_format=torch.channels_last)

    def forward(self, planes: UInt8[Tensor, "n 2 height width"]) -> Float[Tensor, "n logits"]:
        x = F.relu(self.stem(as_input(planes, self.stem.weight)))
        x = self.convolutions(x).permute(0, 2, 3, 1).flatten(1)  # (N, cells x channels), as it lies in memory
        return self.head(self.dense(F.relu(self.join(x))))


class Dense(nn.Module):
    """Residual dense layers only: ten times as fast, and it has to learn every cell by itself."""

    def __init__(self, *, rules: Rules, width: int, blocks: int) -> None:
        super().__init__()
        self.stem = nn.Linear(2 * rules.height * rules.width, width)
        self.blocks = nn.Sequential(*(dense_block(width) for _ in range(blocks)))
        self.head = nn.Linear(width, rules.game.moves + OUTCOMES)

    def forward(self, planes: UInt8[Tensor, "n 2 height width"]) -> Float[Tensor, "n logits"]:
        return self.head(self.blocks(F.relu(self.stem(as_input(planes, self.stem.weight).flatten(1)))))


class Tower(nn.Module):
    """The residual tower of AlphaGo Zero (Silver et al. 2017, "Methods: Neural network architecture").

    Args:
        channels: of the convolutions.
        blocks: of two convolutions each.
        head_channels: of the 1x1 convolutions before the dense layers of moves and of the outcome.
    """

    def __init__(self, *, rules: Rules, channels: int, blocks: int, head_channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, channels, 3, padding=1)
        self.blocks = nn.Sequential(*(conv_block(channels) for _ in range(blocks)))
        self.squeeze = nn.Conv2d(channels, 2 * head_channels, 1)
        cells = rules.height * rules.width
        self.moves = nn.Linear(head_channels * cells, rules.game.moves)
        self.outcome = nn.Linear(head_channels * cells, OUTCOMES)
        self.to(memory_format=torch.channels_last)

    def forward(self, planes: UInt8[Tensor, "n 2 height width"]) -> Float[Tensor, "n logits"]:
        x = self.blocks(F.relu(self.stem(as_input(planes, self.stem.weight))))
        moves, outcome = F.relu(self.squeeze(x)).chunk(2, 1)
        return torch.cat([self.moves(moves.flatten(1)), self.outcome(outcome.flatten(1))], 1)


def as_input(planes: UInt8[Tensor, "n 2 height width"], like: Tensor) -> Float[Tensor, "n 2 height width"]:
    """In the number format of a net's weights, channels last."""
    return planes.to(like.dtype, memory_format=torch.channels_last)
