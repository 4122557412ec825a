"""Claim: a net runs anywhere: the same package in PyTorch, in ONNX Runtime and in plain NumPy.

NumPy's is ONNX's reference implementation (its own bytes are left out). What each needs on a disk stands beside.
"""

from importlib.metadata import distribution

import numpy as np
import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator

from common.evidence import Subject
from common.evidence.homogeneity import run
from common.portable import graph_file
from common.program import Figure, Plot

NEEDED = {"pytorch": "torch", "onnxruntime": "onnxruntime", "numpy": "numpy"}  # runtime: distribution


def runtimes(subject: Subject) -> list[Figure | Plot]:
    """Largest difference of each runtime's answers from PyTorch's on real inputs, and how large each is."""
    away = {"onnxruntime": 0.0, "numpy": 0.0}
    for name, wanted in run(subject.graphs, subject.inputs).items():
        path = subject.package.folder / graph_file(subject.learned, name)
        others = {
            "onnxruntime": onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]),
            "numpy": ReferenceEvaluator(onnx.load(path)),
        }
        for runtime, session in others.items():
            found = session.run(list(subject.graphs[name].outputs), dict(subject.inputs[name]))
            pairs = zip(wanted, found, strict=True)
            away[runtime] = float(np.max([away[runtime], *(np.abs(a - b).max() for a, b in pairs)]))  # NaN is told
    figures = [Figure(f"largest_difference/{runtime}", value) for runtime, value in away.items()]
    figures += [Figure(f"runtime_bytes/{r}", installed_bytes(d), unit="bytes") for r, d in NEEDED.items()]
    return subject.of(subject.learned, figures)


def installed_bytes(name: str) -> int:
    """Of a distribution's files, without what it depends on."""
    files = distribution(name).files or ()
    paths = (file.locate() for file in files)
    return sum(path.stat().st_size for path in paths if path.is_file())  # type: ignore[attr-defined]
