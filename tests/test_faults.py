"""What must not lose anything: kills at any moment, full disks, numbers that are none, two runs at once."""

import json
import random
import shutil
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from common import experiment
from tests.conftest import DOMAINS, LITTLE
from tests.killed import Started, unjudged

JUDGE = experiment.judge
SMOKE = ["trainer=smoke", "logger=csv"]
QUICK = [*SMOKE, *LITTLE["vision"]]


@pytest.fixture(autouse=True)
def _unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "judge", unjudged)
    monkeypatch.setattr("scripts.terminal.show", lambda _: None)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    assert Started("never", *QUICK, f"output_dir={folder}").end()[0] == 0
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, to be written in."""
    return shutil.copytree(finished, tmp_path / "run")


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(domain: str, tmp_path: Path, command) -> None:  # type: ignore[no-untyped-def]
    """SIGKILL at a random moment and in the middle of a checkpoint: the same weights, bit for bit."""
    seed = random.SystemRandom().randrange(10**6)
    rng = random.Random(seed)
    smoke = [*SMOKE, f"domain={domain}", "epochs=4", *LITTLE.get(domain, [])]
    moments = [f"step:{rng.randrange(12)}:{rng.uniform(0, 0.2)}", f"writing:{rng.randint(1, 4)}"]
    running = [Started(m, *smoke, f"output_dir={tmp_path}/{i}") for i, m in enumerate(moments)]
    command("train", *smoke, f"output_dir={tmp_path}/whole")
    whole = torch.load(tmp_path / "whole" / "last.ckpt", weights_only=True)
    for i, (moment, process) in enumerate(zip(moments, running, strict=True)):
        status, said = process.end()
        assert status == -9, f"{moment} (seed {seed}): {said}"
        command("train", f"run={tmp_path}/{i}")
        parts = torch.load(tmp_path / str(i) / "last.ckpt", weights_only=True)
        assert whole["global_step"] == parts["global_step"], f"{moment} (seed {seed})"
        for key, value in whole["state_dict"].items():
            assert torch.equal(value, parts["state_dict"][key]), f"{key}, {moment} (seed {seed})"
        assert not (tmp_path / str(i) / "last.ckpt.part").exists()
    state = whole["state_dict"]
    pairs = [(value, state[f"averaged.module.{key[4:]}"]) for key, value in state.items() if key[:4] == "net."]
    assert any(not torch.equal(raw, averaged) for raw, averaged in pairs), "there is no average that could be lost"


def test_an_interrupted_multirun_goes_on_where_it_stopped(tmp_path: Path, command) -> None:  # type: ignore[no-untyped-def]
    sweep = tmp_path / "sweep"
    process = Started("step:3:0", "-m", *QUICK, "epochs=2", "seed=0,1", "domain.data.flip=none", f"output_dir={sweep}")
    assert process.end()[0] == -9
    assert (sweep / "0" / "last.ckpt").exists(), "the first epoch of the first job"
    assert not (sweep / "1").exists()
    sweep = sweep.rename(tmp_path / "moved")
    command("train", f"run={sweep}")
    ends = [torch.load(sweep / str(job) / "last.ckpt", weights_only=True)["epoch"] for job in (0, 1)]
    assert ends == [1, 1]
    before = (sweep / "0" / "last.ckpt").stat().st_mtime_ns
    lines = command("train", f"run={sweep}")
    assert lines == [f"{sweep}/0/results.json", f"{sweep}/1/results.json"], "there was nothing left to do"
    assert (sweep / "0" / "last.ckpt").stat().st_mtime_ns == before
    with pytest.raises(SystemExit, match=r"output_dir: given .*moved, which holds other runs, wanted a new folder"):
        command("train", "-m", *QUICK, "seed=0,2", f"output_dir={sweep}")


def test_a_full_disk_leaves_the_last_checkpoint(folder: Path, command) -> None:  # type: ignore[no-untyped-def]
    """/dev/full takes the bytes' place: it says what a full disk says."""
    before = {name: (folder / name).read_bytes() for name in ("last.ckpt", "results.json")}
    (folder / "last.ckpt.part").symlink_to("/dev/full")
    with pytest.raises(SystemExit, match=r"error: .*last\.ckpt: given a disk that does not take it \(No space left"):
        command("train", f"run={folder}", "epochs=2")
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert not (folder / "last.ckpt.part").is_symlink()
    command("train", f"run={folder}", "epochs=2")
    assert torch.load(folder / "last.ckpt", weights_only=True)["epoch"] == 1


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_last_checkpoint(
    folder: Path, tmp_path: Path, command, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    before = (folder / "last.ckpt").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("vision.module.Classifier.loss", lambda *_: (torch.tensor(float("nan"), requires_grad=True), {}))
        with pytest.raises(
            SystemExit, match=r"train loss: given nan at step 3, wanted a finite number; lower domain.mod"
        ):
            command("train", f"run={folder}", "epochs=2")
    assert (folder / "last.ckpt").read_bytes() == before
    with monkeypatch.context() as patch:
        patch.setattr("vision.module.Classifier.loss", lambda *_: (torch.tensor(float("nan"), requires_grad=True), {}))
        with pytest.raises(SystemExit, match="train loss: given nan at step 0"):
            command("train", *QUICK, f"output_dir={tmp_path}/early")
    assert (tmp_path / "early" / "csv").is_dir(), "what was measured stays"


def test_what_was_measured_stays_when_a_program_cannot_be_built(tmp_path: Path, command, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def build(*_: object) -> None:
        raise ValueError("hog_svm: given too little memory")

    monkeypatch.setattr(experiment, "judge", JUDGE)
    monkeypatch.setattr("vision.baseline.HogKernelMachine.build", build)
    folder = tmp_path / "run"
    with pytest.raises(SystemExit, match="error: hog_svm: given too little memory"):
        command("train", *QUICK, "domain.evaluator.limit=20", f"output_dir={folder}")
    so_far = json.loads((folder / experiment.SO_FAR).read_text())
    assert {f["program"] for f in so_far["figures"]} == {"convnet"}
    assert not (folder / experiment.RESULTS).exists()


def test_two_runs_at_once_never_share_a_folder(tmp_path: Path) -> None:
    """Of two that are started together, one runs and the other says why it does not."""
    folder = tmp_path / "run"
    both = [Started("never", *QUICK, f"output_dir={folder}", f"seed={seed}") for seed in (0, 1)]
    ends = [process.end() for process in both]
    assert sorted(status for status, _ in ends) == [0, 1], ends
    refused = next(said for status, said in ends if status)
    assert "where another run is writing, wanted another folder" in refused or "which holds a run" in refused
    winner = next(seed for seed, (status, _) in enumerate(ends) if not status)
    assert f"seed={winner}" in (folder / ".hydra" / "overrides.yaml").read_text()


@pytest.mark.parametrize(
    ("word", "said"), [("run", "where another run is writing"), ("output_dir", "which holds a run")]
)
def test_a_folder_where_a_run_is_writing_is_refused(word: str, said: str, folder: Path, command) -> None:  # type: ignore[no-untyped-def]
    with FileLock(folder / ".lock"), pytest.raises(SystemExit, match=f"{word}: given {folder}, {said}"):
        command("train", f"{word}={folder}")
    assert (folder / ".hydra").is_dir()


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(folder: Path, command) -> None:  # type: ignore[no-untyped-def]
    (folder / "last.ckpt").unlink()
    (folder / "results.json").unlink()
    with pytest.raises(SystemExit, match=f"output_dir: given {folder}, which holds a run"):
        command("train", *QUICK, "seed=1", f"output_dir={folder}")
    command("train", f"run={folder}")
    assert (folder / "last.ckpt").exists()


def test_what_a_run_goes_on_with_is_remembered(folder: Path, command) -> None:  # type: ignore[no-untyped-def]
    """A longer training that is killed goes on to its new end."""
    process = Started("step:7:0", f"run={folder}", "epochs=4")
    assert process.end()[0] == -9
    command("train", f"run={folder}")
    assert torch.load(folder / "last.ckpt", weights_only=True)["epoch"] == 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("domain.module.net.widths=[8,16,32]", "given a damaged checkpoint or another net's, wanted convnet's"),
        ("domain.module.optimizer.lr=-1", r"optimizer\.lr: given -1, wanted a number above 0"),
        ("seed=1", "seed: given 1 with run=, wanted 0, of which .* holds a net, or a new run"),
    ],
)
def test_what_a_run_cannot_go_on_with_is_not_remembered(wrong: str, said: str, folder: Path, command) -> None:  # type: ignore[no-untyped-def]
    before = {name: (folder / name).read_bytes() for name in (".hydra/config.yaml", "last.ckpt")}
    with pytest.raises(SystemExit, match=said):
        command("train", f"run={folder}", "epochs=2", wrong)
    assert {name: (folder / name).read_bytes() for name in before} == before
    command("train", f"run={folder}", "epochs=2")
    assert torch.load(folder / "last.ckpt", weights_only=True)["epoch"] == 1


def test_what_a_finished_run_is_judged_with_is_remembered(folder: Path, command) -> None:  # type: ignore[no-untyped-def]
    command("train", f"run={folder}", "domain.module.flip_tta=false")
    assert "flip_tta: false" in (folder / ".hydra" / "config.yaml").read_text()


def test_a_multirun_leaves_other_runs_alone(tmp_path: Path, command) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "runs"
    command("train", *QUICK, f"output_dir={folder}/0")
    before = (folder / "0" / ".hydra" / "overrides.yaml").read_text()
    with pytest.raises(SystemExit, match=f"output_dir: given {folder}, which holds other runs, wanted a new folder"):
        command("train", "-m", *QUICK, "seed=0,1", f"output_dir={folder}")
    assert (folder / "0" / ".hydra" / "overrides.yaml").read_text() == before


def test_a_package_is_of_the_checkpoint_that_was_measured(folder: Path, command) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit, match=f"run: given {folder}, whose checkpoint is not what its results are of"):
        command("package", f"run={folder}")


def test_a_run_that_goes_on_stays_one_run_in_wandb(tmp_path: Path, command) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "run"
    command("train", "trainer=smoke", *LITTLE["vision"], f"output_dir={folder}")
    command("train", f"run={folder}", "epochs=2")
    runs = [path.name for path in (folder / "wandb").glob("offline-run-*")]
    assert len(runs) == 2
    assert len({name.rpartition("-")[2] for name in runs}) == 1, runs
