"""The referee of the board games: players of known strength, openings, and what it refuses."""

import numpy as np
import pytest
from hydra.utils import instantiate
from scipy.stats import binom

from common.program import Evaluator, Program
from control.baseline import MinmaxPlayer, PerfectPlayer, RandomPlayer
from control.evaluate import STONES, Opponent, Referee, elo, error_by_stones, error_figures
from control.game import CONNECT_FOUR, TIC_TAC_TOE, Rules, is_over, mirror
from control.labels import GROUPS
from control.match import openings
from control.tactics import can_win
from tests.referees import BOTH, SMALL, Worst, figures, move_scores, perfect, referee

# Positions


@BOTH
def test_the_perfect_player_makes_no_error(rules: Rules) -> None:
    evaluation = referee(rules)(perfect(rules))
    assert list(evaluation.scores) == ["outcome_kept", "exactly_best", "value_error"]
    assert (evaluation.scores["outcome_kept"] == 1).all()
    assert (evaluation.scores["exactly_best"] == 1).all()
    assert (evaluation.scores["value_error"] == 0).all()
    assert set(figures(evaluation).values()) == {0}


@BOTH
def test_the_worst_player_makes_the_errors_that_a_plain_loop_counts(rules: Rules) -> None:
    judge = referee(rules)
    evaluation = judge(Worst(rules))
    wrong: dict[str, list[bool]] = {}
    wrong_decisive: dict[str, list[bool]] = {}
    exact, value_errors = [], []
    for scores, group in zip(move_scores(rules, judge.labelled.positions), judge.labelled.groups, strict=True):
        best, made = max(scores.values()), min(scores.values())
        exact.append(best == made)
        value_errors.append(abs(0.25 - ((best > 0) - (best < 0))))
        wrong.setdefault(group, []).append(np.sign(best) != np.sign(made))
        if len({np.sign(score) for score in scores.values()}) > 1:
            wrong_decisive.setdefault(group, []).append(True)  # the worst of two outcomes is never the best
    found = figures(evaluation)
    for name, groups in (("error", wrong), ("error_decisive", wrong_decisive)):
        shares = {group: np.mean(each) for group, each in groups.items()}
        assert found[name] == pytest.approx(np.mean(list(shares.values())))
        assert {g: found[f"{name}/{g}"] for g in shares} == pytest.approx(shares)
        assert not {f"{name}/{group}" for group in GROUPS if group not in groups} & found.keys()
    assert evaluation.scores["outcome_kept"].mean() == pytest.approx(1 - np.mean(np.concatenate(list(wrong.values()))))
    assert evaluation.scores["exactly_best"].tolist() == exact
    assert evaluation.scores["value_error"].tolist() == value_errors


def test_each_group_has_the_same_weight_and_the_interval_is_that_of_a_bootstrap() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(["begin_hard", "end_easy"], [300, 50])
    wrong = (rng.random(350) < np.where(groups == "end_easy", 0.3, 0.1)).astype(float)
    parts = wrong[:300], wrong[300:]
    whole = error_figures("error", wrong, groups)[0]
    assert whole.value == pytest.approx((parts[0].mean() + parts[1].mean()) / 2)
    again = [np.mean([rng.choice(part, len(part)).mean() for part in parts]) for _ in range(4000)]
    assert (whole.low, whole.high) == pytest.approx(np.quantile(again, [0.025, 0.975]), abs=0.01)
    assert error_figures("error", wrong[:0], groups[:0]) == []


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_error_among_few_does_not_say_that_there_is_none(share: float) -> None:
    """Of n moves none is wrong, one time in forty, of a player that errs in 1 - 0.025 ** (1 / n) of all."""
    groups = np.repeat(["begin_hard", "end_easy"], [300, 50])
    whole, *parts = error_figures("error", np.full(350, share), groups)
    unseen = [1 - 0.025 ** (1 / n) for n in (50, 300)]
    away = [abs((f.high if share == 0 else f.low) - share) for f in parts]
    assert dict(zip((f.metric for f in parts), away, strict=True)) == pytest.approx(
        {"error/end_easy": unseen[0], "error/begin_hard": unseen[1]}
    )
    assert {f.value for f in (whole, *parts)} == {share}
    assert abs((whole.high if share == 0 else whole.low) - share) == pytest.approx(np.hypot(*unseen) / 2)
    assert (whole.low if share == 0 else whole.high) == pytest.approx(share)


def test_a_groups_interval_is_that_of_which_its_errors_are_one_time_in_forty() -> None:
    wrong = np.repeat([1.0, 0.0], [3, 97])
    _, part = error_figures("error", wrong, np.repeat("end_easy", 100))
    assert binom.sf(2, 100, part.low) == pytest.approx(0.025)
    assert binom.cdf(3, 100, part.high) == pytest.approx(0.025)


def test_the_curve_is_the_error_of_each_number_of_stones() -> None:
    stones = np.array([0, 1, STONES, STONES, 10 * STONES])
    data = error_by_stones(stones, np.array([1.0, 0, 1, 1, 0])).data
    assert data["x"] == [0.5, STONES, 10 * STONES]
    assert data["y"] == [0.5, 1, 0]
    assert referee(SMALL)(perfect(SMALL)).plots[0].name == "error by stones"


def test_examples_are_of_all_groups_and_repeat() -> None:
    judge = referee(SMALL)
    n = len(judge.labelled)
    assert set(judge.labelled.groups[:40]) == set(judge.labelled.groups)
    examples = judge.examples(2 * n + 3)
    assert examples.dtype == np.uint64
    assert np.array_equal(examples[n:], examples[: n + 3])
    assert isinstance(judge, Evaluator)


def test_a_preview_has_pictures_and_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("control.evaluate.PREVIEWED", 15)
    judge, player = referee(SMALL), MinmaxPlayer(rules=SMALL, depth=1)
    seen, whole = judge.preview(player), judge(player)
    assert not seen.figures
    assert all(np.array_equal(values, whole.scores[name][:15]) for name, values in seen.scores.items())
    assert any(judge.gallery({"minmax": seen}).values())


def test_the_splits_share_no_position() -> None:
    val, test = (
        {
            tuple(sorted((p.tobytes(), np.array([mirror(TIC_TAC_TOE.game, b) for b in p], np.uint64).tobytes())))
            for p in Referee(rules=TIC_TAC_TOE, split=split, each=5, opponents={}, openings=0).labelled.positions
        }
        for split in ("val", "test")
    )
    assert val
    assert not val & test


# Matches


@BOTH
def test_perfect_play_beats_chance_and_is_even_with_itself(rules: Rules) -> None:
    meets = {"itself": Opponent(player=perfect(rules), opening_plies=1)}
    meets["chance"] = Opponent(player=RandomPlayer(rules=rules, seed=0), opening_plies=4)
    judge = referee(rules, openings=20, split="test", **meets)
    found = figures(judge(perfect(rules)))
    assert (found["match/itself"], found["elo_over/itself"]) == (0.5, 0)
    assert 0.7 < found["match/chance"] < 1
    assert found["elo_over/chance"] == pytest.approx(-400 * np.log10(1 / found["match/chance"] - 1))
    back = referee(rules, openings=20, split="test", perfect=Opponent(player=perfect(rules), opening_plies=4))
    assert figures(back(RandomPlayer(rules=rules, seed=0)))["match/perfect"] == pytest.approx(1 - found["match/chance"])


def test_a_player_against_itself_scores_a_half_in_every_opening() -> None:
    player = MinmaxPlayer(rules=CONNECT_FOUR, depth=1)
    judge = referee(CONNECT_FOUR, openings=8, itself=Opponent(player=player, opening_plies=4))
    (match, rating), _ = judge._match(player, "itself", judge.opponents["itself"])
    assert (match.metric, match.value, match.low, match.high) == ("match/itself", 0.5, 0.5, 0.5)
    assert (rating.metric, rating.value) == ("elo_over/itself", 0)


def test_a_match_that_is_all_forfeits_is_lost_and_its_elo_is_finite() -> None:
    judge = referee(SMALL, openings=4, perfect=Opponent(player=perfect(SMALL), opening_plies=2))
    nonsense = lambda positions: np.full((len(positions), 2), 99)  # noqa: E731
    (match, rating), games = judge._match(nonsense, "x", judge.opponents["perfect"])
    assert match.value == 0
    assert rating.value == rating.low == rating.high == elo(0, 8)
    assert [(game.moves, game.forfeit) for game in games] == [([], "illegal move 99")] * 4


def test_a_match_begins_with_as_many_stones_as_either_player_asks_for() -> None:
    patient, asks = perfect(SMALL), PerfectPlayer(rules=SMALL, table_bits=12, fewest_stones=6)
    for one, other, plies in ((patient, patient, 2), (asks, patient, 6), (patient, asks, 6)):
        judge = referee(SMALL, openings=3, other=Opponent(player=other, opening_plies=2))
        _, records = judge._match(one, "other", judge.opponents["other"])
        assert [int(record.opening[1]).bit_count() for record in records] == [plies] * 3


def test_elo_is_the_logistic_curve_antisymmetric_and_finite() -> None:
    assert elo(0.5, 10) == 0
    assert elo(10 / 11, 100) == pytest.approx(400)
    assert elo(1, 10) == elo(0.95, 10) == pytest.approx(-elo(0, 10))
    assert all(elo(share, 40) == pytest.approx(-elo(1 - share, 40)) for share in (0, 0.01, 0.2, 0.7))


# Openings


@pytest.mark.parametrize(("rules", "plies"), [(CONNECT_FOUR, 4), (CONNECT_FOUR, 12), (SMALL, 5), (SMALL, 11)])
def test_openings_are_distinct_in_play_and_not_shared(rules: Rules, plies: int) -> None:
    game, seen = rules.game, set()
    splits = [openings(rules, split, plies=plies, n=40) for split in ("val", "test")]
    for positions in splits:
        assert positions.shape == (40, 2)
        assert positions.dtype == np.uint64
        assert (np.bitwise_count(positions[:, 1]) == plies).all()
        for own, stones in positions:
            assert not is_over(game, own, stones)
            assert not can_win(game, own, stones)
            seen.add(min((int(own), int(stones)), (int(mirror(game, own)), int(mirror(game, stones)))))
    assert len(seen) == 80
    assert np.array_equal(splits[1], openings(rules, "test", plies=plies, n=40)), "drawn alike each time"


def test_a_game_of_few_openings_gives_them_all() -> None:
    assert [len(openings(TIC_TAC_TOE, "val", plies=plies, n=30)) for plies in (0, 1)] == [1, 6]
    assert np.array_equal(openings(CONNECT_FOUR, "test", plies=0, n=3), [[0, 0]])
    with pytest.raises(ValueError, match="opening_plies: given 9, wanted so many that games go on after them"):
        openings(TIC_TAC_TOE, "val", plies=9, n=5)


# Settings, and what is refused


def test_a_limit_is_one_of_positions_and_of_openings() -> None:
    judge = referee(SMALL, openings=20, limit=3, perfect=Opponent(player=perfect(SMALL), opening_plies=3))
    assert judge.openings == 3
    assert len(judge.labelled) == len(judge(perfect(SMALL)).answers) == 3
    assert np.array_equal(judge.labelled.positions, referee(SMALL).labelled.positions[:3])


def test_it_is_made_from_plain_values() -> None:
    rules = {"_target_": "control.game.Rules", "height": 3, "width": 3, "row": 3, "drop": False}
    player = {"_target_": "control.baseline.PerfectPlayer", "rules": rules, "table_bits": 12}
    meets = {"_target_": "control.evaluate.Opponent", "player": player, "opening_plies": 2}
    settings = {"rules": rules, "split": "test", "each": 3, "opponents": {"perfect": meets}, "openings": 4}
    judge = instantiate({"_target_": "control.evaluate.Referee"} | settings, _convert_="all")
    assert figures(judge(perfect(TIC_TAC_TOE)))["match/perfect"] == 0.5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda p: np.zeros(len(p)), r"answers: given an array \(\d+,\), wanted \(\d+, 2\), a move and its value, or"),
        (
            lambda p: np.zeros((len(p), 3)),
            r"answers: given an array \(\d+, 3\), .* \(\d+, 7\), the share of each move too",
        ),
        (lambda p: np.full((len(p), 2), 9), r"answers\[0\]: given illegal move 9, wanted a legal move"),
        (lambda p: np.full((len(p), 2), np.nan), r"answers\[0\]: given move nan, value nan, wanted"),
        (lambda p: np.stack([perfect(SMALL)(p)[:, 0], np.full(len(p), np.inf)], 1), r"answers\[0\]: .* value inf"),
        (
            lambda p: np.pad(perfect(SMALL)(p), ((0, 0), (0, 5)), constant_values=np.nan),
            r"answers\[0\]: given shares that are not finite",
        ),
    ],
)
def test_answers_that_are_no_moves_are_refused(given: Program, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        referee(SMALL)(given)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"split": "train"}, "split: given 'train', wanted one of val, test"),
        ({"each": 0}, "each: given 0, wanted null or a whole number above 0"),
        ({"limit": -1}, "limit: given -1, wanted null or a whole number above 0"),
        ({"openings": -1}, "openings: given -1, wanted a whole number, 0 or more"),
    ],
)
def test_impossible_settings_are_refused(changed: dict, said: str) -> None:
    settings = {"rules": SMALL, "split": "val", "each": None, "opponents": {}, "openings": 0}
    with pytest.raises(ValueError, match=said):
        Referee(**settings | changed)
    with pytest.raises(ValueError, match="opening_plies: given -1, wanted 0 or more"):
        Opponent(player=perfect(SMALL), opening_plies=-1)
