"""Units and their times, pieces, the acoustic nets, and that prediction in torch is prediction in NumPy."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch

from common import fetch
from common.optim import adamw, triangle
from speech.data import Batches, lead_frames
from speech.front import CONTEXT_FRAMES, Front, plan
from speech.outputs import NATS_PER_BIT, Logistics
from speech.signal import WIDTH, Analysis, Features, pre_emphasis
from speech.tts.align import aligned, spread
from speech.tts.data import Cutting, Sentences, apart, gathered, in_pieces, piece
from speech.tts.differentiable import plans
from speech.tts.module import TextToSpeech, acoustic_loss, likelihood, raw, speak
from speech.tts.net import ConvTTS, GruTTS
from speech.tts.spoken import VOWELS, Phone, Phrase, Word
from speech.tts.units import PLACES, SYMBOLS, WITHIN, rows_of, units_of, utterances
from tests.voices import AIDED, COARSE, FINE, HOW, PURE, small_net, some, vocoder

HELLO = Word("hello", (Phone("HH", 0), Phone("AH", 0), Phone("L", 0), Phone("OW", 1)))
YOU = Word("you", (Phone("Y", 0), Phone("UW", 1)))
SAID = [Phrase((HELLO, YOU), ","), Phrase((YOU,), "?")]


def small(**changed: object) -> ConvTTS:
    torch.manual_seed(0)
    shape = {"channels": 16, "layers": 2, "kernel": 3, "dropout": 0.5} | changed
    return ConvTTS(**shape, vocoder=small_net(AIDED, Logistics(mixtures=2))).eval().requires_grad_(False)  # type: ignore[arg-type]


def sentences(**changed: object) -> Sentences:
    settings = {
        "voice": "allison", "features": COARSE, "front": AIDED, "waveforms": True, "crop": 3072, "margin": 8,
        "receptive_field": 15, "batch_size": 4, "crops": 12, "noise": 0.4, "seed": 0, "limit": 3,
    }  # fmt: skip
    made = Sentences(**settings | changed)  # type: ignore[arg-type]
    made.setup()
    return made


# Units


def test_a_gap_follows_every_word_and_the_mark_every_phrase() -> None:
    said = [SYMBOLS[number] for number in units_of(SAID).symbol]
    assert said == ["start", "HH", "AH", "L", "OW", "gap", "Y", "UW", ",", "Y", "UW", "?"]
    assert units_of(SAID).stress.tolist() == [0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0]
    assert units_of(SAID).place.shape == (12, PLACES)


def test_utterances_end_with_sentences_or_when_they_get_long() -> None:
    comma, stop = Phrase((YOU,), ","), Phrase((YOU,), ".")
    assert [len(each) for each in utterances([comma, stop, stop, comma])] == [2, 1, 1]
    assert [len(each) for each in utterances([comma] * 10)] == [4, 4, 2]


def test_frames_belong_to_the_unit_at_their_centre() -> None:
    rows = rows_of(np.array([0.0, 2.4, 0.0, 1.2, 2.4, 0.0]), np.arange(-1, 8))
    assert rows.unit.tolist() == [1, 1, 1, 3, 3, 4, 4, 4, 4], "one of no length gets none"
    assert rows.within.shape == (9, WITHIN)
    np.testing.assert_allclose(rows.within[1:4, 0], [0.5 / 2.4, 1.5 / 2.4, 0.1 / 1.2], rtol=1e-5)


def test_silences_go_to_the_gap_after_the_word() -> None:
    times = [("SIL", 0.3), *((p, 0.1) for p in ("HH", "AH", "L", "OW", "Y", "UW")), ("SIL", 0.2), ("+SPN+", 0.1)]
    spans = spread([*times, ("Y", 0.1), ("UW", 0.1), ("SIL", 0.05)], SAID, 1.5)
    np.testing.assert_allclose(spans, [0.3, 0.1, 0.1, 0.1, 0.1, 0, 0.1, 0.1, 0.3, 0.1, 0.1, 0.1])


def test_recordings_are_aligned_to_their_texts() -> None:
    for u in sentences(limit=3).train:
        assert u.spans.sum() == pytest.approx(len(u.frames), abs=1)
        assert u.spans[u.units.symbol > SYMBOLS.index("!")].min() > 0, "every phone lasts"
        unit = rows_of(u.spans, np.arange(len(u.frames))).unit
        symbols = np.array(SYMBOLS)[u.units.symbol[unit]]
        level = u.frames[:, :80].mean(1)  # of log power
        vowels = np.isin(symbols, VOWELS)
        assert level[vowels].mean() > level[~vowels].mean() + 1
        assert u.frames[vowels, 81].mean() > 0.7, "voiced"


def test_a_recording_of_something_else_is_refused() -> None:
    from speech.corpus import Prompt

    noise = np.random.default_rng(0).normal(0, 0.1, 800).astype(np.float32)
    with pytest.raises(ValueError, match="given a recording that does not say 'please try again', wanted one that"):
        aligned([Prompt("noise", "please try again", noise)])


def test_a_recording_is_taken_apart_in_the_pauses_between_sentences() -> None:
    said = [Phrase((YOU,), "."), Phrase((YOU,), ","), Phrase((HELLO,), "?")]
    frames = np.random.default_rng(0).normal(size=(24, WIDTH)).astype(np.float32)
    wave = np.random.default_rng(1).normal(0, 0.1, 24 * 256)
    lasting = np.array([1, 2, 3, 4, 2, 2, 0, 2, 2, 2, 3, 1.0])  # the pause between the sentences 4 frames, from the 6th
    first, second = apart(said, lasting * 256 / 16000, wave, Features(frames, COARSE), AIDED)
    assert np.array_equal(np.concatenate([first.frames, second.frames]), frames)
    assert [SYMBOLS[number] for number in second.units.symbol] == ["start", "Y", "UW", ",", "HH", "AH", "L", "OW", "?"]
    np.testing.assert_allclose(first.spans, [1, 2, 3, 2])
    np.testing.assert_allclose(second.spans, [2, 2, 2, 0, 2, 2, 2, 3, 1])
    assert len(second.sound.y) == 16 * 256
    np.testing.assert_allclose(second.sound.y[1:], pre_emphasis(wave)[8 * 256 + 1 :], atol=1e-6)


# Pieces


@pytest.mark.parametrize("waveforms", [True, False])
def test_a_piece_is_what_was_recorded_there(waveforms: bool) -> None:
    data = sentences(waveforms=waveforms)
    u, (_, margin, lead, around) = data.train[2], data.cutting
    batch = gathered([piece(u, 5, 12, data.cutting)])
    wanted = np.arange(5 - lead - around, 17 + around).clip(0, len(u.frames) - 1)
    assert np.array_equal(batch.features[0].numpy(), u.frames[wanted])
    assert batch.counted.sum() == 12
    where = rows_of(u.spans, np.arange(len(u.frames)))
    assert np.array_equal(batch.unit[0, batch.nearest[0]].numpy(), where.unit[wanted])
    assert batch.inside.shape[1] == len(wanted) + 2 * margin
    if waveforms:
        assert batch.crops is not None
        assert np.array_equal(batch.crops.y[0, lead * 256 :].numpy(), u.sound.y[5 * 256 : 17 * 256])
    else:
        assert batch.crops is None


def test_the_same_epoch_has_the_same_pieces_whoever_shares_it() -> None:
    data = sentences()
    whole = list(Batches(data, epoch=lambda: 3))
    shares = [list(Batches(data, epoch=lambda: 3, rank=rank, processes=2)) for rank in range(2)]
    for i, batch in enumerate(whole):
        for rank in range(2):
            assert torch.equal(batch.features[rank::2], shares[rank][i].features)
            assert torch.equal(batch.crops.noise[rank::2], shares[rank][i].crops.noise)  # type: ignore[union-attr]
    other = next(iter(Batches(data, epoch=lambda: 4)))
    assert not torch.equal(other.features, whole[0].features)


# The nets


@pytest.mark.parametrize(
    "make", [small, lambda: GruTTS(channels=16, dropout=0.0, margin=8, vocoder=torch.nn.Identity())]
)
def test_what_fills_up_a_batch_changes_nothing(make) -> None:  # type: ignore[no-untyped-def]
    net, data = make().eval(), sentences(waveforms=False)
    pieces = [piece(u, 0, 12, data.cutting) for u in data.train]
    together = speak(net.acoustic, gathered(pieces))
    for i, alone in enumerate(pieces):
        spans, said = speak(net.acoustic, gathered([alone]))
        torch.testing.assert_close(spans[0], together[0][i, : spans.shape[1]], atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(said[0], together[1][i], atol=1e-4, rtol=1e-3)


def test_a_piece_with_its_margin_is_said_as_within_the_whole() -> None:
    net, data = small(), sentences(waveforms=False)
    u = data.train[2]
    whole = speak(net.acoustic, gathered([piece(u, 0, len(u.frames), data.cutting)]))[1][0]
    for start in (0, 7, len(u.frames) - 12):
        said = speak(net.acoustic, gathered([piece(u, start, 12, data.cutting)]))[1][0]
        torch.testing.assert_close(said, whole[start : start + 12], atol=1e-4, rtol=1e-4)


def test_the_loss_is_nothing_where_all_is_right() -> None:
    data = sentences(waveforms=False)
    batch = gathered([piece(data.train[2], 3, 12, data.cutting)])
    mean, deviation = data.statistics()
    true = torch.cat([((batch.features - mean) / deviation)[..., :-1], batch.features[..., -1:]], -1)
    said = torch.cat([true[..., :-1], 100 * (2 * true[..., -1:] - 1)], -1)
    loss = acoustic_loss(batch, batch.spans.log1p(), said, true)
    assert all(float(part) == pytest.approx(0, abs=1e-6) for part in loss.values())
    worse = acoustic_loss(batch, batch.spans.log1p() + 1, said + 1, true)
    assert [float(worse[part]) for part in ("spans", "mels")] == pytest.approx([1, 1], rel=1e-4)
    torch.testing.assert_close(raw(said, mean, deviation), batch.features, atol=1e-3, rtol=1e-3)


# Prediction in torch


@pytest.mark.parametrize("analysis", [COARSE, FINE])
@pytest.mark.parametrize("front", [AIDED, PURE, Front(lpc=False, pitch=True)])
def test_the_plan_in_torch_is_the_plan(analysis: Analysis, front: Front) -> None:
    frames = some(analysis, 1)[1][0].frames
    wanted, made = plan(frames, analysis, front), plans(torch.from_numpy(frames)[None], analysis, front)
    inner, hop = analysis.subframes, analysis.hop
    np.testing.assert_allclose(made.lpc[0], wanted.lpc[inner:-inner], atol=1e-4)
    for name in ("error", "gain"):
        np.testing.assert_allclose(getattr(made, name)[0], getattr(wanted, name)[hop:-hop], rtol=1e-4)
    assert np.array_equal(made.lag[0], wanted.lag[hop:-hop])


def test_the_likelihood_of_true_features_is_the_vocoders_own() -> None:
    program = vocoder(COARSE, AIDED, Logistics(mixtures=2))
    (wave,), (features,) = some(COARSE, 1)
    lead = lead_frames(program.net.receptive_field, COARSE)
    data = sentences(limit=1, receptive_field=program.net.receptive_field)
    u = data.train[0]
    assert np.array_equal(u.frames, features.frames)
    nats, samples = 0.0, 0.0
    with torch.inference_mode():
        for batch in in_pieces(u, Cutting(COARSE, 0, lead, CONTEXT_FRAMES)):
            mean, deviation = torch.from_numpy(program.mean), torch.from_numpy(program.deviation)
            settings = (COARSE, AIDED, program.outputs, mean, deviation)
            more, counted = likelihood(program.net, batch, batch.features, *settings)
            nats, samples = nats + float(more), samples + float(counted)
    (wanted,) = program.bits([features], [wave])
    assert nats / samples / NATS_PER_BIT == pytest.approx(wanted, rel=1e-4)


def test_the_likelihood_flows_back_into_the_mels() -> None:
    """Its slope, against differences: a step along it changes the bits as it says."""
    program = vocoder(COARSE, AIDED, Logistics(mixtures=2))
    data = sentences(limit=1, receptive_field=program.net.receptive_field)
    batch = next(iter(in_pieces(data.train[0], data.cutting)))
    mean, deviation = torch.from_numpy(program.mean), torch.from_numpy(program.deviation)

    def bits(frames: torch.Tensor) -> torch.Tensor:
        nats, counted = likelihood(program.net, batch, frames, COARSE, AIDED, program.outputs, mean, deviation)
        return nats / counted

    frames = batch.features.clone().requires_grad_()
    bits(frames).backward()
    assert frames.grad is not None
    direction = torch.zeros_like(frames)
    direction[..., :80] = frames.grad[..., :80].sign()
    step = 0.02
    with torch.no_grad():
        slope = (bits(batch.features + step * direction) - bits(batch.features - step * direction)) / (2 * step)
    assert float(slope) == pytest.approx(float((frames.grad * direction).sum()), rel=0.05)
    assert float(slope) > 0.1


# Three ways to train


def module(stage: str, net: ConvTTS | None = None, **changed: object) -> TextToSpeech:
    settings: dict = {
        "features": COARSE, "front": AIDED, "outputs": Logistics(mixtures=2), "sampling": HOW, "stage": stage,
        "anchor": 0.2, "weights": None, "net": net or small().train().requires_grad_(True), "ema_decay": 0.5,
        "optimizer": partial(adamw, lr=1e-3, weight_decay=0.0), "schedule": triangle(peak=0.1, start=0.1, end=0.1),
    }  # fmt: skip
    return TextToSpeech(**settings | changed)


@pytest.mark.parametrize(
    ("stage", "learns"), [("separate", {"acoustic"}), ("vocoder", {"vocoder"}), ("joint", {"acoustic", "vocoder"})]
)
def test_in_each_stage_its_nets_learn(stage: str, learns: set[str]) -> None:
    data = sentences(waveforms=stage != "separate", receptive_field=63)
    model = module(stage, anchor=0.0)
    model.mean, model.deviation = data.statistics()
    batch = next(iter(Batches(data, epoch=lambda: 0)))
    loss, metrics = model.loss(model.net, batch)
    assert ("bits" in metrics) == (stage != "separate")
    loss.backward()
    moved = {
        name.split(".")[0] for name, p in model.net.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0
    }
    assert moved == learns, "in joint training the likelihood alone reaches the acoustic net, without an anchor"


def test_a_stage_says_what_it_wants() -> None:
    trainer = SimpleNamespace(datamodule=sentences(limit=1))
    model = module("joint")
    model._trainer = trainer  # type: ignore[assignment]
    with pytest.raises(ValueError, match="package: given nothing, wanted package=DIR, trained as separate, for joint"):
        model.on_fit_start()
    trainer.datamodule = sentences(limit=1, receptive_field=1)
    with pytest.raises(ValueError, match=r"data\.receptive_field: given 1, wanted the net's"):
        model.on_fit_start()
    trainer.datamodule = sentences(limit=1, waveforms=False)
    with pytest.raises(ValueError, match=r"data\.waveforms: given False, wanted True for joint"):
        model.on_fit_start()
    with pytest.raises(ValueError, match=r"module\.stage: given 'both', wanted one of separate, vocoder, joint"):
        module("both")
    apart = module("separate", weights="nowhere.safetensors")
    apart._trainer = SimpleNamespace(datamodule=sentences(limit=1, waveforms=False))  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"module.weights: given .*nowhere.*, wanted a trained vocoder's file"):
        apart.on_fit_start()


def test_a_trained_vocoder_is_taken_over_with_its_normalisation_and_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from speech.module import made

    monkeypatch.setattr(fetch, "FETCHED", {})
    theirs = small_net(AIDED, Logistics(mixtures=2))
    theirs.leave.weight.data.add_(1)
    state = {f"averaged.module.{key}": value.contiguous() for key, value in theirs.state_dict().items()}
    state |= {"mean": torch.full((WIDTH,), 3.0), "deviation": torch.full((WIDTH,), 2.0)}
    model = module("separate")
    for features, fits in ((COARSE, True), (FINE, False)):
        path = tmp_path / f"{features.hop}.safetensors"
        safetensors.torch.save_file(state | {"analysis": torch.tensor(made(features))}, path)
        if fits:
            model._take(str(path))
            for net in (model.net, model.averaged.module):
                assert torch.equal(net.vocoder.leave.weight, theirs.leave.weight)  # type: ignore[union-attr]
            assert model.mean[0] == 3
            assert model.deviation[0] == 2
        else:
            with pytest.raises(ValueError, match="features: given a net for n_fft, window, hop"):
                model._take(str(path))
    (tmp_path / "damaged.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match=r"module.weights: given .*damaged.safetensors, wanted weights of net.vocoder"):
        model._take(str(tmp_path / "damaged.safetensors"))
    taken = tmp_path / f"{COARSE.hop}.safetensors"
    assert {str(taken): fetch.sha256(taken)} == fetch.FETCHED, "as results will say it"


def test_the_learned_program_speaks_sentence_by_sentence() -> None:
    data = sentences(limit=1, waveforms=False)
    model = module("separate")
    model.mean, model.deviation = data.statistics()
    program = model.program(data)
    (whole,) = program(["Please hold. Thank you."])
    pieces = list(program.stream("Please hold. Thank you."))
    assert len(pieces) == 2
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=0.02)
    assert not hasattr(program, "net"), "the vocoder is not held twice"
