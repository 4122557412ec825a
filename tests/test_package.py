"""The shipped packages: whole, small, as good as their cards say, a start for training, and no referees."""

import copy
import dataclasses
import shutil
from pathlib import Path

import pytest
import safetensors.numpy
import safetensors.torch
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from common import experiment, package
from common.module import Module
from scripts import folders
from tests.conftest import CODE, LITTLE, ROOT, SHIPPED
from tests.killed import unjudged
from tests.test_experiment import results

assert {"control", "vision"} <= set(SHIPPED), "else nothing here would be tested"
UNSEEN = ("latency", "answers", "throughput", "peak_memory", "own_lines", "size_bytes")
UNSEEN += ("lookup_ns", "sorted_lookup_ns", "absent_lookup_ns", "inserted_per_s", "ranges_per_s")


# A real one


@pytest.fixture(scope="module", params=SHIPPED)
def shipped(request: pytest.FixtureRequest) -> Path:
    return ROOT.joinpath(*CODE[request.param].split("."), "pretrained")


def test_the_shipped_package_is_whole_and_small(shipped: Path) -> None:
    found = folders.load_package(shipped)
    assert found.code == CODE[shipped.parent.name].split(".")[0]
    assert {path.name for path in shipped.iterdir()} == {*found.parts, package.MANIFEST}
    sizes = {name: len(data) for name, data in found.parts.items() if name.endswith(".safetensors")}
    assert sizes.pop(f"{found.learned}.safetensors") <= package.LARGEST_BYTES
    assert sum(sizes.values()) <= package.LARGEST_BYTES
    card = found.parts[package.CARD].decode()
    for heading in ("Task", "Data", "Training", "Figures", "Limits", "Licence"):
        assert f"\n## {heading}\n\n" in card
    assert all(sha256 in card for sha256 in found.results["run"]["data"].values())
    assert found.results["run"]["split"] == "test", "the card shows the last look"


@pytest.mark.parametrize("shipped", sorted({*SHIPPED} - {"speech", "tts", "control"}), indirect=True)
def test_the_shipped_package_gives_its_figures_again(shipped: Path, command, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Those of the test split, but for what a clock, matches, the code's length and the CPU's format of numbers say.

    Judging a voice or a player takes minutes: test_speech_shipped.py, test_tts_shipped.py and test_control_shipped.py
    ask less.
    """
    lines = command("evaluate", f"package={shipped}", "split=test", f"output_dir={tmp_path}/again")
    assert lines[-1] == f"{tmp_path}/again/results.json"
    again, then = results(tmp_path / "again"), folders.load_package(shipped).results

    def figures(found: dict) -> dict:
        return {(f["program"], f["metric"]): f["value"] for f in found["figures"] if not f["metric"].startswith(UNSEEN)}

    assert figures(again).keys() == figures(then).keys()
    for (program, metric), value in figures(then).items():
        # Another CPU rounds otherwise: a few answers in a thousand move.
        tolerance = 0.01 if "/" in metric else 2e-3
        assert figures(again)[program, metric] == pytest.approx(value, abs=tolerance), (program, metric)
    assert again["run"]["experiment"] == then["run"]["experiment"]
    assert [p["name"] for p in again["plots"]] == [p["name"] for p in then["plots"]]


def test_training_starts_from_a_package(shipped: Path, command, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The first validation of a run of few steps is already as good as the package; killed, it needs it no more."""
    told: list[dict] = []
    monkeypatch.setattr(experiment, "judge", lambda *given, about, **more: told.append(about) or unjudged(*given))
    monkeypatch.setattr("scripts.terminal.show", lambda _: None)
    seen: list[dict[str, torch.Tensor]] = []
    start = Module.on_train_start
    monkeypatch.setattr(Module, "on_train_start", lambda m: seen.append(copy.deepcopy(m.state_dict())) or start(m))
    travelled = tmp_path / "package"
    shutil.copytree(shipped, travelled)
    name = shipped.parent.name
    little = [setting for setting in LITTLE.get(name, []) if not setting.startswith("domain.module.net.")]
    found = folders.load_package(shipped)
    without = ["~domain.baselines.rules"] if name == "vision" else []
    few = [f"domain={name}", *without, "epochs=1", "trainer.limit_train_batches=1", "logger=csv", *little]
    command("train", f"package={travelled}", *few, f"output_dir={tmp_path}/on")
    state = safetensors.torch.load_file(shipped / f"{found.learned}.safetensors")
    for key, value in state.items():
        assert value.equal(seen[0][key]), key
        if key.startswith("averaged.module."):
            assert value.equal(seen[0]["net." + key.removeprefix("averaged.module.")]), key
    after = torch.load(tmp_path / "on" / "last.ckpt", weights_only=True)
    assert after["global_step"] == 1
    assert any(not value.equal(after["state_dict"][key]) for key, value in seen[0].items())
    shutil.rmtree(travelled)
    command("train", f"run={tmp_path}/on", "epochs=2")
    assert torch.load(tmp_path / "on" / "last.ckpt", weights_only=True)["global_step"] == 2
    assert [about["config"]["package"] for about in told] == 2 * [str(travelled)], "results say what it began from"


def test_a_package_does_not_bring_its_own_referee_or_goals(shipped: Path, config, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    found = folders.load_package(shipped)
    lenient = {**found.config["domain"], "evaluator": {"split": "val", "limit": 5}}
    forged_config = {**found.config, "domain": lenient, "goals": {"convnet/accuracy": ">= 0"}}
    cfg = config(*(f"{group}={choice}" for group, choice in found.choices.items()), "split=test")
    monkeypatch.setattr(HydraConfig.instance(), "cfg", OmegaConf.create({"hydra": {"overrides": {"task": []}}}))
    merged = folders.config_of_package(cfg, dataclasses.replace(found, config=forged_config))
    assert merged.domain.evaluator == cfg.domain.evaluator
    assert merged.goals == cfg.goals
    assert merged.domain.module == OmegaConf.create(found.config["domain"])["module"]
