"""The shipped player: its net alone errs as often as its card says. (To judge it with its search takes minutes.)"""

from pathlib import Path

import pytest

from common import package
from tests.conftest import ROOT
from tests.test_experiment import results

NET_ALONE = {
    "error/end_easy": 0.0102,
    "error/middle_easy": 0.0080,
    "error/begin_easy": 0.0020,
    "error/middle_medium": 0.0360,
    "error/begin_medium": 0.0460,
    "error/begin_hard": 0.1172,
}


def test_the_shipped_net_errs_as_its_card_says(command, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(package.Package, "baselines", lambda _: {})
    monkeypatch.setattr("scripts.terminal.show", lambda _: None)
    alone = ["split=test", "domain.module.simulations=0", "domain.evaluator.openings=0"]
    command("evaluate", f"package={ROOT}/control/pretrained", *alone, f"output_dir={tmp_path}/alone")
    found = {f["metric"]: f["value"] for f in results(tmp_path / "alone")["figures"] if f["program"] == "hybrid"}
    for group, error in NET_ALONE.items():
        assert found[group] == pytest.approx(error, abs=0.006), group  # a few moves of another CPU's rounding


def test_the_card_says_how_often() -> None:
    """In the row of the net alone, below the groups' names, and their mean."""
    table = (ROOT / "control" / "README.md").read_text().split("| | end easy |")[1].splitlines()
    (row,) = (line for line in table if line.startswith("| the net alone"))
    names = [name.removeprefix("error/").replace("_", " ") for name in NET_ALONE]
    assert cells(f"| | end easy |{table[0]}") == ["", *names, "mean"]
    errors = [*NET_ALONE.values(), sum(NET_ALONE.values()) / len(NET_ALONE)]
    assert cells(row)[1:] == [f"{100 * error:.1f}" for error in errors]


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("|")[1:-1]]
