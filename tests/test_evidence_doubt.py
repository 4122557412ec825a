"""What is said of a program's doubt, against other libraries and many draws."""

import numpy as np
import pytest
import torch

from common.evidence.doubt import auroc, calibration


def test_auroc_is_the_share_of_pairs() -> None:
    assert auroc(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == (1, 1, 1)
    assert auroc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == (0, 0, 0)
    assert auroc(np.array([1.0, 1.0]), np.array([1.0, 1.0])) == (0.5, 0.5, 0.5)
    rng = np.random.default_rng(0)
    known, strange = rng.integers(0, 5, 20), rng.integers(1, 6, 30)
    pairs = strange[:, None].astype(float) - known
    assert auroc(known, strange)[0] == pytest.approx((np.sign(pairs) + 1).mean() / 2)


def test_the_interval_of_auroc_is_that_of_many_draws() -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([auroc(rng.normal(size=100), rng.normal(1, 2, 200)) for _ in range(400)])
    truth = 0.6726  # Phi(1 / sqrt(1 + 4))
    assert (drawn[:, 2] - drawn[:, 1]).mean() / 2 == pytest.approx(1.96 * drawn[:, 0].std(), rel=0.1)
    assert np.mean((drawn[:, 1] < truth) & (truth < drawn[:, 2])) == pytest.approx(0.95, abs=0.03)


def test_calibration_error_is_that_of_torchmetrics() -> None:
    from torchmetrics.functional.classification import multiclass_calibration_error

    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(10, 0.3), 3000)
    labels = rng.integers(0, 10, 3000)
    theirs = multiclass_calibration_error(torch.tensor(p), torch.tensor(labels), 10, n_bins=15)
    assert calibration(p, labels)["error"] == pytest.approx(float(theirs), abs=1e-6)
