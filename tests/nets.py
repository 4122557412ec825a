"""A net to search with that needs no training, a cache for it, how and where to search, and how to play."""

from collections.abc import Callable

import numpy as np

from control.cache import Cache, cache
from control.game import CONNECT_FOUR, TIC_TAC_TOE, Game
from control.selfplay import Habits
from control.tree import Selection
from tests.boards import SMALL

PUCT = Selection(c_puct=1.5, fpu_reduction=0.2, proofs=True, gumbel=False, considered=4, c_visit=50.0, c_scale=1.0)
CASES = [(CONNECT_FOUR, 0), (CONNECT_FOUR, 12), (CONNECT_FOUR, 30), (TIC_TAC_TOE, 0), (TIC_TAC_TOE, 4), (SMALL, 3)]
HABITS = Habits(
    full_share=0.5,
    full_simulations=24,
    fast_simulations=8,
    dirichlet_alpha=1.0,
    noise_share=0.25,
    opening_share=0.5,
    opening_plies=3,
    early_stones=4,
    late_temperature=0.3,
    play_on=0.5,
    reuse_trees=False,
)


def table(game: Game, *, sharpness: float = 1.0) -> Callable[[np.ndarray], np.ndarray]:
    """A net that says at random what it always says of the same position."""

    def net(positions: np.ndarray) -> np.ndarray:
        rows = [np.random.default_rng([int(bits) for bits in p]).normal(size=game.moves + 3) for p in positions]
        return np.array(rows, np.float32).reshape(-1, game.moves + 3) * np.float32(sharpness)

    return net


def fresh(game: Game, bits: int = 12) -> Cache:
    return cache(game, bits=bits)
