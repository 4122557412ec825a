"""One experiment: train the net, build the hand-written programs, let the referee score them all alike, write it down.

Called by `python -m scripts.train` and `python -m scripts.evaluate`.
"""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from PIL import Image
from rich.console import Console

from common import compare, cost
from common.domain import Domain
from common.module import Module
from common.program import Evaluation, Figure, Kind, Picture, Plot, Program
from common.source import ROOT
from common.tracking import LogGallery, log_results

CHECKPOINT = "last.ckpt"
RESULTS = "results.json"
LIBRARIES = ("torch", "pytorch-lightning", "numpy", "numba")
console = Console(stderr=True)


@dataclass(frozen=True)
class Entrant:
    """A finished program, and what making it took."""

    name: str
    kind: Kind
    program: Program
    spent: cost.Spent


def run(
    domain: Domain,
    trainer: pl.Trainer,
    output_dir: Path,
    *,
    about: Mapping[str, Any],
    goals: Mapping[str, str],
    resume: bool = False,
) -> dict[str, Any]:
    """Trains, then judges.

    Args:
        about: what `results.json` says of the run beyond what is measured: command, domain, split, seed, config.
        goals: {"program/metric": ">= 0.94"}, to stand beside the figures.
        resume: go on from the run's last checkpoint.

    Returns:
        The results, as written to `output_dir/results.json`.
    """
    clock = cost.TrainingClock()
    if domain.evaluator.split == "val":
        trainer.callbacks.append(LogGallery(domain.evaluator))  # type: ignore[attr-defined]
    trainer.callbacks.append(clock)  # type: ignore[attr-defined]  # last: it starts again when the others are done
    if resume:
        load(output_dir / CHECKPOINT, domain.module, clock)
    for logger in trainer.loggers:
        logger.log_hyperparams({**about, **machine()})
    trainer.fit(domain.module, datamodule=domain.data, ckpt_path=str(output_dir / CHECKPOINT) if resume else None)
    return judge(domain, clock, output_dir, about=about, goals=goals, loggers=trainer.loggers)


def evaluate(
    domain: Domain, run_dir: Path, output_dir: Path, *, about: Mapping[str, Any], goals: Mapping[str, str]
) -> dict[str, Any]:
    """Judges what `run_dir/last.ckpt` holds; nothing is trained, the hand-written programs are built again."""
    clock = cost.TrainingClock()
    load(run_dir / CHECKPOINT, domain.module, clock)
    domain.data.setup("fit")
    return judge(domain, clock, output_dir, about=about, goals=goals, loggers=())


def load(path: Path, module: Module, clock: cost.TrainingClock) -> None:
    """Fills the module and the clock from a checkpoint.

    Raises:
        ValueError: it is missing, damaged, or of another net.
    """
    if not path.is_file():
        raise ValueError(f"run: given {path.parent}, wanted the folder of a run with {CHECKPOINT} in it")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        module.load_state_dict(checkpoint["state_dict"])
        clock.load_state_dict(checkpoint["callbacks"][cost.TrainingClock.__qualname__])
    except Exception as error:  # torch names a damaged file, a missing key and a wrong shape each by another type
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{path}: given a damaged checkpoint or another net's, wanted {module.name}'s: {reason}"
        ) from error


def judge(
    domain: Domain,
    clock: cost.TrainingClock,
    output_dir: Path,
    *,
    about: Mapping[str, Any],
    goals: Mapping[str, str],
    loggers: Sequence[Any],
) -> dict[str, Any]:
    """Builds the hand-written programs, scores and costs all alike, compares, writes `results.json`."""
    entrants = [Entrant(domain.module.name, "learned", domain.module.program(domain.data), clock.spent)]
    for name, baseline in domain.baselines.items():
        console.print(f"building {name}")
        with cost.spending() as spent:
            program = baseline.build(domain.data)
        entrants.append(Entrant(name, "baseline", program, spent))
    evaluations: dict[str, Evaluation] = {}
    figures: list[Figure] = []
    libraries: dict[str, list[str]] = {}
    plots: list[Plot] = [replace(plot, program=entrants[0].name) for plot in clock.plots()]
    for entrant in entrants:
        with console.status(f"scoring and timing {entrant.name}"):
            evaluation = evaluations[entrant.name] = domain.evaluator(entrant.program)
            answering, latency, libraries[entrant.name] = cost.answering(entrant.program, domain.evaluator.examples)
        of_this = [*compare.means(evaluation), *evaluation.figures, *entrant.spent.figures(), *answering]
        figures += [replace(f, program=entrant.name, kind=entrant.kind) for f in of_this]
        plots += [replace(plot, program=entrant.name) for plot in (*evaluation.plots, *latency)]
    learned = entrants[0]
    for entrant in entrants[1:]:
        against = compare.paired(evaluations[learned.name], evaluations[entrant.name], entrant.name)
        figures += [replace(f, program=learned.name, kind=learned.kind) for f in against]
    figures = [replace(f, goal=goals.get(f"{f.program}/{f.metric}")) for f in figures]
    gallery = domain.evaluator.gallery(evaluations)
    results = {
        "run": {**about, **machine(), "headline": next(iter(evaluations[learned.name].scores)), "uses": libraries},
        "figures": [asdict(f) for f in figures],
        "plots": [asdict(plot) for plot in plots],
        "gallery": _save_gallery(gallery, output_dir),
    }
    write_json(output_dir / RESULTS, results)
    log_results(loggers, results, gallery, checkpoint=output_dir / CHECKPOINT)
    return results


def machine() -> dict[str, Any]:
    """Where and with what a figure was measured."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        cpu = next((row.split(":")[1].strip() for row in info.read_text().splitlines() if "model name" in row), cpu)
    libraries = {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()}
    threads = torch.get_num_threads()
    return {"cpu": cpu, "cores": os.cpu_count(), "threads": threads, "libraries": libraries}


def commit() -> str:
    """The commit that is checked out, `-dirty` if files differ from it; empty outside git."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(git, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return ""


def write_json(path: Path, value: Any) -> None:
    """Whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, indent=1, default=_plain) + "\n")
    part.replace(path)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"results: given a {type(value).__name__}, wanted plain values")


def _save_gallery(gallery: Mapping[str, list[Picture]], output_dir: Path) -> list[dict[str, str]]:
    folder = output_dir / "gallery"
    folder.mkdir(exist_ok=True)
    saved = []
    for group, pictures in gallery.items():
        for number, picture in enumerate(pictures):
            file = f"gallery/{group.replace(' ', '_')}_{number:02}.png"
            Image.fromarray(picture.pixels).save(output_dir / file)
            saved.append({"group": group, "caption": picture.caption, "file": file})
    return saved
