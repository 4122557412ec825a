"""Programs taken apart into JSON and arrays come back; what is foreign does not, and says so."""

import json

import numpy as np
import pytest
import safetensors.numpy

from common.frozen import freeze, thaw
from tests.toys import Inner, Outer


def back(value: object) -> object:
    """Through JSON and safetensors, as in a file."""
    arrays: dict[str, np.ndarray] = {}
    tree = json.loads(json.dumps(freeze(value, "p", arrays)))
    return thaw(tree, safetensors.numpy.load(safetensors.numpy.save(arrays)), "tests")


def test_a_program_of_arrays_and_plain_values_comes_back() -> None:
    table = np.arange(6, dtype=np.float16).reshape(2, 3)
    program = Outer(Inner(table[:, ::2]), (table, np.uint64([2**64 - 1])), {"one": table.T}, [0.5, float("inf")])
    found = back(program)
    assert isinstance(found, Outer)
    assert (found.gamma, found.shares, found.inner.name, found.derived) == (0.1, [0.5, float("inf")], "inner", 7)
    pairs = ((found.inner.table, table[:, ::2]), (found.tables[1], program.tables[1]), (found.words["one"], table.T))
    for ours, theirs in pairs:
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("value", [np.array(["a"], object), {1, 2}, print, Inner])
def test_what_does_not_travel_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"package: given a \w+ as p\.table, wanted arrays, plain values or"):
        freeze(Inner(value), "p", {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "subprocess.Popen",
        "tests.toys.np.load",  # foreign, though it is named through a file of ours
        "tests.toys.best_move",  # a function
        "tests.toys.NimReferee",  # no dataclass
        "tests.../evil.Evil",
        "tests.evil.Evil",
        "common.domain.Domain",  # another folder's
        "tests",
        "",
    ],
)
def test_only_dataclasses_of_the_domain_are_made_again(target: str) -> None:
    with pytest.raises(ValueError, match="wanted a dataclass of tests/"):
        thaw({"dataclass": target, "fields": {}}, {}, "tests")


def test_a_dataclass_with_other_fields_is_refused() -> None:
    with pytest.raises(ValueError, match=r"given fields that tests\.toys\.Inner has not"):
        thaw({"dataclass": "tests.toys.Inner", "fields": {"tabel": 1}}, {}, "tests")
