"""What the net said of a position, kept for the next time that it comes up, in any game.

A position and its mirror image share an entry; the net is always asked about the side with the smaller key.
"""

from typing import NamedTuple

import numpy as np

from control.game import Game, kernel, slot

NONE = np.uint64(0xFFFFFFFFFFFFFFFF)  # no position's key


class Cache(NamedTuple):
    """`keys` uint64 (2 ** bits,), `said` float32 (2 ** bits, moves + 3): logits of the moves, and of win, draw, loss.

    `shift` is 64 - bits. `asked` and `found` int64 (1,) count look-ups.
    """

    keys: np.ndarray
    said: np.ndarray
    shift: np.uint64
    asked: np.ndarray
    found: np.ndarray


def cache(game: Game, *, bits: int) -> Cache:
    """An empty one, of 2 ** bits entries; a new position takes the place of an old one.

    Raises:
        ValueError: fewer than 1 bit or more than 30.
    """
    if not 1 <= bits <= 30:
        raise ValueError(f"cache_bits: given {bits}, wanted 1 to 30")
    return Cache(
        keys=np.full(1 << bits, NONE, np.uint64),
        said=np.zeros((1 << bits, game.moves + 3), np.float32),
        shift=np.uint64(64 - bits),
        asked=np.zeros(1, np.int64),
        found=np.zeros(1, np.int64),
    )


def clear(cache: Cache) -> None:
    """Forgets what it holds: another net would say other things."""
    cache.keys.fill(NONE)


@kernel
def look_up(cache: Cache, key: np.uint64) -> int:
    """The row of `said` that holds what the net said of the position with this canonical key; -1 if none does."""
    row = slot(key, cache.shift)
    hit = cache.keys[row] == key
    cache.asked[0] += 1
    cache.found[0] += hit
    return row if hit else -1


@kernel
def keep(cache: Cache, key: np.uint64, said: np.ndarray) -> None:
    """Puts what the net said in its row."""
    row = slot(key, cache.shift)
    cache.keys[row] = key
    cache.said[row] = said
