"""Optimizer and schedule of self-play, as common.optim's."""

import math
from typing import Any

import torch
from torch import nn

from common.optim import Schedule


def adamw(net: nn.Module, *, lr: float, weight_decay: float) -> torch.optim.AdamW:
    """Adam with decoupled decay (Loshchilov and Hutter 2019, arXiv 1711.05101) of all but biases."""
    biases = [p for p in net.parameters() if p.ndim <= 1]
    weights = [p for p in net.parameters() if p.ndim > 1]
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": biases, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr, weight_decay=weight_decay, fused=True)


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
