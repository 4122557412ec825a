"""A formant synthesiser: parameters each 5 ms -> speech, after Klatt (1980), "Software for a cascade/parallel formant
synthesizer", JASA 67, with the glottal flow of Klatt and Klatt (1990), "Analysis, synthesis, and perception of voice
quality variations among female and male talkers", JASA 87 (KLGLOTT88).

Voice and breath go through a cascade of F1 to F6 with a nasal pole and zero; frication goes through F2 to F7 in
parallel and past them. `say` is the whole hand-written program behind pronunciation.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numba
import numpy as np

from speech.signal import SAMPLE_RATE_HZ, at_subframes, clipped
from speech.tts.prosody import FRAME_S, contour, segments
from speech.tts.spoken import Phrase
from speech.tts.targets import CASCADE, FULL_DB, NASAL_HZ, NOISES, OFF_DB, Parameters, tracks

HOP = round(FRAME_S * SAMPLE_RATE_HZ)  # samples a row of parameters
STEP = 16  # samples between changes of the filters
OVERSAMPLING = 4  # of the glottal flow, whose corners would alias
OPEN_QUOTIENT = 0.6  # share of a period in which the glottis is open
TILT_HZ = 3000.0  # where tilt_db is lost
NASAL_BANDWIDTH_HZ = 100.0
NOISE_BANDWIDTHS_HZ = np.array([300.0, 350.0, 450.0, 550.0, 650.0, 700.0])  # of F2 to F7 for frication
SILENT_GLOTTIS = 0.5  # of breath while the glottis closes (Klatt 1980: noise is modulated by the voice)
LEVEL = 10 ** (-23 / 20)  # RMS of active speech
ACTIVE_DB = 30.0  # below the loudest frame speech counts as a pause
HEADROOM = 0.97


class Controls(NamedTuple):
    """What the kernel takes, float64: levels are amplitudes (samples,), filters (steps, ...) change each STEP samples.

    `poles` (steps, CASCADE + 1, 3) are the cascade's resonators, the nasal one first, each as (gain, b, c) of
    y[t] = gain x[t] + b y[t - 1] + c y[t - 2]; `zero` (steps, 3) takes one away; `branches` (steps, NOISES - 1, 3) and
    `levels` (steps, NOISES) are the parallel ones'; `white` and `hiss` (samples,) are noises of variance 1.
    """

    f0_hz: np.ndarray
    voicing: np.ndarray
    aspiration: np.ndarray
    damping: np.ndarray
    poles: np.ndarray
    zero: np.ndarray
    branches: np.ndarray
    levels: np.ndarray
    white: np.ndarray
    hiss: np.ndarray


def say(phrases: Iterable[Phrase], *, rate: float, seed: int) -> np.ndarray:
    """Speech float32 (n,) within -1 to 1 at SAMPLE_RATE_HZ, its active parts at LEVEL; no samples for no phrases.

    Raises:
        ValueError: a phrase or rate that `segments` refuses.
    """
    waves = []
    for i, phrase in enumerate(phrases):
        spans = segments(phrase, rate)
        waves.append(synthesise(tracks(spans, contour(spans, phrase)[1]), seed + i))
    if not waves:
        return np.zeros(0, np.float32)
    return clipped(levelled(np.concatenate(waves)))


def levelled(wave: np.ndarray) -> np.ndarray:
    """At LEVEL where it speaks, unless its peak would leave HEADROOM."""
    power = (wave[: len(wave) // HOP * HOP].reshape(-1, HOP) ** 2).mean(1)
    active = power[power > power.max() * 10 ** (-ACTIVE_DB / 10)]
    if not len(active):
        return wave
    return wave * min(LEVEL / np.sqrt(active.mean()), HEADROOM / np.abs(wave).max())


def synthesise(parameters: Parameters, seed: int) -> np.ndarray:
    """Samples float64 (frames * HOP,), the same for the same seed, which draws the noises."""
    return resonate(controls(parameters, seed))


def controls(parameters: Parameters, seed: int) -> Controls:
    """Parameters between their rows, and the filters that they ask for."""
    formants = at_subframes(parameters.formants_hz, HOP // STEP)
    samples = len(parameters.f0_hz) * HOP
    generator = np.random.default_rng(seed)
    zero_hz = at_subframes(parameters.nasal_zero_hz, HOP // STEP)
    nasal = resonators(np.full(len(formants), NASAL_HZ), NASAL_BANDWIDTH_HZ)
    poles = resonators(formants, at_subframes(parameters.bandwidths_hz, HOP // STEP))[:, :CASCADE]
    return Controls(
        f0_hz=at_subframes(parameters.f0_hz, HOP),
        voicing=amplitude(at_subframes(parameters.voicing_db, HOP)),
        aspiration=amplitude(at_subframes(parameters.aspiration_db, HOP)),
        damping=damping(at_subframes(parameters.tilt_db, HOP)),
        poles=np.concatenate([nasal[:, None], poles], 1),
        zero=resonators(zero_hz, NASAL_BANDWIDTH_HZ),
        branches=unit_peaks(resonators(formants[:, 1:], NOISE_BANDWIDTHS_HZ)),
        levels=amplitude(at_subframes(parameters.noise_db, HOP // STEP)),
        white=generator.standard_normal(samples),
        hiss=generator.standard_normal(samples),
    )


def amplitude(level_db: np.ndarray) -> np.ndarray:
    """1 at FULL_DB, nothing at OFF_DB."""
    return np.where(level_db > OFF_DB, 10 ** ((level_db - FULL_DB) / 20), 0.0)


def resonators(frequency_hz: np.ndarray, bandwidth_hz: np.ndarray | float) -> np.ndarray:
    """(..., 3): gain, b and c of digital resonators with a gain of 1 at 0 Hz (Klatt 1980, equation 2)."""
    radius = np.exp(-np.pi * np.asarray(bandwidth_hz) / SAMPLE_RATE_HZ)
    b = 2 * radius * np.cos(2 * np.pi * frequency_hz / SAMPLE_RATE_HZ)
    c = np.broadcast_to(-(radius**2), b.shape)
    return np.stack([1 - b - c, b, c], -1)


def unit_peaks(resonators: np.ndarray) -> np.ndarray:
    """The same with a gain of 1 at their frequency."""
    _, b, c = np.moveaxis(resonators, -1, 0)
    radius = np.sqrt(-c)
    cosine = b / (2 * radius)
    gain = (1 - radius) * np.sqrt(1 - 2 * radius * (2 * cosine**2 - 1) + radius**2)
    return np.stack([gain, b, c], -1)


def damping(tilt_db: np.ndarray) -> np.ndarray:
    """d of y[t] = (1 - d) x[t] + d y[t - 1] that takes `tilt_db` at TILT_HZ."""
    power = 10 ** (-np.maximum(tilt_db, 1e-3) / 10)
    middle = 1 - power * np.cos(2 * np.pi * TILT_HZ / SAMPLE_RATE_HZ)
    return (middle - np.sqrt(middle**2 - (1 - power) ** 2)) / (1 - power)


@numba.njit(cache=True, nogil=True)
def glottis(phase: float) -> float:
    """The derivative of KLGLOTT88's flow at a phase from 0 to 1 of the period: up, then down to -1, then closed."""
    opened = phase / OPEN_QUOTIENT
    return 2 * opened - 3 * opened * opened if opened < 1 else 0.0


@numba.njit(cache=True, nogil=True)
def resonate(given: Controls) -> np.ndarray:
    """Samples (n,): the sources, then the filters of each step."""
    n = len(given.f0_hz)
    out = np.zeros(n)
    past = np.zeros((CASCADE + 1, 2))
    side = np.zeros((NOISES - 1, 2))
    before = np.zeros(2)
    phase, tilted = 0.0, 0.0
    for t in range(n):
        step = t // STEP
        flow = 0.0
        for _ in range(OVERSAMPLING):
            phase += given.f0_hz[t] / (SAMPLE_RATE_HZ * OVERSAMPLING)
            phase -= np.floor(phase)
            flow += glottis(phase) / OVERSAMPLING
        tilted += (1 - given.damping[t]) * (flow - tilted)
        breath = given.white[t] if phase < OPEN_QUOTIENT else SILENT_GLOTTIS * given.white[t]
        value = given.voicing[t] * tilted + given.aspiration[t] * breath
        zero = given.zero[step]
        value, before[1], before[0] = (value - zero[1] * before[0] - zero[2] * before[1]) / zero[0], before[0], value
        for k in range(CASCADE + 1):
            pole = given.poles[step, k]
            value = pole[0] * value + pole[1] * past[k, 0] + pole[2] * past[k, 1]
            past[k, 1], past[k, 0] = past[k, 0], value
        hiss = given.hiss[t]
        value += given.levels[step, NOISES - 1] * hiss
        sign = 1.0
        for k in range(NOISES - 1):
            pole = given.branches[step, k]
            side_value = pole[0] * hiss + pole[1] * side[k, 0] + pole[2] * side[k, 1]
            side[k, 1], side[k, 0] = side[k, 0], side_value
            value += sign * given.levels[step, k] * side_value
            sign = -sign
        out[t] = value
    return out
