"""Other people's text to speech: espeak-ng's voices, and how fast all speak.

`python -m scripts.bench domain=tts package=speech/tts/pretrained split=test`

espeak-ng (Debian's package of that name) is a formant synthesiser with decades of rules; its voice `klatt` is of the
same kind as our own. Only the bench comes here, by name, from configs/domain/tts.yaml. All on one thread.
"""

import io
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import soundfile
from scipy.signal import resample_poly

from common.answering import threads
from common.compare import means
from common.domain import Domain
from common.program import Figure, Program
from speech.signal import SAMPLE_RATE_HZ, clipped


@dataclass(frozen=True)
class Espeak:
    """Texts -> waveforms by espeak-ng."""

    voice: str

    def __call__(self, problems: Sequence[str]) -> list[np.ndarray]:
        return [self._speak(text) for text in problems]

    def _speak(self, text: str) -> np.ndarray:
        command = ["espeak-ng", "-v", self.voice, "--stdin", "--stdout"]
        said = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout
        wave, rate_hz = soundfile.read(io.BytesIO(said))
        return clipped(resample_poly(wave, SAMPLE_RATE_HZ, rate_hz))


def espeak(domain: Domain, trainer: object, *, voices: Sequence[str]) -> list[Figure]:
    """What the referee says of espeak-ng's voices.

    Raises:
        ValueError: it is not installed.
    """
    if shutil.which("espeak-ng") is None:
        raise ValueError("bench.espeak: given no espeak-ng, wanted it installed: apt-get install espeak-ng")
    figures = []
    for voice in voices:
        name = "espeak_" + voice.rpartition("+")[2].replace("-", "_")
        evaluation = domain.evaluator(Espeak(voice))
        figures += [replace(f, program=name, kind="peer") for f in (*means(evaluation), *evaluation.figures)]
    return figures


def pace(domain: Domain, trainer: object, *, sentences: int, repeats: int) -> list[Figure]:
    """Seconds of speech a second, text in, waveform out, of every program: of one prompt, the median of `repeats`.

    Raises:
        ValueError: the net is not trained, so that it does not know how long anything lasts.
    """
    module: Any = domain.module
    if not module.mean.any():
        raise ValueError("package: given nothing, wanted package=DIR, of a net that is trained")
    domain.data.setup("fit")
    programs: Mapping[str, Program] = {module.name: module.program(domain.data)} | {
        name: baseline.build(domain.data) for name, baseline in domain.baselines.items()
    }
    texts = domain.evaluator.examples(sentences)
    figures = []
    for name, program in programs.items():
        with threads(1):
            paces = [_pace(program, text, repeats) for text in texts]
        figures.append(
            Figure(
                "times_real_time",
                float(np.median(paces)),
                program=name,
                kind="learned" if name == module.name else "baseline",
            )
        )
    return figures


def _pace(program: Program, text: str, repeats: int) -> float:
    program([text])
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        (wave,) = program([text])
        took.append(time.perf_counter() - start)
    return len(wave) / SAMPLE_RATE_HZ / float(np.median(took))
