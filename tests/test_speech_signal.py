"""Signal processing of speech, against closed forms, other libraries and signals whose answer is known."""

import numpy as np
import pytest
import torch
import torchaudio.functional
from scipy.signal import lfilter

from speech import prediction, signal
from speech.data import prompts_of
from speech.postfilter import comb, combed
from speech.signal import Analysis, Features

COARSE = Analysis(n_fft=1024, window=1024, hop=256, subframes=4)
FINE = Analysis(n_fft=1024, window=640, hop=160, subframes=2)
RNG = np.random.default_rng(0)


def noise(frames: int, analysis: Analysis, deviation: float = 0.1) -> np.ndarray:
    return np.random.default_rng(1).normal(0, deviation, frames * analysis.hop).clip(-1, 1)


def test_mel_bands_are_torchaudios() -> None:
    theirs = torchaudio.functional.melscale_fbanks(513, 0.0, 8000.0, signal.BANDS, 16000, mel_scale="slaney")
    np.testing.assert_allclose(signal.mel_bands(1024), theirs / theirs.sum(0), atol=2e-6)


def test_mu_law_is_torchaudios_and_comes_back() -> None:
    wave = np.linspace(-1, 1, 1001)
    theirs = torchaudio.functional.mu_law_encoding(torch.from_numpy(wave), 256).numpy()
    ours = signal.mu_law(wave)
    assert np.abs(ours - theirs).max() <= 1
    assert (ours != theirs).mean() < 0.01, "borders between levels, by rounding"
    back = signal.mu_law_inverse(np.arange(256))
    assert np.array_equal(signal.mu_law(back), np.arange(256))


@pytest.mark.parametrize("analysis", [COARSE, FINE])
def test_the_spectrum_comes_back_and_keeps_power(analysis: Analysis) -> None:
    wave = noise(60, analysis)
    spectrum = signal.stft(wave, analysis)
    assert spectrum.shape == (60, 513)
    np.testing.assert_allclose(signal.istft(spectrum, analysis), wave, atol=1e-9)
    assert np.exp(signal.log_mel(wave, analysis)).mean() == pytest.approx(0.01, rel=0.05)


def test_silence_has_the_lowest_mels() -> None:
    wave = np.zeros(10 * COARSE.hop)
    assert np.array_equal(signal.log_mel(wave, COARSE), np.full((10, 80), np.log(signal.LOWEST_POWER)))


def test_emphasis_is_undone() -> None:
    wave = noise(10, FINE)
    np.testing.assert_allclose(signal.de_emphasis(signal.pre_emphasis(wave)), wave, atol=1e-12)


def test_prediction_from_mels_finds_the_filter_that_made_a_signal() -> None:
    """An autoregressive process: its pre-emphasised spectrum is smooth enough for 80 bands."""
    excitation = np.random.default_rng(2).normal(0, 0.01, 200 * COARSE.hop)
    wave = signal.de_emphasis(lfilter([1], [1, -1.3, 0.8], excitation))
    found = prediction.predict_from_mel(signal.log_mel(wave, COARSE), COARSE.subframes)
    assert found.lpc.shape == (800, prediction.LPC_ORDER)
    np.testing.assert_allclose(found.lpc.mean(0)[:3], [1.3, -0.8, 0], atol=0.05)
    assert found.error.mean() == pytest.approx(0.01, rel=0.05)
    assert found.gain.mean() == pytest.approx(signal.pre_emphasis(wave).std(), rel=0.05)


def test_prediction_from_a_signal_finds_the_filter_that_made_it() -> None:
    y = lfilter([1], [1, -1.2, 0.7], RNG.normal(0, 0.01, 100 * 512))
    found = prediction.predict_from_signal(y, Analysis(n_fft=4096, window=4096, hop=512, subframes=1))
    np.testing.assert_allclose(found.lpc.mean(0)[:3], [1.2, -0.7, 0], atol=0.05)
    assert found.error.mean() == pytest.approx(0.01, rel=0.03)


def test_bits_of_a_logistic_variable_are_its_entropy() -> None:
    scale = 20 * signal.LSB
    steps = np.round(RNG.logistic(0, scale, 200_000) / signal.LSB)
    entropy = np.log2(scale / signal.LSB) + 2 / np.log(2)  # differential, of a step's unit
    found = prediction.logistic_bits(steps * signal.LSB, np.full(len(steps), scale))
    assert found == pytest.approx(entropy, abs=0.01)


def test_levinson_solves_the_normal_equations() -> None:
    signals = RNG.normal(size=(5, 400))
    correlation = np.array([[s[: 400 - k] @ s[k:] for k in range(5)] for s in signals])
    lpc, error = prediction.levinson(correlation)
    for row, solved, left in zip(correlation, lpc, error, strict=True):
        matrix = row[np.abs(np.subtract.outer(np.arange(4), np.arange(4)))]
        np.testing.assert_allclose(matrix @ solved, row[1:], atol=1e-8)
        assert left == pytest.approx(row[0] - solved @ row[1:])


@pytest.mark.parametrize("analysis", [COARSE, FINE])
def test_pitch_of_pulses_and_of_noise(analysis: Analysis) -> None:
    wave = np.zeros(64 * analysis.hop)
    wave[::80] = 0.9  # 200 Hz
    features = signal.analyse(wave, analysis).frames
    assert features.shape == (64, signal.WIDTH)
    assert features.dtype == np.float32
    inside = features[5:-5]
    assert (inside[:, 81] == 1).all()
    np.testing.assert_allclose(np.exp(inside[:, 80]), 200, rtol=0.005)
    hiss = signal.analyse(noise(64, analysis), analysis).frames
    assert hiss[:, 81].mean() < 0.2
    assert np.isfinite(hiss).all()


def test_hops_agree_on_what_is_voiced() -> None:
    """Features and the referee look at the same recording with different hops."""
    for prompt in prompts_of("allison", "val", 4):
        wave = prompt.wave.astype(np.float64)
        wave = wave[: len(wave) // 240 * 240]
        np.testing.assert_array_equal(signal.f0(wave, 240), signal.f0(wave, 80)[1::3])


def test_unvoiced_frames_take_the_pitch_between_their_neighbours() -> None:
    np.testing.assert_allclose(np.exp(signal.continuous(np.array([0, 100, 0, 400, 0.0]))), [100, 100, 200, 400, 400])
    np.testing.assert_allclose(np.exp(signal.continuous(np.zeros(3))), 200)


def test_subframes_lie_between_frames() -> None:
    frames = np.array([0.0, 4, 8])
    np.testing.assert_allclose(signal.at_subframes(frames, 2), [0, 1, 3, 5, 7, 8])
    np.testing.assert_allclose(signal.at_subframes(np.array([3.0]), 4), [3, 3, 3, 3])
    assert np.array_equal(signal.at_subframes(frames, 1), frames)


def test_the_equaliser_brings_the_mels_that_are_asked_for() -> None:
    wave = noise(60, COARSE)
    tilted = lfilter([1, 0.7], 1, wave)
    wanted = signal.log_mel(tilted, COARSE)
    before, after = (
        np.abs(signal.log_mel(signal.equalise(wave, wanted, COARSE, passes=n), COARSE) - wanted).mean() for n in (0, 2)
    )
    assert after < before / 3
    assert np.array_equal(signal.equalise(wave, wanted, COARSE, passes=0), wave)


@pytest.mark.parametrize(
    ("cycles", "left"),
    [(1, 1), (3, 1), (1.5, 0.5), (2.25, 0.75), (20, 1), (20.5, 1)],  # of a period: 1 - share * (1 - cos(2 pi cycles))
)
def test_the_comb_weakens_what_lies_between_low_harmonics(cycles: float, left: float) -> None:
    period = 100
    wave = np.cos(2 * np.pi * cycles * np.arange(4000) / period)
    out = comb(wave, np.full(4000, period, np.int16), share=0.25)
    np.testing.assert_allclose(out[300:-300], left * wave[300:-300], atol=0.02)


def test_weak_speech_is_combed_twice() -> None:
    lag, frames = np.full(120 * 100, 100, np.int16), np.zeros((120, signal.WIDTH), np.float32)
    frames[40:80, : signal.BANDS] = -25 * np.log(10) / 10
    frames[80:, : signal.BANDS] = -40 * np.log(10) / 10
    wave = np.cos(2 * np.pi * 1.5 * np.arange(len(lag)) / 100)  # of which a pass leaves half at this share
    out = combed(wave, lag, frames, share=0.25)
    np.testing.assert_allclose(out[300:3700], 0.5 * wave[300:3700], atol=0.01)
    np.testing.assert_allclose(out[4500:7500], 0.375 * wave[4500:7500], atol=0.01)
    np.testing.assert_allclose(out[8500:-500], 0.25 * wave[8500:-500], atol=0.01)


def test_the_comb_neither_changes_nor_takes_what_is_unvoiced() -> None:
    wave, lag = noise(16, COARSE), np.zeros(16 * COARSE.hop, np.int16)
    assert np.array_equal(comb(wave, lag, share=0.5), wave)
    lag[1000:1300] = 100
    out = comb(wave, lag, share=0.5)
    moved = np.flatnonzero(out != wave)
    assert (moved.min(), moved.max()) == (1000, 1299)
    wave[:900], wave[1400:] = 0, 0  # beyond the filter's reach of what is voiced
    np.testing.assert_allclose(comb(wave, lag, share=0.5)[1000:1300], out[1000:1300], atol=1e-12)


@pytest.mark.parametrize(
    ("wave", "said"),
    [
        (np.zeros(400), "given 400 samples of silence, wanted a signal"),
        (np.array([0.1, np.nan]), "not finite or beyond -1 to 1"),
        (np.array([0.1, 1.5]), "not finite or beyond -1 to 1"),
        (np.zeros((2, 400)), r"given float64 \(2, 400\), wanted floating-point samples \(n,\)"),
        (np.zeros(4, np.int16), "given int16"),
        (np.zeros(0), r"given float64 \(0,\)"),
    ],
)
def test_what_is_no_signal_is_refused(wave: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=f"wave: .*{said}"):
        signal.analyse(wave, COARSE)


def test_features_of_another_configuration_are_refused() -> None:
    features = signal.analyse(noise(8, COARSE), COARSE)
    assert signal.check_features(features, COARSE) is features.frames
    with pytest.raises(ValueError, match=r"features: given \(n_fft 1024, window 1024, hop 256\), wanted .*hop 160"):
        signal.check_features(features, FINE)
    with pytest.raises(ValueError, match=r"given shape \(8, 80\), wanted \(frames, 82\)"):
        signal.check_features(Features(features.frames[:, :80], COARSE), COARSE)
    with pytest.raises(ValueError, match="not finite"):
        signal.check_features(Features(np.full((3, 82), np.nan), COARSE), COARSE)
    with pytest.raises(ValueError, match="given log F0 of 0 to 0, wanted the logarithms of 45 to 900 Hz"):
        signal.check_features(Features(np.zeros((3, 82)), COARSE), COARSE)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"n_fft": 512, "window": 640, "hop": 160, "subframes": 2}, "wanted 0 < hop <= window <= n_fft"),
        ({"n_fft": 1024, "window": 640, "hop": 160, "subframes": 3}, "as many subframes as divide the hop"),
        ({"n_fft": 1024, "window": 640, "hop": 160, "subframes": -2}, "as many subframes as divide the hop"),
        ({"n_fft": 1024, "window": 640, "hop": 160, "subframes": 0}, "as many subframes as divide the hop"),
    ],
)
def test_an_impossible_analysis_is_refused(values: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Analysis(**values)
