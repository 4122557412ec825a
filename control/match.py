"""Games between two players, many in lock-step: each is asked for all its moves in one call.

A player is a Program: positions, uint64 (N, 2), in; float arrays (N, 2) out: a move, and the value that the player sees
for the side to move.
"""

from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np

from common.program import Program
from control.game import Rules, has_row
from control.positions import check_positions, legal_moves, play_all


@dataclass(frozen=True)
class Games:
    """What came of N games.

    Args:
        results: float64 (N,), seen by the player that moved first: 1 won, 0.5 drawn, 0 lost.
        moves: of each game, from its opening on.
        forfeits: {game: what its loser answered that is no move}.
    """

    results: np.ndarray
    moves: list[list[int]]
    forfeits: dict[int, str]


def faults(rules: Rules, positions: np.ndarray, answers: np.ndarray) -> dict[int, str]:
    """{row: what is wrong with that answer}.

    Raises:
        ValueError: not one answer a position.
    """
    answers = np.asarray(answers)
    if answers.shape != (len(positions), 2):
        raise ValueError(f"answers: given an array {answers.shape}, wanted ({len(positions)}, 2): a move and its value")
    found: dict[int, str] = {}
    legal = legal_moves(rules.game, positions)
    for row, (move, value) in enumerate(answers.tolist()):
        if not np.isfinite([move, value]).all():
            found[row] = f"move {move}, value {value}"
        elif move != int(move) or not 0 <= move < rules.game.moves or not legal[row, int(move)]:
            found[row] = f"illegal move {move:g}"
    return found


def check_answers(rules: Rules, positions: np.ndarray, answers: Any) -> np.ndarray:
    """`answers`, if each is a legal move with a value.

    Raises:
        ValueError: one is not.
    """
    for row, fault in faults(rules, positions, answers).items():
        raise ValueError(f"answers[{row}]: given {fault}, wanted a legal move and a finite value")
    return np.asarray(answers)


def play_games(rules: Rules, first: Program, second: Program, openings: np.ndarray) -> Games:
    """Plays every opening, uint64 (N, 2), to its end; `first` moves first. Who answers what is no move loses.

    Raises:
        ValueError: an opening that is no position in play, or answers that are not one a position.
    """
    game, positions = rules.game, check_positions(rules.game, openings).copy()
    results, moves = np.full(len(openings), 0.5), [[] for _ in openings]  # type: tuple[np.ndarray, list[list[int]]]
    forfeits: dict[int, str] = {}
    running = np.arange(len(openings))
    for player, won in cycle(((first, 1.0), (second, 0.0))):
        if not len(running):
            break
        answers = np.asarray(player(positions[running]))
        for row, fault in faults(rules, positions[running], answers).items():
            forfeits[int(running[row])], results[running[row]] = fault, 1 - won
        fine = [i not in forfeits for i in running.tolist()]
        running, chosen = running[fine], answers[fine, 0].astype(np.int64)
        positions[running] = play_all(game, positions[running], chosen)
        for i, move in zip(running.tolist(), chosen.tolist(), strict=True):
            moves[i].append(move)
        ended = np.array([has_row(game, own ^ stones) for own, stones in positions[running]], bool)
        results[running[ended]] = won
        running = running[~ended & (positions[running, 1] != game.board)]
    return Games(results, moves, forfeits)


def score(rules: Rules, player: Program, opponent: Program, openings: np.ndarray) -> np.ndarray:
    """Of each opening, what `player` scores in it on average over both colours, float64 (N,): wins + draws / 2."""
    as_first = play_games(rules, player, opponent, openings).results
    as_second = play_games(rules, opponent, player, openings).results
    return (as_first + 1 - as_second) / 2
