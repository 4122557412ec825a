"""The queries, the gate, and what a lookup takes. Nothing here knows who wrote the program.

An index that answers wrongly is no index: every program answers probes whose ranks are known, and one wrong rank ends
the run. What is left to compare are times. Keys of the table are asked for in random order, in bulk: a score is the
time of one such call over its queries. The splits differ in which keys are asked for.
"""

import time
from collections.abc import Mapping
from typing import Literal

import numpy as np

from common.cost import arrays
from common.drawing import colours, curves, png
from common.program import Evaluation, Figure, Picture, Plot, Program
from databases.bisection import Bisection
from databases.keys import KeySet
from databases.lookup import Lookup
from databases.root import features
from databases.table import Table

SEEDS = {"val": 1, "test": 2}
PROBES = 10_000
FAR_ENDS = np.array([0, 1, 2**32, 2**53 + 1, 2**63, 2**64 - 1], np.uint64)
INSERTS = 25  # bulk inserts, each of a hundredth of the table: two merges are among them
RANGE_KEYS = 1000
RANGES = 2000
DRAWN = 2000  # keys of the picture


class Referee:
    """Times a program on one table.

    Args:
        keys, keys_limit: the table, as in data.Ranks.
        split: `val` for choosing, `test` for the last look.
        calls: how many bulk calls are timed, each of other queries. The mean of all is one score: what else the machine
            does in a program's minute moves all of its calls, so that they say little of how sure the mean is.
        rounds: how often each is, and inserts and ranges; the fastest counts.
        limit: queries of a call.
    """

    def __init__(
        self, *, keys: str, keys_limit: int | None, split: Literal["val", "test"], calls: int, rounds: int, limit: int
    ) -> None:
        if split not in SEEDS:
            raise ValueError(f"split: given {split!r}, wanted one of {', '.join(SEEDS)}")
        if min(calls, rounds, limit) < 1:
            raise ValueError(f"evaluator: given calls {calls}, rounds {rounds}, limit {limit}, wanted all above 0")
        self.split, self.calls, self.rounds, self.limit = split, calls, rounds, limit
        self.table = KeySet(keys, keys_limit)

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng([2018, SEEDS[self.split]])

    def present(self, n: int) -> np.ndarray:
        """`n` keys of the table, in random order, some perhaps more than once."""
        return self._rng().choice(self.table.keys, n)

    def absent(self, shape: tuple[int, ...]) -> np.ndarray:
        """Each somewhere between a key and the next; after the last where there are no gaps."""
        keys, rng = self.table.keys, self._rng()
        gaps = np.flatnonzero(np.diff(keys) > 1)
        if not len(gaps):
            return np.full(shape, keys[-1] + np.uint64(1))
        before = rng.choice(gaps, shape)
        return keys[before] + rng.integers(1, keys[before + 1] - keys[before], dtype=np.uint64)

    def examples(self, n: int) -> np.ndarray:
        return self.present(n)

    def __call__(self, program: Lookup) -> Evaluation:
        self._gate(program)
        queries = self.present(self.calls * self.limit).reshape(self.calls, self.limit)
        nanoseconds = self.ns(program, queries)
        figures = (
            Figure("sorted_lookup_ns", self.ns(program, np.sort(queries))),
            Figure("absent_lookup_ns", self.ns(program, self.absent(queries.shape))),
            Figure("bisects", float(isinstance(program.index, Bisection))),
            *self._operations(program),
        )
        size = float(sum(a.nbytes for a in arrays(program, buffers=True)))
        labels = {"x_label": "MB beyond the keys", "y_label": "ns a lookup"}
        plot = Plot("size and time", "curve", {"x": [size / 1e6], "y": [nanoseconds], **labels})
        return Evaluation(program(queries[0]), {"lookup_ns": np.array([nanoseconds])}, figures, (plot,))

    def _gate(self, program: Program) -> None:
        """Keys, their neighbours, what is far from any, and both ends.

        Raises:
            ValueError: a rank is wrong.
        """
        keys, near = self.table.keys, self.present(PROBES)
        far = self._rng().integers(0, 2**64, PROBES, dtype=np.uint64)
        ends = np.concatenate([keys[:2], keys[-2:]])
        for queries in (near, near + np.uint64(1), near - np.uint64(1), far, self.absent((PROBES,)), ends, FAR_ENDS):
            given, wanted = np.asarray(program(queries)), np.searchsorted(keys, queries)
            if given.shape != wanted.shape:
                raise ValueError(f"answers: given {given.shape}, wanted {wanted.shape}")
            wrong = np.flatnonzero(given != wanted)
            if len(wrong):
                query, rank = queries[wrong[0]], wanted[wrong[0]]
                raise ValueError(f"answers: given {given[wrong[0]]} for the key {query}, wanted its rank {rank}")

    def ns(self, program: Program, queries: np.ndarray) -> float:
        """Nanoseconds a query, of each call the fastest round; the others use the cache meanwhile."""
        took = np.empty((self.rounds, len(queries)))
        for round_ in took:
            for call, asked in enumerate(queries):
                start = time.perf_counter_ns()
                program(asked)
                round_[call] = time.perf_counter_ns() - start
        return float(took.min(0).mean()) / queries.shape[1]

    def _operations(self, program: Lookup) -> tuple[Figure, ...]:
        """Keys inserted a second in bulk, merging and building anew included, and ranges found a second."""
        keys = self.table.keys
        new = self.absent((INSERTS, max(1, len(keys) // 100)))
        lows = self.present(RANGES)
        highs = keys[np.minimum(program(lows) + RANGE_KEYS, len(keys) - 1)]
        ranges_s, inserts_s = [], []
        for _ in range(self.rounds):
            table = Table.over(keys, program.index)
            start = time.perf_counter()
            for low, high in zip(lows, highs, strict=True):
                table.range(low, high)
            ranges_s.append(time.perf_counter() - start)
            start = time.perf_counter()
            for some in new:
                table.insert(some)
            inserts_s.append(time.perf_counter() - start)
        return (
            Figure("inserted_per_s", new.size / min(inserts_s), unit="keys/s"),
            Figure("ranges_per_s", RANGES / min(ranges_s), unit="1/s"),
        )

    def preview(self, _: Program) -> Evaluation:
        """Of nothing: the gallery shows the table alone, and times while training runs say little."""
        return Evaluation(None, {})

    def gallery(self, evaluations: Mapping[str, Evaluation]) -> dict[str, list[Picture]]:
        """The keys' distribution function, which is all that an index must know."""
        keys = self.table.keys
        ranks = np.unique(np.linspace(0, len(keys) - 1, DRAWN).astype(np.int64))
        curve = {"x": features(keys[ranks], keys[0]), "y": ranks / len(keys)}
        labels = {"x_label": "about log2(key - smallest key + 1)", "y_label": "share of the keys below"}
        drawn = png(curves({self.table.name: curve | labels}, colours([self.table.name]), title="where the keys lie"))
        return {"keys": [Picture(np.asarray(drawn.convert("RGB")), f"{self.table.name}: {len(keys):,} keys")]}
