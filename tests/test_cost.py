"""The cost harness on programs whose cost is known."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numba
import numpy as np
import pytest
import torch
from numba.extending import overload

from common import answering, cost
from common.source import own_source

pytestmark = pytest.mark.fresh_process


@dataclass(frozen=True)
class Sleeper:
    """Takes a known time a call, and holds a known amount of memory."""

    seconds: float = 0.002
    table: np.ndarray = field(default_factory=lambda: np.ones((100, 50), np.float32))

    def __call__(self, problems: np.ndarray) -> np.ndarray:
        time.sleep(self.seconds)
        return problems


@dataclass(frozen=True)
class Allocator:
    megabytes: int

    def __call__(self, problems: np.ndarray) -> np.ndarray:
        return problems + np.ones(self.megabytes << 17).sum() * 0


class Crasher:
    def __call__(self, problems: np.ndarray) -> np.ndarray:
        raise RuntimeError("no answer")


def examples(n: int) -> np.ndarray:
    return np.zeros((n, 4))


def figures(program: object) -> dict:
    found, *_ = cost.answering(program, examples)
    return {f.metric: f for f in found}


def test_known_time_size_and_lines() -> None:
    found = figures(Sleeper())
    assert found["latency_p50_s"].value >= 0.002
    assert found["parameters"].value == 5000
    assert found["size_bytes"].value == 20_000
    assert found["own_lines"].value == 2
    assert found["throughput_per_s"].value > 1 / 0.002, "many problems a call"
    assert {f.unit for f in found.values()} == {"", "s", "bytes", "1/s"}
    assert "flops" not in found


def test_peak_memory_is_the_programs_own() -> None:
    small, large = (figures(Allocator(megabytes))["peak_memory_bytes"].value for megabytes in (1, 200))
    assert 190e6 < large - small < 230e6


def test_a_net_is_its_parameters_and_weighs_its_buffers_too() -> None:
    found = figures(Linear(torch.nn.BatchNorm1d(4).eval()))
    assert found["parameters"].value == 8
    assert found["size_bytes"].value == 4 * 16 + 8, "and mean, variance and a counter"


def test_flops_of_a_matrix_product() -> None:
    found = figures(Linear(torch.nn.Linear(4, 8, bias=False)))
    assert found["flops"].value == 2 * 4 * 8


@dataclass(frozen=True)
class Linear:
    layer: torch.nn.Module

    def __call__(self, problems: np.ndarray) -> np.ndarray:
        return self.layer(torch.tensor(problems, dtype=torch.float32)).detach().numpy()


def test_a_program_that_dies_is_an_error_with_its_name() -> None:
    with pytest.raises(ValueError, match="timing Crasher: given exit code 1, wanted figures"):
        figures(Crasher())


@numba.njit
def inner(x: float) -> float:
    y = x + 1
    return y * 2


@numba.njit
def kernel(x: float) -> float:
    return inner(x) + 1


def test_lines_of_a_compiled_kernel_count_with_what_it_calls() -> None:
    def program(problems: np.ndarray) -> float:
        return kernel(problems[0])

    source = own_source(program, np.ones(1))
    lines_with_code = 1 + 2 + 3  # the call, kernel's def and return, inner's def and two lines
    assert source.lines == lines_with_code
    assert source.libraries == ("numba",)


def either(x: float) -> float:
    raise NotImplementedError


@overload(either)
def _either(x):  # type: ignore[no-untyped-def]
    return _written


def _written(x):  # type: ignore[no-untyped-def]
    def more(y):  # type: ignore[no-untyped-def]
        return y + 1

    return more(x)


either.written_as = (_written,)  # type: ignore[attr-defined]


@numba.njit
def overloading(x: float) -> float:
    return either(x)


def test_lines_count_that_run_in_a_thread_or_stand_for_what_is_overloaded() -> None:
    def program(problems: np.ndarray) -> list[float]:
        def one(x: float) -> float:
            return overloading(x)

        with ThreadPoolExecutor(1) as pool:
            return list(pool.map(one, problems))

    assert program(np.ones(1)) == [2]
    source = own_source(program, np.ones(1))
    lines_with_code = 3 + 1 + 2 + 4  # the program's, its function's, the kernel's, and of what that is written as
    assert source.lines == lines_with_code
    assert source.libraries == ("numba",)
    assert threading.gettrace() is None


def test_answering_imports_no_torch() -> None:
    """Else every hand-written program would seem to need it."""
    code = "import common.answering, sys; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_threads_are_set_for_a_while() -> None:
    before = torch.get_num_threads()
    with answering.threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_spending_counts_processor_time_of_children() -> None:
    burn = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    with cost.spending() as spent:
        subprocess.run([sys.executable, "-c", burn], check=True)
    assert 0.3 <= spent.cpu_s < 1.5
    assert spent.wall_s >= 0.3


def test_throughput_stops_doubling_when_a_call_gets_long() -> None:
    sizes = []

    def program(problems: np.ndarray) -> np.ndarray:
        sizes.append(len(problems))
        time.sleep(0.001 * len(problems))
        return problems

    answering._throughput(program, np.zeros(64), 0.003)
    assert max(sizes) < 64
