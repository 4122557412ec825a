"""Tables of keys that are asked, changed, saved and explained, against a sorted list."""

import bisect
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from databases.bisection import Bisection
from databases.kernel import settled
from databases.keys import KeySet
from databases.model_index import ModelIndex
from databases.root import Root
from databases.table import Table
from databases.tree import BPlusTree
from tests.indexes import LARGEST, uint64


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
