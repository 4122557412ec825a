"""WaveNet as a whole: gradients, causality, and what it says adds up to one."""

import numpy as np
import pytest
import torch
from torch import nn

from speech import signal
from speech.data import cut, stacked, utterance
from speech.front import Front
from speech.gated import Gated
from speech.module import say
from speech.net import WaveNet, WaveRNN
from speech.outputs import Logistics, MuLaw
from tests.voices import AIDED, COARSE, PURE, small_net


def test_gradients_of_the_gated_stack() -> None:
    torch.manual_seed(0)
    signals, gap, samples, channels, dilations = 2, 4, 12, 3, [1, 2, 4]
    rows = signals * (gap + samples)
    shapes = [
        (rows, channels),
        (rows // 4, 3, 2 * channels),
        (3, 2 * channels, channels),
        (3, 2 * channels, channels),
        (2, channels, channels),
        (2, channels),
    ]
    given = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    audible = torch.arange(rows) % (gap + samples) >= gap

    def stack(h: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        return Gated.apply(h * audible[:, None], *others, dilations, signals, gap) * audible[:, None]

    assert torch.autograd.gradcheck(stack, given)


def test_the_net_is_wavenet() -> None:
    """Against the paper's own form: causal convolutions, tanh times sigmoid (equation 2)."""
    net = small_net(AIDED, Logistics(mixtures=4)).double()
    inputs, frames = torch.randn(2, 2 * 256, 14).double(), torch.randn(2, 2 + 6, signal.WIDTH + 1).double()
    h = net.enter(inputs).transpose(1, 2)
    biases = net.condition(net.conditioning(frames, 4)).repeat_interleave(64, 1).transpose(1, 2)
    skips = []
    for layer, d in enumerate(net.dilations):
        weight = torch.stack([net.past[layer], net.now[layer]], -1)
        gate = nn.functional.conv1d(nn.functional.pad(h, (d, 0)), weight, dilation=d)
        a, b = (gate + biases[:, 32 * layer : 32 * (layer + 1)]).chunk(2, 1)
        z = (a / 2).tanh() * b.sigmoid() / 2
        skips.append(z)
        if layer < len(net.residual):
            h = h + nn.functional.conv1d(z, net.residual[layer][..., None], net.residual_bias[layer])
    hidden = net.hidden(net.skip(torch.cat(skips, 1).transpose(1, 2)).relu()).relu()
    torch.testing.assert_close(net(inputs, frames, 4), net.leave(hidden))


def test_the_net_never_looks_ahead_and_no_further_back_than_its_receptive_field() -> None:
    net = small_net(AIDED, Logistics(mixtures=4))
    inputs, frames = torch.randn(1, 256, 14), torch.randn(1, 7, signal.WIDTH + 1)
    inputs.requires_grad_()
    net(inputs, frames, 4)[0, 100].sum().backward()
    seen = np.flatnonzero(inputs.grad[0].abs().sum(1).numpy())
    assert (seen[0], seen[-1]) == (100 - net.receptive_field + 1, 100)


@pytest.mark.parametrize("front", [AIDED, PURE])
def test_noise_in_the_past_is_as_loud_in_pauses_as_in_speech(front: Front) -> None:
    """In what the net sees of the sample before."""
    rng = np.random.default_rng(0)
    wave = rng.normal(0, 0.1, 60 * COARSE.hop) * np.repeat([1.0, 0.001], 30 * COARSE.hop)
    whole = utterance(wave, signal.Features(signal.analyse(wave, COARSE).frames, COARSE), front)
    seen = []

    def net(x: torch.Tensor, *_: object) -> torch.Tensor:
        seen.append(x[0].numpy())
        return x

    for level in (0.0, 0.05):
        noise = rng.normal(0, level, len(whole.y)).astype(np.float32)
        batch = stacked([cut(whole, 0, 60, 0, COARSE, noise, level)])
        say(net, batch, COARSE, front, torch.zeros(signal.WIDTH), torch.ones(signal.WIDTH))
    column = 2 if front.lpc else 0  # what prediction left, or the signal
    added = seen[1][:, column] - seen[0][:, column]
    loud, quiet = added[: 25 * COARSE.hop].std(), added[35 * COARSE.hop :].std()
    assert loud == pytest.approx(quiet, rel=0.25)
    assert loud > 0.02


@pytest.mark.parametrize("deviation", [2e-5, 1e-3, 0.05])
@pytest.mark.parametrize("outputs", [Logistics(mixtures=1), Logistics(mixtures=3), MuLaw(levels=64, reach=4)])
def test_probabilities_of_all_16_bit_samples_sum_to_one(outputs: Logistics | MuLaw, deviation: float) -> None:
    """Where it is quiet, so that a step is wider than levels; in the middle; and where it is loud."""
    torch.manual_seed(0)
    z = torch.arange(-(2**15), 2**15) * signal.LSB / deviation
    said = torch.randn(outputs.size).expand(len(z), -1)
    total = torch.exp(-outputs.nats(said, z, torch.full_like(z, signal.LSB / deviation)).double()).sum()
    assert float(total) == pytest.approx(1, abs=2e-4)


@pytest.mark.parametrize("outputs", [Logistics(mixtures=1), MuLaw(levels=3, reach=4)])
def test_what_is_far_off_costs_finite_bits_with_a_gradient(outputs: Logistics | MuLaw) -> None:
    said = torch.tensor([[0.0, 0.0, -20.0]], requires_grad=True)
    nats = outputs.nats(said, torch.tensor([300.0]), torch.tensor([1e-4]))
    nats.sum().backward()
    assert torch.isfinite(nats).all()
    assert torch.isfinite(said.grad).all()


def test_widths_that_fill_no_register_are_refused() -> None:
    rest = {"front": AIDED, "outputs": Logistics(mixtures=1), "condition_channels": 8}
    with pytest.raises(ValueError, match=r"net\.channels: given 24, wanted a multiple of 16"):
        WaveNet(channels=24, cycles=1, cycle=2, skip_channels=16, **rest)
    with pytest.raises(ValueError, match=r"net\.skip_channels: given 8, wanted a multiple of 16"):
        WaveNet(channels=16, cycles=1, cycle=2, skip_channels=8, **rest)
    with pytest.raises(ValueError, match=r"net\.hidden_channels: given 40, wanted a multiple of 16"):
        WaveRNN(channels=16, hidden_channels=40, receptive_field=9, **rest)
