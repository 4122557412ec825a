"""Games between two players, many in lock-step: each is asked for all its moves in one call.

A player is a Program: positions, uint64 (N, 2), in; float arrays (N, 2) out: a move, and the value that the player sees
for the side to move.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from common.program import Program
from control.game import Rules, has_row, is_over, legal_moves, play


@dataclass(frozen=True)
class Games:
    """What came of N games.

    Args:
        results: float64 (N,), seen by the side that moved first: 1 won, 0.5 drawn, 0 lost.
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
    """Plays every opening, uint64 (N, 2), to its end; `first` moves first. Who answers what is no move loses."""
    game = rules.game
    positions, results = openings.copy(), np.full(len(openings), 0.5)
    moves: list[list[int]] = [[] for _ in openings]
    forfeits: dict[int, str] = {}
    running = np.array([i for i, (own, stones) in enumerate(openings) if not is_over(game, own, stones)], int)
    mover, other = first, second
    while len(running):
        loses = 0.0 if mover is first else 1.0
        answers = np.asarray(mover(positions[running]))
        wrong = faults(rules, positions[running], answers)
        going = []
        for row, i in enumerate(running.tolist()):
            if row in wrong:
                forfeits[i], results[i] = wrong[row], loses
                continue
            move = int(answers[row, 0])
            moves[i].append(move)
            own, stones = positions[i] = play(game, positions[i, 0], positions[i, 1], move)
            if has_row(game, own ^ stones):
                results[i] = 1 - loses
            elif stones != game.board:
                going.append(i)
        running = np.array(going, int)
        mover, other = other, mover
    return Games(results, moves, forfeits)


def score(rules: Rules, player: Program, opponent: Program, openings: np.ndarray) -> np.ndarray:
    """Of each opening, what `player` scores in it on average over both colours, float64 (N,): wins + draws / 2."""
    as_first = play_games(rules, player, opponent, openings).results
    as_second = play_games(rules, opponent, player, openings).results
    return (as_first + 1 - as_second) / 2
