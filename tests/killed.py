"""`python -m scripts.train`, killed by itself at a chosen moment: python tests/killed.py MOMENT ARGUMENTS...

MOMENT is `step:N:S`, S seconds after training step N has begun; `writing:N`, when half of the Nth checkpoint is
written; or `never`. Judging is left out: what is compared are the weights.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
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


if __name__ == "__main__":
    moment, *parts = sys.argv.pop(1).split(":")
    if moment == "step":
        at_step(int(parts[0]), float(parts[1]))
    elif moment == "writing":
        while_writing(int(parts[0]))
    experiment.judge = unjudged  # type: ignore[assignment]
    terminal.show = lambda _: None  # type: ignore[assignment]
    train.main()
    time.sleep(1)  # for a timer that is still to strike
