"""WaveNet, whole and sample by sample, alone and in company; the hand-written vocoders; the referee."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from scipy.signal import find_peaks
from torch import nn

from common import experiment
from common.optim import adamw, triangle
from speech import signal
from speech.baseline import GriffinLim, SourceFilter, predicted, pulses, synthesise
from speech.corpus import parts, prompts
from speech.data import Batches, Prompts, cut, features_of, lead_frames, names, stacked, utterance
from speech.evaluate import Referee, check_waves
from speech.front import Front
from speech.gated import Gated
from speech.generate import ALONE, Sampler
from speech.module import LearnedVocoder, Sampling, Vocoder, say
from speech.net import WaveNet, WaveRNN
from speech.outputs import Logistics, MuLaw
from speech.product import LANES
from speech.signal import Analysis, Features
from tests.conftest import LITTLE
from tests.killed import unjudged

COARSE = Analysis(n_fft=1024, window=1024, hop=256, subframes=4)
FINE = Analysis(n_fft=1024, window=640, hop=160, subframes=2)
AIDED, PURE = Front(lpc=True, pitch=True), Front(lpc=False, pitch=False)
ARMS = [
    (COARSE, AIDED, Logistics(mixtures=4)),
    (FINE, AIDED, Logistics(mixtures=1)),
    (FINE, Front(lpc=False, pitch=True), MuLaw(levels=64, reach=150)),
    (COARSE, PURE, MuLaw(levels=256, reach=185)),
]
HOW = Sampling(noise=0.2, voiced=0.6, unvoiced=0.85, equaliser=1, seed=0)


def small_net(front: Front, outputs: Logistics | MuLaw) -> WaveNet:
    """Random weights, none of them idle."""
    torch.manual_seed(0)
    net = WaveNet(
        front=front, outputs=outputs, channels=16, cycles=2, cycle=3, skip_channels=32, condition_channels=8
    ).requires_grad_(False)
    net.leave.weight.normal_(0, 0.3)
    net.residual_bias.normal_(0, 0.1)
    return net


def small_rnn(front: Front, outputs: Logistics | MuLaw) -> WaveRNN:
    torch.manual_seed(0)
    net = WaveRNN(
        front=front, outputs=outputs, channels=16, hidden_channels=32, condition_channels=8, receptive_field=50
    ).requires_grad_(False)
    net.leave.weight.normal_(0, 0.3)
    return net


def vocoder(
    analysis: Analysis, front: Front, outputs: Logistics | MuLaw, make: Callable[..., WaveNet | WaveRNN] = small_net
) -> LearnedVocoder:
    """As a module makes it."""
    trained = Vocoder(
        features=analysis, front=front, outputs=outputs, sampling=HOW, net=make(front, outputs), ema_decay=0.5,
        optimizer=partial(adamw, lr=1e-3, weight_decay=0.0), schedule=triangle(peak=0.1, start=0.1, end=0.1),
    )  # fmt: skip
    trained.deviation.fill_(5)
    return trained.program(pl.LightningDataModule())


def some(analysis: Analysis, n: int) -> tuple[list[np.ndarray], list[Features]]:
    """The shortest prompts of the training part, of different lengths, and their features."""
    shortest = sorted((prompts()[name].wave for name in parts()["train"]), key=len)[: 3 * n : 3]
    waves = [signal.whole_frames(wave.astype(np.float64), analysis.hop) for wave in shortest]
    return waves, [signal.analyse(wave, analysis) for wave in waves]


def sampler(program: LearnedVocoder) -> Sampler:
    return Sampler(
        program.net,
        program.features,
        program.front,
        program.outputs,
        lead_frames=lead_frames(program.net.receptive_field, program.features),
        noise=0.0,
        mean=program.mean,
        deviation=program.deviation,
    )


# The net


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


# Sample by sample


@pytest.mark.parametrize("make", [small_net, small_rnn])
@pytest.mark.parametrize(("analysis", "front", "outputs"), ARMS)
def test_sample_by_sample_says_what_the_whole_says(analysis: Analysis, front: Front, outputs, make) -> None:  # type: ignore[no-untyped-def]
    program = vocoder(analysis, front, outputs, make)
    (wave, *_), (features, *_) = some(analysis, 1)
    whole = utterance(wave, features, front)
    lead = lead_frames(program.net.receptive_field, analysis)
    batch = stacked([cut(whole, 0, len(features.frames), lead, analysis)])
    mean, deviation = torch.from_numpy(program.mean), torch.from_numpy(program.deviation)
    said = say(program.net, batch, analysis, front, mean, deviation)[0][0, lead * analysis.hop :]
    follower, heard = sampler(program), []
    drawing = follower.drawing(voiced=1, unvoiced=1, seed=0)
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
    drawing = source.drawing(voiced=1, unvoiced=1, seed=0)
    (whole,) = source.generate([features.frames], drawing)
    with monkeypatch.context() as patched:
        patched.setattr("speech.generate.CHUNK_FRAMES", 3)
        chunks = list(source.stream([features.frames], drawing))
    assert len(chunks) > 5
    np.testing.assert_allclose(np.concatenate(chunks)[:, 0], whole, atol=1e-6)  # conditioning is rounded by its shape
    (other,) = source.generate([features.frames], source.drawing(voiced=1, unvoiced=1, seed=1))
    assert not np.array_equal(other, whole)


def test_too_many_utterances_at_once_are_refused() -> None:
    program = vocoder(*ARMS[0])
    source = sampler(program)
    with pytest.raises(ValueError, match=f"given {LANES + 1}, wanted at most {LANES}"):
        next(source.stream([np.zeros((1, 82), np.float32)] * (LANES + 1), source.drawing(voiced=1, unvoiced=1, seed=0)))


@pytest.mark.parametrize("outputs", [Logistics(mixtures=2), MuLaw(levels=256, reach=20)])
def test_draws_have_the_distribution_that_was_said(outputs: Logistics | MuLaw) -> None:
    """A net that says the same everywhere: the samples' distribution function at a few points."""
    net = small_net(PURE, outputs)
    net.leave.weight.zero_()
    said = torch.tensor([0.0, 1.0, -2.0, 1.0, 0.0, -1.0]) if isinstance(outputs, Logistics) else torch.randn(256) / 2
    net.leave.bias.copy_(said)
    program = LearnedVocoder(FINE, PURE, outputs, HOW, net, np.zeros(82, np.float32), np.ones(82, np.float32))
    source = sampler(program)
    frames = np.zeros((60, signal.WIDTH), np.float32)
    (y,) = source.generate([frames], source.drawing(voiced=1, unvoiced=1, seed=0))
    z = np.sort(y / 0.01)
    for point in (-3.0, -1.0, 0.5, 2.0):
        if isinstance(outputs, Logistics):
            weights = torch.tensor([0.0, 1.0]).softmax(0).double().numpy()
            known = weights @ (1 / (1 + np.exp(-(point - np.array([-2.0, 1.0])) / np.exp([0.0, -1.0]))))
        else:
            edges, p = outputs.edges(), said.double().softmax(0).numpy()
            known = np.interp(point, edges, np.concatenate([[0], p.cumsum()]))
        assert np.searchsorted(z, point) / len(z) == pytest.approx(known, abs=0.02)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: replace(HOW, voiced=0.0), r"sampling\.voiced: given 0\.0, wanted more than 0"),
        (lambda: replace(HOW, noise=-0.1), r"sampling\.noise: given -0\.1, wanted 0 or more"),
        (lambda: replace(HOW, equaliser=-1), r"sampling\.equaliser: given -1, wanted 0 or more"),
        (lambda: Logistics(mixtures=0), r"outputs\.mixtures: given 0, wanted 1 or more"),
        (lambda: MuLaw(levels=1, reach=4), r"outputs: given 1 levels to 4, wanted 2 levels or more"),
        (lambda: data(noise=-0.1), r"data\.noise: given -0\.1, wanted 0 or more"),
    ],
)
def test_what_nothing_can_be_drawn_with_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


# Training


def data(**changed: object) -> Prompts:
    settings = {"features": COARSE, "front": AIDED, "crop": 1000, "receptive_field": 15, "batch_size": 4, "crops": 12}
    made = Prompts(**settings | {"noise": 0.4, "seed": 0, "limit": 3} | changed)  # type: ignore[arg-type]
    made.setup()
    return made


def test_pieces_are_those_of_the_recordings() -> None:
    made = data()
    batches = list(Batches(made, epoch=lambda: 0))
    assert [tuple(b.y.shape) for b in batches] == [(4, (1 + 4) * 256)] * 3
    for y, counted, noise, level in zip(*(batches[0][i] for i in (0, 8, 6, 7)), strict=True):
        known = y.numpy()[counted.numpy() > 0]
        assert any(np.isin(known[:50], u.y).all() for u in made.train)
        assert float(noise.std()) == pytest.approx(float(level), rel=0.1)
    assert not batches[0].counted[:, :256].any(), "the lead"
    again = next(iter(Batches(made, epoch=lambda: 0)))
    assert all(torch.equal(a, b) for a, b in zip(again, batches[0], strict=True))
    other = next(iter(Batches(made, epoch=lambda: 1)))
    assert not torch.equal(other.y, batches[0].y)
    halves = [next(iter(Batches(made, epoch=lambda: 0, rank=r, processes=2))) for r in (0, 1)]
    assert torch.equal(torch.stack([h.y for h in halves], 1).flatten(0, 1), batches[0].y)


def test_features_that_are_damaged_in_the_cache_are_named(monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    prompts()
    monkeypatch.setenv("SOFTWARE2_CACHE", str(tmp_path))
    chosen = names("val", 1)
    made, again = features_of(chosen, COARSE), features_of(chosen, COARSE)
    assert np.array_equal(made[0].frames, again[0].frames)
    (path,) = tmp_path.glob("asterisk/features-*.npz")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=rf"{path}: given a damaged file \(.*\), wanted features; delete it"):
        features_of(chosen, COARSE)


def test_a_few_steps_make_the_recordings_likelier() -> None:
    made = data(crops=240)
    torch.manual_seed(0)
    net = WaveNet(
        front=AIDED, outputs=Logistics(mixtures=2), channels=16, cycles=1, cycle=4, skip_channels=16,
        condition_channels=16,
    )  # fmt: skip
    module = Vocoder(
        features=COARSE, front=AIDED, outputs=Logistics(mixtures=2), sampling=HOW, net=net, ema_decay=0.5,
        optimizer=partial(adamw, lr=5e-3, weight_decay=0.0), schedule=triangle(peak=0.1, start=0.1, end=0.1),
    )  # fmt: skip
    module.mean, module.deviation = made.statistics()
    optimizer = module._optimizer(net)

    @torch.no_grad()
    def unseen() -> float:
        return float(np.mean([module.loss(net, batch)[1]["bits"] for batch in made.val_dataloader()]))

    before = unseen()
    for batch in Batches(made, epoch=lambda: 0):
        loss, _ = module.loss(net, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert unseen() < before - 0.1


def test_too_short_a_lead_is_refused(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    few = ["domain=speech", "trainer=smoke", "logger=csv", *LITTLE["speech"], f"output_dir={tmp_path}/run"]
    with pytest.raises(SystemExit, match=r"data\.receptive_field: given 100, wanted the net's 255 or more"):
        command("train", *few, "domain.data.receptive_field=100")


def test_features_of_another_net_are_refused(command, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"features: given \(n_fft 1024, window 640, hop 160\)"):
        vocoder(*ARMS[0])([Features(np.zeros((3, 82), np.float32), FINE)])
    monkeypatch.setattr(experiment, "judge", unjudged)
    monkeypatch.setattr("common.report.show", lambda _: None)
    run = tmp_path / "run"
    command("train", "domain=speech", "trainer=smoke", "logger=csv", *LITTLE["speech"], f"output_dir={run}")
    said = r"features: given a net for .*\[1024, 1024, 256, 4\], wanted the config's \[1024, 1024, 160, 4\]"
    for again in (["evaluate", f"run={run}"], ["train", f"run={run}", "epochs=2"]):
        with pytest.raises(SystemExit, match=said):
            command(*again, "domain.data.features.hop=160", f"output_dir={tmp_path}/again")


def test_bits_in_pieces_are_those_of_the_whole(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    program = vocoder(*ARMS[0])
    waves, features = some(COARSE, 2)
    whole = program.bits(features, waves)
    monkeypatch.setattr("speech.module.BITS_FRAMES", 5)
    np.testing.assert_allclose(program.bits(features, waves), whole, rtol=1e-5)


def test_bits_of_the_hand_written_likelihood_are_those_of_a_net_that_has_learned_nothing() -> None:
    """Which says: a logistic of half the deviation that the mels predict; about 9 bits, as a pilot measured."""
    outputs = Logistics(mixtures=1)
    net = small_net(AIDED, outputs)
    net.leave.weight.zero_()
    net.leave.bias.copy_(outputs.start())
    program = LearnedVocoder(FINE, AIDED, outputs, HOW, net, np.zeros(82, np.float32), np.ones(82, np.float32))
    waves, features = some(FINE, 3)
    bits = program.bits(features, waves)
    assert 7 < bits.mean() < 10
    by_hand = SourceFilter(features=FINE, cutoff_hz=4000.0, breath=0.05, equaliser=2, spread=0.5, seed=0).build(None)
    np.testing.assert_allclose(by_hand.bits(features, waves), bits, rtol=1e-3)
    for likely in (program, by_hand):
        with pytest.raises(ValueError, match=r"wave: given shape \(5,\), wanted \d+ samples, as long as its features"):
            likely.bits(features[:1], [np.zeros(5)])
        with pytest.raises(ValueError, match=r"features: given \(n_fft 1024, window 1024, hop 256\)"):
            likely.bits([features[0]._replace(analysis=COARSE)], waves[:1])


def level_db(wave: np.ndarray) -> np.ndarray:
    """Of every 5 ms."""
    return 10 * np.log10((wave[: len(wave) // 80 * 80].astype(np.float64).reshape(-1, 80) ** 2).mean(1) + 1e-12)


def test_no_bang_at_the_start_and_no_hiss_in_pauses() -> None:
    """Not even before anything is learned: the features say how loud it is, and the lead is silence."""
    outputs = Logistics(mixtures=1)
    net = small_net(AIDED, outputs)
    net.leave.weight.zero_()
    net.leave.bias.copy_(outputs.start())
    how = replace(HOW, equaliser=0)  # which would set the levels
    program = LearnedVocoder(COARSE, AIDED, outputs, how, net, np.zeros(82, np.float32), np.ones(82, np.float32))
    recorded = [signal.whole_frames(prompts()[name].wave.astype(np.float64), COARSE.hop) for name in parts()["val"][:4]]
    for wave, made in zip(recorded, program([signal.analyse(wave, COARSE) for wave in recorded]), strict=True):
        wanted, found = level_db(wave), level_db(made)
        quiet = wanted <= np.quantile(wanted, 0.1)
        assert np.median(found[quiet]) < np.median(wanted[quiet]) + 6
        assert found[:4].max() < wanted[:4].max() + 10


# The rivals


def test_synthesis_undoes_prediction() -> None:
    rng = np.random.default_rng(0)
    y, lpc = rng.normal(size=120), rng.uniform(-0.05, 0.05, (3, signal.LPC_ORDER))
    np.testing.assert_allclose(synthesise(y - predicted(y, lpc), lpc), y)


@pytest.mark.parametrize("f0_hz", [100.0, 187.3])
def test_pulses_come_once_a_period_with_power_one_and_a_flat_spectrum_but_no_mean(f0_hz: float) -> None:
    out = pulses(np.full(16000, f0_hz))
    assert len(find_peaks(out, 0.5 * out.max())[0]) == pytest.approx(f0_hz, abs=1)
    assert (out**2).mean() == pytest.approx(1, abs=0.05)
    assert out.mean() == pytest.approx(0, abs=2e-3)
    power = np.abs(np.fft.rfft(out)) ** 2
    low, high = (power[int((n - 0.5) * f0_hz) : int((n + 9.5) * f0_hz)].sum() for n in (2, 14))  # ten harmonics each
    assert low == pytest.approx(high, rel=0.03)


def test_the_hand_written_voice_does_not_thump() -> None:
    program = SourceFilter(features=COARSE, cutoff_hz=4000.0, breath=0.05, equaliser=2, spread=0.5, seed=0).build(None)
    (made,) = program([signal.analyse(prompts()[parts()["val"][0]].wave, COARSE)])
    power = np.abs(np.fft.rfft(made)) ** 2
    below = np.fft.rfftfreq(len(made), 1 / signal.SAMPLE_RATE_HZ) < 50
    assert 10 * np.log10(power[below].sum() / power.sum()) < -25


@pytest.mark.parametrize("analysis", [COARSE, FINE])
def test_the_hand_written_vocoders_say_the_words(analysis: Analysis) -> None:
    referee = Referee(features=analysis, split="val", measures=["opinions", "words", "stoi"], limit=2)
    makers = [
        SourceFilter(features=analysis, cutoff_hz=4000.0, breath=0.05, equaliser=2, spread=0.5, seed=0),
        GriffinLim(features=analysis, iterations=30, momentum=0.0, seed=0),
    ]
    for maker in makers:
        program = maker.build(None)
        evaluation = referee(program)
        assert evaluation.scores["word_error"].mean() <= 0.2
        assert evaluation.scores["voicing_error"].mean() < 0.1
        assert evaluation.scores["mcd_db"].mean() < 5
        assert evaluation.scores["stoi"].mean() > 0.8
        assert np.array_equal(program(referee.problems[:1])[0], evaluation.answers[0]), "stateless"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"cutoff_hz": 9000.0}, "cutoff_hz: given 9000.0"),
        ({"breath": 2.0}, "breath: given 2.0, wanted 0 <= breath <= 1"),
        ({"spread": 0.0}, "spread: given 0.0, wanted more than 0"),
        ({"equaliser": -1}, "equaliser: given -1, wanted 0 or more"),
    ],
)
def test_an_impossible_source_filter_is_refused(values: dict, said: str) -> None:
    settings = {"features": COARSE, "cutoff_hz": 4000.0, "breath": 0.1, "equaliser": 2, "spread": 0.5, "seed": 0}
    with pytest.raises(ValueError, match=said):
        SourceFilter(**settings | values)


# The referee


def test_what_is_made_from_the_recording_is_the_ceiling() -> None:
    referee = Referee(features=COARSE, split="val", measures=["opinions", "words", "stoi"], limit=1)
    ceilings = referee.ceilings()
    natural, world, coded = (ceilings[name].scores for name in ("natural", "world", "mu_law"))
    assert natural["voicing_error"][0] == natural["mcd_db"][0] == natural["word_error"][0] == 0
    assert natural["stoi"][0] == pytest.approx(1)
    assert world["mcd_db"][0] < 3
    assert world["voicing_error"][0] < 0.15
    assert coded["mcd_db"][0] > 1
    assert coded["dnsmos"][0] < natural["dnsmos"][0] + 0.05
    (flac,) = (f.value for f in ceilings["natural"].figures if f.metric == "flac_bits_per_sample")
    assert 7 < flac < 12
    shown = referee.gallery(ceilings)
    ((name, pictures),) = shown.items()
    assert [p.caption for p in pictures] == [f"natural: {prompts()[name].text}", "natural", "world", "mu_law"]
    by_hand = GriffinLim(features=COARSE, iterations=2, momentum=0.0, seed=0).build(None)
    preview = referee.preview(by_hand)
    assert not preview.scores, "which take long"
    assert referee.gallery({"x": preview}).keys() == shown.keys()


@pytest.mark.parametrize("limit", [1, 3])
def test_programs_are_timed_on_different_seconds(limit: int) -> None:
    referee = Referee(features=COARSE, split="val", measures=[], limit=limit)
    pieces = [features.frames for features in referee.examples(70)]
    assert {len(frames) for frames in pieces} == {62}
    assert len({frames.tobytes() for frames in pieces[:8]}) == 8
    assert np.array_equal(pieces[64], pieces[0])


def test_a_measure_that_is_not_installed_is_refused_at_once(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("speech.evaluate.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"evaluator\.measures: given pesq, wanted it installed: pip install"):
        Referee(features=COARSE, split="val", measures=["pesq"])


def test_answers_that_are_no_waveforms_are_refused() -> None:
    referee = Referee(features=COARSE, split="val", measures=[], limit=1)
    (reference,) = referee.references
    with pytest.raises(ValueError, match=r"answers: given waveforms of shapes \[\(5,\)\]..., wanted"):
        check_waves([np.zeros(5)], [reference])
    with pytest.raises(ValueError, match="not finite or beyond"):
        check_waves([np.full(len(reference.wave), np.nan)], [reference])
    with pytest.raises(ValueError, match="split: given 'train', wanted one of val, test"):
        Referee(features=COARSE, split="train", measures=[])  # type: ignore[arg-type]
