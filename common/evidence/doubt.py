"""Whether a program's doubt tells what it was made for from what it was not."""

import numpy as np
from scipy.stats import mannwhitneyu


def auroc(known: np.ndarray, strange: np.ndarray) -> float:
    """The share of pairs in which the doubt is greater of the strange one: 1 tells all apart, 0.5 is chance.

    Args:
        known, strange: doubts, (n,) and (m,).
    """
    return float(mannwhitneyu(strange, known).statistic) / (len(known) * len(strange))
