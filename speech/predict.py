"""One recording, asked of all vocoders: `python -m scripts.predict domain=speech input=hello.wav`.

Its features are all that they get; what they make of them stands beside it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import librosa
import numpy as np
import soundfile
from PIL import Image

from common.program import Program
from speech.picture import spectrogram
from speech.signal import SAMPLE_RATE_HZ, analyse, check_wave, clipped

LONGEST_S = 60.0


def predict(programs: Mapping[str, Program], given: str, folder: Path) -> Iterator[str]:
    """Writes `natural.wav` and a `.wav` and a spectrogram of each program."""
    wave = read_sound(Path(given))
    features = analyse(wave, next(iter(programs.values())).features)  # type: ignore[attr-defined]
    waves = {"natural": clipped(wave)} | {name: program([features])[0] for name, program in programs.items()}
    for name, made in waves.items():
        yield written(folder, name, made)


def written(folder: Path, name: str, wave: np.ndarray) -> str:
    """Writes a sound and its spectrogram; says so."""
    soundfile.write(folder / f"{name}.wav", wave, SAMPLE_RATE_HZ)
    draw(folder, name, wave)
    return f"{name}: {len(wave) / SAMPLE_RATE_HZ:.2f} s, {name}.wav, {name}.png"


def draw(folder: Path, name: str, wave: np.ndarray) -> None:
    """Writes a spectrogram."""
    Image.fromarray(spectrogram(wave)).save(folder / f"{name}.png")


def read_sound(path: Path) -> np.ndarray:
    """float64 (n,) at SAMPLE_RATE_HZ, channels averaged.

    Raises:
        ValueError: no sound, an empty or a silent one, or one that is too long.
    """
    try:
        lasts_s = soundfile.info(path).duration
        if not 0 < lasts_s <= LONGEST_S:
            raise ValueError(f"input: given {lasts_s:.1f} s, wanted more than 0 and at most {LONGEST_S:.0f} s")
        wave, rate_hz = soundfile.read(path)
    except (soundfile.LibsndfileError, TypeError):
        raise ValueError(f"input: given {path}, wanted a sound file, such as .wav or .flac") from None
    mono = wave.mean(1) if wave.ndim == 2 else wave
    return check_wave(np.clip(librosa.resample(mono, orig_sr=rate_hz, target_sr=SAMPLE_RATE_HZ), -1, 1), "input")
