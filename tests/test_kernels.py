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
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "kernel.py").write_text(KERNEL)
    (folder / "constants.py").write_text("ANSWER = 41\n")
    return folder


def answer(toy: Path) -> str:
    """What a new process says, its cache beside the source."""
    path = os.pathsep.join([str(toy.parent), str(ROOT)])
    command = [sys.executable, "-c", "from toy.kernel import answer; print(answer())"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_CACHE")} | {"PYTHONPATH": path}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_a_changed_constant_is_noticed(toy: Path) -> None:
    forget_stale(toy.parent)
    assert answer(toy) == "41"
    compiled = list(toy.glob("__pycache__/*.nb?"))
    forget_stale(toy.parent)
    assert compiled
    assert list(toy.glob("__pycache__/*.nb?")) == compiled, "the same sources: it stays"
    (toy / "constants.py").write_text("ANSWER = 42\n")
    assert answer(toy) == "41", "numba does not notice"
    forget_stale(toy.parent)
    assert answer(toy) == "42"
