"""Claims: every answer takes the same time, and the same memory.

Each program answers many different problems, one at a time, on one thread, in a process of its own; then those that
took longest again, and again, so that what is slow by chance is told from what is hard. That process imports nothing
that the program does not need itself, so that the memory is the program's own.
"""

import math
import pickle
import sys
from typing import Any

import numpy as np

from common.answering import peak_memory_bytes, single_latencies, threads
from common.evidence import Subject
from common.program import Figure, Plot, Program

WARM_UP = 20  # problems, or as many as there is PATIENCE_S for
HARDEST = 10  # problems that are asked again
AGAIN = 5  # times, or as often as there is PATIENCE_S for, of which the fastest counts
PATIENCE_S = 2.0


def constancy(subject: Subject, *, problems: int) -> list[Figure | Plot]:
    """Latencies of all programs: median, 99 of 100, worst; what the hardest problem takes, in times what one in the
    middle does; and by how much the peak of memory rises after the first WARM_UP problems, until all are answered.

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
            Figure("hardest_over_typical", measured["hardest_s"] / measured["typical_s"]),
            Figure("memory_bytes", measured["memory_bytes"], unit="bytes"),
            Figure("grown_bytes", measured["grown_bytes"], unit="bytes"),
        ]
        picked = np.unique(np.linspace(0, len(latencies) - 1, 200).astype(int))
        shares = {"x": (picked / max(1, len(latencies) - 1)).tolist(), "y": (latencies[picked] / middle).tolist()}
        labels = {"x_label": "share of answers", "y_label": "times the median", "y_scale": "log"}
        found += subject.of(name, [*figures, Plot("latency over its median", "curve", shares | labels)])
    return found


def measure(program: Program, problems: Any) -> dict[str, Any]:
    """`latencies` (seconds), `hardest_s`, `typical_s`, `memory_bytes`, `grown_bytes`, as `constancy` needs them."""
    singles = [problems[i : i + 1] for i in range(len(problems))]
    with threads(1):
        single_latencies(program, singles[:WARM_UP], PATIENCE_S)
        before = peak_memory_bytes()
        latencies = single_latencies(program, singles, math.inf)
        memory = peak_memory_bytes()
        order = np.argsort(latencies, kind="stable")
        picked = (*order[-HARDEST:], order[len(order) // 2])
        again = [single_latencies(program, [singles[i]] * AGAIN, PATIENCE_S).min() for i in picked]
    return {
        "latencies": latencies,
        "hardest_s": float(max(again[:-1])),
        "typical_s": float(again[-1]),
        "memory_bytes": memory,
        "grown_bytes": memory - before,
    }


if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps(measure(*pickle.load(sys.stdin.buffer))))
