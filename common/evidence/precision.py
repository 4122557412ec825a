"""Claim: a net is simple to bake into silicon: few operators, and numbers of few bits.

The weights are rounded to bfloat16, or to 8-bit integers with a scale for each output (symmetric, the largest weight
being 127); all else is fp32. The referee then asks a few problems again.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from common.compare import mean_interval
from common.evidence import Subject
from common.precision import full
from common.program import Evaluation, Figure, Plot

ROUNDED: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {  # and bytes a weight
    "bf16": (lambda w: w.bfloat16().to(w.dtype), 2.0),
    "int8": (lambda w: to_8_bits(w), 1.0),
}


def precision(subject: Subject, *, few: Mapping[str, Any]) -> list[Figure | Plot]:
    """The headline with the weights as they are, how much and by what share of it it changes with them rounded, and the
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
            change = asked().scores[headline] - scores
        ends = mean_interval(change)
        figures += [
            Figure(f"{headline}_changed/{name}", *ends),
            Figure(f"changed/{name}", *_size(*ends, float(scores.mean()))),
        ]
        spared = sum(p.numel() * (p.element_size() - width) for p in matrices)
        scales = 4 * sum(len(p) for p in matrices) if name == "int8" else 0
        sizes[name] = round(sizes["fp32"] - spared + scales)
    figures += [Figure(f"weight_bytes/{name}", size, unit="bytes") for name, size in sizes.items()]
    return subject.of(subject.learned, figures)


def _size(mean: float, low: float | None, high: float | None, whole: float) -> tuple[float, float | None, float | None]:
    """Of a change with its interval, whatever its sign, as a share of the whole."""
    if low is None or high is None:
        return abs(mean / whole), None, None
    ends = abs(low / whole), abs(high / whole)
    return abs(mean / whole), 0.0 if low <= 0 <= high else min(ends), max(ends)


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
