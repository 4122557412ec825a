"""Claim: a net is simple to bake into silicon: few operators, and numbers of few bits.

The weights are rounded to bfloat16, or to 8-bit integers with a scale for each output (symmetric, the largest weight
being 127); all else is fp32. The referee then asks a few problems again.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from common.compare import mean_interval, most_unseen, share_left
from common.evidence import Subject
from common.precision import full
from common.program import Evaluation, Figure, Plot

ROUNDED: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {  # and bytes a weight
    "bf16": (lambda w: w.bfloat16().to(w.dtype), 2.0),
    "int8": (lambda w: to_8_bits(w), 1.0),
}


def precision(subject: Subject, *, few: Mapping[str, Any]) -> list[Figure | Plot]:
    """The headline with the weights as they are, by what share it changes with them rounded, and the
    bytes of each.

    A net of no matrices (an index's root) has none to round: then there is only what it is and weighs.

    Args:
        few: settings of the referee, which is asked three times: of few problems.
    """
    domain, referee = subject.domain, subject.referee(**few)
    net = domain.module.averaged.module

    def asked() -> Evaluation:
        with full():
            return referee(domain.module.program(domain.data))

    whole = asked()
    headline, scores = next(iter(whole.scores.items()))
    matrices = [p for p in net.parameters() if p.dim() > 1]
    sizes = {"fp32": sum(p.numel() * p.element_size() for p in net.parameters())}
    figures = [Figure(headline, *mean_interval(scores))]
    for name, (rounded, width) in ROUNDED.items() if matrices else ():
        with weights(net, rounded):  # a program may share them, or copy them
            coarse = asked().scores[headline]
        figures.append(Figure(f"changed/{name}", *changed(coarse, scores)))
        spared = sum(p.numel() * (p.element_size() - width) for p in matrices)
        scales = 4 * sum(len(p) for p in matrices) if name == "int8" else 0
        sizes[name] = round(sizes["fp32"] - spared + scales)
    figures += [Figure(f"weight_bytes/{name}", size, unit="bytes") for name, size in sizes.items()]
    return subject.of(subject.learned, figures)


def changed(coarse: np.ndarray, scores: np.ndarray) -> tuple[float, float, float]:
    """By what share of it the mean score changes, whatever the sign, and its 95 % interval over problems (n,).

    Where no score of n changes, the interval ends with the largest share of problems that might change and yet not be
    among them (Clopper and Pearson 1934).
    """
    if (coarse == scores).all():
        return 0.0, 0.0, most_unseen(len(scores))
    change, low, high = (end - 1 for end in share_left(coarse, scores, paired=True))
    return abs(change), 0.0 if low <= 0 <= high else min(abs(low), abs(high)), max(abs(low), abs(high))


def to_8_bits(weight: Tensor) -> Tensor:
    """To the nearest of 255 levels, evenly spaced, for each output (the first axis)."""
    largest = weight.abs().flatten(1).amax(1).reshape(-1, *[1] * (weight.dim() - 1)).clamp_min(1e-30)
    return (weight / largest * 127).round() / 127 * largest


@contextmanager
@torch.no_grad()
def weights(net: nn.Module, rounded: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """The net's matrices and kernels are rounded within the block, and afterwards as they were."""
    before = [(p, p.clone()) for p in net.parameters() if p.dim() > 1]
    try:
        for p, _ in before:
            p.copy_(rounded(p))
        yield
    finally:
        for p, kept in before:
            p.copy_(kept)
