"""Games of a net against itself, many in lock-step, and what is worth learning from them; compiled by numba.

AlphaZero's self-play (Silver et al. 2018, arXiv 1712.01815) with playout cap randomisation (Wu 2019, "Accelerating
Self-Play Learning in Go", arXiv 1902.10565, section 3.1): a share of the moves is searched in full, with noise, and
recorded; the others are searched fast, to get on. Some games begin with random moves. A root that is proven is recorded
with what is proven, and most games end there.
"""

from typing import NamedTuple

import numpy as np

from control import root
from control.cache import cache
from control.game import ZERO, Game, canonical, cell_of, count, has_row, is_over, kernel, key, play
from control.records import Records, Table, records
from control.search import Net, absorb, check_said, is_done, step
from control.tree import Selection, Trees, is_proven, plant, reroot, trees


class Habits(NamedTuple):
    """How self-play is done.

    Of the moves `full_share` get `full_simulations` and noise, the others `fast_simulations`. Of the games
    `opening_share` begin with 1 to `opening_plies` random moves. Up to `early_stones` stones moves are drawn by their
    visits, then by their visits to the power of 1 / `late_temperature`. When a root is proven `play_on` of the games go
    on all the same. With `reuse_trees` what a search found below the move that is played counts for the next search.
    """

    full_share: float
    full_simulations: int
    fast_simulations: int
    dirichlet_alpha: float
    noise_share: float
    opening_share: float
    opening_plies: int
    early_stones: int
    late_temperature: float
    play_on: float
    reuse_trees: bool


def check_habits(habits: Habits, selection: Selection) -> None:
    """That games can be played so: a kernel would not say that they cannot.

    Raises:
        ValueError: with the habit's name, what was given and what was wanted.
    """
    if not 1 <= habits.fast_simulations <= habits.full_simulations:
        raise ValueError(
            f"habits.fast_simulations: given {habits.fast_simulations}, "
            f"wanted 1 to the {habits.full_simulations} of full_simulations"
        )
    for name in ("full_share", "noise_share", "opening_share", "play_on"):
        if not 0 <= (share := getattr(habits, name)) <= 1:
            raise ValueError(f"habits.{name}: given {share}, wanted 0 to 1")
    for name in ("dirichlet_alpha", "late_temperature"):
        if (value := getattr(habits, name)) <= 0:
            raise ValueError(f"habits.{name}: given {value}, wanted more than 0")
    if habits.opening_plies < 1:
        raise ValueError(f"habits.opening_plies: given {habits.opening_plies}, wanted 1 or more")
    if habits.reuse_trees and selection.gumbel:
        raise ValueError("habits.reuse_trees: given true with selection.gumbel, whose visits are counted from none")


class Tally(NamedTuple):
    """int64 (1,) each: how much was played."""

    records: np.ndarray
    games: np.ndarray
    moves: np.ndarray


class Play(NamedTuple):
    """All that self-play works with: `out` is filled; no game begins with a position whose key is in `barred`.

    `barred` uint64 (N,) is sorted.
    """

    game: Game
    habits: Habits
    selection: Selection
    trees: Trees
    table: Table
    barred: np.ndarray
    out: Records
    tally: Tally


@kernel
def _begin(p: Play, g: int, rng: np.random.Generator) -> None:
    """A new game on board `g`."""
    game, habits = p.game, p.habits
    while True:
        own, stones = ZERO, ZERO
        plies = rng.integers(1, habits.opening_plies + 1) if rng.random() < habits.opening_share else 0
        for _ in range(plies):
            own, stones = play(game, own, stones, _random_move(game, stones, rng))
            if is_over(game, own, stones):
                break
        one, both, _ = canonical(game, own, stones)
        name = key(game, one, both)
        at = np.searchsorted(p.barred, name)
        if not is_over(game, own, stones) and (at == len(p.barred) or p.barred[at] != name):
            break
    p.table.positions[g, 0], p.table.positions[g, 1] = own, stones
    p.table.plays_on[g] = rng.random() < habits.play_on
    p.table.held[g] = 0
    _search_anew(p, g)


@kernel
def _random_move(game: Game, stones: np.uint64, rng: np.random.Generator) -> int:
    while True:
        move = int(rng.integers(0, game.moves))
        if cell_of(game, stones, move) != ZERO:
            return move


@kernel
def _search_anew(p: Play, g: int) -> None:
    plant(p.game, p.selection, p.trees, g, p.table.positions[g, 0], p.table.positions[g, 1])


@kernel
def _think(p: Play, g: int, rng: np.random.Generator) -> None:
    """Says how long game `g`'s position is searched, and with how much noise."""
    full = rng.random() < p.habits.full_share
    p.trees.budget[g] = p.habits.full_simulations if full else p.habits.fast_simulations
    p.trees.noise_share[g] = 0.0
    if full or p.selection.gumbel:
        root.draw_noise(p.selection, p.trees, g, p.habits.noise_share, p.habits.dirichlet_alpha, rng)
    if p.trees.visits[g, 0] > 0:
        root.mix_noise(p.selection, p.trees, g)


@kernel
def _record(trees: Trees, table: Table, g: int, policy: np.ndarray) -> None:
    """Keeps what the search of game `g`'s position found."""
    at = table.held[g]
    table.held[g] += 1
    table.record_positions[g, at] = table.positions[g]
    low, searched = trees.low[g, 0], table.record_searched[g, at]
    if is_proven(trees, g, 0):
        searched[:] = 0
        searched[1 - low] = 1
        table.record_policy[g, at] = policy if low > -1 else np.zeros_like(policy)
        return
    table.record_policy[g, at] = policy
    value, draw = trees.value[g, 0] / trees.visits[g, 0], trees.draws[g, 0] / trees.visits[g, 0]
    searched[0], searched[1], searched[2] = (1 - draw + value) / 2, draw, (1 - draw - value) / 2


@kernel
def _end(p: Play, g: int, outcome: int) -> None:
    """Hands over the records of game `g`, whose outcome is seen by the side that is to move in its position."""
    table, out = p.table, p.out
    parity = count(table.positions[g, 1]) % 2
    n = p.tally.records[0]
    for i in range(table.held[g]):
        out.positions[n] = table.record_positions[g, i]
        out.policy[n] = table.record_policy[g, i]
        out.searched[n] = table.record_searched[g, i]
        out.outcome[n] = outcome if count(out.positions[n, 1]) % 2 == parity else -outcome
        n += 1
    p.tally.records[0] = n
    p.tally.games[0] += 1


@kernel
def _draw(weights: np.ndarray, power: float, rng: np.random.Generator) -> int:
    """An index, as likely as its weight to that power."""
    sharp = (weights / weights.max()) ** power
    at = rng.random() * sharp.sum()
    last = 0
    for i in range(len(sharp)):
        if sharp[i] > 0:
            last = i
            at -= sharp[i]
            if at < 0:
                break
    return last


@kernel
def _choose(p: Play, g: int, policy: np.ndarray, rng: np.random.Generator) -> int:
    """The move that is played: Gumbel's noise has drawn it already, under PUCT it is drawn now."""
    if p.selection.gumbel:
        return root.best_move(p.game, p.selection, p.trees, g)
    early = count(p.table.positions[g, 1]) < p.habits.early_stones
    return _draw(policy, 1.0 if early else 1 / p.habits.late_temperature, rng)


@kernel
def _play(p: Play, g: int, move: int, rng: np.random.Generator) -> None:
    """Plays a move; where that ends the game another begins."""
    own, stones = p.table.positions[g]
    own, stones = play(p.game, own, stones, move)
    p.table.positions[g, 0], p.table.positions[g, 1] = own, stones
    if is_over(p.game, own, stones):
        _end(p, g, -1 if has_row(p.game, own ^ stones) else 0)
        _begin(p, g, rng)
        return
    child = p.trees.child[g, 0, move]
    if p.habits.reuse_trees and child >= 0:
        reroot(p.trees, g, child)
    else:
        _search_anew(p, g)


@kernel
def move_on(p: Play, rng: np.random.Generator) -> None:
    """Moves in every game that was searched enough, and begins new ones where games are over.

    As long as there is room for one more game's records: openings that are proven at once would go on for ever.
    """
    room = len(p.out.outcome) - p.game.height * p.game.width
    for g in range(len(p.table.held)):
        while is_done(p.trees, g) and p.tally.records[0] <= room:
            proven = is_proven(p.trees, g, 0)
            policy = root.policy(p.game, p.selection, p.trees, g)
            p.tally.moves[0] += 1
            if proven or p.trees.budget[g] == p.habits.full_simulations:
                _record(p.trees, p.table, g, policy)
            if proven and not p.table.plays_on[g]:
                _end(p, g, p.trees.low[g, 0])
                _begin(p, g, rng)
            else:
                _play(p, g, _choose(p, g, policy, rng), rng)
            _think(p, g, rng)


@kernel
def sit_down(p: Play, rng: np.random.Generator) -> None:
    """Searches every game's position anew; where none is in play a game begins."""
    for g in range(len(p.table.held)):
        if p.table.positions[g, 1] == p.game.board:
            _begin(p, g, rng)
        _search_anew(p, g)
        _think(p, g, rng)


class Played(NamedTuple):
    """What `self_play` comes back with: the table to go on from, and counts."""

    records: Records
    table: Table
    games: int
    moves: int
    simulations: int
    evaluations: int
    looked_up: int
    found: int


def self_play(
    game: Game,
    habits: Habits,
    selection: Selection,
    net: Net,
    at: Table,
    *,
    wanted: int,
    barred: np.ndarray,
    cache_bits: int,
    rng: np.random.Generator,
) -> Played:
    """Plays on from `at`, which it leaves as it is, until games that are over gave `wanted` records or a few more.

    Args:
        barred: uint64 (N,), sorted: canonical keys of positions that no game may begin with.
        cache_bits: 2 to the power of it answers of the net are remembered.
    """
    games = len(at.positions)
    p = Play(
        game=game,
        habits=habits,
        selection=selection,
        trees=trees(game, games=games, nodes=habits.full_simulations + 1),
        table=Table(*(array.copy() for array in at)),
        barred=barred,
        out=records(game, wanted + games * game.height * game.width),
        tally=Tally(*(np.zeros(1, np.int64) for _ in Tally._fields)),
    )
    known, ask, evaluations = cache(game, bits=cache_bits), np.zeros((games, 2), np.uint64), 0
    sit_down(p, rng)
    while p.tally.records[0] < wanted:
        asked = step(game, selection, p.trees, known, ask)
        if asked:
            absorb(game, selection, p.trees, known, check_said(game, net(ask[:asked]), asked))
            evaluations += asked
        move_on(p, rng)
    n = int(p.tally.records[0])
    return Played(
        records=Records(*(array[:n].copy() for array in p.out)),
        table=p.table,
        games=int(p.tally.games[0]),
        moves=int(p.tally.moves[0]),
        simulations=int(p.trees.simulations[0]),
        evaluations=evaluations,
        looked_up=int(known.asked[0]),
        found=int(known.found[0]),
    )
