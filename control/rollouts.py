"""Monte Carlo tree search that knows nothing: its leaves are judged by playing them to the end at random.

UCT (Kocsis and Szepesvari 2006, "Bandit based Monte-Carlo Planning"), one new node and one random game a simulation,
compiled by numba. The random numbers come from the position alone, so that the same one gets the same answer in any
batch.
"""

from typing import NamedTuple

import numpy as np

from control.game import GOLDEN, ONE, ZERO, Game, cell_of, count, free_cells, has_row, kernel, key, move_of

NONE = -1


class Tree(NamedTuple):
    """Of one search, room for `simulations + 1` nodes, the root first.

    `child` int32 (nodes, moves), NONE where there is none yet. `visits` int32 (nodes,). `value` float64 (nodes,): the
    sum of results, seen from the side that moved into the node. `path` int32 (cells + 1,).
    """

    child: np.ndarray
    visits: np.ndarray
    value: np.ndarray
    path: np.ndarray


def tree(game: Game, simulations: int) -> Tree:
    """An empty one."""
    nodes = simulations + 1
    return Tree(
        child=np.full((nodes, game.moves), NONE, np.int32),
        visits=np.zeros(nodes, np.int32),
        value=np.zeros(nodes, np.float64),
        path=np.zeros(game.height * game.width + 1, np.int32),
    )


@kernel
def _random(state: np.ndarray) -> np.uint64:
    """64 random bits: SplitMix64 (Steele, Lea and Flood 2014, figure 17)."""
    state[0] += GOLDEN
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def _random_cell(cells: np.uint64, state: np.ndarray) -> np.uint64:
    """One of them."""
    for _ in range(np.int64(_random(state) % np.uint64(count(cells)))):
        cells &= cells - ONE
    return cells & (~cells + ONE)


@kernel
def _rollout(game: Game, own: np.uint64, stones: np.uint64, state: np.ndarray) -> float:
    """The result of a random game, seen from the side to move; the position may be the end itself."""
    sign = 1.0
    while True:
        if has_row(game, own ^ stones):
            return -sign
        free = free_cells(game, stones)
        if free == ZERO:
            return 0.0
        own, stones = own ^ stones, stones | _random_cell(free, state)
        sign = -sign


@kernel
def random_moves(game: Game, positions: np.ndarray, seed: np.uint64) -> np.ndarray:
    """float64 (N, 2): a random legal move, and 0 for what it is worth."""
    answers = np.zeros((len(positions), 2))
    for i in range(len(positions)):
        state = np.array([key(game, positions[i, 0], positions[i, 1]) ^ seed])
        answers[i, 0] = move_of(game, _random_cell(free_cells(game, positions[i, 1]), state))
    return answers


@kernel
def _select(game: Game, tree: Tree, node: int, stones: np.uint64, exploration: float) -> int:
    """The move with the highest upper confidence bound; one that was never tried comes first, from the left."""
    best, best_bound = NONE, -np.inf
    log = np.log(tree.visits[node])
    for move in range(game.moves):
        if cell_of(game, stones, move) != ZERO:
            child = tree.child[node, move]
            if child == NONE:
                return move
            visits = tree.visits[child]
            bound = tree.value[child] / visits + exploration * np.sqrt(log / visits)
            if bound > best_bound:
                best, best_bound = move, bound
    return best


@kernel
def _search(game: Game, tree: Tree, own: np.uint64, stones: np.uint64, exploration: float, seed: np.uint64) -> None:
    tree.child[:], tree.visits[:], tree.value[:] = NONE, 0, 0.0
    state = np.array([key(game, own, stones) ^ seed])
    tree.visits[0] = 1
    nodes = 1
    for _ in range(len(tree.visits) - 1):
        node, depth, o, s = 0, 0, own, stones
        tree.path[0] = 0
        while not (has_row(game, o ^ s) or s == game.board):
            move = _select(game, tree, node, s, exploration)
            o, s = o ^ s, s | cell_of(game, s, move)
            depth += 1
            child = tree.child[node, move]
            if child == NONE:
                tree.child[node, move] = tree.path[depth] = nodes
                nodes += 1
                break
            node = tree.path[depth] = child
        result = -_rollout(game, o, s, state)  # seen from the side that moved last
        for d in range(depth, -1, -1):
            tree.visits[tree.path[d]] += 1
            tree.value[tree.path[d]] += result
            result = -result


@kernel
def rollout_moves(game: Game, tree: Tree, positions: np.ndarray, exploration: float, seed: np.uint64) -> np.ndarray:
    """float64 (N, 2 + moves): the most visited move once the tree is full, its mean result, and shares of visits."""
    answers = np.zeros((len(positions), 2 + game.moves))
    for i in range(len(positions)):
        _search(game, tree, positions[i, 0], positions[i, 1], exploration, seed)
        best = NONE
        for move in range(game.moves):
            child = tree.child[0, move]
            if child != NONE:
                answers[i, 2 + move] = tree.visits[child] / (tree.visits[0] - 1)
                if best == NONE or tree.visits[child] > tree.visits[best]:
                    best, answers[i, 0] = child, move
        answers[i, 1] = tree.value[best] / tree.visits[best]
    return answers
