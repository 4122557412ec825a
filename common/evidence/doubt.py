"""Whether a program's doubt tells what it was made for from what it was not."""

import numpy as np
from scipy.stats import norm, rankdata

Z = float(norm.ppf(0.975))


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
