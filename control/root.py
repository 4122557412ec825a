"""What is special about the root of a search: noise, Gumbel's choice of moves, and the answer.

Two ways to explore. PUCT: Dirichlet noise is mixed into the priors (Silver et al. 2018, arXiv 1712.01815). Gumbel:
moves are drawn without replacement by Gumbel noise on their logits, and simulations are spent on them by sequential
halving (Danihelka et al. 2022, "Policy Improvement by Planning with Gumbel", sections 3 to 5). Without noise both
answer the same way each time.
"""

import numpy as np

from control.game import Game, kernel
from control.tree import ILLEGAL, NONE, Selection, Trees, is_proven

LEAST = 1e-9  # probability, before its logarithm is taken


@kernel
def draw_noise(
    selection: Selection, trees: Trees, g: int, share: float, alpha: float, rng: np.random.Generator
) -> None:
    """New noise for the root: Gumbel's, or gamma variates of shape `alpha`, a Dirichlet one of weight `share`."""
    trees.noise_share[g] = share
    for move in range(trees.noise.shape[1]):
        if selection.gumbel:
            trees.noise[g, move] = -np.log(-np.log(max(rng.random(), LEAST)))
        else:
            trees.noise[g, move] = rng.standard_gamma(alpha)


@kernel
def mix_noise(selection: Selection, trees: Trees, g: int) -> None:
    """Lets Dirichlet noise have its share of the root's priors, so that every move is tried sometimes."""
    share = trees.noise_share[g]
    if share > 0 and not selection.gumbel:
        considered = trees.child[g, 0] != ILLEGAL
        noise = np.where(considered, trees.noise[g], np.float32(0))
        if noise.sum() > 0:  # of a small alpha all may be rounded to 0
            trees.prior[g, 0] = (1 - share) * trees.prior[g, 0] + share * noise / noise.sum()


@kernel
def _visits(trees: Trees, g: int, move: int) -> int:
    child = trees.child[g, 0, move]
    return trees.visits[g, child] if child >= 0 else 0


@kernel
def halving_visits(considered: int, simulations: int, i: int) -> int:
    """How many visits those moves have had that are still considered at simulation `i` (algorithm 2)."""
    rounds = int(np.ceil(np.log2(considered))) if considered > 1 else 1
    left, visits = considered, 0
    while True:
        extra = max(1, simulations // (rounds * left))
        if i < extra * left:
            return visits + i // left
        i -= extra * left
        visits += extra
        left = max(min(2, considered), left // 2)


@kernel
def _scores(game: Game, selection: Selection, trees: Trees, g: int) -> np.ndarray:
    """float64 (moves,): logit + sigma(completed value), equations 8 to 11 and 33; values are scaled to 0 to 1."""
    prior = trees.prior[g, 0]
    most, total, seen, mixed = 0, 0, 0.0, 0.0
    for move in range(game.moves):
        visits = _visits(trees, g, move)
        if visits > 0:
            child = trees.child[g, 0, move]
            most, total, seen = max(most, visits), total + visits, seen + prior[move]
            mixed -= prior[move] * trees.value[g, child] / visits
    value = (trees.said[g] + total * mixed / seen) / (1 + total) if total > 0 else trees.said[g]
    scores = np.empty(game.moves)
    for move in range(game.moves):
        visits = _visits(trees, g, move)
        q = -trees.value[g, trees.child[g, 0, move]] / visits if visits > 0 else value
        scores[move] = np.log(max(prior[move], LEAST)) + (selection.c_visit + most) * selection.c_scale * (q + 1) / 2
    return scores


@kernel
def select(game: Game, selection: Selection, trees: Trees, g: int) -> int:
    """The root's next move to simulate under Gumbel: of those that can beat what is proven."""
    scores = _scores(game, selection, trees, g)
    if trees.noise_share[g] > 0:
        scores += trees.noise[g]
    considered = min(selection.considered, (trees.child[g, 0] != ILLEGAL).sum())
    turn = halving_visits(considered, max(1, trees.budget[g]), trees.visits[g, 0] - 1)
    best, best_visits = NONE, False
    for move in range(game.moves):
        child = trees.child[g, 0, move]
        if child == ILLEGAL or (child >= 0 and -trees.low[g, child] <= trees.low[g, 0]):
            continue
        has_turn = _visits(trees, g, move) == turn
        if best == NONE or (has_turn, scores[move]) > (best_visits, scores[best]):
            best, best_visits = move, has_turn
    return best


@kernel
def policy(game: Game, selection: Selection, trees: Trees, g: int) -> np.ndarray:
    """float32 (moves,): what the search would have the net play.

    PUCT: shares of visits; Gumbel: the improved policy (equation 11). Equal shares of what is proven to be best; no
    move that is proven to lose, unless all are.
    """
    weights = np.zeros(game.moves, np.float32)
    proven, low = is_proven(trees, g, 0), trees.low[g, 0]
    for move in range(game.moves):
        child = trees.child[g, 0, move]
        if proven:
            weights[move] = child >= 0 and -trees.high[g, child] == low
        elif child >= 0 and trees.low[g, child] < 1:
            weights[move] = trees.visits[g, child]
    if weights.sum() == 0:  # proven when it was made, or what was visited is proven to lose
        for move in range(game.moves):
            child = trees.child[g, 0, move]
            weights[move] = child != ILLEGAL and (proven or child < 0 or trees.low[g, child] < 1)
    elif selection.gumbel and not proven:
        scores = _scores(game, selection, trees, g)
        top = scores[weights > 0].max()
        for move in range(game.moves):
            child = trees.child[g, 0, move]
            loses = child == ILLEGAL or (child >= 0 and trees.low[g, child] == 1)
            weights[move] = 0.0 if loses else np.exp(scores[move] - top)
    return weights / weights.sum()


@kernel
def best_move(game: Game, selection: Selection, trees: Trees, g: int) -> int:
    """The most visited move, the likelier of two; or one that is proven to give more than it promises."""
    low, open_moves = trees.low[g, 0], not is_proven(trees, g, 0)
    rank = trees.prior[g, 0].astype(np.float64)
    if selection.gumbel and open_moves:
        rank = _scores(game, selection, trees, g)
        if trees.noise_share[g] > 0:
            rank += trees.noise[g]
    best, most, promise = NONE, -1, -np.inf
    sure, surest = NONE, -1
    for move in range(game.moves):
        child = trees.child[g, 0, move]
        if child == ILLEGAL:
            continue
        visits = _visits(trees, g, move)
        if child >= 0 and -trees.high[g, child] == low and visits > surest:
            sure, surest = move, visits
        beats = child < 0 or -trees.low[g, child] > low
        if (beats or not open_moves) and (best == NONE or (visits, rank[move]) > (most, rank[best])):
            best, most = move, visits
            promise = -trees.value[g, child] / visits if visits > 0 else -1.0
    return sure if sure != NONE and (low > promise or not open_moves) else best


@kernel
def visit_counts(game: Game, trees: Trees) -> np.ndarray:
    """int32 (games, moves): how often each move of a root was simulated."""
    counts = np.zeros((len(trees.nodes), game.moves), np.int32)
    for g in range(len(trees.nodes)):
        for move in range(game.moves):
            counts[g, move] = _visits(trees, g, move)
    return counts


@kernel
def best_moves(game: Game, selection: Selection, trees: Trees) -> np.ndarray:
    """float64 (games, 2 + moves): each root's move to play, the value that the search sees, and shares of visits.

    Of a root that was proven when it was made no move was visited: the one to play has the whole.
    """
    answers, counts = np.zeros((len(trees.nodes), 2 + game.moves)), visit_counts(game, trees)
    for g in range(len(trees.nodes)):
        move, visits = best_move(game, selection, trees, g), counts[g].sum()
        mean = trees.value[g, 0] / max(1, trees.visits[g, 0])
        answers[g, 0] = move
        answers[g, 1] = min(max(mean, float(trees.low[g, 0])), float(trees.high[g, 0]))
        if visits > 0:
            answers[g, 2:] = counts[g] / visits
        else:
            answers[g, 2 + move] = 1
    return answers
