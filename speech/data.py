"""Crops of the recordings with their features: the source code of the 2.0 program."""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pytorch_lightning as pl
import torch
from filelock import FileLock
from rich.console import Console
from rich.progress import track
from torch import Tensor

from common import cache_folder
from common.checkpoint import write_whole
from speech import signal
from speech.corpus import Prompt, Split, check_voice, parts, prompts
from speech.front import CONTEXT_FRAMES, HISTORY, Front, Plan, plan
from speech.signal import Analysis, Features, analyse, pre_emphasis, whole_frames

PIECE_FRAMES = 64  # of a whole prompt that are looked at together
Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Utterance(NamedTuple):
    """One prompt, ready to be cut: `y` float32 (frames * hop,) pre-emphasised, its features and its plan."""

    y: np.ndarray
    frames: np.ndarray
    plan: Plan


class Crops(NamedTuple):
    """A batch of B pieces of N samples, S subframes; the first of them, the lead, are only the past of the rest.

    `y` (B, N); `frames` (B, N / hop + 2 * CONTEXT_FRAMES, WIDTH), raw features; `lpc` (B, S, order); `error`, `gain`,
    `lag` (B, N), as in a Plan; `noise` (B, N), what is added to the past, in units of `error`, or of what the net sees
    where nothing is predicted; `level` (B,), its standard deviation; `counted` (B, N), 0 where a sample is no part of
    the recording.
    """

    y: Tensor
    frames: Tensor
    lpc: Tensor
    error: Tensor
    gain: Tensor
    lag: Tensor
    noise: Tensor
    level: Tensor
    counted: Tensor


def features_of(chosen: Sequence[Prompt], analysis: Analysis) -> list[Features]:
    """Of these prompts, from the cache where it has them: F0 takes a tenth of the time that the sound lasts.

    Raises:
        ValueError: what the cache has is damaged.
    """
    names = [prompt.name for prompt in chosen]
    key = hashlib.sha256(repr((names, analysis, version("pyworld-prebuilt"))).encode())
    key.update(Path(signal.__file__).read_bytes())
    for prompt in chosen:
        key.update(prompt.wave.tobytes())
    made = (found.frames for found in side_by_side(lambda prompt: analyse(prompt.wave, analysis), chosen, "features"))
    return [Features(frames, analysis) for frames in remembered(f"features-{key.hexdigest()[:16]}", names, made)]


def side_by_side(answer: Callable[[Item], Answer], items: Sequence[Item], what: str) -> Iterator[Answer]:
    """The answers, in order, by as many threads as torch has: pyworld and onnxruntime let go of the interpreter.

    Args:
        what: is being done, beside a progress bar.
    """
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        yield from track(pool.map(answer, items), what, len(items), console=Console(stderr=True), transient=True)


def remembered(what: str, names: Sequence[str], made: Iterable[np.ndarray]) -> list[np.ndarray]:
    """An array a name, from the cache where it has `what`; else as they are made, and the cache gets them.

    Of several processes that ask at once, as those of trainer=ddp do, one makes them and the others wait.

    Raises:
        ValueError: what the cache has is damaged.
    """
    path = cache_folder() / "asterisk" / f"{what}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():
                arrays, data = list(made), io.BytesIO()
                np.savez(data, allow_pickle=False, **dict(zip(names, arrays, strict=True)))
                write_whole(path, data.getbuffer())
                return arrays
    try:
        with np.load(io.BytesIO(path.read_bytes())) as found:
            return [found[name] for name in names]
    except Exception as error:  # NumPy and zipfile name every damage by another type
        raise ValueError(f"{path}: given a damaged file ({error}), wanted arrays; delete it") from error


def check_limit(limit: int | None) -> int | None:
    """`limit`, if it is one.

    Raises:
        ValueError: not None and not a whole number above 0.
    """
    if limit is not None and not (isinstance(limit, int) and limit > 0):
        raise ValueError(f"limit: given {limit!r}, wanted null or a whole number above 0")
    return limit


def prompts_of(voice: str, split: Split, limit: int | None) -> list[Prompt]:
    """Those of one part of a voice, in order of their names; its `limit` shortest."""
    if split not in ("train", "val", "test"):
        raise ValueError(f"split: given {split!r}, wanted one of train, val, test")
    chosen = [prompts(voice)[name] for name in parts(voice)[split]]
    return chosen if limit is None else sorted(chosen, key=lambda prompt: len(prompt.wave))[:limit]


class Prompts(pl.LightningDataModule):
    """Batches of Crops, from places drawn anew every epoch.

    Args:
        voice: whose, of corpus.VOICES.
        features: how they are made.
        front: the aids that the net gets.
        crop: samples of a piece that count, filled up to whole frames.
        receptive_field: of the net; a piece begins with a lead of that many samples and more, which do not count.
        batch_size: pieces, over all processes.
        crops: pieces an epoch.
        noise: the largest level of white noise in the past, in units of what prediction leaves, or of what the net sees
            where nothing is predicted; half of the pieces have some, the others none.
        seed: fixes places and noise, by epoch, so that a resumed run sees what an uninterrupted one does.
        limit: use only so many prompts to train and to validate, the shortest.
    """

    def __init__(
        self,
        *,
        voice: str,
        features: Analysis,
        front: Front,
        crop: int,
        receptive_field: int,
        batch_size: int,
        crops: int,
        noise: float,
        seed: int,
        limit: int | None = None,
    ) -> None:
        super().__init__()
        sizes = {"crop": crop, "receptive_field": receptive_field, "batch_size": batch_size, "crops": crops}
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"data.{name}: given {value}, wanted 1 or more")
        if noise < 0:
            raise ValueError(f"data.noise: given {noise}, wanted 0 or more")
        self.voice = check_voice(voice)
        self.features = features
        self.front = front
        self.crop_frames = -(-crop // features.hop)
        self.receptive_field = receptive_field
        self.lead_frames = lead_frames(receptive_field, features)
        self.batch_size = batch_size
        self.crops = crops
        self.noise = noise
        self.seed = seed
        self.limit = check_limit(limit)

    def setup(self, stage: str | None = None) -> None:
        self.train, self.val = self._utterances("train"), self._utterances("val")

    def _utterances(self, split: Split) -> list[Any]:
        chosen = prompts_of(self.voice, split, self.limit)
        made = features_of(chosen, self.features)
        return [utterance(prompt.wave, f, self.front) for prompt, f in zip(chosen, made, strict=True)]

    def piece(self, u: Any, start: int, noise: np.ndarray, level: float) -> Any:
        """What is cut from frame `start` on, without a batch axis."""
        return cut(u, start, self.crop_frames, self.lead_frames, self.features, noise, level)

    def gathered(self, pieces: Sequence[Any]) -> Any:
        """Such pieces as a batch."""
        return stacked(pieces)

    def in_pieces(self, u: Any) -> Iterator[Any]:
        """A whole utterance in batches of one, without noise."""
        return in_pieces(u, self.lead_frames, self.features)

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
    """One epoch of pieces, each around a frame that is drawn; of each batch a process gets its share."""

    def __init__(self, data: Prompts, *, epoch: Callable[[], int], rank: int = 0, processes: int = 1) -> None:
        if data.batch_size % processes:
            raise ValueError(f"data.batch_size: given {data.batch_size}, wanted a multiple of {processes} processes")
        self.data = data
        self.epoch = epoch
        self.share = slice(rank, None, processes)
        self.frames = np.array([len(u.frames) for u in data.train])
        self.last = np.maximum(self.frames - data.crop_frames, 0)  # where a piece may begin at the latest, a prompt
        self.ends = self.frames.cumsum()

    def __len__(self) -> int:
        return max(1, self.data.crops // self.data.batch_size)

    def __iter__(self) -> Iterator[Any]:
        data = self.data
        rng = np.random.default_rng((data.seed, self.epoch()))
        for _ in range(len(self)):
            places = rng.integers(self.ends[-1], size=data.batch_size)
            levels = data.noise * rng.uniform(size=data.batch_size) * (rng.uniform(size=data.batch_size) < 0.5)
            length = (data.lead_frames + data.crop_frames) * data.features.hop
            noise = rng.standard_normal((data.batch_size, length), np.float32) * levels[:, None].astype(np.float32)
            pieces = []
            for place, level, added in list(zip(places, levels, noise, strict=True))[self.share]:
                chosen = int(np.searchsorted(self.ends, place, side="right"))
                start = place - (self.ends[chosen] - self.frames[chosen]) - data.crop_frames // 2
                pieces.append(data.piece(data.train[chosen], int(np.clip(start, 0, self.last[chosen])), added, level))
            yield data.gathered(pieces)


class Whole:
    """The validation utterances, piece by piece, no noise. A loss is the mean of the pieces', about as long."""

    def __init__(self, data: Prompts) -> None:
        self.data = data

    def __len__(self) -> int:
        return sum(len(bounds(len(u.frames))) - 1 for u in self.data.val)

    def __iter__(self) -> Iterator[Any]:
        for u in self.data.val:
            yield from self.data.in_pieces(u)


def utterance(wave: np.ndarray, features: Features, front: Front) -> Utterance:
    """A prompt (n,) and its features, ready to be cut."""
    y = pre_emphasis(whole_frames(wave.astype(np.float64), features.analysis.hop)).astype(np.float32)
    return Utterance(y, features.frames, plan(features.frames, features.analysis, front))


def lead_frames(receptive_field: int, analysis: Analysis) -> int:
    """Before the first sample that counts: what its inputs, and those of the net's receptive field, look back at."""
    return -(-(receptive_field + HISTORY) // analysis.hop)


def cut(
    u: Utterance,
    start: int,
    frames: int,
    lead: int,
    analysis: Analysis,
    noise: np.ndarray | None = None,
    level: float = 0.0,
) -> Crops:
    """`frames` from number `start` on, after `lead` more; outside the prompt is silence, its last features go on."""
    hop, subframes = analysis.hop, analysis.subframes
    first, last = start - lead, start + frames
    rows = np.arange(first, last)
    inside = np.clip(rows, 0, len(u.frames) - 1)
    known = np.repeat((rows >= 0) & (rows < len(u.frames)), hop)

    def samples(values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, hop)[inside].ravel()

    around = np.clip(np.arange(first - CONTEXT_FRAMES, last + CONTEXT_FRAMES), 0, len(u.frames) - 1)
    counted = known & (np.arange(len(known)) >= lead * hop)
    values = (
        samples(u.y) * known,
        u.frames[around],
        u.plan.lpc.reshape(-1, subframes, u.plan.lpc.shape[1])[inside].reshape(-1, u.plan.lpc.shape[1]),
        samples(u.plan.error),
        samples(u.plan.gain),
        samples(u.plan.lag),
        np.zeros(len(known), np.float32) if noise is None else noise,
        np.float32(level),
        counted.astype(np.float32),
    )
    return Crops(*(torch.from_numpy(np.array(v)) for v in values))


def bounds(frames: int) -> np.ndarray:
    """Where the pieces of a prompt begin and end, none longer than PIECE_FRAMES or much shorter than others."""
    return np.linspace(0, frames, -(-frames // PIECE_FRAMES) + 1).astype(int)


def in_pieces(u: Utterance, lead: int, analysis: Analysis) -> Iterator[Crops]:
    """A whole prompt, each piece a batch of its own: memory is bounded however long it is."""
    for first, last in pairwise(bounds(len(u.frames)).tolist()):
        yield stacked([cut(u, first, last - first, lead, analysis)])


def stacked(pieces: Sequence[Crops]) -> Crops:
    """Pieces without a batch axis, in one batch."""
    return Crops(*(torch.stack(parts) for parts in zip(*pieces, strict=True)))
