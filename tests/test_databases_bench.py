"""The bench of databases: the peers find what we find, and every figure is of the same keys."""

import json
from pathlib import Path

import numpy as np
import pytest

from databases.keys import KeySet
from databases.peers import PEERS


@pytest.mark.parametrize("name", PEERS)
def test_peers_give_the_ranks(name: str) -> None:
    keys = KeySet("uniform", 1000).keys  # half of them beyond int64
    rival, asked = PEERS[name](keys), keys[[5, 0, 999]]
    if rival.one is not None:
        singles = asked.tolist() if rival.takes_ints else [asked[i : i + 1] for i in range(3)]
        assert [int(np.ravel(rival.one(single))[0]) for single in singles] == [5, 0, 999]
    if rival.many is not None:
        answer = rival.many(asked)
        ranks = answer if isinstance(answer, np.ndarray) else answer["rank"].to_numpy()  # a join comes back sorted
        assert sorted(ranks.tolist()) == [0, 5, 999]


def test_the_bench_measures_all_alike(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    few = [f"bench.lookups.{s}" for s in ("queries=1000", "calls=10", "repeats=1", "n_leaves=[100]")]
    command(
        "bench", "domain=databases", "epochs=1", "domain.data.limit=5000", "domain.data.steps=3", *few,
        f"output_dir={tmp_path}/bench",
    )  # fmt: skip
    found = json.loads((tmp_path / "bench" / "results.json").read_text())
    value = {(f["program"], f["metric"]): f["value"] for f in found["figures"]}
    assert {name for name, _ in value} == {"rmi", "bplus_tree", "binary_search", "linear_root", "quantile_root", *PEERS}
    for name in ("bplus_tree", "binary_search", "numpy_searchsorted"):
        ratio = value[name, "lookup_ns"] / value["rmi", "lookup_ns"]
        assert value["rmi", f"times_as_fast/{name}"] == pytest.approx(ratio)
    # Of so few keys it may be bisection.
    assert value["linear_root", "index_bytes"] in (0, 4 * (5000 // 4 + 1) + 8 * (2 + 2 + 1))
    curve = {plot["program"]: plot["data"] for plot in found["plots"]}
    assert set(curve) == {
        "rmi",
        "bplus_tree",
        "binary_search",
        "linear_root",
        "quantile_root",
        "numpy_searchsorted",
        "polars_join_asof",
    }
    assert all(len(data["x"]) == len(data["y"]) for data in curve.values())
