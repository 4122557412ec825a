"""The hand-written programs (1.0): speech by rule, and speech by scissors.

`Formants`: duration and pitch rules, and a synthesiser of formants (speech.tts.formant).
`Splicing`: recorded words one after the other (speech.tts.splice). It says only words that were recorded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from speech.signal import clipped
from speech.tts.formant import say
from speech.tts.pronounce import phrases
from speech.tts.splice import PAUSE_S, Library, Refusal, library, splice, tokens_of
from speech.tts.units import utterances


@dataclass(frozen=True, kw_only=True)
class Formants:
    """A synthesiser by rule (Klatt 1980), its voice a woman's.

    Args:
        rate: how fast it speaks; 1 as its rules were written.
        seed: of its noise.
    """

    rate: float
    seed: int

    def __post_init__(self) -> None:
        if not 0.25 <= self.rate <= 4:
            raise ValueError(f"formants.rate: given {self.rate}, wanted 0.25 to 4")

    def build(self, data: Any) -> "FormantTalker":
        return FormantTalker(self.rate, self.seed)


@dataclass(frozen=True)
class FormantTalker:
    """Texts -> waveforms."""

    rate: float
    seed: int

    def __call__(self, problems: Sequence[str]) -> list[np.ndarray]:
        return [np.concatenate(list(self.stream(text))) for text in problems]

    def stream(self, text: str) -> Iterator[np.ndarray]:
        """The waveform sentence by sentence."""
        for said in utterances(phrases(text)):
            yield say(said, rate=self.rate, seed=self.seed)


@dataclass(frozen=True, kw_only=True)
class Splicing:
    """Recorded words, in pieces as long as there are."""

    def build(self, data: Any) -> "Splicer":
        """Cuts up the training recordings (speech.tts.data.Sentences)."""
        return Splicer(library(data.recordings()))


@dataclass(frozen=True)
class Splicer:
    """Texts -> waveforms; of a text with a word that was never recorded an empty one."""

    library: Library

    def __call__(self, problems: Sequence[str]) -> list[np.ndarray]:
        return [np.concatenate([np.zeros(0, np.float32), *self._parts(text)]) for text in problems]

    def missing(self, text: str) -> list[str]:
        """The words that were never recorded."""
        words = {word.text for phrase in phrases(text) for word in phrase.words}
        return sorted(words - self.library.where.keys())

    def stream(self, text: str) -> Iterator[np.ndarray]:
        """The waveform sentence by sentence.

        Raises:
            Refusal: a word was never recorded.
        """
        if missing := self.missing(text):
            raise Refusal(f"text: given {', '.join(missing[:5])}, wanted words that were recorded")
        yield from self._parts(text)

    def _parts(self, text: str) -> Iterator[np.ndarray]:
        for said in [] if self.missing(text) else utterances(phrases(text)):
            tokens = tokens_of(said)
            runs = self.library.runs(tokens)
            ends = np.cumsum([run.last - run.first + 1 for run in runs]) - 1
            pauses = [PAUSE_S[tokens[end].mark] for end in ends]
            yield clipped(splice([self.library.sound(run) for run in runs], pauses))
