"""The referee of the board games: players of known strength, openings, pictures, and what it refuses."""

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hydra.utils import instantiate

from common.program import Baseline, Evaluation, Evaluator, Program
from control import solver
from control.baseline import MinmaxPlayer, PerfectPlayer, RolloutPlayer
from control.evaluate import STONES, Opponent, Referee, Split, elo, error_by_stones, error_figures
from control.game import CONNECT_FOUR, TIC_TAC_TOE, Rules, has_row, is_over, mirror
from control.labels import GROUPS
from control.match import Record, openings, outcomes, play_games, tell
from control.picture import GAP, LARGE, LINE, OUTCOMES, PALE, SHARES, game_picture, judged_picture
from control.positions import after, legal_moves, parse, play_all
from control.tactics import can_win

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


@dataclass(frozen=True)
class RandomMover:
    """One move of each position, drawn by it."""

    rules: Rules

    def build(self, data: object) -> "RandomMover":
        return self

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        legal = legal_moves(self.rules.game, positions)
        moves = [np.random.default_rng(p).choice(np.flatnonzero(m)) for p, m in zip(positions, legal, strict=True)]
        return np.stack([moves, np.zeros(len(moves))], 1)


def finish(rules: Rules, player: Program, start: np.ndarray, move: int) -> tuple[np.ndarray, list[list[int]]]:
    """The result for who makes `move`, and all moves, of a game in which `player` makes all the others."""

    def begins(positions: np.ndarray) -> np.ndarray:
        chosen = player(positions)
        chosen[(positions == start).all(1), 0] = move
        return chosen

    games = play_games(rules, begins, player, start[None])
    return games.results, games.moves


def figures(evaluation: Evaluation) -> dict[str, float]:
    for f in evaluation.figures:
        assert f.low is not None
        assert f.high is not None
        assert f.low <= f.value <= f.high, f
    return {f.metric: f.value for f in evaluation.figures}


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
    meets["chance"] = Opponent(player=RandomMover(rules), opening_plies=4)
    judge = referee(rules, openings=20, split="test", **meets)
    found = figures(judge(perfect(rules)))
    assert (found["match/itself"], found["elo_over/itself"]) == (0.5, 0)
    assert 0.7 < found["match/chance"] < 1
    assert found["elo_over/chance"] == pytest.approx(-400 * np.log10(1 / found["match/chance"] - 1))
    back = referee(rules, openings=20, split="test", perfect=Opponent(player=perfect(rules), opening_plies=4))
    assert figures(back(RandomMover(rules)))["match/perfect"] == pytest.approx(1 - found["match/chance"])


def test_a_player_against_itself_scores_a_half_in_every_opening() -> None:
    player = MinmaxPlayer(rules=CONNECT_FOUR, depth=1)
    judge = referee(CONNECT_FOUR, openings=8, itself=Opponent(player=player, opening_plies=4))
    (match, rating), _ = judge._match(player, "itself", judge.opponents["itself"])
    assert (match.metric, match.value, match.low, match.high) == ("match/itself", 0.5, 0.5, 0.5)
    assert (rating.metric, rating.value) == ("elo_over/itself", 0)


def test_a_match_that_is_all_forfeits_is_lost_and_its_elo_is_finite() -> None:
    judge = referee(SMALL, openings=4, perfect=Opponent(player=perfect(SMALL), opening_plies=2))
    nonsense = lambda positions: np.full((len(positions), 2), 99)  # noqa: E731
    (match, rating), record = judge._match(nonsense, "x", judge.opponents["perfect"])
    assert match.value == 0
    assert rating.value == rating.low == rating.high == elo(0, 8)
    assert (record.moves, record.forfeit) == ([], "illegal move 99")


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


# The gallery


@BOTH
def test_the_gallery_shows_who_was_right(rules: Rules) -> None:
    judge = referee(rules)
    answers = {"perfect": judge(perfect(rules)), "worst": judge(Worst(rules))}
    gallery = judge.gallery(answers)
    assert gallery.keys() == {"only perfect right", "only worst right", "all wrong", "all right"}
    assert len(gallery["only perfect right"]) == 6
    assert gallery["only worst right"] == gallery["all wrong"] == []
    assert gallery["all right"] == [], "where any move is right, none is worth showing"
    place = r"column \d" if rules.drop else r"column \d row \d"
    wanted = (
        rf"(red|yellow) to move (wins in \d+ (ply|plies)|draws) \| perfect: {place}, \+\d\.\d\d; worst: {place}, \+0.25"
    )
    for picture in gallery["only perfect right"]:
        assert picture.pixels.dtype == np.uint8
        assert picture.pixels.shape == gallery["only perfect right"][0].pixels.shape
        assert picture.pixels.shape[2:] == (3,)
        assert re.fullmatch(wanted, picture.caption), picture.caption
    assert judge.gallery({"worst": answers["worst"]}).keys() == {"all wrong", "all right"}
    assert len(judge.gallery({"perfect": answers["perfect"]})["all right"]) == 6


@BOTH
def test_notes_are_the_plies_that_a_game_of_perfect_play_takes(rules: Rules) -> None:
    judge, player = referee(rules, limit=12), perfect(rules)
    for i, start in enumerate(judge.labelled.positions):
        notes = judge._notes(i)
        assert list(notes) == np.flatnonzero(legal_moves(rules.game, start[None])[0]).tolist()
        for move, note in notes.items():
            (result,), (moves,) = finish(rules, player, start, move)
            assert note == ("D" if result == 0.5 else f"{'W' if result else 'L'} {len(moves)}")


def test_a_picture_says_what_each_move_leads_to_and_who_chose_it() -> None:
    game = CONNECT_FOUR.game
    position = parse(game, ". . . . . . .\n" * 4 + ". . O O . . .\n" + ". . X X X . .")
    notes = {move: f"L {move}" for move in range(5)} | {5: "W 1", 6: "D"}
    picture = judged_picture(CONNECT_FOUR, *position, notes=notes, choices={"a": 5, "b": 2}, shares={})
    left = picture.shape[1] - GAP - 7 * LARGE
    colours = {letter: np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) for letter, code in OUTCOMES.items()}

    def written(row: int, column: int) -> set[str]:
        cell = picture[GAP + row * LARGE :, left + column * LARGE :][:LARGE, :LARGE]
        return {letter for letter, colour in colours.items() if (cell == colour).all(2).any()}

    assert [written(5, column) for column in range(7)] == [{"L"}, {"L"}, set(), set(), set(), {"W"}, {"D"}]
    assert [written(4, column) for column in range(7)] == [set()] * 4 + [{"L"}] + [set()] * 2
    assert [written(3, column) for column in range(7)] == [set(), set(), {"L"}, {"L"}] + [set()] * 3
    lines = picture[GAP + 6 * LARGE :, left:]
    signs = [
        [(lines[line * 36 :][:36, c * LARGE :][:, :LARGE] == colours[k]).all(2).any() for c in range(7)]
        for line, k in enumerate("WL")
    ]
    assert signs == [[c == 5 for c in range(7)], [c == 2 for c in range(7)]], "a tick for a, a cross for b"


def columns_in(picture: np.ndarray, rules: Rules, top: int, height: int, colour: str) -> list[bool]:
    """Whether a pixel of exactly that colour stands below each column of the board."""
    band = picture[top : top + height, picture.shape[1] - GAP - rules.width * LARGE :][:, : rules.width * LARGE]
    code = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return (band == code).all(2).reshape(height, rules.width, LARGE).any((0, 2)).tolist()


@pytest.mark.parametrize(
    ("rules", "shares", "written"),
    [
        (CONNECT_FOUR, [0.009, 0.01, 0.62, 0, 0, 0.3, 0.061], [False, True, True, False, False, True, True]),
        (TIC_TAC_TOE, [0, 0, 0, 0.004, 0.004, 0.004, 0.5, 0, 0.488], [False, True, True]),
    ],
    ids=["connect four", "tic-tac-toe"],
)
def test_shares_stand_below_their_columns_if_they_are_one_percent(
    rules: Rules, shares: list[float], written: list[bool]
) -> None:
    empty = after(rules.game, [])
    notes, choices = dict.fromkeys(range(rules.game.moves), "D"), {"a": 0, "b": 0, "c": 1}
    picture = judged_picture(rules, *empty, notes=notes, choices=choices, shares={"b": np.array(shares)})
    below = GAP + rules.height * LARGE
    assert columns_in(picture, rules, below + 2 * LINE, SHARES, PALE) == written
    assert not any(columns_in(picture, rules, below, LINE, PALE))
    assert not any(columns_in(picture, rules, below + 2 * LINE + SHARES, LINE, PALE)), "c says nothing of them"
    plain = judged_picture(rules, *empty, notes=notes, choices=choices, shares={})
    assert len(picture) == len(plain) + SHARES


def test_a_player_may_say_how_it_weighed_the_moves() -> None:
    judge, player = referee(SMALL, limit=20), RolloutPlayer(rules=SMALL, simulations=40, exploration=1.0, seed=0)
    said, silent = judge(player), judge(lambda positions: player(positions)[:, :2])
    assert said.answers.shape == (20, 7)
    assert figures(said) == figures(silent)
    (a,), (b,) = (judge.gallery({"x": e})["all right"][:1] for e in (said, silent))
    assert a.caption == b.caption
    assert len(a.pixels) == len(b.pixels) + SHARES


# A game, looked back on


def test_no_game_is_shown_where_no_match_was_played() -> None:
    meets = Opponent(player=perfect(SMALL), opening_plies=5)
    for judge in (referee(SMALL, openings=2, limit=3, perfect=meets), referee(SMALL, limit=3, split="test")):
        evaluation = judge(perfect(SMALL))
        assert evaluation.game is None
        assert not any("game" in group for group in judge.gallery({"x": evaluation}))


@BOTH
@pytest.mark.parametrize("plies", [1, 4])
def test_the_game_is_that_of_the_first_opening_against_the_last_opponent(rules: Rules, plies: int) -> None:
    last: Baseline = Worst(rules)
    meets = {
        "perfect": Opponent(player=perfect(rules), opening_plies=plies),
        "worst": Opponent(player=last, opening_plies=plies),
    }
    judge, players = referee(rules, openings=3, limit=3, split="test", **meets), (perfect(rules), RandomMover(rules))
    evaluations = {"perfect": judge(players[0]), "random": judge(players[1])}
    starts = openings(rules, "test", plies=plies, n=3)
    for player, evaluation in zip(players, evaluations.values(), strict=True):
        assert evaluation.game.opponent == "worst"
        assert np.array_equal(evaluation.game.opening, starts[0])
        assert evaluation.game.moves == play_games(rules, player, Worst(rules), starts[:1]).moves[0]
    shown = judge.gallery(evaluations)["a game against worst"]
    assert [picture.pixels.shape for picture in shown] == [shown[0].pixels.shape] * 2
    first, second = ("red", "yellow") if plies % 2 == 0 else ("yellow", "red")
    for name, picture in zip(evaluations, shown, strict=True):
        names = {first: name, second: "worst"}
        assert picture.caption.startswith(f"{names['red']} is red, {names['yellow']} yellow. The opening was a ")
    assert f"{first}'s move" not in shown[0].caption, "perfect play changes no outcome"


@BOTH
def test_what_a_game_could_come_to_is_what_the_solver_says_of_each_position(rules: Rules) -> None:
    game, player = rules.game, RandomMover(rules)
    changed = 0
    for start in openings(rules, "test", plies=3, n=5):
        (moves,) = play_games(rules, player, player, start[None]).moves
        before, after_ = outcomes(rules, Record("x", start, moves))
        positions = [start[None]]
        for move in moves:
            positions.append(play_all(game, positions[-1], np.array([move])))
        tables = move_scores(rules, np.concatenate(positions[:-1]))
        assert before == [np.sign(max(scores.values())) for scores in tables]
        assert after_ == [np.sign(scores[move]) for scores, move in zip(tables, moves, strict=True)]
        assert before[1:] == [-made for made in after_[:-1]], "what one side gets the other does not"
        own, stones = positions[-1][0]
        assert after_[-1] == has_row(game, own ^ stones)
        changed += sum(made < was for was, made in zip(before, after_, strict=True))
    assert changed


def test_a_game_is_told_in_words() -> None:
    """Games whose every turn is known by heart."""
    game = TIC_TAC_TOE.game

    def told(opening: list[int], moves: list[int], forfeit: str = "") -> str:
        record = Record("x", after(game, opening), moves, forfeit)
        return tell(record, *outcomes(TIC_TAC_TOE, record))

    assert told([0], [1, 4, 8, 6, 3, 2]) == (
        "The opening was a draw under perfect play; yellow's move 1 turned a draw into a loss; red won with move 6."
    )
    assert told([0], [4, 8, 1, 7, 6, 2, 5, 3]) == (
        "The opening was a draw under perfect play; no move changed that; it ended in a draw with move 8."
    )
    assert told([0, 1], [4, 8, 3, 6, 5]) == (
        "The opening was a win for red under perfect play; no move changed that; red won with move 5."
    )
    assert told([0], [1, 4, 8, 2, 6, 7, 3, 5]) == (
        "The opening was a draw under perfect play; yellow's move 1 turned a draw into a loss, "
        "red's move 4 turned a win into a draw; it ended in a draw with move 8."
    )
    assert told([0, 1, 4], [], "illegal move 9") == (
        "The opening was a win for red under perfect play; no move changed that; "
        "yellow lost by an answer that is no move (illegal move 9)."
    )


def test_the_picture_of_a_game_numbers_its_moves_and_marks_those_that_changed_the_outcome() -> None:
    opening, moves = after(CONNECT_FOUR.game, [3, 3, 3]), [2, 2, 4, 4, 5, 0, 6]
    picture = game_picture(CONNECT_FOUR, opening, moves, names=("a", "b"), marked=[2, 5])
    board = picture[GAP + 2 * LINE :, GAP:][: 6 * LARGE, : 7 * LARGE]
    cells = board.reshape(6, LARGE, 7, LARGE, 3).swapaxes(1, 2)
    written = (cells[:, :, 20:-20, 20:-20] != cells[:, :, 20:21, 20:21]).any((2, 3, 4))
    assert ["".join(".X"[c] for c in row) for row in written.astype(int)] == [
        ".......",
        ".......",
        ".......",
        ".......",
        "..X.X..",
        "X.X.XXX",
    ]
    code = [int(OUTCOMES["L"][i : i + 2], 16) for i in (1, 3, 5)]
    badges = (cells == code).all(4).any((2, 3))
    assert np.argwhere(badges).tolist() == [[4, 2], [5, 5]]


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
