"""Referees to test with, players for them whose moves are known, and what they say."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from common.program import Evaluation
from control import solver
from control.baseline import PerfectPlayer
from control.evaluate import Opponent, Referee, Split
from control.game import TIC_TAC_TOE, Rules

SMALL = Rules(height=4, width=5, row=4, drop=True)
BOTH = pytest.mark.parametrize("rules", [SMALL, TIC_TAC_TOE], ids=["small", "tic-tac-toe"])


@cache
def referee(
    rules: Rules, openings: int = 0, limit: int | None = None, split: Split = "val", **opponents: Opponent
) -> Referee:
    return Referee(rules=rules, split=split, each=None, opponents=opponents, openings=openings, limit=limit)


def perfect(rules: Rules) -> PerfectPlayer:
    return PerfectPlayer(rules=rules, table_bits=18)


def move_scores(rules: Rules, positions: np.ndarray) -> list[dict[int, int]]:
    """{legal move: score} of each."""
    table = solver.score_moves(rules.game, solver.memory(rules.game, table_bits=16), positions, False)
    return [{m: int(s) for m, s in enumerate(row) if s != solver.ILLEGAL} for row in table]


@dataclass(frozen=True)
class Worst:
    """Plays the move of the worst score, and always says 0.25."""

    rules: Rules

    def build(self, data: object) -> "Worst":
        return self

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        return np.array([(min(scores, key=scores.__getitem__), 0.25) for scores in move_scores(self.rules, positions)])


def figures(evaluation: Evaluation) -> dict[str, float]:
    for f in evaluation.figures:
        if f.low is not None or f.high is not None:  # one position has no interval
            assert f.low <= f.value <= f.high, f
    return {f.metric: f.value for f in evaluation.figures}
