"""The vision tab of the demo page: one image, asked of all programs, as it is and as it is spoilt step by step."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import nn

from common import drawing
from common.domain import Domain
from common.page import QUIET, timed, titles, told
from common.program import Program
from vision.baseline import ORIENTATIONS
from vision.hog import grid, hog
from vision.occlusion import occlusion
from vision.predict import as_problem, read_image
from vision.task import CLASSES, SIZE

INTRODUCTION = (
    "What is this garment? A net trained on 55,000 images, a kernel machine on oriented gradients, and plain rules."
)
SHOWN = 12  # test images at a time
ENLARGED = 10  # times
WAYS = ("noise", "a step against the net")
MOST_NOISE = 0.8  # standard deviation, of the pixels' range
FARTHEST_STEP = 0.2  # of each pixel, of its range
LEGEND = "Red: hidden, it lowers the answer's probability; blue: it raises it. As it is spoilt,"
CURVE = (
    "Curves of each program's probability of its first answer, as the image is spoilt; below, where each gives it up"
)
LEVELS = 21  # at which each program is asked, from nothing to the most
LEAST = 0.02  # of probability lost that is shown in full colour
FOR, AGAINST = np.array([255.0, 60, 60]), np.array([70.0, 110, 255])  # the answer: red, blue
CELL = 4  # pixels a side of a cell of the picture of gradients


def tab(page: gr.Blocks, domain: Domain, programs: Mapping[str, Program]) -> Callable[[], object]:
    """Pick, upload or draw an image; spoil it by noise or against the net."""
    referee: Any = domain.evaluator
    images, learned = referee.images, domain.module.name
    net = programs[learned].net  # type: ignore[attr-defined]
    palette, named = drawing.colours(list(programs)), titles(domain, programs)

    def pick(seed: int) -> tuple[list[tuple[Image.Image, str]], list[int]]:
        rows = np.random.default_rng(seed).choice(len(images.pixels), SHOWN, replace=False).tolist()
        return [(enlarged(images.pixels[i]), CLASSES[images.labels[i]]) for i in rows], rows

    def answers(problem: np.ndarray, way: str, level: float) -> list[Any]:
        spoilt = spoil(net, problem, way, np.linspace(0, 1, LEVELS))
        shown = spoilt[round(level * (LEVELS - 1))]
        said = {name: timed(program, shown[None]) for name, program in programs.items()}
        sure = {name: np.asarray(program(spoilt)) for name, program in programs.items()}
        return [
            enlarged(shown),
            gradients(shown),
            *(occluded(program, shown) for program in programs.values()),
            *(
                gr.update(value=dict(zip(CLASSES, p[0].tolist(), strict=True)), label=f"{named[name]}, {took}")
                for name, (p, took) in said.items()
            ),
            drawing.png(drawing.curves(
                {name: {"x": np.linspace(0, 1, LEVELS), "y": p[:, p[0].argmax()]} for name, p in sure.items()},
                palette, title=f"probability of the first answer, by {way}",
            )),
            f"{LEGEND} " + "; ".join(f"**{name}** {breaks(p)}" for name, p in sure.items()),
        ]  # fmt: skip

    shown, rows = pick(0)
    problem, numbers, seed = gr.State(images.pixels[rows[0]]), gr.State(rows), gr.State(0)
    gr.Markdown(INTRODUCTION)
    with gr.Row():
        with gr.Column(scale=2):
            gallery = gr.Gallery(shown, label="test images, and what they are", columns=4, height=380,
                                 allow_preview=False, object_fit="contain", interactive=False)  # fmt: skip
            with gr.Row():
                others = gr.Button("Other images", size="sm")
                upload = gr.UploadButton("Upload a picture", file_types=["image"], size="sm")
            with gr.Accordion("Draw one", open=False):
                sketch = gr.Sketchpad(label="dark on light", type="numpy", canvas_size=(280, 280), layers=False,
                                      brush=gr.Brush(default_size=14, colors=["#000000", "#888888"]))  # fmt: skip
                drawn = gr.Button("Ask about the drawing", size="sm")
            way = gr.Radio(WAYS, value=WAYS[0], label="Spoil it by")
            level = gr.Slider(0, 1, 0, step=1 / (LEVELS - 1), label="How much")
        with gr.Column(scale=3):
            with gr.Row():
                labels = [gr.Label(num_top_classes=3, label=title) for title in named.values()]
            with gr.Row():
                marks = [
                    gr.Image(label=f"{name}: what it looks at", interactive=False, buttons=[]) for name in programs
                ]
            with gr.Row():
                seen = gr.Image(label="what all are shown", interactive=False, buttons=[])
                cells = gr.Image(label="its oriented gradients", interactive=False, buttons=[])
                curve = gr.Image(show_label=False, interactive=False, buttons=[], alt_text=CURVE)
            broken = gr.Markdown()

    def chosen(rows: list[int], event: gr.SelectData) -> np.ndarray:
        return images.pixels[rows[event.index]]

    def other(seed: int) -> tuple[Any, ...]:
        return (*pick(seed + 1), seed + 1)

    gallery.select(chosen, numbers, problem, **QUIET)
    others.click(other, seed, [gallery, numbers, seed], **QUIET)
    upload.upload(told(lambda path: read_image(Path(path))), upload, problem, **QUIET)
    drawn.click(told(read_drawing), sketch, problem, **QUIET)
    gr.on(
        [page.load, problem.change, way.change, level.change], told(answers), [problem, way, level],
        [seen, cells, *marks, *labels, curve, broken],
        trigger_mode="always_last", show_progress="hidden", api_name="vision",
    )  # fmt: skip
    return lambda: answers(images.pixels[rows[0]], WAYS[0], 0.0)


def read_drawing(drawn: Mapping[str, Any]) -> np.ndarray:
    """uint8 (SIZE, SIZE), of what a Sketchpad holds.

    Raises:
        ValueError: nothing is drawn.
    """
    pixels = drawn["composite"] if drawn else None
    if pixels is None or not pixels[..., 3].any():
        raise ValueError("drawing: given none, wanted something drawn")
    return as_problem(Image.fromarray(pixels))


def enlarged(pixels: np.ndarray) -> Image.Image:
    """Uint8 (height, width) or (height, width, 3), each pixel a square."""
    size = (pixels.shape[1] * ENLARGED, pixels.shape[0] * ENLARGED)
    return Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)


def spoil(net: nn.Module, pixels: np.ndarray, way: str, levels: np.ndarray) -> np.ndarray:
    """uint8 (levels, SIZE, SIZE): with noise, or a step up the net's loss (Goodfellow et al. 2015)."""
    if way == WAYS[0]:
        change = MOST_NOISE * np.random.default_rng(0).standard_normal(pixels.shape)
    else:
        change = FARTHEST_STEP * np.sign(_slope(net, pixels))
    return np.clip(np.round(pixels + 255 * levels[:, None, None] * change), 0, 255).astype(np.uint8)


def _slope(net: nn.Module, pixels: np.ndarray) -> np.ndarray:
    """Of the loss of the net's own answer, by the pixels (SIZE, SIZE)."""
    x = torch.tensor(pixels[None], dtype=torch.float32, requires_grad=True)
    logits = net(x)
    nn.functional.cross_entropy(logits, logits.argmax(1)).backward()
    assert x.grad is not None
    return x.grad[0].numpy()


def breaks(p: np.ndarray) -> str:
    """Where the first of the answers (levels, classes) is given up."""
    gone = np.flatnonzero(p.argmax(1) != p[0].argmax())
    return f"gives up {CLASSES[p[0].argmax()]} at {gone[0] / (len(p) - 1):.2f}" if len(gone) else "holds"


def occluded(program: Program, pixels: np.ndarray) -> Image.Image:
    """Where a black square lowers the answer's probability, in red, or raises it, in blue (Zeiler and Fergus 2014)."""
    lost = occlusion(program, pixels)
    share = lost / max(np.abs(lost).max(), LEAST)
    strength, colour = np.abs(share)[..., None], np.where(share[..., None] > 0, FOR, AGAINST)
    return enlarged((strength * colour + (1 - strength) * 0.5 * pixels[..., None]).round().astype(np.uint8))


def gradients(pixels: np.ndarray) -> Image.Image:
    """Histograms of oriented gradients: in each cell the edges, as bright as their directions are frequent."""
    cells = hog(pixels[None], (grid(cell=CELL, block=1),), ORIENTATIONS).reshape(SIZE // CELL, SIZE // CELL, -1)
    level = pixels.reshape(SIZE // CELL, CELL, SIZE // CELL, CELL).std((1, 3)) / 128
    side = CELL * ENLARGED
    picture = Image.new("L", (SIZE * ENLARGED,) * 2)
    draw = ImageDraw.Draw(picture)
    for row in range(len(cells)):
        for column in range(len(cells)):
            strengths = cells[row, column].reshape(2, -1).sum(0) * min(1.0, level[row, column])  # of both signs
            for i in np.argsort(strengths):
                along = 2 * np.pi * (i + 0.5) / ORIENTATIONS + np.pi / 2
                x, y = (column + 0.5) * side, (row + 0.5) * side
                dx, dy = 0.45 * side * np.cos(along), 0.45 * side * np.sin(along)
                draw.line((x - dx, y - dy, x + dx, y + dy), int(255 * min(1.0, strengths[i])), 3)
    return picture
