"""Claim: a net's work is of one kind, matrix products and convolutions, and there are few kinds of operators.

Of the learned program the work of its net is counted, operator by operator, and timed; of every program the source that
runs while it answers is read for the operations that it names and the places where it branches.
"""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any

import numpy as np
import onnx
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from common.evidence import Inputs, Subject
from common.package import GRAPH
from common.portable import Graph
from common.program import Figure, Plot, Program
from common.source import own_source

PRODUCT = re.compile(r"aten::(\w*mm|\w*conv\w*|linear|matmul)$")
TIMED = 10  # calls of each graph
BRANCHES = (ast.If, ast.IfExp, ast.While, ast.For, ast.comprehension, ast.ExceptHandler, ast.match_case)
OPERATORS = (ast.operator, ast.unaryop, ast.cmpop, ast.boolop)


def homogeneity(subject: Subject) -> list[Figure | Plot]:
    """Of the net, shares of operations and of time that are products, and kinds of operators in its ONNX graphs; of
    each program, kinds of operations and branches in its own source."""
    found = subject.of(
        subject.learned,
        [
            Figure("products_of_operations", share_of_operations(subject.graphs, subject.inputs)),
            Figure("products_of_time", share_of_time(subject.graphs, subject.inputs)),
            Figure("kinds_of_operators", len(operators(subject.package.parts))),
        ],
    )
    for name, program in subject.programs.items():
        kinds, branches = source(program, subject.domain.evaluator.examples(1))
        figures = [Figure("kinds_of_operations", len(kinds)), Figure("branches", len(branches))]
        found += subject.of(name, figures)
    return found


class Counting(TorchDispatchMode):
    """Counts operations: of products as torch.utils.flop_counter does, of all else one an element that is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.products, self.others = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if count := flop_registry.get(func.overloadpacket):
            self.products += count(*args, **(kwargs or {}), out_val=out)
        elif not func.is_view:
            parts = out if isinstance(out, tuple | list) else (out,)
            self.others += sum(part.numel() for part in parts if isinstance(part, torch.Tensor))
        return out


@torch.no_grad()
def run(graphs: Mapping[str, Graph], asked: Inputs) -> dict[str, list[np.ndarray]]:
    """What every graph answers to what it is asked, in PyTorch."""
    found = {}
    for name, inputs in asked.items():
        said = graphs[name].function(*(torch.from_numpy(inputs[key]) for key in graphs[name].inputs))
        found[name] = [part.numpy() for part in (said if isinstance(said, tuple) else (said,))]
    return found


def share_of_operations(graphs: Mapping[str, Graph], asked: Inputs) -> float:
    """Of all that is computed, that are products."""
    with Counting() as counted:
        run(graphs, asked)
    return counted.products / (counted.products + counted.others)


def share_of_time(graphs: Mapping[str, Graph], asked: Inputs) -> float:
    """Of the time within operators, on a CPU (torch.profiler)."""
    run(graphs, asked)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for _ in range(TIMED):
            run(graphs, asked)
    events = [event for event in profile.key_averages() if event.key.startswith("aten::")]
    products = sum(event.self_cpu_time_total for event in events if PRODUCT.match(event.key))
    return products / sum(event.self_cpu_time_total for event in events)


def operators(parts: Any) -> set[str]:
    """Kinds of operators in a package's ONNX files."""
    graphs = [onnx.load_model_from_string(data).graph for name, data in parts.items() if name.endswith(GRAPH)]
    return {node.op_type for graph in graphs for node in _nodes(graph)}


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from _nodes(attribute.g)


def source(program: Program, problems: Any) -> tuple[set[str], set[tuple[str, int, int]]]:
    """Names of the operators and functions in our own source that answers, and the places where it branches."""
    kinds: set[str] = set()
    branches: set[tuple[str, int, int]] = set()
    program(problems)  # what is compiled at the first call is not to be traced
    for code in own_source(program, problems).codes:
        for node in ast.walk(_tree(code)):
            if isinstance(node, OPERATORS):
                kinds.add(type(node).__name__)
            elif isinstance(node, ast.Call):
                kinds.add(ast.unparse(node.func).rpartition(".")[2])
            elif isinstance(node, BRANCHES):
                inner: Any = node if hasattr(node, "lineno") else next(ast.iter_child_nodes(node))
                branches.add((code.co_filename, inner.lineno, inner.col_offset))
            elif isinstance(node, ast.BoolOp):
                branches |= {(code.co_filename, v.lineno, v.col_offset) for v in node.values[1:]}
    return kinds, branches


def _tree(code: CodeType) -> ast.AST:
    """Of a function; its places are those in its file. What stands within an expression is its function's."""
    if code.co_name.startswith("<"):
        return ast.Module([], [])
    text = inspect.getsource(code)
    indented = text[0].isspace()
    tree = ast.parse("if True:\n" * indented + text)
    body: Any = tree.body[0].body if indented else tree.body  # type: ignore[attr-defined]
    return ast.increment_lineno(ast.Module(body, []), code.co_firstlineno - 1 - indented)
