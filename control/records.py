"""What self-play keeps of its games: what is learned from each position that was searched, and the boards in play."""

from typing import NamedTuple

import numpy as np

from control.game import Game


class Records(NamedTuple):
    """What is learned from: N positions that were searched.

    `positions` uint64 (N, 2). `policy` float32 (N, moves): the share of visits of each move, all zero where every move
    loses. `searched` float32 (N, 3): how likely the search holds a win, a draw, a loss of the side to move. `outcome`
    int8 (N,): what came of the game for it.
    """

    positions: np.ndarray
    policy: np.ndarray
    searched: np.ndarray
    outcome: np.ndarray


class Table(NamedTuple):
    """The games in play: `positions` uint64 (games, 2), `plays_on` bool (games,), and of each the records so far.

    Those are `held` int32 (games,) and the arrays of Records with axes (games, cells).
    """

    positions: np.ndarray
    plays_on: np.ndarray
    held: np.ndarray
    record_positions: np.ndarray
    record_policy: np.ndarray
    record_searched: np.ndarray


def records(game: Game, n: int) -> Records:
    """Room for so many."""
    return Records(
        positions=np.zeros((n, 2), np.uint64),
        policy=np.zeros((n, game.moves), np.float32),
        searched=np.zeros((n, 3), np.float32),
        outcome=np.zeros(n, np.int8),
    )


def table(game: Game, games: int) -> Table:
    """So many boards on which no game was begun: finished ones."""
    cells = game.height * game.width
    return Table(
        positions=np.full((games, 2), game.board, np.uint64),
        plays_on=np.zeros(games, np.bool_),
        held=np.zeros(games, np.int32),
        record_positions=np.zeros((games, cells, 2), np.uint64),
        record_policy=np.zeros((games, cells, game.moves), np.float32),
        record_searched=np.zeros((games, cells, 3), np.float32),
    )
