"""The exact score of a position, by search: what perfect play knows.

Negamax with alpha-beta, null windows, moves ordered by the threats they make, and a table of bounds (Pons 2015,
"Solving Connect 4", parts 4 to 12; Allis 1988, "A Knowledge-based Approach of Connect-Four", for what perfect play is).
It works for every `Game` and is compiled by numba.

A score is seen from the side to move: 0 for a draw, positive if it wins: 1 for a win with its last stone, one more for
every stone that it has then left; negative if it loses, alike. (Pons' scores.)
"""

from typing import NamedTuple

import numpy as np

from control.game import (
    KEY_SHIFT,
    ZERO,
    Game,
    canonical,
    cell_of,
    column_cells,
    completing_cells,
    count,
    free_cells,
    has_row,
    kernel,
    key,
    move_of,
    slot,
)
from control.tactics import can_win, sound_cells

ILLEGAL = -128  # in the place of a score
# An entry of the table is a key and a byte: a bound + ZERO_SCORE, + LOWER if the score is not below it; 0 is none.
KEY_BITS, ZERO_SCORE, LOWER = 56, 32, 64
BOUND_BITS, BOUND_MASK = np.uint64(8), np.uint64(255)


class Memory(NamedTuple):
    """What a search writes into. It holds facts about positions only, so that it serves any number of searches.

    `table` uint64 (2 ** bits,): bounds found so far; `shift` is 64 - bits. `reach`: see `reach_by_middle`. `cells`
    uint64 and `threats` int64 (cells + 1, moves): the moves of each depth, being sorted. `nodes` int64 (1,): positions
    searched.
    """

    table: np.ndarray
    shift: np.uint64
    reach: np.ndarray
    cells: np.ndarray
    threats: np.ndarray
    nodes: np.ndarray


def memory(game: Game, *, table_bits: int) -> Memory:
    """Room for 2 ** table_bits bounds of 8 bytes; what is never touched costs nothing.

    Raises:
        ValueError: a table of no size, or a board too large for its entries.
    """
    if not 1 <= table_bits <= 30:
        raise ValueError(f"table_bits: given {table_bits}, wanted 1 to 30")
    most = KEY_BITS - (0 if game.drop else KEY_SHIFT)
    if (game.height + 1) * game.width > most:
        given = f"{game.width} columns of {game.height} cells"
        raise ValueError(f"solver: given {given}, wanted (height + 1) * width <= {most}")
    cells = game.height * game.width
    return Memory(
        table=np.zeros(1 << table_bits, np.uint64),
        shift=np.uint64(64 - table_bits),
        reach=reach_by_middle(game),
        cells=np.zeros((cells + 1, game.moves), np.uint64),
        threats=np.zeros((cells + 1, game.moves), np.int64),
        nodes=np.zeros(1, np.int64),
    )


def reach_by_middle(game: Game) -> np.ndarray:
    """The cells that each move can fill, uint64 (moves,), moves near the middle first."""

    def eccentricity(move: int) -> float:
        if game.drop:
            return abs(move - (game.width - 1) / 2)
        column, row = divmod(move, game.height)
        return abs(column - (game.width - 1) / 2) + abs(row - (game.height - 1) / 2)

    moves = sorted(range(game.moves), key=eccentricity)
    return np.array([column_cells(game, m) if game.drop else cell_of(game, ZERO, m) for m in moves], np.uint64)


@kernel
def _sorted_cells(game: Game, memory: Memory, own: np.uint64, sound: np.uint64, free: np.uint64, depth: int) -> int:
    """Writes the sound cells into `memory.cells[depth]`, those that make most threats first; returns how many."""
    cells, threats = memory.cells[depth], memory.threats[depth]
    n = 0
    for reach in memory.reach:
        cell = sound & reach
        if cell != ZERO:
            makes = count(completing_cells(game, own | cell) & free)
            at = n
            while at > 0 and threats[at - 1] < makes:
                cells[at], threats[at] = cells[at - 1], threats[at - 1]
                at -= 1
            cells[at], threats[at] = cell, makes
            n += 1
    return n


@kernel
def _negamax(game: Game, memory: Memory, own: np.uint64, stones: np.uint64, left: int, alpha: int, beta: int) -> int:
    """The score if it lies between alpha and beta, else a bound on its side of them.

    `left` cells are free, and the side to move cannot win at once.
    """
    memory.nodes[0] += 1
    sound = sound_cells(game, own, stones)
    if sound == ZERO:
        return -(left // 2)
    if left <= 2:
        return 0
    alpha, beta = max(alpha, -((left - 2) // 2)), min(beta, (left - 1) // 2)
    if alpha >= beta:
        return alpha
    one, both, _ = canonical(game, own, stones)
    name = key(game, one, both)
    at = slot(name, memory.shift)
    entry = memory.table[at]
    if entry != ZERO and entry >> BOUND_BITS == name:
        bound = int(entry & BOUND_MASK)
        if bound >= LOWER:
            alpha = max(alpha, bound - LOWER - ZERO_SCORE)
        else:
            beta = min(beta, bound - ZERO_SCORE)
        if alpha >= beta:
            return alpha
    free = free_cells(game, stones)
    for i in range(_sorted_cells(game, memory, own, sound, free, left)):
        cell = memory.cells[left, i]
        score = -_negamax(game, memory, own ^ stones, stones | cell, left - 1, -beta, -alpha)
        if score >= beta:
            memory.table[at] = (name << BOUND_BITS) | np.uint64(score + ZERO_SCORE + LOWER)
            return score
        alpha = max(alpha, score)
    memory.table[at] = (name << BOUND_BITS) | np.uint64(alpha + ZERO_SCORE)
    return alpha


@kernel
def solve(game: Game, memory: Memory, own: np.uint64, stones: np.uint64, outcome_only: bool) -> int:
    """The score of a position in play, or only its sign, which takes a fraction of the time."""
    left = count(game.board ^ stones)
    if can_win(game, own, stones):
        return 1 if outcome_only else (left + 1) // 2
    low, high = -(left // 2), (left - 1) // 2
    if outcome_only:
        low, high = max(low, -1), min(high, 1)
    while low < high:  # null windows, those around a draw first: short searches that fill the table for the long ones
        middle = low + (high - low) // 2
        if middle <= 0 and -(-low // 2) < middle:
            middle = -(-low // 2)
        elif middle >= 0 and high // 2 > middle:
            middle = high // 2
        if _negamax(game, memory, own, stones, left, middle, middle + 1) <= middle:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def solve_all(game: Game, memory: Memory, positions: np.ndarray, outcome_only: bool) -> np.ndarray:
    """int8 (N,): the scores of positions (N, 2) in play."""
    scores = np.empty(len(positions), np.int8)
    for i in range(len(positions)):
        scores[i] = solve(game, memory, positions[i, 0], positions[i, 1], outcome_only)
    return scores


@kernel
def score_moves(game: Game, memory: Memory, positions: np.ndarray, outcome_only: bool) -> np.ndarray:
    """int8 (N, moves): the score that each move leads to, seen by the mover; ILLEGAL where there is no such move."""
    scores = np.full((len(positions), game.moves), ILLEGAL, np.int8)
    for i in range(len(positions)):
        own, stones = positions[i]
        left = count(game.board ^ stones)
        for move in range(game.moves):
            cell = cell_of(game, stones, move)
            if cell == ZERO:
                continue
            if has_row(game, own | cell):
                scores[i, move] = 1 if outcome_only else (left + 1) // 2
            elif left == 1:
                scores[i, move] = 0
            else:
                scores[i, move] = -solve(game, memory, own ^ stones, stones | cell, outcome_only)
    return scores


@kernel
def best_moves(game: Game, memory: Memory, positions: np.ndarray) -> np.ndarray:
    """float64 (N, 2): of the moves with the best score the one nearest the middle, and the outcome, -1, 0 or 1."""
    answers = np.empty((len(positions), 2))
    for i in range(len(positions)):
        own, stones = positions[i]
        score = solve(game, memory, own, stones, False)
        answers[i, 1] = np.sign(score)
        free = free_cells(game, stones)
        for reach in memory.reach:
            cell = free & reach
            if cell != ZERO and _keeps(game, memory, own, stones, cell, score):
                answers[i, 0] = move_of(game, cell)
                break
    return answers


@kernel
def _keeps(game: Game, memory: Memory, own: np.uint64, stones: np.uint64, cell: np.uint64, score: int) -> bool:
    """Whether laying a stone on `cell` keeps the position's score."""
    left = count(game.board ^ stones)
    if has_row(game, own | cell):
        return score == (left + 1) // 2
    if left == 1:
        return score == 0
    other, stones = own ^ stones, stones | cell
    if can_win(game, other, stones):
        return score == -(left // 2)
    return -_negamax(game, memory, other, stones, left - 1, -score, -score + 1) >= score
