"""The demo page: both programs of every domain side by side: python -m scripts.app port=8000

It serves on 127.0.0.1, and needs no training, and no network once the data is there: the shipped packages answer.
What a tab holds is the domain's to say: a function under `app` in its YAML, which gets the page, the domain and its
programs, and returns one that asks them all once, so that what is compiled at the first call is compiled by then.
Every answer has one thread: visitors share the cores, and Connect Four's search, position after position, takes three
times as long on two.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported

import signal
import sys
import tempfile
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from common import experiment
from common.domain import Domain
from common.package import Package
from common.program import Program
from scripts import cli, folders

LARGEST_UPLOAD = "20mb"
TOGETHER = 4  # answers to one kind of question; others wait a little
KEPT_S = 3600  # pictures, sounds and uploads
HEAD = "Each program written twice: by hand (Software 1.0) and by training (Software 2.0). Nothing leaves this machine."


def page(working: Executor) -> tuple[Any, list[Future[object]]]:
    """A tab for each domain that has one and whose package is shipped; and the first calls, which are under way."""
    opening = {}
    for name in sorted(path.stem for path in (folders.CONFIGS / "domain").glob("*.yaml")):
        folder = folders.shipped(name)
        if not folder.is_dir():
            continue
        found = folders.load_package(folder)
        cfg = cli.compose([*cli.choices_of(found), "split=test"])
        cfg = folders.config_of_package(cfg, found)
        if cfg.app:
            experiment.console.print(f"opening {name}")
            opening[name] = cfg, working.submit(opened, cfg, found)
    import gradio as gr  # it takes seconds: programs open meanwhile

    first_calls = []
    with gr.Blocks(
        title="Software 2.0, measured", analytics_enabled=False, fill_width=True, delete_cache=(KEPT_S, KEPT_S)
    ) as blocks:
        gr.Markdown(f"# Software 2.0, measured\n{HEAD}")
        for name, (cfg, programs) in opening.items():
            with gr.Tab(name):
                ask_all = instantiate(cfg.app)(blocks, *programs.result())
                first_calls.append(working.submit(ask_all))
    return blocks, first_calls


def opened(cfg: DictConfig, found: Package) -> tuple[Domain, dict[str, Program]]:
    """A domain, and the programs of its package."""
    domain = cli.build(cfg)
    return domain, experiment.unpacked(domain, found)


def launched(port: int) -> Any:
    """The page, served until it is closed.

    Raises:
        ValueError: Gradio is not installed.
        OSError: the port is taken.
    """
    if find_spec("gradio") is None:
        raise ValueError("app: given an environment without Gradio, wanted pip install -e '.[app]'")
    os.environ["GRADIO_DEFAULT_CONCURRENCY_LIMIT"] = str(TOGETHER)
    with ThreadPoolExecutor(1) as working:
        blocks, first_calls = page(working)
        import gradio as gr

        blocks.launch(
            server_name="127.0.0.1", server_port=port, quiet=True, max_file_size=LARGEST_UPLOAD,
            prevent_thread_lock=True,
            theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
            footer_links=[], show_error=True, ssr_mode=False,
        )  # fmt: skip
        for call in first_calls:
            call.result()
    return blocks


def serve(cfg: DictConfig, output_dir: Path) -> None:
    """Until it is stopped; what the page held in files is gone then."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory() as files:
        os.environ["GRADIO_TEMP_DIR"] = files
        blocks = launched(cfg.port)
        print(f"http://127.0.0.1:{cfg.port}", flush=True)
        blocks.block_thread()


def main() -> None:
    """The entry point."""
    cli.main(serve)


if __name__ == "__main__":
    main()
