"""results.json files, read back: figures by program, seeds merged."""

import json
import math
import operator
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Results = Mapping[str, Any]
GOAL = re.compile(r"(?:(low|high) )?([<>]=?) ([-+]?[\d.]+(?:e[-+]?\d+)?)")
COMPARED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True)
class Figure:
    """One metric of one program over the seeds of one experiment."""

    values: tuple[float, ...]
    low: float | None
    high: float | None
    unit: str
    goal: str | None

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    def text(self) -> str:
        """Mean, standard deviation over seeds if there are several, else the interval over problems."""
        mean = human(self.mean, self.unit)
        if len(set(self.values)) == 1 < len(self.values):
            return mean
        if len(self.values) > 1:
            return f"{mean} ± {human(statistics.stdev(self.values), self.unit)}"
        if self.low is None or self.high is None or self.low == self.high:
            return mean
        return f"{mean} ({human(self.low, self.unit)} to {human(self.high, self.unit)})"

    def met(self) -> bool | None:
        """Whether the mean reaches the goal, or the end of the interval that it names (`low > 0`); None without one."""
        if self.goal is None:
            return None
        side, sign, wanted = parsed_goal(self.goal)
        value = {"low": self.low, "high": self.high, "": self.mean}[side]
        return value is not None and bool(COMPARED[sign](value, wanted))


def parsed_goal(goal: str) -> tuple[str, str, float]:
    """A goal's end of the interval (`low`, `high`, or empty, the mean), comparison and number.

    Raises:
        ValueError: it is none.
    """
    if not (found := GOAL.fullmatch(goal)):
        raise ValueError(f"goal: given {goal!r}, wanted one like '>= 0.94' or 'low > 0'")
    return found[1] or "", found[2], float(found[3])


@dataclass(frozen=True)
class Program:
    """A row of the table."""

    name: str
    kind: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class Experiment:
    """The results of one domain, configuration and split over its seeds.

    `apart` says which settings tell it from others of its name: "keys=morton".
    """

    domain: str
    name: str
    split: str
    apart: str
    headline: str
    programs: Sequence[Program]
    results: Sequence[Results]

    @property
    def judged(self) -> bool:
        """Whether every program was scored and costed; a bench measures other things."""
        needed = {"ceiling": {self.headline}}  # nothing is built for it
        return all(
            needed.get(program.kind, {self.headline, "build_cpu_s"}) <= program.figures.keys()
            for program in self.programs
        )

    @property
    def title(self) -> str:
        seeds = len(self.results)
        parts = [self.domain, self.name, *filter(None, [self.apart]), f"{self.split} split"]
        return ", ".join([*parts, f"{seeds} seed{'s' if seeds > 1 else ''}"])


def load(paths: Iterable[Path]) -> list[Results]:
    """The results in files of that form.

    Raises:
        ValueError: a file is missing, no JSON, or not of that form.
    """
    loaded: list[Results] = []
    for path in paths:
        try:
            results = json.loads(path.read_text())
            results["run"]["headline"], results["figures"][0]["program"]
        except FileNotFoundError:
            raise ValueError(f"results: given {path}, wanted a file; has that run finished?") from None
        except (json.JSONDecodeError, KeyError, IndexError, TypeError) as error:
            raise ValueError(f"results: given {path}, wanted run and figures in it ({error!r})") from None
        loaded.append({**results, "folder": str(path.parent)})
    return loaded


def experiments(loaded: Iterable[Results]) -> list[Experiment]:
    """Results grouped by domain, experiment, split and settings; every group merges its seeds."""
    groups: dict[tuple[str, str, str, str], dict[int, Results]] = defaultdict(dict)
    for results in loaded:
        run = results["run"]
        key = (run["domain"], run["experiment"], run["split"], json.dumps(_settings(run["config"]), sort_keys=True))
        groups[key][run["seed"]] = results  # a run judged again counts once
    found = []
    for key, by_seed in sorted(groups.items()):
        group = [by_seed[seed] for seed in sorted(by_seed)]
        namesakes = [json.loads(other[3]) for other in groups if other[:3] == key[:3]]
        apart = _apart(json.loads(key[3]), namesakes)
        found.append(Experiment(*key[:3], apart, group[0]["run"]["headline"], _programs(group), group))
    return found


def _apart(settings: Mapping[str, Any], namesakes: Sequence[Mapping[str, Any]]) -> str:
    """In what it differs from a namesake, each setting by its last name; a value used in many places once."""
    differing = {
        path.rpartition(".")[2]: value
        for path, value in settings.items()
        if any(other.get(path) != value for other in namesakes)
    }
    return ", ".join(f"{name}={value}" for name, value in differing.items())


def _settings(config: Any, path: str = "") -> dict[str, Any]:
    """{path: value} of all but seeds: what makes two runs comparable."""
    if not isinstance(config, dict):
        return {path: config}
    parts = [_settings(value, f"{path}.{key}") for key, value in config.items() if key != "seed"]
    return dict(pair for part in parts for pair in part.items())


def _programs(group: Sequence[Results]) -> list[Program]:
    records: dict[tuple[str, str], dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for results in group:
        for f in results["figures"]:
            records[f["program"], f["kind"]][f["metric"]].append(f)
    return [
        Program(name, kind, {metric: _merge(found) for metric, found in metrics.items()})
        for (name, kind), metrics in records.items()
    ]


def _merge(found: Sequence[Mapping[str, Any]]) -> Figure:
    first, sides = found[0], (("low", min), ("high", max))
    low, high = (None if any(f[s] is None for f in found) else end(f[s] for f in found) for s, end in sides)
    return Figure(tuple(f["value"] for f in found), low, high, first["unit"], first["goal"])


def human(value: float, unit: str) -> str:
    """A number as people read it: 0.9412, 8.7e-06, 24.1 ms, 1.2 MB, 290,184."""
    if not math.isfinite(value):
        return str(value)
    if unit == "s" and value:
        return f"{value * 1e6:.0f} µs" if value < 1e-3 else f"{value * 1e3:.2f} ms" if value < 1 else f"{value:.1f} s"
    if unit == "bytes":
        return f"{value / 1e6:.2f} MB" if value < 1e7 else f"{value / 1e6:.0f} MB"
    if 0 < abs(value) < 1e-4 and not unit:
        return f"{value:.1e}"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}" + (" s" if unit == "s" else "")
    return f"{value:.4f}"
