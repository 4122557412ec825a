"""WaveNet sample by sample, alone and in company, says what the whole says."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from speech import signal
from speech.data import cut, lead_frames, stacked, utterance
from speech.front import Front
from speech.generate import ALONE
from speech.module import LearnedVocoder, say
from speech.net import WaveNet
from speech.outputs import Logistics, MuLaw
from speech.product import LANES
from speech.signal import Analysis
from tests.voices import ARMS, COARSE, FINE, HOW, PURE, data, sampler, small_net, small_rnn, some, vocoder


@pytest.mark.parametrize("make", [small_net, small_rnn])
@pytest.mark.parametrize(("analysis", "front", "outputs"), ARMS)
def test_sample_by_sample_says_what_the_whole_says(analysis: Analysis, front: Front, outputs, make) -> None:  # type: ignore[no-untyped-def]
    program = vocoder(analysis, front, outputs, make)
    (wave, *_), (features, *_) = some(analysis, 1)
    whole = utterance(wave, features, front)
    lead = lead_frames(program.net.receptive_field, analysis)
    batch = stacked([cut(whole, 0, len(features.frames), lead, analysis)])._replace(level=torch.tensor([0.3]))
    mean, deviation = torch.from_numpy(program.mean), torch.from_numpy(program.deviation)
    said = say(program.net, batch, analysis, front, mean, deviation)[0][0, lead * analysis.hop :]
    follower, heard = sampler(program, noise=0.3), []
    drawing = follower.drawing(voiced=1, unvoiced=1, sharpened=False, seed=0)
    followed = np.concatenate(list(follower.stream([features.frames], drawing, forced=[whole.y], heard=heard)))
    assert np.array_equal(followed[: len(whole.y), 0], whole.y)
    np.testing.assert_allclose(np.concatenate(heard)[: len(said), :, 0], said, atol=1e-4)
    assert said.std() > 0.05


@pytest.mark.parametrize("make", [small_net, small_rnn])
@pytest.mark.parametrize(("analysis", "front", "outputs"), ARMS)
def test_an_utterance_sounds_the_same_in_any_company(analysis: Analysis, front: Front, outputs, make) -> None:  # type: ignore[no-untyped-def]
    program = vocoder(analysis, front, outputs, make)
    _, features = some(analysis, ALONE + 1)
    together = program(features)
    assert [len(wave) for wave in together] == [len(f.frames) * analysis.hop for f in features]
    for alone, wave in zip((program([f])[0] for f in features), together, strict=True):
        assert np.array_equal(alone, wave)
        assert wave.dtype == np.float32
        assert wave.any()


def test_chunks_leave_no_trace_and_draws_are_fixed_by_the_seed(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    program = vocoder(*ARMS[0])
    _, (features,) = some(COARSE, 1)
    source = sampler(program)
    drawing = source.drawing(voiced=1, unvoiced=1, sharpened=False, seed=0)
    (whole,) = source.generate([features.frames], drawing)
    with monkeypatch.context() as patched:
        patched.setattr("speech.generate.CHUNK_FRAMES", 3)
        chunks = list(source.stream([features.frames], drawing))
    assert len(chunks) > 5
    np.testing.assert_allclose(np.concatenate(chunks)[:, 0], whole, atol=1e-6)  # conditioning is rounded by its shape
    (other,) = source.generate([features.frames], source.drawing(voiced=1, unvoiced=1, sharpened=False, seed=1))
    assert not np.array_equal(other, whole)


def constant_net(front: Front, outputs: Logistics | MuLaw) -> WaveNet:
    """It says the same everywhere, so that without linear prediction the samples are nothing but draws."""
    net = small_net(front, outputs)
    net.leave.weight.zero_()
    return net


def test_utterances_have_random_numbers_of_their_own() -> None:
    source = sampler(vocoder(FINE, PURE, Logistics(mixtures=2), constant_net))
    drawing = source.drawing(voiced=1, unvoiced=1, sharpened=False, seed=0)
    one, other = np.zeros((2, 30, signal.WIDTH), np.float32)
    other[7, signal.BANDS + 1] = 1
    first, second, *again = source.generate([one, other] + [one] * ALONE, drawing)
    assert all(np.array_equal(first, wave) for wave in again)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1


def test_too_many_utterances_at_once_are_refused() -> None:
    source = sampler(vocoder(*ARMS[0]))
    drawing = source.drawing(voiced=1, unvoiced=1, sharpened=False, seed=0)
    with pytest.raises(ValueError, match=f"given {LANES + 1}, wanted at most {LANES}"):
        next(source.stream([np.zeros((1, 82), np.float32)] * (LANES + 1), drawing))


@pytest.mark.parametrize("outputs", [Logistics(mixtures=2), MuLaw(levels=256, reach=20)])
@pytest.mark.parametrize(("scale", "sharpened"), [(1.0, False), (0.5, False), (0.5, True)])
@pytest.mark.parametrize(("voicing", "other"), [((0,), 9.0), ((1,), 9.0), ((0, 1), 2.0)])
def test_draws_have_the_distribution_that_was_said(
    outputs: Logistics | MuLaw, scale: float, sharpened: bool, voicing: tuple[int, ...], other: float
) -> None:
    """The samples' distribution function at a few points, by voicing.

    `scale` is that of the frames of the last voicing, `other` that of the rest.
    """
    net = constant_net(PURE, outputs)
    said = torch.tensor([0.0, 1.0, -2.0, 1.0, 0.0, -1.0]) if isinstance(outputs, Logistics) else torch.randn(256) / 2
    net.leave.bias.copy_(said)
    program = LearnedVocoder(FINE, PURE, outputs, HOW, net, np.zeros(82, np.float32), np.ones(82, np.float32))
    source = sampler(program)
    frames = np.zeros((60, signal.WIDTH), np.float32)
    flags = frames[:, signal.BANDS + 1] = np.resize(voicing, len(frames))
    scales = {1 - voicing[-1]: other, voicing[-1]: scale}
    drawing = source.drawing(voiced=scales[1], unvoiced=scales[0], sharpened=sharpened, seed=0)
    (y,) = source.generate([frames], drawing)
    for flag in voicing:
        z = np.sort(y.reshape(len(frames), -1)[flags == flag], axis=None) / 0.01
        for point in (-3.0, -1.0, 0.5, 2.0):
            known = share_below(point, outputs, said.double(), scales[flag], sharpened)
            assert np.searchsorted(z, point) / len(z) == pytest.approx(known, abs=0.02)


def share_below(point: float, outputs: Logistics | MuLaw, said: torch.Tensor, scale: float, sharpened: bool) -> float:
    """The distribution function of two logistics or of levels, its widths or logits over `scale`."""
    if isinstance(outputs, Logistics):
        weights = (said[:2] / (scale if sharpened else 1)).softmax(0).numpy()
        means, widths = said[2:4].numpy(), said[4:].exp().numpy()
        return float(weights @ (1 / (1 + np.exp(-(point - means) / widths / scale))))
    return float(np.interp(point, outputs.edges(), np.concatenate([[0], (said / scale).softmax(0).numpy().cumsum()])))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: replace(HOW, voiced=0.0), r"sampling\.voiced: given 0\.0, wanted more than 0"),
        (lambda: replace(HOW, noise=-0.1), r"sampling\.noise: given -0\.1, wanted 0 or more"),
        (lambda: replace(HOW, equaliser=-1), r"sampling\.equaliser: given -1, wanted 0 or more"),
        (lambda: replace(HOW, comb=0.6), r"sampling\.comb: given 0\.6, wanted 0 to 0\.5"),
        (lambda: Logistics(mixtures=0), r"outputs\.mixtures: given 0, wanted 1 or more"),
        (lambda: MuLaw(levels=1, reach=4), r"outputs: given 1 levels to 4, wanted 2 levels or more"),
        (lambda: data(receptive_field=0), r"data\.receptive_field: given 0, wanted 1 or more"),
        (lambda: data(noise=-0.1), r"data\.noise: given -0\.1, wanted 0 or more"),
    ],
)
def test_what_nothing_can_be_drawn_with_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()
