"""The hand-written programs (1.0): speech from its features as it was made before nets.

`SourceFilter`: pulses and noise through the envelope that the mels outline, as in telephones and early synthesisers.
`GriffinLim`: a signal whose spectrum has the magnitudes that the mels outline, whatever its phases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numba
import numpy as np
from scipy.signal import firwin

from speech.prediction import LPC_ORDER, logistic_bits, predict_from_mel, predicted
from speech.signal import (
    BANDS,
    SAMPLE_RATE_HZ,
    TAPS,
    Analysis,
    Features,
    at_subframes,
    check_features,
    check_length,
    de_emphasis,
    filtered,
    finished,
    istft,
    mel_bands,
    own_stream,
    pre_emphasis,
    stft,
)

PULSE_SIDE = 16  # samples that a pulse has on each side


@dataclass(frozen=True, kw_only=True)
class SourceFilter:
    """A vocoder of pulses and noise through linear prediction (Atal and Hanauer 1971), with voicing mixed by band.

    Args:
        features: how its problems are made.
        cutoff_hz: below it voiced frames are pulses, above it noise (Makhoul et al. 1978).
        breath: share of the power below the cutoff that is noise even in voiced frames.
        equaliser: passes that move the mels of what comes out to those that were asked for.
        spread: scale of the logistic distribution that it gives what prediction leaves, in predicted deviations.
        seed: of the noise, beside the utterance's voicing.
    """

    features: Analysis
    cutoff_hz: float
    breath: float
    equaliser: int
    spread: float
    seed: int

    def __post_init__(self) -> None:
        if not 0 < self.cutoff_hz < SAMPLE_RATE_HZ / 2:
            raise ValueError(f"source_filter.cutoff_hz: given {self.cutoff_hz}, wanted 0 < cutoff_hz < 8000")
        if not 0 <= self.breath <= 1:
            raise ValueError(f"source_filter.breath: given {self.breath}, wanted 0 <= breath <= 1")
        if self.spread <= 0:
            raise ValueError(f"source_filter.spread: given {self.spread}, wanted more than 0")
        if self.equaliser < 0:
            raise ValueError(f"source_filter.equaliser: given {self.equaliser}, wanted 0 or more")

    def build(self, data: Any) -> "SourceFilterVocoder":
        return SourceFilterVocoder(
            features=self.features,
            low=firwin(TAPS, self.cutoff_hz, fs=SAMPLE_RATE_HZ),
            breath=self.breath,
            equaliser=self.equaliser,
            spread=self.spread,
            seed=self.seed,
        )


@dataclass(frozen=True)
class SourceFilterVocoder:
    """Features -> waveforms; `low` (TAPS,) is the linear-phase filter that keeps what is below the cutoff."""

    features: Analysis
    low: np.ndarray
    breath: float
    equaliser: int
    spread: float
    seed: int

    def __call__(self, problems: Sequence[Features]) -> list[np.ndarray]:
        return finished(self._spoken(problems), problems, passes=self.equaliser)

    def unequalised(self, problems: Sequence[Features]) -> list[np.ndarray]:
        """As they come out of the filter."""
        return finished(self._spoken(problems), problems, passes=0)

    def bits(self, problems: Sequence[Features], waves: Sequence[np.ndarray]) -> np.ndarray:
        """Bits a sample of each recording (n,), given its past and its features: a logistic around the prediction."""
        return np.array([self._bits(features, wave) for features, wave in zip(problems, waves, strict=True)])

    def _bits(self, features: Features, wave: np.ndarray) -> float:
        lpc, error = self._filter(check_features(features, self.features))
        y = pre_emphasis(check_length(wave, features))
        return logistic_bits(y - predicted(y, lpc), self.spread * error)

    def _spoken(self, problems: Sequence[Features]) -> list[np.ndarray]:
        return [self._speak(check_features(features, self.features)) for features in problems]

    def _speak(self, frames: np.ndarray) -> np.ndarray:
        lpc, error = self._filter(frames)
        return de_emphasis(synthesise(self._excitation(frames) * error, lpc))

    def _filter(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictors (subframes, LPC_ORDER), and the deviation (n,) of what they leave of each sample."""
        hop, subframes = self.features.hop, self.features.subframes
        prediction = predict_from_mel(frames[:, :BANDS], subframes)
        return prediction.lpc, np.exp(at_subframes(np.log(prediction.error), hop // subframes))

    def _excitation(self, frames: np.ndarray) -> np.ndarray:
        """White on the whole, of variance 1: (frames * hop,)."""
        hop = self.features.hop
        voiced = np.repeat(frames[:, BANDS + 1].astype(np.float64), hop)
        f0_hz = np.exp(at_subframes(frames[:, BANDS].astype(np.float64), hop))
        noise = np.random.default_rng((self.seed, own_stream(frames))).standard_normal(len(f0_hz))
        low_noise, low_pulses = (filtered(signal, self.low) for signal in (noise, pulses(f0_hz)))
        harmonic = np.sqrt(voiced * (1 - self.breath))
        return noise - low_noise + np.sqrt(1 - voiced * (1 - self.breath)) * low_noise + harmonic * low_pulses


def pulses(f0_hz: np.ndarray) -> np.ndarray:
    """A pulse each period of F0 (n,), of power 1 and mean 0: a flat spectrum wherever between samples it falls."""
    phase = np.cumsum(f0_hz) / SAMPLE_RATE_HZ
    begins = np.flatnonzero(np.diff(np.floor(phase), prepend=0.0) > 0)
    late = (phase[begins] - np.floor(phase[begins])) * SAMPLE_RATE_HZ / f0_hz[begins]  # samples since it was due
    places = begins[:, None] + np.arange(-PULSE_SIDE, PULSE_SIDE)
    away = places - (begins - late)[:, None]
    shape = np.sinc(away) * np.cos(np.pi * away / (2 * PULSE_SIDE + 2)) ** 2
    inside = (places >= 0) & (places < len(f0_hz))
    out = -np.sqrt(f0_hz / SAMPLE_RATE_HZ)  # what the pulses' mean is: de-emphasis would make a thump of it
    np.add.at(out, places[inside], (np.sqrt(SAMPLE_RATE_HZ / f0_hz[begins])[:, None] * shape)[inside])
    return out


@numba.njit(cache=True, nogil=True)
def synthesise(excitation: np.ndarray, lpc: np.ndarray) -> np.ndarray:
    """y[t] = excitation[t] + what lpc (subframes, LPC_ORDER) predicts from y before t."""
    y = np.zeros(LPC_ORDER + len(excitation))
    samples = len(excitation) // len(lpc)
    for t in range(len(excitation)):
        total = excitation[t]
        for k in range(LPC_ORDER):
            total += lpc[t // samples, k] * y[LPC_ORDER + t - 1 - k]
        y[LPC_ORDER + t] = total
    return y[LPC_ORDER:]


@dataclass(frozen=True, kw_only=True)
class GriffinLim:
    """Phases by going back and forth between signal and spectrum (Griffin and Lim 1984; fast, Perraudin et al. 2013).

    Args:
        features: how its problems are made.
        iterations: times back and forth.
        momentum: of the fast variant; 0 is the original.
        seed: of the phases that it begins with.
        equaliser: passes that move the mels of what comes out to those that were asked for.
    """

    features: Analysis
    iterations: int
    momentum: float
    seed: int
    equaliser: int = 0

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise ValueError(f"griffin_lim.iterations: given {self.iterations}, wanted 1 or more")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"griffin_lim.momentum: given {self.momentum}, wanted 0 <= momentum < 1")
        if self.equaliser < 0:
            raise ValueError(f"griffin_lim.equaliser: given {self.equaliser}, wanted 0 or more")

    def build(self, data: Any) -> "GriffinLimVocoder":
        return GriffinLimVocoder(self.features, self.iterations, self.momentum, self.seed, self.equaliser)


@dataclass(frozen=True)
class GriffinLimVocoder:
    """Features -> waveforms. It uses the mels alone."""

    features: Analysis
    iterations: int
    momentum: float
    seed: int
    equaliser: int = 0

    def __call__(self, problems: Sequence[Features]) -> list[np.ndarray]:
        return finished(self._spoken(problems), problems, passes=self.equaliser)

    def unequalised(self, problems: Sequence[Features]) -> list[np.ndarray]:
        """As the phases were found."""
        return finished(self._spoken(problems), problems, passes=0)

    def _spoken(self, problems: Sequence[Features]) -> list[np.ndarray]:
        return [self._speak(check_features(features, self.features)) for features in problems]

    def _speak(self, frames: np.ndarray) -> np.ndarray:
        power = np.exp(frames[:, :BANDS].astype(np.float64))
        magnitude = np.sqrt(power_of_bins(power, self.features.n_fft))
        phases = np.random.default_rng(self.seed).uniform(-np.pi, np.pi, magnitude.shape)
        spectrum, before = magnitude * np.exp(1j * phases), np.zeros_like(magnitude, np.complex128)
        for _ in range(self.iterations):
            now = stft(istft(spectrum, self.features), self.features)
            ahead = now + self.momentum * (now - before)
            spectrum = magnitude * ahead / np.maximum(np.abs(ahead), 1e-12)
            before = now
        return istft(spectrum, self.features)


def power_of_bins(power: np.ndarray, n_fft: int) -> np.ndarray:
    """(frames, bins) whose means over the bands come close to `power` (frames, BANDS), never negative.

    From the pseudo-inverse without its negative values, then multiplicative steps (Lee and Seung 2001).
    """
    bands = mel_bands(n_fft)
    found = np.maximum(power @ _inverse(n_fft), 1e-10)
    top = power @ bands.T
    for _ in range(20):
        found *= top / np.maximum(found @ bands @ bands.T, 1e-20)
    return found


@lru_cache
def _inverse(n_fft: int) -> np.ndarray:
    return np.linalg.pinv(mel_bands(n_fft))
