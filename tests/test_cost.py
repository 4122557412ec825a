"""The cost harness on programs whose cost is known."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numba
import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from numba.extending import overload

from common import answering, cost, experiment
from common.source import own_source
from tests import toys

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
    assert 10 < found["answers"].value <= 0.5 / 0.002 + 1, "of half a second"


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


def test_flops_of_a_kernel_are_not_told() -> None:
    assert "flops" not in figures(WithKernel(torch.nn.Linear(4, 8, bias=False)))


@dataclass(frozen=True)
class Linear:
    layer: torch.nn.Module

    def __call__(self, problems: np.ndarray) -> np.ndarray:
        return self.layer(torch.tensor(problems, dtype=torch.float32)).detach().numpy()


class WithKernel(Linear):
    def __call__(self, problems: np.ndarray) -> np.ndarray:
        return Linear.__call__(self, problems) * kernel(1.0)


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


here = sys.modules[__name__]


def test_kernels_count_that_are_named_by_their_module_or_within_a_comprehension() -> None:
    def program(problems: np.ndarray) -> list[float]:
        return [here.kernel(x) for x in problems]  # type: ignore[attr-defined]

    assert own_source(program, np.ones(1)).lines == 1 + 2 + 3


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


def test_making_the_learned_program_counts_as_building_does(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def burn(*_: object) -> str:
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass
        return "a program"

    domain = toys.nim()
    monkeypatch.setattr(toys.Player, "program", burn)
    learned = next(experiment.entrants(domain, cost.Spent(cpu_s=10.0, wall_s=5.0)))
    assert 10.27 <= learned.spent.cpu_s < 11.5, "counted in ticks of 10 ms at both ends"
    assert learned.spent.wall_s >= 5.3


@pytest.mark.parametrize("uses", [True, False])
def test_where_ray_worked_too_no_cpu_seconds_are_told(uses: bool, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: uses))
    clock, domain = cost.TrainingClock(), toys.nim()
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    fit = pl.Trainer(
        max_epochs=1, accelerator="cpu", callbacks=[clock], logger=False, default_root_dir=tmp_path, **quiet
    )
    fit.fit(domain.module, datamodule=domain.data)
    told = {figure.metric for figure in (clock.spent + cost.Spent()).figures()}
    assert told == {"build_wall_s"} | (set() if uses else {"build_cpu_s"})
    assert bool(clock.plots()) is not uses
