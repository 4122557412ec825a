"""What a net computes, told in a form that other machines run: ONNX (onnx.ai), which scripts.portable writes.

A package's ONNX file holds the graph alone. The weights stay in the safetensors file beside it, whose raw,
little-endian, row-major tensors are what ONNX calls external data: a file, an offset, a length.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from torch import Tensor


class Graph(NamedTuple):
    """A function of a net's weights.

    It takes the inputs in their order and gives the outputs. An input is an example of it, after the names of its first
    axes, those that may have any length: {"pixels": ("n", uint8 (2, 28, 28))}. The example has at least two along each,
    and no two names the same length.
    """

    function: Callable[..., Any]
    inputs: Mapping[str, tuple[str, Tensor]]
    outputs: Sequence[str]


def graph_file(learned: str, graph: str) -> str:
    """Of a learned program's graph, in its package: convnet.onnx, or convtts.encode.onnx where there are several."""
    return ".".join(filter(None, (learned, graph, "onnx")))


def places(data: bytes) -> Iterator[str]:
    """Every file that an ONNX model says tensors are in, wherever it says so.

    Whatever may be a message is read as one, of fields unknown: what hides from this hides from readers of ONNX too.

    Raises:
        ValueError: messages lie within messages, deeper than such readers go.
    """
    held = [(0, data)]  # grows while it is read
    for depth, part in held:
        with suppress(DecodeError):  # a text, or numbers
            fields = [(field.field_number, field.data) for field in UnknownFieldSet(Empty.FromString(part))]
            if depth > 100:  # protobuf's own limit
                raise ValueError("messages more than 100 deep")
            if (1, b"location") in fields:
                yield from (value.decode() for number, value in fields if number == 2)
            held += [(depth + 1, value) for _, value in fields if isinstance(value, bytes) and value]
