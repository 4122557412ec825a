"""What a user would pick instead, in one process on one thread: `python -m scripts.bench domain=databases`.

Only the bench comes here, by name, from configs/domain/databases.yaml. Libraries that answer a vector are asked for a
vector, the others a key at a time: the call from Python is part of their time, as it is for whoever uses them.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pytorch_lightning
from BTrees.QQBTree import QQBTree
from pygm import SortedList

from common.answering import threads
from common.cost import arrays
from common.domain import Domain
from common.program import Figure, Kind, Plot
from databases.lookup import Lookup, ranks
from databases.model_index import ModelIndex

os.environ["POLARS_MAX_THREADS"] = "1"  # it looks when it is imported
import polars

Made = TypeVar("Made")
CHUNK = 100_000  # pairs that are handed to a BTree at a time: as Python's integers they take a hundred bytes each


@dataclass(frozen=True)
class Rival:
    """Ways to ask for a vector's ranks, and for one key's, as a vector or an int; None where there is none."""

    many: Callable[[np.ndarray], object] | None
    one: Callable[[Any], object] | None
    size: float | None
    kind: Kind = "peer"
    takes_ints: bool = False


def lookups(
    domain: Domain,
    trainer: Callable[..., pytorch_lightning.Trainer],
    *,
    queries: int,
    calls: int,
    repeats: int,
    n_leaves: list[int],
) -> list[Figure | Plot]:
    """Nanoseconds a lookup of every program and peer, bytes beyond the keys, and seconds to build.

    Args:
        queries: present keys in random order, asked for in bulk.
        calls: of those that are asked for one at a time.
        repeats: the fastest counts; all take turns, so that what else the machine does meets all alike.
        n_leaves: sizes of the learned index for its curve of size and time.
    """
    name, keys = domain.module.name, domain.data.table.keys  # type: ignore[attr-defined]
    asked = domain.evaluator.examples(queries)
    seconds = {}
    with threads(1):
        training_s, _ = _timed(lambda: trainer(callbacks=[]).fit(domain.module, datamodule=domain.data))
        ours = {name: domain.module.program, **{label: b.build for label, b in domain.baselines.items()}}
        rivals: dict[str, Rival] = {}
        for label, make in ours.items():
            program: Lookup = make(domain.data)  # type: ignore[assignment]
            seconds[label], _ = _timed(partial(program.index.over, keys))
            size = float(sum(a.nbytes for a in arrays(program, buffers=True)))
            rivals[label] = Rival(program, program, size, "learned" if label == name else "baseline")
        for label, build in PEERS.items():
            seconds[label], rivals[label] = _timed(partial(build, keys))
        learned = rivals[name].many.index  # type: ignore[union-attr]
        sizes = n_leaves if isinstance(learned, ModelIndex) else []
        curve = {n: ModelIndex.fitted(keys, learned.root, n_leaves=n) for n in sizes}
        many: dict[Any, Callable] = {label: rival.many for label, rival in rivals.items() if rival.many}
        ns = _in_turns({**many, **{n: partial(ranks, index, keys) for n, index in curve.items()}}, asked, repeats)
        few = asked[:calls]
        singles = {False: [few[i : i + 1] for i in range(len(few))], True: few.tolist()}
        one = {label: partial(_singly, r.one, singles[r.takes_ints]) for label, r in rivals.items() if r.one}
        call_ns = _in_turns(one, few, repeats)
    figures: list[Figure | Plot] = []
    for label, rival in rivals.items():
        of = partial(Figure, program=label, kind=rival.kind)
        figures += [
            of(metric, found[label]) for metric, found in (("lookup_ns", ns), ("call_ns", call_ns)) if label in found
        ]
        figures += [of("index_bytes", rival.size, unit="bytes")] if rival.size is not None else []
        figures.append(of("index_build_s", seconds[label], unit="s"))
        if label in ns and label != name:
            figures.append(Figure(f"times_as_fast/{label}", ns[label] / ns[name], program=name, kind="learned"))
        points = {rival.size: ns[label]} if label in ns and rival.size is not None else {}
        points |= {float(4 * n): ns[n] for n in curve} if label == name else {}
        xy = {"x": [size / 1e6 for size in sorted(points)], "y": [points[size] for size in sorted(points)]}
        labels = {"x_label": "MB beyond the keys", "y_label": "ns a lookup, in bulk", "y_scale": "log"}
        figures += [Plot("size and time", "curve", xy | labels, program=label)] if points else []
    return [*figures, Figure("root_training_s", training_s, unit="s", program=name, kind="learned")]


def _timed(task: Callable[[], Made]) -> tuple[float, Made]:
    start = time.perf_counter()
    made = task()
    return time.perf_counter() - start, made


def _singly(one: Callable[[Any], object], singles: list, _: np.ndarray) -> None:
    for query in singles:
        one(query)


def _in_turns(tasks: Mapping[Any, Callable], queries: np.ndarray, repeats: int) -> dict[Any, float]:
    """Nanoseconds a query of each, its fastest turn; one before is to warm up."""
    turns = [{name: _timed(partial(task, queries))[0] for name, task in tasks.items()} for _ in range(repeats + 1)]
    return {name: min(turn[name] for turn in turns[1:]) / len(queries) * 1e9 for name in tasks}


def _numpy(keys: np.ndarray) -> Rival:
    return Rival(partial(np.searchsorted, keys), partial(np.searchsorted, keys), 0.0)


def _polars(keys: np.ndarray) -> Rival:
    """A join of the queries, sorted first, with the table."""
    table = polars.DataFrame({"key": keys, "rank": np.arange(len(keys))}).set_sorted("key")

    def many(queries: np.ndarray) -> object:
        asked = polars.DataFrame({"key": queries}).sort("key")
        return asked.join_asof(table, on="key", strategy="forward")

    return Rival(many, None, 8.0 * len(keys))


def _pygm(keys: np.ndarray) -> Rival:
    """The PGM-index (Ferragina and Vinciguerra 2020); its bindings take a key a call."""
    table = SortedList(keys)
    return Rival(None, table.bisect_left, float(table.stats()["index size"]), takes_ints=True)


def _btrees(keys: np.ndarray) -> Rival:
    """ZODB's B-tree, from key to rank; asked for keys that are there, which is the easier question."""
    table = QQBTree()
    for start in range(0, len(keys), CHUNK):
        some = keys[start : start + CHUNK].tolist()
        table.update(list(zip(some, range(start, start + len(some)), strict=True)))
    return Rival(None, table.__getitem__, None, takes_ints=True)


PEERS = {"numpy_searchsorted": _numpy, "polars_join_asof": _polars, "pygm": _pygm, "btrees": _btrees}
