"""The root of a search: its noise, what it answers, when it is planted anew or moves down, and Gumbel's halving."""

import numpy as np
import pytest

from control.baseline import RolloutPlayer
from control.game import CONNECT_FOUR, TIC_TAC_TOE, Rules
from control.module import LearnedPlayer
from control.positions import after, legal_moves
from control.root import best_moves, halving_visits, policy, visit_counts
from control.search import absorb, search, step
from control.tree import ILLEGAL, Trees, plant, reroot, trees
from tests.boards import random_positions
from tests.nets import CASES, PUCT, fresh, table


@pytest.mark.parametrize(("rules", "plies"), CASES)
def test_an_answer_says_what_share_of_the_visits_each_move_got(rules: Rules, plies: int) -> None:
    game, moves = rules.game, rules.game.moves
    positions = random_positions(game, plies, 6)
    grown = search(game, PUCT, table(game), fresh(game), positions, 60)
    answers, visits = best_moves(game, PUCT, grown), visit_counts(game, grown)
    assert answers.shape == (6, 2 + moves)
    for answer, counts in zip(answers, visits, strict=True):
        if counts.any():
            np.testing.assert_allclose(answer[2:], counts / counts.sum())
        else:
            assert answer[2:].tolist() == np.eye(moves)[int(answer[0])].tolist(), "proven at once"


class Fixed:
    """A net that always says the same."""

    def __init__(self, rules: Rules) -> None:
        self.rules, self.said = rules, np.linspace(-1, 2, rules.game.moves + 3, dtype=np.float32)

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        return np.tile(self.said, (len(positions), 1))

    both_ways = __call__


@pytest.mark.parametrize("rules", [CONNECT_FOUR, TIC_TAC_TOE], ids=["connect four", "tic-tac-toe"])
@pytest.mark.parametrize("name", ["net alone", "search", "rollouts"])
def test_a_player_shares_out_the_legal_moves(name: str, rules: Rules) -> None:
    game = rules.game
    learned = LearnedPlayer(net=Fixed(rules), selection=PUCT, simulations=20, cache_bits=8)  # type: ignore[arg-type]
    player = {
        "net alone": learned.with_simulations(0),
        "search": learned,
        "rollouts": RolloutPlayer(rules=rules, simulations=50, exploration=1.0, seed=0),
    }[name]
    positions = random_positions(game, 5, 12)
    legal = legal_moves(game, positions)
    answers = player(positions)
    shares = answers[:, 2:]
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)
    assert not shares[~legal].any()
    assert player(positions[:0]).shape == (0, 2 + game.moves)
    if name != "search":  # where a move that is proven may be better than the one of most visits
        assert np.array_equal(shares.argmax(1), answers[:, 0])
    if name == "net alone":
        for row, allowed in zip(shares, legal, strict=True):
            likely = np.exp(learned.net.said[: game.moves][allowed])  # type: ignore[attr-defined]
            np.testing.assert_allclose(row[allowed], likely / likely.sum(), rtol=1e-5)


def test_noise_takes_its_share_of_the_roots_priors_only() -> None:
    game, net, kept = CONNECT_FOUR.game, table(CONNECT_FOUR.game), fresh(CONNECT_FOUR.game)
    position = random_positions(game, 6, 1)
    plain = search(game, PUCT, net, kept, position, 1)
    noisy = trees(game, games=1, nodes=2)
    noisy.budget[:] = 1
    noisy.noise[:] = np.arange(1, 8)
    noisy.noise_share[:] = 0.25
    plant(game, PUCT, noisy, 0, *position[0])
    ask = np.zeros((1, 2), np.uint64)
    while asked := step(game, PUCT, noisy, kept, ask):
        absorb(game, PUCT, noisy, kept, net(ask[:asked]))
    considered = plain.child[0, 0] != ILLEGAL
    noise = np.arange(1, 8) * considered
    np.testing.assert_allclose(noisy.prior[0, 0], 0.75 * plain.prior[0, 0] + 0.25 * noise / noise.sum(), atol=1e-6)
    assert noisy.child[0, 0].max() == 1


def test_a_tree_that_is_planted_again_forgets_what_it_held() -> None:
    """A root that is lost at once is never evaluated: its move must not come from another root's priors."""
    game, net, kept = CONNECT_FOUR.game, table(CONNECT_FOUR.game), fresh(CONNECT_FOUR.game)
    lost = after(game, [0, 3, 0, 2, 6, 4])  # three stones in a row, open on both sides, and the other side to move
    again = trees(game, games=1, nodes=2)
    again.budget[:] = 1
    ask = np.zeros((1, 2), np.uint64)
    for position in (np.zeros(2, np.uint64), lost):
        plant(game, PUCT, again, 0, *position)
        while asked := step(game, PUCT, again, kept, ask):
            absorb(game, PUCT, again, kept, net(ask[:asked]))
    assert (
        best_moves(game, PUCT, again).tolist()
        == [[1, -1, 0, 1, 0, 0, 0, 0, 0]]
        == best_moves(game, PUCT, search(game, PUCT, net, kept, lost[None], 1)).tolist()
    )


@pytest.mark.parametrize("rules", [CONNECT_FOUR, TIC_TAC_TOE])
def test_a_child_that_becomes_the_root_keeps_what_was_found_below_it(rules: Rules) -> None:
    game = rules.game
    grown = search(game, PUCT, table(game), fresh(game), random_positions(game, 3, 2), 150)
    for g in range(2):
        child = int(grown.child[g, 0][np.argmax(visit_counts(game, grown)[g])])
        before = subtree(grown, g, child)
        reroot(grown, g, child)
        assert subtree(grown, g, 0) == before
        assert grown.nodes[g] == len(before)


def subtree(trees: Trees, g: int, node: int) -> list[tuple]:
    """Everything that is known of a node and of what is below it, in depth first order."""
    fields = (trees.own, trees.stones, trees.visits, trees.value, trees.draws, trees.low, trees.high)
    made = np.minimum(trees.child[g, node], 0)
    known = [(*(array[g, node].item() for array in fields), *trees.prior[g, node].tolist(), *made.tolist())]
    for c in trees.child[g, node]:
        if c >= 0:
            known += subtree(trees, g, int(c))
    return known


@pytest.mark.parametrize(("considered", "simulations"), [(1, 5), (2, 7), (4, 32), (7, 50), (7, 3), (16, 200)])
def test_sequential_halving_visits_as_in_mctx(considered: int, simulations: int) -> None:
    """`get_sequence_of_considered_visits` of mctx, in plain Python."""
    wanted, left = [], considered
    visits = [0] * considered
    while len(wanted) < simulations:
        extra = max(1, int(simulations / (max(1, np.ceil(np.log2(considered))) * left)))
        for _ in range(extra):
            wanted += visits[:left]
            for i in range(left):
                visits[i] += 1
        left = max(min(2, considered), left // 2)
    assert [halving_visits(considered, simulations, i) for i in range(simulations)] == wanted[:simulations]


def test_gumbel_spends_its_simulations_by_halving_and_finds_the_best_arm() -> None:
    """Every value is 0 but those below one move: it gets the most visits, however unlikely the net thinks it."""
    game = Rules(height=6, width=7, row=6, drop=True).game
    gumbel = PUCT._replace(gumbel=True, proofs=False)

    def net(positions: np.ndarray) -> np.ndarray:
        said = np.zeros((len(positions), game.moves + 3), np.float32)
        said[:, :7] = [3, 2, 1, 0, -1, -9, -9]
        own_moved = np.bitwise_count(positions[:, 1]) % 2 == 0
        first = np.where(own_moved, positions[:, 0], positions[:, 0] ^ positions[:, 1])
        corner = (first & np.uint64(1 << 21)) != 0  # the bottom of column 3, its own mirror image
        said[:, 7] = np.where(corner & own_moved, 2, 0)
        said[:, 9] = np.where(corner & ~own_moved, 2, 0)
        return said

    grown = search(game, gumbel, net, fresh(game), np.zeros((1, 2), np.uint64), 64)
    visits = visit_counts(game, grown)[0]
    assert sorted(visits)[:3] == [0, 0, 0], "four of seven are considered"
    assert visits.sum() == 64
    assert sorted(visits)[3:5] == [8, 8], "those that fall out after the first half"
    assert best_moves(game, gumbel, grown)[0, 0] == 3
    target = policy(game, gumbel, grown, 0)
    assert target.argmax() == 3
    assert target.sum() == pytest.approx(1)


@pytest.mark.parametrize("gumbel", [False, True])
def test_what_is_proven_to_lose_has_no_share_though_nothing_else_was_tried(gumbel: bool) -> None:
    game = TIC_TAC_TOE.game
    grown = trees(game, games=1, nodes=3)
    plant(game, PUCT, grown, 0, np.uint64(0), np.uint64(0))
    grown.child[0, 0, 4], grown.visits[0, 0], grown.visits[0, 1] = 1, 2, 1
    grown.low[0, 1] = grown.high[0, 1] = 1  # for the other side
    grown.prior[0, 0] = 1 / 9
    assert policy(game, PUCT._replace(gumbel=gumbel), grown, 0).tolist() == pytest.approx(
        [1 / 8] * 4 + [0] + [1 / 8] * 4
    )
