"""WaveNet: a stack of gated convolutions that sees the past at ever larger steps; and WaveRNN, to swap in for it.

van den Oord et al. 2016, "WaveNet: A Generative Model for Raw Audio", arXiv 1609.03499, sections 2.3 to 2.5. A layer
of kernel 2 and dilation d sees the samples t and t - d; its gate is also told what the features say at t. Channels are
last, so that every convolution is a matrix product; time never looks ahead.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from speech.front import Front
from speech.gated import Gated, singly
from speech.outputs import Outputs
from speech.product import LANES
from speech.recurrent import exported
from speech.signal import WIDTH


class Conditioning(nn.Module):
    """Features (and the level of noise in the past) -> vectors a subframe.

    Two convolutions at the frames' rate, interpolated linearly to subframes: learned upsampling learns little else.

    Args:
        channels: of what comes out.
    """

    def __init__(self, *, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(WIDTH + 1, channels, 3)
        self.second = nn.Conv1d(channels, channels, 3)

    def forward(self, frames: Float[Tensor, "batch frames features"], subframes: int) -> Float[Tensor, "batch n c"]:
        """Of frames with CONTEXT_FRAMES more at both ends: (frames - 2 * CONTEXT_FRAMES) * subframes vectors."""
        hidden = self.second(self.first(frames.transpose(1, 2)).relu()).relu().transpose(1, 2)  # (B, n + 2, C)
        if subframes == 1:
            return hidden[:, 1:-1]
        place = (torch.arange(subframes, device=hidden.device) + 0.5) / subframes - 0.5
        here, before, after = hidden[:, 1:-1, None], hidden[:, :-2, None], hidden[:, 2:, None]
        share = place[:, None].to(hidden.dtype)
        return (here + share.clamp_min(0) * (after - here) + (-share).clamp_min(0) * (before - here)).flatten(1, 2)


def check_widths(**widths: int) -> None:
    """Of what sampling multiplies.

    Raises:
        ValueError: they do not fill its registers.
    """
    for name, width in widths.items():
        if width < 1 or width % LANES:
            raise ValueError(f"net.{name}: given {width}, wanted a multiple of {LANES}")


class WaveNet(nn.Module):
    """The past of a signal and its features -> what is said of each sample.

    Args:
        front: what a sample's inputs are.
        outputs: what is said.
        channels: of the residual path.
        cycles: times that the dilations begin at 1 again.
        cycle: layers until then, each of twice the dilation.
        skip_channels: of the skip path and the layer after it.
        condition_channels: of the conditioning.
    """

    def __init__(
        self,
        *,
        front: Front,
        outputs: Outputs,
        channels: int,
        cycles: int,
        cycle: int,
        skip_channels: int,
        condition_channels: int,
    ) -> None:
        super().__init__()
        check_widths(channels=channels, skip_channels=skip_channels)
        self.dilations = [2**i for _ in range(cycles) for i in range(cycle)]
        layers = len(self.dilations)
        self.channels = channels
        self.conditioning = Conditioning(channels=condition_channels)
        self.enter = nn.Linear(front.inputs, channels)
        self.condition = nn.Linear(condition_channels, layers * 2 * channels)
        scale = channels**-0.5
        self.past = nn.Parameter(torch.empty(layers, 2 * channels, channels).uniform_(-scale, scale))
        self.now = nn.Parameter(torch.empty(layers, 2 * channels, channels).uniform_(-scale, scale))
        self.residual = nn.Parameter(torch.empty(layers - 1, channels, channels).uniform_(-scale, scale))
        self.residual_bias = nn.Parameter(torch.zeros(layers - 1, channels))
        self.skip = nn.Linear(layers * channels, skip_channels)
        self.hidden = nn.Linear(skip_channels, skip_channels)
        self.leave = nn.Linear(skip_channels, outputs.size)
        with torch.no_grad():
            self.leave.weight.mul_(0.1)
            self.leave.bias.copy_(outputs.start())

    @property
    def receptive_field(self) -> int:
        """Samples of inputs that an output depends on."""
        return sum(self.dilations) + 1

    @property
    def memory(self) -> tuple[int, int]:
        """Rows of so many channels that must be kept between samples."""
        return sum(self.dilations), self.channels

    def matrices(self) -> list[Tensor]:
        """What every sample is multiplied by: sampling holds it in bfloat16."""
        linear = (self.enter.weight, self.skip.weight, self.hidden.weight, self.leave.weight)
        return [self.past, self.now, self.residual, *linear]

    def biases(
        self, frames: Float[Tensor, "batch frames features"], subframes: int
    ) -> Float[Tensor, "batch n layers gates"]:
        """What the features add to every layer's gates, a row a subframe."""
        return self.condition(self.conditioning(frames, subframes)).unflatten(-1, (len(self.dilations), -1))

    def forward(
        self,
        inputs: Float[Tensor, "batch samples inputs"],
        frames: Float[Tensor, "batch frames features"],
        subframes: int,
    ) -> Float[Tensor, "batch samples outputs"]:
        """Causal: an output depends on the inputs up to its own; before the first, every layer's past is zeros.

        Args:
            frames: normalised features of these samples with CONTEXT_FRAMES more at both ends.
        """
        h, biases = self.enter(inputs), self.biases(frames, subframes)
        weights = [w.to(h.dtype) for w in (self.past, self.now, self.residual, self.residual_bias)]
        if torch.compiler.is_exporting():  # what is written out in Gated would become thousands of operations
            z = singly(h, biases, weights, self.dilations)
        else:
            z = self._together(h, biases.to(h.dtype), weights)
        return self.leave(self.hidden(self.skip(z).relu()).relu())

    def _together(self, h: Tensor, biases: Tensor, weights: Sequence[Tensor]) -> Tensor:
        """Every layer's z, (B, N, layers * channels)."""
        batch, samples, _ = h.shape
        hold = samples // biases.shape[1]
        silent = -(-max(self.dilations) // hold)  # subframes of zeros before each signal
        gap = silent * hold
        h = F.pad(h, (0, 0, gap, 0)).flatten(0, 1)
        biases = F.pad(biases, (0, 0, 0, 0, silent, 0)).flatten(0, 1)
        z = Gated.apply(h, biases, *weights, self.dilations, batch, gap)
        return z.unflatten(1, (batch, -1))[:, :, gap:].movedim(0, 2).flatten(2)


class WaveRNN(nn.Module):
    """The same by a gated recurrent unit: all of the past in one vector (Kalchbrenner et al. 2018, arXiv 1802.08435).

    Args:
        front: what a sample's inputs are.
        outputs: what is said.
        channels: of the state.
        hidden_channels: of the layer after it.
        condition_channels: of the conditioning.
        receptive_field: samples after which a state counts as warmed up.
    """

    def __init__(
        self,
        *,
        front: Front,
        outputs: Outputs,
        channels: int,
        hidden_channels: int,
        condition_channels: int,
        receptive_field: int,
    ) -> None:
        super().__init__()
        check_widths(channels=channels, hidden_channels=hidden_channels)
        self.inputs = front.inputs
        self.receptive_field = receptive_field
        self.memory = (1, channels)
        self.conditioning = Conditioning(channels=condition_channels)
        self.rnn = nn.GRU(front.inputs + condition_channels, channels, batch_first=True)
        self.hidden = nn.Linear(channels, hidden_channels)
        self.leave = nn.Linear(hidden_channels, outputs.size)
        with torch.no_grad():
            self.leave.weight.mul_(0.1)
            self.leave.bias.copy_(outputs.start())

    def matrices(self) -> list[Tensor]:
        """As WaveNet's."""
        given, kept, *_ = self.rnn.all_weights[0]
        return [given[:, : self.inputs], kept, self.hidden.weight, self.leave.weight]

    def biases(
        self, frames: Float[Tensor, "batch frames features"], subframes: int
    ) -> Float[Tensor, "batch n layers gates"]:
        """What the features add to the gates, a row a subframe."""
        weight, _, bias, _ = self.rnn.all_weights[0]
        return F.linear(self.conditioning(frames, subframes), weight[:, self.inputs :], bias)[:, :, None]

    def forward(
        self,
        inputs: Float[Tensor, "batch samples inputs"],
        frames: Float[Tensor, "batch frames features"],
        subframes: int,
    ) -> Float[Tensor, "batch samples outputs"]:
        """As WaveNet's; the state before the first sample is zeros."""
        told = self.conditioning(frames, subframes)
        held = inputs.unflatten(1, (told.shape[1], -1))  # (B, subframes, samples of each, inputs)
        told = told.to(inputs.dtype)[:, :, None].expand(-1, -1, held.shape[2], -1)
        x = torch.cat([held, told], -1).flatten(1, 2)
        state = exported(self.rnn, x) if torch.compiler.is_exporting() else self.rnn(x)[0]
        return self.leave(self.hidden(state).relu())
