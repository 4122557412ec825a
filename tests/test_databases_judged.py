"""The key sets, the programs, and the referee of the fourth domain."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from databases import keys as key_sets
from databases.baseline import BinarySearch, Interpolation, Tree
from databases.claims import under_attack
from databases.data import Batches, Ranks
from databases.evaluate import Referee
from databases.keys import KeySet
from databases.lookup import Lookup
from databases.root import features
from tests.indexes import LARGEST, uint64

SMALL = {"keys": "lognormal", "keys_limit": 5000, "calls": 2, "rounds": 1, "limit": 100}


@pytest.mark.parametrize(
    ("name", "count", "last"), [("longitudes", 3_886_189, 360 * 65535), ("morton", 10_717_358, 453_007_533_732_234)]
)
def test_coastlines_are_read(name: str, count: int, last: int) -> None:
    keys = KeySet(name).keys
    assert (keys.dtype, len(keys), int(keys[-1])) == (np.uint64, count, last)
    assert (keys[1:] > keys[:-1]).all()


def test_the_coast_is_where_it_is() -> None:
    """Land's End, 50.066 N 5.715 W, and nothing within two degrees of the Pacific's pole of inaccessibility."""
    east, north = (key_sets._coastline(axis).astype(np.int64) / key_sets.DEGREE for axis in ("longitude", "latitude"))
    assert np.hypot(east - (360 - 5.715), north - (90 + 50.066)).min() < 0.02
    assert np.hypot(east - (360 - 123.39), north - (90 - 48.88)).min() > 2


def test_addresses_are_read() -> None:
    try:
        keys = KeySet("addresses").keys
    except ValueError as error:
        # Debian revises the package and keeps no old one: its newer table is rightly refused, and no fault of ours.
        if "has sha256" in str(error):
            pytest.skip("Debian has a newer release of its table of addresses")
        raise
    assert len(keys) == 385_602
    assert keys[1] == 1 << 24, "1.0.0.0"


def test_bits_are_interleaved() -> None:
    for value in (0, 1, 0b1011, 2**25 - 1, 0xDEADBEEF):
        wanted = int("0".join(f"0{value:b}"), 2)
        assert int(key_sets._spread(uint64([value]))[0]) == wanted


def test_a_limit_spaces_the_keys_evenly() -> None:
    keys, few = KeySet("lognormal").keys, KeySet("lognormal", 1000).keys
    assert np.array_equal(few, keys[::10_000])
    assert not few.flags.writeable


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: KeySet("shoes"), "keys: given 'shoes', wanted one of lognormal, uniform"),
        (lambda: KeySet("uniform", 0), "limit: given 0, wanted null or a whole number above 0"),
        (lambda: Ranks(keys="uniform", batch_size=0, steps=1, seed=0, limit=None), "data: given batch_size 0"),
        (lambda: Referee(**SMALL, split="train"), "split: given 'train', wanted one of val, test"),
        (lambda: Referee(**{**SMALL, "calls": 0}, split="val"), "evaluator: given calls 0"),
    ],
)
def test_bad_settings_are_refused(make, reason: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=reason):
        make()


def data() -> Ranks:
    return Ranks(keys="lognormal", batch_size=100, steps=3, seed=0, limit=5000)


@pytest.mark.parametrize(
    "baseline", [Tree(), BinarySearch(), Interpolation(pieces=4, n_leaves=100, keys_per_leaf=4)], ids=repr
)
def test_programs_take_uint64_vectors_alone(baseline) -> None:  # type: ignore[no-untyped-def]
    program = baseline.build(data())
    assert program(program.table.keys[::7]).tolist() == list(range(0, 5000, 7))
    assert program(uint64([])).tolist() == []
    with pytest.raises(ValueError, match=r"queries: wanted a uint64 array of shape \(N,\), given float64"):
        program(np.array([1.0]))


def test_batches_are_sorted_draws_of_the_epoch() -> None:
    ranks = data()
    first = [list(Batches(ranks, epoch=lambda e=e: e)) for e in (0, 0, 1)]
    assert len(first[0]) == 3
    for x, share in first[0]:
        assert x.dtype == share.dtype == torch.float64
        assert (x.diff() >= 0).all()
        assert 0 <= x.min() <= x.max() <= 1
        np.testing.assert_allclose(
            features(ranks.table.keys[(share * 5000).round().int()], ranks.smallest[0]),
            x * ranks.width,
            rtol=1e-12,
        )
    assert all(torch.equal(a[0], b[0]) for a, b in zip(first[0], first[1], strict=True))
    assert not torch.equal(first[0][0][0], first[2][0][0])
    halves = [list(Batches(ranks, epoch=lambda: 0, rank=rank, processes=2)) for rank in (0, 1)]
    assert torch.equal(torch.stack([halves[0][0][0], halves[1][0][0]], 1).flatten(), first[0][0][0])


def test_a_wrong_rank_ends_the_run() -> None:
    referee = Referee(**SMALL, split="val")
    program = Tree().build(data())
    evaluation = referee(program)
    assert list(evaluation.scores) == ["lookup_ns"]
    assert evaluation.scores["lookup_ns"].shape == (1,)
    assert {f.metric for f in evaluation.figures} == {
        "sorted_lookup_ns",
        "absent_lookup_ns",
        "bisects",
        "inserted_per_s",
        "ranges_per_s",
    }

    class Wrong(Lookup):
        def __call__(self, queries: np.ndarray) -> np.ndarray:
            return super().__call__(queries) + (queries == LARGEST)

    with pytest.raises(ValueError, match=f"answers: given 5001 for the key {LARGEST}, wanted its rank 5000"):
        referee(Wrong(program.index, program.table))


@pytest.mark.parametrize(("attacked", "poisoned", "kept"), [(20.0, 12.5, 0.5), (12.5, 40.0, 0.25), (8.0, 5.0, 1.25)])
def test_what_is_kept_under_attack_is_under_the_strongest(attacked: float, poisoned: float, kept: float) -> None:
    found = under_attack({"": 10.0, "/attacked": attacked, "/poisoned": poisoned})
    value = {figure.metric: figure.value for figure in found}
    assert value["kept_under_attack"] == kept
    assert value["kept_when_poisoned"] == 10 / poisoned
    assert value["lookup_ns/attacked"] == attacked


def test_the_splits_ask_for_different_keys() -> None:
    val, test = (Referee(**SMALL, split=split).examples(100) for split in ("val", "test"))
    assert not np.array_equal(val, test)


@pytest.mark.parametrize("keys", [np.arange(5, 900, dtype=np.uint64), np.array([3, 9, 10, 11, 2**64 - 1], np.uint64)])
def test_absent_keys_are_none_of_the_table(keys: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    referee = Referee(**SMALL, split="val")
    monkeypatch.setattr(referee, "table", SimpleNamespace(keys=keys))
    absent = referee.absent((4, 50))
    assert absent.shape == (4, 50)
    assert absent.dtype == np.uint64
    assert not np.isin(absent, keys).any()
    assert np.unique(np.searchsorted(keys, absent)).tolist() == ([895] if len(keys) > 5 else [1, 4])
