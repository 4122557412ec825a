"""What was learned from self-play so far and is still worth learning from: the newest records, duplicates averaged.

A position comes up in many games; its targets are the mean of what all of them found (position averaging, as in
AlphaZero.jl's memory analysis), while each is still drawn as often as it came up.
"""

from typing import NamedTuple

import numpy as np

from control.game import Game, canonical, kernel, key, mirror, mirror_move
from control.records import Records


class Window(NamedTuple):
    """The newest of `seen` records, each as the canonical one of its position and its mirror image.

    `positions` uint64 (N, 2), `policy` float32 (N, moves), `value` float32 (N, 3): target probabilities of a move, and
    of a win, a draw and a loss; a policy of zeros is no target.
    """

    positions: np.ndarray
    policy: np.ndarray
    value: np.ndarray
    seen: np.ndarray  # int64 (1,)


def window(game: Game) -> Window:
    """An empty one."""
    return Window(
        positions=np.zeros((0, 2), np.uint64),
        policy=np.zeros((0, game.moves), np.float32),
        value=np.zeros((0, 3), np.float32),
        seen=np.zeros(1, np.int64),
    )


def extended(game: Game, old: Window, new: Records, *, root_weight: float, size: int) -> Window:
    """With new records, and no more than the newest `size` of all.

    Args:
        root_weight: of what the search saw at the root in the value's target; what came of the game has the rest.
    """
    outcome = np.eye(3, dtype=np.float32)[1 - new.outcome]
    value = (1 - root_weight) * outcome + root_weight * new.searched
    positions, policy = new.positions.copy(), new.policy.copy()
    _canonicalise(game, positions, policy)
    parts = zip(old[:3], (positions, policy, value.astype(np.float32)), strict=True)
    kept = [np.concatenate(pair)[-size:] for pair in parts]
    return Window(kept[0], kept[1], kept[2], old.seen + len(positions))


@kernel
def _canonicalise(game: Game, positions: np.ndarray, policy: np.ndarray) -> None:
    for i in range(len(positions)):
        own, stones, mirrored = canonical(game, positions[i, 0], positions[i, 1])
        if mirrored:
            positions[i, 0], positions[i, 1] = own, stones
            policy[i] = _mirrored(game, policy[i])


@kernel
def _mirrored(game: Game, policy: np.ndarray) -> np.ndarray:
    out = np.empty_like(policy)
    for move in range(game.moves):
        out[mirror_move(game, move)] = policy[move]
    return out


@kernel
def _keys(game: Game, positions: np.ndarray) -> np.ndarray:
    out = np.empty(len(positions), np.uint64)
    for i in range(len(positions)):
        out[i] = key(game, positions[i, 0], positions[i, 1])
    return out


def averaged(game: Game, held: Window) -> tuple[np.ndarray, Window]:
    """For each record of a window the row, int (N,), that its position has in a window without duplicates, and that."""
    _, first, rows = np.unique(_keys(game, held.positions), return_index=True, return_inverse=True)
    policy, value = np.zeros((len(first), game.moves), np.float32), np.zeros((len(first), 3), np.float32)
    _add_up(rows, held.policy, held.value, policy, value)
    policy /= np.maximum(policy.sum(1, keepdims=True), np.float32(1e-12))
    value /= value.sum(1, keepdims=True)
    return rows, Window(held.positions[first], policy, value, held.seen)


@kernel
def _add_up(
    rows: np.ndarray, policy: np.ndarray, value: np.ndarray, policy_sum: np.ndarray, value_sum: np.ndarray
) -> None:
    for i in range(len(rows)):
        policy_sum[rows[i]] += policy[i]
        value_sum[rows[i]] += value[i]


@kernel
def take(game: Game, held: Window, rows: np.ndarray, mirrored: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions, policies and values of `rows`, those as mirror images where `mirrored` bool (N,) says so."""
    positions, policy, value = np.empty((len(rows), 2), np.uint64), held.policy[rows], held.value[rows]
    for i in range(len(rows)):
        own, stones = held.positions[rows[i]]
        if mirrored[i]:
            own, stones = mirror(game, own), mirror(game, stones)
            policy[i] = _mirrored(game, policy[i])
        positions[i, 0], positions[i, 1] = own, stones
    return positions, policy, value
