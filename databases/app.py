"""The databases tab of the demo page: a key, the way of every index to it, and what a lookup costs."""

import time
from collections.abc import Callable, Mapping

import gradio as gr
import numpy as np

from common.domain import Domain
from common.page import timed, titles, told
from common.program import Program
from databases.predict import read_key

INTRODUCTION = "Where does a key stand? An index whose root is trained, and four that are not."
QUERIES = 2**16  # together, among keys drawn anew
TRIALS = 3
NEIGHBOURS = 3  # keys on each side


def tab(page: gr.Blocks, domain: Domain, programs: Mapping[str, Program]) -> Callable[[], object]:
    """Type a key; see where it stands and how each program finds out."""
    named = titles(domain, programs)
    table = next(iter(programs.values())).table  # type: ignore[attr-defined]

    def look_up(given: str) -> tuple[list[list[str]], list[list[str]]]:
        key = np.array([read_key(given.strip())], np.uint64)
        rows = []
        for name, program in programs.items():
            (rank,), took = timed(program, key)
            path = program.index.explain(table.keys, key[0])  # type: ignore[attr-defined]
            rows.append([named[name], f"{rank:,}", path, took, f"{nanoseconds(program, table.keys):.1f} ns"])
        near = range(max(0, rank - NEIGHBOURS), min(len(table.keys), rank + NEIGHBOURS + 1))
        return rows, [[f"{i:,}", f"{table.keys[i]:,}", "the first not below" if i == rank else ""] for i in near]

    middle = str(table.keys[len(table.keys) // 2])
    gr.Markdown(INTRODUCTION)
    with gr.Row():
        key = gr.Textbox(middle, scale=4, max_lines=1,
                         label=f"A key: a number or an IPv4 address, in a table of {len(table.keys):,}")  # fmt: skip
        find = gr.Button("Look up", variant="primary", scale=1)
    paths = gr.Dataframe(
        headers=["program", "keys below", "how it found out", "this call", f"a lookup of {QUERIES:,} at once"],
        interactive=False, wrap=True, column_widths=["14%", "12%", "46%", "12%", "16%"],
    )  # fmt: skip
    around = gr.Dataframe(headers=["rank", "key", ""], label="Its neighbours", interactive=False)
    gr.on([page.load, find.click, key.submit], told(look_up), key, [paths, around],
          show_progress="hidden", api_name="databases", trigger_mode="multiple")  # fmt: skip
    return lambda: look_up(middle)


def nanoseconds(program: Program, keys: np.ndarray) -> float:
    """Of a lookup among many, the best of TRIALS."""
    queries = np.random.default_rng().choice(keys, QUERIES)
    took = []
    for _ in range(TRIALS):
        start = time.perf_counter()
        program(queries)
        took.append(time.perf_counter() - start)
    return min(took) / QUERIES * 1e9
