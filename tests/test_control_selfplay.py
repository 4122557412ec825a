"""Self-play, on games that are small enough to know everything of."""

from functools import partial

import numpy as np
import pytest

from control import labels, solver
from control.game import TIC_TAC_TOE, Game, Rules
from control.positions import check_positions, legal_moves
from control.records import table
from control.selfplay import Habits, Played, self_play
from control.tree import Selection
from tests.boards import SMALL, random_positions
from tests.nets import HABITS, PUCT


def knows_nothing(game: Game, positions: np.ndarray) -> np.ndarray:
    return np.zeros((len(positions), game.moves + 3), np.float32)


def played(rules: Rules, *, seed: int = 0, barred: tuple = (), wanted: int = 300, **changed: object) -> Played:
    habits = HABITS._replace(**{k: v for k, v in changed.items() if k in Habits._fields})
    selection = PUCT._replace(**{k: v for k, v in changed.items() if k in Selection._fields})
    return self_play(
        rules.game,
        habits,
        selection,
        partial(knows_nothing, rules.game),
        table(rules.game, 16),
        wanted=wanted,
        barred=np.array(barred, np.uint64),
        cache_bits=12,
        rng=np.random.default_rng(seed),
    )


WAYS = [{}, {"reuse_trees": True}, {"gumbel": True}, {"proofs": False}]


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("rules", [SMALL, TIC_TAC_TOE], ids=["small", "tic-tac-toe"])
def test_records_are_positions_in_play_with_what_is_true_of_them(rules: Rules, way: dict) -> None:
    game, found = rules.game, played(rules, **way)
    records = found.records
    check_positions(game, records.positions)
    assert len(records.outcome) >= 300
    total = records.policy.sum(1)
    assert np.allclose(total[total > 0], 1, atol=1e-5)
    assert not records.policy[~legal_moves(game, records.positions)].any()
    np.testing.assert_allclose(records.searched.sum(1), 1, atol=1e-5)
    assert (records.searched >= -1e-6).all()
    proven = (records.searched == 1).any(1)
    exact = solver.solve_all(game, solver.memory(game, table_bits=16), records.positions, True)
    assert np.array_equal(1 - records.searched[proven].argmax(1), exact[proven]), "what is proven is true"
    if way.get("proofs", True):
        assert proven.any()
        assert np.array_equal(total[proven] == 0, exact[proven] == -1), "where every move loses there is none to learn"


@pytest.mark.parametrize(("rules", "outcomes"), [(SMALL, 2), (TIC_TAC_TOE, 3)], ids=["small", "tic-tac-toe"])
def test_the_outcome_is_what_the_game_came_to(rules: Rules, outcomes: int) -> None:
    """Players that know every outcome never change it, so that what comes of a game is what its positions are worth."""
    game, memory = rules.game, solver.memory(rules.game, table_bits=16)

    def knows_all(positions: np.ndarray) -> np.ndarray:
        said = np.zeros((len(positions), game.moves + 3), np.float32)
        scores = np.sign(solver.score_moves(game, memory, positions, True))
        said[:, : game.moves] = np.where(scores == scores.max(1, keepdims=True), 50, -50)
        said[np.arange(len(positions)), game.moves + 1 - scores.max(1)] = 50
        return said

    habits = HABITS._replace(noise_share=0.0, play_on=1.0)
    rng, none = np.random.default_rng(0), np.zeros(0, np.uint64)
    at = table(game, 16)
    found = self_play(game, habits, PUCT, knows_all, at, wanted=300, barred=none, cache_bits=12, rng=rng)
    exact = solver.solve_all(game, memory, found.records.positions, True)
    assert np.array_equal(found.records.outcome, exact)
    assert len(set(exact.tolist())) == outcomes


def test_self_play_goes_on_from_a_table_that_it_leaves_alone() -> None:
    first = played(SMALL)
    again = played(SMALL)
    for a, b in zip((*first.records, *first.table), (*again.records, *again.table), strict=True):
        assert np.array_equal(a, b)
    before = [array.copy() for array in first.table]
    on = self_play(
        SMALL.game,
        HABITS,
        PUCT,
        partial(knows_nothing, SMALL.game),
        first.table,
        wanted=50,
        barred=np.zeros(0, np.uint64),
        cache_bits=12,
        rng=np.random.default_rng(1),
    )
    assert all(np.array_equal(a, b) for a, b in zip(before, first.table, strict=True))
    assert len(on.records.outcome) >= 50


def test_no_game_begins_with_a_barred_position() -> None:
    """Of one stone there are two positions, up to mirror images; with those barred all games begin otherwise."""
    game = SMALL.game
    ones = random_positions(game, 1, 30)
    barred = np.unique(np.concatenate([labels.keys(game, ones), labels.keys(game, np.zeros((1, 2), np.uint64))]))
    assert len(barred) == 3
    found = played(SMALL, barred=tuple(barred), full_share=1.0, opening_plies=2)
    assert np.bitwise_count(found.records.positions[:, 1]).min() == 2


def test_openings_that_are_proven_at_once_fill_no_more_than_there_is_room_for() -> None:
    """With two in a row to win, who has laid one stone threatens more than can be parried."""
    rules = Rules(height=3, width=3, row=2, drop=True)
    found = played(rules, opening_share=1.0, opening_plies=1, play_on=0.0, wanted=40)
    assert 40 <= len(found.records.outcome) <= 40 + 16 * 9
    assert (found.records.outcome == -1).all()
    assert found.evaluations == 0


def test_most_games_end_when_they_are_proven_and_the_others_go_on() -> None:
    cut, whole = played(SMALL, play_on=0.0), played(SMALL, play_on=1.0)
    assert whole.moves / whole.games > cut.moves / cut.games + 0.5
