"""What the net says of the next sample: a distribution, scored exactly as one of 16-bit samples, and sampled from.

The quantity is z = (y - p) / s: what linear prediction leaves of the pre-emphasised signal, in the scale that the mels
give (or the signal itself in a fixed scale). Given the past, a 16-bit sample x is an interval of z.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from speech.signal import expanded

SMALLEST_LOG_SCALE = -7.0
TAIL = 1e-5
NATS_PER_BIT = float(np.log(2))


@dataclass(frozen=True, kw_only=True)
class Logistics:
    """A mixture of logistic distributions (Salimans et al. 2017, PixelCNN++, section 2.1); one of them is single.

    Parameters: for each its weight's logit, mean, and log scale.
    """

    mixtures: int

    def __post_init__(self) -> None:
        if self.mixtures < 1:
            raise ValueError(f"outputs.mixtures: given {self.mixtures}, wanted 1 or more")

    @property
    def size(self) -> int:
        return 3 * self.mixtures

    def start(self) -> Tensor:
        """Biases (size,) that say: about the width that the mels predict."""
        spread = torch.linspace(-0.5, 0.5, self.mixtures) if self.mixtures > 1 else torch.zeros(1)
        return torch.cat([torch.zeros(self.mixtures), spread, torch.full((self.mixtures,), float(np.log(0.5)))])

    def nats(
        self, said: Float[Tensor, "... size"], z: Float[Tensor, "..."], step: Float[Tensor, "..."]
    ) -> Float[Tensor, "..."]:
        """-log of the probability of the interval of width `step` around z."""
        weight, mean, log_scale = said.float().chunk(3, -1)
        log_scale = log_scale.clamp_min(SMALLEST_LOG_SCALE)
        width = step[..., None] * torch.exp(-log_scale)
        centre = (z[..., None] - mean) * torch.exp(-log_scale)
        # log(sigmoid(c + w/2) - sigmoid(c - w/2)), in a form in which nothing cancels or overflows
        log_mass = width + torch.log(-torch.expm1(-width))
        log_mass = log_mass - F.softplus(width / 2 + centre) - F.softplus(width / 2 - centre)
        return -torch.logsumexp(weight.log_softmax(-1) + log_mass, -1)


@dataclass(frozen=True, kw_only=True)
class MuLaw:
    """A softmax over mu-law levels of z (van den Oord et al. 2016, WaveNet, section 2.2); even within a level.

    TAIL of the probability is a logistic's as wide as all levels together, which is never drawn: what lies beyond them
    is unlikely, not impossible.

    Args:
        levels: of the companding.
        reach: the largest |z| that has a level.
    """

    levels: int
    reach: float

    def __post_init__(self) -> None:
        if self.levels < 2 or self.reach <= 0:
            raise ValueError(
                f"outputs: given {self.levels} levels to {self.reach}, wanted 2 levels or more, to more than 0"
            )

    @property
    def size(self) -> int:
        return self.levels

    def start(self) -> Tensor:
        """Biases (size,): every level alike."""
        return torch.zeros(self.levels)

    def nats(
        self, said: Float[Tensor, "... size"], z: Float[Tensor, "..."], step: Float[Tensor, "..."]
    ) -> Float[Tensor, "..."]:
        """-log of the probability of the interval of width `step` around z."""
        edges = torch.as_tensor(self.edges(), dtype=torch.float32, device=z.device)
        below, above = ((z + sign * step / 2)[..., None] for sign in (-1, 1))
        inside = (torch.minimum(above, edges[1:]) - torch.maximum(below, edges[:-1])).clamp_min(0) / edges.diff()
        mass = torch.logsumexp(said.float().log_softmax(-1) + inside.clamp_min(1e-30).log(), -1)
        wide = torch.tensor([0.0, 0.0, float(np.log(self.reach))], device=z.device)
        tail = Logistics(mixtures=1).nats(wide.expand(*z.shape, 3), z, step)
        return -torch.logaddexp(mass + float(np.log1p(-TAIL)), float(np.log(TAIL)) - tail)

    def edges(self) -> np.ndarray:
        """The borders between levels, (levels + 1,), the outermost at -reach and reach."""
        return self.reach * expanded(np.linspace(-1, 1, self.levels + 1), self.levels - 1)


Outputs = Logistics | MuLaw
