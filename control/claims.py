"""The control domain's part in measuring the essay's claims: positions that fool, and boards that cannot be."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from common.compare import mean_interval, share_left
from common.domain import Domain
from common.evidence import Inputs, Subject
from common.evidence.doubt import auroc, calibration
from common.program import Figure, Plot, Program
from control.attack import Attack
from control.game import ONE, Rules, column_cells
from control.inference import Inference, as_planes
from control.labels import read
from control.positions import FAULTS, faults

POSITIONS = 64  # as many as a batch of the search's
CANDIDATES = 100  # of which one at least should be impossible as is wanted


def asked(domain: Domain) -> Inputs:
    """Positions, as the net gets them."""
    module: Any = domain.module
    return {"": {"planes": as_planes(module.rules.game, domain.evaluator.examples(POSITIONS)).numpy().copy()}}


# Positions that fool


def adversarial(subject: Subject, *, simulations: int, against: Sequence[str], **search: Any) -> list[Figure | Plot]:
    """The share of moves that keep the outcome, in positions of random games and in those that evolve from mistakes.

    They evolve against each player alike: the learned one, its net without search (`_alone`), and hand-written ones.
    Those of the last generation in which the learned player errs are given to the others too (`transfer`). Perfect play
    knows the truth of them all, so that it cannot be fooled.

    Args:
        simulations: of the learned player, a move.
        against: names of hand-written players.
        search: the settings of control.attack.Attack.
    """
    module: Any = subject.domain.module
    learned: Any = subject.programs[subject.learned]
    players = {
        subject.learned: learned.with_simulations(simulations),
        f"{subject.learned}_alone": learned.with_simulations(0),
        **{name: subject.programs[name] for name in against},
    }
    attack = Attack(rules=module.rules, **search)
    found: list[Figure | Plot] = []
    fooling: np.ndarray | None = None  # positions in which the learned player errs
    for name, player in players.items():
        generations, wrong = attack(player)
        figures = fooled(wrong)
        if fooling is None:
            fooling = generations[-1][wrong[-1]]
        elif len(fooling):
            figures.append(Figure("outcome_kept/transfer", *mean_interval(~attack.errs(player, fooling))))
        found += subject.of(name, [*figures, by_generation(wrong)])
    return found


def fooled(wrong: Sequence[np.ndarray]) -> list[Figure]:
    """What the first and the last generation say, of which moves were wrong, bool (each,), in each."""
    kept, attacked = (mean_interval(~errors) for errors in (wrong[0], wrong[-1]))
    return [
        Figure("outcome_kept", *kept),
        Figure("outcome_kept/attacked", *attacked),
        Figure("kept_under_attack", *share_left(~wrong[-1], ~wrong[0], paired=False)),
    ]


def by_generation(wrong: Sequence[np.ndarray]) -> Plot:
    """The share of wrong moves in every generation."""
    shares = {"x": list(range(1, len(wrong) + 1)), "y": [float(errors.mean()) for errors in wrong]}
    return Plot("error by generation", "curve", shares | {"x_label": "generation", "y_label": "share of wrong moves"})


# Boards that cannot be


def silence(subject: Subject, *, each: int, boards: int, seed: int) -> list[Figure | Plot]:
    """What the programs say of boards that cannot be: whether they refuse, and how sure the bare net is of an outcome.

    Its confidence is the largest probability of a win, a draw and a loss; the calibration error is that of all labelled
    positions, under perfect play. Each impossible board is made of a possible one, and told from others that such can
    be made of, so that about as many stones lie. What refuses is hand-written (control.positions.check_positions),
    around the net too.

    Args:
        each: labelled positions of each group to make boards of.
        boards: of each kind.
        seed: of what is changed.
    """
    module: Any = subject.domain.module
    learned: Any = subject.programs[subject.learned]
    real = read(module.rules, subject.domain.evaluator.split, each=each)
    made = impossible(module.rules, real.positions, boards, np.random.default_rng(seed))
    true = 1 - np.sign(real.scores.max(1)).astype(int)  # 0 a win, 1 a draw, 2 a loss
    error = calibration(outcomes(learned.net, real.positions), true)["error"]
    found = subject.of(subject.learned, [*unsure(learned.net, made), Figure("calibration_error", error)])
    strange = np.concatenate([boards for boards, _ in made.values()])
    for name, program in subject.programs.items():
        found += subject.of(name, [Figure("refused", *mean_interval(refused(program, strange)))])
    return found


def unsure(net: Inference, made: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[Figure]:
    """How sure the net is of impossible boards and of possible ones, and how well that tells them apart."""
    sure = {kind: tuple(outcomes(net, positions).max(1) for positions in pair) for kind, pair in made.items()}
    strange, known = (np.concatenate(parts) for parts in zip(*sure.values(), strict=True))
    apart = {kind: auroc(-before, -after) for kind, (after, before) in sure.items()}
    return [
        Figure("confidence", *mean_interval(known)),
        Figure("confidence/impossible", *mean_interval(strange)),
        *(Figure(f"confidence/{kind}", *mean_interval(after)) for kind, (after, _) in sure.items()),
        Figure("auroc", *min(apart.values())),
        Figure("auroc/impossible", *auroc(-known, -strange)),
        *(Figure(f"auroc/{kind}", *value) for kind, value in apart.items()),
    ]


def outcomes(net: Inference, positions: np.ndarray) -> np.ndarray:
    """The probabilities of a win, a draw and a loss, (N, 3), whether or not the positions can be."""
    return softmax(net.both_ways(positions)[:, net.rules.game.moves :].astype(np.float64), 1)


def refused(program: Program, positions: np.ndarray) -> np.ndarray:
    """Of which, asked alone, it gives no answer but a ValueError, bool (N,)."""

    def refuses(position: np.ndarray) -> bool:
        try:
            program(position[None])
        except ValueError:
            return True
        return False

    return np.array([refuses(position) for position in positions])


def impossible(
    rules: Rules, positions: np.ndarray, n: int, rng: np.random.Generator
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """`n` boards (n, 2) of each kind that the rules have, and `n` of `positions` that others like them are made of.

    The others are of the half of `positions` of which no board is made. Each is taken once before any is taken again.
    (Fewer where too few can be made so.)
    """
    halves, made = np.array_split(rng.permutation(positions), 2), {}
    for kind, (change, fault) in KINDS.items():
        pairs = []
        for half in halves:
            rounds = 1 + CANDIDATES * n // max(1, len(half))
            before = np.concatenate([rng.permutation(half) for _ in range(rounds)])
            after = change(rules, before, rng)
            good = np.flatnonzero(faults(rules.game, after) == FAULTS.index(fault))[:n]
            pairs.append((after[good], before[good]))
        (boards, _), (_, others) = pairs
        if few := min(len(boards), len(others)):
            made[kind] = (np.ascontiguousarray(boards[:few]), np.ascontiguousarray(others[:few]))
    return made


def lifted(rules: Rules, positions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One column lies a cell higher."""
    columns = np.array([column_cells(rules.game, column) for column in range(rules.width)], np.uint64)
    cells = rng.choice(columns, len(positions))[:, None]
    return (positions & ~cells) | ((positions & cells) << ONE)


def taken(rules: Rules, positions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """About half of the other side's stones are own ones."""
    own, stones = positions.T
    drawn = rng.integers(0, 2**64, len(positions), dtype=np.uint64)
    return np.stack([own | (stones & drawn), stones], 1)


def dealt(rules: Rules, positions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same cells, but whose stones lie there is left to chance."""
    stones, places = positions[:, 1], np.arange(64).astype(np.uint64)
    laid = (stones[:, None] >> places & ONE).astype(bool)
    order = np.where(laid, rng.random(laid.shape), 2.0).argsort(1).argsort(1)
    own = (order < np.bitwise_count(stones)[:, None] // 2).astype(np.uint64) << places
    return np.stack([own.sum(1, dtype=np.uint64), stones], 1)


Change = Callable[[Rules, np.ndarray, np.random.Generator], np.ndarray]
KINDS: dict[str, tuple[Change, str]] = {  # how a board is made impossible, and the fault that it then has
    "floating": (lifted, "a floating stone"),
    "one_sided": (taken, "too many stones of one side"),
    "two_winners": (dealt, "two winners"),
}
