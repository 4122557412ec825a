"""results.json -> a Markdown table and one self-contained HTML page.

`python -m scripts.report` reads the committed results of all domains, `run=DIR` those of one run.
"""

import base64
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from common import drawing
from common.results import Experiment, Program, Results, experiments, human

HERE = Path(__file__).parent
SECTION = re.compile(r"^## ([^\n]+)\n+(.*?)(?=\n## |\Z)", re.DOTALL | re.MULTILINE)
SIDES = {"learned": "2.0", "baseline": "1.0", "peer": "peer", "ceiling": "ceiling"}
COSTS = {
    "build_cpu_s": "CPU-s to make",
    "parameters": "parameters",
    "own_lines": "own lines",
    "latency_p50_s": "p50",
    "latency_p99_s": "p99",
    "throughput_per_s": "problems/s",
    "peak_memory_bytes": "memory",
}


def summary(groups: Sequence[Experiment]) -> str:
    """One Markdown row a program: how good it is, and what it costs."""
    rows = []
    for group in filter(lambda group: group.judged, groups):
        for program in group.programs:
            quality = f"{group.headline} {program.figures[group.headline].text()}"
            costs = [cost(program, name) for name in COSTS]
            costs[list(COSTS).index("own_lines")] += _uses(group, program)
            rows.append([group.title, f"`{program.name}`", SIDES[program.kind], quality, *costs])
    return _table(["domain", "program", "written", "quality", *COSTS.values()], rows)


def cost(program: Program, name: str) -> str:
    """One of COSTS, as people read it."""
    figure = program.figures.get(name)
    return human(figure.mean, figure.unit) if figure else "-"


def _uses(group: Experiment, program: Program) -> str:
    names = group.results[0]["run"].get("uses", {}).get(program.name, ())
    return f" + {', '.join(names)}" if names else ""


def figures(groups: Sequence[Experiment]) -> str:
    """Every figure, a column a program; its goal beside it; differences of neither headline nor goal folded."""
    parts = []
    for group in groups:
        rows: dict[bool, list[list[str]]] = {False: [], True: []}
        for metric in dict.fromkeys(m for p in group.programs for m in p.figures):
            found = [p.figures.get(metric) for p in group.programs]
            goals = "; ".join(f"{f.goal} {'met' if f.met() else 'missed'}" for f in found if f and f.goal)
            aside = "_minus/" in metric and not goals and not metric.startswith(f"{group.headline}_minus/")
            rows[aside].append([metric, *(f.text() if f else "" for f in found), goals])
        run = group.results[0]["run"]
        measured = f"{run['cores']} cores of {run['cpu']}, torch {run['libraries']['torch']}, `{run['command']}`"
        head = ["figure", *(f"`{p.name}`" for p in group.programs), "goal"]
        parts.append(f"**{group.title}** ({measured})\n\n{_table(head, rows[False])}")
        if rows[True]:
            parts.append(f"<details><summary>other differences</summary>\n\n{_table(head, rows[True])}\n\n</details>")
    return "\n\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *rows])


def page(loaded: Sequence[Results]) -> str:
    """The whole HTML page: tables, plots as inline SVG, gallery as data URIs; it asks the network for nothing."""
    template = environment(HERE, autoescape=True).get_template("report.html.jinja")
    shown = [
        {"group": g, "plots": [drawing.svg([[draw]]) for draw in _plots(g)], "gallery": _gallery(g.results[0])}
        for g in experiments(loaded)
    ]
    return template.render(shown=shown, script=(HERE / "report.js").read_text(), costs=COSTS, sides=SIDES, cost=cost)


def environment(folder: Path, *, autoescape: bool) -> jinja2.Environment:
    """For the templates in a folder."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )


def card(results: Results, *, domain_card: str) -> str:
    """A package's model card, Markdown: the domain's own words on task, data and limits, and this run's figures."""
    sections = dict(SECTION.findall(domain_card))
    (group,) = experiments([results])
    template = environment(HERE, autoescape=False).get_template("card.md.jinja")
    return template.render(
        run=results["run"], sections=sections, group=group, sides=SIDES, cost=cost, figures=figures([group])
    )


def picture(groups: Sequence[Experiment]) -> str:
    """The README's picture, SVG: a row an experiment, quality against cost and latencies."""
    return drawing.svg([_plots(group)[:2] for group in groups if group.judged]) + "\n"


def _plots(group: Experiment) -> list[drawing.Draw]:
    """Quality against cost and latency first, where programs were judged; of the first seed."""
    drawn = []
    if group.judged:
        palette = drawing.colours([p.name for p in group.programs])
        learning = _curves(group).get(f"learning/val/{group.headline}", {})
        made = filter(lambda program: program.kind != "ceiling", group.programs)
        points = {p.name: (p.figures["build_cpu_s"].mean, p.figures[group.headline].mean) for p in made}
        of = ", ".join(filter(None, (group.domain, group.name, group.apart)))
        drawn.append(drawing.quality_against_cost(points, learning, palette, quality=group.headline, of=of))
    drawn += curves_of(group)
    for plot in group.results[0].get("plots", ()):
        if plot["shape"] == "matrix":
            drawn.append(drawing.matrix(plot["data"], title=f"{plot['program']}: {plot['name']}"))
    return drawn


def curves_of(group: Experiment) -> list[drawing.Draw]:
    """The curves of the first seed, latency first, without those of learning."""
    palette = drawing.colours([p.name for p in group.programs])
    by_name = {name: series for name, series in _curves(group).items() if not name.startswith("learning/")}
    return [
        drawing.curves(by_name[name], palette, title=name)
        for name in sorted(by_name, key=lambda name: name != "latency")
    ]


def _curves(group: Experiment) -> dict[str, dict[str, Any]]:
    by_name: dict[str, dict[str, Any]] = defaultdict(dict)
    for plot in group.results[0].get("plots", ()):
        if plot["shape"] == "curve":
            by_name[plot["name"]][plot["program"]] = plot["data"]
    return by_name


def _gallery(results: Results) -> dict[str, list[dict[str, str]]]:
    """{group: [{caption, source}]}, without pictures whose file is gone (committed results carry none)."""
    shown: dict[str, list[dict[str, str]]] = defaultdict(list)
    for item in results.get("gallery", ()):  # a bench has none
        folder = Path(results["folder"]) / "gallery"
        picture, sound = folder / Path(item["file"]).name, folder / Path(item.get("sound", "")).name
        if picture.is_file():
            shown[item["group"]].append({"caption": item["caption"], "source": _inline(picture, "image/png")})
            if sound.is_file():
                shown[item["group"]][-1]["sound"] = _inline(sound, "audio/wav")
    return shown


def _inline(path: Path, kind: str) -> str:
    return f"data:{kind};base64," + base64.b64encode(path.read_bytes()).decode()
