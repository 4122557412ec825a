"""Plots of results as PNG (for trackers) and SVG (for the report). One look for every domain."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure as Canvas
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
    "svg.hashsalt": "software2",  # the same results give the same bytes
}


def colours(programs: Sequence[str]) -> dict[str, str]:
    """A colour a program, by order."""
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(programs)}


def matrix(data: Mapping[str, Any], *, title: str) -> Canvas:
    """A table of counts (rows: truth, columns: answer), coloured by share of the row."""
    rows, labels = np.asarray(data["rows"], float), data["labels"]
    share = rows / np.maximum(rows.sum(1, keepdims=True), 1)
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        canvas = Canvas(figsize=(4.6, 4.2), layout="constrained")
        axes = canvas.subplots()
        axes.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(len(labels)), labels, rotation=60, ha="right")
        axes.set_yticks(range(len(labels)), labels)
        axes.set(title=title, xlabel="answer", ylabel="truth")
        for (row, column), count in np.ndenumerate(rows):
            if count:
                colour = "white" if share[row, column] > 0.4 else "black"
                axes.text(column, row, f"{count:.0f}", ha="center", va="center", fontsize=6, color=colour)
    return canvas


def matrix_png(data: Mapping[str, Any], *, title: str) -> Image.Image:
    """The same as a picture."""
    buffer = io.BytesIO()
    matrix(data, title=title).savefig(buffer, format="png", dpi=130)
    return Image.open(buffer)


def curves(
    series: Mapping[str, Mapping[str, Any]], palette: Mapping[str, str], *, title: str, log_x: bool = False
) -> Canvas:
    """One line a program: {name: {x, y, x_label, y_label}}."""
    with matplotlib.rc_context(STYLE):
        canvas = Canvas(figsize=(4.6, 3.4), layout="constrained")
        axes = canvas.subplots()
        for name, data in series.items():
            axes.plot(data["x"], data["y"], ".-", markersize=3, label=name, color=palette.get(name))
        first = next(iter(series.values()))
        axes.set(title=title, xlabel=first.get("x_label", ""), ylabel=first.get("y_label", ""))
        if log_x:
            axes.set_xscale("log")
        if title == "calibration":
            axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle="--")
            axes.set_ylabel("share right")
        axes.legend(frameon=False)
    return canvas


def quality_against_cost(
    points: Mapping[str, tuple[float, float]],
    learning: Mapping[str, Mapping[str, Any]],
    palette: Mapping[str, str],
    *,
    quality: str,
) -> Canvas:
    """A point a program at (CPU-seconds to make it, headline figure), and how training got there."""
    with matplotlib.rc_context(STYLE):
        canvas = Canvas(figsize=(4.6, 3.4), layout="constrained")
        axes = canvas.subplots()
        for name, data in learning.items():
            label = f"{name} while training (validation)"
            axes.plot(data["x"], data["y"], ".-", markersize=3, linewidth=0.8, color=palette[name], label=label)
        for name, (cpu_s, value) in points.items():
            axes.plot(max(cpu_s, 0.01), value, "o", markersize=8, color=palette[name], label=name)
        axes.set_xscale("log")
        axes.set(title=f"{quality} against cost", xlabel="CPU-seconds to train or build", ylabel=quality)
        axes.legend(frameon=False, fontsize=7, loc="lower right")
    return canvas


def svg(canvas: Canvas) -> str:
    """Inline markup, without the XML prologue."""
    buffer = io.StringIO()
    with matplotlib.rc_context(STYLE):
        canvas.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
