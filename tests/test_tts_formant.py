"""The synthesiser by rule: its filters against SciPy's, its sounds against its tables, its rhythm against its rules."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import lfilter, welch

from speech.recogniser import heard
from speech.signal import SAMPLE_RATE_HZ, f0
from speech.tts import formant, prosody, targets
from speech.tts.prosody import FRAME_S, PAUSE, Segment, contour, segments
from speech.tts.spoken import PHONES, VOWELS, Phone, Phrase, Word
from speech.tts.targets import OFF_DB, Parameters, tracks

FRAMES = 200


def word(text: str, phones: str) -> Word:
    return Word(text, tuple(Phone(p.rstrip("012"), int(p[-1]) if p[-1].isdigit() else 0) for p in phones.split()))


DIGITS = (
    word("one", "W AH1 N"),
    word("two", "T UW1"),
    word("three", "TH R IY1"),
    word("four", "F AO1 R"),
)
BANANA = word("banana", "B AH0 N AE1 N AH0")


def steady(**changes: float) -> Parameters:
    """A second of one sound: an AE of 200 Hz, without breath."""
    formants = [*targets.VOWEL_HZ["AE"], 4300, *targets.HIGH_HZ]
    values: dict = {
        "f0_hz": 200.0,
        "voicing_db": 60.0,
        "aspiration_db": OFF_DB,
        "tilt_db": 9.0,
        "formants_hz": formants,
        "bandwidths_hz": targets.OPEN_HZ,
        "nasal_zero_hz": targets.NASAL_HZ,
        "noise_db": [OFF_DB] * targets.NOISES,
    }
    return Parameters(**{name: np.full((FRAMES, *np.shape(v)), v, float) for name, v in (values | changes).items()})


def one(name: str, stress: int = 0, length_s: float = 0.4) -> np.ndarray:
    """A phone alone, between pauses, at 200 Hz."""
    spans = [Segment(PAUSE, 0, 0, 0.1), Segment(name, stress, 0.1, 0.1 + length_s)]
    spans.append(Segment(PAUSE, 0, spans[1].end_s, spans[1].end_s + 0.1))
    return formant.synthesise(tracks(spans, np.full(round(spans[-1].end_s / FRAME_S), 200.0)), 0)


def band_db(wave: np.ndarray, low_hz: float, high_hz: float) -> float:
    frequency, power = welch(wave, SAMPLE_RATE_HZ, nperseg=512)
    return float(10 * np.log10(power[(frequency >= low_hz) & (frequency < high_hz)].sum() + 1e-20))


def slow_twin(given: formant.Controls) -> np.ndarray:
    """The same sound where nothing changes but the glottis, each filter by itself."""
    phases = np.cumsum(np.repeat(given.f0_hz, formant.OVERSAMPLING) / SAMPLE_RATE_HZ / formant.OVERSAMPLING) % 1
    opened = phases / formant.OPEN_QUOTIENT
    flow = np.where(opened < 1, 2 * opened - 3 * opened**2, 0).reshape(-1, formant.OVERSAMPLING).mean(1)
    d = given.damping[0]
    voice = given.voicing * lfilter([1 - d], [1, -d], flow)
    closed = phases[formant.OVERSAMPLING - 1 :: formant.OVERSAMPLING] >= formant.OPEN_QUOTIENT
    out = voice + given.aspiration * given.white * np.where(closed, formant.SILENT_GLOTTIS, 1)
    gain, b, c = given.zero[0]
    out = lfilter(np.array([1, -b, -c]) / gain, 1, out)
    for gain, b, c in given.poles[0]:
        out = lfilter([gain], [1, -b, -c], out)
    out += given.levels[0, -1] * given.hiss
    for k, (gain, b, c) in enumerate(given.branches[0]):
        out += (-1) ** k * given.levels[0, k] * lfilter([gain], [1, -b, -c], given.hiss)
    return out


def test_the_kernel_is_filters_one_after_the_other_and_side_by_side() -> None:
    noisy = steady(aspiration_db=40.0, noise_db=np.arange(20.0, 20 + targets.NOISES), nasal_zero_hz=420.0, f0_hz=187.3)
    given = formant.controls(noisy, 3)
    np.testing.assert_allclose(formant.resonate(given), slow_twin(given), rtol=1e-6, atol=1e-9)


def test_tilt_is_lost_at_its_frequency() -> None:
    for tilt_db in (0.5, 9.0, 30.0):
        d = formant.damping(np.array([tilt_db]))[0]
        gain = (1 - d) / abs(1 - d * np.exp(-2j * np.pi * formant.TILT_HZ / SAMPLE_RATE_HZ))
        assert -20 * np.log10(gain) == pytest.approx(tilt_db)


def test_a_vowel_has_its_formants_and_its_pitch() -> None:
    wave = formant.synthesise(steady(voicing_db=OFF_DB, aspiration_db=60.0), 0)  # breath shows the tract evenly
    frequency, power = welch(wave, SAMPLE_RATE_HZ, nperseg=400)
    for wanted in targets.VOWEL_HZ["AE"]:
        near = (frequency > wanted - 250) & (frequency < wanted + 250)
        assert frequency[near][power[near].argmax()] == pytest.approx(wanted, rel=0.05, abs=45)
    voiced = formant.synthesise(steady(), 0)
    spectrum = np.abs(np.fft.rfft(voiced * np.hanning(len(voiced))))  # a bin a hertz
    assert spectrum[200:3001:200].min() > 30 * spectrum[300:3001:200].max()
    assert spectrum[190:211].argmax() == 10
    assert np.median(f0(voiced, 80)[20:-20]) == pytest.approx(200, rel=0.01)


@pytest.mark.parametrize(("name", "low_hz", "high_hz"), [("S", 5500, 8000), ("SH", 2500, 5000)])
def test_fricatives_are_loudest_where_their_table_says(name: str, low_hz: float, high_hz: float) -> None:
    wave = one(name)[3200:6400]
    assert band_db(wave, low_hz, high_hz) > band_db(wave, 0, 2000) + 10
    assert band_db(wave, low_hz, high_hz) > band_db(wave, 0, 8000) - 2
    assert band_db(one("F")[3200:6400], 0, 8000) < band_db(wave, 0, 8000) - 5, "F is weak"


def test_voiced_fricatives_have_a_voice() -> None:
    assert band_db(one("Z")[3200:6400], 100, 500) > band_db(one("S")[3200:6400], 100, 500) + 15


def test_closures_are_silent_then_burst() -> None:
    spans = [Segment(n, 1, *t) for n, t in (("AA", (0, 0.2)), ("T", (0.2, 0.35)), ("AA", (0.35, 0.55)))]
    wave = formant.synthesise(tracks(spans, np.full(110, 180.0)), 0)
    vowel, closure, rest = wave[1600:2400], wave[3600:4300], wave[4300:5600]
    assert np.abs(closure).max() < 0.01 * np.abs(vowel).max()
    assert band_db(rest, 4000, 8000) > band_db(closure, 4000, 8000) + 30
    voiced = [span._replace(name="D") if span.name == "T" else span for span in spans]
    hum = formant.synthesise(tracks(voiced, np.full(110, 180.0)), 0)[3600:4300]
    assert band_db(hum, 0, 500) > band_db(closure, 0, 500) + 20
    assert band_db(hum, 0, 500) > band_db(hum, 1000, 8000) + 20


def test_places_show_in_the_second_formant() -> None:
    onset = {}
    for name in "BDG":
        spans = [Segment(name, 0, 0, 0.1), Segment("EH", 1, 0.1, 0.3)]
        onset[name] = tracks(spans, np.full(60, 180.0)).formants_hz[20, 1]
    assert onset["B"] < onset["D"] < onset["G"], "labial, alveolar, velar before a front vowel"


def test_diphthongs_move_and_nothing_jumps() -> None:
    spans = segments(Phrase((word("my", "M AY1"), BANANA), "."), 1)
    for name, last in (("AY", "IY"), ("AW", "OW")):
        alone = tracks([Segment(name, 1, 0, 0.3)], np.full(60, 180.0)).formants_hz
        np.testing.assert_allclose(alone[1, :3], targets.VOWEL_HZ[name], rtol=0.02)
        np.testing.assert_allclose(alone[-1, :3], targets.GLIDE_HZ[name], rtol=0.02)
        assert abs(alone[-1, 1] - targets.VOWEL_HZ[last][1]) < abs(alone[0, 1] - targets.VOWEL_HZ[last][1])
    formants = tracks(spans, np.full(round(spans[-1].end_s / FRAME_S), 180.0)).formants_hz
    assert np.abs(np.diff(formants[:, 1])).max() < 250


# Rhythm and melody


def lengths_ms(phrase: Phrase, rate: float = 1) -> list[tuple[str, float]]:
    return [(s.name, 1000 * (s.end_s - s.start_s)) for s in segments(phrase, rate)]


def test_stressed_vowels_are_longer_and_so_is_the_end_of_a_phrase() -> None:
    again = lengths_ms(Phrase((BANANA, BANANA), "."))[1:-1]
    vowels = [ms for name, ms in again if name in VOWELS]
    assert vowels[1] > vowels[0] + 20, "stress"
    assert vowels[5] > vowels[2] + 10, "the end"
    assert vowels[4] == pytest.approx(vowels[1], abs=6), "only its last syllable"
    bad, bat = (lengths_ms(Phrase((word("x", f"B AE1 {last}"),), "."))[2][1] for last in "DT")
    assert bad > bat + 20, "longer before voiced consonants"


def test_every_segment_has_its_least_and_rate_scales() -> None:
    phrase = Phrase((*DIGITS, BANANA), ".")
    slow, fast = (segments(phrase, rate) for rate in (0.5, 2.0))
    assert slow[-1].end_s == pytest.approx(4 * fast[-1].end_s, rel=0.01)
    for place, (name, ms) in zip(prosody.places(phrase), lengths_ms(phrase)[1:-1], strict=True):
        least = prosody.DURATIONS_MS[name][1] * (0.5 if name in VOWELS and not place.stress else 1)
        assert ms >= least - 1000 * FRAME_S
    for before, after in pairwise(slow):
        assert before.end_s == after.start_s


def test_syllables_begin_with_what_can_begin_a_word() -> None:
    found = prosody.syllables(["IH", "K", "S", "T", "R", "AO", "R", "D", "AH", "N", "EH", "R", "IY"])
    assert [list(part) for part in found] == [[0, 1], [2, 3, 4, 5, 6], [7, 8], [9, 10], [11, 12]]
    assert [list(part) for part in prosody.syllables(["S", "IH", "NG", "ER"])] == [[0, 1, 2], [3]]


def test_t_is_tapped_between_vowels() -> None:
    water, attack = (lengths_ms(Phrase((word("x", phones),), ".")) for phones in ("W AO1 T ER0", "AH0 T AE1 K"))
    assert dict(water)["T"] == pytest.approx(1000 * prosody.FLAP_S)
    assert dict(attack)["T"] > 60


def test_the_voice_falls_at_a_full_stop_and_rises_at_a_question() -> None:
    ends = {}
    for mark in ".,?!":
        phrase = Phrase(DIGITS, mark)
        spans = segments(phrase, 1)
        times, f0_hz = contour(spans, phrase)
        assert times.shape == f0_hz.shape == (round(spans[-1].end_s / FRAME_S),)
        assert 100 < f0_hz.min() < f0_hz.max() < 330
        at = np.searchsorted(times, spans[-1].start_s)
        ends[mark] = f0_hz[at] / f0_hz[at - 60]
    assert ends["."] < 0.85
    assert ends["!"] < 0.85
    assert ends["?"] > 1.2
    assert ends["."] < ends[","] < ends["?"]
    spans = segments(Phrase((BANANA,), ","), 1)
    times, f0_hz = contour(spans, Phrase((BANANA,), ","))
    stressed = next(span for span in spans if span.stress == 1)
    inside = (times > stressed.start_s) & (times < stressed.end_s)
    assert f0_hz[inside].max() > f0_hz[times < spans[2].end_s].mean() + 25, "an accent on the stressed syllable"


# The whole


def test_the_seed_draws_the_noises_and_nothing_else() -> None:
    phrase = Phrase(DIGITS, ".")
    spans = segments(phrase, 1)
    given = tracks(spans, contour(spans, phrase)[1])
    first, same, other = (formant.synthesise(given, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    quiet = given._replace(aspiration_db=np.zeros(len(given.f0_hz)), noise_db=np.zeros_like(given.noise_db))
    assert np.array_equal(formant.synthesise(quiet, 0), formant.synthesise(quiet, 1))


def test_speech_has_its_level() -> None:
    wave = formant.say([Phrase(DIGITS, ","), Phrase((BANANA,), "?")], rate=1, seed=0)
    assert wave.dtype == np.float32
    assert np.isfinite(wave).all()
    assert 0.1 < np.abs(wave).max() < 1
    power = (wave[: len(wave) // 80 * 80].reshape(-1, 80).astype(float) ** 2).mean(1)
    level_db = 10 * np.log10(power[power > power.max() / 1000].mean())
    assert -26 < level_db < -20
    assert formant.say([], rate=1, seed=0).shape == (0,)


@pytest.mark.parametrize("rate", [0.25, 4.0])
def test_every_phone_can_be_said_beside_every_other(rate: float) -> None:
    order = np.random.default_rng(0).permutation(np.repeat(PHONES, 12))
    text = tuple(word("x", " ".join(f"{p}{i % 3}" if p in VOWELS else p for p in order[i : i + 6])) for i in range(90))
    wave = formant.say([Phrase(text, "!")], rate=rate, seed=0)
    assert np.isfinite(wave).all()
    assert np.abs(wave).max() < 1


def test_a_recogniser_understands_it() -> None:
    wave = formant.say([Phrase(DIGITS, ".")], rate=1, seed=0)
    same = {"to": "two", "for": "four"}  # words that sound alike
    assert [same.get(name, name) for name in heard(wave)] == ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        (Phrase((), "."), "phrase: given no phones"),
        (Phrase((word("x", "QQ"),), "."), "phrase: given phones QQ, wanted some of AA"),
        (Phrase((BANANA,), ";"), "phrase: given mark ';', wanted one of"),
    ],
)
def test_what_cannot_be_said_is_refused(phrase: Phrase, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        formant.say([phrase], rate=1, seed=0)


def test_impossible_rates_and_segments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"rate: given 0, wanted 0\.25 to 4"):
        formant.say([Phrase((BANANA,), ".")], rate=0, seed=0)
    with pytest.raises(ValueError, match="segments: given none"):
        tracks([], np.zeros(0))
    with pytest.raises(ValueError, match="segments: given QQ"):
        tracks([Segment("QQ", 0, 0, 0.1)], np.zeros(20))
    with pytest.raises(ValueError, match="wanted each to begin where the last one ends"):
        tracks([Segment("AA", 0, 0, 0.1), Segment("B", 0, 0.2, 0.3)], np.zeros(60))
    with pytest.raises(ValueError, match=r"f0_hz: given shape \(3,\), wanted 20 frames"):
        tracks([Segment("AA", 0, 0, 0.1)], np.zeros(3))
