"""The trees of a search, one a game, in flat arrays: their nodes, and what is proven of them.

Every node knows the least and the most that its side to move can get (Cazenave and Saffidine 2010, "Score Bounded
Monte-Carlo Tree Search"): from ends of games and two plies of looking ahead (control.tactics) when it is made, later
from its children (control.search).
"""

from typing import NamedTuple

import numpy as np

from control.game import ZERO, Game, cell_of, completing_cells, free_cells, has_row, kernel
from control.tactics import can_win, sound_cells

NONE, ILLEGAL, NO_LEAF = -1, -2, -1


class Selection(NamedTuple):
    """How a search chooses moves.

    PUCT: `c_puct` weighs the prior; a child that was never visited counts as its parent's value, less `fpu_reduction`
    times the square root of the prior that was visited (0 at the root). Without `proofs` a node knows only ends of
    games. With `gumbel` the root's moves are chosen by halving the `considered` likeliest ones, their values weighed
    by `c_visit` and `c_scale` (control.root).
    """

    c_puct: float
    fpu_reduction: float
    proofs: bool
    gumbel: bool
    considered: int
    c_visit: float
    c_scale: float


def check_selection(selection: Selection) -> None:
    """That a search can be done so: a kernel would not say that it cannot.

    Raises:
        ValueError: with the setting's name, what was given and what was wanted.
    """
    for name in ("proofs", "gumbel"):
        if not isinstance(given := getattr(selection, name), bool):
            raise ValueError(f"selection.{name}: given {given!r}, wanted true or false")
    for name in ("c_puct", "fpu_reduction", "c_visit", "c_scale"):
        if not (given := getattr(selection, name)) >= 0:
            raise ValueError(f"selection.{name}: given {given}, wanted 0 or more")
    if selection.considered < 1:
        raise ValueError(f"selection.considered: given {selection.considered}, wanted 1 or more")


class Trees(NamedTuple):
    """One tree a game: arrays (games, nodes), node 0 the root; a node's values are seen by its side to move.

    `child` int32 and `prior` float32 (games, nodes, moves): a child's node, NONE before it is made, ILLEGAL for a move
    that is not considered. `visits` int32; `value` float64: the sum of results, 1 a win, -1 a loss; `draws` float64:
    the sum of the draws' shares in them. `low`, `high` int8: proven bounds of the outcome. Of each game (games,):
    `nodes` in use, the `path` of the last simulation (games, cells + 1) and its `depth`, the `leaf` that waits for the
    net, and the `budget`: simulations after the one that evaluates the root. Of the root `said` float32 (games,), the
    net's own value, and `noise` float32 (games, moves) with its `noise_share` (control.root).
    `simulations` int64 (1,) counts those of all games.
    """

    own: np.ndarray
    stones: np.ndarray
    child: np.ndarray
    prior: np.ndarray
    visits: np.ndarray
    value: np.ndarray
    draws: np.ndarray
    low: np.ndarray
    high: np.ndarray
    nodes: np.ndarray
    path: np.ndarray
    depth: np.ndarray
    leaf: np.ndarray
    budget: np.ndarray
    said: np.ndarray
    noise: np.ndarray
    noise_share: np.ndarray
    simulations: np.ndarray


def trees(game: Game, *, games: int, nodes: int) -> Trees:
    """Room for so many games of so many nodes each: one more than simulations is enough."""
    size = (games, nodes)
    return Trees(
        own=np.zeros(size, np.uint64),
        stones=np.zeros(size, np.uint64),
        child=np.full((*size, game.moves), ILLEGAL, np.int32),
        prior=np.zeros((*size, game.moves), np.float32),
        visits=np.zeros(size, np.int32),
        value=np.zeros(size, np.float64),
        draws=np.zeros(size, np.float64),
        low=np.zeros(size, np.int8),
        high=np.zeros(size, np.int8),
        nodes=np.zeros(games, np.int32),
        path=np.zeros((games, game.height * game.width + 1), np.int32),
        depth=np.zeros(games, np.int32),
        leaf=np.full(games, NO_LEAF, np.int32),
        budget=np.zeros(games, np.int32),
        said=np.zeros(games, np.float32),
        noise=np.zeros((games, game.moves), np.float32),
        noise_share=np.zeros(games, np.float32),
        simulations=np.zeros(1, np.int64),
    )


@kernel
def plant(game: Game, selection: Selection, trees: Trees, g: int, own: np.uint64, stones: np.uint64) -> None:
    """Makes the position the root of tree `g`, which forgets what it held."""
    trees.nodes[g] = 0
    trees.leaf[g] = NO_LEAF
    make_node(game, selection, trees, g, own, stones)


@kernel
def make_node(game: Game, selection: Selection, trees: Trees, g: int, own: np.uint64, stones: np.uint64) -> int:
    """Adds a node to tree `g`, with what two plies of looking ahead prove of it; its number."""
    n = trees.nodes[g]
    trees.nodes[g] += 1
    trees.own[g, n], trees.stones[g, n] = own, stones
    trees.visits[g, n], trees.value[g, n], trees.draws[g, n] = 0, 0.0, 0.0
    considered, low, high = free_cells(game, stones), -1, 1
    if has_row(game, own ^ stones):
        considered, low, high = ZERO, -1, -1
    elif considered == ZERO:
        low, high = 0, 0
    elif selection.proofs:
        if can_win(game, own, stones):
            considered, low, high = completing_cells(game, own) & considered, 1, 1
        else:
            sound = sound_cells(game, own, stones)
            if sound != ZERO:
                considered = sound
            else:
                low, high = -1, -1
                feared = completing_cells(game, own ^ stones) & considered
                considered = feared if feared != ZERO else considered  # it loses, but the other side must see why
    trees.low[g, n], trees.high[g, n] = low, high
    for move in range(game.moves):
        trees.child[g, n, move] = NONE if cell_of(game, stones, move) & considered != ZERO else ILLEGAL
        trees.prior[g, n, move] = 0.0
    return n


@kernel
def is_proven(trees: Trees, g: int, node: int) -> bool:
    """Whether the outcome is known."""
    return trees.low[g, node] == trees.high[g, node]


@kernel
def reroot(trees: Trees, g: int, child: int) -> None:
    """Makes a child of the root the root, and forgets all but what lies below it.

    Nodes stand in the order in which they were made, and keep it, so that each moves to the left of what is to come.
    """
    nodes = trees.nodes[g]
    to = np.full(nodes, NONE, np.int32)
    to[child] = 0
    kept = 0
    for n in range(child, nodes):
        if to[n] != NONE:
            to[n] = kept
            kept += 1
            for c in trees.child[g, n]:
                if c >= 0:
                    to[c] = 0
    for n in range(child, nodes):
        if to[n] != NONE:
            _move_node(trees, g, n, to)
    trees.nodes[g] = kept
    trees.leaf[g] = NO_LEAF


@kernel
def _move_node(trees: Trees, g: int, n: int, to: np.ndarray) -> None:
    k = to[n]
    trees.own[g, k], trees.stones[g, k] = trees.own[g, n], trees.stones[g, n]
    trees.visits[g, k], trees.value[g, k], trees.draws[g, k] = (
        trees.visits[g, n],
        trees.value[g, n],
        trees.draws[g, n],
    )
    trees.low[g, k], trees.high[g, k] = trees.low[g, n], trees.high[g, n]
    for move in range(trees.child.shape[2]):
        c = trees.child[g, n, move]
        trees.child[g, k, move] = to[c] if c >= 0 else c
        trees.prior[g, k, move] = trees.prior[g, n, move]
