"""What is read from runs that differ in one thing, and along one run, of results whose answers are known."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import pytest

from common.evidence import trained
from common.program import Figure, Plot
from tests.test_evidence import figures


def results(**programs: Mapping[str, float]) -> dict[str, Any]:
    """Of programs that learned where their name says so."""
    kinds = {name: "learned" if name.startswith("net") else "baseline" for name in programs}
    return {
        "run": {"cpu": "a processor"},
        "figures": [
            asdict(Figure(metric, value, program=name, kind=kinds[name]))  # type: ignore[arg-type]
            for name, values in programs.items()
            for metric, value in values.items()
        ],
    }


def test_learning_curves_of_power_laws() -> None:
    x = [10, 100, 1000, 10000]
    errors = {"net": [2 * n**-0.5 for n in x], "fitted": [0.4 * n**-0.25 for n in x], "rules": [0.3] * 4}
    runs = {str(n): results(**{name: {"accuracy": 1 - e[i]} for name, e in errors.items()}) for i, n in enumerate(x)}
    found = trained.learning_curves(runs, metric="accuracy", best=1.0, x_label="images")
    for name, exponent in (("net", 0.5), ("fitted", 0.25), ("rules", 0.0)):
        assert figures(found, name)["exponent"] == pytest.approx(exponent, abs=1e-9)
        assert [figures(found, name)[f"error/{n}"] for n in x] == pytest.approx(errors[name])
    assert str(figures(found, "rules")["exponent"]) == "0.0", "of what learns nothing, not -1e-17"
    assert figures(found, "net")["last_step"] == pytest.approx(10**0.5)
    lead = [figures(found, "net")[f"lead/{n}"] for n in x]
    assert lead == pytest.approx(
        [min(a, b) / e for a, b, e in zip(errors["fitted"], errors["rules"], errors["net"], strict=True)]
    )
    assert [value > 1 for value in lead] == [False, False, True, True]
    (curve,) = (item for item in found if isinstance(item, Plot) and item.program == "net")
    assert curve.data["y"] == pytest.approx(errors["net"])


def test_there_is_no_power_law_through_nothing() -> None:
    runs = {"1": results(net={"e": 1.0}, rules={"e": 3.0}), "2": results(net={"e": 0.0}, rules={"e": 2.0})}
    found = trained.learning_curves(runs, metric="e", best=0.0, x_label="")
    assert figures(found, "net") == {"error/1": 1, "error/2": 0}
    assert figures(found, "rules")["last_step"] == 1.5
    assert not any(metric.startswith("lead") for metric in figures(found, "rules")), "it is the net's"


@pytest.mark.parametrize(
    "read",
    [
        lambda runs: trained.changes(runs, metrics=["e", "f"]),
        lambda runs: trained.learning_curves(runs, metric="f", best=0.0, x_label=""),
    ],
)
def test_a_metric_that_no_run_has_is_named(read: Callable) -> None:
    runs = {"1": results(net={"e": 1.0}), "2": results(net={"e": 2.0, "f": 1.0})}
    with pytest.raises(ValueError, match="read: given the metric f, wanted one that every run has: e"):
        read(runs)


def test_changes_are_shares_of_the_first_run() -> None:
    runs = {
        "whole": results(net={"time": 4.0, "right": 0.8}, rules={"time": 1.0, "wrong": 0.0}),
        "half": results(net={"time": 2.0, "right": 0.6}, rules={"time": 1.0, "wrong": 1.0}),
        "quarter": results(net={"time": 1.0, "right": 0.2}, rules={"time": 3.0, "wrong": 2.0}),
    }
    found = trained.changes(runs, metrics=["time", "right", "wrong"], drawn=["time", "right"])
    net, rules = figures(found, "net"), figures(found, "rules")
    assert {m: v for m, v in net.items() if m.startswith("time")} == {
        "time/whole": 4,
        "time/half": 2,
        "time/quarter": 1,
    }
    assert {m: v for m, v in net.items() if m.startswith("left")} == pytest.approx(
        {"left/time/half": 0.5, "left/time/quarter": 0.25, "left/right/half": 0.75, "left/right/quarter": 0.25}
    )
    assert "wrong/half" in rules
    assert "left/wrong/half" not in rules, "there is no share of nothing"
    (curve,) = (item for item in found if isinstance(item, Plot))
    assert (curve.program, curve.data["x"], curve.data["y"]) == ("net", [4, 2, 1], [0.8, 0.6, 0.2])


def test_a_run_is_read_along_its_epochs() -> None:
    def run_of(*y: float) -> dict[str, Any]:
        curve = {"x": [2.0 * i for i in range(len(y))], "y": list(y), "x_label": "CPU-seconds"}
        return results(net={"e": 1.0}) | {"plots": [asdict(Plot("learning/val/loss", "curve", curve, "net"))]}

    def read(*y: float) -> dict[str, float]:
        return figures(trained.along_training({"whole": run_of(*y)}, curve="learning/val/loss"), "net")

    wanted = {"along/eighth": 14, "along/quarter": 12, "along/half": 8, "along/whole": 0}
    assert read(*range(15, -1, -1)) == wanted, "of 16 epochs the 2nd, 4th, 8th and 16th"
    assert read(5, 4, 3) == {"along/half": 5, "along/whole": 3}
    assert read(5) == {"along/whole": 5}
    both = trained.along_training({"whole": run_of(5), "pure": run_of(9, 8)}, curve="learning/val/loss")
    assert figures(both, "net") == {"along/whole": 5}
    assert figures(both, "net, pure") == {"along/half": 9, "along/whole": 8}
    run = results() | {"plots": [asdict(Plot("learning/val/loss", "curve", {}, "net"))]}
    with pytest.raises(ValueError, match="read: given the curve sharpness, wanted one of learning/val/loss"):
        trained.along_training({"whole": run}, curve="sharpness")
