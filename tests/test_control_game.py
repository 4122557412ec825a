"""The rules against a slow twin, published counts of positions, and boards drawn by hand; what is no position."""

import random
from collections.abc import Iterator

import numpy as np
import pytest

from control import game as rules_of
from control.game import (
    Game,
    Rules,
    canonical,
    completing_cells,
    has_row,
    is_over,
    key,
    mirror,
    mirror_move,
    play,
)
from control.positions import after, check_positions, draw, legal_moves, parse, planes

CONNECT_FOUR, TIC_TAC_TOE = rules_of.CONNECT_FOUR.game, rules_of.TIC_TAC_TOE.game
GAMES = [
    CONNECT_FOUR,
    TIC_TAC_TOE,
    Rules(height=4, width=5, row=4, drop=True).game,
    Rules(height=8, width=7, row=5, drop=True).game,
    Rules(height=4, width=4, row=3, drop=False).game,
]


class Twin:
    """The rules as a person would write them: a list of columns, rows from the bottom."""

    def __init__(self, rules: Game) -> None:
        self.rules, self.cells, self.side = rules, {}, 0  # type: ignore[var-annotated]

    def cell(self, move: int) -> tuple[int, int]:
        if self.rules.drop:
            return move, sum(column == move for column, _ in self.cells)
        return divmod(move, self.rules.height)

    def legal(self) -> list[int]:
        cells = ((move, self.cell(move)) for move in range(self.rules.moves))
        return [move for move, cell in cells if cell not in self.cells and cell[1] < self.rules.height]

    def play(self, move: int) -> None:
        self.cells[self.cell(move)] = self.side
        self.side = 1 - self.side

    def has_row(self, side: int, extra: tuple[int, int] | None = None) -> bool:
        mine = {cell for cell, whose in self.cells.items() if whose == side} | ({extra} if extra else set())
        row = len(self.rules.distances) + 1
        return any(
            all((x + i * dx, y + i * dy) in mine for i in range(row))
            for x, y in mine
            for dx, dy in ((0, 1), (1, -1), (1, 0), (1, 1))
        )

    def bits(self, side: int | None) -> int:
        size = self.rules.height + 1
        return sum(1 << x * size + y for (x, y), whose in self.cells.items() if side in (None, whose))

    def position(self) -> np.ndarray:
        return np.array([self.bits(self.side), self.bits(None)], np.uint64)


def random_games(rules: Game, n: int) -> Iterator[tuple[Twin, list[int]]]:
    """Every position of `n` random games, the finished last one too, and the moves that led there."""
    rng = random.Random(0)
    for _ in range(n):
        twin, moves = Twin(rules), []
        yield twin, moves
        while twin.legal() and not twin.has_row(1 - twin.side):
            moves.append(rng.choice(twin.legal()))
            twin.play(moves[-1])
            yield twin, moves


@pytest.mark.parametrize("rules", GAMES, ids=lambda rules: f"{rules.width}x{rules.height}")
def test_random_games_go_as_in_the_twin(rules: Game) -> None:
    for twin, moves in random_games(rules, 25):
        position = after(rules, moves)
        assert position.tolist() == twin.position().tolist()
        own, stones = position
        assert np.flatnonzero(legal_moves(rules, position[None])[0]).tolist() == twin.legal()
        won = twin.has_row(1 - twin.side)
        assert has_row(rules, own ^ stones) == won
        assert is_over(rules, own, stones) == (won or not twin.legal())
        cells = [(x, y) for x in range(rules.width) for y in range(rules.height) if twin.cells.get((x, y)) != twin.side]
        if not twin.has_row(twin.side):
            wins = sum(1 << x * (rules.height + 1) + y for x, y in cells if twin.has_row(twin.side, (x, y)))
            assert completing_cells(rules, own) & ~int(own) == wins
        mirrored = after(rules, [mirror_move(rules, move) for move in moves])
        assert [mirror(rules, bits) for bits in position] == mirrored.tolist()
        assert canonical(rules, own, stones)[:2] == canonical(rules, *mirrored)[:2]
        assert parse(rules, draw(rules, own, stones)).tolist() == position.tolist()


def successors(rules: Game, positions: np.ndarray) -> list[tuple[int, int]]:
    legal = legal_moves(rules, positions)
    return [
        play(rules, own, stones, move)
        for (own, stones), row in zip(positions, legal, strict=True)
        if not is_over(rules, own, stones)
        for move in np.flatnonzero(row)
    ]


def layers(rules: Game, plies: int) -> Iterator[np.ndarray]:
    """All positions after 0, 1, ... moves."""
    positions = np.zeros((1, 2), np.uint64)
    for _ in range(plies + 1):
        yield positions
        positions = np.array(sorted(set(successors(rules, positions))), np.uint64).reshape(-1, 2)


def test_there_are_as_many_positions_as_published() -> None:
    """Connect Four: OEIS A212693. Tic-tac-toe: 5,478 positions, finished ones included; 765 but for symmetry by 8."""
    assert [len(p) for p in layers(CONNECT_FOUR, 6)] == [1, 7, 49, 238, 1120, 4263, 16422]
    assert sum(len(p) for p in layers(TIC_TAC_TOE, 9)) == 5478


@pytest.mark.parametrize("rules", [CONNECT_FOUR, TIC_TAC_TOE], ids=["connect four", "tic-tac-toe"])
def test_a_key_belongs_to_one_position(rules: Game) -> None:
    positions = np.concatenate(list(layers(rules, 5)))
    keys = {key(rules, own, stones) for own, stones in positions}
    assert len(keys) == len(positions)
    unmirrored = {canonical(rules, own, stones)[:2] for own, stones in positions}
    same = sum(mirror(rules, own) == own and mirror(rules, stones) == stones for own, stones in positions)
    assert len(unmirrored) == (len(positions) + same) // 2


def test_a_board_drawn_by_hand() -> None:
    board = """
        . . . . . . .
        . . . . . . .
        . . . . . . .
        . . . X . . .
        . . X X . . .
        . X O O . O O
    """
    own, stones = parse(CONNECT_FOUR, board)  # eight stones: X is to move
    assert after(CONNECT_FOUR, [1, 2, 2, 3, 3, 5, 3, 6]).tolist() == [own, stones]
    assert completing_cells(CONNECT_FOUR, own) == 1 << 4 * 7 + 3, "the diagonal's upper end"
    assert completing_cells(CONNECT_FOUR, own ^ stones) == 1 << 4 * 7
    top = planes(CONNECT_FOUR, np.array([[own, stones]]))[0]
    assert top[0, 3].tolist() == [0, 0, 0, 1, 0, 0, 0]
    assert top[1, 5].tolist() == [0, 0, 1, 1, 0, 1, 1]


def position(text: str) -> np.ndarray:
    return parse(CONNECT_FOUR, text)


EMPTY = ". . . . . . .\n"
FIRST, SECOND = "X O X O X O X\n", "O X O X O X O\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([0, 1 << 6], "a stone in a full column or off the board"),
        ([0, 1 << 63], "a stone in a full column or off the board"),
        ([1, 2], "own stones that are not among both sides' stones"),
        (position(EMPTY * 4 + "X . . . . . .\n" + EMPTY), "a floating stone"),
        ([0, 0b111], "too many stones of one side"),
        (position(EMPTY * 2 + "X O . . . . .\n" * 4), "two winners"),
        (position(EMPTY * 4 + "O O O . . . .\n" + "X X X X O . ."), "a game that went on after it was won"),
        (position(EMPTY * 4 + "O O O . . . .\n" + "X X X X . . ."), "a finished game"),
        (position(FIRST * 2 + SECOND * 2 + FIRST + SECOND), "a finished game"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_position_is_named(given: object, said: str) -> None:
    positions = np.array([[0, 0], given], np.uint64)
    with pytest.raises(ValueError, match=rf"positions\[1\]: given {said} \(own 0x.*, wanted a position in play"):
        check_positions(CONNECT_FOUR, positions)


@pytest.mark.parametrize("given", [[[0, 0]], np.zeros((1, 2)), np.zeros(2, np.uint64), np.zeros((1, 3), np.uint64)])
def test_what_is_no_array_of_positions_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match=r"positions: wanted a uint64 array \(N, 2\) .*, given "):
        check_positions(CONNECT_FOUR, given)


def test_an_illegal_move_is_named() -> None:
    with pytest.raises(ValueError, match=r"moves\[6\]: given 0, wanted a legal move in\nO . ."):
        after(CONNECT_FOUR, [0] * 7)
    with pytest.raises(ValueError, match=r"moves\[7\]: given 5, wanted a legal move in"):
        after(CONNECT_FOUR, [0, 1, 0, 1, 0, 1, 0, 5])
    with pytest.raises(ValueError, match=r"moves\[0\]: given 9, wanted a legal move in"):
        after(TIC_TAC_TOE, [9])


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ({"height": 8, "width": 8, "row": 4, "drop": True}, r"given 8 columns of 8 cells, wanted .* <= 64"),
        ({"height": 6, "width": 7, "row": 4, "drop": False}, r"given 7 columns of 6 cells, wanted .* <= 32"),
        ({"height": 3, "width": 4, "row": 4, "drop": False}, r"rules.row: given 4, wanted 2 to 3"),
        ({"height": 0, "width": 7, "row": 4, "drop": True}, r"given 7 columns of 0 cells, wanted 1 or more of each"),
    ],
)
def test_a_game_that_cannot_be_is_refused(size: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Rules(**size)


def test_a_board_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="board: given\nX O\nwanted 3 lines of 3 signs"):
        parse(TIC_TAC_TOE, "X O")
