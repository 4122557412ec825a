"""What answering costs, measured in a process that holds nothing but one program and its problems.

`common.cost.answering` runs it; it reads a pickle of `measure`'s arguments from stdin and writes one of the figures to
stdout. It imports nothing that the program does not need itself, so that the memory is the program's own.
"""

import contextlib
import os
import pickle
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from common.program import Program
from common.source import own_source

CALLS = 1000  # single problems timed for the latency percentiles, fewer where the time runs out first
LARGEST_BATCH = 1024


def measure(program: Program, problems: Any, seconds: float) -> dict[str, Any]:
    """`latencies` (an array, seconds), how many `answers` they are of, their percentiles, throughput, peak memory, own
    source lines, and torch's flops of a program without numba.

    Args:
        seconds: that latencies are taken for: long, since a program whose answers take from a millisecond to half a
            minute shows that only in many of them.
    """
    singles = [problems[i : i + 1] for i in range(CALLS)]
    with threads(1):
        single_latencies(program, singles[:10], seconds / 60)  # to warm up
        latencies = single_latencies(program, singles, seconds)
    with threads(os.cpu_count() or 1):
        per_s = _throughput(program, problems[:LARGEST_BATCH], seconds / 20)
    figures: dict[str, Any] = {"latencies": latencies, "answers": len(latencies)}
    for p in (50, 95, 99):
        figures[f"latency_p{p}_s"] = float(np.percentile(latencies, p))
    figures |= {"throughput_per_s": per_s, "peak_memory_bytes": peak_memory_bytes()}
    source = own_source(program, singles[0])
    figures |= {"own_lines": source.lines, "libraries": list(source.libraries)}
    if "torch" in sys.modules and "numba" not in source.libraries:  # whose kernels, and threads, it does not see
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False) as counter:
            program(singles[0])
        if counter.get_total_flops():
            figures["flops"] = counter.get_total_flops()
    return figures


@contextlib.contextmanager
def threads(n: int):  # type: ignore[no-untyped-def]
    """So many for BLAS, OpenMP, torch and numba alike; afterwards torch has as many as before."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(n)
    if "numba" in sys.modules:
        numba = sys.modules["numba"]
        numba.set_num_threads(min(n, numba.config.NUMBA_NUM_THREADS))
    try:
        with threadpool_limits(n):
            yield
    finally:
        if torch:
            torch.set_num_threads(before)


def single_latencies(program: Program, singles: list[Any], seconds: float) -> np.ndarray:
    """Seconds of each answer, in order, until `seconds` are over."""
    out: list[float] = []
    end = time.perf_counter() + seconds
    for problem in singles:
        start = time.perf_counter()
        program(problem)
        stop = time.perf_counter()
        out.append(stop - start)
        if stop > end:
            break
    return np.asarray(out)


def _throughput(program: Program, many: Any, seconds: float) -> float:
    """Problems a second: the best of doubling batches, until one takes `seconds`."""
    best, n = 0.0, 1
    while n <= len(many):
        took = single_latencies(program, [many[:n]] * 3, 3 * seconds).min()
        best = max(best, n / took)
        if took > seconds:
            break
        n *= 2
    return best


def forget_peak() -> None:
    """`peak_memory_bytes` counts from what this process holds now; on Linux alone (man 5 proc, clear_refs)."""
    with contextlib.suppress(OSError):  # elsewhere the peak stays that of loading too
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_bytes() -> int:
    """Of this process since it started or forgot. (ru_maxrss would carry over what its parent used before exec.)"""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    figures = measure(*pickle.load(sys.stdin.buffer))
    sys.stdout.buffer.write(pickle.dumps(figures))
