"""Monte Carlo tree search with a net, many games in lock-step, compiled by numba; Python runs once a batch of leaves.

PUCT as in AlphaZero (Silver et al. 2018, arXiv 1712.01815, "Search"), with first-play urgency (c.f. KataGo, Wu 2019,
arXiv 1902.10565, section 3.1) and with proven bounds (Cazenave and Saffidine 2010, "Score Bounded Monte-Carlo Tree
Search"): every node knows the least and the most that its side to move can get, from ends of games, from two plies of
looking ahead (control.tactics), and from its children. A move that cannot beat what is proven gets no more simulations.

Each simulation of a game walks down to a leaf that nothing is known of. A leaf that is proven, or that the cache knows,
is backed up at once, and the game goes on; else it waits for the net. So every place in the net's batch is taken for
as long as every game has simulations left.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from control.cache import Cache, keep, look_up
from control.game import ZERO, Game, canonical, cell_of, completing_cells, free_cells, has_row, kernel, key, mirror_move
from control.tactics import can_win, sound_cells

Net = Callable[
    [np.ndarray], np.ndarray
]  # positions uint64 (N, 2) -> float32 (N, moves + 3): logits of moves and W, D, L
NONE, ILLEGAL, NO_LEAF = -1, -2, -1


class Puct(NamedTuple):
    """How a child is chosen.

    `c_puct` weighs the prior. A child that was never visited counts as its parent's value, less `fpu_reduction` times
    the square root of the prior that was visited (0 at the root). Without `proofs` a node knows only ends of games.
    """

    c_puct: float
    fpu_reduction: float
    proofs: bool


class Trees(NamedTuple):
    """One tree a game: arrays (games, nodes), node 0 the root; a node's values are seen by its side to move.

    `child` int32 and `prior` float32 (games, nodes, moves): a child's node, NONE before it is made, ILLEGAL for a move
    that is not considered. `visits` int32; `value` float64: the sum of results, 1 a win, -1 a loss; `draws` float64:
    the sum of the draws' shares in them. `low`, `high` int8: proven bounds of the outcome. Of each game (games,):
    `nodes` in use, the `path` of the last simulation (games, cells + 1) and its `depth`, the `leaf` that waits for the
    net, and for the root the `noise` float32 (games, moves) that takes `noise_share` of its priors.
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
    noise: np.ndarray
    noise_share: np.ndarray


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
        noise=np.zeros((games, game.moves), np.float32),
        noise_share=np.zeros(games, np.float32),
    )


@kernel
def plant(game: Game, puct: Puct, trees: Trees, g: int, own: np.uint64, stones: np.uint64) -> None:
    """Makes the position the root of tree `g`, which forgets what it held."""
    trees.nodes[g] = 0
    trees.leaf[g] = NO_LEAF
    _make_node(game, puct, trees, g, own, stones)


@kernel
def _make_node(game: Game, puct: Puct, trees: Trees, g: int, own: np.uint64, stones: np.uint64) -> int:
    n = trees.nodes[g]
    trees.nodes[g] += 1
    trees.own[g, n], trees.stones[g, n] = own, stones
    trees.visits[g, n], trees.value[g, n], trees.draws[g, n] = 0, 0.0, 0.0
    considered, low, high = free_cells(game, stones), -1, 1
    if has_row(game, own ^ stones):
        considered, low, high = ZERO, -1, -1
    elif considered == ZERO:
        low, high = 0, 0
    elif puct.proofs:
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
def _select(game: Game, puct: Puct, trees: Trees, g: int, node: int) -> int:
    """The move to simulate next: of those that can beat what is proven, the one with the highest PUCT bound."""
    child, prior = trees.child[g, node], trees.prior[g, node]
    visits = trees.visits[g, node]
    visited = 0.0
    for move in range(game.moves):
        if child[move] >= 0 and trees.visits[g, child[move]] > 0:
            visited += prior[move]
    reduction = 0.0 if node == 0 else puct.fpu_reduction * np.sqrt(visited)
    first_play = trees.value[g, node] / visits - reduction
    explore = puct.c_puct * np.sqrt(visits)
    best, best_bound = NONE, -np.inf
    for move in range(game.moves):
        c = child[move]
        if c == ILLEGAL or (c >= 0 and -trees.low[g, c] <= trees.low[g, node]):
            continue
        tried = trees.visits[g, c] if c >= 0 else 0
        q = -trees.value[g, c] / tried if tried > 0 else first_play
        bound = q + explore * prior[move] / (1 + tried)
        if bound > best_bound:
            best, best_bound = move, bound
    return best


@kernel
def _descend(game: Game, puct: Puct, trees: Trees, g: int) -> int:
    """Walks from the root to a node that is proven or was never evaluated, making it if need be; leaves its path."""
    node, depth = 0, 0
    trees.path[g, 0] = 0
    while not is_proven(trees, g, node) and trees.visits[g, node] > 0:
        move = _select(game, puct, trees, g, node)
        own, stones = trees.own[g, node], trees.stones[g, node]
        child = trees.child[g, node, move]
        if child == NONE:
            child = _make_node(game, puct, trees, g, own ^ stones, stones | cell_of(game, stones, move))
            trees.child[g, node, move] = child
        node, depth = child, depth + 1
        trees.path[g, depth] = node
    trees.depth[g] = depth
    return node


@kernel
def _expand(game: Game, trees: Trees, g: int, node: int, said: np.ndarray, mirror_image: bool) -> tuple[float, float]:
    """Gives a node its priors; the value and the share of draws that the net sees."""
    child, prior = trees.child[g, node], trees.prior[g, node]
    most, total = -np.inf, 0.0
    for move in range(game.moves):
        if child[move] != ILLEGAL:
            prior[move] = said[mirror_move(game, move) if mirror_image else move]
            most = max(most, prior[move])
    for move in range(game.moves):
        if child[move] != ILLEGAL:
            prior[move] = np.exp(prior[move] - most)
            total += prior[move]
    for move in range(game.moves):
        prior[move] = prior[move] / total if child[move] != ILLEGAL else 0.0
    if node == 0 and trees.noise_share[g] > 0:
        _add_noise(trees, g)
    outcome = said[game.moves :]
    top = max(outcome[0], outcome[1], outcome[2])
    win, draw, loss = np.exp(outcome[0] - top), np.exp(outcome[1] - top), np.exp(outcome[2] - top)
    return (win - loss) / (win + draw + loss), draw / (win + draw + loss)


@kernel
def _add_noise(trees: Trees, g: int) -> None:
    """Mixes the game's noise into the root's priors (Silver et al. 2018: so that every move is tried sometimes)."""
    considered = trees.child[g, 0] != ILLEGAL
    noise, share = np.where(considered, trees.noise[g], np.float32(0)), trees.noise_share[g]
    trees.prior[g, 0] = (1 - share) * trees.prior[g, 0] + share * noise / noise.sum()


@kernel
def _back_up(game: Game, puct: Puct, trees: Trees, g: int, value: float, draw: float) -> None:
    """Adds a simulation's result to every node of its path, the leaf first, tightening what is proven on the way."""
    changed = puct.proofs
    for depth in range(trees.depth[g], -1, -1):
        node = trees.path[g, depth]
        if changed and depth < trees.depth[g]:
            changed = _tighten(game, trees, g, node)
        low, high = trees.low[g, node], trees.high[g, node]
        value = min(max(value, float(low)), float(high))
        if low == high:
            draw = 1.0 if low == 0 else 0.0
        trees.visits[g, node] += 1
        trees.value[g, node] += value
        trees.draws[g, node] += draw
        value = -value


@kernel
def _tighten(game: Game, trees: Trees, g: int, node: int) -> bool:
    """Takes the children's bounds over into the node's; whether that changed them."""
    low, high = -1, -1
    for move in range(game.moves):
        c = trees.child[g, node, move]
        if c == NONE:
            high = 1
        elif c != ILLEGAL:
            low, high = max(low, -trees.high[g, c]), max(high, -trees.low[g, c])
    changed = low > trees.low[g, node] or high < trees.high[g, node]
    trees.low[g, node] = max(low, trees.low[g, node])
    trees.high[g, node] = min(high, trees.high[g, node])
    return changed


@kernel
def step(game: Game, puct: Puct, trees: Trees, cache: Cache, simulations: np.ndarray, ask: np.ndarray) -> int:
    """Goes on with every game until it waits for the net, has had its simulations, or its root is proven.

    Args:
        simulations: int (games,): after the one that evaluates the root.
        ask: uint64 (games, 2), filled with the positions that the net is to be asked about, as the cache knows them.

    Returns:
        How many they are; 0 when all games are done.
    """
    asked = 0
    for g in range(len(trees.nodes)):
        while trees.visits[g, 0] <= simulations[g] and not is_proven(trees, g, 0):
            leaf = _descend(game, puct, trees, g)
            if is_proven(trees, g, leaf):
                _back_up(game, puct, trees, g, float(trees.low[g, leaf]), 0.0)
                continue
            own, stones = trees.own[g, leaf], trees.stones[g, leaf]
            one, both, flip = canonical(game, own, stones)
            row = look_up(cache, key(game, one, both))
            if row >= 0:
                value, draw = _expand(game, trees, g, leaf, cache.said[row], flip)
                _back_up(game, puct, trees, g, value, draw)
                continue
            trees.leaf[g] = leaf
            ask[asked, 0], ask[asked, 1] = one, both
            asked += 1
            break
    return asked


@kernel
def absorb(game: Game, puct: Puct, trees: Trees, cache: Cache, said: np.ndarray) -> None:
    """Takes what the net said, float32 (asked, moves + 3), to the leaves that wait for it, and into the cache."""
    row = 0
    for g in range(len(trees.nodes)):
        leaf = trees.leaf[g]
        if leaf != NO_LEAF:
            one, both, flip = canonical(game, trees.own[g, leaf], trees.stones[g, leaf])
            keep(cache, key(game, one, both), said[row])
            value, draw = _expand(game, trees, g, leaf, said[row], flip)
            _back_up(game, puct, trees, g, value, draw)
            trees.leaf[g] = NO_LEAF
            row += 1


def search(game: Game, puct: Puct, net: Net, cache: Cache, positions: np.ndarray, simulations: int) -> Trees:
    """Searches all positions in play, uint64 (N, 2), side by side.

    Raises:
        ValueError: the net says something that is no number, or not as much as it is asked.
    """
    grown = trees(game, games=len(positions), nodes=simulations + 1)
    for g, (own, stones) in enumerate(positions):
        plant(game, puct, grown, g, own, stones)
    ask, wanted = np.zeros((len(positions), 2), np.uint64), np.full(len(positions), simulations)
    while asked := step(game, puct, grown, cache, wanted, ask):
        absorb(game, puct, grown, cache, check_said(game, net(ask[:asked]), asked))
    return grown


def check_said(game: Game, said: np.ndarray, asked: int) -> np.ndarray:
    """What the net said, if kernels can take it.

    Raises:
        ValueError: they cannot.
    """
    if said.shape != (asked, game.moves + 3) or not np.isfinite(said).all():
        given = f"an array {said.shape}" if said.shape != (asked, game.moves + 3) else "numbers that are not finite"
        raise ValueError(f"net: given {given}, wanted finite logits ({asked}, {game.moves + 3}) of moves and outcomes")
    return said


@kernel
def best_moves(game: Game, trees: Trees) -> np.ndarray:
    """float64 (games, 2): the move to play at each root, and the value that the search sees."""
    answers = np.empty((len(trees.nodes), 2))
    for g in range(len(trees.nodes)):
        answers[g, 0] = _best_move(game, trees, g)
        mean = trees.value[g, 0] / max(1, trees.visits[g, 0])
        answers[g, 1] = min(max(mean, float(trees.low[g, 0])), float(trees.high[g, 0]))
    return answers


@kernel
def _best_move(game: Game, trees: Trees, g: int) -> int:
    """The most visited move, the likelier of two; or one that is proven to give more than it promises."""
    low, open_moves = trees.low[g, 0], not is_proven(trees, g, 0)
    best, most, likeliest, promise = NONE, -1, -1.0, -np.inf
    sure, surest = NONE, -1
    for move in range(game.moves):
        c = trees.child[g, 0, move]
        if c == ILLEGAL:
            continue
        visits, prior = trees.visits[g, c] if c >= 0 else 0, trees.prior[g, 0, move]
        if c >= 0 and -trees.high[g, c] == low and visits > surest:
            sure, surest = move, visits
        beats = c < 0 or -trees.low[g, c] > low
        if (beats or not open_moves) and (visits > most or (visits == most and prior > likeliest)):
            best, most, likeliest = move, visits, prior
            promise = -trees.value[g, c] / visits if visits > 0 else -1.0
    return sure if sure != NONE and (low > promise or not open_moves) else best


@kernel
def visit_counts(game: Game, trees: Trees) -> np.ndarray:
    """int32 (games, moves): how often each move of a root was simulated."""
    counts = np.zeros((len(trees.nodes), game.moves), np.int32)
    for g in range(len(trees.nodes)):
        for move in range(game.moves):
            child = trees.child[g, 0, move]
            if child >= 0:
                counts[g, move] = trees.visits[g, child]
    return counts
