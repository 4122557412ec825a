"""Positions with the exact score of every move, on which players are judged: python -m control.labels

They come from games between players of mixed strength, a position a game, sorted into six groups by how many stones lie
and how far the end is under perfect play, as in Pons' test sets (Pons 2015, "Solving Connect 4", part 2). Every second
one of a group is for validation, the others for the test. Making them takes 2 cores most of an hour (control.solver).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import numpy as np
from rich.progress import track

from control import solver
from control.baseline import MinmaxPlayer
from control.game import CONNECT_FOUR, Game, Rules, canonical, kernel, key
from control.positions import are_over, legal_moves, play_all

FILE = Path(__file__).with_name("labelled.npz")
GROUPS = ("end_easy", "middle_easy", "begin_easy", "middle_medium", "begin_medium", "begin_hard")
PHASES = ("begin", "middle", "end")  # by thirds of the board: 14 and 28 stones in Connect Four
DISTANCES = ("easy", "medium", "hard")  # plies to the end: below one third of the board, up to two thirds, above
DEPTHS = (0, 1, 2, 4)  # of the players' look-ahead; 0 moves at random
BLUNDERS = (0.0, 0.2, 0.5)  # share of moves that a player leaves to chance
GAMES = 64  # of a round
FEW = 20  # of each group and split, of a game whose positions are not shipped
EACH, PARTS, SPARE = 1000, 20, 4  # positions of a group; found in so many parts, each finding a few that others have


@dataclass(frozen=True)
class Labelled:
    """`positions` uint64 (N, 2), `scores` int8 (N, moves) as `solver.score_moves` gives them, `groups` (N,) names."""

    positions: np.ndarray
    scores: np.ndarray
    groups: np.ndarray

    def __getitem__(self, rows: slice | np.ndarray) -> "Labelled":
        return Labelled(self.positions[rows], self.scores[rows], self.groups[rows])

    def __len__(self) -> int:
        return len(self.positions)

    def shuffled(self) -> "Labelled":
        """Alike each time, so that the first few are a sample of all groups."""
        return self[np.random.default_rng(0).permutation(len(self))]


@cache
def read(rules: Rules, split: Literal["val", "test"], *, each: int | None = None) -> Labelled:
    """Half of the positions, `each` of a group at most: Connect Four's as shipped, another small game's made here."""
    if rules == CONNECT_FOUR:
        with np.load(FILE, allow_pickle=False) as file:
            positions, scores = file["positions"], file["scores"]
        whole = Labelled(positions, scores, groups(rules, positions, scores.max(1)))
    else:
        whole = find(rules, each=2 * FEW, fewest_stones=1, seed=(0,), table_bits=20)
    half = whole[slice(("val", "test").index(split), None, 2)]
    rows = [np.flatnonzero(half.groups == group)[:each] for group in GROUPS]
    return half[np.concatenate(rows)]


def plies_to_end(rules: Rules, stones: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Of perfect play, int (N,), from how many stones lie and the positions' scores."""
    left = rules.height * rules.width - stones
    won, lost = 2 * ((left + 1) // 2 - scores) + 1, 2 * (left // 2 + scores) + 2
    return np.where(scores > 0, won, np.where(scores < 0, lost, left))


def leads_to(rules: Rules, stones: np.uint64, scores: np.ndarray) -> dict[int, str]:
    """{legal move: what it leads to for who makes it, after how many plies}: `W 13`, `D`, `L 8`.

    Args:
        stones: of both sides.
        scores: of its moves, int (moves,).
    """
    scores = scores.astype(int)
    plies = plies_to_end(rules, np.bitwise_count(stones).astype(int), scores)
    legal = np.flatnonzero(scores != solver.ILLEGAL).tolist()
    return {m: f"{'W' if scores[m] > 0 else 'L'} {plies[m]}" if scores[m] else "D" for m in legal}


def groups(rules: Rules, positions: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The name of each position's group, from the positions' scores."""
    third = rules.height * rules.width / 3
    stones, scores = np.bitwise_count(positions[:, 1]).astype(int), scores.astype(int)
    plies = plies_to_end(rules, stones, scores)
    phase = np.searchsorted([third, 2 * third], stones)
    distance = (plies >= third).astype(int) + (plies > 2 * third)
    return np.array([f"{PHASES[p]}_{DISTANCES[d]}" for p, d in zip(phase, distance, strict=True)])


@kernel
def keys(game: Game, positions: np.ndarray) -> np.ndarray:
    """uint64 (N,): one for a position and its mirror image."""
    out = np.empty(len(positions), np.uint64)
    for i in range(len(positions)):
        own, stones, _ = canonical(game, positions[i, 0], positions[i, 1])
        out[i] = key(game, own, stones)
    return out


def mixed_play(rules: Rules, rng: np.random.Generator, games: int) -> Iterator[np.ndarray]:
    """After each ply the positions in play, uint64 (games, 2); zeros where the game is over.

    Each side of each game looks so many plies ahead, and leaves so many of its moves to chance.
    """
    game = rules.game
    depth, blunders = rng.choice(DEPTHS, (2, games)), rng.choice(BLUNDERS, (2, games))
    players = {d: MinmaxPlayer(rules=rules, depth=d) for d in DEPTHS if d}
    positions, running = np.zeros((games, 2), np.uint64), np.arange(games)
    for ply in range(rules.height * rules.width - 1):
        legal = legal_moves(game, positions[running])
        moves = np.where(legal, rng.random(legal.shape), -1.0).argmax(1)
        thinks = rng.random(len(running)) >= blunders[ply % 2, running]
        for d, player in players.items():
            mask = thinks & (depth[ply % 2, running] == d)
            moves[mask] = player(positions[running[mask]])[:, 0]
        positions[running] = play_all(game, positions[running], moves)
        over = are_over(game, positions[running])
        positions[running[over]] = 0
        running = running[~over]
        if not len(running):
            return
        yield positions.copy()


def find(rules: Rules, *, each: int, fewest_stones: int, seed: tuple[int, ...], table_bits: int) -> Labelled:
    """`each` positions of every group, no two alike or mirror images; fewer where a round of games adds to no group.

    Args:
        fewest_stones: on the board; the fewer, the longer the solver takes.
        table_bits: the solver's.
    """
    game, rng = rules.game, np.random.default_rng(seed)
    memory = solver.memory(game, table_bits=table_bits)
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in GROUPS}
    seen: set[int] = set()
    grew = True
    while grew:
        grew = False
        history = np.stack(list(mixed_play(rules, rng, GAMES)))  # (plies, games, 2)
        for plies in history[fewest_stones - 1 :].swapaxes(0, 1):
            plies = plies[plies[:, 1] != 0]
            if not len(plies):
                continue
            third = np.searchsorted([1, 2], 3 * np.bitwise_count(plies[:, 1]) / (rules.height * rules.width))
            phase = rng.choice(third)
            position = rng.choice(plies[third == phase])[None]
            name = int(keys(game, position)[0])
            missing = {group for group in GROUPS if len(found[group]) < each}
            if name in seen or not any(group.startswith(PHASES[phase]) for group in missing):
                continue
            seen.add(name)
            (group,) = groups(rules, position, solver.solve_all(game, memory, position, False))
            if group in missing:
                grew = True
                found[group].append((position[0], solver.score_moves(game, memory, position, False)[0]))
    rows = [row for group in GROUPS for row in found[group]]
    positions, scores = np.array([p for p, _ in rows], np.uint64), np.array([s for _, s in rows], np.int8)
    return Labelled(positions, scores, np.array([group for group in GROUPS for _ in found[group]]))


def _part(number: int) -> Labelled:
    return find(CONNECT_FOUR, each=EACH // PARTS + SPARE, fewest_stones=10, seed=(0, number), table_bits=24)


def main() -> None:
    """Writes FILE."""
    with get_context("spawn").Pool() as pool:
        parts = list(track(pool.imap(_part, range(PARTS)), total=PARTS, description="solving"))
    positions, scores = np.concatenate([p.positions for p in parts]), np.concatenate([p.scores for p in parts])
    names = np.concatenate([p.groups for p in parts])
    _, first = np.unique(keys(CONNECT_FOUR.game, positions), return_index=True)
    rows = np.concatenate([np.sort(first[names[first] == group])[:EACH] for group in GROUPS])
    np.savez_compressed(FILE, positions=positions[rows], scores=scores[rows])


if __name__ == "__main__":
    main()
