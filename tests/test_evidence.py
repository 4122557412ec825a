"""What is asked of any domain's programs: the experiments behind docs/claims, where their answers are known."""

import contextlib
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from common import package
from common.cost import in_fresh_process
from common.domain import Domain
from common.evidence import Found, Source, Subject, constancy, homogeneity, precision, runtimes, superiority
from common.portable import Graph
from common.precision import auto
from common.program import Evaluation, Figure, Plot
from scripts import folders, portable
from tests import toys
from tests.conftest import SHIPPED

KEYS = np.array([0.5, 1.0, 7.0], np.float32)


class Portable(toys.Rank):
    """The toy index with a graph of its net."""

    def graphs(self, net: Any) -> Mapping[str, Graph]:
        return {"": Graph(net, {"keys": ("n", torch.ones(2))}, ["share"])}


class Unpacked(NamedTuple):
    """A package of the toy index, as far as experiments ask it."""

    folder: Path
    parts: Mapping[str, bytes]


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """The toy index, untrained, and bisection."""
    torch.manual_seed(0)
    made = toys.index()
    module = Portable(net=toys.Curve(), optimizer=lambda net: None, **toys.SHARED)  # type: ignore[arg-type]
    domain = Domain(made.data, module, made.baselines, made.evaluator)
    domain.data.setup("fit")
    weights = package.weights(module)
    parts = {f"{module.name}.safetensors": weights, **portable.files(module, weights)}
    for name, data in parts.items():
        (tmp_path / name).write_bytes(data)
    programs = {module.name: module.program(domain.data)}
    programs |= {name: baseline.build(domain.data) for name, baseline in domain.baselines.items()}
    return Subject(domain, Unpacked(tmp_path, parts), lambda _: {"": {"keys": KEYS}}, programs, lambda: made.evaluator)  # type: ignore[arg-type]


def figures(found: Sequence[Found], program: str) -> dict[str, float]:
    return {item.metric: item.value for item in found if isinstance(item, Figure) and item.program == program}


# Constancy


@dataclass
class Clocked:
    """A program that takes as many seconds, by a clock of its own, as its problem says."""

    now: float = 0.0
    asked: list[float] = field(default_factory=list)

    def perf_counter(self) -> float:
        return self.now

    def __call__(self, problems: np.ndarray) -> np.ndarray:
        self.asked += problems.tolist()
        self.now += float(problems[0])
        return problems


@pytest.mark.parametrize(("harder", "ratio"), [(1, 1.0), (7, 7.0)])
def test_the_hardest_problem_is_found_and_asked_again(harder: int, ratio: float, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    program, problems = Clocked(), np.where(np.arange(200) % 50 == 31, harder, 1.0) / 100
    monkeypatch.setattr("common.answering.time", program)
    measured = constancy.measure(program, problems)
    assert np.allclose(measured["latencies"], problems)
    assert measured["hardest_over_typical"] == pytest.approx(ratio)
    again = program.asked[1 + constancy.WARM_UP + len(problems) :]
    assert len(again) == 2 * constancy.ASKED_AGAIN * round(constancy.AGAIN_S / 0.01)


def test_what_is_slow_by_chance_is_not_hard(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Clocked()
    problems = np.where(np.arange(100) == 60, -9.0, 1.0)  # of which one takes long once

    def answer(asked: np.ndarray) -> np.ndarray:
        first = asked[0] < 0 and program.asked.count(asked[0]) == 0
        program.asked += asked.tolist()
        program.now += 9.0 if first else 1.0
        return asked

    monkeypatch.setattr("common.answering.time", program)
    measured = constancy.measure(answer, problems)
    assert (measured["latencies"].max(), measured["hardest_over_typical"]) == (9, 1)


def test_whoever_is_slow_answers_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Clocked()
    monkeypatch.setattr("common.answering.time", program)
    measured = constancy.measure(program, np.full(50, 0.75))
    assert len(measured["latencies"]) == 50
    again = 2 * constancy.ASKED_AGAIN * 2
    assert program.now == 0.75 * (1 + 2 + 50 + again), "only warming up and asking again end when their time is over"


@pytest.mark.fresh_process
def test_every_program_is_timed_in_a_process_of_its_own(subject: Subject) -> None:
    found = constancy.constancy(subject, problems=50)
    for name in ("curve", "bisection"):
        measured = figures(found, name)
        assert measured["answers"] == 50
        assert 0 < measured["latency_p50_s"] <= measured["latency_p99_s"] <= measured["latency_worst_s"]
        assert measured["hardest_over_typical"] > 0
        assert 0 <= measured["grown_bytes"] < 50e6
    memory = [figures(found, name)["memory_bytes"] for name in ("curve", "bisection")]
    assert [item.program for item in found if isinstance(item, Plot)] == ["curve", "bisection"]
    assert min(memory) > 1e7


def test_a_program_that_keeps_what_it_is_given_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    monkeypatch.setattr(constancy, "peak_memory_bytes", lambda: 1000 + sum(kept))
    problems = np.ones(100)
    assert constancy.measure(lambda p: p, problems)["grown_bytes"] == 0
    measured = constancy.measure(lambda p: kept.append(8), problems)
    asked = 1 + constancy.WARM_UP + 100
    assert (measured["grown_bytes"], measured["memory_bytes"]) == (8 * 100, 1000 + 8 * asked)


@dataclass
class Keeper:
    """Takes 400 MB for a while in its loading, and keeps 40 MB of each of the first two problems that are a two."""

    kept: list[np.ndarray] = field(default_factory=list)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        np.ones(50_000_000)

    def __call__(self, problem: np.ndarray) -> None:
        if problem[0] == 2 and len(self.kept) < 2:
            self.kept.append(np.ones(5_000_000))  # above 32 MiB, so that glibc maps pages for it alone


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak can be forgotten on Linux alone")
def test_what_loading_took_does_not_hide_what_a_program_keeps() -> None:
    problems = np.repeat([1.0, 2.0], [constancy.WARM_UP + 10, 10])
    measured = in_fresh_process("common.evidence.constancy", (Keeper(), problems))
    assert 70e6 < measured["grown_bytes"] < 100e6


# Homogeneity


def test_operations_of_a_known_net_are_counted() -> None:
    net = nn.Sequential(nn.Linear(8, 4), nn.ReLU())
    graphs, asked = {"": Graph(net, {"x": ("n", torch.ones(2, 8))}, ["y"])}, {"": {"x": np.ones((5, 8), np.float32)}}
    with homogeneity.Counting() as counted:
        homogeneity.run(graphs, asked)
    assert (counted.products, counted.others) == (2 * 5 * 8 * 4, 5 * 4)
    assert homogeneity.share_of_operations(graphs, asked) == 64 / 68
    assert 0 < homogeneity.share_of_time(graphs, asked) < 1


def test_kinds_of_operators_are_those_of_the_graphs(subject: Subject) -> None:
    kinds = homogeneity.operators(subject.package.parts)
    assert {"Log", "Gemm", "Relu"} <= kinds
    assert homogeneity.operators({"net.safetensors": b"", "manifest.json": b"{}"}) == set()


def halved(problems: np.ndarray) -> list[float]:
    """Three branches, six kinds of operations: >, <, and, append, -, //."""
    found: list[float] = []

    def look(value: float) -> None:
        if value > 0 and value < 9:
            found.append(-value // 2)

    for value in problems:
        look(value)
    return found


def test_source_is_read_for_operations_and_branches() -> None:
    kinds, branches = homogeneity.source(halved, np.ones(3))
    assert kinds == {"Gt", "Lt", "And", "append", "USub", "FloorDiv", "look"}
    first = halved.__code__.co_firstlineno
    assert {line - first for _, line, _ in branches} == {5, 8}
    assert len(branches) == 3, "once each, though the inner function is read with the outer one too"


def test_homogeneity_of_all_programs(subject: Subject) -> None:
    found = homogeneity.homogeneity(subject)
    learned, bisection = figures(found, "curve"), figures(found, "bisection")
    assert 0 < learned["products_of_operations"] < 1
    assert learned["branches"] > bisection["branches"] == 0, "the learned one looks left and right of its guess"
    assert bisection["kinds_of_operations"] == 1


# Precision


def test_weights_become_whole_numbers_of_eight_bits() -> None:
    weight = torch.tensor([[127.0, 1.4, -63.6], [0.0, 0.0, 0.0], [-0.254, 0.0029, 0.1]])
    wanted = [[127.0, 1.0, -64.0], [0.0, 0.0, 0.0], [-0.254, 0.002, 0.1]]
    rounded = precision.to_8_bits(weight)
    torch.testing.assert_close(rounded, torch.tensor(wanted))
    torch.testing.assert_close(precision.to_8_bits(rounded), rounded)
    many = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    levels = precision.to_8_bits(many) / many.abs().amax((1, 2, 3), keepdim=True) * 127
    torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)
    assert levels.abs().max() <= 127.001


def test_weights_are_as_they_were_after_the_block() -> None:
    net = nn.Linear(3, 2)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with contextlib.suppress(KeyError), precision.weights(net, torch.zeros_like):
        assert not net.weight.any()
        assert torch.equal(net.bias, before["bias"]), "no matrix"
        raise KeyError
    assert net.weight.all()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


class Said(toys.IndexReferee):
    """Scores what a learned program's net says, whatever that is."""

    def __call__(self, program: Any) -> Evaluation:
        with torch.inference_mode():
            said = program.net(torch.from_numpy(KEYS)).numpy().astype(np.float64)
        return Evaluation(said, {"said": said})


def test_precision_says_what_coarse_weights_change(subject: Subject) -> None:
    subject = replace(subject, referee=partial(Said, toys.Keys()))
    net: Any = subject.domain.module.averaged.module
    for exact in (True, False):
        with torch.no_grad():
            for p in net.parameters():
                p.copy_(torch.where(p > 0, 0.5, -0.25) if exact else torch.randn_like(p))
        found = figures(precision.precision(subject, few={}), "curve")
        assert (found["changed/bf16"] == 0) == exact
    sizes = [found[f"weight_bytes/{name}"] for name in ("fp32", "bf16", "int8")]
    assert sizes == [4 * 49, 4 * 17 + 2 * 32, 4 * 17 + 32 + 4 * 17], "32 weights, 17 biases, 17 scales"


class Formats(Said):
    """Scores in which format a program of today would compute."""

    def __call__(self, program: Any) -> Evaluation:
        fp32 = np.array([float(auto("cpu") == "32-true")])
        return Evaluation(fp32, {"fp32": fp32})


def test_all_is_in_fp32_but_what_is_rounded(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"bf16": True})
    subject = replace(subject, referee=partial(Formats, toys.Keys()))
    assert figures(precision.precision(subject, few={}), "curve")["fp32"] == 1
    assert auto("cpu") == "bf16-mixed", "outside of it"


@pytest.mark.parametrize(
    ("capabilities", "wanted"),
    [
        ({}, "32-true"),
        ({"cpu_name": "AMD EPYC", "avx512_bf16": True}, "bf16-mixed"),
        ({"cpu_name": "Intel Xeon", "avx512_bf16": True, "amx_bf16": False}, "32-true"),
        ({"cpu_name": "Intel Xeon", "avx512_bf16": True, "amx_bf16": True}, "bf16-mixed"),
        ({"cpu_name": "Neoverse V2", "bf16": True}, "bf16-mixed"),
    ],
)
def test_bf16_is_for_processors_that_are_fast_in_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, Any], wanted: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert auto("cpu") == wanted


@pytest.mark.skipif(platform.machine() != "x86_64" or sys.platform != "linux", reason="reads /proc/cpuinfo of x86")
def test_torch_tells_who_made_the_processor() -> None:
    assert ("Intel" in torch.cpu.get_capabilities()["cpu_name"]) == ("Intel" in Path("/proc/cpuinfo").read_text())


def test_a_change_counts_whatever_its_sign() -> None:
    scores = np.random.default_rng(0).uniform(1, 2, 1000)
    less, more = (precision.changed(scores * share, scores) for share in (0.9, 1.1))
    assert less == pytest.approx((0.1, 0.1, 0.1))
    assert more == pytest.approx((0.1, 0.1, 0.1))
    either, low, high = precision.changed(np.roll(scores, 1), scores)
    assert (either, low) == (pytest.approx(0, abs=1e-12), 0)
    assert 0 < high < 0.1


def test_what_few_problems_do_not_show_may_still_be() -> None:
    assert precision.changed(np.ones(8), np.ones(8)) == (0, 0, pytest.approx(0.369, abs=1e-3))
    (high, missed) = (precision.changed(np.ones(400), np.ones(400))[2], 0.025)
    assert (1 - high) ** 400 == pytest.approx(missed)


def test_a_net_without_matrices_has_none_to_round(subject: Subject) -> None:
    net: Any = subject.domain.module.averaged.module
    net.layers = nn.Sequential(nn.LayerNorm(1))
    subject = replace(subject, referee=partial(Said, toys.Keys()))
    assert figures(precision.precision(subject, few={}), "curve").keys() == {"said", "weight_bytes/fp32"}


# Runtimes


def test_all_runtimes_say_the_same(subject: Subject) -> None:
    found = figures(runtimes.runtimes(subject), "curve")
    assert found["largest_difference/onnxruntime"] < 1e-5
    assert found["largest_difference/numpy"] < 1e-5
    assert found["runtime_bytes/pytorch"] > found["runtime_bytes/onnxruntime"] > found["runtime_bytes/numpy"] > 1e6


def test_a_difference_is_seen(subject: Subject) -> None:
    net: Any = subject.domain.module.averaged.module
    with torch.no_grad():
        net.layers[2].bias += 0.5
    found = figures(runtimes.runtimes(subject), "curve")
    assert found["largest_difference/onnxruntime"] == pytest.approx(0.5, abs=1e-4)
    assert found["largest_difference/numpy"] == pytest.approx(0.5, abs=1e-4)


def test_an_answer_that_is_no_number_is_no_small_difference(subject: Subject) -> None:
    net: Any = subject.domain.module.averaged.module
    with torch.no_grad():
        net.layers[2].bias += torch.nan
    assert np.isnan(figures(runtimes.runtimes(subject), "curve")["largest_difference/numpy"])


# Superiority


@pytest.mark.parametrize(
    ("less", "bounds", "ahead"), [(False, (-3.0, -2.0, -1.0), (-2, -3, -1)), (True, (-3.0, -2.0, -1.0), (2, 1, 3))]
)
def test_the_best_that_is_written_by_hand_is_the_rival(
    less: bool, bounds: tuple[float, ...], ahead: tuple[float, ...], subject: Subject
) -> None:
    subject = replace(subject, programs={**subject.programs, "worse": subject.programs["bisection"]})
    quality = {"curve": 5.0, "bisection": 7.0, "worse": 9.0 if less else 1.0}
    records = [asdict(Figure("speed", value, value - 1, value + 1, program=name)) for name, value in quality.items()]
    records += [asdict(Figure("speed_minus/bisection", bounds[1], bounds[0], bounds[2], program="curve"))]
    records += [asdict(Figure("build_cpu_s", 3.0, unit="s", program="curve"))]
    package: Any = SimpleNamespace(results={"run": {"headline": "speed"}, "figures": records})
    found = superiority.superiority(replace(subject, package=package), less=less)
    assert [item.run["headline"] for item in found if isinstance(item, Source)] == ["speed"]
    first = next(item for item in found if isinstance(item, Figure))
    assert (first.metric, first.program, first.value, first.low, first.high) == ("ahead", "curve", *ahead)
    assert figures(found, "curve") == {"ahead": ahead[0], "quality": 5, "build_cpu_s": 3}
    assert figures(found, "bisection") == {"quality": 7}
    records[-2] |= {"low": None, "high": None}
    assert "ahead" not in figures(superiority.superiority(replace(subject, package=package), less=less), "curve")


@pytest.mark.parametrize("name", SHIPPED)
def test_superiority_of_what_is_shipped(name: str, config: Callable) -> None:
    found = folders.load_package(folders.shipped(name))
    programs = {found.learned: None} | found.baselines()
    domain = SimpleNamespace(module=SimpleNamespace(name=found.learned), baselines=found.baselines())
    subject: Any = Subject(domain, found, lambda _: {}, programs, lambda: None)  # type: ignore[arg-type]
    measured = superiority.superiority(subject, less=config(f"domain={name}").evidence.superiority.less)
    for program in programs:
        assert figures(measured, program).keys() >= {"quality", *superiority.SHOWN}
    assert ("ahead" in figures(measured, found.learned)) == (name != "databases")
