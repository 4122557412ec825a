"""Claims: every answer takes the same time, and the same memory.

Each program answers many different problems, one at a time, on one thread, in a process of its own; then those that
took longest, and some that took as long as most, again and again, so that what is slow by chance is told from what is
hard. That process imports nothing that the program does not need itself, so that the memory is the program's own; what
loading it took for a while is forgotten before it is asked.
"""

import math
import pickle
import sys
from typing import Any

import numpy as np

from common.answering import forget_peak, peak_memory_bytes, single_latencies, threads
from common.evidence import Subject
from common.program import Figure, Plot, Program

WARM_UP = 20  # problems, or as many as there is PATIENCE_S for
ASKED_AGAIN = 5  # of the hardest problems, and of those in the middle
AGAIN_S = 0.1  # each as often as the median latency goes into it; the fastest answer counts
AGAIN = 5, 10_000  # times at least, unless that takes PATIENCE_S, and at most
PATIENCE_S = 1.0


def constancy(subject: Subject, *, problems: int) -> list[Figure | Plot]:
    """Latencies of all programs: median, 99 of 100, worst; what the hardest problem takes, in times what those in the
    middle do; and by how much the peak of memory rises after the first WARM_UP problems, until all are answered.

    Args:
        problems: of the referee's, different ones as far as it has them; the same for all programs.
    """
    from common.cost import in_fresh_process  # brings torch with it

    asked = subject.domain.evaluator.examples(problems)
    found: list[Figure | Plot] = []
    for name, program in subject.programs.items():
        measured = in_fresh_process("common.evidence.constancy", (program, asked))
        latencies = np.sort(measured.pop("latencies"))
        middle = float(np.median(latencies))
        figures = [
            Figure("answers", len(latencies)),
            Figure("latency_p50_s", middle, unit="s"),
            Figure("latency_p99_s", float(np.percentile(latencies, 99)), unit="s"),
            Figure("latency_worst_s", float(latencies[-1]), unit="s"),
            Figure("hardest_over_typical", measured["hardest_over_typical"]),
            Figure("memory_bytes", measured["memory_bytes"], unit="bytes"),
            Figure("grown_bytes", measured["grown_bytes"], unit="bytes"),
        ]
        picked = np.unique(np.linspace(0, len(latencies) - 1, 200).astype(int))
        shares = {"x": (picked / max(1, len(latencies) - 1)).tolist(), "y": (latencies[picked] / middle).tolist()}
        labels = {"x_label": "share of answers", "y_label": "times the median", "y_scale": "log"}
        found += subject.of(name, [*figures, Plot("latency over its median", "curve", shares | labels)])
    return found


def measure(program: Program, problems: Any) -> dict[str, Any]:
    """`latencies` (seconds), `hardest_over_typical`, `memory_bytes`, `grown_bytes`, as `constancy` tells them."""
    singles = [problems[i : i + 1] for i in range(len(problems))]
    with threads(1):
        single_latencies(program, singles[:1], 0)
        forget_peak()
        single_latencies(program, singles[:WARM_UP], PATIENCE_S)
        before = peak_memory_bytes()
        latencies = single_latencies(program, singles, math.inf)
        memory = peak_memory_bytes()
        order = np.argsort(latencies, kind="stable")
        middle = max(0, (len(order) - ASKED_AGAIN) // 2)
        picked = np.stack([order[-ASKED_AGAIN:], order[middle : middle + ASKED_AGAIN]], 1).ravel()  # by turns
        times = int(np.clip(np.round(AGAIN_S / np.median(latencies)), *AGAIN))
        again = [single_latencies(program, [singles[i]] * times, PATIENCE_S).min() for i in picked]
    ratio = float(max(again[::2]) / np.median(again[1::2]))
    sizes = {"memory_bytes": memory, "grown_bytes": memory - before}
    return {"latencies": latencies, "hardest_over_typical": ratio, **sizes}


if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps(measure(*pickle.load(sys.stdin.buffer))))
