"""One text, spoken by all programs: `python -m scripts.predict domain=tts input="press one to continue"`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import soundfile

from common.program import Program
from speech.predict import draw
from speech.signal import SAMPLE_RATE_HZ
from speech.tts.splice import Refusal

SHOWN_S = 20.0  # of a long text's spectrogram


def predict(programs: Mapping[str, Program], given: str, folder: Path) -> Iterator[str]:
    """Writes a `.wav` of each program, whole or not at all, and a spectrogram; or says why it refuses."""
    for name, program in programs.items():
        try:
            yield written(folder, name, program.stream(given))  # type: ignore[attr-defined]
        except Refusal as refusal:
            yield f"{name}: {refusal}"


def written(folder: Path, name: str, pieces: Iterator[np.ndarray]) -> str:
    """Writes pieces of speech one after the other, and a spectrogram of the beginning; says so."""
    part, seen, samples = folder / f".{name}.wav", np.zeros(0, np.float32), 0
    try:
        with soundfile.SoundFile(part, "w", SAMPLE_RATE_HZ, 1, format="WAV") as file:
            for piece in pieces:
                file.write(piece)
                samples += len(piece)
                if len(seen) < SHOWN_S * SAMPLE_RATE_HZ:
                    seen = np.concatenate([seen, piece])
        draw(folder, name, seen[: round(SHOWN_S * SAMPLE_RATE_HZ)])
        part.rename(folder / f"{name}.wav")
    finally:
        part.unlink(missing_ok=True)
    return f"{name}: {samples / SAMPLE_RATE_HZ:.2f} s, {name}.wav, {name}.png"
