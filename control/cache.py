"""What the net said of a position, kept for the next time that it comes up, in any game.

A position and its mirror image share an entry; the net is always asked about the side with the smaller key.
"""

from typing import NamedTuple

import numpy as np

from control.game import Game, kernel, key, mirror

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Fibonacci hashing (Knuth, vol. 3, section 6.4)
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
def is_mirrored(game: Game, own: np.uint64, stones: np.uint64) -> bool:
    """Whether the mirror image is the one that the net is asked about."""
    return key(game, mirror(game, own), mirror(game, stones)) < key(game, own, stones)


@kernel
def slot_of(cache: Cache, canonical: np.uint64) -> int:
    """Where what is said of the position with this canonical key would stand."""
    return np.int64((canonical * GOLDEN) >> cache.shift)


@kernel
def look_up(cache: Cache, canonical: np.uint64) -> bool:
    """Whether it stands there."""
    cache.asked[0] += 1
    hit = cache.keys[slot_of(cache, canonical)] == canonical
    cache.found[0] += hit
    return hit


@kernel
def keep(cache: Cache, canonical: np.uint64, said: np.ndarray) -> None:
    """Puts it there."""
    slot = slot_of(cache, canonical)
    cache.keys[slot] = canonical
    cache.said[slot] = said
