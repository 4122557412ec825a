"""Games of laying stones in a row, on bitboards: the rules and nothing else, compiled by numba.

Connect Four (stones drop to the bottom of a column) and tic-tac-toe (they stay where they are laid) are two settings of
the same rules; whoever plays, searches or learns asks this file and knows neither. A column takes `height + 1` bits,
the topmost always empty, so that no line of set bits runs over an edge (Tromp's Fhourstones; Pons 2015, "Solving
Connect 4", part 6). A position is two uint64: `own`, the stones of the side to move, and `stones`, those of both sides;
N of them are an array (N, 2). The side that moves first is X.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numba
import numpy as np

kernel = numba.njit(cache=True, nogil=True)
ZERO, ONE = np.uint64(0), np.uint64(1)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio
FOUR = 4
KEY_SHIFT = 32  # where stones stay where they are laid, a key is both sides' stones beside each other


class Game(NamedTuple):
    """The rules, made by `Rules.game`. Tuples have their length in their type, so that loops over them are unrolled.

    Moves are numbered by column where stones drop, else by cell: `column * height + row`, rows from the bottom.
    """

    height: int
    width: int
    drop: bool
    moves: int  # how many there are
    distances: tuple[int, ...]  # 1 .. stones in a row - 1
    directions: tuple[int, int, int, int]  # in bits, to the next cell: up, right and down, right, right and up
    bottom: np.uint64  # the lowest cell of each column
    board: np.uint64  # all cells


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The game on `width` columns of `height` cells in which `row` stones in a row win, as plain values.

    Raises:
        ValueError: no board, one too large for 64 bits, or a row too long for it.
    """

    height: int
    width: int
    row: int
    drop: bool

    def __post_init__(self) -> None:
        most = 64 if self.drop else KEY_SHIFT
        if min(self.height, self.width) < 1 or (self.height + 1) * self.width > most:
            given = f"{self.width} columns of {self.height} cells"
            raise ValueError(f"rules: given {given}, wanted 1 or more of each and (height + 1) * width <= {most}")
        if not 2 <= self.row <= min(self.height, self.width):
            raise ValueError(f"rules.row: given {self.row}, wanted 2 to {min(self.height, self.width)}")

    @cached_property
    def game(self) -> Game:
        """The same for compiled functions."""
        size = self.height + 1
        bottom = sum(1 << column * size for column in range(self.width))
        return Game(
            height=self.height,
            width=self.width,
            drop=self.drop,
            moves=self.width if self.drop else self.width * self.height,
            distances=tuple(range(1, self.row)),
            directions=(1, size - 1, size, size + 1),
            bottom=np.uint64(bottom),
            board=np.uint64(bottom * ((1 << self.height) - 1)),
        )


CONNECT_FOUR = Rules(height=6, width=7, row=4, drop=True)
TIC_TAC_TOE = Rules(height=3, width=3, row=3, drop=False)


@kernel
def free_cells(game: Game, stones: np.uint64) -> np.uint64:
    """Where a stone may be laid now, as bits."""
    if game.drop:
        return (stones + game.bottom) & game.board
    return game.board & ~stones


@kernel
def column_cells(game: Game, column: int) -> np.uint64:
    """The cells of a column, as bits."""
    return ((ONE << game.height) - ONE) << (column * (game.height + 1))


@kernel
def cell_of(game: Game, stones: np.uint64, move: int) -> np.uint64:
    """The cell that `move` fills, as one bit; none if it is not legal."""
    if move < 0 or move >= game.moves:
        return ZERO
    if game.drop:
        return free_cells(game, stones) & column_cells(game, move)
    column, row = move // game.height, move % game.height
    return free_cells(game, stones) & (ONE << (column * (game.height + 1) + row))


@kernel
def move_of(game: Game, cell: np.uint64) -> int:
    """The move that fills the cell."""
    place = count(cell - ONE)
    column = place // (game.height + 1)
    return column if game.drop else column * game.height + place % (game.height + 1)


@kernel
def play(game: Game, own: np.uint64, stones: np.uint64, move: int) -> tuple[np.uint64, np.uint64]:
    """The position after a legal move, seen from the other side."""
    return own ^ stones, stones | cell_of(game, stones, move)


@kernel
def has_row(game: Game, bits: np.uint64) -> bool:
    """Whether one side's stones hold a winning row."""
    for direction in game.directions:
        run = bits
        for distance in game.distances:
            run &= bits >> (direction * distance)
        if run != ZERO:
            return True
    return False


@kernel
def completing_cells(game: Game, bits: np.uint64) -> np.uint64:
    """Every cell that would make a winning row with one side's stones, whether it is free, taken or out of reach."""
    if len(game.distances) == FOUR - 1:  # known when it is compiled
        return _completing_four(game, bits)
    found = ZERO
    row = len(game.distances) + 1
    for direction in game.directions:
        for before in range(row):  # how many stones of the row lie before the cell
            rest = game.board
            for distance in game.distances:
                if distance <= before:
                    rest &= bits << (direction * distance)
                if distance < row - before:
                    rest &= bits >> (direction * distance)
            found |= rest
    return found


@kernel
def _completing_four(game: Game, bits: np.uint64) -> np.uint64:
    """The same for rows of four, in a quarter of the time: runs on either side of the cell are found once."""
    found = ZERO
    for d in game.directions:
        below1 = bits << d
        below2 = below1 & (bits << (2 * d))
        below3 = below2 & (bits << (3 * d))
        above1 = bits >> d
        above2 = above1 & (bits >> (2 * d))
        above3 = above2 & (bits >> (3 * d))
        found |= below3 | (below2 & above1) | (below1 & above2) | above3
    return found & game.board


@kernel
def is_over(game: Game, own: np.uint64, stones: np.uint64) -> bool:
    """Whether the last move won, or filled the board."""
    return stones == game.board or has_row(game, own ^ stones)


@kernel
def count(bits: np.uint64) -> int:
    """How many bits are set."""
    n = 0
    while bits != ZERO:
        bits &= bits - ONE
        n += 1
    return n


@kernel
def mirror(game: Game, bits: np.uint64) -> np.uint64:
    """Left to right."""
    out = ZERO
    for column in range(game.width):
        cells = (bits >> (column * (game.height + 1))) & column_cells(game, 0)
        out |= cells << ((game.width - 1 - column) * (game.height + 1))
    return out


@kernel
def mirror_move(game: Game, move: int) -> int:
    """The move's number on the mirrored board."""
    if game.drop:
        return game.width - 1 - move
    return (game.width - 1 - move // game.height) * game.height + move % game.height


@kernel
def key(game: Game, own: np.uint64, stones: np.uint64) -> np.uint64:
    """One number for a position, another for every other."""
    if game.drop:
        return own | (stones + game.bottom)  # a bit above each column says how high it is
    return (own << KEY_SHIFT) | stones


@kernel
def canonical(game: Game, own: np.uint64, stones: np.uint64) -> tuple[np.uint64, np.uint64, bool]:
    """Of a position and its mirror image the one with the smaller key, and whether that is the mirror image."""
    other, all_of_other = mirror(game, own), mirror(game, stones)
    if key(game, other, all_of_other) < key(game, own, stones):
        return other, all_of_other, True
    return own, stones, False


@kernel
def slot(key: np.uint64, shift: np.uint64) -> int:
    """Where a key stands in a table of 2 ** (64 - shift) entries: Fibonacci hashing (Knuth, vol. 3, section 6.4)."""
    return np.int64((key * GOLDEN) >> shift)  # type: ignore[return-value]  # signed for numba


def all_rows(rules: Rules) -> np.ndarray:
    """Every set of cells that wins, uint64 (rows,): 69 in Connect Four."""
    game = rules.game
    rows = (
        sum(1 << start + direction * i for i in range(rules.row))
        for start in range(int(game.board).bit_length())
        for direction in game.directions
    )
    return np.array([row for row in rows if row & ~int(game.board) == 0], np.uint64)
