"""Every domain, and two toys, through the whole contract: train, build, judge, cost, write, judge again."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import wandb
from hydra.utils import instantiate
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger, WandbLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from common import experiment, report
from common.domain import Domain
from common.program import Evaluation, Picture, Program
from common.results import experiments
from common.tracking import LogGallery, log_pictures
from tests import toys
from tests.conftest import DOMAINS, LITTLE, NETS

COSTS = {
    "build_cpu_s",
    "build_wall_s",
    "parameters",
    "size_bytes",
    "own_lines",
    "answers",
    "latency_p50_s",
    "latency_p95_s",
    "latency_p99_s",
    "throughput_per_s",
    "peak_memory_bytes",
}


def trainer(folder: Path, epochs: int) -> pl.Trainer:
    from pytorch_lightning.callbacks import ModelCheckpoint

    checkpoint = ModelCheckpoint(folder, filename="last", enable_version_counter=False)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "log_every_n_steps": 1}
    return pl.Trainer(max_epochs=epochs, accelerator="cpu", num_sanity_val_steps=0, callbacks=[checkpoint], **quiet)


def check_results(results: dict, domain: Domain) -> None:
    """What every results.json holds, whatever the domain."""
    programs = [domain.module.name, *domain.baselines]
    figures = [f for f in results["figures"] if f["kind"] != "ceiling"]
    assert list(dict.fromkeys(f["program"] for f in figures)) == programs
    headline = results["run"]["headline"]
    for program in programs:
        of_this = {f["metric"]: f for f in figures if f["program"] == program}
        assert of_this.keys() >= COSTS | {headline}
        assert all(np.isfinite(f["value"]) for f in of_this.values())
        for f in of_this.values():
            assert f["low"] is None or f["low"] <= f["value"] <= f["high"], f
        assert of_this["latency_p50_s"]["value"] <= of_this["latency_p99_s"]["value"]
        assert isinstance(results["run"]["uses"][program], list)
    assert all(f"{headline}_minus/{name}" in {f["metric"] for f in figures} for name in domain.baselines)


def value(results: dict, program: str, metric: str) -> float:
    return next(f["value"] for f in results["figures"] if (f["program"], f["metric"]) == (program, metric))


@pytest.mark.parametrize(("make", "epochs"), [(toys.nim, 6), (toys.index, 60)])
def test_toy_domains_fit_the_contract(make, epochs: int, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    pl.seed_everything(0)
    domain = make()
    about = {
        "domain": make.__name__,
        "config": {},
        "experiment": "toy",
        "split": domain.evaluator.split,
        "seed": 0,
        "command": "",
    }
    results = experiment.run(domain, trainer(tmp_path, epochs), tmp_path, about=about, goals={})
    check_results(results, domain)
    assert json.loads((tmp_path / "results.json").read_text()) == results
    learned, hand = domain.module.name, next(iter(domain.baselines))
    headline = results["run"]["headline"]
    assert value(results, hand, headline) == {"nim": 1, "index": 0}[make.__name__]
    assert value(results, learned, headline) == {"nim": 1, "index": 0}[make.__name__], "it did not learn"
    assert value(results, hand, "parameters") == {"nim": 0, "index": 2000}[make.__name__]
    judged = experiment.evaluate(make(), tmp_path, tmp_path, about=about, goals={})
    assert value(judged, learned, headline) == value(results, learned, headline)


def test_ceilings_stand_beside_the_programs_without_costs(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    domain = toys.nim()
    perfect = {"truth": domain.evaluator(toys.best_move)}
    monkeypatch.setattr(type(domain.evaluator), "ceilings", lambda _: perfect, raising=False)
    about = {"domain": "nim", "config": {}, "experiment": "toy", "split": "val", "seed": 0, "command": ""}
    learned, hand = domain.module.name, next(iter(domain.baselines))
    goals = {f"{learned}/best_moves_minus/{hand}": "low > 0"}
    results = experiment.run(domain, trainer(tmp_path, 1), tmp_path, about=about, goals=goals)
    truth = [f for f in results["figures"] if f["program"] == "truth"]
    assert {f["kind"] for f in truth} == {"ceiling"}
    left = 1 - value(results, hand, "best_moves")
    assert {f["metric"]: f["value"] for f in truth} == {"best_moves": 1, f"best_moves_minus/{hand}": left}
    assert value(results, domain.module.name, "best_moves_minus/truth") <= 0
    assert "truth" not in results["run"]["uses"], "it is no program"
    (group,) = experiments([results])
    assert group.judged
    assert "| `truth` | ceiling | best_moves 1 | - |" in report.summary([group])
    page = report.page([{**results, "folder": str(tmp_path)}])
    assert "truth" in page
    assert page.count('<audio controls preload="none" src="data:audio/wav;base64,') == 2, "one a program"
    with wave.open(str(tmp_path / results["gallery"][0]["sound"])) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (8000, 1)
        assert np.frombuffer(sound.readframes(4), "<i2").tolist() == [0, 32767, -32768, 0]


def test_while_a_net_is_trained_a_preview_is_shown_and_nothing_scored(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    domain, shown = toys.nim(), []
    monkeypatch.setattr(toys.NimReferee, "preview", lambda r, program: Evaluation(program(r.piles), {}), raising=False)
    monkeypatch.setattr(toys.NimReferee, "__call__", lambda *_: pytest.fail("scored"))
    monkeypatch.setattr("common.tracking.log_pictures", lambda _, gallery, step: shown.append(gallery["moves"]))
    fitting = trainer(tmp_path, 3)
    fitting.loggers = [CSVLogger(tmp_path)]
    fitting.callbacks.append(LogGallery(domain.evaluator))
    fitting.fit(domain.module, datamodule=domain.data)
    assert [len(pictures) for pictures in shown] == [1, 1], "after one epoch and two"


def test_wandb_gets_the_sounds(tmp_path: Path) -> None:
    domain = toys.nim()
    gallery = domain.evaluator.gallery({"rule": domain.evaluator(toys.best_move)})
    log_pictures([WandbLogger(save_dir=tmp_path, offline=True)], gallery)
    wandb.finish()
    assert list(tmp_path.glob("wandb/offline-run-*/files/media/audio/sounds/*.wav"))


def test_tensorboard_gets_pictures_of_any_size(tmp_path: Path) -> None:
    pictures = [Picture(np.zeros(shape, np.uint8), "") for shape in ((4, 5), (4, 7, 3))]
    logger = TensorBoardLogger(tmp_path, name="tensorboard")
    log_pictures([logger], {"spectrograms": pictures}, 3)
    logger.finalize("success")  # as a trainer does: what is still on its way to the file is written
    (events,) = tmp_path.glob("tensorboard/*/events*")
    seen = EventAccumulator(str(events)).Reload()
    for number, width in enumerate((5, 7)):
        (image,) = seen.Images(f"gallery/spectrograms/{number}")
        assert (image.step, image.width, image.height) == (3, width, 4)


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain_offers_a_choice_of_nets(domain: str) -> None:
    assert len(NETS[domain]) >= 2


@pytest.mark.parametrize(("name", "net"), [(d, n) for d in DOMAINS for n in NETS[d]])
def test_every_net_trains_and_answers(name: str, net: str, config, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    domain = smoke(config, tmp_path, name, f"domain/net={net}")
    assert domain.module.name == net
    trainer(tmp_path, 1).fit(domain.module, datamodule=domain.data)
    check_program(domain.module.program(domain.data), domain)


@pytest.mark.fresh_process
@pytest.mark.parametrize("name", DOMAINS)
def test_every_domain_is_judged_alike(name: str, config, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    domain = smoke(config, tmp_path, name)
    domain.baselines.pop("perfect", None)  # thinks for minutes; tests of its own know it
    about = {"domain": name, "config": {}, "experiment": "smoke", "split": "val", "seed": 0, "command": ""}
    results = experiment.run(domain, trainer(tmp_path, 1), tmp_path, about=about, goals={})
    check_results(results, domain)
    for picture in results["gallery"]:
        assert (tmp_path / picture["file"]).is_file()
        assert picture["caption"]


def smoke(config, folder: Path, name: str, *choices: str) -> Domain:  # type: ignore[no-untyped-def]
    brief = ["trainer=smoke", "logger=csv", *LITTLE.get(name, [])]
    cfg = config(f"domain={name}", *choices, *brief, f"output_dir={folder}")
    pl.seed_everything(0)
    return instantiate(cfg.domain, _convert_="all")


def check_program(program: Program, domain: Domain) -> None:
    """Stateless, batch first, and the same answers in any batch up to the rounding of its number format."""
    problems = domain.evaluator.examples(8)
    together = program(problems)
    assert len(together) == 8
    assert all(np.array_equal(a, b) for a, b in zip(together, program(problems), strict=True))
    for i in range(8):
        np.testing.assert_allclose(program(problems[i : i + 1])[0], together[i], atol=0.02)
