"""Gated recurrent units in ONNX's own operator: PyTorch 2.14's exporter would unroll them to the example's length."""

import torch
from jaxtyping import Float, Int32
from torch import Tensor, nn


def exported(
    gru: nn.GRU, x: Float[Tensor, "batch samples inputs"], lengths: Int32[Tensor, " batch"] | None = None
) -> Float[Tensor, "batch samples states"]:
    """What `gru(x)[0]` is, computed where the exported graph runs; beyond an utterance's length zeros."""

    def ordered(weight: Tensor) -> Tensor:
        reset, update, new = weight.chunk(3)
        return torch.cat([update, reset, new])

    each = zip(*gru.all_weights, strict=True)  # a tuple of both directions
    given, kept, *biases = (torch.stack([ordered(weight) for weight in both]) for both in each)
    batch, samples, _ = x.shape
    directions = len(gru.all_weights)
    states, _ = torch.onnx.ops.symbolic_multi_out(
        "GRU",
        (x.transpose(0, 1), given, kept, torch.cat(biases, 1), lengths),
        {
            "hidden_size": gru.hidden_size,
            "direction": "bidirectional" if directions == 2 else "forward",
            "linear_before_reset": 1,
        },
        dtypes=(x.dtype, x.dtype),
        shapes=((samples, directions, batch, gru.hidden_size), (directions, batch, gru.hidden_size)),
    )
    return states.permute(2, 0, 1, 3).flatten(2)
