"""The hand-written players: exact scores against a plain search and published ones, the others against plain twins."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from bitbully_databases import BitBullyDatabases

from control import rollouts, solver
from control.baseline import OPEN_ROW_WORTH, STEEPNESS, MinmaxPlayer, PerfectPlayer, RolloutPlayer
from control.game import CONNECT_FOUR, TIC_TAC_TOE, Game, Rules, all_rows, has_row, mirror, play
from control.positions import after, legal_moves, parse, planes
from control.predict import predict
from control.tactics import can_win
from tests.boards import SMALL, random_positions

RULES = [CONNECT_FOUR, TIC_TAC_TOE, SMALL, Rules(height=3, width=4, row=3, drop=False)]


def plain_scores(game: Game, position: np.ndarray) -> dict[int, int]:
    """The score of every legal move, by going through all games that are left."""
    return {
        move: -_plain(game, *play(game, *position, move))
        for move in np.flatnonzero(legal_moves(game, position[None])[0]).tolist()
    }


@cache
def _plain(game: Game, own: int, stones: int) -> int:
    position = np.array([own, stones], np.uint64)
    if has_row(game, position[0] ^ position[1]):
        return -((int(game.board).bit_count() - stones.bit_count()) // 2 + 1)
    return max(plain_scores(game, position).values(), default=0)


@pytest.mark.parametrize(
    ("rules", "plies", "n"),
    [
        (CONNECT_FOUR, 31, 30),
        (CONNECT_FOUR, 37, 40),
        (TIC_TAC_TOE, 0, 1),
        (TIC_TAC_TOE, 3, 20),
        (SMALL, 6, 20),
        (SMALL, 11, 20),
        (RULES[3], 3, 10),
    ],
)
def test_scores_are_those_of_a_plain_search(rules: Rules, plies: int, n: int) -> None:
    game = rules.game
    memory = solver.memory(game, table_bits=12)
    positions = random_positions(game, plies, n)
    found = solver.score_moves(game, memory, positions, False)
    outcomes = solver.score_moves(game, memory, positions, True)
    answers = solver.best_moves(game, memory, positions)
    for position, scores, outcome, (move, value) in zip(positions, found, outcomes, answers, strict=True):
        truth = plain_scores(game, position)
        assert {m: s for m, s in enumerate(scores) if s != solver.ILLEGAL} == truth
        assert {m: s for m, s in enumerate(outcome) if s != solver.ILLEGAL} == {m: np.sign(s) for m, s in truth.items()}
        assert truth[int(move)] == max(truth.values())
        assert value == np.sign(max(truth.values()))
    expected = [max(plain_scores(game, p).values()) for p in positions]
    assert solver.solve_all(game, memory, positions, False).tolist() == expected
    mirrored = np.array([[mirror(game, bits) for bits in p] for p in positions], np.uint64)
    assert solver.solve_all(game, memory, mirrored, False).tolist() == expected


def book_board(position: np.ndarray, plies: int) -> list[list[int]]:
    """As the book wants it: 1 for the side that moved first."""
    first, second = planes(CONNECT_FOUR.game, position[None])[0][:: 1 if plies % 2 == 0 else -1]
    return (first + 2 * second.astype(int)).tolist()


def test_scores_after_8_stones_are_those_of_a_published_book() -> None:
    """BitBully's 8-ply book (MIT licence) holds the outcome of every position in which nobody can win at once."""
    game = CONNECT_FOUR.game
    book = BitBullyDatabases("8-ply")
    memory = solver.memory(game, table_bits=22)
    positions = random_positions(game, 8, 6)
    quiet = [p for p in positions if not can_win(game, *p) and not can_win(game, p[0] ^ p[1], p[1])]
    assert len(quiet) > 2
    outcomes = solver.solve_all(game, memory, np.array(quiet), True)
    assert [np.sign(book.get_book_value(book_board(p, 8))) for p in quiet] == outcomes.tolist()


def plain_minmax(rules: Rules, position: np.ndarray, depth: int) -> float:
    """All lines to the depth, without pruning, with the rules of thumb as they are worded."""
    game = rules.game
    own, stones = position
    if has_row(game, own ^ stones):
        return -2.0 - 0.01 * depth
    moves = np.flatnonzero(legal_moves(game, position[None])[0])
    if not len(moves):
        return 0.0
    if depth:
        return max(-plain_minmax(rules, np.array(play(game, own, stones, m), np.uint64), depth - 1) for m in moves)
    total = 0.0
    for row in all_rows(rules):
        mine, theirs = int(row & own).bit_count(), int(row & (own ^ stones)).bit_count()
        total += 0 if mine and theirs else OPEN_ROW_WORTH[mine] - OPEN_ROW_WORTH[theirs]
    return float(np.tanh(STEEPNESS * total))


@pytest.mark.parametrize(("rules", "plies"), [(CONNECT_FOUR, 9), (CONNECT_FOUR, 30), (TIC_TAC_TOE, 2), (SMALL, 5)])
def test_minmax_sees_what_a_plain_search_to_its_depth_sees(rules: Rules, plies: int) -> None:
    positions = random_positions(rules.game, plies, 6)
    answers = MinmaxPlayer(rules=rules, depth=3)(positions)
    for position, (move, value) in zip(positions, answers, strict=True):
        assert value == pytest.approx(np.clip(plain_minmax(rules, position, 3), -1, 1))
        child = np.array(play(rules.game, *position, int(move)), np.uint64)
        assert -plain_minmax(rules, child, 2) == pytest.approx(plain_minmax(rules, position, 3))


def test_there_are_as_many_rows_as_published() -> None:
    assert [len(all_rows(rules)) for rules in (CONNECT_FOUR, TIC_TAC_TOE)] == [69, 8]


PLAYERS = {
    "perfect": lambda rules: PerfectPlayer(rules=rules, table_bits=20),
    "minmax": lambda rules: MinmaxPlayer(rules=rules, depth=4),
    "rollouts": lambda rules: RolloutPlayer(rules=rules, simulations=1000, exploration=1.0, seed=0),
}
THREATS = [
    (". . . . . . .\n" * 5 + "O O X X X . O", 5, 1),  # wins
    (". . . . . . .\n" * 4 + ". . . . . X .\n" + "O O O . X X .", 3, -1),  # must block
    (". . . . . . .\n" * 4 + ". . . O . . .\n" + ". . X X . O .", 1, 1),  # makes two threats at once
]


@pytest.mark.parametrize("name", PLAYERS)
@pytest.mark.parametrize(("board", "move", "least"), THREATS)
def test_every_player_sees_what_lies_before_it(name: str, board: str, move: int, least: int) -> None:
    position = parse(CONNECT_FOUR.game, board)
    ((found, seen, *_),) = PLAYERS[name](CONNECT_FOUR)(position[None])
    assert found == move
    assert seen >= (least if name != "rollouts" else 0.7 * least)


@pytest.mark.parametrize("name", PLAYERS)
@pytest.mark.parametrize("rules", RULES, ids=str)
def test_a_player_answers_alike_in_any_batch(name: str, rules: Rules) -> None:
    game, player = rules.game, PLAYERS[name](rules)
    plies = int(game.board).bit_count() * 2 // 3
    positions = random_positions(game, plies, 12)
    together = player(positions)
    assert np.array_equal(together, player(positions))
    assert np.array_equal(together, np.concatenate([player(positions[i : i + 1]) for i in range(12)]))
    assert legal_moves(game, positions)[np.arange(12), together[:, 0].astype(int)].all()
    assert (np.abs(together[:, 1]) <= 1).all()
    assert player(positions[:0]).shape == (0, together.shape[1])


def test_rollouts_build_a_tree_of_one_node_a_simulation() -> None:
    game = CONNECT_FOUR.game
    tree = rollouts.tree(game, 300)
    position = random_positions(game, 10, 1)
    rollouts.rollout_moves(game, tree, position, 1.0, np.uint64(0))
    assert tree.visits[0] == 301
    for node in np.flatnonzero((tree.child != rollouts.NONE).any(1)):
        children = tree.child[node][tree.child[node] != rollouts.NONE]
        assert tree.visits[node] == tree.visits[children].sum() + 1, "a node's own visit, and its children's"
    assert len(np.unique(tree.child)) == 1 + 300, "every simulation here adds a node"


def test_rollouts_find_the_outcome_in_the_limit() -> None:
    """On tic-tac-toe, many simulations agree with perfect play (Kocsis and Szepesvari 2006, theorem 6)."""
    game = TIC_TAC_TOE.game
    positions = random_positions(game, 3, 20)
    answers = RolloutPlayer(rules=TIC_TAC_TOE, simulations=20_000, exploration=1.0, seed=0)(positions)
    truth = solver.score_moves(game, solver.memory(game, table_bits=12), positions, True)
    assert (truth[np.arange(20), answers[:, 0].astype(int)] == truth.max(1)).all()
    assert np.abs(answers[:, 1] - truth.max(1)).max() < 0.25


@pytest.mark.parametrize("name", PLAYERS)
def test_a_position_that_cannot_be_is_refused_by_every_player(name: str) -> None:
    with pytest.raises(ValueError, match=r"positions\[0\]: given a finished game"):
        PLAYERS[name](TIC_TAC_TOE)(after(TIC_TAC_TOE.game, [0, 3, 1, 4, 2])[None])


def test_a_player_that_thinks_for_minutes_is_not_asked(tmp_path: Path) -> None:
    players = {"minmax": MinmaxPlayer(rules=CONNECT_FOUR, depth=2)}
    players |= {"perfect": PerfectPlayer(rules=CONNECT_FOUR, table_bits=16, fewest_stones=12)}
    board, minmax, perfect = predict(players, "4453", tmp_path)
    assert board.splitlines()[-1] == ". . O X X . ."
    assert minmax.startswith("minmax: column ")
    assert perfect == "perfect: not asked, wants 12 stones or more"
    asked = {"perfect": PerfectPlayer(rules=SMALL, table_bits=12, fewest_stones=4)}
    assert list(predict(asked, "1234", tmp_path, rules=SMALL))[1].startswith("perfect: column ")


@pytest.mark.parametrize("given", ["", " "])
def test_no_input_is_no_position(given: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"input: given '{given}', wanted columns, 1 to 7, such as 4453, or a board"):
        list(predict({}, given, tmp_path))


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match=r"minmax\.depth: given 0, wanted 1 or more"):
        MinmaxPlayer(rules=SMALL, depth=0)
    with pytest.raises(ValueError, match=r"rollouts\.simulations: given 0, wanted 1 or more"):
        RolloutPlayer(rules=SMALL, simulations=0, exploration=1.0, seed=0)
    with pytest.raises(ValueError, match=r"solver: given 8 columns of 7 cells, wanted .* <= 56"):
        solver.memory(Rules(height=7, width=8, row=4, drop=True).game, table_bits=4)
    with pytest.raises(ValueError, match="table_bits: given 0, wanted 1 to 30"):
        PerfectPlayer(rules=SMALL, table_bits=0)(np.zeros((1, 2), np.uint64))
