"""What a run ends with on the terminal."""

import rich.console
import rich.table

from common.report import COSTS, SIDES, cost
from common.results import Results, experiments


def show(results: Results) -> None:
    """Prints one run's summary, program by program."""
    (group,) = experiments([results])
    table = rich.table.Table(title=group.title)
    for column in ("program", "written", group.headline, *COSTS.values()):
        table.add_column(column, justify="left" if column == "program" else "right")
    for program in group.programs:
        headline = program.figures[group.headline].text()
        table.add_row(program.name, SIDES[program.kind], headline, *(cost(program, name) for name in COSTS))
    console = rich.console.Console()
    console.width = max(console.width, 130)
    console.print(table)
    for program in group.programs:
        for metric, figure in program.figures.items():
            if figure.goal:
                verdict = "met" if figure.met() else "missed"
                console.print(f"goal {verdict}: {program.name}/{metric} {figure.text()}, wanted {figure.goal}")
