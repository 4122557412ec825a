"""A sorted table of keys that changes: an index over what was there at the last merge, and what came and went since.

Inserts and deletes go to two small sorted buffers; when these hold more than a share of the table they are merged into
it, and the index is built anew over all (a log-structured merge of two levels, O'Neil et al. 1996). A rank is the sum
of three. Keys are uint64 and may come more than once; wherever keys are asked for, one or a vector will do.
"""

import json
from pathlib import Path

import numpy as np

from common.cost import arrays
from common.frozen import freeze, thaw
from databases.bisection import Bisection
from databases.kernel import settled
from databases.lookup import Index, built, check_keys, ranks

MERGED_AT = 0.1  # of the table, buffered
INDEX = "index.json"
LARGEST = 2**64 - 1
NONE = np.empty(0, np.uint64)


class Table:
    """A multiset of keys.

    Args:
        keys: ascending uint64 (n,); not to be written to.
        index: built over them.
        kind: the index whose kind is to be built over other keys; `index` unless given.
    """

    def __init__(self, keys: np.ndarray, index: Index, *, kind: Index | None = None) -> None:
        self.keys, self.index = keys, index
        self.kind = index if kind is None or type(kind) is type(index) else kind
        self.added, self.removed = NONE, NONE

    @classmethod
    def over(cls, keys: np.ndarray, kind: Index) -> "Table":
        """Of keys uint64 (n,) in any order, copied, with an index of the kind of another."""
        keys = settled(np.sort(check_keys(keys, "keys")))
        return cls(keys, built(kind.over, keys), kind=kind)

    def __len__(self) -> int:
        return len(self.keys) + len(self.added) - len(self.removed)

    def lower_bound(self, queries: np.ndarray | int) -> np.ndarray | int:
        """How many keys are below each: int64 (m,), or an int for one."""
        asked, one = _several(queries)
        below = self._below(asked)
        return int(below[0]) if one else below

    def upper_bound(self, queries: np.ndarray | int) -> np.ndarray | int:
        """How many keys are not above each."""
        asked, one = _several(queries)
        not_above = np.where(asked == LARGEST, len(self), self._below(asked + np.uint64(asked != LARGEST)))
        return int(not_above[0]) if one else not_above

    def contains(self, queries: np.ndarray | int) -> np.ndarray | bool:
        """Whether the table holds each: bool (m,), or a bool for one."""
        found = np.asarray(self.upper_bound(queries)) > np.asarray(self.lower_bound(queries))
        return found if found.ndim else bool(found)

    def range(self, low: int, high: int | None = None) -> np.ndarray:
        """The keys from `low` on, below `high` if given: a view of the table where nothing is buffered between them."""
        keys = self.keys[slice(*_bounds(self.index, self.keys, low, high))]
        if not len(self.added) and not len(self.removed):
            return keys
        added, removed = (some[slice(*_bounds(Bisection(), some, low, high))] for some in (self.added, self.removed))
        return _merged(keys, added, removed) if len(added) or len(removed) else keys

    def insert(self, keys: np.ndarray | int) -> None:
        """Adds each key once more."""
        new, _ = _several(keys)
        self.added = _merged(self.added, np.sort(new), NONE)
        self._merge_if_large()

    def delete(self, keys: np.ndarray | int) -> None:
        """Takes each key out once.

        Raises:
            ValueError: one is not there so often; nothing is taken out then.
        """
        gone, times = np.unique(_several(keys)[0], return_counts=True)
        there = np.asarray(self.upper_bound(gone)) - np.asarray(self.lower_bound(gone))
        if (there < times).any():
            i = np.flatnonzero(there < times)[0]
            raise ValueError(f"keys: given {gone[i]} to delete {times[i]} times, wanted at most {there[i]} times")
        new = np.searchsorted(self.added, gone, "right") - np.searchsorted(self.added, gone)
        of_new = np.minimum(new, times)
        self.added = _merged(self.added, NONE, np.repeat(gone, of_new))
        self.removed = _merged(self.removed, np.repeat(gone, times - of_new), NONE)
        self._merge_if_large()

    def merge(self) -> None:
        """Empties the buffers into the table, and builds the index anew."""
        self.keys = settled(_merged(self.keys, self.added, self.removed))
        self.index = built(self.kind.over, self.keys)
        self.kind = self.index if type(self.kind) is type(self.index) else self.kind  # the old one is not kept
        self.added, self.removed = NONE, NONE

    def _merge_if_large(self) -> None:
        if len(self.added) + len(self.removed) > MERGED_AT * len(self.keys):
            self.merge()

    def _below(self, queries: np.ndarray) -> np.ndarray:
        below = ranks(self.index, self.keys, queries)
        if len(self.added):
            below += ranks(Bisection(), self.added, queries)
        if len(self.removed):
            below -= ranks(Bisection(), self.removed, queries)
        return below

    @property
    def size_bytes(self) -> int:
        """Of keys, index and buffers."""
        held = (self.keys, self.added, self.removed, *arrays(self.index, buffers=True))
        return sum(array.nbytes for array in held)

    def explain(self, key: int) -> str:
        """How the index comes to a key's rank, for people."""
        (query,), _ = _several(key)
        buffered = f"; {len(self.added):,} keys added and {len(self.removed):,} removed since are searched beside"
        said = self.index.explain(self.keys, query) if len(self.keys) else "no keys"
        return said + buffered * bool(len(self.added) or len(self.removed))

    def save(self, folder: Path) -> None:
        """Merges, and writes keys and index into a new folder, as arrays that `load` maps into memory."""
        folder.mkdir(parents=True)
        if len(self.added) or len(self.removed):
            self.merge()
        parts: dict[str, np.ndarray] = {}
        trees = {name: freeze(value, name, parts) for name, value in (("index", self.index), ("kind", self.kind))}
        for name, part in {**parts, "keys": self.keys}.items():
            np.save(folder / f"{name}.npy", part)
        (folder / INDEX).write_text(json.dumps({"parts": sorted(parts), **trees}))

    @classmethod
    def load(cls, folder: Path) -> "Table":
        """What `save` wrote; nothing is read before it is looked at.

        Raises:
            ValueError: it is not whole.
        """
        try:
            saved = json.loads((folder / INDEX).read_text())
            mapped = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("keys", *saved["parts"])}
            index, kind = (thaw(saved[name], mapped, "databases") for name in ("index", "kind"))
        except (OSError, KeyError, TypeError, ValueError) as error:  # of whatever is damaged
            raise ValueError(f"table: given {folder}, wanted a folder that Table.save wrote ({error})") from None
        keys = mapped["keys"]
        if keys.dtype != np.uint64 or keys.ndim != 1 or not index.fits(len(keys)):
            raise ValueError(f"table: given {folder} with the index of other keys, wanted what Table.save wrote")
        return cls(keys, index, kind=kind)


def _several(keys: np.ndarray | int) -> tuple[np.ndarray, bool]:
    """The keys as a vector, and whether it was one."""
    if isinstance(keys, int | np.integer) and not isinstance(keys, bool):
        if not 0 <= keys <= LARGEST:
            raise ValueError(f"keys: given {keys}, wanted 0 to 2**64 - 1")
        return np.array([keys], np.uint64), True
    return check_keys(keys, "keys"), False  # type: ignore[arg-type]  # which is what it checks


def _bounds(index: Index, keys: np.ndarray, low: int, high: int | None) -> tuple[int, int]:
    (asked, _), (end, _) = _several(low), _several(LARGEST if high is None else high)
    first, last = ranks(index, keys, np.concatenate((asked, end))).tolist()
    return first, len(keys) if high is None else max(first, last)


def _merged(keys: np.ndarray, added: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """Ascending `keys` without `removed`, all of which are among them, and with `added`."""
    if len(removed):
        earlier = np.arange(len(removed)) - np.searchsorted(removed, removed)  # of equal ones
        keys = np.delete(keys, np.searchsorted(keys, removed) + earlier)
    return np.insert(keys, np.searchsorted(keys, added), added) if len(added) else keys
