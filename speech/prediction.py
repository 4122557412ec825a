"""Linear prediction: the all-pole filter of a spectrum (Makhoul 1975), and what it says of each sample.

Derived from mels (as in LPCNet, Valin and Skoglund 2019, arXiv 1810.11846, section 3.1) it needs no side information.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from speech.signal import (
    BANDS,
    LOWEST_POWER,
    LSB,
    PRE_EMPHASIS,
    SAMPLE_RATE_HZ,
    Analysis,
    at_subframes,
    mel_bands,
    stft,
)

LPC_ORDER = 16
SPECTRUM = 512  # points of the Fourier transform between mels and prediction
LAG_WINDOW_HZ = 40.0
WHITE_NOISE = 1.0001  # on the autocorrelation at lag 0


class Prediction(NamedTuple):
    """Of the pre-emphasised signal from its past, a row a stretch of samples.

    `lpc` float64 (rows, LPC_ORDER), the nearest sample first; `error` (rows,), the standard deviation of
    what it leaves; `gain`, that of the pre-emphasised signal itself.
    """

    lpc: np.ndarray
    error: np.ndarray
    gain: np.ndarray


def predict_from_mel(log_mels: np.ndarray, subframes: int) -> Prediction:
    """Linear prediction of the spectrum that mels (frames, BANDS) outline."""
    mels = at_subframes(np.asarray(log_mels, np.float64), subframes)
    spread, emphasis = spectrum()
    return _of_power(np.exp(mels @ spread) * emphasis)


def predict_from_signal(y: np.ndarray, analysis: Analysis) -> Prediction:
    """The same of a signal (frames * hop,) itself, a row a frame: no vocoder knows as much."""
    return _of_power(np.maximum(np.abs(stft(y, analysis)) ** 2, LOWEST_POWER))


def _of_power(power: np.ndarray) -> Prediction:
    correlation = np.fft.irfft(power)[:, : LPC_ORDER + 1]
    lags = np.arange(LPC_ORDER + 1)
    correlation = correlation * np.exp(-0.5 * (2 * np.pi * LAG_WINDOW_HZ / SAMPLE_RATE_HZ * lags) ** 2)
    correlation[:, 0] *= WHITE_NOISE
    lpc, energy = levinson(correlation)
    return Prediction(lpc, np.sqrt(energy), np.sqrt(correlation[:, 0]))


@lru_cache
def spectrum() -> tuple[np.ndarray, np.ndarray]:
    """What makes a power spectrum of log-mels: (BANDS, bins) that spreads them linearly between the bands' centres,
    and (bins,), the power of the pre-emphasis.
    """
    bands = mel_bands(SPECTRUM * 4)
    fine = np.arange(len(bands)) * SAMPLE_RATE_HZ / (SPECTRUM * 4)
    centres = bands.T @ fine
    bins = np.arange(SPECTRUM // 2 + 1) * SAMPLE_RATE_HZ / SPECTRUM
    spread = np.stack([np.interp(bins, centres, row) for row in np.eye(BANDS)])
    w = 2 * np.pi * bins / SAMPLE_RATE_HZ
    return spread, np.abs(1 - PRE_EMPHASIS * np.exp(-1j * w)) ** 2


def levinson(correlation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Solves the normal equations of linear prediction, row by row (Levinson 1946, Durbin 1960).

    Args:
        correlation: autocorrelations (n, order + 1), positive definite.

    Returns:
        Predictors (n, order), the nearest sample first, and the variance (n,) of what they leave.
    """
    n, order = len(correlation), correlation.shape[1] - 1
    lpc = np.zeros((n, order))
    error = correlation[:, 0].copy()
    for m in range(order):
        reflection = (correlation[:, m + 1] - (lpc[:, :m] * correlation[:, m:0:-1]).sum(1)) / error
        lpc[:, :m] -= reflection[:, None] * lpc[:, :m][:, ::-1].copy()
        lpc[:, m] = reflection
        error *= 1 - reflection**2
    return lpc, error


def predicted(y: np.ndarray, lpc: np.ndarray) -> np.ndarray:
    """Of each sample of y (n,), what lpc (subframes, LPC_ORDER) says from those before it."""
    past = np.lib.stride_tricks.sliding_window_view(np.pad(y, (LPC_ORDER, 0)), LPC_ORDER)[: len(y), ::-1]
    return (past * np.repeat(lpc, len(y) // len(lpc), axis=0)).sum(1)


def logistic_bits(left: np.ndarray, scale: np.ndarray) -> float:
    """Bits a sample, in steps of 16 bits, where what prediction leaves (n,) is logistic of `scale` (n,)."""
    centre, width = left / scale, LSB / scale
    # log(sigmoid(centre + width / 2) - sigmoid(centre - width / 2)), in a form in which nothing cancels
    log_mass = width + np.log(-np.expm1(-width))
    log_mass -= np.logaddexp(0, width / 2 + centre) + np.logaddexp(0, width / 2 - centre)
    return float(-log_mass.mean() / np.log(2))
