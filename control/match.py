"""Games between two players, many in lock-step: each is asked for all its moves in one call.

A player is a Program: positions, uint64 (N, 2), in; float arrays (N, 2) out: a move, and the value that the player sees
for the side to move, from -1 to 1. One that likes to say how it weighed the moves answers (N, 2 + moves): beside these
the share of each move, 0 to 1.
"""

from dataclasses import dataclass
from itertools import cycle
from typing import Any, Literal

import numpy as np

from common.program import Program
from control import solver
from control.game import Rules, has_row, is_over
from control.labels import keys
from control.picture import SIDES
from control.positions import check_positions, legal_moves, play_all
from control.tactics import can_win

ROUND = 512  # openings that are drawn at a time
TABLE_BITS = 24  # of the solver that looks back on a game
WORTH = {-1: "a loss", 0: "a draw", 1: "a win"}


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


@dataclass(frozen=True)
class Record:
    """A game of the program being judged, which moved first in it, from the opening on.

    Args:
        opponent: its name.
        opening: uint64 (2,).
        moves: of both sides in turn.
        forfeit: what the loser answered that is no move; empty if the game was played to its end.
    """

    opponent: str
    opening: np.ndarray
    moves: list[int]
    forfeit: str = ""

    def sides(self) -> tuple[str, ...]:
        """The colours of who moves first from the opening on, and of who moves second."""
        return SIDES[:: -1 if int(self.opening[1]).bit_count() % 2 else 1]


def faults(rules: Rules, positions: np.ndarray, answers: np.ndarray) -> dict[int, str]:
    """{row: what is wrong with that answer}.

    Raises:
        ValueError: not one answer a position.
    """
    answers, n, moves = np.asarray(answers), len(positions), rules.game.moves
    if answers.shape not in ((n, 2), (n, 2 + moves)):
        wanted = f"wanted ({n}, 2), a move and its value, or ({n}, {2 + moves}), the share of each move too"
        raise ValueError(f"answers: given an array {answers.shape}, {wanted}")
    found: dict[int, str] = {}
    legal = legal_moves(rules.game, positions)
    for row, (move, value, *shares) in enumerate(answers.tolist()):
        if not np.isfinite([move, value]).all():
            found[row] = f"move {move}, value {value}"
        elif not np.isfinite(shares).all():
            found[row] = "shares that are not finite"
        elif move != int(move) or not 0 <= move < moves or not legal[row, int(move)]:
            found[row] = f"illegal move {move:g}"
    return found


def check_answers(rules: Rules, positions: np.ndarray, answers: Any) -> np.ndarray:
    """`answers`, if each is a legal move with a value, and with shares if they are given.

    Raises:
        ValueError: one is not.
    """
    for row, fault in faults(rules, positions, answers).items():
        raise ValueError(f"answers[{row}]: given {fault}, wanted a legal move and finite numbers")
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


def play_match(rules: Rules, player: Program, opponent: Program, openings: np.ndarray) -> tuple[np.ndarray, Games]:
    """Plays every opening with both colours; a player against itself once, for it answers alike each time.

    Returns:
        What `player` scores in each on average, float64 (N,): wins + draws / 2; and the games in which it moved first.
    """
    as_first = play_games(rules, player, opponent, openings)
    as_second = as_first if player == opponent else play_games(rules, opponent, player, openings)
    return (as_first.results + 1 - as_second.results) / 2, as_first


def outcomes(rules: Rules, record: Record) -> tuple[list[int], list[int]]:
    """What a game could come to under perfect play, seen by who is to move: 1 a win, 0 a draw, -1 a loss.

    Returns:
        Before each move (of the opening if there was none), and after each move, seen by who made it.
    """
    game, positions = rules.game, [record.opening[None]]
    for move in record.moves[:-1]:
        positions.append(play_all(game, positions[-1], np.array([move])))
    memory = solver.memory(game, table_bits=TABLE_BITS)
    scores = solver.score_moves(game, memory, np.concatenate(positions), True)
    return scores.max(1).tolist(), scores[np.arange(len(record.moves)), record.moves].tolist()


def tell(record: Record, before: list[int], after: list[int]) -> str:
    """What came of a game, from its `outcomes`: what its opening was worth, which moves changed that, how it ended."""
    sides, last = record.sides(), len(record.moves)
    worth = f"a win for {sides[int(before[0] < 0)]}" if before[0] else "a draw"
    changes = [
        f"{sides[i % 2]}'s move {i + 1} turned {WORTH[was]} into {WORTH[made]}"
        for i, (was, made) in enumerate(zip(before, after, strict=False))
        if made != was
    ]
    if record.forfeit:
        end = f"{sides[last % 2]} lost by an answer that is no move ({record.forfeit})"
    else:
        end = f"{sides[(last - 1) % 2]} won with move {last}" if after[-1] else f"it ended in a draw with move {last}"
    changed = ", ".join(changes) or "no move changed that"
    return f"The opening was {worth} under perfect play; {changed}; {end}."


def openings(rules: Rules, split: Literal["val", "test"], *, plies: int, n: int) -> np.ndarray:
    """uint64 (n, 2): positions after random moves, no two alike or mirror images, none won by the very next move.

    Fewer where the game has fewer. The splits share none where it has 2 n of them: the referee's matches, all on the
    test split, leave the first n to whoever chooses between players by matches.

    Raises:
        ValueError: there are none after so many moves.
    """
    game, rng = rules.game, np.random.default_rng(plies)
    found: dict[int, np.ndarray] = {}
    before = -1
    while before < len(found) < 2 * n:  # until a round adds none
        before = len(found)
        positions = np.zeros((ROUND, 2), np.uint64)
        for _ in range(plies):
            legal = legal_moves(game, positions)
            positions = play_all(game, positions, np.where(legal, rng.random(legal.shape), -1.0).argmax(1))
            positions = positions[[not is_over(game, own, stones) for own, stones in positions]]
        positions = positions[[not can_win(game, own, stones) for own, stones in positions]]
        for name, position in zip(keys(game, positions).tolist(), positions, strict=True):
            found.setdefault(name, position)
    pool = np.array(list(found.values()))[: 2 * n]
    if not len(pool):
        raise ValueError(f"opening_plies: given {plies}, wanted so many that games go on after them")
    return pool[:n] if split == "val" else pool[-n:]
