"""Pieces of the recordings with what is said in them, phone by phone: the source code of the 2.0 program."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from speech.corpus import Split
from speech.data import Crops, Prompts, bounds, cut, features_of, prompts_of, stacked, utterance
from speech.data import Utterance as Sound
from speech.front import CONTEXT_FRAMES, Front
from speech.signal import SAMPLE_RATE_HZ, Analysis, Features
from speech.tts.align import aligned, said_in
from speech.tts.splice import Recording, recording
from speech.tts.spoken import Phrase
from speech.tts.units import Units, rows_of, units_of, utterances


class Utterance(NamedTuple):
    """What is said in one go: its units, the frames that each lasts (U,), its features (frames, WIDTH), its sound."""

    units: Units
    spans: np.ndarray
    frames: np.ndarray
    sound: Sound


class Pieces(NamedTuple):
    """A batch of B pieces of R frames, of utterances of U units; those filled up with zeros.

    The units: `symbol`, `stress` (B, U), `place` (B, U, PLACES), `spans` (B, U) frames. The frames, with a margin of M
    more at both ends: `unit` (B, R + 2M), `within` (B, R + 2M, WITHIN), `inside` (B, R + 2M), whether they are part of
    the utterance. Without the margin: `nearest` (B, R), which of those with the margin stands for each, the first or
    the last of the utterance where it is outside; `features` (B, R, WIDTH), raw; `counted` (B, R).
    `crops`: the waveform of the same frames but CONTEXT_FRAMES at each end; None where it is not asked for.
    """

    symbol: Tensor
    stress: Tensor
    place: Tensor
    spans: Tensor
    unit: Tensor
    within: Tensor
    inside: Tensor
    nearest: Tensor
    features: Tensor
    counted: Tensor
    crops: Crops | None


class Cutting(NamedTuple):
    """How pieces are cut: frames of `margin`, `lead` before those that count, and `around` at both ends."""

    analysis: Analysis
    margin: int
    lead: int
    around: int


class Sentences(Prompts):
    """Batches of Pieces of the prompts, taken apart into utterances.

    Args:
        waveforms: whether the waveforms are in the batches: only a vocoder that is trained needs them.
        margin: frames more at both ends, that decide those which count.
        shared: as Prompts takes them; the voice an English one.
    """

    def __init__(self, *, waveforms: bool, margin: int, **shared: Any) -> None:
        super().__init__(**shared)
        self.waveforms = waveforms
        self.lead_frames = self.lead_frames if waveforms else 0
        self.cutting = Cutting(self.features, margin, self.lead_frames, CONTEXT_FRAMES if waveforms else 0)

    def _utterances(self, split: Split) -> list[Utterance]:
        chosen = prompts_of(self.voice, split, self.limit)
        made = zip(chosen, features_of(chosen, self.features), aligned(chosen), strict=True)
        return [
            each
            for prompt, features, seconds in made
            for each in apart(said_in(prompt), seconds, prompt.wave, features, self.front)
        ]

    def recordings(self) -> list[Recording]:
        """The training prompts, word by word."""
        chosen = prompts_of(self.voice, "train", self.limit)
        return [
            recording(said_in(prompt), seconds, prompt.wave)
            for prompt, seconds in zip(chosen, aligned(chosen), strict=True)
        ]

    def piece(self, u: Utterance, start: int, noise: np.ndarray, level: float) -> Pieces:
        return piece(u, start, self.crop_frames, self.cutting, noise, level)

    def gathered(self, pieces: Sequence[Pieces]) -> Pieces:
        return gathered(pieces)

    def in_pieces(self, u: Utterance) -> Iterator[Pieces]:
        return in_pieces(u, self.cutting)


def apart(
    said: Sequence[Phrase], seconds: np.ndarray, wave: np.ndarray, features: Features, front: Front
) -> Iterator[Utterance]:
    """A recording as the utterances that a program makes of its text; the pause between two of them is halved.

    Args:
        said: what is said in it.
        seconds: that the units last (speech.tts.align).
        wave, features: of all of it.
    """
    analysis, frames = features.analysis, features.frames
    spans = seconds * SAMPLE_RATE_HZ / analysis.hop
    ends, unit, first = spans.cumsum(), 0, 0
    for phrases in utterances(said):
        units = units_of(phrases)
        begin, unit = unit, unit + len(units.symbol) - 1  # an utterance's last unit holds the next one's first
        last = len(frames) if unit == len(spans) - 1 else round(ends[unit] - spans[unit] / 2)
        lasting = spans[begin : unit + 1].copy()
        lasting[0] = max(ends[begin] - first, 0)
        lasting[-1] = max(last - (ends[unit] - spans[unit]), 0)
        part = Features(frames[first:last], analysis)
        sound = utterance(wave[first * analysis.hop : last * analysis.hop], part, front)
        yield Utterance(units, lasting, part.frames, sound)
        first = last


def in_pieces(u: Utterance, cutting: Cutting) -> Iterator[Pieces]:
    """A whole utterance, each piece a batch of its own: memory is bounded however long it is."""
    for first, last in pairwise(bounds(len(u.frames)).tolist()):
        yield gathered([piece(u, first, last - first, cutting)])


def piece(
    u: Utterance, start: int, frames: int, cutting: Cutting, noise: np.ndarray | None = None, level: float = 0.0
) -> Pieces:
    """`frames` from number `start` on, without a batch axis; with waveforms where something stands around them."""
    analysis, margin, lead, around = cutting
    wanted = np.arange(start - lead - around, start + frames + around)
    rows = np.arange(wanted[0] - margin, wanted[-1] + margin + 1)
    last = len(u.frames) - 1
    where = rows_of(u.spans, rows)
    nearest = np.clip(wanted, 0, last)
    counted = (wanted >= max(start, 0)) & (wanted < min(start + frames, last + 1))
    values = (
        *u.units,
        u.spans.astype(np.float32),
        where.unit,
        where.within,
        (rows >= 0) & (rows <= last),
        np.clip(nearest - rows[0], 0, len(rows) - 1),
        u.frames[nearest],
        counted.astype(np.float32),
    )
    crops = cut(u.sound, start, frames, lead, analysis, noise, level) if around else None
    return Pieces._make([*(torch.from_numpy(np.ascontiguousarray(value)) for value in values), crops])


def gathered(pieces: Sequence[Pieces]) -> Pieces:
    """Pieces without a batch axis in one batch, their units filled up with zeros."""
    *columns, crops = zip(*pieces, strict=True)
    padded = [torch.nn.utils.rnn.pad_sequence(list(parts), batch_first=True) for parts in columns]
    return Pieces._make([*padded, None if crops[0] is None else stacked(crops)])
