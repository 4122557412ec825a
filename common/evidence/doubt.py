"""Whether a program's doubt tells right from wrong, and what it was made for from what it was not."""

from typing import Any

import numpy as np
from scipy.stats import norm, rankdata

Z = float(norm.ppf(0.975))
BINS = 15


def auroc(known: np.ndarray, strange: np.ndarray) -> tuple[float, float, float]:
    """The share of pairs in which the doubt is greater of the strange one: 1 tells all apart, 0.5 is chance; and its
    95 % interval (DeLong et al. 1988, equation 6), which holds for problems that were drawn independently.

    Args:
        known, strange: doubts, (n,) and (m,), two or more of each.
    """
    ranks = rankdata([*known, *strange])
    below_known = (ranks[: len(known)] - rankdata(known)) / len(strange)  # of each, the share of strange ones below
    below_strange = (ranks[len(known) :] - rankdata(strange)) / len(known)
    value = float(below_strange.mean())
    half = Z * float(np.sqrt(below_known.var(ddof=1) / len(known) + below_strange.var(ddof=1) / len(strange)))
    return value, max(0.0, value - half), min(1.0, value + half)


def calibration(p: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Expected calibration error in equal-width bins (Guo et al. 2017, equation 3), and the bins to draw.

    Args:
        p: probabilities (N, classes).
        labels: int (N,).
    """
    confidence, right = p.max(1), p.argmax(1) == labels
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    used = count > 0
    x = np.bincount(bins, confidence, BINS)[used] / count[used]
    y = np.bincount(bins, right, BINS)[used] / count[used]
    return {"error": float(np.abs(x - y) @ count[used] / len(p)), "x": x.tolist(), "y": y.tolist()}
