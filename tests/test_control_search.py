"""The search against a plain twin and the solver, with tables in place of the net."""

from collections.abc import Callable

import numpy as np
import pytest

from control import solver
from control.cache import cache
from control.game import CONNECT_FOUR, TIC_TAC_TOE, Game, Rules, canonical, is_over, mirror_move, play
from control.positions import legal_moves
from control.root import best_moves, visit_counts
from control.search import search
from control.tactics import can_win, sound_cells
from control.tree import ILLEGAL, Selection, Trees
from tests.boards import SMALL, random_positions
from tests.nets import CASES, PUCT, fresh, table


def oracle(game: Game) -> Callable[[np.ndarray], np.ndarray]:
    """A net that knows every outcome, and nothing of moves."""
    memory = solver.memory(game, table_bits=16)

    def net(positions: np.ndarray) -> np.ndarray:
        said = np.zeros((len(positions), game.moves + 3), np.float32)
        outcomes = solver.solve_all(game, memory, positions, True)
        said[np.arange(len(positions)), game.moves + 1 - outcomes] = 9
        return said

    return net


class Node:
    """A plain tree: what is proven is worked out anew, from the children, whenever it is asked for."""

    def __init__(self, game: Game, own: int, stones: int, *, proofs: bool) -> None:
        self.game, self.own, self.stones, self.proofs = game, np.uint64(own), np.uint64(stones), proofs
        self.visits, self.value, self.draws = 0, 0.0, 0.0
        self.children: dict[int, Node] = {}
        self.prior: dict[int, float] = {}
        own_, stones_ = self.own, self.stones
        legal = np.flatnonzero(legal_moves(game, np.array([[own_, stones_]]))[0]).tolist()
        self.at_once = None
        if is_over(game, own_, stones_):
            self.at_once = -1 if solver.has_row(game, own_ ^ stones_) else 0
        elif proofs and can_win(game, own_, stones_):
            self.at_once = 1
        elif proofs:
            sound = sound_cells(game, own_, stones_)
            legal = [m for m in legal if (play(game, own_, stones_, m)[1] ^ int(stones_)) & sound]
            self.at_once = None if legal else -1
        self.moves = legal

    def bounds(self) -> tuple[int, int]:
        if self.at_once is not None:
            return self.at_once, self.at_once
        if not self.proofs or not self.visits:
            return -1, 1
        below = [self.children[m].bounds() if m in self.children else (-1, 1) for m in self.moves]
        return max(-high for _, high in below), max(-low for low, _ in below)

    def select(self, selection: Selection, root: bool) -> int:
        visited = sum(self.prior[m] for m, c in self.children.items() if c.visits)
        first_play = self.value / self.visits - (0 if root else selection.fpu_reduction * np.sqrt(visited))
        low = self.bounds()[0]
        best, best_bound = -1, -np.inf
        for m in self.moves:
            c = self.children.get(m)
            if c is not None and -c.bounds()[0] <= low:
                continue
            visits = c.visits if c else 0
            q = -c.value / visits if visits else first_play  # type: ignore[union-attr]
            bound = q + selection.c_puct * np.sqrt(self.visits) * self.prior[m] / (1 + visits)
            if bound > best_bound:
                best, best_bound = m, bound
        return best


def plain_search(game: Game, selection: Selection, net: Callable, position: np.ndarray, simulations: int) -> Node:
    """One game, one leaf at a time, no cache."""
    root = Node(game, *position, proofs=selection.proofs)
    while root.visits <= simulations and root.bounds()[0] != root.bounds()[1]:
        path = [root]
        while path[-1].visits and path[-1].bounds()[0] != path[-1].bounds()[1]:
            node = path[-1]
            move = node.select(selection, node is root)
            if move not in node.children:
                child = play(game, node.own, node.stones, move)
                node.children[move] = Node(game, *child, proofs=selection.proofs)
            path.append(node.children[move])
        leaf = path[-1]
        value, draw = float(leaf.bounds()[0]), 0.0
        if leaf.at_once is None and not leaf.visits:
            value, draw = evaluate(game, net, leaf)
        for node in reversed(path):
            node.visits += 1
            low, high = node.bounds()
            value = min(max(value, low), high)
            draw = float(low == 0) if low == high else draw
            node.value, node.draws = node.value + value, node.draws + draw
            value = -value
    return root


def evaluate(game: Game, net: Callable, node: Node) -> tuple[float, float]:
    own, stones, flip = canonical(game, node.own, node.stones)
    (said,) = net(np.array([[own, stones]], np.uint64)).astype(np.float64)
    logits = {m: said[mirror_move(game, m) if flip else m] for m in node.moves}
    total = sum(np.exp(v) for v in logits.values())
    node.prior = {m: float(np.exp(v) / total) for m, v in logits.items()}
    win, draw, loss = np.exp(said[game.moves :]) / np.exp(said[game.moves :]).sum()
    return float(win - loss), float(draw)


def compare(grown: Trees, g: int, n: int, node: Node) -> None:
    """The same tree, node by node."""
    assert grown.visits[g, n] == node.visits
    assert (grown.low[g, n], grown.high[g, n]) == node.bounds()
    assert grown.value[g, n] == pytest.approx(node.value, abs=1e-4)
    assert grown.draws[g, n] == pytest.approx(node.draws, abs=1e-4)
    made = {m: c for m, c in enumerate(grown.child[g, n]) if c >= 0}
    assert made.keys() == node.children.keys()
    for move, child in made.items():
        compare(grown, g, child, node.children[move])


@pytest.mark.parametrize("proofs", [True, False])
@pytest.mark.parametrize(("rules", "plies"), CASES)
def test_the_tree_is_that_of_a_plain_search(rules: Rules, plies: int, proofs: bool) -> None:
    game, selection = rules.game, PUCT._replace(proofs=proofs)
    positions = random_positions(game, plies, 4)
    net = table(game)
    grown = search(game, selection, net, fresh(game), positions, 150)
    for g, position in enumerate(positions):
        compare(grown, g, 0, plain_search(game, selection, net, position, 150))


@pytest.mark.parametrize("simulations", [1, 7, 40, 200])
def test_among_equal_arms_visits_are_shared_out_like_seats(simulations: int) -> None:
    """Where every value is 0, PUCT shares visits out as d'Hondt shares out seats, with the priors for votes."""
    game = CONNECT_FOUR.game
    prior = np.array([0.05, 0.1, 0.17, 0.21, 0.2, 0.18, 0.09])

    def net(positions: np.ndarray) -> np.ndarray:
        said = np.zeros((len(positions), game.moves + 3), np.float32)
        said[:, : game.moves] = np.log(prior)
        return said

    grown = search(game, PUCT._replace(proofs=False), net, fresh(game), np.zeros((1, 2), np.uint64), simulations)
    seats = np.zeros(game.moves, int)
    for _ in range(simulations):
        seats[np.argmax(prior / (1 + seats))] += 1
    assert visit_counts(game, grown)[0].tolist() == seats.tolist()


@pytest.mark.parametrize(("rules", "plies"), CASES)
def test_what_is_proven_is_true(rules: Rules, plies: int) -> None:
    """Every node's bounds hold the solver's outcome between them, whatever the net says."""
    game, plies = rules.game, max(plies, 20) if rules is CONNECT_FOUR else plies
    positions = random_positions(game, plies, 6)
    grown = search(game, PUCT, table(game, sharpness=3), fresh(game), positions, 300)
    proven = 0
    memory = solver.memory(game, table_bits=18)
    for g in range(len(positions)):
        nodes = range(grown.nodes[g])
        at = np.stack([grown.own[g, nodes], grown.stones[g, nodes]], 1)
        over = np.array([is_over(game, *p) for p in at])
        truth = np.where([solver.has_row(game, p[0] ^ p[1]) for p in at], -1, 0)
        truth[~over] = solver.solve_all(game, memory, at[~over], True)
        low, high = grown.low[g, nodes], grown.high[g, nodes]
        assert (low <= truth).all()
        assert (truth <= high).all()
        proven += ((low == high) & ~over).sum()
    assert proven > 10


@pytest.mark.parametrize(("rules", "plies"), CASES)
def test_children_are_the_legal_moves_and_visits_add_up(rules: Rules, plies: int) -> None:
    game = rules.game
    positions = random_positions(game, plies, 5)
    grown = search(game, PUCT._replace(proofs=False), table(game), fresh(game), positions, 200)
    for g in range(len(positions)):
        for n in range(grown.nodes[g]):
            position = np.array([[grown.own[g, n], grown.stones[g, n]]])
            legal = legal_moves(game, position)[0] & (not is_over(game, *position[0]))
            assert ((grown.child[g, n] != ILLEGAL) == legal).all()
            children = grown.child[g, n][grown.child[g, n] >= 0]
            if grown.visits[g, n] and not is_over(game, *position[0]):
                assert grown.visits[g, n] == 1 + grown.visits[g, children].sum()
                assert grown.prior[g, n].sum() == pytest.approx(1)
    assert (grown.visits[:, 0] == 201).all()


@pytest.mark.parametrize(("rules", "plies"), CASES)
@pytest.mark.parametrize("bits", [1, 12])
def test_neither_batch_nor_cache_changes_the_answer(rules: Rules, plies: int, bits: int) -> None:
    game, net = rules.game, table(rules.game)
    positions = random_positions(game, plies, 6)
    together = search(game, PUCT, net, fresh(game, bits), positions, 80)
    kept = fresh(game)
    for g, position in enumerate(positions):
        alone = search(game, PUCT, net, kept, position[None], 80)
        assert np.array_equal(visit_counts(game, alone)[0], visit_counts(game, together)[g])
        assert np.array_equal(best_moves(game, PUCT, alone)[0], best_moves(game, PUCT, together)[g])
    assert kept.asked[0] > 0


def test_a_cache_saves_questions() -> None:
    game, asked = TIC_TAC_TOE.game, []

    def counting(positions: np.ndarray) -> np.ndarray:
        asked.extend(positions.tolist())
        return table(game)(positions)

    kept = fresh(game, 16)
    search(game, PUCT, counting, kept, np.zeros((1, 2), np.uint64), 200)
    assert len(asked) == len({tuple(p) for p in asked}) == kept.asked[0] - kept.found[0]
    before = len(asked)
    search(game, PUCT, counting, kept, np.zeros((1, 2), np.uint64), 200)
    assert len(asked) == before


@pytest.mark.parametrize(("rules", "plies"), [(CONNECT_FOUR, 24), (TIC_TAC_TOE, 2), (SMALL, 2)])
def test_with_a_net_that_knows_all_it_plays_perfectly(rules: Rules, plies: int) -> None:
    game = rules.game
    positions = random_positions(game, plies, 20)
    answers = best_moves(game, PUCT, search(game, PUCT, oracle(game), fresh(game), positions, 100))
    truth = solver.score_moves(game, solver.memory(game, table_bits=18), positions, True)
    assert (truth[np.arange(20), answers[:, 0].astype(int)] == truth.max(1)).all()
    assert np.abs(answers[:, 1] - truth.max(1)).max() < 0.2


@pytest.mark.parametrize(("rules", "plies"), CASES)
def test_without_simulations_it_is_the_net_alone(rules: Rules, plies: int) -> None:
    game, net, selection = rules.game, table(rules.game), PUCT._replace(proofs=False)
    positions = random_positions(game, plies, 10)
    answers = best_moves(game, selection, search(game, selection, net, fresh(game), positions, 0))
    assert (answers[np.arange(10), 2 + answers[:, 0].astype(int)] == 1).all(), "nothing was visited"
    for position, (move, value) in zip(positions, answers[:, :2], strict=True):
        node = Node(game, *position, proofs=False)
        seen, _ = evaluate(game, net, node)
        assert move == max(node.prior, key=lambda m: node.prior[m])
        assert value == pytest.approx(seen, abs=1e-6)


@pytest.mark.parametrize(
    ("said", "match"),
    [
        (
            np.full((1, 10), np.nan, np.float32),
            r"net: given numbers that are not finite, wanted finite logits \(1, 10\)",
        ),
        (
            np.zeros((1, 7), np.float32),
            r"net: given an array \(1, 7\), wanted finite logits \(1, 10\) of moves and outcomes",
        ),
    ],
)
def test_a_net_that_talks_nonsense_is_named(said: np.ndarray, match: str) -> None:
    game = CONNECT_FOUR.game
    with pytest.raises(ValueError, match=match):
        search(game, PUCT, lambda _: said, fresh(game), np.zeros((1, 2), np.uint64), 5)


@pytest.mark.parametrize("bits", [0, 31])
def test_a_cache_of_no_size_is_refused(bits: int) -> None:
    with pytest.raises(ValueError, match=f"cache_bits: given {bits}, wanted 1 to 30"):
        cache(CONNECT_FOUR.game, bits=bits)
