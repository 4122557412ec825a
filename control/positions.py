"""Arrays of positions: checked, played on, as planes and as text. What the rules are stands in control.game."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np

from control.game import ONE, ZERO, Game, cell_of, count, has_row, is_over, kernel, play

FAULTS = (
    "",
    "a stone in a full column or off the board",
    "own stones that are not among both sides' stones",
    "a floating stone",
    "too many stones of one side",
    "two winners",
    "a game that went on after it was won",
    "a finished game",
)


@kernel
def _fault(game: Game, own: np.uint64, stones: np.uint64) -> int:
    if stones & ~game.board != ZERO:
        return 1
    if own & ~stones != ZERO:
        return 2
    if game.drop and stones & ~game.bottom & ~(stones << 1) != ZERO:
        return 3
    if count(own) != count(stones) // 2:
        return 4
    if has_row(game, own):
        return 5 if has_row(game, own ^ stones) else 6
    if is_over(game, own, stones):
        return 7
    return 0


@kernel
def faults(game: Game, positions: np.ndarray) -> np.ndarray:
    """Of each of N > 0 positions, its number in FAULTS, int64 (N,)."""
    return np.array([_fault(game, own, stones) for own, stones in positions])


@kernel
def are_over(game: Game, positions: np.ndarray) -> np.ndarray:
    """bool (N,), N > 0."""
    return np.array([is_over(game, own, stones) for own, stones in positions])


def check_positions(game: Game, positions: Any) -> np.ndarray:
    """`positions`, contiguous, if a player can be asked for a move in each.

    Raises:
        ValueError: not a uint64 array (N, 2), or impossible or finished positions in it.
    """
    wanted = "positions: wanted a uint64 array (N, 2) of own stones and both sides' stones, given "
    if not isinstance(positions, np.ndarray):
        raise ValueError(wanted + type(positions).__name__)
    if positions.dtype != np.uint64 or positions.ndim != 2 or positions.shape[1] != 2:
        raise ValueError(wanted + f"{positions.dtype} {positions.shape}")
    found = faults(game, positions) if len(positions) else np.zeros(0, int)
    for i in np.flatnonzero(found)[:1]:
        own, stones = (int(bits) for bits in positions[i])
        raise ValueError(
            f"positions[{i}]: given {FAULTS[found[i]]} (own {own:#x}, stones {stones:#x}), wanted a position in play"
        )
    return np.ascontiguousarray(positions)


def on_all_cores(answer: Callable[[np.ndarray], np.ndarray], positions: np.ndarray) -> np.ndarray:
    """float64 (N, ...): what `answer`, which lets go of Python's lock, says of positions (N, 2) in equal shares.

    $NUMBA_NUM_THREADS threads are used, as many as there are cores if it is not set; one for a single position.
    """
    n = min(numba.config.NUMBA_NUM_THREADS, len(positions))  # type: ignore[attr-defined]
    if n < 2:
        return answer(positions)
    with ThreadPoolExecutor(n) as pool:
        shares = list(pool.map(answer, [np.ascontiguousarray(positions[i::n]) for i in range(n)]))
    answers = np.empty((len(positions), shares[0].shape[1]))
    for i, share in enumerate(shares):
        answers[i::n] = share
    return answers


@kernel
def play_all(game: Game, positions: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """The positions (N, 2) after one legal move in each."""
    out = np.empty_like(positions)
    for i in range(len(positions)):
        out[i, 0], out[i, 1] = play(game, positions[i, 0], positions[i, 1], moves[i])
    return out


@kernel
def legal_moves(game: Game, positions: np.ndarray) -> np.ndarray:
    """bool (N, moves)."""
    out = np.empty((len(positions), game.moves), np.bool_)
    for i in range(len(positions)):
        for move in range(game.moves):
            out[i, move] = cell_of(game, positions[i, 1], move) != ZERO
    return out


def after(game: Game, moves: Sequence[int]) -> np.ndarray:
    """The position after these moves from the empty board, uint64 (2,).

    Raises:
        ValueError: one of them is not legal there.
    """
    own, stones = ZERO, ZERO
    for i, move in enumerate(moves):
        if is_over(game, own, stones) or not cell_of(game, stones, move):
            raise ValueError(f"moves[{i}]: given {move}, wanted a legal move in\n{draw(game, own, stones)}")
        own, stones = (np.uint64(bits) for bits in play(game, own, stones, move))  # Python got plain integers
    return np.array([own, stones], np.uint64)


def planes(game: Game, positions: np.ndarray) -> np.ndarray:
    """Own stones and the other side's as they are drawn, uint8 (N, 2, height, width), the top row first."""
    sides = np.stack([positions[:, 0], positions[:, 0] ^ positions[:, 1]], 1)
    rows, columns = np.arange(game.height)[::-1], np.arange(game.width)
    bits = (columns * (game.height + 1) + rows[:, None]).astype(np.uint64)
    return (sides[..., None, None] >> bits & ONE).astype(np.uint8)


def draw(game: Game, own: int | np.uint64, stones: int | np.uint64) -> str:
    """The board as text, X moved first, the top row first."""
    own_side, other = planes(game, np.array([[own, stones]], np.uint64))[0]
    signs = "XO" if int(stones).bit_count() % 2 == 0 else "OX"
    board = np.where(own_side == 1, signs[0], np.where(other == 1, signs[1], "."))
    return "\n".join(" ".join(line) for line in board)


def parse(game: Game, text: str) -> np.ndarray:
    """The position that `draw` draws, uint64 (2,), whether or not it can be.

    Raises:
        ValueError: another size, or another sign than X, O and the point.
    """
    lines = [line.split() for line in text.strip().splitlines()]
    if [len(line) for line in lines] != [game.width] * game.height or not {s for line in lines for s in line} <= set(
        "XO."
    ):
        raise ValueError(f"board: given\n{text}\nwanted {game.height} lines of {game.width} signs X, O or .")
    sides = {"X": 0, "O": 0, ".": 0}
    for row, line in enumerate(reversed(lines)):
        for column, sign in enumerate(line):
            sides[sign] |= 1 << column * (game.height + 1) + row
    x, o = sides["X"], sides["O"]
    own = x if x.bit_count() == o.bit_count() else o
    return np.array([own, x | o], np.uint64)
