"""`python -m tests.brief MODULE ARGUMENTS...`: as `python -m MODULE ARGUMENTS...`, but what answers cost is measured in
half a second instead of a minute: tests ask whether it is measured, not how exactly."""

import runpy
import sys

from common import cost

cost.SECONDS = 0.5
_, module, *sys.argv[1:] = sys.argv
runpy.run_module(module, run_name="__main__", alter_sys=True)
