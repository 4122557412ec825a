"""results.json files, read back: figures by program, seeds merged."""

import json
import math
import operator
import re
import statistics
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
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
    named: dict[tuple[str, str, str], list[Results]] = defaultdict(list)
    for results in loaded:
        run = results["run"]
        named[run["domain"], run["experiment"], run["split"]].append(results)
    found = []
    for name, namesakes in sorted(named.items()):
        groups: dict[str, dict[int, Results]] = defaultdict(dict)
        for results, settings in zip(namesakes, _comparable(namesakes), strict=True):
            groups[json.dumps(settings, sort_keys=True)][results["run"]["seed"]] = results  # judged again counts once
        parts = _apart([json.loads(key) for key in sorted(groups)])
        for key, apart in zip(sorted(groups), parts, strict=True):
            group = [groups[key][seed] for seed in sorted(groups[key])]
            found.append(Experiment(*name, apart, group[0]["run"]["headline"], _programs(group), group))
    return found


def _comparable(namesakes: Sequence[Results]) -> list[dict[str, Any]]:
    """Of each {path: value}: what makes two runs comparable, without seeds that are the run's own.

    Results do not say which are. Those of a path are taken for the run's where that leaves fewer values apart: 0, 1, 2
    of runs with the seeds 0, 1, 2 are, and 0, 0, 0 are not.
    """
    found = [_settings(results["run"]["config"]) for results in namesakes]
    for path in {path for settings in found for path in settings if path.endswith(".seed")}:
        held = [(s, r["run"]["seed"]) for s, r in zip(found, namesakes, strict=True) if path in s]
        others = {repr(settings[path]) for settings, seed in held if settings[path] != seed}
        if len(others) + 1 < len({repr(settings[path]) for settings, _ in held}):
            for settings, seed in held:
                if settings[path] == seed:
                    del settings[path]
    return found


def _apart(namesakes: Sequence[Mapping[str, Any]]) -> list[str]:
    """In what each differs from another: its settings by as little of their paths as tells them apart.

    What has the same values in many places stands there once; lists, which are long, where nothing else would tell.
    """
    places: dict[str, str] = {}  # by the values: a path
    for path in dict.fromkeys(path for settings in namesakes for path in settings):
        values = [repr(settings.get(path)) for settings in namesakes]
        if len(set(values)) > 1:
            places[f"{path.rpartition('.')[2]} {values}"] = path
    short = {v: path for v, path in places.items() if not any(isinstance(s.get(path), list) for s in namesakes)}
    if len({tuple(repr(settings.get(path)) for path in short.values()) for settings in namesakes}) == len(namesakes):
        places = short
    names = {path: _short(path, places.values()) for path in places.values()}
    return [
        ", ".join(f"{name}={settings[path]}" for path, name in names.items() if path in settings)
        for settings in namesakes
    ]


def _short(path: str, others: Collection[str]) -> str:
    """The shortest end of a path that is the end of no other."""
    parts = path.split(".")
    ends = (".".join(parts[-n:]) for n in range(1, len(parts) + 1))
    return next(end for end in ends if sum(f".{other}".endswith(f".{end}") for other in others) == 1).lstrip(".")


def _settings(config: Any, path: str = "") -> dict[str, Any]:
    """{path: value} of all, paths as `.domain.data.flip`."""
    if not isinstance(config, dict):
        return {path: config}
    parts = [_settings(value, f"{path}.{key}") for key, value in config.items()]
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
