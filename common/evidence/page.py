"""Claims and what was measured of them, as one page: Markdown and self-contained HTML."""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from scipy.special import stdtrit

from common import drawing
from common.report import SIDES, curves_of, environment
from common.results import Experiment, Figure, Results, experiments, parsed_goal

HERE = Path(__file__).parent
ALL = "*"  # in `shown`: every figure of the experiment


@dataclass(frozen=True)
class Claim:
    """One sentence of the essay.

    Args:
        name: as `claims=` takes it.
        title, claim: in our own words.
        experiment: what measures it, of the configs' `evidence` or `trained`.
        shown: the figures in its table.
        holds: {figure of the learned programs: what it must be for the claim to hold}, where a domain has it; none
            where nothing that is measured tells.
        note: how to read them.
        against: what others found.
        mode: of scripts.claims.
    """

    name: str
    title: str
    claim: str
    experiment: str
    shown: Sequence[str]
    holds: Mapping[str, str]
    note: str = ""
    against: Sequence[str] = ()
    mode: str = "measure"

    @property
    def command(self) -> str:
        mode = "" if self.mode == "measure" else f" mode={self.mode}"
        return f"python -m scripts.claims{mode} claims={self.name}"

    @property
    def anchor(self) -> str:
        """Of its heading, as GitHub makes them."""
        return self.title.lower().replace(":", "").replace(" ", "-")


@dataclass(frozen=True)
class Condition:
    """What a figure must be for a claim to hold: of the learned programs, whose is so, whose is not, and of whose it
    cannot be told; and of how many of those written by hand it is so (`2 of 3`; empty where none has the figure)."""

    text: str
    so: Sequence[str]
    not_so: Sequence[str]
    untold: Sequence[str]
    by_hand: str = ""


@dataclass(frozen=True)
class Verdict:
    """`conditions` of which anything is measured; `measured`, whether anything is, perhaps without any condition."""

    conditions: Sequence[Condition]
    measured: bool

    def __str__(self) -> str:
        so, not_so, untold = (any(getattr(c, side) for c in self.conditions) for side in ("so", "not_so", "untold"))
        if so:
            return "holds in part" if not_so or untold else "holds"
        if not_so:
            return "fails in part" if untold else "fails"
        return "cannot be told" if untold or self.measured else "not measured yet"

    @property
    def counted(self) -> str:
        """The verdict, and where it is one in part of how many learned programs' figures it is so."""
        so = sum(len(c.so) for c in self.conditions)
        asked = so + sum(len(c.not_so) + len(c.untold) for c in self.conditions)
        return f"{self}: {so} of {asked}" if str(self).endswith("in part") else str(self)


def read(path: Path) -> dict[str, Claim]:
    """The claims of a YAML file, in its order.

    Raises:
        ValueError: a claim of another form.
    """
    found = {}
    for name, fields in yaml.safe_load(path.read_text()).items():
        try:
            found[name] = Claim(name=name, **fields)
            [parsed_goal(wanted) for wanted in found[name].holds.values()]
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: given claim {name}, wanted the fields of a Claim ({error})") from None
    return found


def judged(claim: Claim, measured: Sequence[Experiment]) -> Verdict:
    """What the learned programs' figures say of it; there may be several, such as a net with search and without."""
    conditions = []
    for metric, wanted in claim.holds.items():
        sides = defaultdict(list)
        for group, program in ((g, p) for g in measured for p in g.programs if metric in p.figures):
            figure = replace(program.figures[metric], goal=wanted)
            # one training alone tells nothing
            so = None if claim.mode == "train" and len(figure.values) == 1 else _is_so(figure)
            sides[program.kind, so].append(f"{group.domain} {program.name} {figure.text()}")
        (yes, no, untold), by_hand = (
            [sides[kind, met] for met in (True, False, None)] for kind in ("learned", "baseline")
        )
        counted = f"{len(by_hand[0])} of {sum(map(len, by_hand))}" if any(by_hand) else ""
        conditions.append(Condition(f"{metric} {wanted}", yes, no, untold, counted))
    told = [condition for condition in conditions if condition.so or condition.not_so or condition.untold]
    return Verdict(told, measured=bool(measured and not claim.holds))


def _is_so(figure: Figure) -> bool | None:
    """Whether it meets its goal; None where its interval of 95 %, over seeds or else problems, lies on both sides."""
    ends = [figure.mean]
    if (n := len(figure.values)) > 1:
        half = float(stdtrit(n - 1, 0.975)) * statistics.stdev(figure.values) / n**0.5  # Student's t
        ends = [figure.mean - half, figure.mean + half]
    elif figure.low is not None and figure.high is not None:
        ends = [figure.low, figure.high]
    met = {replace(figure, values=(end,)).met() for end in ends}
    return met.pop() if len(met) == 1 else None


def tables(claim: Claim, measured: Sequence[Experiment]) -> list[list[list[str]]]:
    """A head, and a row a program; domains that have the same of the shown figures share a table."""
    sharing = defaultdict(list)
    for group in measured:
        there = dict.fromkeys(metric for program in group.programs for metric in program.figures)
        sharing[tuple(there if list(claim.shown) == [ALL] else (m for m in claim.shown if m in there))].append(group)
    return [_table(shown, groups) for shown, groups in sharing.items() if shown]


def _table(shown: Sequence[str], measured: Sequence[Experiment]) -> list[list[str]]:
    body = [
        [group.domain, program.name, SIDES[program.kind],
         *(program.figures[m].text() if m in program.figures else "" for m in shown)]
        for group in measured for program in group.programs if program.figures.keys() & set(shown)
    ]  # fmt: skip
    return [["domain", "program", "written", *shown], *body]


def measurements(claims: Mapping[str, Claim], loaded: Sequence[Results]) -> list[tuple[Claim, list[Experiment]]]:
    """Each claim, and what was measured of it, an Experiment a domain."""
    groups = experiments(loaded)
    return [(claim, [group for group in groups if group.name == claim.experiment]) for claim in claims.values()]


def pages(claims: Mapping[str, Claim], loaded: Sequence[Results]) -> tuple[str, str]:
    """Markdown and HTML; an experiment's plots stand with the first claim that it is for."""
    sections: list[dict[str, Any]] = []
    for claim, measured in measurements(claims, loaded):
        drawn = [] if any(s["claim"].experiment == claim.experiment for s in sections) else measured
        plots = {g.domain: [drawing.svg([[draw]]) for draw in curves_of(g)] for g in drawn}
        sections.append(_section(claim, judged(claim, measured), tables(claim, measured), plots, measured))
    made = environment(HERE, autoescape=False), environment(HERE, autoescape=True)
    return tuple(  # type: ignore[return-value]
        env.get_template(name).render(sections=sections)
        for env, name in zip(made, ("claims.md.jinja", "claims.html.jinja"), strict=True)
    )


def verdicts(claims: Mapping[str, Claim], loaded: Sequence[Results], link: str) -> str:
    """A Markdown table of the claims and what became of them; `link` is where the page of them lies."""
    rows = [
        f"| [{claim.title}]({link}#{claim.anchor}) | {judged(claim, measured).counted} |"
        for claim, measured in measurements(claims, loaded)
    ]
    return "\n".join(["| the essay says | measured |", "| --- | --- |", *rows])


def _section(claim: Claim, verdict: Verdict, tables: Any, plots: Any, measured: Any) -> dict[str, Any]:
    domains = defaultdict(list)
    for group, run in ((group, group.results[0]["run"]) for group in measured):
        domains[f"{run['cores']} cores of {run['cpu']}, torch {run['libraries']['torch']}"].append(group.domain)
    where = [machine if len(domains) == 1 else f"{', '.join(of)}: {machine}" for machine, of in domains.items()]
    return {"claim": claim, "verdict": verdict, "tables": tables, "plots": plots, "where": where}
