"""Positions in which a player errs, by evolution: what an adversary finds who may only ask and look.

In the spirit of Wang et al. 2023, "Adversarial Policies Beat Superhuman Go AIs" (arXiv 2211.00241), and of Timbers et
al. 2022, "Approximate Exploitability" (arXiv 2004.09677): who looks for mistakes finds more than who plays well.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from common.program import Program
from control import solver
from control.game import Rules
from control.labels import keys
from control.positions import are_over, legal_moves, play_all
from control.solver import ILLEGAL

BARREN = 100  # rounds of proposals without a new position: there are none


@dataclass(frozen=True)
class Lines:
    """How positions were reached: `moves` int (N, most), of which the first `plies` (N,) lead to `positions` (N, 2)."""

    moves: np.ndarray
    plies: np.ndarray
    positions: np.ndarray

    def __len__(self) -> int:
        return len(self.plies)

    def __getitem__(self, rows: slice | np.ndarray) -> "Lines":
        return Lines(self.moves[rows], self.plies[rows], self.positions[rows])

    def __add__(self, other: "Lines") -> "Lines":
        ours, theirs = vars(self).values(), vars(other).values()
        return Lines(*(np.concatenate(parts) for parts in zip(ours, theirs, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Attack:
    """Looks for positions that a program errs in, in generations of positions that it was not asked before.

    The first are reached by random games. The others come from those of the latest generation in which it erred, the
    last plies of the game being played anew at random. In all of them moves lead to different outcomes. Every program
    is asked the same number of positions.

    Args:
        rules: of the game.
        each: positions of a generation.
        generations: how many.
        stones: fewest and most on the board; the fewer, the longer the solver takes.
        replayed: plies at most.
        table_bits: of the solver.
        seed: of the games.
    """

    rules: Rules
    each: int
    generations: int
    stones: tuple[int, int]
    replayed: int
    table_bits: int
    seed: int

    def __post_init__(self) -> None:
        if min(self.each, self.replayed, self.generations - 1) < 1:
            given = f"each {self.each}, replayed {self.replayed}, generations {self.generations}"
            raise ValueError(f"attack: given {given}, wanted each and replayed 1 or more, generations 2 or more")
        cells = self.rules.height * self.rules.width
        if not 1 <= self.stones[0] <= self.stones[1] < cells:
            raise ValueError(f"attack.stones: given {self.stones}, wanted the fewest and the most, 1 to {cells - 1}")

    @cached_property
    def _memory(self) -> solver.Memory:
        return solver.memory(self.rules.game, table_bits=self.table_bits)

    def __call__(self, program: Program) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Of each generation the positions, uint64 (each, 2), and whether the program erred there, bool (each,).

        Raises:
            ValueError: there are not so many new positions.
        """
        rng, seen, parents = np.random.default_rng(self.seed), set[int](), self._none()
        asked: list[np.ndarray] = []
        wrong: list[np.ndarray] = []
        for _ in range(self.generations):
            lines = self._generation(parents, seen, rng)
            asked.append(lines.positions)
            wrong.append(self.errs(program, lines.positions))
            parents = lines[wrong[-1]] if wrong[-1].any() else parents
        return asked, wrong

    def errs(self, program: Program, positions: np.ndarray) -> np.ndarray:
        """Whether the program's move leads to another outcome than the best one does, bool (N,)."""
        moves = np.asarray(program(positions))[:, 0].astype(int)
        scores = self._scores(positions)
        return scores[np.arange(len(scores)), moves] != scores.max(1)

    def _scores(self, positions: np.ndarray) -> np.ndarray:
        return solver.score_moves(self.rules.game, self._memory, positions, True)

    def _none(self) -> Lines:
        return Lines(np.empty((0, self.stones[1]), int), np.empty(0, int), np.empty((0, 2), np.uint64))

    def _generation(self, parents: Lines, seen: set[int], rng: np.random.Generator) -> Lines:
        """New ones that may be got wrong; what is proposed goes into `seen`."""
        found, barren = self._none(), 0
        while len(found) < self.each:
            lines = self._proposed(parents, rng)
            names, rows = np.unique(keys(self.rules.game, lines.positions), return_index=True)
            lines = lines[np.sort(rows[np.array([name not in seen for name in names.tolist()], bool)])]
            seen.update(names.tolist())
            scores = self._scores(lines.positions)
            lines = lines[scores.max(1) != np.where(scores == ILLEGAL, 2, scores).min(1)]
            found, barren = found + lines, 0 if len(lines) else barren + 1
            if barren == BARREN:
                raise ValueError(f"attack.each: given {self.each}, wanted fewer: only {len(found)} new ones are found")
        return found[: self.each]

    def _proposed(self, parents: Lines, rng: np.random.Generator) -> Lines:
        """As many as a generation has, some of which are no good."""
        if not len(parents):
            plies = rng.integers(self.stones[0], self.stones[1] + 1, self.each)
            return played_on(self.rules, np.zeros((self.each, self.stones[1]), int), 0 * plies, plies, rng)
        parents = parents[rng.integers(0, len(parents), self.each)]
        kept = parents.plies - rng.integers(1, self.replayed + 1, self.each)
        return played_on(self.rules, parents.moves, kept, parents.plies, rng)


def played_on(rules: Rules, moves: np.ndarray, kept: np.ndarray, plies: np.ndarray, rng: np.random.Generator) -> Lines:
    """Games that repeat moves of others and go on at random, those of them that are in play at their last ply.

    Args:
        moves: of the others, int (N, most).
        kept: how many of them are repeated, (N,).
        plies: of the games, (N,).
    """
    game, moves = rules.game, moves.copy()
    positions, playing = np.zeros((len(moves), 2), np.uint64), np.ones(len(moves), bool)
    for ply in range(moves.shape[1]):
        here = np.flatnonzero(playing & (ply < plies))
        if not len(here):
            break
        legal = legal_moves(game, positions[here])
        drawn = np.where(legal, rng.random(legal.shape), -1.0).argmax(1)
        moves[here, ply] = np.where(ply < kept[here], moves[here, ply], drawn)
        positions[here] = play_all(game, positions[here], moves[here, ply])
        playing[here] = ~are_over(game, positions[here])
    return Lines(moves, plies, positions)[playing]
