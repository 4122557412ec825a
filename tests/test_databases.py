"""The fourth domain: every index gives the ranks that np.searchsorted gives, whatever the keys and the model."""

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import example, given, settings
from numba import njit

from databases.bisection import Bisection
from databases.kernel import LANES, count_below, settled
from databases.keys import KeySet
from databases.lookup import fastest
from databases.model_index import ModelIndex
from databases.net import RMI, DeepRMI
from databases.root import PART_BITS, Root, features, leaf_of, leaves_of
from databases.tree import BPlusTree
from tests.indexes import LARGEST, kinds, ranks, uint64

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


def test_a_root_of_its_own_is_judged_by_its_ranks(config) -> None:  # type: ignore[no-untyped-def]
    chosen = "domain.module._target_=databases.module.RankedIndex"
    domain = instantiate(config("domain=databases", "domain.data.limit=10000", chosen).domain, _convert_="all")
    x, ranks = torch.tensor([0.1, 0.4, 0.9], dtype=torch.float64), torch.tensor([0.2, 0.4, 0.6], dtype=torch.float64)
    assert domain.module.loss(lambda x: x, (x, ranks))[0].item() == pytest.approx((0.1**2 + 0.3**2) / 3)


@pytest.mark.parametrize("module", ["LearnedIndex", "RankedIndex"])
def test_training_makes_the_root_nearer(module: str, config, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from tests.test_contract import trainer

    chosen = f"domain.module._target_=databases.module.{module}"
    domain = instantiate(config("domain=databases", "domain.data.limit=200000", chosen).domain, _convert_="all")
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
