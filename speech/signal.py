"""Signal processing that both sides use: what a program is given (features), and what is known of speech by hand.

Features are what vocoders are usually given: 80 log-mel bands, log F0 and voicing, a row a frame. Frame n describes the
samples n * hop to (n + 1) * hop; its analysis window is centred on them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyworld
from scipy.signal import lfilter

SAMPLE_RATE_HZ = 16000
LSB = 2.0**-15  # the step of 16-bit samples
BANDS = 80
WIDTH = BANDS + 2  # log-mels, log F0 (interpolated where there is none), voiced (1) or not (0)
F0_RANGE_HZ = (90.0, 450.0)
PRE_EMPHASIS = 0.85
MU = 255
LOWEST_POWER = 1e-10  # about the variance that rounding to 16 bits adds
MOST_GAIN_DB = 10.0  # of the equaliser
TAPS = 129  # of the filters that part a signal by frequency


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """How features are made: one configuration for all programs of a run.

    Args:
        n_fft: points of the Fourier transform.
        window: samples of the Hann window.
        hop: samples a frame.
        subframes: equal parts of a frame between whose centres mels are interpolated; prediction and conditioning
            change from one to the next.
    """

    n_fft: int
    window: int
    hop: int
    subframes: int

    def __post_init__(self) -> None:
        if not 0 < self.hop <= self.window <= self.n_fft:
            raise ValueError(
                f"features: given hop {self.hop}, window {self.window}, n_fft {self.n_fft}, "
                "wanted 0 < hop <= window <= n_fft"
            )
        if self.hop % 2 or self.n_fft % 2 or self.subframes < 1 or self.hop % self.subframes:
            raise ValueError(
                f"features: given hop {self.hop}, n_fft {self.n_fft}, {self.subframes} subframes, "
                "wanted an even hop and n_fft, and as many subframes as divide the hop"
            )

    def __str__(self) -> str:
        return f"n_fft {self.n_fft}, window {self.window}, hop {self.hop}"


class Features(NamedTuple):
    """`frames` float32 (frames, WIDTH), and how they were made."""

    frames: np.ndarray
    analysis: Analysis


def check_wave(wave: np.ndarray, name: str = "wave") -> np.ndarray:
    """`wave` as float64, if it is a signal.

    Raises:
        ValueError: not one-dimensional, empty, not finite, beyond -1 to 1, or silent.
    """
    wave = np.asarray(wave)
    if wave.ndim != 1 or not len(wave) or not np.issubdtype(wave.dtype, np.floating):
        raise ValueError(f"{name}: given {wave.dtype} {wave.shape}, wanted floating-point samples (n,)")
    if not np.isfinite(wave).all() or np.abs(wave).max() > 1:
        raise ValueError(f"{name}: given values that are not finite or beyond -1 to 1, wanted samples within")
    if not wave.any():
        raise ValueError(f"{name}: given {len(wave)} samples of silence, wanted a signal")
    return wave.astype(np.float64)


def check_features(features: Features, analysis: Analysis) -> np.ndarray:
    """Their frames, if they are features as `analysis` makes them.

    Raises:
        ValueError: made with another configuration, of another shape, not finite, or with a pitch beyond an octave
            around F0_RANGE_HZ.
    """
    if features.analysis != analysis:
        raise ValueError(f"features: given ({features.analysis}), wanted the program's own ({analysis})")
    frames = np.asarray(features.frames, np.float32)
    if frames.ndim != 2 or frames.shape[1] != WIDTH or not len(frames):
        raise ValueError(f"features: given shape {frames.shape}, wanted (frames, {WIDTH})")
    if not np.isfinite(frames).all():
        raise ValueError("features: given values that are not finite, wanted finite ones")
    low, high = F0_RANGE_HZ[0] / 2, F0_RANGE_HZ[1] * 2
    if frames[:, BANDS].min() < np.log(low) or frames[:, BANDS].max() > np.log(high):
        raise ValueError(
            f"features: given log F0 of {frames[:, BANDS].min():.3g} to {frames[:, BANDS].max():.3g}, "
            f"wanted the logarithms of {low:.0f} to {high:.0f} Hz, also where unvoiced"
        )
    return frames


def check_length(wave: np.ndarray, features: Features) -> np.ndarray:
    """`wave`, if it is as long as its features.

    Raises:
        ValueError: it is not.
    """
    wanted = len(features.frames) * features.analysis.hop
    if np.shape(wave) != (wanted,):
        raise ValueError(f"wave: given shape {np.shape(wave)}, wanted {wanted} samples, as long as its features")
    return wave


def own_stream(frames: np.ndarray) -> int:
    """64 bits from the voicing of features (frames, WIDTH), which set an utterance's random numbers apart from others'.

    From nothing else, since mels differ in their last digits between processors; features that are voiced alike share
    them, and where a net predicts the voicing, a frame more or less changes all.
    """
    voiced = frames[:, BANDS + 1] > 0.5
    return int.from_bytes(hashlib.blake2b(voiced.tobytes(), digest_size=8).digest())


def analyse(wave: np.ndarray, analysis: Analysis) -> Features:
    """The features of a signal (n,) at SAMPLE_RATE_HZ; the last frame is filled up with zeros."""
    wave = whole_frames(check_wave(wave), analysis.hop)
    f0_hz = f0(wave, analysis.hop)
    frames = np.concatenate([log_mel(wave, analysis), continuous(f0_hz)[:, None], f0_hz[:, None] > 0], 1)
    return Features(frames.astype(np.float32), analysis)


def whole_frames(wave: np.ndarray, hop: int) -> np.ndarray:
    """Zeros at the end, up to a multiple of `hop`."""
    return np.pad(wave, (0, -len(wave) % hop))


# Mels


def padded(wave: np.ndarray, analysis: Analysis) -> np.ndarray:
    """Mirrored at both ends, or too short for that held, so that every window is full and centred on its frame."""
    side = (analysis.n_fft - analysis.hop) // 2
    return np.pad(wave, side, mode="reflect" if len(wave) > side else "edge")


def stft(wave: np.ndarray, analysis: Analysis) -> np.ndarray:
    """Complex128 (frames, n_fft / 2 + 1), scaled so that white noise of variance v has the power v in every bin."""
    windows = np.lib.stride_tricks.sliding_window_view(padded(wave, analysis), analysis.n_fft)[:: analysis.hop]
    return np.fft.rfft(windows * _window(analysis))


def istft(spectrum: np.ndarray, analysis: Analysis) -> np.ndarray:
    """The signal (frames * hop,) whose `stft` comes closest (Griffin and Lim 1984, equation 6)."""
    window = _window(analysis)
    pieces = np.fft.irfft(spectrum, analysis.n_fft) * window
    frames, side = len(spectrum), (analysis.n_fft - analysis.hop) // 2
    length = frames * analysis.hop + 2 * side
    total, weight = np.zeros(length), np.zeros(length)
    for n in range(frames):
        part = slice(n * analysis.hop, n * analysis.hop + analysis.n_fft)
        total[part] += pieces[n]
        weight[part] += window**2
    return (total / np.maximum(weight, 1e-9))[side : side + frames * analysis.hop]


@lru_cache
def _window(analysis: Analysis) -> np.ndarray:
    side = (analysis.n_fft - analysis.window) // 2
    hann = np.hanning(analysis.window + 1)[:-1]
    window = np.pad(hann, (side, analysis.n_fft - analysis.window - side))
    window /= np.sqrt((window**2).sum())
    window.flags.writeable = False
    return window


@lru_cache
def mel_bands(n_fft: int) -> np.ndarray:
    """Triangles (n_fft / 2 + 1, BANDS) on Slaney's scale whose columns sum to 1: a band's power is its bins' mean.

    By hand, since torchaudio, which has them too, would bring torch into the memory of every hand-written program.
    """
    highest = 15 + 27 * np.log(SAMPLE_RATE_HZ / 2000) / np.log(6.4)
    mels = np.linspace(0, highest, BANDS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    bins = np.arange(n_fft // 2 + 1) * SAMPLE_RATE_HZ / n_fft
    rising = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    bands = np.maximum(0, np.minimum(rising, falling))
    bands /= bands.sum(0)
    bands.flags.writeable = False
    return bands


def log_mel(wave: np.ndarray, analysis: Analysis) -> np.ndarray:
    """Natural logarithm of the mean power in each band, float64 (frames, BANDS)."""
    power = np.abs(stft(wave, analysis)) ** 2
    return np.log(np.maximum(power @ mel_bands(analysis.n_fft), LOWEST_POWER))


# Pitch


def f0(wave: np.ndarray, hop: int) -> np.ndarray:
    """Fundamental frequency in Hz at the centre of each frame, 0 where unvoiced (Morise 2017, Harvest; StoneMask).

    Harvest decides every millisecond, and half of one later says otherwise of 2 % of the frames; so it gets whole waves
    and frames are looked up, or two hops would disagree on what is voiced. (Where a centre lies midway, as all do at a
    hop of 80, the even millisecond counts.)
    """
    wave = np.ascontiguousarray(wave, np.float64)
    low, high = F0_RANGE_HZ
    coarse, _ = pyworld.harvest(wave, SAMPLE_RATE_HZ, f0_floor=low, f0_ceil=high, frame_period=1.0)
    centres = (np.arange(len(wave) // hop) + 0.5) * hop / SAMPLE_RATE_HZ
    nearest = np.clip(np.round(1000 * centres).astype(int), 0, len(coarse) - 1)
    return pyworld.stonemask(wave, coarse[nearest], centres, SAMPLE_RATE_HZ)


def continuous(f0_hz: np.ndarray) -> np.ndarray:
    """log F0, interpolated linearly where unvoiced; that of 200 Hz where all is."""
    voiced = f0_hz > 0
    if not voiced.any():
        return np.full(len(f0_hz), np.log(200.0))
    at = np.flatnonzero(voiced)
    return np.interp(np.arange(len(f0_hz)), at, np.log(f0_hz[at]))


# Pre-emphasis, companding, equalising


def pre_emphasis(wave: np.ndarray) -> np.ndarray:
    """y[t] = x[t] - PRE_EMPHASIS x[t - 1]."""
    return lfilter([1, -PRE_EMPHASIS], 1, wave)


def de_emphasis(wave: np.ndarray) -> np.ndarray:
    """What `pre_emphasis` undoes."""
    return lfilter([1], [1, -PRE_EMPHASIS], wave)


def at_subframes(frames: np.ndarray, subframes: int) -> np.ndarray:
    """Rows (frames, ...) -> (frames * subframes, ...): interpolated linearly between the frames' centres."""
    if subframes == 1:
        return frames
    n = len(frames)
    place = np.clip((np.arange(n * subframes) + 0.5) / subframes - 0.5, 0, n - 1)
    before = np.minimum(place.astype(int), max(n - 2, 0))
    share = (place - before).reshape(-1, *[1] * (frames.ndim - 1))
    return frames[before] * (1 - share) + frames[np.minimum(before + 1, n - 1)] * share


def equalise(wave: np.ndarray, log_mels: np.ndarray, analysis: Analysis, *, passes: int) -> np.ndarray:
    """Moves the mels of a signal (frames * hop,) towards `log_mels`: each bin by its bands' missing amplitude."""
    bands = mel_bands(analysis.n_fft)
    share = bands / np.maximum(bands.sum(1, keepdims=True), 1e-12)  # of a bin's correction that each band decides
    for _ in range(passes):
        spectrum = stft(wave, analysis)
        own = np.log(np.maximum(np.abs(spectrum) ** 2 @ bands, LOWEST_POWER))
        gain_db = np.clip((log_mels - own) * (10 / np.log(10)), -MOST_GAIN_DB, MOST_GAIN_DB)
        wave = istft(spectrum * 10 ** (gain_db @ share.T / 20), analysis)
    return wave


def finished(waves: Sequence[np.ndarray], problems: Sequence[Features], *, passes: int) -> list[np.ndarray]:
    """What a program answers: its signals through the equaliser, `passes` times, and clipped."""
    return [
        clipped(equalise(wave, f.frames[:, :BANDS].astype(np.float64), f.analysis, passes=passes))
        for wave, f in zip(waves, problems, strict=True)
    ]


def filtered(signal: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Through a linear-phase filter, without its delay."""
    side = len(taps) // 2
    return lfilter(taps, 1, np.pad(signal, (0, side)))[side:]


def clipped(wave: np.ndarray) -> np.ndarray:
    """float32, within -1 to 1."""
    return np.clip(wave, -1, 1).astype(np.float32)


def mu_law(wave: np.ndarray) -> np.ndarray:
    """Levels, 0 to MU (ITU-T G.711's curve), of samples within -1 to 1."""
    return np.floor((np.sign(wave) * np.log1p(MU * np.abs(wave)) / np.log1p(MU) + 1) / 2 * MU + 0.5).astype(np.int64)


def mu_law_inverse(level: np.ndarray) -> np.ndarray:
    """The samples that levels stand for."""
    return expanded(2 * np.asarray(level, np.float64) / MU - 1, MU)


def expanded(y: np.ndarray, mu: int) -> np.ndarray:
    """The inverse of the mu-law curve, -1 to 1 onto itself."""
    return np.sign(y) * ((1 + mu) ** np.abs(y) - 1) / mu
