import os
import pickle
import re

os.environ["OMP_NUM_THREADS"] = "1"  # before torch: workers of xdist share two cores
import common  # noqa: F401, I001  # sets the rest of the environment, before anything imports torch

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from jaxtyping import install_import_hook
from omegaconf import DictConfig

from scripts.kernels import forget_stale

ROOT = Path(__file__).resolve().parent.parent
DOMAINS = sorted(path.stem for path in (ROOT / "configs" / "domain").glob("*.yaml"))
CONFIGS = ROOT / "configs" / "domain"
CODE = {  # of each domain: speech, or speech.tts
    domain: re.search(r"_target_: ([\w.]+)\.data\.", (CONFIGS / f"{domain}.yaml").read_text())[1]  # type: ignore[index]
    for domain in DOMAINS
}
SHIPPED = sorted(domain for domain, code in CODE.items() if ROOT.joinpath(*code.split("."), "pretrained").is_dir())
NETS = {
    domain: sorted(
        path.stem
        for path in (CONFIGS / "net").glob("*.yaml")
        if re.search(rf"^ *_target_: {code}\.net\.", path.read_text(), re.MULTILINE)
    )
    for domain, code in CODE.items()
}
# Shapes are checked in tests and cost nothing elsewhere. (Only in the nets: the hook cannot wrap numba's functions.)
install_import_hook([f"{code}.net" for code in CODE.values()], "beartype.beartype")
forget_stale()
torch.set_num_threads(1)
COORDINATE = re.compile(r"\d+\.\d{5,}")  # of a drawing: processors differ in the last digit


def same_page(one: str, other: str) -> bool:
    """Whether two texts are equal but for the last digit of coordinates."""
    numbers = [[float(number) for number in COORDINATE.findall(text)] for text in (one, other)]
    return COORDINATE.sub("", one) == COORDINATE.sub("", other) and numbers[0] == pytest.approx(numbers[1], abs=2e-6)


# Added to a run of few steps: what the domain needs to be brief.
LITTLE = {
    "control": [
        "domain.data.limit=500",  # enough for the three batches of a smoke run's epoch
        "domain.data.games=64",
        "domain.data.habits.full_simulations=16",
        "domain.data.habits.fast_simulations=4",
        "domain.module.simulations=8",
    ],
    "databases": ["domain.evaluator.calls=2", "domain.evaluator.rounds=1"],
    "speech": [
        "domain.data.limit=2",
        "domain.data.crop=512",
        "domain.data.batch_size=2",
        "domain.data.crops=6",
        "domain.module.net.channels=16",
        "domain.evaluator.limit=1",
        "domain.evaluator.measures=[]",
        "domain.baselines.griffin_lim.iterations=2",
    ],
    "tts": [
        "domain.data.limit=2",
        "domain.data.crop=4096",
        "domain.data.batch_size=2",
        "domain.data.crops=6",
        "domain.module.weights=null",
        "domain.module.net.channels=16",
        "domain.module.net.vocoder.channels=16",
        "domain.evaluator.limit=2",
        "domain.evaluator.measures=[words]",
    ],
    "vision": [
        "domain.data.limit=300",  # three batches again
        "domain.data.batch_size=100",
        "domain.evaluator.limit=100",
    ],
}


@pytest.fixture(autouse=True)
def _briefly_timed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests ask whether costs are measured, not how exactly: few of them in a fresh process, which takes seconds."""
    monkeypatch.setattr("common.cost.SECONDS", 0.5)
    if not request.node.get_closest_marker("fresh_process"):
        monkeypatch.setattr("common.cost.in_fresh_process", in_this_process)


def in_this_process(module: str, given: tuple[Any, ...]) -> dict[str, Any]:
    """As common.cost.in_fresh_process: a copy of the program is measured."""
    return import_module(module).measure(*pickle.loads(pickle.dumps(given)))


@pytest.fixture
def config() -> Callable[..., DictConfig]:
    """The composed config of a command line."""

    def composed(*overrides: str) -> DictConfig:
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
            return compose("config", list(overrides))

    return composed


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., list[str]]:
    """Runs an entry point in this process, as `python -m scripts.NAME ARGUMENTS`; returns the lines that it printed."""

    def run(name: str, *arguments: str) -> list[str]:
        module = import_module(f"scripts.{name}")
        monkeypatch.setattr("sys.argv", [name, *arguments])
        GlobalHydra.instance().clear()
        capsys.readouterr()
        module.main()
        return capsys.readouterr().out.splitlines()

    return run


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Browser tests need Debian's chromium: a must under CI, elsewhere left out with one line."""
    if Path("/usr/bin/chromium").exists() or os.environ.get("CI") == "true":
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
        print(f"left out: {len(left_out)} browser tests, for want of /usr/bin/chromium")  # noqa: T201
