"""What the referee of the board games shows: positions and who was right, and games, looked back on."""

import re

import numpy as np
import pytest

from common.program import Baseline, Program
from control.baseline import RandomPlayer, RolloutPlayer
from control.evaluate import Opponent
from control.game import CONNECT_FOUR, TIC_TAC_TOE, Rules, has_row
from control.labels import leads_to
from control.match import Record, openings, outcomes, play_games, tell
from control.picture import GAP, LARGE, LINE, OUTCOMES, PALE, SHARES, game_picture, judged_picture
from control.positions import after, legal_moves, parse, play_all
from tests.referees import BOTH, SMALL, Worst, figures, move_scores, perfect, referee


def finish(rules: Rules, player: Program, start: np.ndarray, move: int) -> tuple[np.ndarray, list[list[int]]]:
    """The result for who makes `move`, and all moves, of a game in which `player` makes all the others."""

    def begins(positions: np.ndarray) -> np.ndarray:
        chosen = player(positions)
        chosen[(positions == start).all(1), 0] = move
        return chosen

    games = play_games(rules, begins, player, start[None])
    return games.results, games.moves


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
    for start, scores in zip(judge.labelled.positions, judge.labelled.scores, strict=True):
        notes = leads_to(rules, start[1], scores)
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
        assert evaluation.games == ()
        assert not any("game" in group for group in judge.gallery({"x": evaluation}))


@BOTH
@pytest.mark.parametrize("plies", [1, 4])
def test_games_against_the_last_opponent_are_kept_and_one_that_is_not_lost_is_shown(rules: Rules, plies: int) -> None:
    last: Baseline = Worst(rules)
    meets = {
        "perfect": Opponent(player=perfect(rules), opening_plies=plies),
        "worst": Opponent(player=last, opening_plies=plies),
    }
    judge = referee(rules, openings=3, limit=3, split="test", **meets)
    players = perfect(rules), RandomPlayer(rules=rules, seed=0)
    evaluations = {"perfect": judge(players[0]), "random": judge(players[1])}
    starts = openings(rules, "test", plies=plies, n=3)
    for player, evaluation in zip(players, evaluations.values(), strict=True):
        assert [game.opponent for game in evaluation.games] == ["worst"] * len(starts)
        assert np.array_equal([game.opening for game in evaluation.games], starts)
        assert [game.moves for game in evaluation.games] == play_games(rules, player, Worst(rules), starts).moves
    shown = judge.gallery(evaluations)["a game against worst"]
    assert [picture.pixels.shape for picture in shown] == [shown[0].pixels.shape] * 2
    first, second = ("red", "yellow") if plies % 2 == 0 else ("yellow", "red")
    for (name, evaluation), picture in zip(evaluations.items(), shown, strict=True):
        names = {first: name, second: "worst"}
        game = next((g for g in evaluation.games if outcomes(rules, g)[0][0] >= 0), evaluation.games[-1])
        told = tell(game, *outcomes(rules, game))
        assert told.startswith("The opening was a ")
        assert picture.caption == f"{names['red']} is red, {names['yellow']} yellow. {told}"
    assert f"{first}'s move" not in shown[0].caption, "perfect play changes no outcome"


@BOTH
def test_what_a_game_could_come_to_is_what_the_solver_says_of_each_position(rules: Rules) -> None:
    game, player = rules.game, RandomPlayer(rules=rules, seed=0)
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
    assert ["".join(".#"[c] for c in row) for row in written.astype(int)] == [
        ".......",
        ".......",
        ".......",
        ".......",
        "..#.#..",
        "#.#.###",
    ]
    code = [int(OUTCOMES["L"][i : i + 2], 16) for i in (1, 3, 5)]
    badges = (cells == code).all(4).any((2, 3))
    assert np.argwhere(badges).tolist() == [[4, 2], [5, 5]]
