"""What is made from the recordings themselves: no program that gets features alone can be expected to beat it."""

import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyworld
import soundfile

from speech.signal import F0_RANGE_HZ, SAMPLE_RATE_HZ, mu_law, mu_law_inverse


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


def flac_bits(waves: Sequence[np.ndarray]) -> float:
    """Bits a sample that FLAC takes, which codes without loss and knows nothing of speech."""
    coded = io.BytesIO()
    soundfile.write(coded, np.concatenate(waves), SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return 8 * coded.getbuffer().nbytes / sum(map(len, waves))
