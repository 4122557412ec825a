"""Freed memory is used again without a fault a page."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

FAULTS = """
import resource
from scripts import memory

if {keeps}:
    assert memory.keep()
faults = []
for _ in range(4):
    buffer = bytearray(b"1") * (64 << 20)
    del buffer
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
print(faults[-1] - faults[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
def test_a_buffer_that_was_freed_costs_no_faults_when_it_is_wanted_again() -> None:
    found = {
        keeps: int(subprocess.check_output([sys.executable, "-c", FAULTS.format(keeps=keeps)], cwd=ROOT, text=True))
        for keeps in (False, True)
    }
    assert found[True] < found[False] / 10
