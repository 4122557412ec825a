"""The held-out positions, the matches and the metrics. Nothing here knows who wrote the player.

A move is wrong if it changes the outcome (win, draw or loss) that perfect play has from the position on. A player is a
Program: positions, uint64 (N, 2), in; float arrays (N, 2) out, a move and the value for the side to move, from -1 to 1;
or (N, 2 + moves), with the share that each move got when it weighed them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.stats import binomtest

from common.compare import mean_interval, right_or_wrong
from common.program import Baseline, Evaluation, Figure, Picture, Plot, Program
from control.game import Rules
from control.labels import GROUPS, Labelled, leads_to, read
from control.match import Record, check_answers, openings, outcomes, play_match, tell
from control.picture import SIDES, game_picture, judged_picture
from control.solver import ILLEGAL

Split = Literal["val", "test"]
OUTCOMES = {"L": "loses", "D": "draws", "W": "wins"}
PICTURES = 6  # of each kind in the gallery
PREVIEWED = 120  # positions, while a net is trained
STONES = 3  # numbers of stones that share a point of the curve


@dataclass(frozen=True, kw_only=True)
class Opponent:
    """Whom a program meets in a match, and from where on.

    Args:
        player: built without data.
        opening_plies: random moves before; more if one of the two has an attribute `fewest_stones` and asks for more.
            A game against the last opponent is looked back on by perfect play, so it should begin late.
    """

    player: Baseline
    opening_plies: int

    def __post_init__(self) -> None:
        if self.opening_plies < 0:
            raise ValueError(f"opening_plies: given {self.opening_plies}, wanted 0 or more")


@dataclass(frozen=True)
class Played(Evaluation):
    """With the games of the match against the last opponent in which the program moved first, if there was one."""

    games: tuple[Record, ...] = ()


class Referee:
    """Scores a player on one split: the share of its moves that keep the outcome (the headline), and matches.

    Args:
        rules: of the game.
        split: `val` for choosing, `test` for the last look.
        each: labelled positions of each group at most; None uses all.
        opponents: {name: whom to meet}.
        openings: of each match, every one played with both colours; 0 plays none. Matches belong to the last look: on
            the validation split there are none.
        limit: use only so many positions, and openings of each match.
    """

    def __init__(
        self,
        *,
        rules: Rules,
        split: Split,
        each: int | None,
        opponents: Mapping[str, Opponent],
        openings: int,
        limit: int | None = None,
    ) -> None:
        if split not in ("val", "test"):
            raise ValueError(f"split: given {split!r}, wanted one of val, test")
        for name, given in (("each", each), ("limit", limit)):
            if given is not None and not (isinstance(given, int) and given > 0):
                raise ValueError(f"{name}: given {given!r}, wanted null or a whole number above 0")
        if not isinstance(openings, int) or openings < 0:
            raise ValueError(f"openings: given {openings!r}, wanted a whole number, 0 or more")
        self.rules, self.split, self.each, self.limit = rules, split, each, limit
        self.opponents = opponents
        self.openings = openings if limit is None else min(openings, limit)

    @cached_property
    def labelled(self) -> Labelled:
        """Shuffled, so that the first few are a sample of all groups."""
        return read(self.rules, self.split, each=self.each).shuffled()[: self.limit]

    @cached_property
    def outcomes(self) -> tuple[np.ndarray, np.ndarray]:
        """int8 (N,), twice: the sign of the best and of the worst move's score."""
        scores = self.labelled.scores
        best = scores.max(1)
        worst = np.where(scores == ILLEGAL, best[:, None], scores).min(1)
        return np.sign(best), np.sign(worst)

    def examples(self, n: int) -> np.ndarray:
        return np.resize(self.labelled.positions, (n, 2))

    def __call__(self, program: Program) -> Played:
        answers, scores = self._scored(program, None)
        wrong, groups = 1 - scores["outcome_kept"], self.labelled.groups
        outcome, worst = self.outcomes
        decisive = outcome != worst
        figures = error_figures("error", wrong, groups)
        figures += error_figures("error_decisive", wrong[decisive], groups[decisive])
        games: tuple[Record, ...] = ()
        for name, opponent in self.opponents.items() if self.openings and self.split == "test" else ():
            of_match, games = self._match(program, name, opponent)
            figures += of_match
        by_stones = error_by_stones(np.bitwise_count(self.labelled.positions[:, 1]), wrong)
        return Played(answers, scores, tuple(figures), (by_stones,), games)

    def preview(self, program: Program) -> Evaluation:
        """Of so many positions that pictures of all kinds are found among them."""
        return Evaluation(*self._scored(program, PREVIEWED))

    def _scored(self, program: Program, n: int | None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Answers and scores of the first `n` positions."""
        positions, scores, outcome = self.labelled.positions[:n], self.labelled.scores[:n], self.outcomes[0][:n]
        answers = check_answers(self.rules, positions, program(positions))
        made = scores[np.arange(len(scores)), answers[:, 0].astype(int)]
        return answers, {
            "outcome_kept": (np.sign(made) == outcome).astype(np.float64),
            "exactly_best": (made == scores.max(1)).astype(np.float64),
            "value_error": np.abs(answers[:, 1] - outcome),
        }

    def _match(self, program: Program, name: str, opponent: Opponent) -> tuple[list[Figure], tuple[Record, ...]]:
        """The score, wins + draws / 2 on average over both colours, and what it says in Elo; a forfeit is a loss.

        Also the games in which the program moved first.
        """
        other = opponent.player.build(None)
        fewest = (getattr(player, "fewest_stones", 0) for player in (program, other))
        starts = openings(self.rules, self.split, plies=max(opponent.opening_plies, *fewest), n=self.openings)
        results, games = play_match(self.rules, program, other, starts)
        share, low, high = mean_interval(results)
        worse, better = (None if end is None else elo(end, 2 * len(starts)) for end in (low, high))
        figures = [
            Figure(f"match/{name}", share, low, high),
            Figure(f"elo_over/{name}", elo(share, 2 * len(starts)), worse, better),
        ]
        records = (
            Record(name, start, moves, games.forfeits.get(i, ""))
            for i, (start, moves) in enumerate(zip(starts, games.moves, strict=True))
        )
        return figures, tuple(records)

    def gallery(self, evaluations: Mapping[str, Evaluation]) -> dict[str, list[Picture]]:
        """Positions that all programs get right (and could have got wrong), that only one of them does, and none.

        And a game of each, where matches were played: the first whose opening is not lost for the program,
        or the last.
        """
        sides = right_or_wrong(evaluations) or {}
        votes = np.sum(list(sides.values()), 0)
        groups = {f"only {name} right": (votes == 1) & right for name, right in sides.items()} if len(sides) > 1 else {}
        best, worst = (outcomes[: np.size(votes)] for outcomes in self.outcomes)
        groups |= {"all wrong": votes == 0, "all right": (votes == len(sides)) & (best != worst)}
        shown = {
            group: [self._picture(int(i), evaluations) for i in np.flatnonzero(mask)[:PICTURES]]
            for group, mask in groups.items()
        }
        for name, evaluation in evaluations.items():
            if isinstance(evaluation, Played) and evaluation.games:
                group = f"a game against {evaluation.games[0].opponent}"
                shown.setdefault(group, []).append(self._game_picture(name, evaluation.games))
        return shown

    def _picture(self, i: int, evaluations: Mapping[str, Evaluation]) -> Picture:
        own, stones = self.labelled.positions[i]
        notes = leads_to(self.rules, stones, self.labelled.scores[i])
        answers = {name: e.answers[i] for name, e in evaluations.items()}
        choices = {name: int(answer[0]) for name, answer in answers.items()}
        shares = {name: answer[2:] for name, answer in answers.items() if len(answer) > 2}
        letter, _, plies = notes[int(self.labelled.scores[i].argmax())].partition(" ")
        outcome = OUTCOMES[letter] + (f" in {plies} {'ply' if plies == '1' else 'plies'}" if plies else "")
        said = (f"{name}: {self._place(choices[name])}, {float(answer[1]):+z.2f}" for name, answer in answers.items())
        caption = f"{SIDES[int(stones).bit_count() % 2]} to move {outcome} | {'; '.join(said)}"
        return Picture(judged_picture(self.rules, own, stones, notes=notes, choices=choices, shares=shares), caption)

    def _game_picture(self, name: str, games: tuple[Record, ...]) -> Picture:
        for game in games:
            before, after = outcomes(self.rules, game)
            if before[0] >= 0:
                break
        changed = [number for number, (was, made) in enumerate(zip(before, after, strict=False), 1) if made != was]
        players = dict(zip(game.sides(), (name, game.opponent), strict=True))
        names = [players[side] for side in SIDES]
        pixels = game_picture(self.rules, game.opening, game.moves, names=names, marked=changed)
        return Picture(pixels, f"{names[0]} is red, {names[1]} yellow. {tell(game, before, after)}")

    def _place(self, move: int) -> str:
        """A move in words, from the left and from below."""
        if self.rules.drop:
            return f"column {move + 1}"
        return f"column {move // self.rules.height + 1} row {move % self.rules.height + 1}"


def error_figures(name: str, wrong: np.ndarray, groups: np.ndarray) -> list[Figure]:
    """The mean of the groups' shares of wrong moves, and each share, with 95 % intervals.

    A share's is exact (Clopper and Pearson 1934), also where no move is wrong. The mean's reaches as far from it as the
    root of the sum of squares of how far the shares' do, over the number of groups (Zou and Donner 2008).

    Args:
        wrong: 0 or 1 (N,).
        groups: (N,), of the positions.
    """
    parts = {group: wrong[groups == group] for group in GROUPS if (groups == group).any()}
    if not parts:
        return []
    shares = {group: share_interval(part) for group, part in parts.items()}
    value, low, high = np.array(list(shares.values())).T
    mean = float(value.mean())
    below, above = (float(np.linalg.norm(value - end)) / len(shares) for end in (low, high))
    whole = Figure(name, mean, mean - below, mean + above)
    return [whole, *(Figure(f"{name}/{group}", *share) for group, share in shares.items())]


def share_interval(wrong: np.ndarray) -> tuple[float, float, float]:
    """The share of ones among 0 and 1 (N,), and its exact 95 % interval."""
    found = binomtest(round(wrong.sum()), len(wrong))
    ends = found.proportion_ci()
    return found.statistic, float(ends.low), float(ends.high)


def error_by_stones(stones: np.ndarray, wrong: np.ndarray) -> Plot:
    """Share of wrong moves against the number of stones on the board; both (N,)."""
    bins = stones // STONES
    count = np.bincount(bins)
    used = count > 0
    x, y = (np.bincount(bins, values)[used] / count[used] for values in (stones, wrong))
    labels = {"x_label": "stones on the board", "y_label": "share of moves that change the outcome"}
    return Plot("error by stones", "curve", {"x": x.tolist(), "y": y.tolist()} | labels)


def elo(share: float, games: int) -> float:
    """By how many Elo points the player is the stronger that scores this share of the games (Elo 1978).

    A player that won or lost them all is taken to have fallen short by half a game, so that the number is finite.
    """
    share = min(max(share, 0.5 / games), 1 - 0.5 / games)
    return 400 * float(np.log10(share / (1 - share)))
