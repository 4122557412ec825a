"""One experiment: train the net, build the hand-written programs, let the referee score them all alike, write it down.

Called by `python -m scripts.train`, `python -m scripts.evaluate` and `python -m scripts.package`.
"""

import json
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import soundfile
import torch
from PIL import Image
from rich.console import Console

from common import compare, cost, fetch
from common.checkpoint import CHECKPOINT, load, write_whole
from common.domain import Domain
from common.package import Package
from common.program import Evaluation, Figure, HasCeilings, Kind, Picture, Plot, Program
from common.tracking import LogGallery, log_results

RESULTS = "results.json"
SO_FAR = "results.partial.json"  # what is measured until all is; goes when results.json comes
WORDLESS = re.compile(r"\W+")  # what a file's name does without
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
    checkpoint = output_dir / CHECKPOINT
    if resume:
        load(checkpoint, domain.module, clock)
    for logger in trainer.loggers:
        logger.log_hyperparams({**about, **machine()})
    trainer.fit(domain.module, datamodule=domain.data, ckpt_path=str(checkpoint) if resume else None)
    if torch.distributed.is_initialized():  # Gloo's threads may abort a process that exits; Lightning ends NCCL's alone
        torch.distributed.destroy_process_group()
    if not trainer.is_global_zero:
        return {}
    about = {**about, "checkpoint": fetch.sha256(checkpoint)}  # what the figures are of
    made = entrants(domain, clock.spent)
    return judge(domain, made, clock.plots(), output_dir, about=about, goals=goals, loggers=trainer.loggers)


def restore(domain: Domain, run_dir: Path) -> cost.TrainingClock:
    """Fills the domain's module from `run_dir/last.ckpt`, and sets its data up."""
    clock = cost.TrainingClock()
    load(run_dir / CHECKPOINT, domain.module, clock)
    domain.data.setup("fit")
    return clock


def evaluate(
    domain: Domain, run_dir: Path, output_dir: Path, *, about: Mapping[str, Any], goals: Mapping[str, str]
) -> dict[str, Any]:
    """Judges what a run's checkpoint holds; nothing is trained, the hand-written programs are built again."""
    clock = restore(domain, run_dir)
    about = {**about, "checkpoint": fetch.sha256(run_dir / CHECKPOINT)}
    return judge(domain, entrants(domain, clock.spent), clock.plots(), output_dir, about=about, goals=goals)


def evaluate_package(
    domain: Domain, package: Package, output_dir: Path, *, about: Mapping[str, Any], goals: Mapping[str, str]
) -> dict[str, Any]:
    """Judges a package's programs; nothing is trained or built. What making them took is what the package says."""
    made = [
        Entrant(
            name, "learned" if name == domain.module.name else "baseline", program, cost.Spent(*package.spent(name))
        )
        for name, program in unpacked(domain, package).items()
    ]
    learning = [Plot(**plot) for plot in package.results["plots"] if plot["name"].startswith("learning/")]
    return judge(domain, made, learning, output_dir, about=about, goals=goals)


def unpacked(domain: Domain, package: Package) -> dict[str, Program]:
    """A package's programs, the learned one first, made again in `domain`."""
    package.fill(domain.module)
    return {domain.module.name: domain.module.program(domain.data)} | package.baselines()


def entrants(domain: Domain, training: cost.Spent) -> Iterator[Entrant]:
    """The learned program, then each hand-written one, built when its turn comes.

    Args:
        training: what training the net took; what making a program of it takes is added.
    """
    with cost.spending() as spent:
        learned = domain.module.program(domain.data)
    yield Entrant(domain.module.name, "learned", learned, training + spent)
    for name, baseline in domain.baselines.items():
        console.print(f"building {name}")
        with cost.spending() as spent:
            program = baseline.build(domain.data)
        yield Entrant(name, "baseline", program, spent)


def judge(
    domain: Domain,
    made: Iterable[Entrant],
    learning: Sequence[Plot],
    output_dir: Path,
    *,
    about: Mapping[str, Any],
    goals: Mapping[str, str],
    loggers: Sequence[Any] = (),
) -> dict[str, Any]:
    """Scores and costs all programs alike, the learned one first, compares, writes `results.json`."""
    evaluations: dict[str, Evaluation] = {}
    figures: list[Figure] = []
    libraries: dict[str, list[str]] = {}
    plots = [replace(plot, program=domain.module.name) for plot in learning]
    for entrant in made:
        with console.status(f"scoring and timing {entrant.name}"):
            evaluation = evaluations[entrant.name] = domain.evaluator(entrant.program)
            answering, latency, libraries[entrant.name] = cost.answering(entrant.program, domain.evaluator.examples)
        of_this = [*compare.means(evaluation), *evaluation.figures, *entrant.spent.figures(), *answering]
        figures += [replace(f, program=entrant.name, kind=entrant.kind) for f in of_this]
        plots += [replace(plot, program=entrant.name) for plot in (*evaluation.plots, *latency)]
        write_so_far(output_dir, figures, about=about)
    gallery = domain.evaluator.gallery(evaluations)
    learned = next(iter(evaluations))
    ceilings = domain.evaluator.ceilings() if isinstance(domain.evaluator, HasCeilings) else {}
    for name, evaluation in ceilings.items():
        of_this = [*compare.means(evaluation), *evaluation.figures]
        figures += [replace(f, program=name, kind="ceiling") for f in of_this]
    evaluations |= ceilings
    for one, other in permutations(evaluations, 2):
        if one == learned or one in ceilings:
            against = compare.paired(evaluations[one], evaluations[other], other)
            if one in ceilings:  # how much there is to be had of what is a goal
                against = [f for f in against if f"{learned}/{f.metric}" in goals]
            figures += [replace(f, program=one, kind="ceiling" if one in ceilings else "learned") for f in against]
    results = write_figures(
        output_dir,
        figures,
        about={**about, "headline": next(iter(evaluations[learned].scores)), "uses": libraries},
        goals=goals,
        plots=[asdict(plot) for plot in plots],
        gallery=_save_gallery(gallery, output_dir),
    )
    log_results(loggers, results, gallery, checkpoint=output_dir / CHECKPOINT)
    return results


def write_figures(
    output_dir: Path, figures: Sequence[Figure], *, about: Mapping[str, Any], goals: Mapping[str, str],
    name: str = RESULTS, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """Writes `results.json`, or a file of that form of another name: what was measured, of what, where; returns it.

    Where is this machine, and it rests on all data that the domain has fetched, unless `about` says otherwise.
    """
    results = {
        "run": {**about, **machine(), "data": dict(sorted(fetch.FETCHED.items())), **about},
        "figures": [asdict(replace(f, goal=goals.get(f"{f.program}/{f.metric}"))) for f in figures],
        **more,
    }
    write_json(output_dir / name, results)
    (output_dir / SO_FAR).unlink(missing_ok=True)
    return results


def write_so_far(output_dir: Path, figures: Sequence[Figure], *, about: Mapping[str, Any]) -> None:
    """Keeps what is measured, until `write_figures` has it all."""
    write_json(output_dir / SO_FAR, {"run": about, "figures": [asdict(f) for f in figures]})


def machine() -> dict[str, Any]:
    """Where and with what a figure was measured."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        cpu = next((row.split(":")[1].strip() for row in info.read_text().splitlines() if "model name" in row), cpu)
    libraries = {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()}
    threads = torch.get_num_threads()
    return {"cpu": cpu, "cores": os.cpu_count(), "threads": threads, "libraries": libraries}


def write_json(path: Path, value: Any) -> None:
    """Whole or not at all."""
    write_whole(path, (json.dumps(value, indent=1, default=_plain) + "\n").encode())


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
            name = f"gallery/{WORDLESS.sub('_', group)}_{number:02}"
            Image.fromarray(picture.pixels).save(output_dir / f"{name}.png")
            saved.append({"group": group, "caption": picture.caption, "file": f"{name}.png"})
            if picture.sound is not None:
                soundfile.write(output_dir / f"{name}.wav", picture.sound.samples, picture.sound.sample_rate_hz)
                saved[-1]["sound"] = f"{name}.wav"
    return saved
