"""The domains' own experiments for the essay's claims: on programs whose weakness is known, and on the shipped ones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from common.program import Figure, Plot
from control import claims as of_control
from control.attack import Attack
from control.baseline import PerfectPlayer
from control.game import CONNECT_FOUR, ONE, TIC_TAC_TOE, Rules, is_over
from control.labels import keys as names_of
from control.labels import read
from control.positions import FAULTS, after, faults
from databases import claims as of_databases
from databases.bisection import Bisection
from databases.evaluate import Referee as KeyReferee
from databases.kernel import LANES
from databases.keys import KEY_SETS, KeySet
from databases.lookup import Lookup
from databases.model_index import ModelIndex
from databases.root import Root
from databases.tree import BPlusTree
from speech import claims as of_speech
from tests import shipped
from tests.indexes import ranks
from tests.referees import SMALL, move_scores

LITTLE = {"each": 60, "generations": 3, "replayed": 4, "table_bits": 16, "seed": 0}


def figures(found: list[Figure | Plot], program: str) -> dict[str, float]:
    return {item.metric: item.value for item in found if isinstance(item, Figure) and item.program == program}


# Control


@dataclass
class Blind:
    """Plays perfectly, but as badly as can be where an own stone lies in the left corner; counts what it is asked."""

    rules: Rules
    asked: int = 0

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        self.asked += len(positions)
        pick = [min if own & ONE else max for own in positions[:, 0]]
        scores = move_scores(self.rules, positions)
        return np.array([(best(of, key=of.__getitem__), 0.0) for best, of in zip(pick, scores, strict=True)])


def attack(**changed: object) -> Attack:
    return Attack(**{"rules": SMALL, "stones": (6, 14), **LITTLE, **changed})  # type: ignore[arg-type]


def test_who_knows_the_truth_is_not_fooled() -> None:
    _, wrong = attack(each=20)(PerfectPlayer(rules=SMALL, table_bits=16))
    assert not np.concatenate(wrong).any()
    assert [f.value for f in of_control.fooled(wrong)] == [1, 1, 1]


def test_mistakes_breed_mistakes() -> None:
    player = Blind(SMALL)
    generations, wrong = attack()(player)
    assert player.asked == 3 * 60, "as often as any other"
    for positions, errors in zip(generations, wrong, strict=True):
        np.testing.assert_array_equal(errors, positions[:, 0] & ONE == ONE)
        for scores, position in zip(move_scores(SMALL, positions), positions, strict=True):
            assert len({np.sign(score) for score in scores.values()}) > 1, "a move can be wrong"
            assert 6 <= int(position[1]).bit_count() <= 14
            assert not is_over(SMALL.game, *position)
    everything = np.concatenate(generations)
    assert len(np.unique(names_of(SMALL.game, everything))) == len(everything), "no position is asked for twice"
    assert wrong[0].mean() < 0.7
    assert wrong[-1].mean() > 0.8, "the corner was taken early, and games are played anew from late on"
    measured = {figure.metric: figure.value for figure in of_control.fooled(wrong)}
    assert measured["kept_under_attack"] == pytest.approx((1 - wrong[-1].mean()) / (1 - wrong[0].mean()))
    for ours, theirs in zip(generations, attack()(player)[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_attack_says_what_it_cannot() -> None:
    with pytest.raises(ValueError, match=r"attack\.each: given 60, wanted fewer: only \d+ new ones are found"):
        attack(stones=(1, 2))(Blind(SMALL))
    with pytest.raises(ValueError, match=r"attack: given each 0, replayed 4, generations 3, wanted each"):
        attack(each=0)
    with pytest.raises(ValueError, match=r"attack\.stones: given \(4, 20\), wanted the fewest and the most, 1 to 19"):
        attack(stones=(4, 20))


def test_boards_are_impossible_as_they_are_said_to_be() -> None:
    game, real = CONNECT_FOUR.game, read(CONNECT_FOUR, "test", each=200).positions
    made = of_control.impossible(CONNECT_FOUR, real, 30, np.random.default_rng(0))
    assert list(made) == ["floating", "one_sided", "two_winners"]
    for kind, (boards, others) in made.items():
        assert len(boards) == len(others) == 30
        assert {FAULTS[fault] for fault in faults(game, boards)} == {of_control.KINDS[kind][1]}
        assert not faults(game, others).any()
        if kind != "two_winners":  # few boards can be made so: each is tried again and again
            assert len(np.unique(others, axis=0)) == 30, "drawn without replacement"
        if kind != "floating":  # whose stones lie elsewhere
            assert np.isin(boards[:, 1], others[:, 1]).mean() < 0.1, "told from their own parents"
        stones, wanted = (np.bitwise_count(part[:, 1]) for part in (boards, others))
        assert abs(stones.mean() - wanted.mean()) < 3 * np.hypot(stones.std(), wanted.std()) / 30**0.5
    tic = after(TIC_TAC_TOE.game, [0, 1, 2, 5, 4, 8])[None]
    assert "floating" not in of_control.impossible(TIC_TAC_TOE, tic, 3, np.random.default_rng(0)), "none falls there"


def test_players_refuse_what_cannot_be_and_the_net_does_not() -> None:
    real = read(CONNECT_FOUR, "test", each=3).positions
    (boards, _), *_ = of_control.impossible(CONNECT_FOUR, real, 4, np.random.default_rng(0)).values()
    player = PerfectPlayer(rules=CONNECT_FOUR, table_bits=20)
    late = real[np.bitwise_count(real[:, 1]) > 25]
    assert of_control.refused(player, boards).all()
    assert not of_control.refused(player, late).any()
    assert not of_control.refused(lambda positions: positions, boards).any()


def test_the_shipped_players_are_attacked_alike(config: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, errs, given = Attack.__call__, Attack.errs, []

    def mistaken(attack: Attack, player: Any) -> Any:
        generations, wrong = whole(attack, player)
        wrong[-1][:3] = True  # so strong are these players that there may be no mistake
        return generations, wrong

    def noted(attack: Attack, player: Any, positions: np.ndarray) -> np.ndarray:
        given.append(len(positions))
        return errs(attack, player, positions)

    monkeypatch.setattr(Attack, "__call__", mistaken)
    monkeypatch.setattr(Attack, "errs", noted)
    subject = shipped.subject(config, "control", "domain.evaluator.limit=10")
    search = LITTLE | {"each": 20, "generations": 2, "stones": (24, 32)}
    found = of_control.adversarial(subject, simulations=4, against=["minmax_5"], **search)
    for name in ("hybrid", "hybrid_alone", "minmax_5"):
        measured = figures(found, name)
        assert measured["outcome_kept"] > 0.6
        assert ("outcome_kept/transfer" in measured) == (name != "hybrid")
    assert [n for n in given if n < 20] == [3, 3], "the positions of its mistakes, asked of the two others"
    kinds = {item.program: item.kind for item in found if isinstance(item, Figure)}
    assert kinds == {"hybrid": "learned", "hybrid_alone": "learned", "minmax_5": "baseline"}

    found = of_control.silence(subject, each=10, boards=20, seed=0)
    learned = figures(found, "hybrid")
    assert learned["auroc"] == min(learned[f"auroc/{kind}"] for kind in of_control.KINDS)
    assert 1 / 3 < learned["confidence/one_sided"] <= 1
    assert [figures(found, name)["refused"] for name in subject.programs] == [1] * 4


# Databases


@pytest.fixture
def even(monkeypatch: pytest.MonkeyPatch) -> KeySet:
    """Keys for which a straight line is all that an index needs, with room between them."""
    monkeypatch.setitem(KEY_SETS, "even", lambda: np.arange(2**20, 2**20 + 2_000_000, 100, dtype=np.uint64) + 2**40)
    return KeySet("even")


def model(keys: np.ndarray, pieces: int = 40) -> ModelIndex:
    return ModelIndex.fitted(keys, Root.quantiles(keys, pieces=pieces), n_leaves=500)


def referee(table: KeySet, limit: int) -> KeyReferee:
    return KeyReferee(keys=table.name, keys_limit=table.limit, split="test", calls=1, rounds=1, limit=limit)


@pytest.mark.parametrize("pieces", [1, 40])
def test_a_query_is_left_open_where_its_rank_is_far_from_the_first_look(pieces: int) -> None:
    table = KeySet("lognormal", 20_000)
    index = model(table.keys, pieces)
    queries = np.concatenate([table.keys[::7], table.keys[::11] + np.uint64(1)])
    off = index.off(queries, np.searchsorted(table.keys, queries))
    open_ = [index.lower_bound(table.keys, queries[i : i + 1], np.empty(1, np.int64))[0] for i in range(len(queries))]
    np.testing.assert_array_equal(off >= LANES, open_)
    assert of_databases.left_open(index, table.keys, queries) == np.mean(open_)


def test_the_worst_queries_are_chosen() -> None:
    table = KeySet("lognormal", 20_000)
    program = Lookup(model(table.keys), table)
    usual, worst = of_databases.chosen(referee(table, 500), program, times=20)
    assert usual.shape == worst.shape == (1, 500)
    least = of_databases.far_off(program, worst[0]).min()
    assert least >= np.quantile(of_databases.far_off(program, usual[0]), 0.9)
    assert 0.4 < np.isin(usual, table.keys).mean() < 0.6, "half of them are of the table"


def test_a_tree_cannot_be_far_off(even: KeySet) -> None:
    for index in (Bisection(), BPlusTree.over(even.keys)):
        assert not of_databases.far_off(Lookup(index, even), even.keys[:100]).any()
        assert of_databases.poisoned(index, even.keys, share=0.1, each=30) is even.keys


def test_poison_spoils_the_lines(even: KeySet) -> None:
    index = model(even.keys, pieces=100)
    keys = of_databases.poisoned(index, even.keys, share=0.1, each=40)
    assert len(keys) == 1.1 * len(even.keys)
    assert (keys[1:] > keys[:-1]).all()
    assert np.isin(even.keys, keys).all()
    before, later = (of_databases.left_open(i, k, even.keys) for i, k in ((index, even.keys), (index.over(keys), keys)))
    assert later > before + 0.05
    np.testing.assert_array_equal(ranks(index.over(keys), keys, keys), np.arange(len(keys)))


def test_new_keys_lie_where_none_was() -> None:
    keys = np.array([10, 11, 13, 20], np.uint64)
    assert of_databases.free(keys, 3).tolist() == [12, 14, 15]
    assert of_databases.free(keys, 30).tolist() == [12, 14, 15, 16, 17, 18, 19]


def test_the_shipped_indexes_are_attacked_alike(config: Callable) -> None:
    few = ("domain.evaluator.rounds=1", "domain.evaluator.limit=4096")
    subject = shipped.subject(config, "databases", *few)
    found = of_databases.adversarial(subject, times=4, share=0.01, each=32)
    for name in subject.programs:
        measured = figures(found, name)
        assert measured["kept_under_attack"] > 0
        assert ("left_open" in measured) == isinstance(subject.programs[name].index, ModelIndex)  # type: ignore[attr-defined]
    learned = figures(found, subject.learned)
    assert learned["left_open/attacked"] > learned["left_open"]


# Speech


def test_noise_is_as_long_and_as_strong() -> None:
    waves = [np.sin(np.arange(n) / 9) * level for n, level in ((8000, 0.1), (5000, 0.3))]
    made = of_speech.noise_like(waves, np.random.default_rng(0))
    assert [len(wave) for wave in made] == [8000, 5000]
    strong = [[np.sqrt((wave**2).mean()) for wave in some] for some in (waves, made)]
    np.testing.assert_allclose(*strong, rtol=0.05)
    assert abs(np.corrcoef(made[0][1:], made[0][:-1])[0, 1]) < 0.05, "white"


def test_doubts_of_known_bits() -> None:
    bits, kinds = np.array([1.0, 2.0, 1.0, 3.0, 3.0, 9.0, 9.0]), np.array(["", "", *["june"] * 3, *["noise"] * 2])
    found = {f.metric: f.value for f in of_speech.doubts(bits, kinds)}
    assert found == {
        "bits_per_sample": 1.5, "bits_per_sample/june": pytest.approx(7 / 3), "bits_per_sample/noise": 9.0,
        "auroc": pytest.approx(0.75), "auroc/june": pytest.approx(4.5 / 6), "auroc/noise": 1.0,
    }  # fmt: skip


def test_the_shipped_voice_hears_a_stranger(config: Callable) -> None:
    subject = shipped.subject(config, "speech", "domain.evaluator.limit=1", "domain.evaluator.measures=[]")
    found = of_speech.silence(subject, voice="june", prompts=2, seed=0)
    for name in (subject.learned, "source_filter", "lpc"):
        measured = figures(found, name)
        assert measured["auroc"] == min(measured["auroc/june"], measured["auroc/noise"])
        assert measured["bits_per_sample"] < measured["bits_per_sample/noise"] < 16, "noise cannot be foreseen"
    assert {item.kind for item in found if isinstance(item, Figure)} == {"learned", "baseline", "ceiling"}
