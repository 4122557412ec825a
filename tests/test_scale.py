"""More than one process: the same gradients as one, and the same run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed
import torch.multiprocessing
from pytorch_lightning import seed_everything
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from tests.conftest import LITTLE, ROOT
from vision.data import Batches, FashionMNIST
from vision.module import Classifier
from vision.net import ConvNet

PROCESSES = 2


class Loss(nn.Module):
    """What Lightning hands to DistributedDataParallel: a module whose forward pass is the loss."""

    def __init__(self, module: Classifier) -> None:
        super().__init__()
        self.module = module

    def forward(self, *batch: torch.Tensor) -> torch.Tensor:
        return self.module.loss(self.module.net, batch)[0]  # type: ignore[arg-type]


def gradients(rank: int, processes: int, meeting: Path, out: Path) -> None:
    """Of the first batch of the second epoch, with normalisation fixed (each process has its own statistics else)."""
    torch.set_num_threads(1)
    seed_everything(0, verbose=False)
    net = ConvNet(widths=[8, 16, 16], convolutions=3, norm_momentum=0.4, logit_scale=0.1)
    shared = {"schedule": lambda progress: 1.0, "ema_decay": 0.0, "optimizer": lambda net: None}
    loss: nn.Module = Loss(Classifier(net=net, label_smoothing=0.1, flip_tta=False, **shared))
    for layer in loss.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()
    if processes > 1:
        torch.distributed.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=processes)
        loss = DistributedDataParallel(loss)
    data = FashionMNIST(batch_size=64, translate=1, erase=0.5, flip="random", seed=0, limit=200)
    data.setup()
    pixels, labels = next(iter(Batches(data, epoch=lambda: 1, rank=rank, processes=processes)))
    assert len(labels) == 64 // processes
    loss(pixels, labels).backward()
    if rank == 0:
        torch.save([p.grad for p in net.parameters() if p.requires_grad], out)
    if processes > 1:
        torch.distributed.destroy_process_group()


def test_gradients_of_two_processes_are_those_of_one(tmp_path: Path) -> None:
    gradients(0, 1, tmp_path / "unused", tmp_path / "one.pt")
    meeting = tmp_path / "meeting"
    torch.multiprocessing.spawn(gradients, (PROCESSES, meeting, tmp_path / "two.pt"), nprocs=PROCESSES)
    one, two = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("one", "two"))
    assert any(gradient.abs().max() > 1e-3 for gradient in one)
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_together_the_processes_see_every_image_once() -> None:
    data = FashionMNIST(batch_size=50, translate=1, erase=0.5, flip="alternate", seed=3, limit=200)
    data.setup()

    def seen(rank: int, processes: int) -> list[bytes]:
        batches = Batches(data, epoch=lambda: 1, rank=rank, processes=processes)
        return [image.numpy().tobytes() for pixels, _ in batches for image in pixels]

    assert sorted(seen(0, 2) + seen(1, 2)) == sorted(seen(0, 1))
    assert len(seen(0, 2)) == len(seen(1, 2)) == 100


def test_a_batch_that_cannot_be_shared_evenly_is_refused() -> None:
    data = FashionMNIST(batch_size=50, translate=0, erase=0.0, flip="none", seed=0, limit=200)
    data.setup()
    with pytest.raises(ValueError, match=r"data\.batch_size: given 50, wanted a multiple of 3 processes"):
        Batches(data, epoch=lambda: 0, rank=0, processes=3)


SMALL = ["trainer=ddp", "epochs=2", "~domain.baselines.hog_svm", "logger=csv", *LITTLE["vision"]]


@pytest.mark.parametrize("launcher", ["lightning", "torchrun"])
def test_a_run_on_two_processes(launcher: str, tmp_path: Path) -> None:
    """Started by Lightning, or by torchrun as it would be on several machines."""
    folder = tmp_path / "run"
    torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={PROCESSES}", "-m"]
    command = [
        sys.executable,
        "-m",
        *(torchrun if launcher == "torchrun" else []),
        "tests.brief",
        "scripts.train",
        *SMALL,
    ]
    done = subprocess.run([*command, f"output_dir={folder}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{folder}/results.json"
    assert done.stdout.count("results.json") == 1, "only one process judges"
    results = json.loads((folder / "results.json").read_text())
    assert results["run"]["experiment"] == "quick-ddp"
    checkpoint = torch.load(folder / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 6
    left = {path.name for path in folder.iterdir()}
    assert left == {".hydra", ".lock", "csv", "gallery", "last.ckpt", "results.json"}, "the others write nothing"
    noted = (folder / ".hydra" / "hydra.yaml").read_text()
    assert "train_ddp_process" not in noted, "nor over what the first one wrote"


@pytest.mark.parametrize("sick", [0, 1])
def test_when_one_process_has_no_number_all_of_them_stop(sick: int, tmp_path: Path) -> None:
    code = (
        "import os, torch; from vision.module import Classifier; from scripts import train; loss = Classifier.loss\n"
        "def sick(self, net, batch):\n"
        "    value, metrics = loss(self, net, batch)\n"
        f"    return (value * float('nan') if os.environ.get('LOCAL_RANK', '0') == '{sick}' else value), metrics\n"
        "Classifier.loss = sick\n"
        "train.main()\n"
    )
    (tmp_path / "sick.py").write_text(code)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={PROCESSES}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, str(tmp_path / "sick.py"), *SMALL, f"output_dir={tmp_path}/run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=environment,
        timeout=200,
    )
    assert done.returncode == 1
    assert done.stderr.count("error: train loss: given") == PROCESSES, done.stderr


def test_a_multirun_of_ddp_is_refused(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(
        SystemExit, match="trainer: given ddp with -m, wanted hydra/launcher=joblib, or one run at a time"
    ):
        command("train", "-m", "seed=0,1", *SMALL, f"output_dir={tmp_path}/sweep")


def test_processes_that_are_started_together_need_a_folder(command, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(
        SystemExit, match="output_dir: given nothing, wanted output_dir=DIR, the same for all processes"
    ):
        command("train", "trainer=ddp")
