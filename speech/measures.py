"""How one signal differs from another that says the same, and how good networks find it that learned from listeners."""

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
import pystoi
import pyworld
from speechmos import dnsmos, plcmos

from speech.signal import SAMPLE_RATE_HZ, f0

HOP = 80  # samples between the frames in which pitch and spectra are compared: 5 ms
CEPSTRAL_ORDER = 24
WARPING = 0.42  # of the frequency axis, about the mel scale at 16 kHz
LOUD_DB = 40.0  # frames so far below the loudest are not compared
GROSS = 0.2  # of a frequency: further off is another note, not a worse one
_DRAWING = Lock()  # of NumPy's global generator


def pitch_errors(found_hz: np.ndarray, true_hz: np.ndarray) -> dict[str, float]:
    """Of two tracks (frames,), 0 where unvoiced.

    `voicing_error`, the share of frames that are voiced in one only. Where both are, `f0_cents`, the median distance,
    and `f0_gross`, the share further off than GROSS; nan where there is no such frame.
    """
    voiced = (found_hz > 0) & (true_hz > 0)
    errors = {"voicing_error": float(((found_hz > 0) != (true_hz > 0)).mean()), "f0_cents": np.nan, "f0_gross": np.nan}
    if voiced.any():
        ratio = found_hz[voiced] / true_hz[voiced]
        errors["f0_cents"] = float(np.median(np.abs(1200 * np.log2(ratio))))
        errors["f0_gross"] = float((np.abs(ratio - 1) > GROSS).mean())
    return errors


def pitch(wave: np.ndarray) -> np.ndarray:
    """F0 in Hz every HOP samples, 0 where unvoiced."""
    return f0(np.asarray(wave, np.float64), HOP)


def mel_cepstra(wave: np.ndarray, f0_hz: np.ndarray) -> np.ndarray:
    """Mel-cepstra (frames, CEPSTRAL_ORDER + 1) of the envelope (Morise 2015, CheapTrick) at the frames of `pitch`."""
    wave = np.asarray(wave, np.float64)[HOP // 2 :]
    times = np.arange(len(f0_hz)) * HOP / SAMPLE_RATE_HZ
    power = pyworld.cheaptrick(wave, f0_hz.astype(np.float64), times, SAMPLE_RATE_HZ)
    cepstra = np.fft.irfft(0.5 * np.log(power))
    half = cepstra.shape[1] // 2
    cepstra = cepstra[:, : half + 1]
    cepstra[:, 1:half] *= 2
    return cepstra @ _warping(half + 1)


@lru_cache
def _warping(size: int) -> np.ndarray:
    """(size, CEPSTRAL_ORDER + 1): cepstra on a warped frequency axis (Oppenheim and Johnson 1972)."""
    now = np.zeros((CEPSTRAL_ORDER + 1, size))
    for impulses in np.eye(size)[::-1]:
        before = now.copy()
        now[0] = impulses + WARPING * before[0]
        now[1] = (1 - WARPING**2) * before[0] + WARPING * before[1]
        for m in range(2, CEPSTRAL_ORDER + 1):
            now[m] = before[m - 1] + WARPING * (before[m] - now[m - 1])
    return now.T


def mel_cepstral_distortion(found: np.ndarray, true: np.ndarray, loud: np.ndarray) -> float:
    """In dB, over the frames that `loud` (frames,) marks, without the energy (Kubichek 1993)."""
    difference = (found - true)[loud, 1:]
    return float((10 / np.log(10) * np.sqrt(2 * (difference**2).sum(1))).mean())


def loud_frames(wave: np.ndarray) -> np.ndarray:
    """bool (frames,), HOP samples each: within LOUD_DB of the loudest."""
    frames = np.asarray(wave, np.float64)[: len(wave) // HOP * HOP].reshape(-1, HOP)
    level = 10 * np.log10((frames**2).mean(1) + 1e-12)
    return level > level.max() - LOUD_DB


def stoi(wave: np.ndarray, true: np.ndarray) -> float:
    """Short-time objective intelligibility, up to 1 (Taal et al. 2011)."""
    return float(pystoi.stoi(true, wave, SAMPLE_RATE_HZ))


def pesq(wave: np.ndarray, true: np.ndarray) -> float:
    """Perceptual evaluation of speech quality, wide-band, up to 4.64 (ITU-T P.862.2).

    It compares phases too, which a vocoder may draw as it likes: no measure to rank vocoders by.
    """
    from pesq import pesq as measured

    return float(measured(SAMPLE_RATE_HZ, np.asarray(true, np.float32), np.asarray(wave, np.float32), "wb"))


def opinions(wave: np.ndarray) -> dict[str, float]:
    """Mean opinion scores, 1 to 5, as networks predict them.

    `dnsmos`, overall (P.835, Reddy et al. 2022), `p808` (P.808, Reddy et al. 2021), `plcmos` (Diener et al. 2023).
    """
    wave = np.asarray(wave, np.float32)
    noise = dnsmos.run(wave, SAMPLE_RATE_HZ)
    with _fixed_draws():
        loss = plcmos.run(wave, SAMPLE_RATE_HZ)
    scores: dict[str, Any] = {"dnsmos": noise["ovrl_mos"], "p808": noise["p808_mos"], "plcmos": loss["plcmos"]}
    return {name: float(value) for name, value in scores.items()}


@contextlib.contextmanager
def _fixed_draws() -> Iterator[None]:
    """PLCMOS draws its imagined raters from NumPy's global generator: the same ones for every signal, one at a time."""
    with _DRAWING:
        before = np.random.get_state()  # noqa: NPY002
        np.random.seed(0)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002
