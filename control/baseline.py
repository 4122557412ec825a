"""The hand-written players (1.0): perfect play by search, a shallow search with rules of thumb, random rollouts.

All are built from nothing but the rules. A player takes positions, uint64 (N, 2), and gives float64 (N, 2): a move for
each, and the value that it sees for the side to move, from -1 (lost) through 0 (drawn) to 1 (won).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from control import rollouts, solver
from control.game import ZERO, Game, Rules, all_rows, count, free_cells, has_row, kernel, move_of
from control.positions import check_positions, on_all_cores

OPEN_ROW_WORTH = (0.0, 0.1, 0.3, 0.9)  # by how many stones it has, 3 or more the same
STEEPNESS = 0.5  # of the squashing of what rows are worth into -1 to 1
FARTHEST_WIN = 2.0  # above all that rows are worth; 0.01 more for each ply that it is nearer


@dataclass(frozen=True, kw_only=True)
class PerfectPlayer:
    """Plays the move of the best exact score: wins as soon, and loses as late, as can be (control.solver).

    Args:
        table_bits: 2 to the power of it positions are remembered by a core while one call's problems are solved.
        fewest_stones: with fewer it may think for minutes; matches with it begin with so many.
    """

    rules: Rules
    table_bits: int
    fewest_stones: int = 0

    def build(self, data: Any) -> "PerfectPlayer":
        return self

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        game = self.rules.game

        def answer(positions: np.ndarray) -> np.ndarray:
            return solver.best_moves(game, solver.memory(game, table_bits=self.table_bits), positions)

        return on_all_cores(answer, check_positions(game, positions))


@dataclass(frozen=True, kw_only=True)
class RandomPlayer:
    """Any legal move, drawn by the position itself and `seed`: the same position gets the same one."""

    rules: Rules
    seed: int

    def build(self, data: Any) -> "RandomPlayer":
        return self

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        game = self.rules.game
        return rollouts.random_moves(game, check_positions(game, positions), np.uint64(self.seed))


@dataclass(frozen=True, kw_only=True)
class MinmaxPlayer:
    """Alpha-beta to a fixed depth, then rules of thumb: the rows that are still open to each side.

    Args:
        depth: plies that it looks ahead.
    """

    rules: Rules
    depth: int

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise ValueError(f"minmax.depth: given {self.depth}, wanted 1 or more")

    @cached_property
    def _rows(self) -> np.ndarray:
        return all_rows(self.rules)

    @cached_property
    def _reach(self) -> np.ndarray:
        return solver.reach_by_middle(self.rules.game)

    def build(self, data: Any) -> "MinmaxPlayer":
        return self

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        game = self.rules.game

        def answer(positions: np.ndarray) -> np.ndarray:
            return _minmax_moves(game, self._rows, self._reach, positions, self.depth)

        return on_all_cores(answer, check_positions(game, positions))


@dataclass(frozen=True, kw_only=True)
class RolloutPlayer:
    """Monte Carlo tree search with random rollouts (control.rollouts).

    Args:
        simulations: a move.
        exploration: the constant c of the upper confidence bound.
        seed: of the random numbers, beside the position.
    """

    rules: Rules
    simulations: int
    exploration: float
    seed: int

    def __post_init__(self) -> None:
        if self.simulations < 1:
            raise ValueError(f"rollouts.simulations: given {self.simulations}, wanted 1 or more")

    def build(self, data: Any) -> "RolloutPlayer":
        return self

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        game = self.rules.game

        def answer(positions: np.ndarray) -> np.ndarray:
            tree = rollouts.tree(game, self.simulations)
            return rollouts.rollout_moves(game, tree, positions, self.exploration, np.uint64(self.seed))

        return on_all_cores(answer, check_positions(game, positions))


@kernel
def _worth(rows: np.ndarray, own: np.uint64, other: np.uint64) -> float:
    """What the open rows say, -1 to 1."""
    total = 0.0
    for row in rows:
        if row & other == ZERO:
            total += OPEN_ROW_WORTH[min(count(row & own), len(OPEN_ROW_WORTH) - 1)]
        elif row & own == ZERO:
            total -= OPEN_ROW_WORTH[min(count(row & other), len(OPEN_ROW_WORTH) - 1)]
    return np.tanh(STEEPNESS * total)


@kernel
def _minmax(
    game: Game,
    rows: np.ndarray,
    reach: np.ndarray,
    own: np.uint64,
    stones: np.uint64,
    depth: int,
    alpha: float,
    beta: float,
) -> float:
    """The position's value for the side to move, if it lies between alpha and beta."""
    if has_row(game, own ^ stones):
        return -FARTHEST_WIN - 0.01 * depth
    if stones == game.board:
        return 0.0
    if depth == 0:
        return _worth(rows, own, own ^ stones)
    free = free_cells(game, stones)
    for cells in reach:
        cell = free & cells
        if cell != ZERO:
            value = -_minmax(game, rows, reach, own ^ stones, stones | cell, depth - 1, -beta, -alpha)
            if value >= beta:
                return value
            alpha = max(alpha, value)
    return alpha


@kernel
def _minmax_moves(game: Game, rows: np.ndarray, reach: np.ndarray, positions: np.ndarray, depth: int) -> np.ndarray:
    """float64 (N, 2): the best move, the one nearest the middle if there are several, and its value."""
    answers = np.empty((len(positions), 2))
    for i in range(len(positions)):
        own, stones = positions[i]
        free, best = free_cells(game, stones), -np.inf
        for cells in reach:
            cell = free & cells
            if cell != ZERO:
                value = -_minmax(game, rows, reach, own ^ stones, stones | cell, depth - 1, -np.inf, -best)
                if value > best:
                    best = value
                    answers[i, 0] = move_of(game, cell)
        answers[i, 1] = min(1.0, max(-1.0, best))
    return answers
