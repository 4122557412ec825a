"""A small board, and positions to test on."""

import random

import numpy as np

from control.game import Game, Rules, is_over
from control.positions import after, legal_moves

SMALL = Rules(height=4, width=4, row=3, drop=True)


def random_positions(game: Game, plies: int, n: int, seed: int = 0) -> np.ndarray:
    """`n` positions in play after so many random moves."""
    rng, found = random.Random(seed), []
    while len(found) < n:
        moves: list[int] = []
        position = after(game, moves)
        while len(moves) < plies and not is_over(game, *position):
            moves.append(rng.choice(np.flatnonzero(legal_moves(game, position[None])[0]).tolist()))
            position = after(game, moves)
        if not is_over(game, *position):
            found.append(position)
    return np.array(found, np.uint64)
