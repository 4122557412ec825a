"""The fourth domain: every index gives the ranks that np.searchsorted gives, whatever the keys and the model."""

import bisect
from pathlib import Path
from types import SimpleNamespace

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import example, given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from numba import njit

from databases import keys as key_sets
from databases.baseline import BinarySearch, Interpolation, Tree
from databases.bisection import Bisection
from databases.data import Batches, Ranks
from databases.evaluate import Referee
from databases.kernel import LANES, count_below, settled
from databases.keys import KeySet
from databases.lookup import Lookup, fastest
from databases.model_index import FEWEST_KEYS, ModelIndex
from databases.net import RMI, DeepRMI
from databases.root import PART_BITS, Root, features, leaf_of, leaves_of
from databases.table import Table
from databases.tree import BPlusTree

LARGEST = 2**64 - 1
SMALL = {"keys": "lognormal", "keys_limit": 5000, "calls": 2, "rounds": 1, "limit": 100}


def uint64(values: list[int]) -> np.ndarray:
    return np.array(values, np.uint64)


def kinds(keys: np.ndarray) -> list:
    """Indexes of every kind, with good roots, bad ones and a nonsensical one."""
    if len(keys) < FEWEST_KEYS:
        return [Bisection()]
    roots = [Root.quantiles(keys, pieces=n) for n in (1, 5, 40)]
    roots.append(Root(uint64([LARGEST // 2]), np.array([0.0, 1e-9, 63.0]), np.array([0.0, 0.999, 1.0])))
    return [
        Bisection(),
        BPlusTree.over(keys),
        *(ModelIndex.fitted(keys, r, n_leaves=n) for r in roots for n in (1, 37)),
    ]


def ranks(index, keys: np.ndarray, queries: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    out = np.full(len(queries), -1, np.int64)
    index.lower_bound(keys, queries, out)
    return out


# The machine's own words


@njit
def counted(values, start, bound):  # type: ignore[no-untyped-def]
    return count_below(values, start, bound)


@given(st.lists(st.integers(0, LARGEST), min_size=LANES, max_size=40), st.integers(0, LARGEST), st.data())
@settings(max_examples=100, deadline=None)
def test_eight_keys_are_counted_at_once(values: list[int], bound: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(values) - LANES))
    wanted = sum(v < bound for v in values[start : start + LANES])
    assert counted(uint64(values), start, np.uint64(bound)) == wanted


def test_settled_keys_begin_with_a_cache_line() -> None:
    for n in (0, 1, 1000):
        keys = np.arange(n, dtype=np.uint64)
        copy = settled(keys)
        assert copy.ctypes.data % 64 == 0
        assert np.array_equal(copy, keys)
        assert not np.shares_memory(copy, keys)


# Ranks


ADVERSARIAL = st.one_of(
    st.lists(st.integers(0, LARGEST), max_size=300),
    st.lists(st.integers(0, 3), max_size=300),  # runs of equal keys
    st.lists(st.sampled_from([0, 1, 2**53, 2**53 + 1, 2**63, LARGEST - 1, LARGEST]), max_size=300),
    st.lists(
        st.builds(lambda base, i: base + i, st.sampled_from([5, 2**60, 2**63]), st.integers(0, 1000)), max_size=300
    ),
    st.builds(lambda n, step: [i * step for i in range(n)], st.integers(0, 2000), st.integers(1, 2**53)),
)


@given(ADVERSARIAL, st.lists(st.integers(0, LARGEST), max_size=80))
@example([], [0, LARGEST])
@example([7], [6, 7, 8])
@example([LARGEST] * 100, [LARGEST])
@example([0] * 100 + [LARGEST] * 100, [1])
@settings(max_examples=150, deadline=None)
def test_every_index_gives_every_rank(values: list[int], others: list[int]) -> None:
    keys = settled(np.sort(uint64(values)))
    queries = np.concatenate([keys, keys + np.uint64(1), keys - np.uint64(1), uint64([*others, 0, LARGEST])])
    queries = np.random.default_rng(0).permutation(queries)
    for index in kinds(keys):
        assert np.array_equal(ranks(index, keys, queries), np.searchsorted(keys, queries)), index


@pytest.mark.parametrize("name", ["lognormal", "uniform"])
@pytest.mark.parametrize("n", [10_000, 300_001])
def test_every_index_gives_every_rank_of_a_large_table(name: str, n: int) -> None:
    keys = KeySet(name, n).keys
    assert len(keys) == n
    queries = np.concatenate([keys, keys + np.uint64(1)])
    for index in kinds(keys):
        assert np.array_equal(ranks(index, keys, queries), np.searchsorted(keys, queries)), index


def test_a_tree_of_one_node_and_of_full_levels() -> None:
    for n in (16, 17, 16 * 17, 16 * 17 + 1, 16 * 17**2):
        keys = np.arange(1, 2 * n, 2, dtype=np.uint64)
        queries = np.arange(2 * n + 2, dtype=np.uint64)
        assert np.array_equal(ranks(BPlusTree.over(keys), keys, queries), np.searchsorted(keys, queries))


# The model


def test_the_feature_is_about_the_logarithm_and_never_descends() -> None:
    keys = np.sort(np.random.default_rng(0).integers(0, 2**64, 10_000, dtype=np.uint64) >> np.uint64(13))
    x = features(keys, np.uint64(0))
    assert (np.diff(x) >= 0).all()
    np.testing.assert_allclose(x, np.log2(keys.astype(np.float64) + 1), atol=0.0861)  # Mitchell 1962: 0.0861 at most
    assert features(uint64([3, 4, 5]), np.uint64(4)).tolist() == [0, 0, 1]


def test_a_leaf_is_where_the_root_says() -> None:
    """The compiled root beside plain interpolation."""
    keys = KeySet("lognormal", 3000).keys
    root = Root.quantiles(keys, pieces=20)
    wanted = np.interp(features(keys, keys[0]), root.knots, root.values) * 500
    given = np.array([leaf_of(root.ramps(500), key) for key in keys]) / 2**PART_BITS
    np.testing.assert_allclose(given, wanted, atol=2 / 2**PART_BITS)
    assert given.max() < 500
    together = np.empty(len(keys), np.int64)
    leaves_of(root.ramps(500), keys, np.empty(len(keys)), np.empty(len(keys)), together)
    assert (together == given * 2**PART_BITS).all(), "in vector registers as alone"


@pytest.mark.parametrize("net", [RMI(pieces=16), DeepRMI(pieces=8)])
def test_the_table_of_bends_is_the_net(net: torch.nn.Module) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.linspace(0, 1, 1001, dtype=torch.float64)
    torch.testing.assert_close(net(x), x, msg="it begins as the straight line")
    with torch.no_grad():
        for weights in net.parameters():
            weights.copy_(2 * torch.randn(weights.shape, generator=generator))
        knots, values = net.bends()
        np.testing.assert_allclose(net(x), np.interp(x, knots, values), atol=1e-12)
        assert (net(x).diff() >= 0).all()
    np.testing.assert_allclose([knots[0], knots[-1], values[0], values[-1]], [0, 1, 0, 1], atol=1e-12)


def test_the_loss_is_by_how_many_steps_the_searches_are_longer(config, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """As counted in the leaves of the untrained root: keys in leaf i, c_i of n, cost log2(c_i / (n / leaves)) more."""
    domain = instantiate(config("domain=databases", "domain.data.limit=1000000").domain, _convert_="all")
    domain.data.setup()
    batch = domain.data.batch(np.random.default_rng(0), 100_000)
    loss = domain.module.loss(domain.module.net, batch)[0].item()
    n_leaves = 5000  # wide enough to hold many keys, narrow enough to be straight
    index = ModelIndex.fitted(
        domain.data.table.keys, Root.quantiles(domain.data.table.keys, pieces=1), n_leaves=n_leaves
    )
    share = np.diff(index.ranks.astype(np.int64)) / 1e6
    counted_bits = (share[share > 0] * np.log2(share[share > 0] * n_leaves)).sum()
    assert loss == pytest.approx(counted_bits, rel=0.03)
    assert loss > 0.5


def test_training_makes_the_leaves_even(config, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from tests.test_contract import trainer

    domain = instantiate(config("domain=databases", "domain.data.limit=200000").domain, _convert_="all")
    run = trainer(tmp_path, 2)
    run.fit(domain.module, datamodule=domain.data)
    straight = domain.module.loss(RMI(pieces=16), domain.data.batch(np.random.default_rng(1), 10_000))[0].item()
    assert float(run.callback_metrics["val/loss"]) < 0.2 * straight
    program = domain.module.program(domain.data)
    keys = domain.data.table.keys
    assert np.array_equal(program(keys), np.arange(len(keys)))


@pytest.mark.parametrize("values", [[0, 0.5, np.nextafter(0.5, 0), 1], [-1e-17, 0.3, 1 + 1e-15, 1]])
def test_what_rounding_lets_descend_is_level(values: list[float]) -> None:
    root = Root.through(uint64([0]), np.array([0.0, 5, 9, 14]), np.array(values))
    assert (np.diff(root.values) >= 0).all()
    assert (root.values[0], root.values[-1]) == (0, 1)
    keys = settled(np.arange(20_000, dtype=np.uint64))
    assert np.array_equal(ranks(ModelIndex.fitted(keys, root, n_leaves=999), keys, keys), np.arange(20_000))


@pytest.mark.parametrize("net", [RMI(pieces=16), DeepRMI(pieces=8)])
def test_saturated_weights_make_an_index_all_the_same(net: torch.nn.Module) -> None:
    with torch.no_grad():
        for i, weights in enumerate(net.parameters()):
            weights.copy_(50 * torch.randn(weights.shape, generator=torch.Generator().manual_seed(i)))
        knots, values = (bends.numpy() for bends in net.bends())
    keys = KeySet("lognormal", 5000).keys
    root = Root.through(keys[:1].copy(), knots * features(keys[-1:], keys[0]), values)
    queries = np.concatenate([keys, keys + np.uint64(1)])
    index = ModelIndex.fitted(keys, root, n_leaves=300)
    assert np.array_equal(ranks(index, keys, queries), np.searchsorted(keys, queries))


def test_a_wrong_model_costs_looks_and_no_answers() -> None:
    keys = KeySet("uniform", 100_000).keys
    good, bad = (ModelIndex.fitted(keys, Root.quantiles(keys, pieces=pieces), n_leaves=2000) for pieces in (64, 1))
    out = np.empty(len(keys), np.int64)
    looks = {name: index.lower_bound(keys, keys, out) for name, index in (("good", good), ("bad", bad))}
    assert looks["good"][1] < looks["bad"][1], "fewer bisections"
    assert np.array_equal(out, np.arange(len(keys)))


def test_the_fastest_is_chosen() -> None:
    class Slow(Bisection):
        def lower_bound(self, *given: np.ndarray) -> None:
            for _ in range(20):
                super().lower_bound(*given)

    keys = KeySet("uniform", 10_000).keys
    assert type(fastest([Slow(), Bisection()], keys)) is Bisection
    assert type(fastest([Bisection(), Slow()], keys)) is Bisection


# The table


@settings(max_examples=30, stateful_step_count=25, deadline=None)
class Sequences(RuleBasedStateMachine):
    """A table does what a sorted list does."""

    some = st.lists(st.one_of(st.integers(0, 40), st.sampled_from([2**63, LARGEST])), max_size=60)

    def __init__(self) -> None:
        super().__init__()
        start = list(range(0, 80, 2))
        self.table = Table.over(uint64(start), self.kind(settled(uint64(start))))
        self.list = start

    def kind(self, keys: np.ndarray):  # type: ignore[no-untyped-def]
        return ModelIndex.fitted(keys, Root.quantiles(keys, pieces=3), n_leaves=11)

    @rule(keys=some)
    def insert(self, keys: list[int]) -> None:
        self.table.insert(uint64(keys))
        self.list = sorted(self.list + keys)

    @rule(data=st.data())
    @precondition(lambda self: self.list)
    def delete(self, data: st.DataObject) -> None:
        places = data.draw(st.sets(st.integers(0, len(self.list) - 1), max_size=20))
        self.table.delete(uint64([self.list[i] for i in places]))
        self.list = [key for i, key in enumerate(self.list) if i not in places]

    @rule()
    def merge(self) -> None:
        self.table.merge()

    @rule(key=st.integers(0, LARGEST))
    def delete_what_is_not_there(self, key: int) -> None:
        times = self.list.count(key)
        with pytest.raises(
            ValueError, match=f"keys: given {key} to delete {times + 1} times, wanted at most {times} times"
        ):
            self.table.delete(uint64([*self.list[:1], *[key] * (times + 1 - (self.list[:1] == [key]))]))

    @rule(low=st.integers(0, 100), high=st.sampled_from([*range(100), 2**63 + 1, LARGEST]))
    def read_a_range(self, low: int, high: int) -> None:
        assert self.table.range(low, high).tolist() == [key for key in self.list if low <= key < high]
        assert self.table.range(low).tolist() == [key for key in self.list if low <= key]

    @invariant()
    def answers_alike(self) -> None:
        queries = [*range(85), 2**63, LARGEST]
        assert len(self.table) == len(self.list)
        assert self.table.lower_bound(uint64(queries)).tolist() == [bisect.bisect_left(self.list, q) for q in queries]
        assert self.table.upper_bound(uint64(queries)).tolist() == [bisect.bisect_right(self.list, q) for q in queries]
        assert self.table.contains(uint64(queries)).tolist() == [q in self.list for q in queries]


class TreeSequences(Sequences):
    def kind(self, keys: np.ndarray):  # type: ignore[no-untyped-def]
        return BPlusTree.over(keys)


TestModelTable = Sequences.TestCase
TestTreeTable = TreeSequences.TestCase


@pytest.fixture
def table() -> Table:
    keys = KeySet("lognormal", 20_000).keys
    return Table.over(keys, ModelIndex.fitted(keys, Root.quantiles(keys, pieces=16), n_leaves=1000))


def test_one_key_or_many(table: Table) -> None:
    key = int(table.keys[123])
    assert (table.lower_bound(key), table.upper_bound(key), table.contains(key), table.contains(key + 1)) == (
        123,
        124,
        True,
        False,
    )
    assert table.lower_bound(np.uint64(key)) == 123
    assert table.lower_bound(table.keys[:3]).tolist() == [0, 1, 2]


def test_a_range_is_a_view_until_something_is_buffered_in_it(table: Table) -> None:
    low, high = int(table.keys[100]), int(table.keys[200])
    assert np.shares_memory(table.range(low, high), table.keys)
    assert len(table.range(low, high)) == 100
    table.insert(low)
    assert table.range(low, high)[:3].tolist() == [low, low, int(table.keys[101])]
    assert np.shares_memory(table.range(low + 1, high), table.keys)
    assert len(table.range(high, low)) == 0
    with pytest.raises(ValueError, match="read-only"):
        table.range(low + 1, high)[:] = 0


def test_what_is_saved_is_mapped_and_answers_alike(table: Table, tmp_path: Path) -> None:
    table.insert(uint64([5, LARGEST]))
    table.delete(int(table.keys[7]))
    table.save(tmp_path / "saved")
    loaded = Table.load(tmp_path / "saved")
    assert isinstance(loaded.keys, np.memmap)
    queries = np.concatenate([table.keys, table.keys + np.uint64(1)])
    assert np.array_equal(loaded.lower_bound(queries), table.lower_bound(queries))
    assert loaded.size_bytes == table.size_bytes
    loaded.insert(uint64([1, 2, 3]))
    loaded.merge()
    assert len(loaded) == len(table) + 3
    with pytest.raises(FileExistsError):
        table.save(tmp_path / "saved")


def test_half_a_table_is_refused(table: Table, tmp_path: Path) -> None:
    table.save(tmp_path / "saved")
    (tmp_path / "saved" / "keys.npy").write_bytes(b"\x93NUMPY")
    for folder in ("saved", "none"):
        with pytest.raises(ValueError, match=rf"table: given .*{folder}, wanted a folder that Table\.save wrote"):
            Table.load(tmp_path / folder)
    for kind in (table.index, BPlusTree.over(table.keys)):
        Table.over(table.keys, kind).save(tmp_path / type(kind).__name__)
        np.save(tmp_path / type(kind).__name__ / "keys.npy", table.keys[:7000])
        with pytest.raises(ValueError, match="with the index of other keys"):
            Table.load(tmp_path / type(kind).__name__)


def test_a_table_explains_itself(table: Table) -> None:
    key = int(table.keys[123])
    assert "found 123 by" in table.explain(key)
    table.insert(key)
    assert table.explain(key).endswith("; 1 keys added and 0 removed since are searched beside")
    assert "3 inner levels of 17 children a node; leaf 7" in Table.over(table.keys, BPlusTree.over(table.keys)).explain(
        key
    )
    assert Table.over(uint64([]), Bisection()).explain(3) == "no keys"
    keys = np.arange(32, dtype=np.uint64)
    assert [BPlusTree.over(keys).explain(keys, np.uint64(k))[-1] for k in (0, 16, 17, 99)] == list("0011")
    assert Bisection().explain(keys, np.uint64(3)) == "bisection of 32 keys: 6 comparisons"


def test_size_is_keys_index_and_buffers(table: Table) -> None:
    keys, leaves, root = 8 * 20_000, 4 * 1001, 8 * (17 + 17 + 1)
    assert table.size_bytes == keys + leaves + root
    table.insert(uint64([1, 2]))
    assert table.size_bytes == keys + leaves + root + 16


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (np.array([1.0]), r"wanted a uint64 array of shape \(N,\), given float64 \(1,\)"),
        (np.array([-1]), r"given int64 \(1,\)"),
        (np.zeros((2, 2), np.uint64), r"given uint64 \(2, 2\)"),
        ([1, 2], "given list"),
        (True, "given bool"),
        (-1, r"given -1, wanted 0 to 2\*\*64 - 1"),
        (2**64, r"given 18446744073709551616, wanted 0 to 2\*\*64 - 1"),
        (float("nan"), "given float"),
    ],
    ids=str,
)
def test_what_is_no_key_is_refused(table: Table, keys, reason: str) -> None:  # type: ignore[no-untyped-def]
    for operation in (table.lower_bound, table.upper_bound, table.contains, table.insert, table.delete):
        with pytest.raises(ValueError, match=f"keys: .*{reason}"):
            operation(keys)
    assert len(table) == 20_000


# Key sets, programs, referee


@pytest.mark.parametrize(
    ("name", "count", "last"), [("longitudes", 3_886_189, 360 * 65535), ("morton", 10_717_358, 453_007_533_732_234)]
)
def test_coastlines_are_read(name: str, count: int, last: int) -> None:
    keys = KeySet(name).keys
    assert (keys.dtype, len(keys), int(keys[-1])) == (np.uint64, count, last)
    assert (keys[1:] > keys[:-1]).all()


def test_the_coast_is_where_it_is() -> None:
    """Land's End, 50.066 N 5.715 W, and nothing within two degrees of the Pacific's pole of inaccessibility."""
    east, north = (axis.astype(np.int64) / key_sets.DEGREE for axis in key_sets._coastline_points())
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
    ranks = Ranks(keys="lognormal", batch_size=100, steps=3, seed=0, limit=5000)
    ranks.setup()
    return ranks


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


def test_the_splits_ask_for_different_keys() -> None:
    val, test = (Referee(**SMALL, split=split).examples(100) for split in ("val", "test"))
    assert not np.array_equal(val, test)


@pytest.mark.parametrize("keys", [np.arange(5, 900, dtype=np.uint64), np.array([3, 9, 10, 11, 2**64 - 1], np.uint64)])
def test_absent_keys_are_none_of_the_table(keys: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    referee = Referee(**SMALL, split="val")
    monkeypatch.setattr(referee, "table", SimpleNamespace(keys=keys))
    absent = referee._absent((4, 50))
    assert absent.shape == (4, 50)
    assert absent.dtype == np.uint64
    assert not np.isin(absent, keys).any()
    assert np.unique(np.searchsorted(keys, absent)).tolist() == ([895] if len(keys) > 5 else [1, 4])
