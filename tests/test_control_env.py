"""The environment, matches in lock-step, and what happens to players that answer nonsense."""

import re
from collections.abc import Callable

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from control.baseline import MinmaxPlayer, PerfectPlayer
from control.env import StonesEnv
from control.game import CONNECT_FOUR, TIC_TAC_TOE, Rules, has_row, is_over
from control.match import check_answers, play_games, play_match
from control.picture import CELL, FIRST, HOLE, RING, SECOND, board_picture
from control.positions import after, legal_moves, parse

PERFECT = PerfectPlayer(rules=TIC_TAC_TOE, table_bits=12)


def first_legal(rules: Rules) -> Callable[[np.ndarray], np.ndarray]:
    def player(positions: np.ndarray) -> np.ndarray:
        return np.stack([legal_moves(rules.game, positions).argmax(1), np.zeros(len(positions))], 1)

    return player


@pytest.mark.parametrize("rules", [CONNECT_FOUR, TIC_TAC_TOE], ids=str)
@pytest.mark.parametrize("mode", [None, "ansi", "rgb_array"])
def test_gymnasium_finds_nothing_wrong(rules: Rules, mode: str | None) -> None:
    env = gymnasium.make("software2/ConnectFour-v0", rules=rules, render_mode=mode)
    check_env(env.unwrapped, skip_render_check=mode is None)


def test_random_games_end_as_the_rules_say() -> None:
    env = gymnasium.make("software2/ConnectFour-v0")
    env.action_space.seed(0)
    ends = {1.0: 0, 0.0: 0, -1.0: 0}
    observation, info = env.reset(seed=0)
    for _ in range(2000):
        assert observation.sum() == int(info["position"][1]).bit_count()
        assert (observation.sum(0) <= 1).all()
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample(mask=info["action_mask"]))
        assert not truncated
        assert "forfeit" not in info
        if terminated:
            ends[reward] += 1
            observation, info = env.reset()
    assert ends[1.0] > 40 < ends[-1.0]


def test_the_same_seed_is_the_same_game() -> None:
    def game(seed: int) -> list[list[int]]:
        env, seen = StonesEnv(), []
        _, info = env.reset(seed=seed)
        terminated = False
        while not terminated:
            _, _, terminated, _, info = env.step(int(info["action_mask"].argmax()))
            seen.append(info["position"].tolist())
        return seen

    assert game(3) == game(3)
    assert len({str(game(seed)) for seed in range(5)}) == 5


def test_nobody_beats_the_perfect_player_at_tic_tac_toe() -> None:
    env = StonesEnv(rules=TIC_TAC_TOE, opponent=PERFECT)
    env.action_space.seed(0)
    rewards = []
    for seed in range(40):
        _, info = env.reset(seed=seed)
        terminated = False
        while not terminated:
            action = env.action_space.sample(mask=info["action_mask"])
            _, reward, terminated, _, info = env.step(action)
        rewards.append(reward)
    assert max(rewards) == 0
    assert min(rewards) == -1


def test_who_begins_can_be_chosen() -> None:
    env = StonesEnv(agent_first=True)
    assert env.reset(seed=0)[0].sum() == 0
    assert env.reset(options={"agent_first": False})[0].sum() == 1
    begins = [env.reset(seed=s)[0].sum() for env in [StonesEnv()] for s in range(40)]
    assert 5 < sum(begins) < 35, "unless chosen, lots are drawn"


def test_an_illegal_move_loses_and_says_so() -> None:
    env = StonesEnv(agent_first=True, opponent=first_legal(CONNECT_FOUR))
    for action in (7, -1, 0):
        _, info = env.reset(seed=0)
        for _ in range(3 if action == 0 else 0):
            _, reward, terminated, _, info = env.step(0)
            assert (reward, terminated) == (0, False)
        _, reward, terminated, _, info = env.step(action)
        assert (reward, terminated, info["forfeit"]) == (-1, True, f"agent: illegal move {action}")
        with pytest.raises(ValueError, match=r"step: given a finished game, wanted reset\(\) first"):
            env.step(0)


def constant(move: float, value: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda positions: np.full((len(positions), 2), (move, value))


NONSENSE = [
    (constant(9, 0), "illegal move 9"),
    (constant(1.5, 0), "illegal move 1.5"),
    (constant(np.nan, 0), "move nan, value 0.0"),
    (constant(3, np.inf), "move 3.0, value inf"),
    (
        lambda positions: np.pad(constant(3, 0.0)(positions), ((0, 0), (0, 7)), constant_values=np.inf),
        "shares that are not finite",
    ),
]


@pytest.mark.parametrize(("opponent", "said"), NONSENSE, ids=[said for _, said in NONSENSE])
def test_an_opponent_that_answers_nonsense_loses(opponent: Callable, said: str) -> None:
    env = StonesEnv(agent_first=True, opponent=opponent)
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(0)
    assert (reward, terminated, info["forfeit"]) == (1, True, f"opponent: {said}")
    with pytest.raises(ValueError, match=rf"answers\[0\]: given {said}, wanted a legal move and finite numbers"):
        check_answers(CONNECT_FOUR, np.zeros((2, 2), np.uint64), opponent(np.zeros((2, 2))))


def test_an_opponent_that_begins_with_nonsense_has_lost_before_the_first_move() -> None:
    env = StonesEnv(agent_first=False, opponent=constant(9, 0))
    _, info = env.reset(seed=0)
    assert info["forfeit"] == "opponent: illegal move 9"
    _, reward, terminated, _, info = env.step(3)
    assert (reward, terminated, info["forfeit"]) == (1, True, "opponent: illegal move 9")
    assert "forfeit" not in StonesEnv(agent_first=False).reset(seed=0)[1]


def test_an_unknown_way_to_render_is_refused() -> None:
    with pytest.raises(ValueError, match="render_mode: given 'human', wanted None or one of ansi, rgb_array"):
        StonesEnv(render_mode="human")


def test_rendering_shows_the_board_at_every_moment() -> None:
    env = StonesEnv(agent_first=True, opponent=first_legal(CONNECT_FOUR), render_mode="ansi")
    env.reset(seed=0)
    for move in (1, 2, 3):
        env.step(move)
    assert env.render().splitlines()[-3:] == ["O . . . . . .", "O . . . . . .", "O X X X . . ."]
    env.step(4)
    assert env.render().splitlines()[-1] == "O X X X X . .", "the agent's stones stay its own when it has won"


# Matches


def openings(rules: Rules, plies: int, n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.array([after(rules.game, rng.permutation(rules.game.moves)[:plies].tolist()) for _ in range(n)])


def test_a_match_is_the_same_games_as_one_by_one() -> None:
    starts = openings(CONNECT_FOUR, 4, 10)
    deep, shallow = (MinmaxPlayer(rules=CONNECT_FOUR, depth=depth) for depth in (4, 1))
    together = play_games(CONNECT_FOUR, deep, shallow, starts)
    for i, start in enumerate(starts):
        alone = play_games(CONNECT_FOUR, deep, shallow, start[None])
        assert alone.moves[0] == together.moves[i]
        assert alone.results[0] == together.results[i]
    assert not together.forfeits
    scores, as_first = play_match(CONNECT_FOUR, deep, shallow, starts)
    assert as_first.moves == together.moves
    assert np.array_equal(scores, (together.results + 1 - play_games(CONNECT_FOUR, shallow, deep, starts).results) / 2)
    assert scores.mean() > 0.7


@pytest.mark.parametrize("plies", [2, 3])
def test_results_are_those_of_the_moves_played(plies: int) -> None:
    """Replayed by the rules; a player against itself too."""
    game, player = CONNECT_FOUR.game, MinmaxPlayer(rules=CONNECT_FOUR, depth=2)
    rng = np.random.default_rng(1)
    begun = [rng.integers(7, size=plies).tolist() for _ in range(12)]
    games = play_games(CONNECT_FOUR, player, player, np.array([after(game, moves) for moves in begun]))
    for result, before, moves in zip(games.results, begun, games.moves, strict=True):
        own, stones = after(game, before + moves)
        assert is_over(game, own, stones)
        by_first = len(moves) % 2 == 1
        assert result == (float(by_first) if has_row(game, own ^ stones) else 0.5)
    assert len(set(games.results)) > 1


def test_players_get_all_their_positions_in_one_call() -> None:
    calls = []

    def counting(positions: np.ndarray) -> np.ndarray:
        calls.append(len(positions))
        return first_legal(CONNECT_FOUR)(positions)

    games = play_games(CONNECT_FOUR, counting, first_legal(CONNECT_FOUR), np.zeros((20, 2), np.uint64))
    assert calls == [20] * len(calls)
    assert len(calls) == (len(games.moves[0]) + 1) // 2
    assert len({tuple(moves) for moves in games.moves}) == 1


def test_perfect_players_draw_tic_tac_toe() -> None:
    assert play_games(TIC_TAC_TOE, PERFECT, PERFECT, np.zeros((3, 2), np.uint64)).results.tolist() == [0.5] * 3


@pytest.mark.parametrize(("player", "said"), NONSENSE, ids=[said for _, said in NONSENSE])
def test_a_match_records_a_forfeit_and_goes_on(player: Callable, said: str) -> None:
    starts = openings(CONNECT_FOUR, 2, 3)

    def sometimes(positions: np.ndarray) -> np.ndarray:
        answers, (nonsense,) = first_legal(CONNECT_FOUR)(positions), player(positions[:1])
        answers = np.pad(answers, ((0, 0), (0, len(nonsense) - 2)))
        answers[0] = nonsense
        return answers

    for first in (True, False):
        players = (sometimes, first_legal(CONNECT_FOUR)) if first else (first_legal(CONNECT_FOUR), sometimes)
        games = play_games(CONNECT_FOUR, *players, starts)
        assert games.forfeits[0] == said
        assert games.results[0] == (0 if first else 1)
        assert games.results.tolist() == [0 if first else 1] * 3, "one after the other"


def test_answers_of_another_shape_are_refused() -> None:
    """And those of a move with its value, or with the share of each move too, are not."""
    starts, player = np.zeros((2, 2), np.uint64), first_legal(CONNECT_FOUR)
    wanted = r"wanted \(2, 2\), a move and its value, or \(2, 9\), the share of each move too"
    for shape in ((2,), (1, 2), (2, 1), (2, 3), (2, 8), (2, 10), (2, 9, 1)):
        with pytest.raises(ValueError, match=rf"answers: given an array {re.escape(str(shape))}, {wanted}"):
            play_games(CONNECT_FOUR, lambda _, shape=shape: np.zeros(shape), player, starts)
    games = play_games(CONNECT_FOUR, lambda p: np.pad(player(p), ((0, 0), (0, 7))), player, starts)
    assert games.moves == play_games(CONNECT_FOUR, player, player, starts).moves
    env = StonesEnv(agent_first=False, opponent=lambda p: np.pad(player(p), ((0, 0), (0, 7))))
    assert "forfeit" not in env.reset(seed=0)[1]


def test_a_finished_opening_is_no_game() -> None:
    won = after(TIC_TAC_TOE.game, [0, 3, 1, 4, 2])
    with pytest.raises(ValueError, match=r"positions\[1\]: given a finished game"):
        play_games(TIC_TAC_TOE, PERFECT, PERFECT, np.array([after(TIC_TAC_TOE.game, [4]), won]))


# Pictures


def test_a_picture_shows_every_stone_in_its_colour() -> None:
    position = parse(CONNECT_FOUR.game, ". . . . . . .\n" * 4 + ". O . . . . .\n" + "X O X X . . .")
    picture = board_picture(CONNECT_FOUR, *position)
    assert picture.shape == (6 * CELL, 7 * CELL, 3)
    middles = picture[CELL // 2 :: CELL, CELL // 2 :: CELL].astype(int)
    wanted = {"X": FIRST, "O": SECOND, ".": HOLE}
    assert np.array_equal(middles[5], [wanted[sign] for sign in "XOXX..."])
    assert np.array_equal(middles[4], [wanted[sign] for sign in ".O....."])
    assert (middles[:4] == HOLE).all()


def test_a_picture_rings_the_winning_row() -> None:
    picture = board_picture(CONNECT_FOUR, *after(CONNECT_FOUR.game, [3, 3, 2, 2, 4, 4, 1]))
    ringed = (picture == RING).all(2).reshape(6, CELL, 7, CELL).any((1, 3))
    assert ringed.tolist() == [[False] * 7] * 5 + [[False, True, True, True, True, False, False]]
