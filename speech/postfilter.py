"""What the net's signals go through after sampling, by the pitch that the features have."""

import numpy as np
from scipy.signal import firwin

from speech.signal import BANDS, SAMPLE_RATE_HZ, TAPS, at_subframes, filtered

COMB_BELOW_HZ = 1500.0
WEAK_DB = (-30.0, -20.0)  # from the loudest frame: at the lower the comb's second pass counts in full, at the upper not


def combed(signal: np.ndarray, lag: np.ndarray, frames: np.ndarray, *, share: float) -> np.ndarray:
    """Through `comb`, and once more where speech is weak: there a net's noise hides its pitch.

    Args:
        signal: (frames * hop,), and `lag` as for `comb`.
        frames: its features (frames, WIDTH).
    """
    loudness_db = 10 * np.log10(np.exp(frames[:, :BANDS].astype(np.float64)).sum(1))
    loudness_db = at_subframes(loudness_db - loudness_db.max(), len(signal) // len(frames))
    once = comb(signal, lag, share=share)
    return once + np.interp(loudness_db, WEAK_DB, (1.0, 0.0)) * (comb(once, lag, share=share) - once)


def comb(signal: np.ndarray, lag: np.ndarray, *, share: float) -> np.ndarray:
    """Moves what a signal (n,) has below COMB_BELOW_HZ towards what it has a pitch period before and after, by `share`.

    What lies between the harmonics grows weaker there (a long-term postfilter, Chen and Gersho 1995, section III).

    Args:
        lag: int (n,), the period in samples, 0 where unvoiced: there nothing is moved, nor towards there.
    """
    low = filtered(signal, firwin(TAPS, COMB_BELOW_HZ, fs=SAMPLE_RATE_HZ))
    here = np.arange(len(signal))
    total, count = np.zeros(len(signal)), np.zeros(len(signal))
    for place in (here - lag, here + lag):
        there = place.clip(0, len(signal) - 1)
        usable = (lag > 0) & (place == there) & (lag[there] > 0)
        total += np.where(usable, low[there], 0)
        count += usable
    return signal + share * np.where(count > 0, total / np.maximum(count, 1) - low, 0)
