"""The measures, on signals whose answer is known."""

import numpy as np
import pytest

from speech import measures
from speech.corpus import parts, prompts
from speech.recogniser import grammar, prompts_language, spoken, word_errors


def recording() -> np.ndarray:
    wave = prompts("allison")[parts("allison")["val"][0]].wave.astype(np.float64)
    return wave[: len(wave) // measures.HOP * measures.HOP]


def test_pitch_errors() -> None:
    true = np.array([100, 100, 100, 0, 0, 100.0])
    found = np.array([100, 200, 103, 0, 50, 0.0])
    errors = measures.pitch_errors(found, true)
    assert errors["voicing_error"] == pytest.approx(2 / 6)
    assert errors["f0_cents"] == pytest.approx(1200 * np.log2(1.03))
    assert errors["f0_gross"] == pytest.approx(1 / 3)
    assert np.isnan(measures.pitch_errors(np.zeros(3), np.ones(3))["f0_cents"])


def test_warping_gives_the_envelope_on_a_bent_axis() -> None:
    """A smooth log spectrum from its cepstrum and from its mel-cepstrum, at the same frequencies."""
    cepstrum = 0.5 ** np.arange(257)
    warped = cepstrum @ measures._warping(257)
    omega = np.linspace(0, np.pi, 50)
    a = measures.WARPING
    bent = omega + 2 * np.arctan(a * np.sin(omega) / (1 - a * np.cos(omega)))
    np.testing.assert_allclose(
        np.cos(np.outer(bent, np.arange(25))) @ warped, np.cos(np.outer(omega, np.arange(257))) @ cepstrum, atol=1e-3
    )


def test_distortion_does_not_hear_loudness_but_colour() -> None:
    wave = recording()
    track = measures.pitch(wave)
    true, loud = measures.mel_cepstra(wave, track), measures.loud_frames(wave)
    assert len(true) == len(loud) == len(wave) // measures.HOP
    assert measures.mel_cepstral_distortion(measures.mel_cepstra(wave / 2, track), true, loud) < 0.1
    coloured = np.convolve(wave, [1, -0.9])[: len(wave)]
    assert measures.mel_cepstral_distortion(measures.mel_cepstra(coloured, track), true, loud) > 3


def test_opinions_fall_with_noise_and_are_the_same_twice() -> None:
    wave = recording()
    noisy = (wave + np.random.default_rng(0).normal(0, 0.02, len(wave))).clip(-1, 1)
    clean, worse = measures.opinions(wave), measures.opinions(noisy)
    assert all(clean[name] > worse[name] + 0.1 for name in ("dnsmos", "p808", "plcmos"))
    assert measures.opinions(wave) == clean


def test_words_and_their_errors() -> None:
    assert spoken("Press 1, or # for 28 unmute.") == ["press", "one", "or", "pound", "for", "twenty", "eight", "unmute"]
    assert word_errors(["a", "b", "c"], ["a", "b", "c"]) == 0
    assert word_errors(["a", "x", "c", "d"], ["a", "b", "c"]) == 2
    assert word_errors([], ["a", "b"]) == 2


def test_the_dictionary_has_all_words_of_the_prompts() -> None:
    pronounced = {line.split()[0] for line in (prompts_language().dictionary or "").splitlines()}
    assert {word for prompt in prompts("allison").values() for word in spoken(prompt.text)} <= pronounced
    assert {"the", "the(2)", "unmute"} <= pronounced


def test_the_grammar_is_a_distribution() -> None:
    """After every word the probabilities of all words sum to 1."""
    text = grammar([["a", "b"], ["a", "c", "b"], ["b"]])
    pairs = {}
    for line in text.split("\\2-grams:")[1].splitlines():
        if len(line.split()) == 3:
            p, first, second = line.split()
            pairs[first, second] = 10 ** float(p)
    singles = {}
    for line in text.split("\\1-grams:")[1].split("\\2-grams:")[0].splitlines():
        if len(line.split()) == 3:
            p, word, back_off = line.split()
            singles[word] = (10 ** float(p) if word != "<s>" else 0.0, 10 ** float(back_off))
    for first in ("<s>", "a", "b", "c"):
        total = sum(
            pairs.get((first, second), singles[first][1] * p) for second, (p, _) in singles.items() if second != "<s>"
        )
        assert total == pytest.approx(1, abs=1e-3), first
