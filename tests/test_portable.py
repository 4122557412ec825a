"""Nets as ONNX: what they answer without PyTorch, where their weights lie, and what a graph may not point at."""

import copy
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from common import package
from common.module import Module
from common.portable import Graph, graph_file, places
from scripts import folders, portable
from speech.tts.units import SYMBOLS
from tests import toys
from tests.conftest import CODE, DOMAINS, NETS, ROOT, SHIPPED
from tests.shipped import subject as subject_of
from tests.test_contract import smoke

TOLERANCE = {"float32": 1e-4, "float64": 1e-12}
SIZES = [  # of the axes that may have any length
    {"n": 1, "batch": 1, "frames": 7, "units": 1, "rows": 1},
    {"n": 3, "batch": 2, "frames": 11, "units": 5, "rows": 9},
    {"n": 65, "batch": 3, "frames": 8, "units": 40, "rows": 100},
]
SMALLER = {"wavenet": ["cycles=1", "cycle=3"], "convtts": ["vocoder.cycles=1", "vocoder.cycle=3"]}
SMALLER["grutts"] = SMALLER["convtts"]


# What is compared


def sessions(folder: Path, files: Mapping[str, bytes]) -> dict[str, onnxruntime.InferenceSession]:
    """Of the ONNX files among these, which stand in this folder."""
    names = [name for name in files if name.endswith(".onnx")]
    return {name: onnxruntime.InferenceSession(folder / name, providers=["CPUExecutionProvider"]) for name in names}


def graphs(module: Module) -> dict[str, Graph]:
    """The same graphs in PyTorch, by file."""
    net = copy.deepcopy(module.averaged.module).eval().cpu()
    return {graph_file(module.name, name): graph for name, graph in module.graphs(net).items()}


def drawn(graph: Graph, module: Module, sizes: Mapping[str, int], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Inputs of these sizes, such as a domain has."""
    hop = module.features.hop if hasattr(module, "features") else 0
    sizes = {**sizes, "samples": (sizes["frames"] - 6) * hop}
    made = {}
    for name, (axes, example) in graph.inputs.items():
        shape = [*(sizes[axis] for axis in axes.split()), *example.shape[len(axes.split()) :]]
        most = {"pixels": 256, "planes": 2, "stress": 3, "unit": sizes["units"], "symbol": len(SYMBOLS)}.get(name)
        values = rng.normal(size=shape) if most is None else rng.integers(name == "symbol", most, shape)
        if name == "x":
            values = rng.random(shape)
        if name == "inside":  # in one stretch, which begins anywhere
            first, last = np.sort(rng.integers(0, shape[1], (shape[0], 2))).T[..., None]
            values = (np.arange(shape[1]) >= first) & (np.arange(shape[1]) <= last)
        made[name] = values.astype(example.numpy().dtype)
    return made


def check(graph: Graph, session: onnxruntime.InferenceSession, given: Mapping[str, np.ndarray]) -> None:
    """ONNX Runtime answers as PyTorch does; what lies inside of an utterance counts, where it is said what does."""
    with torch.no_grad():
        wanted = graph.function(*(torch.from_numpy(given[name]) for name in graph.inputs))
    found = session.run(graph.outputs, dict(given))
    wanted = [part.numpy() for part in (wanted if isinstance(wanted, tuple) else (wanted,))]
    for name, ours, theirs in zip(graph.outputs, wanted, found, strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), name
        if "inside" in given:
            ours, theirs = ours[given["inside"]], theirs[given["inside"]]
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=TOLERANCE[ours.dtype.name], err_msg=name)


# The shipped ones


class Shipped(NamedTuple):
    package: package.Package
    module: Any


@pytest.fixture(scope="module", params=SHIPPED)
def shipped(request: pytest.FixtureRequest) -> Shipped:
    found = folders.load_package(ROOT.joinpath(*CODE[request.param].split("."), "pretrained"))
    domain = OmegaConf.create(found.config).domain  # type: ignore[arg-type]
    module = instantiate(domain.module, _convert_="all")
    found.fill(module)
    return Shipped(found, module)


def test_every_package_has_graphs_beside_its_weights(shipped: Shipped) -> None:
    found = shipped.package
    names = {name for name in found.parts if name.endswith(".onnx")}
    assert names == graphs(shipped.module).keys() != set()
    for name in names:
        assert set(places(found.parts[name])) == {f"{found.learned}.safetensors"}
        assert len(found.parts[name]) < 200_000
        onnx.checker.check_model(str(found.folder / name), full_check=True)
        check_that_nothing_is_told_of_the_machine(found.parts[name])


def check_that_nothing_is_told_of_the_machine(data: bytes) -> None:
    for said in (b".py", b"/", str(ROOT).encode()):
        told = [text for text in re.findall(rb"[ -~]{6,}", data) if said in text]
        assert not told, told


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_it_answers_as_in_pytorch_whatever_the_sizes(sizes: dict, shipped: Shipped) -> None:
    running, rng = sessions(shipped.package.folder, shipped.package.parts), np.random.default_rng(0)
    for name, graph in graphs(shipped.module).items():
        check(graph, running[name], drawn(graph, shipped.module, sizes, rng))


@pytest.mark.parametrize("name", SHIPPED)
def test_it_answers_as_in_pytorch_what_is_really_asked(name: str, config) -> None:  # type: ignore[no-untyped-def]
    subject = subject_of(config, name, "domain.evaluator.limit=8")
    running, known = sessions(subject.package.folder, subject.package.parts), graphs(subject.domain.module)
    asked = subject.inputs
    assert {graph_file(subject.learned, graph) for graph in asked} == known.keys()
    for graph, given in asked.items():
        file = graph_file(subject.learned, graph)
        check(known[file], running[file], given)


def test_the_readme_runs_one_without_pytorch(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(import [^`]*onnxruntime.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    alone = "import sys; sys.modules['torch'] = None\n" + example
    said = subprocess.run([sys.executable, "-c", alone], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "(1, 10)" in said.stdout


# Any net


@pytest.mark.parametrize(("name", "net"), [(d, n) for d in DOMAINS for n in NETS[d]])
def test_every_net_travels(name: str, net: str, config, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    smaller = [f"domain.module.net.{setting}" for setting in SMALLER.get(net, [])]
    module = smoke(config, tmp_path, name, f"domain/net={net}", *smaller).module
    with torch.no_grad():
        for value in module.averaged.module.parameters():  # none of them idle
            value.add_(torch.randn_like(value) * 0.02)
    written = write(module, tmp_path)
    running, rng = sessions(tmp_path, written), np.random.default_rng(0)
    for file, graph in graphs(module).items():
        inline = onnx.load(tmp_path / file, load_external_data=False).graph.initializer
        assert sum(len(tensor.raw_data) for tensor in inline) < 4000, "weights are written twice"
        for sizes in SIZES:
            check(graph, running[file], drawn(graph, module, sizes, rng))


def write(module: Module, folder: Path) -> dict[str, bytes]:
    weights = package.weights(module)
    files = {f"{module.name}.safetensors": weights, **portable.files(module, weights)}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return files


class Both(toys.Rank):
    """Its net in two graphs."""

    def graphs(self, net: Any) -> Mapping[str, Graph]:
        keys = {"keys": ("n", torch.ones(2))}
        return {
            "rank": Graph(net, keys, ["share"]),
            "apart": Graph(lambda keys: (keys.log(), net(keys)), keys, ["logs", "share"]),
        }


def both() -> Both:
    torch.manual_seed(0)
    return Both(net=toys.Curve(), optimizer=lambda net: torch.optim.Adam(net.parameters()), **toys.SHARED)


def test_a_net_may_have_several_graphs(tmp_path: Path) -> None:
    module = both()
    with torch.no_grad():
        module.net.layers[0].weight.zero_()  # type: ignore[union-attr]  # what travels is the average
    module.averaged.train()
    written = write(module, tmp_path)
    assert written.keys() == {"curve.safetensors", "curve.rank.onnx", "curve.apart.onnx"}
    assert written == write(module, tmp_path), "the same net gives the same bytes"
    assert module.averaged.training
    given = np.array([0.5, 1.0, 7.0], np.float32)
    logs, share = sessions(tmp_path, written)["curve.apart.onnx"].run(None, {"keys": given})
    np.testing.assert_allclose(logs, np.log(given), atol=1e-6)
    np.testing.assert_allclose(share, module.averaged.module(torch.from_numpy(given)).detach().numpy(), atol=1e-6)
    assert toys.nim().module.graphs(None) == {}, "a domain may give none"


def test_what_is_missing_to_write_them_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(
        ValueError, match=r"given no onnxscript, wanted it to write ONNX: pip install -e '\.\[package\]'"
    ):
        portable.files(both(), b"")
