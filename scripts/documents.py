"""Tables of results and of verdicts within Markdown files, between marks."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from common.evidence import page
from common.report import figures, summary
from common.results import Experiment, Results, experiments
from common.source import ROOT
from scripts import claims

MARKED = re.compile(r"(<!-- report: (summary|claims|figures (\w+)) -->\n).*?(<!-- /report -->)", re.DOTALL)


def committed() -> list[Path]:
    """The results that this repository holds, of domains in a folder and of those in a folder of one."""
    return sorted([*ROOT.glob("*/results/*.json"), *ROOT.glob("*/*/results/*.json")])


def update(path: Path, loaded: Sequence[Results]) -> None:
    """Rewrites what stands between `<!-- report: summary -->` (or `claims`, `figures vision`) and `<!-- /report -->`.

    Raises:
        ValueError: no such file, or no such marks in it.
    """
    if not path.is_file():
        raise ValueError(f"update: given {path}, wanted a Markdown file")
    text, count = MARKED.subn(lambda match: _between(match, loaded), path.read_text())
    if not count:
        raise ValueError(f"update: given {path}, wanted <!-- report: summary --> and <!-- /report --> in it")
    path.write_text(text)


def _between(match: re.Match[str], loaded: Sequence[Results]) -> str:
    begin, what, domain, end = match.groups()
    if domain:
        table = figures(experiments(r for r in loaded if r["run"]["domain"] == domain))
    elif what == "claims":
        link = f"{claims.FOLDER.relative_to(ROOT)}/README.md"
        table = page.verdicts(page.read(claims.CLAIMS), claims.measured(claims.FOLDER), link)
    else:
        table = summary(leading(experiments(loaded)))
    return f"{begin}\n{table}\n\n{end}"


def leading(groups: Sequence[Experiment]) -> list[Experiment]:
    """Of each domain the one with most goals, of those that judge a hand-written program."""
    alike = defaultdict(list)
    for group in groups:
        if group.judged and any(program.kind == "baseline" for program in group.programs):
            alike[group.domain].append(group)
    return [max(those, key=_goals) for those in alike.values()]


def _goals(group: Experiment) -> int:
    return sum(bool(figure.goal) for program in group.programs for figure in program.figures.values())
