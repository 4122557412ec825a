"""What a program costs: the same keys for every program, hand-written or learned.

Building is timed in the running process and the children that it has waited for; answering in a fresh one
(common.answering). Ray's processes are nobody's children: of a training that uses them no CPU-seconds are published.
"""

import math
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from common.answering import CALLS, LARGEST_BATCH
from common.program import Figure, Plot, Program
from common.source import ROOT

SECONDS = 60.0  # of single answers, for their latency
UNITS = {"_per_s": "1/s", "_bytes": "bytes", "_s": "s"}  # by how a figure's name ends


@dataclass
class Spent:
    """CPU-seconds (user and system, with those of children that have ended and were waited for) and wall seconds.

    `cpu_s` is not a number where others worked too, whose time is not known.
    """

    cpu_s: float = 0.0
    wall_s: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.cpu_s + other.cpu_s, self.wall_s + other.wall_s)

    def figures(self) -> list[Figure]:
        """`build_cpu_s`, where it is known, and `build_wall_s`."""
        found = [Figure("build_cpu_s", self.cpu_s, unit="s"), Figure("build_wall_s", self.wall_s, unit="s")]
        return [figure for figure in found if not math.isnan(figure.value)]


def _now() -> tuple[float, float]:
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system, time.perf_counter()


@contextmanager
def spending() -> Iterator[Spent]:
    """Fills the yielded Spent when the block ends."""
    spent, (cpu, wall) = Spent(), _now()
    try:
        yield spent
    finally:
        end_cpu, end_wall = _now()
        spent.cpu_s, spent.wall_s = end_cpu - cpu, end_wall - wall


class TrainingClock(pl.Callback):
    """Times the fit, validation excluded, across interruptions, and keeps a point of the learning curve an epoch.

    CPU-seconds are those of all processes of a distributed run, wall seconds those of one.
    """

    def __init__(self) -> None:
        self.spent = Spent()
        self.curve: list[dict[str, float]] = []
        self._since: tuple[float, float] | None = None

    def _start(self) -> None:
        self._since = _now()

    def _stop(self, trainer: pl.Trainer) -> None:
        if self._since is not None:
            cpu, wall = _now()
            here = torch.tensor(cpu - self._since[0], device=trainer.strategy.root_device)
            self.spent.cpu_s += float(trainer.strategy.reduce(here, reduce_op="sum"))
            if _uses_ray():
                self.spent.cpu_s = math.nan
            self.spent.wall_s += wall - self._since[1]
            self._since = None

    def on_fit_start(self, *_: Any) -> None:
        self._start()

    def on_validation_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self._stop(trainer)

    def on_validation_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if not trainer.sanity_checking:
            values = {k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("val/")}
            self.curve.append({"cpu_s": self.spent.cpu_s, "step": float(trainer.global_step)} | values)
        self._start()

    def on_fit_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self._stop(trainer)

    def state_dict(self) -> dict[str, Any]:
        running = (0.0, 0.0) if self._since is None else np.subtract(_now(), self._since)
        cpu_s, wall_s = self.spent.cpu_s + float(running[0]), self.spent.wall_s + float(running[1])
        return {"cpu_s": cpu_s, "wall_s": wall_s, "curve": self.curve}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.spent, self.curve = Spent(state["cpu_s"], state["wall_s"]), list(state["curve"])

    def plots(self) -> list[Plot]:
        """The learning curve of every validated quantity, against CPU-seconds; none where these are not known."""
        known = self.curve and not math.isnan(self.curve[-1]["cpu_s"])
        names = self.curve[-1].keys() - {"cpu_s", "step"} if known else ()
        x = [point["cpu_s"] for point in self.curve]
        return [
            Plot(f"learning/{name}", "curve", {"x": x, "y": [p[name] for p in self.curve], "x_label": "CPU-seconds"})
            for name in sorted(names)
        ]


def _uses_ray() -> bool:
    ray = sys.modules.get("ray")
    return ray is not None and ray.is_initialized()


def arrays(program: Any, *, buffers: bool) -> Iterator[np.ndarray | torch.Tensor]:
    """Every array that a program is made of: a net's parameters (and buffers), a dataclass's array fields, nested."""
    if isinstance(program, torch.nn.Module):
        yield from program.parameters()
        yield from program.buffers() if buffers else ()
    elif isinstance(program, np.ndarray | torch.Tensor):
        yield program
    elif isinstance(program, dict):
        for value in program.values():
            yield from arrays(value, buffers=buffers)
    elif isinstance(program, list | tuple):
        for value in program:
            yield from arrays(value, buffers=buffers)
    elif is_dataclass(program):
        for f in fields(program):
            yield from arrays(getattr(program, f.name), buffers=buffers)


def in_fresh_process(module: str, given: tuple[Any, ...]) -> dict[str, Any]:
    """What a module measures that reads a pickle from stdin and writes one to stdout, in a process of its own.

    Args:
        given: the first of them is the program; all must pickle.

    Raises:
        ValueError: the process failed.
    """
    child = subprocess.run(
        [sys.executable, "-m", module],
        input=pickle.dumps(given),
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])},
    )
    if child.returncode:
        name = type(given[0]).__name__
        raise ValueError(f"timing {name}: given exit code {child.returncode}, wanted figures; its message is above")
    measured: dict[str, Any] = pickle.loads(child.stdout)
    return measured


def answering(program: Program, examples: Callable[[int], Any]) -> tuple[list[Figure], list[Plot], list[str]]:
    """Times and weighs `program` in a fresh process.

    Args:
        program: anything that pickles.
        examples: n -> n problems of deployment size.

    Returns:
        Figures: parameters, size_bytes, own_lines, latency_p50_s, _p95_s, _p99_s (one problem, one thread), answers
        (that these are of: at most CALLS, within SECONDS), throughput_per_s (many problems, all threads),
        peak_memory_bytes, and flops of one problem where countable.
        Plots: the latencies, sorted. And the third-party libraries that the program names.
    """
    measured = in_fresh_process("common.answering", (program, examples(max(CALLS, LARGEST_BATCH)), SECONDS))
    latencies = np.sort(measured.pop("latencies"))
    measured["parameters"] = sum(int(np.prod(a.shape)) for a in arrays(program, buffers=False))
    measured["size_bytes"] = sum(a.nbytes for a in arrays(program, buffers=True))
    libraries = measured.pop("libraries")
    figures = [
        Figure(name, float(value), unit=next((unit for end, unit in UNITS.items() if name.endswith(end)), ""))
        for name, value in measured.items()
    ]
    picked = np.unique(np.linspace(0, len(latencies) - 1, 200).astype(int))
    curve = {"x": (latencies[picked] * 1e3).tolist(), "y": (picked / max(1, len(latencies) - 1)).tolist()}
    return (
        figures,
        [Plot("latency", "curve", curve | {"x_label": "milliseconds", "y_label": "share of calls"})],
        libraries,
    )
