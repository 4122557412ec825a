"""What the net is told of a text: a row a phone or a gap between words, and which of them each frame belongs to.

Every word is followed by a gap, the mark of its phrase or a plain one, which may last no time at all: where a speaker
pauses is learned, not ruled.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from speech.tts.spoken import MARKS, PHONES, Phrase

START, GAP = "start", "gap"  # of the utterance; between two words of a phrase
SYMBOLS = ("", START, GAP, *MARKS, *PHONES)  # the first fills up
NUMBER = {symbol: i for i, symbol in enumerate(SYMBOLS)}
PLACES = 5  # numbers that say where a unit stands
WITHIN = 4  # numbers that say where in its unit a frame stands
FAR = 20.0  # units: about as far away as matters
CLOSES = ".?!"  # marks after which a new utterance begins
MOST_PHRASES = 4  # of an utterance


class Units(NamedTuple):
    """Of an utterance of U units: `symbol` int64 (U,), `stress` int64 (U,), `place` float32 (U, PLACES)."""

    symbol: np.ndarray
    stress: np.ndarray
    place: np.ndarray


def utterances(phrases: Iterable[Phrase]) -> Iterator[list[Phrase]]:
    """Phrases that are spoken in one go: up to the end of a sentence, or MOST_PHRASES."""
    held: list[Phrase] = []
    for phrase in phrases:
        held.append(phrase)
        if phrase.mark in CLOSES or len(held) == MOST_PHRASES:
            yield held
            held = []
    if held:
        yield held


def units_of(phrases: Sequence[Phrase]) -> Units:
    """Of one utterance."""
    symbols, stresses, places = [START], [0], [(0.0, 0.0, 0.0)]
    for phrase in phrases:
        first = len(symbols)
        for word in phrase.words:
            for i, phone in enumerate(word.phones):
                symbols.append(phone.name)
                stresses.append(phone.stress)
                places.append((0.0, i / FAR, (len(word.phones) - 1 - i) / FAR))
            symbols.append(GAP)
            stresses.append(0)
            places.append((0.0, 0.0, 0.0))
        symbols[-1] = phrase.mark
        length = len(symbols) - first
        places[first:] = [(i / length, *inside[1:]) for i, inside in enumerate(places[first:])]
    return Units(
        np.array([NUMBER[symbol] for symbol in symbols]),
        np.array(stresses),
        np.concatenate([np.array(places), _distances(len(symbols))], 1).astype(np.float32),
    )


def _distances(n: int) -> np.ndarray:
    """(n, 2): how far each unit is from the beginning and from the end, levelling off."""
    at = np.arange(n)
    return np.tanh(np.stack([at, at[::-1]], 1) / FAR)


class Rows(NamedTuple):
    """Of R frames: `unit` int64 (R,), the unit at each one's centre; `within` float32 (R, WITHIN)."""

    unit: np.ndarray
    within: np.ndarray


def rows_of(spans: np.ndarray, rows: np.ndarray) -> Rows:
    """Where frames of these numbers stand among units that last `spans` (U,) frames; clipped at both ends."""
    ends = np.cumsum(spans)
    centre = np.clip(rows + 0.5, 0, ends[-1])
    unit = np.minimum(np.searchsorted(ends, centre, side="right"), len(spans) - 1)
    unit = np.where(spans[unit] > 0, unit, _last_lasting(spans))
    before = centre - (ends - spans)[unit]
    after = spans[unit] - before
    share = before / np.maximum(spans[unit], 1e-6)
    within = np.stack([share, np.log1p(before), np.log1p(np.maximum(after, 0)), np.log1p(spans[unit])], 1)
    return Rows(unit, within.astype(np.float32))


def _last_lasting(spans: np.ndarray) -> int:
    return int(np.flatnonzero(spans > 0)[-1])
