"""The bench of vision: the peer is the well-known net, both train until they are good enough, and nothing flatters."""

import json
from functools import partial
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from hydra.utils import instantiate

from vision.peers import SimpleConvNet, time_to_accuracy


def test_the_peer_is_the_well_known_net() -> None:
    net = SimpleConvNet()
    assert sum(p.numel() for p in net.parameters()) == 34_826
    assert net(torch.zeros(2, 28, 28, dtype=torch.uint8)).tolist() == [[0] * 10] * 2, "no bias at first"


def test_the_bench_trains_both_until_they_are_good_enough(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    small = ["bench.time_to_accuracy.same_format=true", "bench.time_to_accuracy.accuracy=0.5"]
    small += ["bench.share_of_convolution_speed.steps=2"]
    small += ["bench.share_of_convolution_speed.seconds=0.05", "bench.hog_speed.images=50"]
    small += ["domain.data.limit=1000", "domain.data.batch_size=100"]
    lines = command("bench", *small, f"output_dir={tmp_path}/bench")
    assert lines[-1] == f"{tmp_path}/bench/results.json"
    found = json.loads((tmp_path / "bench" / "results.json").read_text())
    value = {(f["program"], f["metric"]): f["value"] for f in found["figures"]}
    for name in ("convnet", "simple_convnet", "simple_convnet_same_format"):
        assert 0.5 <= value[name, "best_val_accuracy"] < 0.9, "it stops at the first check that is good enough"
    assert value["convnet", "steps_to_accuracy"] < 100, "before all its epochs are over"
    ratio = value["simple_convnet", "cpu_s_to_accuracy"] / value["convnet", "cpu_s_to_accuracy"]
    assert value["convnet", "times_as_fast_to_accuracy/simple_convnet"] == pytest.approx(ratio)
    assert 0 < value["convnet", "share_of_convolution_speed"] < 1
    assert {f["goal"] for f in found["figures"] if f["metric"].endswith("accuracy/simple_convnet")} == {">= 4"}


def test_what_never_gets_there_has_no_ratio(config, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Not even a flattering one."""
    cfg = config("domain.data.limit=2000")
    domain = instantiate(cfg.domain, _convert_="all")
    few = partial(pl.Trainer, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    steps = {"limit_train_batches": 2, "limit_val_batches": 1, "num_sanity_val_steps": 0, "enable_model_summary": False}

    def trainer(**changed: object) -> pl.Trainer:
        return few(**steps | changed | {"max_epochs": 1, "val_check_interval": 1.0})  # type: ignore[arg-type]

    figures = time_to_accuracy(
        domain, trainer, accuracy=0.99, checks_per_epoch=1, peer_epochs=1, same_format=True, seed=0
    )
    assert {f.metric for f in figures} == {"best_val_accuracy"}
