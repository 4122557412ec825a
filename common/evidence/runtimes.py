"""Claim: a net runs anywhere: the same package in PyTorch, in ONNX Runtime and in plain NumPy.

NumPy's is ONNX's reference implementation. What each needs on a disk stands beside.
"""

import copy
from importlib.metadata import distribution
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx.reference import ReferenceEvaluator

from common.evidence import Subject
from common.portable import graph_file
from common.program import Figure, Plot

NEEDED = {"pytorch": "torch", "onnxruntime": "onnxruntime", "numpy": "numpy"}  # runtime: distribution


def runtimes(subject: Subject) -> list[Figure | Plot]:
    """Largest difference of each runtime's answers from PyTorch's on real inputs, and the bytes that it is of."""
    net: Any = copy.deepcopy(subject.domain.module.averaged.module).eval().cpu()
    graphs, away = subject.domain.module.graphs(net), {"onnxruntime": 0.0, "numpy": 0.0}
    for name, inputs in subject.asked(subject.domain).items():
        path, graph = subject.package.folder / graph_file(subject.learned, name), graphs[name]
        with torch.no_grad():
            said = graph.function(*(torch.from_numpy(inputs[key]) for key in graph.inputs))
        wanted = [part.numpy() for part in (said if isinstance(said, tuple) else (said,))]
        others = {
            "onnxruntime": onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]),
            "numpy": ReferenceEvaluator(onnx.load(path)),
        }
        for runtime, session in others.items():
            found = session.run(list(graph.outputs), dict(inputs))
            pairs = zip(wanted, found, strict=True)
            away[runtime] = max(away[runtime], *(float(np.abs(a - b).max()) for a, b in pairs))
    figures = [Figure(f"largest_difference/{runtime}", value) for runtime, value in away.items()]
    figures += [Figure(f"runtime_bytes/{r}", installed_bytes(d), unit="bytes") for r, d in NEEDED.items()]
    return subject.of(subject.learned, figures)


def installed_bytes(name: str) -> int:
    """Of a distribution's files, without what it depends on."""
    files = distribution(name).files or ()
    paths = (file.locate() for file in files)
    return sum(path.stat().st_size for path in paths if path.is_file())  # type: ignore[attr-defined]
