"""Claims that take training to be measured: what is read from runs that differ in one thing.

A function gets the results of one seed, each by the name of its run: {"1000": results.json, "3000": ...}.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from common.evidence import Found, Source, told_of
from common.program import Figure, Plot
from common.results import Results

Runs = Mapping[str, Results]
SHARES = {"eighth": 1 / 8, "quarter": 1 / 4, "half": 1 / 2, "whole": 1.0}


def learning_curves(runs: Runs, *, metric: str, best: float, x_label: str) -> list[Found]:
    """How far each program is from the best that can be, against how much it was given, which the runs' names say.

    `exponent` is b of the power law a x^-b through these errors (least squares of their logarithms; Hestness et al.
    2017, arXiv 1712.00409, section 3); `last_step`, by what factor the last run's is smaller than the one's before it.
    Of a learned program also `lead/X`, the least error of those written by hand over its own: above 1, it is better.

    Args:
        metric: of all programs.
        best: what it cannot be better than.
    """
    x = np.array([float(name) for name in runs])
    kinds, errors = {}, {}
    for program, kind, records in _programs(runs, [metric]):
        kinds[program] = kind
        errors[program] = np.abs(best - np.array([record["value"] for record in records[metric]]))
    found: list[Found] = _source(runs)
    for program, error in errors.items():
        figures = [Figure(f"error/{name}", float(value)) for name, value in zip(runs, error, strict=True)]
        if error.all():
            figures.append(Figure("exponent", 0.0 - round(float(np.polyfit(np.log(x), np.log(error), 1)[0]), 9)))
            figures.append(Figure("last_step", float(error[-2] / error[-1])))
        by_hand = [other for name, other in errors.items() if kinds[name] == "baseline"]
        if kinds[program] == "learned" and by_hand and error.all():
            lead = np.min(by_hand, 0) / error
            figures += [Figure(f"lead/{name}", float(value)) for name, value in zip(runs, lead, strict=True)]
        data = {"x": x.tolist(), "y": error.tolist(), "x_label": x_label, "y_label": f"|{metric} - {best:g}|"}
        plot = Plot("error", "curve", data | {"x_scale": "log", "y_scale": "log"})
        found += told_of(program, kinds[program], [*figures, plot])
    return found


def along_training(runs: Runs, *, curve: str) -> list[Found]:
    """What a program under training was on validation problems along one run, which proves little of another budget.

    `along/eighth`, `/quarter`, `/half` and `/whole`: after these shares of its epochs, of which the schedule makes most
    when it ends.

    Args:
        runs: one; or others to set beside the first, whose programs then bear their names too.
        curve: of its plots, such as "learning/val/loss".

    Raises:
        ValueError: a run has no such curve.
    """
    found: list[Found] = _source(runs)
    for beside, (name, results) in enumerate(runs.items()):
        plots = {plot["name"]: plot for plot in results["plots"]}
        if curve not in plots:
            raise ValueError(f"read: given the curve {curve}, wanted one of {', '.join(plots)}")
        data, program = plots[curve]["data"], plots[curve]["program"]
        epochs = {share: int(part * len(data["y"])) for share, part in SHARES.items()}
        figures = [Figure(f"along/{share}", data["y"][n - 1]) for share, n in epochs.items() if n]
        plot = Plot("along training", "curve", data | {"y_label": curve, "x_scale": "log", "y_scale": "log"})
        found += told_of(f"{program}, {name}" if beside else program, "learned", [*figures, plot])
    return found


def changes(runs: Runs, *, metrics: Sequence[str], drawn: Sequence[str] = ()) -> list[Found]:
    """What each program's figures are in every run, and `left/METRIC/RUN`: as shares of those in the first run.

    Args:
        metrics: of the programs that have them in every run.
        drawn: two of them, x and y of a curve through the runs.
    """
    found: list[Found] = _source(runs)
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
            labels = {"x_label": drawn[0], "y_label": drawn[1], "x_scale": "log"}
            items.append(Plot(f"{drawn[1]} against {drawn[0]}", "curve", {"x": across, "y": up, **labels}))
        found += told_of(program, kind, items)
    return found


def _source(runs: Runs) -> list[Found]:
    return [Source(next(iter(runs.values()))["run"])]


def _programs(runs: Runs, metrics: Sequence[str]) -> Iterator[tuple[str, Any, dict[str, list[Mapping[str, Any]]]]]:
    """Name, kind, and of each metric that every run has of it, the runs' records.

    Raises:
        ValueError: a metric that no program has in every run.
    """
    of = [{(f["program"], f["metric"]): f for f in results["figures"]} for results in runs.values()]
    everywhere = set.intersection(*(set(run) for run in of))
    for metric in metrics:
        if all(name != metric for _, name in everywhere):
            there = ", ".join(sorted({name for _, name in everywhere}))
            raise ValueError(f"read: given the metric {metric}, wanted one that every run has: {there}")
    for program, kind in dict.fromkeys(
        (f["program"], f["kind"]) for results in runs.values() for f in results["figures"]
    ):
        records = {
            metric: [run[program, metric] for run in of] for metric in metrics if (program, metric) in everywhere
        }
        if records:
            yield program, kind, records
