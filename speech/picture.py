"""Spectrograms, for people to look at."""

import numpy as np
from matplotlib import colormaps

WINDOW, HOP = 400, 80  # samples: 25 and 5 ms
RANGE_DB = 70.0


def spectrogram(wave: np.ndarray) -> np.ndarray:
    """uint8 RGB (200, n // HOP + 1, 3): 0 to 8 kHz upwards, RANGE_DB below the loudest is black."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, WINDOW // 2), WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW)))[:, 1:] ** 2
    level = 10 * np.log10(power + 1e-10)
    shade = np.clip((level - level.max()) / RANGE_DB + 1, 0, 1)
    return (colormaps["magma"](shade.T[::-1])[:, :, :3] * 255).astype(np.uint8)
