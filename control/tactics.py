"""What looking two plies ahead proves in every game of rows: wins at once, and moves that lose at once."""

import numpy as np

from control.game import ONE, ZERO, Game, completing_cells, free_cells, kernel


@kernel
def can_win(game: Game, own: np.uint64, stones: np.uint64) -> bool:
    """Whether the side to move completes a row with its next stone."""
    return completing_cells(game, own) & free_cells(game, stones) != ZERO


@kernel
def sound_cells(game: Game, own: np.uint64, stones: np.uint64) -> np.uint64:
    """Where the side to move, if it cannot win at once, can lay a stone without losing to the very next one."""
    free = free_cells(game, stones)
    feared = completing_cells(game, own ^ stones)
    forced = free & feared
    if forced != ZERO:
        if forced & (forced - ONE) != ZERO:
            return ZERO
        free = forced
    if game.drop:
        free &= ~(feared >> ONE)  # not under a cell that the other side wants
    return free
