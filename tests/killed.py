"""`python -m scripts.train`, killed by itself at a chosen moment.

A moment is `step:N:S`, S seconds after training step N has begun; `writing:N`, when half of the Nth checkpoint is
written; or `never`. Judging is left out: what is compared are the weights.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common import checkpoint, experiment
from common.domain import Domain
from common.module import Module
from scripts import terminal, train


def kill(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_step(step: int, seconds: float) -> None:
    """A timer, so that it may strike anywhere: in a step, in validation, in between."""

    def start(module: Module, batch: Any, index: int) -> None:
        if module.global_step == step:
            threading.Timer(seconds, kill).start()

    Module.on_train_batch_start = start  # type: ignore[method-assign]


def while_writing(number: int) -> None:
    whole, count = checkpoint.write_whole, 0

    def write(path: Path, data: memoryview) -> None:
        nonlocal count
        count += 1
        if count == number:
            path.with_name(f"{path.name}.part").write_bytes(data[: len(data) // 2])
            kill()
        whole(path, data)

    checkpoint.write_whole = write  # type: ignore[assignment]


def unjudged(domain: Domain, made: object, learning: object, output_dir: Path, **_: object) -> Mapping[str, Any]:
    experiment.write_json(output_dir / experiment.RESULTS, {"run": {"headline": ""}, "figures": [{"program": ""}]})
    return {"run": {}}


def run(moment: str, arguments: Sequence[str], errors: Path) -> None:
    """In a process of its own, whose standard error becomes a file."""
    with errors.open("w") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
    kind, *parts = moment.split(":")
    if kind == "step":
        at_step(int(parts[0]), float(parts[1]))
    elif kind == "writing":
        while_writing(int(parts[0]))
    experiment.judge = unjudged  # type: ignore[assignment]
    terminal.show = lambda _: None  # type: ignore[assignment]
    sys.argv = ["train", *arguments]
    train.main()
    time.sleep(1)  # for a timer that is still to strike


IMPORTED = multiprocessing.get_context("forkserver")  # its processes begin as copies of one that has only imported this
IMPORTED.set_forkserver_preload([__name__])


class Started:
    """A process that runs."""

    def __init__(self, moment: str, *arguments: str) -> None:
        descriptor, name = tempfile.mkstemp(prefix="errors-")
        os.close(descriptor)
        self._errors = Path(name)
        self._process = IMPORTED.Process(target=run, args=(moment, arguments, self._errors))
        self._process.start()

    def end(self) -> tuple[int, str]:
        """Its exit status, of the signal that killed it -9, and its standard error."""
        self._process.join()
        said = self._errors.read_text()
        self._errors.unlink()
        return self._process.exitcode, said
