"""What is kept of self-play: the newest records, averaged by position, and their mirror images."""

import numpy as np
import pytest

from control.game import CONNECT_FOUR, TIC_TAC_TOE, Game, Rules, mirror, mirror_move
from control.positions import legal_moves, planes
from control.records import Records
from control.window import averaged, extended, take, window
from tests.boards import random_positions


def random_records(game: Game, n: int) -> Records:
    rng = np.random.default_rng(0)
    positions = np.concatenate([random_positions(game, plies, n // 4, seed=plies) for plies in range(4)])
    policy = rng.random((len(positions), game.moves)).astype(np.float32) * legal_moves(game, positions)
    policy /= policy.sum(1, keepdims=True)
    policy[::7] = 0
    searched = rng.dirichlet(np.ones(3), len(positions)).astype(np.float32)
    return Records(positions, policy, searched, rng.integers(-1, 2, len(positions)).astype(np.int8))


@pytest.mark.parametrize("rules", [CONNECT_FOUR, TIC_TAC_TOE], ids=["connect four", "tic-tac-toe"])
def test_the_window_averages_what_was_found_of_a_position_and_its_mirror_image(rules: Rules) -> None:
    game, new = rules.game, random_records(rules.game, 200)
    held = extended(game, window(game), new, root_weight=0.25, size=1000)
    assert held.seen[0] == len(new.outcome)
    rows, merged = averaged(game, held)
    sums: dict[tuple, list] = {}
    for position, policy, searched, outcome in zip(*new, strict=True):
        value = 0.25 * searched + 0.75 * np.array([outcome == 1, outcome == 0, outcome == -1])
        mirrored = tuple(int(mirror(game, bits)) for bits in position)
        image = np.zeros(game.moves)
        for move in range(game.moves):
            image[mirror_move(game, move)] = policy[move]
        for name, target in {mirrored: image, tuple(map(int, position)): policy}.items():
            sums.setdefault(name, []).append((target, value))
    for i in (0, 50, 100, 150, 199):
        own, stones = (int(bits) for bits in merged.positions[rows[i]])
        both_sides = {tuple(map(int, new.positions[i])), tuple(int(mirror(game, b)) for b in new.positions[i])}
        assert (own, stones) in both_sides
        found = sums[own, stones]
        policy, value = (np.mean([pair[part] for pair in found], 0) for part in range(2))
        np.testing.assert_allclose(merged.value[rows[i]], value, atol=1e-5)
        np.testing.assert_allclose(merged.policy[rows[i]], policy / max(policy.sum(), 1e-9), atol=1e-5)
    assert len(merged.value) < len(held.value)


def test_the_window_keeps_the_newest() -> None:
    game, new = CONNECT_FOUR.game, random_records(CONNECT_FOUR.game, 40)
    held = extended(game, window(game), new, root_weight=0, size=30)
    more = extended(game, held, Records(*(array[:10] for array in new)), root_weight=0, size=30)
    assert np.array_equal(more.positions[:20], held.positions[10:])
    assert more.seen[0] == 50


@pytest.mark.parametrize("rules", [CONNECT_FOUR, TIC_TAC_TOE], ids=["connect four", "tic-tac-toe"])
def test_mirrored_records_are_mirror_images(rules: Rules) -> None:
    game = rules.game
    held = extended(game, window(game), random_records(game, 40), root_weight=0.5, size=40)
    rows = np.arange(40)
    positions, policy, value = take(game, held, rows, np.zeros(40, bool))
    other, other_policy, other_value = take(game, held, rows, np.ones(40, bool))
    assert np.array_equal(planes(game, positions)[..., ::-1], planes(game, other))
    assert np.array_equal(value, other_value)
    assert np.array_equal(by_column(game, policy)[..., ::-1], by_column(game, other_policy))


def by_column(game: Game, policy: np.ndarray) -> np.ndarray:
    return policy.reshape(len(policy), game.width, -1).transpose(0, 2, 1)
