"""What is made from the recordings themselves, to stand beside what programs make of features."""

import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyworld
import soundfile
from scipy.optimize import minimize_scalar

from speech.prediction import logistic_bits, predict_from_signal, predicted
from speech.signal import F0_RANGE_HZ, SAMPLE_RATE_HZ, Analysis, mu_law, mu_law_inverse, pre_emphasis, whole_frames

SHORT = Analysis(n_fft=512, window=512, hop=32, subframes=1)  # 32 ms, every 2 ms


def natural(wave: np.ndarray) -> np.ndarray:
    """The recording."""
    return wave


def eight_bits(wave: np.ndarray) -> np.ndarray:
    """In 256 mu-law levels, as telephones carry it."""
    return mu_law_inverse(mu_law(wave))


def world(wave: np.ndarray) -> np.ndarray:
    """Through WORLD (Morise et al. 2016): the best of classical vocoders, on a spectral envelope of its own."""
    low, high = F0_RANGE_HZ
    wave = np.ascontiguousarray(wave, np.float64)
    coarse, times = pyworld.harvest(wave, SAMPLE_RATE_HZ, f0_floor=low, f0_ceil=high)
    f0_hz = pyworld.stonemask(wave, coarse, times, SAMPLE_RATE_HZ)
    envelope = pyworld.cheaptrick(wave, f0_hz, times, SAMPLE_RATE_HZ)
    aperiodicity = pyworld.d4c(wave, f0_hz, times, SAMPLE_RATE_HZ)
    made = pyworld.synthesize(f0_hz, envelope, aperiodicity, SAMPLE_RATE_HZ)
    return np.pad(made, (0, max(0, len(wave) - len(made))))[: len(wave)]


CEILINGS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {"natural": natural, "world": world, "mu_law": eight_bits}


def flac_bits(waves: Sequence[np.ndarray]) -> np.ndarray:
    """Bits a sample of each by FLAC, which codes without loss and knows nothing of speech; its header not counted."""
    header = _flac_bytes(np.zeros(0))
    return np.array([8 * (_flac_bytes(wave) - header) / len(wave) for wave in waves])


def _flac_bytes(wave: np.ndarray) -> int:
    coded = io.BytesIO()
    soundfile.write(coded, wave, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return coded.getbuffer().nbytes


def lpc_bits(waves: Sequence[np.ndarray]) -> np.ndarray:
    """Bits a sample of each by linear prediction that has seen the samples.

    Filter and width come free, every 2 ms, and the factor between width and scale is the best for these waves.
    """
    predictions = []
    for wave in waves:
        y = pre_emphasis(whole_frames(wave, SHORT.hop))
        prediction = predict_from_signal(y, SHORT)
        predictions.append((y - predicted(y, prediction.lpc), np.repeat(prediction.error, SHORT.hop)))

    def bits(factor: float) -> np.ndarray:
        return np.array([logistic_bits(left, factor * width) for left, width in predictions])

    return bits(minimize_scalar(lambda factor: bits(factor).mean(), bounds=(0.1, 2), method="bounded").x)
