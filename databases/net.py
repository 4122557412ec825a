"""The root's architectures: distribution functions made of ReLUs, never descending whatever their weights are.

A ReLU net of one input is piecewise linear, so that what was trained can be written down exactly as a table of knots
(`bends`), which is what lookups read. Its weights are the widths and the heights of the pieces, as softmaxes: it begins
as the straight line from 0 to 1, the root that has learned nothing, and every gradient step leaves it a distribution.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

SMALLEST = 1e-9  # width and height of a piece: none has an infinite slope
Bends = tuple[Float[Tensor, " bends"], Float[Tensor, " bends"]]


class Pieces(nn.Module):
    """A continuous function from [0, 1] onto [0, 1] of so many straight pieces."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        # In float64: neighbouring keys may differ in the twelfth digit of their feature.
        self.widths = nn.Parameter(torch.zeros(pieces, dtype=torch.float64))
        self.heights = nn.Parameter(torch.zeros(pieces, dtype=torch.float64))

    def bends(self) -> Bends:
        """Where the pieces begin and end, from 0 to 1, and the values there."""
        return _cumulative(self.widths), _cumulative(self.heights)

    def forward(self, x: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        knots, values = self.bends()
        rises = F.relu(x[:, None] - knots[:-1]) - F.relu(x[:, None] - knots[1:])  # (n, pieces)
        return rises @ (values.diff() / knots.diff())


def _cumulative(weights: Tensor) -> Tensor:
    # As tensors: numbers of Python would be rounded to float32 in an exported graph.
    floor, rest = weights.new_tensor([SMALLEST, 1 - SMALLEST * len(weights)])
    shares = floor + rest * weights.softmax(0)
    return torch.cat([shares.new_zeros(1), shares.cumsum(0)[:-1], shares.new_ones(1)])


class RMI(nn.Module):
    """One hidden layer: so many pieces."""

    def __init__(self, *, pieces: int) -> None:
        super().__init__()
        self.pieces = Pieces(pieces)

    def bends(self) -> Bends:
        return self.pieces.bends()

    def forward(self, x: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return self.pieces(x)


class DeepRMI(nn.Module):
    """Two hidden layers of so many pieces each: nearly twice as many together, half of them placed by the first."""

    def __init__(self, *, pieces: int) -> None:
        super().__init__()
        self.first, self.second = Pieces(pieces), Pieces(pieces)

    def bends(self) -> Bends:
        knots, values = self.first.bends()
        bends, _ = self.second.bends()
        # Where the first layer reaches a knot of the second.
        piece = (torch.searchsorted(values, bends[1:-1]) - 1).clamp_min(0)
        share = (bends[1:-1] - values[piece]) / (values[piece + 1] - values[piece])
        x = torch.cat([knots, knots[piece] + share * (knots[piece + 1] - knots[piece])]).sort().values
        return x, self(x)

    def forward(self, x: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return self.second(self.first(x))
