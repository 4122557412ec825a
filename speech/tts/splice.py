"""Speech by scissors, as telephone systems make it: recorded words one after the other, in pieces as long as there are.

What is kept of the recordings: every KEPT words in a row that somebody said, once, as G.722 (64 kbit a second). What is
said is the way through them with the fewest joins, found by dynamic programming (unit selection, Hunt and Black 1996,
with words for units).
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import av
import numpy as np

from speech.corpus import decode
from speech.signal import SAMPLE_RATE_HZ
from speech.tts.spoken import MARKS, Phrase
from speech.tts.units import NUMBER, units_of

KEPT = 3
AIR_S = 0.04  # of the silence around a piece that is kept with it
FADE_S = 0.01
PAUSE_S = {"": 0.0, ",": 0.15, ".": 0.4, "?": 0.4, "!": 0.4}
OTHER_PLACE = 0.5  # joins that it is worth to take a word from the end of a phrase for the end of a phrase


class Refusal(ValueError):
    """A text that a program cannot say, though others may."""


class Token(NamedTuple):
    """A word, and the mark that its phrase ends with; "" within a phrase."""

    word: str
    mark: str


class Recording(NamedTuple):
    """`begins`, `ends` float64 (tokens,): the seconds at which each word begins and ends in `wave` (n,)."""

    tokens: tuple[Token, ...]
    begins: np.ndarray
    ends: np.ndarray
    wave: np.ndarray


class Run(NamedTuple):
    """Tokens `first` to `last` of piece `piece`."""

    piece: int
    first: int
    last: int


def tokens_of(said: Sequence[Phrase]) -> tuple[Token, ...]:
    """Of an utterance."""
    return tuple(
        Token(word.text, phrase.mark if word is phrase.words[-1] else "") for phrase in said for word in phrase.words
    )


def recording(said: Sequence[Phrase], seconds: np.ndarray, wave: np.ndarray) -> Recording:
    """Of a prompt and what its units last."""
    edges = np.concatenate([[0.0], np.cumsum(seconds)])
    gaps = np.flatnonzero(units_of(said).symbol <= NUMBER[MARKS[-1]])  # before the first word, and after each
    return Recording(tokens_of(said), edges[gaps[:-1] + 1], edges[gaps[1:]], wave)


def kept(recordings: Sequence[Recording]) -> Iterator[tuple[int, int, int]]:
    """(recording, first, last) of the stretches that hold KEPT tokens in a row which no stretch before holds."""
    seen: set[tuple[Token, ...]] = set()
    order = sorted(range(len(recordings)), key=lambda i: len(recordings[i].tokens), reverse=True)
    for number in order:
        tokens = recordings[number].tokens
        wanted = np.zeros(len(tokens), bool)
        for first in range(max(1, len(tokens) - KEPT + 1)):
            row = tokens[first : first + KEPT]
            if row not in seen:
                seen.add(row)
                wanted[first : first + KEPT] = True
        edges = np.flatnonzero(np.diff(wanted.astype(int), prepend=0, append=0))
        yield from (
            (number, first, last - 1) for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        )


def encode(wave: np.ndarray) -> np.ndarray:
    """G.722, uint8 (bytes,), of samples within -1 to 1."""
    file = io.BytesIO()
    with av.open(file, "w", format="g722") as container:
        stream = container.add_stream("g722", rate=SAMPLE_RATE_HZ, layout="mono")
        samples = np.round(np.clip(wave, -1, 1) * (2**15 - 1)).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return np.frombuffer(file.getvalue(), np.uint8)


@dataclass(frozen=True)
class Library:
    """The pieces that are kept: `tokens` as "word,mark word,mark"; sounds; `begins` and `ends` as of a Recording."""

    tokens: tuple[str, ...]
    sounds: tuple[np.ndarray, ...]
    begins: tuple[np.ndarray, ...]
    ends: tuple[np.ndarray, ...]

    @cached_property
    def pieces(self) -> list[tuple[Token, ...]]:
        return [tuple(Token(*token.partition(",")[::2]) for token in each.split()) for each in self.tokens]

    @cached_property
    def where(self) -> dict[str, list[tuple[int, int]]]:
        """Of every word its pieces, and its place in them."""
        found: dict[str, list[tuple[int, int]]] = {}
        for piece, tokens in enumerate(self.pieces):
            for i, token in enumerate(tokens):
                found.setdefault(token.word, []).append((piece, i))
        return found

    def runs(self, tokens: Sequence[Token]) -> list[Run]:
        """The way through the pieces with the fewest joins; every word must be in them."""
        cost, best = [0.0] + [np.inf] * len(tokens), [Run(0, 0, 0)] * (len(tokens) + 1)
        for at in range(len(tokens)):
            for piece, place in self.where[tokens[at].word]:
                for length, price in enumerate(self._prices(tokens[at:], self.pieces[piece][place:]), 1):
                    if cost[at] + price < cost[at + length]:
                        cost[at + length], best[at + length] = cost[at] + price, Run(piece, place, place + length - 1)
        found, at = [], len(tokens)
        while at > 0:
            found.append(best[at])
            at -= best[at].last - best[at].first + 1
        return found[::-1]

    def _prices(self, wanted: Sequence[Token], there: Sequence[Token]) -> Iterator[float]:
        """Of taking one token, two, and so on, as long as they are the wanted ones."""
        for mine, found in zip(wanted, there, strict=False):
            if mine.word != found.word:
                return
            yield 1 + OTHER_PLACE * (bool(mine.mark) != bool(found.mark))
            if mine.mark != found.mark:
                return

    def sound(self, run: Run) -> np.ndarray:
        """The samples of a run, with a little of the silence around it."""
        wave = decode(self.sounds[run.piece].tobytes(), "a piece").astype(np.float64)
        begins, ends = self.begins[run.piece], self.ends[run.piece]
        first = max(0.0, begins[run.first] - air_s(begins, ends, run.first, -1))
        last = ends[run.last] + air_s(begins, ends, run.last, 1)
        return wave[round(first * SAMPLE_RATE_HZ) : round(last * SAMPLE_RATE_HZ)]


def air_s(begins: np.ndarray, ends: np.ndarray, token: int, step: int) -> float:
    """Seconds before (step -1) or after (step 1) a word that are its own: AIR_S, or half of the gap there."""
    if not 0 <= token + step < len(begins):
        return AIR_S
    gap = begins[token] - ends[token - 1] if step < 0 else begins[token + 1] - ends[token]
    return float(min(AIR_S, gap / 2))


def library(recordings: Sequence[Recording]) -> Library:
    """What is kept of them."""
    tokens, sounds, begins, ends = [], [], [], []
    for number, first, last in kept(recordings):
        whole = recordings[number]
        start = max(0.0, whole.begins[first] - air_s(whole.begins, whole.ends, first, -1))
        stop = whole.ends[last] + air_s(whole.begins, whole.ends, last, 1)
        tokens.append(" ".join(f"{token.word},{token.mark}" for token in whole.tokens[first : last + 1]))
        sounds.append(encode(whole.wave[round(start * SAMPLE_RATE_HZ) : round(stop * SAMPLE_RATE_HZ)]))
        begins.append(whole.begins[first : last + 1] - start)
        ends.append(whole.ends[first : last + 1] - start)
    return Library(tuple(tokens), tuple(sounds), tuple(begins), tuple(ends))


def splice(sounds: Sequence[np.ndarray], pauses_s: Sequence[float]) -> np.ndarray:
    """Sounds one after the other, a pause after each; where there is none, one fades into the next."""
    fade = round(FADE_S * SAMPLE_RATE_HZ)
    ramp = np.sin(np.linspace(0, np.pi / 2, fade)) ** 2
    out, overlap = np.zeros(0), 0
    for sound, pause_s in zip(sounds, pauses_s, strict=True):
        faded = sound.copy()
        if len(faded) >= 2 * fade:
            faded[:fade] *= ramp
            faded[-fade:] *= ramp[::-1]
        shared = min(overlap, len(out), len(faded))
        joined = out[len(out) - shared :] + faded[:shared]
        silence = np.zeros(round(pause_s * SAMPLE_RATE_HZ))
        out = np.concatenate([out[: len(out) - shared], joined, faded[shared:], silence])
        overlap = 0 if pause_s else fade
    return out
