"""The paired comparison against closed forms."""

import numpy as np
import pytest
from scipy.stats import binomtest

from common.compare import mean_interval, means, most_unseen, paired, right_or_wrong, share_left
from common.program import Evaluation

rng = np.random.default_rng(1)


def evaluation(**scores: np.ndarray) -> Evaluation:
    return Evaluation(None, scores)


def test_interval_of_a_share_is_the_normal_one() -> None:
    right = (rng.random(4000) < 0.9).astype(float)
    mean, low, high = mean_interval(right)
    half = 1.96 * np.sqrt(mean * (1 - mean) / len(right))
    assert mean == right.mean()
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=half / 8)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    covered = 0
    for seed in range(100):
        _, low, high = mean_interval(np.random.default_rng(seed).normal(size=300))
        covered += low <= 0 <= high
    assert 88 <= covered <= 100  # Binomial(100, 0.95): outside with probability 0.2 %


def test_equal_values_have_no_spread() -> None:
    assert mean_interval(np.full(50, 0.25)) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("n", [2, 30, 1000])
def test_what_was_never_seen_may_yet_be(n: int) -> None:
    exact = binomtest(0, n).proportion_ci(0.95)
    assert mean_interval(np.zeros(n, bool)) == pytest.approx((0, exact.low, exact.high))
    assert mean_interval(np.ones(n, bool)) == pytest.approx((1, 1 - exact.high, 1))
    assert most_unseen(n) == pytest.approx(exact.high)


def test_what_is_left_is_sharper_of_the_same_problems() -> None:
    """The ratio's spread by the delta method; what both have in common counts for nothing where they are paired."""
    before = rng.uniform(1, 2, 2000)
    after = before / 2 + rng.uniform(0, 0.1, 2000)
    for together in (True, False):
        left, low, high = share_left(after, before, paired=together)
        assert left == pytest.approx(after.mean() / before.mean())
        parts = [(after - left * before).var()] if together else [after.var(), left**2 * before.var()]
        assert high - low == pytest.approx(2 * 1.96 * np.sqrt(sum(parts) / 2000) / before.mean(), rel=0.15)
    nothing = np.zeros(10)
    assert share_left(nothing, np.ones(10), paired=True) == (0, 0, 0)
    assert share_left(nothing, nothing, paired=True) == (0, 0, 0)


def test_means_keep_the_order_of_the_scores() -> None:
    found = means(evaluation(accuracy=np.array([1.0, 0.0]), nll=np.array([0.5, 1.5])))
    assert [(f.metric, f.value) for f in found] == [("accuracy", 0.5), ("nll", 1.0)]


def test_shares_of_both_one_and_none_sum_to_one() -> None:
    a, b = (rng.random(500) < 0.8).astype(float), (rng.random(500) < 0.6).astype(float)
    found = {f.metric: f for f in paired(evaluation(accuracy=a), evaluation(accuracy=b), "rival")}
    assert found["accuracy_minus/rival"].value == pytest.approx(a.mean() - b.mean())
    assert found["both_right/rival"].value == (a * b).mean()
    assert found["only_learned_right/rival"].value == (a * (1 - b)).mean()
    shares = ("both_right", "only_learned_right", "only_other_right", "none_right")
    assert sum(found[f"{share}/rival"].value for share in shares) == pytest.approx(1)


def test_pairing_is_sharper_than_two_intervals() -> None:
    hard = rng.normal(size=1000) * 5
    a, b = evaluation(error=hard + 0.1 + rng.normal(size=1000) * 0.1), evaluation(error=hard)
    (difference,) = paired(a, b, "rival")
    assert difference.low is not None
    assert difference.low > 0, "the same problems' difficulty cancels"


def test_scores_that_only_one_has_are_not_compared() -> None:
    a, b = evaluation(error=np.full(3, 0.5), bits=np.ones(3)), evaluation(error=np.zeros(3))
    assert [f.metric for f in paired(a, b, "rival")] == ["error_minus/rival"]


def test_a_headline_of_degree_has_no_right_or_wrong() -> None:
    assert right_or_wrong({"a": evaluation(error=np.array([0.5, 1.0]))}) is None
