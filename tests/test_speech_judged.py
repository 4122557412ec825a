"""The hand-written vocoders, and the referee."""

from threading import Barrier

import numpy as np
import pytest
from hydra.utils import instantiate
from scipy.signal import find_peaks

from common.answering import threads
from speech import prediction, signal
from speech.baseline import GriffinLim, SourceFilter, pulses, synthesise
from speech.corpus import parts, prompts
from speech.data import side_by_side
from speech.evaluate import Referee, check_waves
from speech.measures import opinions
from speech.prediction import predicted
from speech.signal import Features
from tests.voices import COARSE


def test_synthesis_undoes_prediction() -> None:
    rng = np.random.default_rng(0)
    y, lpc = rng.normal(size=120), rng.uniform(-0.05, 0.05, (3, prediction.LPC_ORDER))
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


def test_the_hand_written_voice_does_not_thump(config) -> None:  # type: ignore[no-untyped-def]
    program = instantiate(config("domain=speech").domain.baselines.source_filter, _convert_="all").build(None)
    (made,) = program([signal.analyse(prompts("allison")[parts("allison")["val"][0]].wave, COARSE)])
    power = np.abs(np.fft.rfft(made)) ** 2
    below = np.fft.rfftfreq(len(made), 1 / signal.SAMPLE_RATE_HZ) < 50
    assert 10 * np.log10(power[below].sum() / power.sum()) < -25


@pytest.mark.parametrize("features", ["coarse", "fine"])
def test_the_hand_written_vocoders_say_the_words(features: str, config) -> None:  # type: ignore[no-untyped-def]
    shipped = config("domain=speech", f"domain/features={features}", "split=val", "domain.evaluator.limit=2").domain
    referee = instantiate(shipped.evaluator, _convert_="all")
    for maker in instantiate(shipped.baselines, _convert_="all").values():
        program = maker.build(None)
        evaluation = referee(program)
        assert evaluation.scores["word_error"].mean() <= 0.2
        assert evaluation.scores["voicing_error"].mean() < 0.1
        assert evaluation.scores["mcd_db"].mean() < 5
        assert evaluation.scores["stoi"].mean() > 0.8
        assert np.array_equal(program(referee.problems[:1])[0], evaluation.answers[0]), "stateless"


def test_source_filter_draws_noise_of_its_own_for_every_utterance() -> None:
    made = SourceFilter(features=COARSE, cutoff_hz=4000.0, breath=0.0, equaliser=0, spread=0.5, seed=0).build(None)
    one, other = np.zeros((2, 40, 82), np.float32)
    one[:, 80] = other[:, 80] = np.log(200)
    one[:, :80] = other[:, :80] = -9
    other[39, 81] = 1  # so late that the first half has none of its pulse
    first, second, again = made([Features(frames, COARSE) for frames in (one, other, one)])
    assert np.array_equal(first, again)
    assert abs(np.corrcoef(first[:5000], second[:5000])[0, 1]) < 0.1


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
    settings = {
        "features": COARSE,
        "cutoff_hz": 4000.0,
        "breath": 0.1,
        "equaliser": 2,
        "spread": 0.5,
        "seed": 0,
    }
    with pytest.raises(ValueError, match=said):
        SourceFilter(**settings | values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"iterations": 0}, r"griffin_lim\.iterations: given 0, wanted 1 or more"),
        ({"momentum": 1.0}, r"griffin_lim\.momentum: given 1\.0, wanted 0 <= momentum < 1"),
        ({"equaliser": -1}, r"griffin_lim\.equaliser: given -1, wanted 0 or more"),
    ],
)
def test_an_impossible_griffin_lim_is_refused(values: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        GriffinLim(**{"features": COARSE, "iterations": 2, "momentum": 0.0, "seed": 0} | values)


# The referee


def test_what_is_made_from_the_recording_is_the_ceiling() -> None:
    referee = Referee(voice="allison", features=COARSE, split="val", measures=["opinions", "words", "stoi"], limit=1)
    ceilings = referee.ceilings()
    natural, world, coded = (ceilings[name].scores for name in ("natural", "world", "mu_law"))
    assert natural["voicing_error"][0] == natural["mcd_db"][0] == natural["word_error"][0] == 0
    assert natural["stoi"][0] == pytest.approx(1)
    assert world["mcd_db"][0] < 3
    assert world["voicing_error"][0] < 0.15
    assert coded["mcd_db"][0] > 1
    coded_bits = {f.metric: f.value for f in ceilings["natural"].figures}
    assert 7 < coded_bits["lpc_bits_per_sample"] < coded_bits["flac_bits_per_sample"] < 12
    shown = referee.gallery(ceilings)
    ((name, pictures),) = shown.items()
    assert [p.caption for p in pictures] == [f"natural: {prompts('allison')[name].text}", "natural", "world", "mu_law"]
    by_hand = GriffinLim(features=COARSE, iterations=2, momentum=0.0, seed=0).build(None)
    preview = referee.preview(by_hand)
    assert not preview.scores, "which take long"
    assert referee.gallery({"x": preview}).keys() == shown.keys()


def test_answers_side_by_side_keep_their_order_and_their_errors() -> None:
    both = Barrier(2)

    def answer(item: int) -> int:
        both.wait(10)  # or it breaks
        if item == 4:
            raise ValueError("given 4")
        return -item

    with threads(2):
        assert list(side_by_side(answer, [3, 1, 2, 0], "answers")) == [-3, -1, -2, 0]
        with pytest.raises(ValueError, match="given 4"):
            list(side_by_side(answer, [0, 1, 4, 2], "answers"))


def test_opinions_of_two_at_once_are_those_of_each() -> None:
    wave = prompts("allison")[parts("allison")["val"][0]].wave.astype(np.float64)
    waves = [wave, signal.clipped(wave + np.random.default_rng(0).normal(0, 0.02, len(wave)))]
    alone = [list(opinions(each).values()) for each in waves]
    before = np.random.get_state()[1]  # noqa: NPY002
    with threads(2):
        together = [list(found.values()) for found in side_by_side(opinions, waves * 2, "opinions")]
    np.testing.assert_allclose(together, alone * 2, atol=1e-4)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("limit", [1, 3])
def test_programs_are_timed_on_different_seconds(limit: int) -> None:
    referee = Referee(voice="allison", features=COARSE, split="val", measures=[], limit=limit)
    pieces = [features.frames for features in referee.examples(70)]
    assert {len(frames) for frames in pieces} == {62}
    assert len({frames.tobytes() for frames in pieces[:8]}) == 8
    assert np.array_equal(pieces[64], pieces[0])


def test_a_measure_that_is_not_installed_is_refused_at_once(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("speech.evaluate.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"evaluator\.measures: given pesq, wanted it installed: pip install"):
        Referee(voice="allison", features=COARSE, split="val", measures=["pesq"])


def test_words_of_a_language_that_the_recogniser_does_not_know_are_refused() -> None:
    said = r"evaluator\.measures: given words with French, wanted none, such as \[opinions,stoi\]"
    with pytest.raises(ValueError, match=said):
        Referee(voice="june", features=COARSE, split="val", measures=["words"])


def test_answers_that_are_no_waveforms_are_refused() -> None:
    referee = Referee(voice="allison", features=COARSE, split="val", measures=[], limit=1)
    (reference,) = referee.references
    with pytest.raises(ValueError, match=r"answers: given waveforms of shapes \[\(5,\)\]..., wanted"):
        check_waves([np.zeros(5)], [reference])
    with pytest.raises(ValueError, match="not finite or beyond"):
        check_waves([np.full(len(reference.wave), np.nan)], [reference])
    with pytest.raises(ValueError, match="split: given 'train', wanted one of val, test"):
        Referee(voice="allison", features=COARSE, split="train", measures=[])  # type: ignore[arg-type]
