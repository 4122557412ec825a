"""Measures the demo page: how soon it is up and answers, and whether it bears visitors: python -m scripts.visit

Every tab has one question that can be asked without a browser; first with what stands in its fields, then with what
their lists offer, drawn at random.
"""

import itertools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from common import experiment
from common.experiment import console
from common.program import Figure
from common.results import human
from scripts import cli

SETTLED = 0.2  # of the interactions, in which caches fill
GOALS = {"page/up_s": "<= 15", "visitors/errors": "<= 0", "page/memory_growth": "<= 0.05"}
SEEN, HEARD = "<= 1", "<= 2"  # seconds until the first answer is there, or the first sound


def visit(cfg: DictConfig, output_dir: Path) -> None:
    """One visitor alone, then `visitors` at once for `seconds`, then `interactions` one after the other."""
    if cfg.interactions < 1:
        raise ValueError(f"interactions: given {cfg.interactions}, wanted 1 or more")
    goals = dict(GOALS)
    url, start = f"http://127.0.0.1:{cfg.port}", time.perf_counter()
    with served(cfg.port) as process, downloads():
        figures = [Figure("up_s", time.perf_counter() - start, unit="s", program="page")]
        visitor = Visitor(url, seed=0)
        for question, name in visitor.names.items():
            heard = name in visitor.heard
            metric = "first_sound_s" if heard else "first_answer_s"
            goals[f"{name}/{metric}"] = HEARD if heard else SEEN
            figures.append(Figure(metric, visitor.ask(question, {}, whole=not heard), unit="s", program=name))
        with ThreadPoolExecutor(cfg.visitors) as pool:
            visitors = [Visitor(url, seed) for seed in range(cfg.visitors)]
            waits = list(itertools.chain(*pool.map(lambda v: v.keep_asking(cfg.seconds), visitors)))
        failed = sum(v.errors for v in visitors)
        figures += [
            Figure("answers", len(waits) - failed, program="visitors"),
            Figure("longest_wait_s", max(waits), unit="s", program="visitors"),
        ]
        for i, (question, given) in zip(range(cfg.interactions), visitor.questions(), strict=False):
            if i == int(SETTLED * cfg.interactions):
                before = resident_bytes(process.pid)
            visitor.ask(question, given)
        grown = resident_bytes(process.pid) / before - 1
        figures.append(Figure("memory_growth", grown, program="page"))
        figures.append(Figure("errors", visitor.errors + failed, program="visitors"))
    about = cli.about(cfg) | {"domain": "page", "experiment": "visit", "uses": {}, "headline": "up_s"}
    experiment.write_figures(output_dir, figures, about=about, goals=goals)
    for figure in figures:
        goal = goals.get(f"{figure.program}/{figure.metric}", "none")
        print(f"{figure.program} {figure.metric}: {human(figure.value, figure.unit)} (goal: {goal})")
    print(output_dir / experiment.RESULTS)


@contextmanager
def served(port: int) -> Iterator[subprocess.Popen[str]]:
    """The page in a process of its own, from when it is up.

    Raises:
        ValueError: it does not come up.
    """
    command = [sys.executable, "-m", "scripts.app", f"port={port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if not any(line.startswith("http") for line in iter(process.stdout.readline, "")):
                raise ValueError(f"port: given {port}, wanted one where the page can be served (its error is above)")
            yield process
        finally:
            process.terminate()


@contextmanager
def downloads() -> Iterator[None]:
    """Within the block, what visitors get goes where it ends with the block: the client leaves a folder a file."""
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = None


class Visitor:
    """Someone who asks the page.

    Args:
        seed: of what is chosen.
    """

    def __init__(self, url: str, seed: int) -> None:
        from gradio_client import Client

        self.client = Client(url, download_files=tempfile.gettempdir(), verbose=False)
        self.random = random.Random(seed)
        self.errors = 0
        self.api = self.client.view_api(return_format="dict", print_info=False)["named_endpoints"]
        self.names = {question: question.strip("/") for question in sorted(self.api)}
        self.heard = {
            name for q, name in self.names.items() if any(r["component"] == "Audio" for r in self.api[q]["returns"])
        }

    def ask(self, question: str, given: Mapping[str, Any], *, whole: bool = True) -> float:
        """Seconds until the whole answer is there, or its first part, or an error; the rest is waited for."""
        start = time.perf_counter()
        try:
            answer = self.client.submit(**given, api_name=question)
            if not whole:
                next(answer, None)  # of one that failed there is none: its error comes with the result
                took = time.perf_counter() - start
            answer.result()
        except Exception as error:
            console.print(f"{question} {given}: {error}")
            self.errors += 1
            whole = True
        return time.perf_counter() - start if whole else took

    def questions(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """One tab after the other, for ever, each with a choice from every list."""
        for question in itertools.cycle(self.names):
            lists = {p["parameter_name"]: p["type"].get("enum") for p in self.api[question]["parameters"]}
            yield question, {name: self.random.choice(offered) for name, offered in lists.items() if offered}

    def keep_asking(self, seconds: float) -> list[float]:
        """The seconds of each answer."""
        end, waits = time.perf_counter() + seconds, []
        for question, given in self.questions():
            waits.append(self.ask(question, given))
            if time.perf_counter() > end:
                break
        return waits


def resident_bytes(pid: int) -> int:
    """Of memory, that a process holds."""
    return 1024 * int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(pid)], text=True))


def main() -> None:
    """The entry point."""
    cli.main(visit)


if __name__ == "__main__":
    main()
