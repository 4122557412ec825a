"""Measures the demo page: how soon it is up and answers, and whether it bears visitors: python -m scripts.visit

Every tab has one question that can be asked without a browser, with what stands in its fields at first.
"""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from common import experiment
from common.program import Figure
from common.results import human
from scripts import cli

INTERACTIONS = 1000  # over which memory is to be steady
SETTLED = 200  # the first of them, in which caches fill


def visit(cfg: DictConfig, output_dir: Path) -> None:
    """One visitor alone, then `visitors` at once for `seconds`, then INTERACTIONS one after the other."""
    from gradio_client import Client

    url, start = f"http://127.0.0.1:{cfg.port}", time.perf_counter()
    with served(cfg.port) as process:
        figures = [Figure("up_s", time.perf_counter() - start, unit="s", program="page")]
        client = Client(url, verbose=False)
        questions = sorted(client.view_api(return_format="dict", print_info=False)["named_endpoints"])
        figures += [Figure("first_answer_s", ask(client, q), unit="s", program=q.strip("/")) for q in questions]
        with ThreadPoolExecutor(cfg.visitors) as pool:
            clients = [Client(url, verbose=False) for _ in range(cfg.visitors)]
            waits = list(itertools.chain(*pool.map(lambda c: keep_asking(c, questions, cfg.seconds), clients)))
        figures += [
            Figure("answers", len(waits), program="visitors"),
            Figure("longest_wait_s", max(waits), unit="s", program="visitors"),
        ]
        for i in range(INTERACTIONS):
            if i == SETTLED:
                before = resident_bytes(process.pid)
            ask(client, questions[i % len(questions)])
        grown = resident_bytes(process.pid) / before - 1
        figures.append(Figure("memory_growth", grown, program="page"))
    about = cli.about(cfg) | {"domain": "page", "experiment": "visit", "uses": {}, "headline": "up_s"}
    experiment.write_figures(output_dir, figures, about=about, goals={})
    for figure in figures:
        print(f"{figure.program} {figure.metric}: {human(figure.value, figure.unit)}")
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


def ask(client: Any, question: str) -> float:
    """Seconds until the whole answer is there."""
    start = time.perf_counter()
    client.predict(api_name=question)
    return time.perf_counter() - start


def keep_asking(client: Any, questions: list[str], seconds: float) -> list[float]:
    """The seconds of each answer, one question after the other."""
    end, waits = time.perf_counter() + seconds, []
    for question in itertools.cycle(questions):
        waits.append(ask(client, question))
        if time.perf_counter() > end:
            return waits
    raise AssertionError


def resident_bytes(pid: int) -> int:
    """Of memory, that a process holds."""
    return 1024 * int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(pid)], text=True))


def main() -> None:
    """The entry point."""
    cli.main(visit)


if __name__ == "__main__":
    main()
