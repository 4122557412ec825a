"""A net's forward pass as ONNX, for whoever runs it without PyTorch; its weights stay in the package's safetensors."""

import copy
import json
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from common.module import Module
from common.portable import Graph, graph_file


class Called(nn.Module):
    """A graph's function, with the weights of the whole net under their own names."""

    def __init__(self, net: nn.Module, graph: Graph) -> None:
        super().__init__()
        self.net = net
        self.function = lambda *inputs: graph.function(*inputs)  # the net itself would be registered once more

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs)


def files(module: Module, weights: bytes) -> dict[str, bytes]:
    """Every graph of the module's averaged net: {"convnet.onnx": ...}, or {"convtts.encode.onnx": ...} of several.

    Args:
        weights: what the safetensors file beside them holds, which bears the module's name.

    Raises:
        ValueError: the exporter is not installed.
    """
    try:
        import onnxscript  # noqa: F401  # what PyTorch's exporter needs
    except ImportError:
        raise ValueError("package: given no onnxscript, wanted it to write ONNX: pip install -e '.[package]'") from None
    net = copy.deepcopy(module.averaged.module).eval().requires_grad_(False).cpu()
    found = {}
    for name, graph in module.graphs(net).items():
        found[graph_file(module.name, name)] = _file(net, graph, weights, f"{module.name}.safetensors")
    return found


def _file(net: nn.Module, graph: Graph, weights: bytes, beside: str) -> bytes:
    import onnx_ir as ir
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass, RemoveUnusedNodesPass
    from onnxscript.optimizer import fold_constants

    model = _exported(net, graph).model
    # Whatever is made of a weight is made anew when the file is read: stored, it would be a second copy.
    fold_constants(model, should_fold=lambda node: None if node.op_type == "Shape" or not _weights(node) else False)
    RemoveUnusedNodesPass()(model)
    ClearMetadataAndDocStringPass()(model)  # where on this machine each line of the net stands
    start = 8 + int.from_bytes(weights[:8], "little")
    header = json.loads(weights[8:start])
    for name, value in model.graph.initializers.items():
        held, tensor = header.get(f"averaged.module.{name.removeprefix('net.')}"), value.const_value
        if held:
            begin, end = (start + offset for offset in held["data_offsets"])
            assert tensor.tobytes() == weights[begin:end], f"{beside} has another {name}"
            place = {"offset": begin, "length": end - begin, "dtype": tensor.dtype, "shape": tensor.shape}
            value.const_value = ir.ExternalTensor(beside, name=name, **place)
    proto = ir.to_proto(model)
    del proto.graph.value_info[:]  # the shapes in between, which every reader infers
    for value in proto.graph.input:
        del value.metadata_props[:]
    return proto.SerializeToString()


def _exported(net: nn.Module, graph: Graph) -> Any:
    axes = tuple(dict(enumerate(names.split())) for names, _ in graph.inputs.values())
    with warnings.catch_warnings(), torch.no_grad():
        # Inputs that share an axis are meant to.
        warnings.filterwarnings("ignore", r"# The axis name: \w+ will not be used, since it shares", UserWarning)
        return torch.onnx.export(
            Called(net, graph).eval(),
            tuple(example for _, example in graph.inputs.values()),
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_shapes=(axes,),
            dynamo=True,
            optimize=False,  # it would fold normalisations into the weights before them
            verbose=False,
        )


def _weights(node: Any) -> bool:
    return any(value is not None and value.is_initializer() for value in node.inputs)
