"""Plots of results as PNG (for trackers) and SVG (for the report and the README). One look for every domain."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import LogLocator, NullFormatter
from PIL import Image

# Okabe and Ito 2008: told apart by colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "legend.edgecolor": "none",
    "legend.fontsize": 7.5,
    "svg.hashsalt": "software2",  # the same results give the same bytes
}
Curve = Mapping[str, Any]  # x, y, and perhaps x_label, y_label, x_scale and y_scale ("log")
Draw = Callable[[Axes], None]


def colours(programs: Sequence[str]) -> dict[str, str]:
    """A colour a program, by order."""
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(programs)}


def matrix(data: Mapping[str, Any], *, title: str) -> Draw:
    """A table of counts (rows: truth, columns: answer), coloured by share of the row."""
    rows, labels = np.asarray(data["rows"], float), data["labels"]
    share = rows / np.maximum(rows.sum(1, keepdims=True), 1)

    def draw(axes: Axes) -> None:
        axes.grid(False)
        axes.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(len(labels)), labels, rotation=60, ha="right")
        axes.set_yticks(range(len(labels)), labels)
        axes.set(title=title, xlabel="answer", ylabel="truth")
        for (row, column), count in np.ndenumerate(rows):
            if count:
                colour = "white" if share[row, column] > 0.4 else "black"
                axes.text(column, row, f"{count:.0f}", ha="center", va="center", fontsize=6, color=colour)

    return draw


def curves(series: Mapping[str, Curve], palette: Mapping[str, str], *, title: str) -> Draw:
    """One line a program."""

    def draw(axes: Axes) -> None:
        for name, data in series.items():
            axes.plot(data["x"], data["y"], ".-", markersize=3, label=name, color=palette[name])
        first = next(iter(series.values()))
        axes.set(title=title, xlabel=first.get("x_label", ""), ylabel=first.get("y_label", ""))
        axes.set_yscale(first.get("y_scale", "linear"))
        if title == "latency" or first.get("x_scale") == "log":
            _log_x(axes)
        if title == "calibration":
            axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle="--", label="perfect")
        axes.legend()

    return draw


def quality_against_cost(
    points: Mapping[str, tuple[float, float]],
    learning: Mapping[str, Curve],
    palette: Mapping[str, str],
    *,
    quality: str,
    of: str,
) -> Draw:
    """A point a program at (CPU-seconds to make it, headline figure), and how training got there; `of` what."""

    def draw(axes: Axes) -> None:
        for name, data in learning.items():
            label = f"{name} while training (validation)"
            axes.plot(data["x"], data["y"], ".-", markersize=3, linewidth=0.8, color=palette[name], label=label)
        for name, (cpu_s, value) in points.items():
            axes.plot(max(cpu_s, 0.01), value, "o", markersize=8, color=palette[name], label=name)
        _log_x(axes)
        axes.set(title=f"{of}: {quality} against cost", xlabel="CPU-seconds to train or build", ylabel=quality)
        axes.legend()

    return draw


def _log_x(axes: Axes) -> None:
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 50 * low else (1,)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def canvas(rows: Sequence[Sequence[Draw]], *, size: tuple[float, float] = (4.6, 3.6)) -> Canvas:
    """Panels in rows and columns, each of `size` inches."""
    with matplotlib.rc_context(STYLE):
        whole = Canvas(figsize=(size[0] * len(rows[0]), size[1] * len(rows)), layout="constrained")
        grid = whole.subplots(len(rows), len(rows[0]), squeeze=False)
        for line, panels in zip(grid, rows, strict=True):
            for axes, draw in zip(line, panels, strict=True):
                draw(axes)
    return whole


def png(draw: Draw) -> Image.Image:
    """One panel as a picture."""
    buffer = io.BytesIO()
    canvas([[draw]]).savefig(buffer, format="png", dpi=130)
    return Image.open(buffer)


def svg(rows: Sequence[Sequence[Draw]]) -> str:
    """Panels as markup, without the XML prologue."""
    buffer = io.StringIO()
    whole = canvas(rows)
    with matplotlib.rc_context(STYLE):
        whole.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
