"""Claims that take training to be measured: what is read from runs that differ in one thing.

A function gets the results of one seed, each by the name of its run: {"1000": results.json, "3000": ...}.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from common.evidence import told_of
from common.program import Figure, Plot
from common.results import Results

Runs = Mapping[str, Results]


def learning_curves(runs: Runs, *, metric: str, best: float, x_label: str) -> list[Figure | Plot]:
    """How far each program is from the best that can be, against how much it was given, which the runs' names say.

    `exponent` is b of the power law a x^-b through these errors (least squares of their logarithms; Hestness et al.
    2017, arXiv 1712.00409, section 3). `overtakes_from`, of a learned program: the least x from which on it is as good
    as every hand-written one, or better; there is none if it is not at the end.

    Args:
        metric: of all programs.
        best: what it cannot be better than.
    """
    x = np.array([float(name) for name in runs])
    kinds, errors = {}, {}
    for program, kind, records in _programs(runs, [metric]):
        kinds[program] = kind
        errors[program] = np.abs(best - np.array([record["value"] for record in records[metric]]))
    by_hand = np.min([error for program, error in errors.items() if kinds[program] == "baseline"], 0)
    found: list[Figure | Plot] = []
    for program, error in errors.items():
        figures = [Figure(f"error/{name}", float(value)) for name, value in zip(runs, error, strict=True)]
        if error.all():
            figures.append(Figure("exponent", float(-np.polyfit(np.log(x), np.log(error), 1)[0])))
        behind = np.flatnonzero(error > by_hand)
        first = behind[-1] + 1 if len(behind) else 0
        if kinds[program] == "learned" and first < len(x):
            figures.append(Figure("overtakes_from", float(x[first])))
        data = {"x": x.tolist(), "y": error.tolist(), "x_label": x_label, "y_label": f"away from {metric} {best:g}"}
        plot = Plot("error", "curve", data | {"x_scale": "log", "y_scale": "log"})
        found += told_of(program, kinds[program], [*figures, plot])
    return found


def changes(runs: Runs, *, metrics: Sequence[str], drawn: Sequence[str] = ()) -> list[Figure | Plot]:
    """What each program's figures are in every run, and `left/METRIC/RUN`: as shares of those in the first run.

    Args:
        metrics: of the programs that have them in every run.
        drawn: two of them, x and y of a curve through the runs.
    """
    found: list[Figure | Plot] = []
    for program, kind, records in _programs(runs, metrics):
        items: list[Figure | Plot] = []
        for metric, rows in records.items():
            items += [
                Figure(f"{metric}/{name}", row["value"], unit=row["unit"]) for name, row in zip(runs, rows, strict=True)
            ]
            if first := rows[0]["value"]:
                later = list(zip(runs, rows, strict=True))[1:]
                items += [Figure(f"left/{metric}/{name}", row["value"] / first) for name, row in later]
        if drawn and set(drawn) <= records.keys():
            across, up = ([row["value"] for row in records[metric]] for metric in drawn)
            items.append(Plot(drawn[1], "curve", {"x": across, "y": up, "x_label": drawn[0], "x_scale": "log"}))
        found += told_of(program, kind, items)
    return found


def _programs(runs: Runs, metrics: Sequence[str]) -> Iterator[tuple[str, Any, dict[str, list[Mapping[str, Any]]]]]:
    """Name, kind, and of each metric that every run has of it, the runs' records."""
    of = [{(f["program"], f["metric"]): f for f in results["figures"]} for results in runs.values()]
    for program, kind in dict.fromkeys(
        (f["program"], f["kind"]) for results in runs.values() for f in results["figures"]
    ):
        records = {m: [run[program, m] for run in of] for m in metrics if all((program, m) in run for run in of)}
        if records:
            yield program, kind, records
