"""Runs end to end through the entry points: on, again, resumed; and what trackers keep of them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from common import cache_folder, cost
from tests import offline
from tests.conftest import LITTLE, ROOT
from vision.data import read

COLD = {"accuracy", "nll", "brier", "calibration_error", "parameters", "size_bytes", "own_lines"}


def results(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text())


def cold(found: dict) -> dict:
    """What does not depend on a clock."""
    return {(f["program"], f["metric"]): f["value"] for f in found["figures"] if f["metric"] in COLD}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read-only, and without any network: the data are fetched before."""
    read("all"), read("test")
    folder = tmp_path_factory.mktemp("home")
    folder.chmod(0o555)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """A smoke run by the real command, in a process of its own, tracked by W&B offline."""
    folder = tmp_path_factory.mktemp("run") / "vision"
    lines = shell("scripts.train", "trainer=smoke", *LITTLE["vision"], f"output_dir={folder}", home=home)
    assert lines[-1] == str(folder / "results.json")
    assert any(line.startswith("goal missed: convnet/accuracy") for line in lines)
    return folder


def shell(module: str, *arguments: str, home: Path) -> list[str]:
    """The lines that `python -m MODULE ARGUMENTS` prints, in a process of its own that can reach no network."""
    log = home.with_name(f"{home.name}-network.log")
    command = [*offline.prefix(), sys.executable, "-m", "tests.brief", module, *arguments]
    environment = os.environ | {"SOFTWARE2_CACHE": str(cache_folder()), "HOME": str(home)} | offline.environment(log)
    environment.pop("XDG_CACHE_HOME", None)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment)
    assert done.returncode == 0, done.stderr
    assert not log.exists(), log.read_text()
    return done.stdout.splitlines()


def test_the_guard_refuses_what_leaves_the_machine(tmp_path: Path) -> None:
    """In a Python process by its own hook, in any other for want of a network."""
    reach = "import socket; socket.create_connection(('192.0.2.1', 80), 5)"
    environment = os.environ | offline.environment(tmp_path / "log")
    done = subprocess.run([sys.executable, "-c", reach], env=environment, capture_output=True, text=True)
    assert "network: given 192.0.2.1, wanted this machine only" in done.stderr
    assert "192.0.2.1" in (tmp_path / "log").read_text()
    if offline.prefix():
        done = subprocess.run([*offline.prefix(), sys.executable, "-c", reach], capture_output=True, text=True)
        assert "unreachable" in done.stderr


def test_a_run_leaves_its_config_checkpoint_results_and_gallery(finished: Path) -> None:
    assert {p.name for p in finished.iterdir()} >= {".hydra", "last.ckpt", "results.json", "gallery", "wandb"}
    run = results(finished)["run"]
    assert run["command"].startswith("python -m scripts.train trainer=smoke")
    assert (run["domain"], run["split"], run["seed"], run["headline"]) == ("vision", "val", 0, "accuracy")


def test_a_checkpoint_holds_tensors_and_plain_values_only(finished: Path) -> None:
    checkpoint = torch.load(finished / "last.ckpt", weights_only=True)
    assert "hyper_parameters" not in checkpoint
    clock = checkpoint["callbacks"][cost.TrainingClock.__qualname__]
    assert clock["cpu_s"] > 0


def test_evaluate_gives_the_same_numbers_again(finished: Path, tmp_path: Path, home: Path) -> None:
    lines = shell("scripts.evaluate", f"run={finished}", f"output_dir={tmp_path}/again", home=home)
    assert lines[-1] == f"{tmp_path}/again/results.json"
    assert cold(results(tmp_path / "again")) == cold(results(finished))


def test_evaluate_on_the_other_split(finished: Path, tmp_path: Path, command) -> None:  # type: ignore[no-untyped-def]
    command("evaluate", f"run={finished}", "split=test", f"output_dir={tmp_path}/test")
    run = results(tmp_path / "test")["run"]
    assert run["split"] == "test"
    assert run["command"].startswith(f"{results(finished)['run']['command']}; ")
    assert "evaluate run=" in run["command"]
    assert cold(results(tmp_path / "test")) != cold(results(finished))


def test_evaluate_without_one_of_the_programs(finished: Path, tmp_path: Path, command) -> None:  # type: ignore[no-untyped-def]
    command("evaluate", f"run={finished}", "~domain.baselines.hog_svm", f"output_dir={tmp_path}/two")
    assert set(results(tmp_path / "two")["run"]["uses"]) == {"convnet", "rules"}
    with pytest.raises(SystemExit, match=r"~domain\.baselines\.rules: given with package=, wanted key=value"):
        command("evaluate", "package=vision/pretrained", "~domain.baselines.rules")
    with pytest.raises(SystemExit, match=r"hog_svm\.landmarks=100: given with package=, whose programs are built"):
        command("evaluate", "package=vision/pretrained", "domain.baselines.hog_svm.landmarks=100")


def test_report_of_a_run(finished: Path, home: Path) -> None:
    lines = shell("scripts.report", f"run={finished}", home=home)
    assert lines[-1] == str(finished / "report.html")
    html = (finished / "report.html").read_text()
    for text in ("convnet", "hog_svm", "rules", "accuracy against cost", "latency", "confusion", "calibration"):
        assert text in html
    assert "data:image/png" in html


@pytest.mark.parametrize("script", ["evaluate", "train"])
@pytest.mark.parametrize("damage", ["truncated", "another net"])
def test_a_corrupt_checkpoint_is_one_clear_error(
    damage: str, script: str, finished: Path, tmp_path: Path, command
) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    path = folder / "last.ckpt"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        checkpoint = torch.load(path, weights_only=True)
        checkpoint["state_dict"].pop("net.head.weight")
        torch.save(checkpoint, path)
    with pytest.raises(SystemExit, match=r"last\.ckpt: given a damaged checkpoint or another net's, wanted convnet's"):
        command(script, f"run={folder}", f"output_dir={tmp_path}/out")
    assert not (tmp_path / "out").exists()
    assert path.exists()
    assert (folder / "results.json").read_bytes() == (finished / "results.json").read_bytes()


def test_another_net_is_another_run(finished: Path, command) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit, match="domain/net=resnet: given with run=, wanted key=value"):
        command("evaluate", f"run={finished}", "domain/net=resnet")


def test_a_run_without_a_folder_is_refused(command) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit, match="run: given nothing, wanted run=DIR"):
        command("evaluate")


def test_a_sweep_by_several_processes_is_one_group_and_one_report(tmp_path: Path, home: Path, command) -> None:  # type: ignore[no-untyped-def]
    parallel = ["-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    settings = ["trainer=smoke", *LITTLE["vision"], "~domain.baselines.hog_svm", f"output_dir={tmp_path}/sweep"]
    shell("scripts.train", *parallel, "domain.module.optimizer.lr=0.2,0.4", *settings, home=home)
    sweep = [tmp_path / "sweep" / str(job) for job in range(2)]
    seen = []
    for folder in sweep:
        found = wandb_records(folder)
        text = json.dumps(found)
        assert '"vision-sweep"' in text, "the group is the multirun's folder"
        for key in ("val/accuracy", "convnet/accuracy", "rules/accuracy"):
            assert f'"{key}"' in text, key
        (config,) = (r["config"]["update"]["config"]["domain"] for r in found if "command" in str(r.get("config")))
        seen.append(config["module"]["optimizer"]["lr"])
    assert seen == [0.2, 0.4]
    lines = command("report", f"run={tmp_path}/sweep")
    for lr in seen:
        title = f"vision, quick-smoke, lr={lr}, val split, 1 seed"
        assert sum(title in line for line in lines) == 2, "one row a program"


# What W&B keeps, read back from the offline run


@pytest.fixture(scope="module")
def records(finished: Path) -> list[dict]:
    return wandb_records(finished)


def wandb_records(run: Path) -> list[dict]:
    (folder,) = (run / "wandb").glob("offline-run-*")
    wandb = Path(sys.executable).with_name("wandb")
    done = subprocess.run([wandb, "leet", "inspect", "--json", folder], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_wandb_holds_config_curves_figures_table_gallery_and_model(records: list[dict]) -> None:
    text = json.dumps(records)
    for key in ("train/loss", "val/accuracy", "convnet/accuracy", "hog_svm/accuracy", "rules/latency_p50_s"):
        assert f'"{key}"' in text, key
    for key in ("figures", "convnet/confusion", "hog_svm/calibration", "gallery/all wrong"):
        assert f'"{key}' in text, key
    for part in ("model-", "last.ckpt", '"run_group"', "vision-", '"vision", "convnet", "val"'):
        assert part in text, part
    assert '"commit"' in text, "the run's description is in its config"


def test_a_run_writes_nothing_into_the_home_folder(finished: Path, home: Path) -> None:
    assert list((finished / "wandb").glob("offline-run-*/files/media/images/gallery/*.png"))
    assert list(home.iterdir()) == []
