"""WaveNet's stack of gated layers as one differentiable function.

Written out since most of such a net's time on a CPU goes into moving numbers between small operations: here products
are added up in place, and what lies between them takes few passes over memory.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable


class Gated(torch.autograd.Function):
    """h, biases -> every layer's z, (layers, rows, channels).

    Layer l, of dilation d, sees rows t and t - d of h, (rows, channels):

        a, b = now[l] h[t] + past[l] h[t - d] + bias[l][t]
        z[t] = (sigmoid(a) - 1/2) sigmoid(b)
        h[t] <- h[t] + residual[l] z[t] + residual_bias[l]

    z is half of WaveNet's tanh(a / 2) sigmoid(b) (equation 2), whose factors the weights around it take up.

    Args:
        h: the rows of so many signals of the same length, one after the other. Each begins with `gap` rows of zeros,
            which stay zeros: at least as many as the largest dilation, so that no signal sees another.
        biases: (rows / hold, layers, 2 * channels), each for `hold` rows.
        past, now: (layers, 2 * channels, channels).
        residual: (layers - 1, channels, channels), and its bias: after the last layer nothing reads h.
    """

    @staticmethod
    def forward(
        ctx: Any,
        h: Float[Tensor, "rows channels"],
        biases: Float[Tensor, "held layers gates"],
        past: Tensor,
        now: Tensor,
        residual: Tensor,
        residual_bias: Tensor,
        dilations: Sequence[int],
        signals: int,
        gap: int,
    ) -> Float[Tensor, "layers rows channels"]:
        rows, channels = h.shape
        layers = len(dilations)
        states, z = h.new_empty(2, layers, rows, channels)
        gates = h.new_empty(layers, rows, 2 * channels)
        states[0] = h
        for layer, d in enumerate(dilations):
            h, gate = states[layer], gates[layer]
            torch.mm(h, now[layer].t(), out=gate)
            gate[d:].addmm_(h[:-d], past[layer].t())
            gate.view(len(biases), -1, 2 * channels).add_(biases[:, layer, None])
            gate.sigmoid_()
            torch.sub(gate[:, :channels], 0.5, out=z[layer])
            z[layer].mul_(gate[:, channels:])
            if layer < layers - 1:
                after = states[layer + 1]
                torch.addmm(residual_bias[layer], z[layer], residual[layer].t(), out=after)
                after.add_(h).view(signals, -1, channels)[:, :gap] = 0
        ctx.save_for_backward(past, now, residual, z, states, gates)
        ctx.dilations, ctx.signals, ctx.gap, ctx.held = dilations, signals, gap, len(biases)
        return z

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dz: Tensor) -> tuple[Tensor | None, ...]:
        past, now, residual, z, states, gates = ctx.saved_tensors
        layers, _, channels = z.shape
        d_past, d_now, d_residual = torch.empty_like(past), torch.empty_like(now), torch.empty_like(residual)
        d_residual_bias = residual.new_empty(layers - 1, channels)
        d_biases = z.new_empty(ctx.held, layers, 2 * channels)
        dh, dgate = torch.zeros_like(states[0]), torch.empty_like(gates[0])
        for layer in reversed(range(layers)):
            d, h, gate, mine = ctx.dilations[layer], states[layer], gates[layer], dz[layer]
            if layer < layers - 1:
                torch.mm(dh.t(), z[layer], out=d_residual[layer])
                torch.sum(dh, 0, out=d_residual_bias[layer])
                mine = torch.addmm(mine, dh, residual[layer])
            torch.mul(mine, gate[:, channels:], out=dgate[:, :channels])
            torch.sub(gate[:, :channels], 0.5, out=dgate[:, channels:])
            dgate[:, channels:].mul_(mine)
            torch.ops.aten.sigmoid_backward.grad_input(dgate, gate, grad_input=dgate)
            torch.mm(dgate.t(), h, out=d_now[layer])
            torch.mm(dgate[d:].t(), h[:-d], out=d_past[layer])
            torch.sum(dgate.view(ctx.held, -1, 2 * channels), 1, out=d_biases[:, layer])
            dh.addmm_(dgate, now[layer])
            dh[:-d].addmm_(dgate[d:], past[layer])
            dh.view(ctx.signals, -1, channels)[:, : ctx.gap] = 0
        return dh, d_biases, d_past, d_now, d_residual, d_residual_bias, None, None, None


def singly(
    h: Float[Tensor, "batch samples channels"],
    biases: Float[Tensor, "batch held layers gates"],
    weights: Sequence[Tensor],
    dilations: Sequence[int],
) -> Float[Tensor, "batch samples stacked"]:
    """Gated in operations that other machines have too: every layer's z, one layer after the other.

    Signals lie apart, so that there is no gap between them.
    """
    past, now, residual, residual_bias = weights
    said = []
    for layer, d in enumerate(dilations):
        before = F.pad(h, (0, 0, d, 0))[:, :-d]
        gate = F.linear(h, now[layer]) + F.linear(before, past[layer])
        held = gate.unflatten(1, (biases.shape[1], -1)) + biases[:, :, layer, None]
        a, b = held.view_as(gate).sigmoid().chunk(2, -1)
        said.append((a - 0.5) * b)
        if layer < len(residual):
            h = h + F.linear(said[-1], residual[layer], residual_bias[layer])
    return torch.cat(said, -1)
