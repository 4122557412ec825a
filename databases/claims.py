"""The databases domain's part in measuring the essay's claims: queries and keys that are chosen against the model."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from common.domain import Domain
from common.evidence import Inputs, Subject
from common.program import Figure, Plot
from databases.evaluate import Referee
from databases.kernel import settled
from databases.lookup import Index, Lookup, ranks
from databases.model_index import ModelIndex

KEYS = 4096


def asked(domain: Domain) -> Inputs:
    """Keys, as the root gets them."""
    data: Any = domain.data
    return {"": {"x": data.batch(np.random.default_rng(0), KEYS)[0].numpy()}}


def adversarial(subject: Subject, *, times: int, share: float, each: int) -> list[Figure | Plot]:
    """What a lookup takes, of all programs, where the learned one's guesses are worst; no answer gets wrong by that.

    Attacked are the queries, chosen among many for how far off the learned index guesses their rank, and the table,
    into which keys are put that leave its leaves no good lines (`poisoned`). The queries are the same for all programs,
    and so is the table, over which each is built anew; the learned index keeps its root. Of indexes that guess also
    the share of queries that the first look leaves open. (Where the learned program bisects, nothing is far off.)

    Args:
        times: as many bulk calls of the referee's size are searched for the queries of the worst one.
        share: of new keys, in times the old ones.
        each: of these in an attacked leaf.
    """
    referee: Any = subject.domain.evaluator
    learned: Any = subject.programs[subject.learned]
    keys = learned.table.keys
    usual, worst = chosen(referee, learned, times=times)
    spoilt = poisoned(learned.index, keys, share=share, each=each)
    found: list[Figure | Plot] = []
    for name, program in subject.programs.items():
        index: Index = program.index  # type: ignore[attr-defined]
        over = index.over(spoilt)
        ns = {
            "": referee.ns(program, usual),
            "/attacked": referee.ns(program, worst),
            "/poisoned": referee.ns(partial(ranks, over, spoilt), usual),
        }
        figures = under_attack(ns)
        asked_of = {"": (index, keys, usual), "/attacked": (index, keys, worst), "/poisoned": (over, spoilt, usual)}
        figures += [Figure(f"left_open{how}", left_open(*a)) for how, a in asked_of.items() if guesses(a[0])]
        found += subject.of(name, figures)
    return found


def under_attack(ns: Mapping[str, float]) -> list[Figure]:
    """Nanoseconds a lookup, without an attack and by attack; what share of its speed the worst leaves, and poison."""
    return [
        *(Figure(f"lookup_ns{how}", value) for how, value in ns.items()),
        Figure("kept_under_attack", min(ns[""] / ns[how] for how in ns if how)),
        Figure("kept_when_poisoned", ns[""] / ns["/poisoned"]),
    ]


def guesses(index: Index) -> bool:
    """Whether it is a model, whose guess may be wrong."""
    return isinstance(index, ModelIndex)


def left_open(index: Any, keys: np.ndarray, queries: np.ndarray) -> float:
    """The share of queries whose answer is not where a model's first look looks."""
    asked = queries.ravel()
    return index.lower_bound(keys, asked, np.empty(len(asked), np.int64))[0] / len(asked)


def chosen(referee: Referee, program: Lookup, *, times: int) -> tuple[np.ndarray, np.ndarray]:
    """Queries of one bulk call, uint64 (1, limit), half of them of the table; and the worst of `times` as many."""
    half = -(-referee.limit // 2)
    many = np.stack([referee.present(times * half).reshape(times, half), referee.absent((times, half))], 1)
    many = many.reshape(times, -1)[:, : referee.limit]
    worst, off = many[0], far_off(program, many[0])
    for some in many[1:]:
        worst, off = np.concatenate([worst, some]), np.concatenate([off, far_off(program, some)])
        order = np.argsort(-off, kind="stable")[: referee.limit]
        worst, off = worst[order], off[order]
    rng = np.random.default_rng(0)
    return rng.permutation(many[0])[None], rng.permutation(worst)[None]


def far_off(program: Lookup, queries: np.ndarray) -> np.ndarray:
    """By how many ranks a model's guess misses, int64 (m,); 0 of an index that does not guess."""
    index = program.index
    return index.off(queries, program(queries)) if isinstance(index, ModelIndex) else np.zeros(len(queries), np.int64)


def poisoned(index: Index, keys: np.ndarray, *, share: float, each: int) -> np.ndarray:
    """The keys and `share` times as many new ones, where there is room: `each` at the beginning of a leaf.

    A leaf is a straight line from its first rank to the next leaf's. A heap of keys at its beginning lifts all behind
    it, and it gets no line of its own; the fullest leaves come first. (After Kornaropoulos et al. 2022, arXiv
    2008.00297, who find the new keys greedily, for lines of least squares.)
    """
    if not isinstance(index, ModelIndex):
        return keys
    first, end = index.ranks[:-1].astype(np.int64), index.ranks[1:].astype(np.int64)
    new: list[np.ndarray] = []
    room = round(share * len(keys))
    for leaf in np.argsort(first - end, kind="stable")[: np.count_nonzero(end - first > 1)]:
        new.append(free(keys[first[leaf] : end[leaf]], min(each, room)))
        room -= len(new[-1])
        if not room:
            break
    return settled(np.sort(np.concatenate([keys, *new])))


def free(keys: np.ndarray, n: int) -> np.ndarray:
    """The first `n` numbers between these keys, which are none of them; fewer if there are not so many."""
    between = np.arange(min(int(keys[-1] - keys[0]), n + len(keys)), dtype=np.uint64) + keys[0]
    return between[~np.isin(between, keys)][:n]
