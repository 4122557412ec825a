"""What is said about two programs, or one, from the Evaluations alone; the same for every domain."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from common.program import Evaluation, Figure

BOOTSTRAP: Any = {"method": "percentile", "n_resamples": 1000, "batch": 50}  # at 95 %, its default


def mean_interval(values: np.ndarray) -> tuple[float, float | None, float | None]:
    """Mean, and its 95 % percentile bootstrap interval over problems (Efron 1979); one problem has none.

    Where of bool values all are the same, it ends with `most_unseen`.
    """
    either = np.asarray(values).dtype == bool
    values = np.asarray(values, np.float64)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, None, None
    if np.ptp(values) == 0:
        others = most_unseen(len(values)) if either else 0.0
        return mean, mean - others * mean, mean + others * (1 - mean)
    return mean, *_interval((values,), np.mean, paired=False)


def most_unseen(n: int) -> float:
    """The largest share of cases of which none is among n in one of forty times (Clopper and Pearson 1934, at 95 %)."""
    return float(1 - 0.025 ** (1 / n))


def share_left(after: np.ndarray, before: np.ndarray, *, paired: bool) -> tuple[float, float, float]:
    """The mean of `after` as a share of that of `before`, and its 95 % percentile bootstrap interval over problems.

    Args:
        paired: of the same problems, (n,) both.
    """

    def share(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
        return a.mean(axis) / np.maximum(b.mean(axis), 1 / len(before))  # where none was right, of one

    return float(share(after, before)), *_interval((after, before), share, paired=paired)


def _interval(samples: Sequence[np.ndarray], statistic: Callable, *, paired: bool) -> tuple[float, float]:
    found = bootstrap(samples, statistic, paired=paired, rng=np.random.default_rng(0), **BOOTSTRAP).confidence_interval
    return float(found.low), float(found.high)


def means(evaluation: Evaluation) -> list[Figure]:
    """One figure a score: its mean over the problems."""
    return [Figure(name, *mean_interval(values)) for name, values in evaluation.scores.items()]


def paired(learned: Evaluation, other: Evaluation, name: str) -> list[Figure]:
    """How the learned program differs from the one called `name`, problem by problem.

    For every score that both have the mean difference (learned minus other) with its paired interval; where the
    headline score is right or wrong (0 or 1), also the shares that both, one or neither got right.
    """
    figures = [
        Figure(f"{score}_minus/{name}", *mean_interval(values - other.scores[score]))
        for score, values in learned.scores.items()
        if score in other.scores
    ]
    sides = right_or_wrong({"learned": learned, "other": other})
    if sides is not None:
        a, b = sides["learned"], sides["other"]
        shares = {"both_right": a & b, "only_learned_right": a & ~b, "only_other_right": b & ~a, "none_right": ~a & ~b}
        figures += [Figure(f"{share}/{name}", *mean_interval(mask)) for share, mask in shares.items()]
    return figures


def right_or_wrong(evaluations: Mapping[str, Evaluation]) -> dict[str, np.ndarray] | None:
    """Per program a bool array (N,) of the problems it got right; None where the headline is a matter of degree."""
    headlines = {name: np.asarray(next(iter(e.scores.values()))) for name, e in evaluations.items()}
    if any(not np.isin(values, (0, 1)).all() for values in headlines.values()):
        return None
    return {name: values.astype(bool) for name, values in headlines.items()}
