"""Pieces of the recordings with what is said in them, phone by phone: the source code of the 2.0 program."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from speech.corpus import Split, check_voice
from speech.data import Crops, bounds, check_limit, cut, features_of, lead_frames, prompts_of, stacked, utterance
from speech.data import Utterance as Sound
from speech.front import CONTEXT_FRAMES, Front
from speech.signal import SAMPLE_RATE_HZ, Analysis
from speech.tts.align import aligned, said_in
from speech.tts.splice import Recording, recording
from speech.tts.units import Units, rows_of, units_of


class Utterance(NamedTuple):
    """One prompt: its units, the frames that each lasts (U,), its features (frames, WIDTH), its sound."""

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


class Sentences(pl.LightningDataModule):
    """Batches of Pieces, from places drawn anew every epoch.

    Args:
        voice: whose, of corpus.VOICES; an English one.
        features: how they are made.
        front: the aids that the vocoder gets.
        waveforms: whether the waveforms are in the batches: only a vocoder that is trained needs them.
        frames: of a piece that count.
        margin: frames more at both ends, that decide those.
        receptive_field: of the vocoder.
        batch_size: pieces, over all processes.
        pieces: an epoch.
        noise: as speech.data.Prompts's.
        seed: fixes places and noise, by epoch, so that a resumed run sees what an uninterrupted one does.
        limit: use only so many prompts to train and to validate, the shortest.
    """

    def __init__(
        self,
        *,
        voice: str,
        features: Analysis,
        front: Front,
        waveforms: bool,
        frames: int,
        margin: int,
        receptive_field: int,
        batch_size: int,
        pieces: int,
        noise: float,
        seed: int,
        limit: int | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("frames", frames), ("batch_size", batch_size), ("pieces", pieces)):
            if value < 1:
                raise ValueError(f"data.{name}: given {value}, wanted 1 or more")
        if noise < 0:
            raise ValueError(f"data.noise: given {noise}, wanted 0 or more")
        self.voice = check_voice(voice)
        self.features = features
        self.front = front
        self.waveforms = waveforms
        self.frames = frames
        lead, around = (lead_frames(receptive_field, features), CONTEXT_FRAMES) if waveforms else (0, 0)
        self.cutting = Cutting(features, margin, lead, around)
        self.batch_size = batch_size
        self.pieces = pieces
        self.noise = noise
        self.seed = seed
        self.limit = check_limit(limit)

    def setup(self, stage: str | None = None) -> None:
        self.train, self.val = self._utterances("train"), self._utterances("val")

    def _utterances(self, split: Split) -> list[Utterance]:
        chosen = prompts_of(self.voice, split, self.limit)
        made = zip(chosen, features_of(chosen, self.features), aligned(chosen), strict=True)
        per_second = SAMPLE_RATE_HZ / self.features.hop
        return [
            Utterance(
                units_of(said_in(prompt)),
                seconds * per_second,
                features.frames,
                utterance(prompt.wave, features, self.front),
            )
            for prompt, features, seconds in made
        ]

    def recordings(self) -> list[Recording]:
        """The training prompts, word by word."""
        chosen = prompts_of(self.voice, "train", self.limit)
        return [
            recording(said_in(prompt), seconds, prompt.wave)
            for prompt, seconds in zip(chosen, aligned(chosen), strict=True)
        ]

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the features, (WIDTH,) each, over the frames of the training prompts."""
        frames = np.concatenate([u.frames for u in self.train])
        return torch.from_numpy(frames.mean(0)), torch.from_numpy(np.maximum(frames.std(0), 1e-3))

    def train_dataloader(self) -> "Batches":
        trainer = self.trainer
        assert trainer is not None
        return Batches(
            self, epoch=lambda: trainer.current_epoch, rank=trainer.global_rank, processes=trainer.world_size
        )

    def val_dataloader(self) -> "Whole":
        return Whole(self)


class Batches:
    """One epoch of pieces; of each batch a process of a distributed run gets its share."""

    def __init__(self, data: Sentences, *, epoch: Callable[[], int], rank: int = 0, processes: int = 1) -> None:
        if data.batch_size % processes:
            raise ValueError(f"data.batch_size: given {data.batch_size}, wanted a multiple of {processes} processes")
        self.data = data
        self.epoch = epoch
        self.share = slice(rank, None, processes)
        frames = np.array([len(u.frames) for u in data.train])
        self.starts = np.maximum(frames - data.frames, 0) + 1  # places where a piece may begin, a prompt
        self.ends = self.starts.cumsum()

    def __len__(self) -> int:
        return max(1, self.data.pieces // self.data.batch_size)

    def __iter__(self) -> Iterator[Pieces]:
        data = self.data
        rng = np.random.default_rng((data.seed, self.epoch()))
        for _ in range(len(self)):
            places = rng.integers(self.ends[-1], size=data.batch_size)
            levels = data.noise * rng.uniform(size=data.batch_size) * (rng.uniform(size=data.batch_size) < 0.5)
            seeds = rng.integers(2**31, size=data.batch_size)
            yield gathered(
                [
                    self._piece(int(place), float(level), int(seed))
                    for place, level, seed in list(zip(places, levels, seeds, strict=True))[self.share]
                ]
            )

    def _piece(self, place: int, level: float, seed: int) -> Pieces:
        chosen = int(np.searchsorted(self.ends, place, side="right"))
        start = int(place - self.ends[chosen] + self.starts[chosen])
        return piece(self.data.train[chosen], start, self.data.frames, self.data.cutting, level=level, seed=seed)


class Whole:
    """The validation prompts, piece by piece, each a batch of its own; no noise."""

    def __init__(self, data: Sentences) -> None:
        self.data = data

    def __len__(self) -> int:
        return sum(len(bounds(len(u.frames))) - 1 for u in self.data.val)

    def __iter__(self) -> Iterator[Pieces]:
        for u in self.data.val:
            yield from in_pieces(u, self.data.cutting)


def in_pieces(u: Utterance, cutting: Cutting) -> Iterator[Pieces]:
    """A whole utterance, each piece a batch of its own: memory is bounded however long it is."""
    for first, last in pairwise(bounds(len(u.frames)).tolist()):
        yield gathered([piece(u, first, last - first, cutting)])


def piece(u: Utterance, start: int, frames: int, cutting: Cutting, *, level: float = 0.0, seed: int = 0) -> Pieces:
    """`frames` from number `start` on, without a batch axis; with waveforms where something stands around them."""
    analysis, margin, lead, around = cutting
    wanted = np.arange(start - lead - around, start + frames + around)
    rows = np.arange(wanted[0] - margin, wanted[-1] + margin + 1)
    last = len(u.frames) - 1
    where = rows_of(u.spans, rows)
    crops = None
    if around:
        noise = np.random.default_rng(seed).standard_normal((lead + frames) * analysis.hop, np.float32) * level
        crops = cut(u.sound, start, frames, lead, analysis, noise.astype(np.float32), level)
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
    return Pieces._make([*(torch.from_numpy(np.ascontiguousarray(value)) for value in values), crops])


def gathered(pieces: Sequence[Pieces]) -> Pieces:
    """Pieces without a batch axis in one batch, their units filled up with zeros."""
    *columns, crops = zip(*pieces, strict=True)
    padded = [torch.nn.utils.rnn.pad_sequence(list(parts), batch_first=True) for parts in columns]
    return Pieces._make([*padded, None if crops[0] is None else stacked(crops)])
