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

import numpy as np

from control import root
from control.cache import Cache, keep, look_up
from control.game import Game, canonical, cell_of, kernel, key, mirror_move
from control.tree import ILLEGAL, NO_LEAF, NONE, Selection, Trees, is_proven, make_node, plant, trees

Net = Callable[
    [np.ndarray], np.ndarray
]  # positions uint64 (N, 2) -> float32 (N, moves + 3): logits of moves and W, D, L


@kernel
def _select(game: Game, selection: Selection, trees: Trees, g: int, node: int) -> int:
    """The move to simulate next: of those that can beat what is proven, the one with the highest PUCT bound."""
    visits, low = trees.visits[g, node], trees.low[g, node]
    visited = 0.0
    for move in range(game.moves):
        c = trees.child[g, node, move]
        if c >= 0 and trees.visits[g, c] > 0:
            visited += trees.prior[g, node, move]
    reduction = 0.0 if node == 0 else selection.fpu_reduction * np.sqrt(visited)
    first_play = trees.value[g, node] / visits - reduction
    explore = selection.c_puct * np.sqrt(visits)
    best, best_bound = NONE, -np.inf
    for move in range(game.moves):
        c = trees.child[g, node, move]
        if c == ILLEGAL or (c >= 0 and -trees.low[g, c] <= low):
            continue
        tried = trees.visits[g, c] if c >= 0 else 0
        q = -trees.value[g, c] / tried if tried > 0 else first_play
        bound = q + explore * trees.prior[g, node, move] / (1 + tried)
        if bound > best_bound:
            best, best_bound = move, bound
    return best


@kernel
def _descend(game: Game, selection: Selection, trees: Trees, g: int) -> int:
    """Walks from the root to a node that is proven or was never evaluated, making it if need be; leaves its path."""
    node, depth = 0, 0
    trees.path[g, 0] = 0
    while not is_proven(trees, g, node) and trees.visits[g, node] > 0:
        if node == 0 and selection.gumbel:
            move = root.select(game, selection, trees, g)
        else:
            move = _select(game, selection, trees, g, node)
        own, stones = trees.own[g, node], trees.stones[g, node]
        child = trees.child[g, node, move]
        if child == NONE:
            child = make_node(game, selection, trees, g, own ^ stones, stones | cell_of(game, stones, move))
            trees.child[g, node, move] = child
        node, depth = child, depth + 1
        trees.path[g, depth] = node
    trees.depth[g] = depth
    return node


@kernel
def _expand(
    game: Game, selection: Selection, trees: Trees, g: int, node: int, said: np.ndarray, mirror_image: bool
) -> tuple[float, float]:
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
    outcome = said[game.moves :]
    top = max(outcome[0], outcome[1], outcome[2])
    win, draw, loss = np.exp(outcome[0] - top), np.exp(outcome[1] - top), np.exp(outcome[2] - top)
    value = (win - loss) / (win + draw + loss)
    if node == 0:
        trees.said[g] = value
        root.mix_noise(selection, trees, g)
    return value, draw / (win + draw + loss)


@kernel
def _back_up(game: Game, selection: Selection, trees: Trees, g: int, value: float, draw: float) -> None:
    """Adds a simulation's result to every node of its path, the leaf first, tightening what is proven on the way."""
    changed = selection.proofs
    trees.simulations[0] += 1
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
def is_done(trees: Trees, g: int) -> bool:
    """Whether a search has had its simulations, or proved its root."""
    return trees.visits[g, 0] > trees.budget[g] or is_proven(trees, g, 0)


@kernel
def step(game: Game, selection: Selection, trees: Trees, cache: Cache, ask: np.ndarray) -> int:
    """Goes on with every game until it waits for the net, has had its simulations, or its root is proven.

    Args:
        ask: uint64 (games, 2), filled with the positions that the net is to be asked about, as the cache knows them.

    Returns:
        How many they are; 0 when all games are done.
    """
    asked = 0
    for g in range(len(trees.nodes)):
        while not is_done(trees, g):
            leaf = _descend(game, selection, trees, g)
            if is_proven(trees, g, leaf):
                _back_up(game, selection, trees, g, float(trees.low[g, leaf]), 0.0)
                continue
            own, stones = trees.own[g, leaf], trees.stones[g, leaf]
            one, both, flip = canonical(game, own, stones)
            row = look_up(cache, key(game, one, both))
            if row >= 0:
                value, draw = _expand(game, selection, trees, g, leaf, cache.said[row], flip)
                _back_up(game, selection, trees, g, value, draw)
                continue
            trees.leaf[g] = leaf
            ask[asked, 0], ask[asked, 1] = one, both
            asked += 1
            break
    return asked


@kernel
def absorb(game: Game, selection: Selection, trees: Trees, cache: Cache, said: np.ndarray) -> None:
    """Takes what the net said, float32 (asked, moves + 3), to the leaves that wait for it, and into the cache."""
    row = 0
    for g in range(len(trees.nodes)):
        leaf = trees.leaf[g]
        if leaf != NO_LEAF:
            one, both, flip = canonical(game, trees.own[g, leaf], trees.stones[g, leaf])
            keep(cache, key(game, one, both), said[row])
            value, draw = _expand(game, selection, trees, g, leaf, said[row], flip)
            _back_up(game, selection, trees, g, value, draw)
            trees.leaf[g] = NO_LEAF
            row += 1


@kernel
def plant_all(game: Game, selection: Selection, trees: Trees, positions: np.ndarray, simulations: int) -> None:
    """Makes positions, uint64 (games, 2), the roots of all trees."""
    for g in range(len(positions)):
        plant(game, selection, trees, g, positions[g, 0], positions[g, 1])
        trees.budget[g] = simulations


def search(game: Game, selection: Selection, net: Net, cache: Cache, positions: np.ndarray, simulations: int) -> Trees:
    """Searches all positions in play, uint64 (N, 2), side by side.

    Raises:
        ValueError: the net says something that is no number, or not as much as it is asked.
    """
    grown = trees(game, games=len(positions), nodes=simulations + 1)
    plant_all(game, selection, grown, positions, simulations)
    ask = np.zeros((len(positions), 2), np.uint64)
    while asked := step(game, selection, grown, cache, ask):
        absorb(game, selection, grown, cache, check_said(game, net(ask[:asked]), asked))
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
