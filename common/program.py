"""The contract between a program and its referee. Imports nothing of ours.

A program is anything that answers problems, batch first; who wrote it, a person (1.0) or training (2.0), shows
nowhere in its type. An evaluator owns the problems and scores the answers of one program at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

Kind = Literal["learned", "baseline", "peer", "ceiling"]


@runtime_checkable
class Program(Protocol):
    """Hand-written or learned. Stateless between calls: the same problem gets the same answer in any batch."""

    def __call__(self, problems: Any, /) -> Any:
        """N problems in, N answers out, as NumPy arrays (lists where ragged): conversion is part of the work."""
        ...


@runtime_checkable
class Baseline(Protocol):
    """A way to write a program by hand. What `fit` and `program()` are to 2.0, `build` is to 1.0."""

    def build(self, data: Any, /) -> Program:
        """The program, from the train split of a set-up LightningDataModule; rules ignore it."""
        ...


@dataclass(frozen=True)
class Figure:
    """One measured number. `low` and `high` bound it with 95 % confidence over the held-out problems."""

    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    program: str = ""
    kind: Kind | None = None
    goal: str | None = None


@dataclass(frozen=True)
class Plot:
    """Numbers to draw: `matrix` (data: rows, labels) or `curve` (data: x, y; perhaps x_label, x_scale; so for y)."""

    name: str
    shape: Literal["matrix", "curve"]
    data: Mapping[str, Any]
    program: str = ""


@dataclass(frozen=True)
class Sound:
    """Floating-point samples (n,) within -1 to 1."""

    samples: np.ndarray
    sample_rate_hz: int


@dataclass(frozen=True)
class Picture:
    """One piece of a gallery: an RGB or grey image, uint8 of shape (H, W, 3) or (H, W), perhaps of a sound to hear."""

    pixels: np.ndarray
    caption: str
    sound: Sound | None = None


@dataclass(frozen=True)
class Evaluation:
    """What one program did with the held-out problems.

    Args:
        answers: as the program gave them.
        scores: {name: float array (N,)}, one value a problem; the first is the headline. Their means, with bootstrap
            intervals, and the paired comparison of programs are computed from these, in one place, for every domain.
        figures: numbers that are no mean over problems (a calibration error, one class's accuracy).
        plots: what is worth drawing.
    """

    answers: Any
    scores: Mapping[str, np.ndarray]
    figures: tuple[Figure, ...] = ()
    plots: tuple[Plot, ...] = field(default=(), repr=False)


@runtime_checkable
class Evaluator(Protocol):
    """Owns the held-out problems of one split."""

    split: str

    def __call__(self, program: Program, /) -> Evaluation:
        """Scores one program. It never learns which."""
        ...

    def examples(self, n: int) -> Any:
        """`n` problems of deployment size, on which a program is timed; they repeat where the split has fewer."""
        ...

    def gallery(self, evaluations: Mapping[str, Evaluation]) -> Mapping[str, list[Picture]]:
        """Named pictures of what the programs answered, for people to look at."""
        ...


@runtime_checkable
class HasPreview(Protocol):
    """An evaluator whose scores take long: what is only to be looked at can be had without them."""

    def preview(self, program: Program, /) -> Evaluation:
        """What `gallery` needs of an Evaluation, and no scores."""
        ...


@runtime_checkable
class HasCeilings(Protocol):
    """An evaluator that knows answers which no program can be expected to beat, since they were made from the truth."""

    def ceilings(self) -> Mapping[str, Evaluation]:
        """By name, what such answers score (a recording itself, say)."""
        ...
