"""What a user would pick instead, and what the net's speed allows at best: `python -m scripts.bench domain=control`.

Only the bench comes here, by name, from configs/domain/control.yaml. What a net has learned hardly changes its speed,
so every net is untrained, and a tower of the same size. The peers (control.peers_jax) are packages of the extra
`bench`. Each runs in a process of its own, so that thread pools do not meet, and its clock starts when all is imported
and compiled. JAX takes every core it finds: what is compared is a process's CPU time, user and system, not the time on
the wall.
"""

import multiprocessing
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from common.domain import Domain
from common.program import Figure
from control.data import SelfPlay
from control.game import CONNECT_FOUR
from control.inference import inference
from control.net import Tower
from control.peers_jax import open_spiel, pgx_mctx
from control.records import Table, table
from control.search import Net
from control.selfplay import Habits, Played, self_play
from control.workers import run_all

OURS, HEAD_CHANNELS = "tower", 32
NO_CACHE = 1  # bit: two entries are as good as none
Stream = tuple[Played, float]  # and the seconds that it took


def share_of_net_speed(
    domain: Domain, trainer: object, *, blocks: int, channels: int, rounds: int, records: int, seconds: float
) -> list[Figure]:
    """Evaluations a second of a tower inside self-play, as a share of what it answers when it is only asked.

    Both on a thread a stream with the same batch, and in turns, `rounds` of each, so that a drift of the machine meets
    both: for `seconds` one batch after the other, and self-play as in training, with the domain's habits and a cache
    that is empty at first, for `records`. What the cache knows is no evaluation. A stream's pace ends with its own
    last record; the others go on for a little longer.
    """
    data = _data(domain)
    ask = inference(data.rules, _tower(blocks, channels))
    played, alone, paces = _warm(data, ask, data.habits), [], []
    for turn in range(rounds):
        at = [p.table for p, _ in played]
        alone.append(answers_per_s(ask, at[0].positions, streams=data.streams, seconds=seconds))
        played = play(data, ask, data.habits, at, records=records, cache_bits=data.cache_bits, turn=turn)
        paces.append([sum(getattr(p, n) / s for p, s in played) for n in ("evaluations", "simulations")])
    (evaluations, simulations), most = np.mean(paces, axis=0).tolist(), float(np.mean(alone))
    ours = partial(Figure, program=OURS, kind="learned")
    return [
        ours("share_of_net_speed", evaluations / most),
        ours("evaluations_per_s", evaluations, unit="1/s"),
        ours("simulations_per_s", simulations, unit="1/s"),
        ours("cache_hit_rate", sum(p.found for p, _ in played) / sum(p.looked_up for p, _ in played)),
        Figure("evaluations_per_s", most, unit="1/s", program="net_alone", kind="ceiling"),
    ]


def simulations_per_cpu_s(
    domain: Domain,
    trainer: object,
    *,
    blocks: int,
    channels: int,
    simulations: int,
    records: int,
    moves: int,
    seconds: float,
) -> list[Figure]:
    """Simulations a CPU-second of self-play: ours without and with its cache, pgx with mctx, and OpenSpiel.

    All search every move with noise and `simulations`, and one more that evaluates the root. Ours has the domain's
    habits otherwise, but begins every game with the empty board and ends none early; it plays for `records`, both times
    from the same boards, in bf16 where that is fast. Its proofs end searches early (what is not simulated is not
    counted), and a simulation that meets one needs no evaluation. pgx plays as many games side by side, for `moves`
    of each; OpenSpiel one game after the other for `seconds`.
    """
    data, net = _data(domain), _tower(blocks, channels)
    weights = {name: value.numpy() for name, value in net.state_dict().items()}
    same = {"simulations": simulations, "seed": data.seed}
    peers = {
        "pgx_mctx": in_child(pgx_mctx, weights, games=data.games, moves=moves, **same),
        "open_spiel": in_child(open_spiel, blocks=blocks, channels=channels, seconds=seconds, **same),
    }
    habits = data.habits._replace(full_share=1.0, full_simulations=simulations, opening_share=0.0, play_on=1.0)
    ask = inference(data.rules, net)
    at = [p.table for p, _ in _warm(data, ask, habits)]
    start, paces = time.process_time(), []
    for bits in (NO_CACHE, data.cache_bits):
        played = play(data, ask, habits, at, records=records, cache_bits=bits, turn=0)
        start, before = time.process_time(), start
        paces.append(sum(p.simulations for p, _ in played) / (start - before))
    ours = partial(Figure, program=OURS, kind="learned")
    return [
        ours("simulations_per_cpu_s", paces[1], unit="1/s"),
        ours("simulations_per_cpu_s_without_cache", paces[0], unit="1/s"),
        *(Figure("simulations_per_cpu_s", pace, unit="1/s", program=p, kind="peer") for p, pace in peers.items()),
        ours("times_as_fast_without_cache/pgx_mctx", paces[0] / peers["pgx_mctx"]),
        *(ours(f"times_as_fast/{name}", paces[1] / pace) for name, pace in peers.items()),
    ]


def _data(domain: Domain) -> SelfPlay:
    data: Any = domain.data
    if data.rules != CONNECT_FOUR:
        raise ValueError(f"rules: given {data.rules}, wanted {CONNECT_FOUR}, which the peers play")
    return data


def _tower(blocks: int, channels: int) -> Tower:
    return Tower(rules=CONNECT_FOUR, channels=channels, blocks=blocks, head_channels=HEAD_CHANNELS)


def _warm(data: SelfPlay, ask: Net, habits: Habits) -> list[Stream]:
    """Until a game is over: all is compiled, and the games have drifted apart."""
    at = [table(data.rules.game, data.games) for _ in range(data.streams)]
    return play(data, ask, habits, at, records=1, cache_bits=data.cache_bits, turn=-1)


def play(
    data: SelfPlay, ask: Net, habits: Habits, at: list[Table], *, records: int, cache_bits: int, turn: int
) -> list[Stream]:
    """Self-play of all streams, a thread each, as control.data does it."""

    def stream(number: int) -> Stream:
        start = time.perf_counter()
        played = self_play(
            data.rules.game,
            habits,
            data.selection,
            ask,
            at[number],
            wanted=-(-records // data.streams),
            barred=np.zeros(0, np.uint64),
            cache_bits=cache_bits,
            rng=np.random.default_rng((data.seed, turn + 1, number)),
        )
        return played, time.perf_counter() - start

    return run_all("threads", [partial(stream, number) for number in range(data.streams)])


def answers_per_s(ask: Net, positions: np.ndarray, *, streams: int, seconds: float) -> float:
    """Of so many threads that ask the net about the same positions again and again."""

    def stream() -> float:
        start, answers, took = time.perf_counter(), 0, 0.0
        while took < seconds:
            answers += len(ask(positions))
            took = time.perf_counter() - start
        return answers / took

    return sum(run_all("threads", [stream] * streams))


def in_child(measure: Callable[..., Any], *args: Any, **settings: Any) -> Any:
    """What `measure` returns in a fresh process.

    Raises:
        ValueError: it misses a package, or the package is not what it was written for.
    """
    fresh = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, fresh, initializer=warnings.simplefilter, initargs=("ignore",)) as child:
            return child.submit(measure, *args, **settings).result()
    except (ImportError, AttributeError, TypeError) as error:
        wanted = "the packages of pip install -e '.[bench]'"
        raise ValueError(f"bench: given no {measure.__name__} that works ({error}), wanted {wanted}") from error
