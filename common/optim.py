"""Optimizer and schedule factories, named in the YAMLs as partials.

An optimizer factory takes the net and gives the optimizer; a schedule factory gives a function from progress, 0 to 1,
to a multiplier of the learning rate.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

Schedule = Callable[[float], float]


def sgd(net: nn.Module, *, lr: float, momentum: float, weight_decay: float, norm_bias_lr: float) -> torch.optim.SGD:
    """Nesterov SGD with a learning rate of its own for the biases of normalisation layers and convolutions.

    Decay is decoupled from the rate: at the peak every group shrinks by `weight_decay` of itself a step, times what
    momentum adds up, 1 / (1 - momentum), whatever its rate (hlb-CIFAR10; Jordan 2024, "94% on CIFAR-10 in 3.29
    Seconds", section 3.4).

    Raises:
        ValueError: a rate is not above 0.
    """
    _check_positive(lr=lr, norm_bias_lr=norm_bias_lr)
    biases = [p for p in net.parameters() if p.ndim <= 1 and p.requires_grad]
    weights = [p for p in net.parameters() if p.ndim > 1 and p.requires_grad]
    groups = [
        {"params": biases, "lr": norm_bias_lr, "weight_decay": weight_decay / norm_bias_lr},
        {"params": weights, "lr": lr, "weight_decay": weight_decay / lr},
    ]
    return torch.optim.SGD([g for g in groups if g["params"]], lr=lr, momentum=momentum, nesterov=True)


def adamw(
    net: nn.Module, *, lr: float, weight_decay: float, betas: tuple[float, float] = (0.9, 0.999)
) -> torch.optim.AdamW:
    """Adam with decoupled decay (Loshchilov and Hutter 2019, arXiv 1711.05101) of all but biases.

    Raises:
        ValueError: the rate is not above 0.
    """
    _check_positive(lr=lr)
    biases = [p for p in net.parameters() if p.ndim <= 1]
    weights = [p for p in net.parameters() if p.ndim > 1]
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": biases, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr, betas=betas, weight_decay=weight_decay, fused=True)


def _check_positive(**given: float) -> None:
    for name, value in given.items():
        if not 0 < value < math.inf:
            raise ValueError(f"optimizer.{name}: given {value}, wanted a number above 0")


def triangle(*, peak: float, start: float, end: float) -> Schedule:
    """Linear from `start` to 1 at progress `peak`, then linear to `end` (multipliers of the learning rate)."""
    if not 0 <= peak < 1:
        raise ValueError(f"schedule.peak: given {peak}, wanted 0 <= peak < 1")

    def multiplier(progress: float) -> float:
        if progress < peak:
            return start + (1 - start) * progress / peak
        return 1 + (end - 1) * min(1.0, (progress - peak) / (1 - peak))

    return multiplier


def flat_then_cosine(*, warm_up: float, flat: float, end: float) -> Schedule:
    """Linear from 0 to 1 until `warm_up`, 1 until progress `flat`, then half a cosine down to `end`."""
    if not 0 <= warm_up <= flat < 1:
        raise ValueError(f"schedule: given warm_up {warm_up}, flat {flat}, wanted 0 <= warm_up <= flat < 1")

    def multiplier(progress: float) -> float:
        if progress < warm_up:
            return progress / warm_up
        down = min(1.0, max(0.0, progress - flat) / (1 - flat))
        return end + (1 - end) * (1 + math.cos(math.pi * down)) / 2

    return multiplier
