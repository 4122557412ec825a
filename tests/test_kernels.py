"""Compiled kernels of other sources are forgotten, and only those."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.kernels import forget_stale
from tests.conftest import ROOT

KERNEL = (
    "from numba import njit\nfrom toy.constants import ANSWER\n\n@njit(cache=True)\ndef answer():\n    return ANSWER\n"
)


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    folder = tmp_path / "toy"
    (folder / "deep").mkdir(parents=True)
    for package in (folder, folder / "deep"):
        (package / "__init__.py").touch()
        (package / "kernel.py").write_text(KERNEL)
    (folder / "constants.py").write_text("ANSWER = 41\n")
    return folder


def answer(toy: Path) -> str:
    """What a new process says, by a kernel and by one in a folder further down, their caches beside the sources."""
    path = os.pathsep.join([str(toy.parent), str(ROOT)])
    command = [
        sys.executable,
        "-c",
        "from toy import kernel; from toy.deep import kernel as deep; print(kernel.answer(), deep.answer())",
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_CACHE")} | {"PYTHONPATH": path}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_a_changed_constant_is_noticed(toy: Path) -> None:
    forget_stale(toy.parent)
    assert answer(toy) == "41 41"
    compiled = list(toy.rglob("*.nb?"))
    forget_stale(toy.parent)
    assert compiled
    assert list(toy.rglob("*.nb?")) == compiled, "the same sources: it stays"
    (toy / "constants.py").write_text("ANSWER = 42\n")
    assert answer(toy) == "41 41", "numba does not notice"
    forget_stale(toy.parent)
    assert answer(toy) == "42 42"
