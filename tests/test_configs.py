"""Configs compose; whatever is wrong on the command line ends in one line that says what was wanted."""

import re
import shlex
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from scripts import cli, folders
from tests.conftest import CODE, CONFIGS, DOMAINS, ROOT


def groups(*path: str) -> list[str]:
    return sorted(file.stem for file in ROOT.joinpath("configs", *path).glob("*.yaml"))


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_choice_composes(domain: str, config) -> None:  # type: ignore[no-untyped-def]
    choices = [f"trainer={t}" for t in groups("trainer")] + [f"logger={name}" for name in groups("logger")]
    for path in sorted((ROOT / "configs" / "domain").glob("*/*.yaml")):  # nets, and what else goes into a domain
        ours = re.search(rf"^ *_target_: {CODE[domain]}\.\w+\.\w+$", path.read_text(), re.MULTILINE)
        choices += [f"domain/{path.parent.name}={path.stem}"] if ours else []
    choices += [f"experiment={e}" for e in groups("experiment") if e.startswith(f"{domain}_")]
    for choice in choices:
        cfg = config(f"domain={domain}", choice)
        assert cfg.domain._target_ == "common.domain.Domain", choice
        assert "???" not in OmegaConf.to_yaml(cfg), choice
        assert {"limit"} <= cfg.domain.data.keys() & cfg.domain.evaluator.keys(), "trainer=smoke needs them"


@pytest.mark.parametrize("experiment", groups("experiment"))
def test_an_experiment_brings_its_domain(experiment: str, config) -> None:  # type: ignore[no-untyped-def]
    cfg = config(f"experiment={experiment}")
    assert cfg.domain.module._target_.startswith(f"{CODE[experiment.split('_')[0]]}.module.")


@pytest.mark.parametrize("experiment", groups("experiment"))
def test_smoke_is_one_epoch_of_little_data(experiment: str, config) -> None:  # type: ignore[no-untyped-def]
    """Whatever the experiment says; the command line has the last word."""
    cfg = config(f"experiment={experiment}", "trainer=smoke")
    assert (cfg.epochs, cfg.trainer.max_epochs, cfg.trainer.limit_train_batches) == (1, 1, 3)
    assert (cfg.domain.data.limit, cfg.domain.evaluator.limit) == (2000, 200)
    assert config(f"experiment={experiment}", "trainer=smoke", "epochs=2").trainer.max_epochs == 2
    file = ROOT / "configs" / "experiment" / f"{experiment}.yaml"
    assert "trainer" not in OmegaConf.load(file), "what trainer= would overrule"


@pytest.mark.parametrize("domain", DOMAINS)
def test_what_a_domain_says_counts(domain: str, config) -> None:  # type: ignore[no-untyped-def]
    """Also where the base says something else."""
    composed = config(f"domain={domain}")
    written = folders.as_written(CONFIGS / f"{domain}.yaml")
    for part in ("evidence", "trained", "goals"):
        both = OmegaConf.merge(composed[part], written.get(part, {}))
        assert OmegaConf.to_container(both) == OmegaConf.to_container(composed[part])


def test_null_is_taken_where_a_constructor_or_a_goal_does(config) -> None:  # type: ignore[no-untyped-def]
    cfg = config("domain=tts", "trainer=smoke")
    for key in ("domain.data.limit", "domain.module.weights", "goals.convtts/dnsmos"):
        assert cli.takes_null(cfg, key), key
    for key in ("epochs", "seed", "domain.data.crop", "domain.module.optimizer.lr"):
        assert not cli.takes_null(cfg, key), key


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_test_split_is_not_looked_at_unasked(domain: str, config) -> None:  # type: ignore[no-untyped-def]
    assert config(f"domain={domain}").domain.evaluator.split == "val"
    assert config(f"domain={domain}", "split=test").domain.evaluator.split == "test"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["domain=visoin"], r"domain: given 'visoin', wanted one of: .*vision"),
        (["domain/net=convnext"], r"domain/net: given 'convnext', wanted one of: .*convnet.*resnet"),
        (["trainer=fast"], r"trainer: given 'fast', wanted one of: ddp default gpu smoke"),
        (
            ["domain.module.optimizer.lrr=0.1"],
            r"domain\.module\.optimizer: given unknown key 'lrr' \(did you mean lr\?\), wanted one of: lr, momentum",
        ),
        (
            ["domain.modul.lr=1"],
            r"domain: given unknown key 'modul' \(did you mean module\?\), wanted one of: baselines",
        ),
        (
            ["epoch=3"],
            r"config: given unknown key 'epoch' \(did you mean epochs\?\), wanted one of: app, asked, bench, claims",
        ),
        (["epochs=many"], r"epochs: given 'many', wanted int such as \d+"),
        (["epochs=null"], r"epochs: given None, wanted int such as \d+"),
        (["domain.data.batch_size=null"], r"domain\.data\.batch_size: given None, wanted int such as \d+"),
        (["domain.module.optimizer.lr=fast"], r"domain\.module\.optimizer\.lr: given 'fast', wanted float such as"),
        (["domain.module.flip_tta=3"], r"domain\.module\.flip_tta: given 3, wanted bool such as"),
        (["domain.data.flip=sideways"], r"data\.flip: given 'sideways', wanted one of none, random, alternate"),
        (["+goals.fast='> many'"], r"goal: given '> many', wanted one like"),
        (["split=train"], r"split: given 'train', wanted one of val, test"),
        (["domain.module.ema_decay=1.5"], r"module\.ema_decay: given 1\.5, wanted 0 <= ema_decay < 1"),
        (["run=nowhere"], r"run: given nowhere, wanted the folder of an earlier run"),
        (["lr"], r"missing EQUAL at '<EOF>'"),
        (["domain.data.limit=many"], r"limit: given 'many', wanted null or a whole number above 0"),
        (["domain.baselines.hog_svm.landmark=9"], r"given unknown key 'landmark' \(did you mean landmarks\?\), wanted"),
        (["domain.baselines.hog_svm.landmarks=0"], r"baselines\.hog_svm\.landmarks: given 0, wanted 1 or more"),
        (["domain=tts", "domain/net=wavenet"], r"module\.net: given a WaveNet, wanted a ConvTTS or GruTTS"),
        (["-m", "domain/net=convnet,resnet", "epoch=3"], r"config: given unknown key 'epoch' \(did you mean epochs"),
    ],
)
def test_wrong_input_is_one_line(arguments: list[str], message: str, command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "run"
    with pytest.raises(SystemExit) as stop:
        command("train", *arguments, f"output_dir={folder}", "logger=csv")
    said = str(stop.value)
    assert re.search(message, said), said
    assert "\n" not in said
    assert not folder.exists(), "a half-written run is left behind"


def test_an_unwritable_output_folder_is_named(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SystemExit, match=f"error: .*Not a directory.*{blocked}"):
        command("train", f"output_dir={blocked}/run")
    assert blocked.read_text() == ""


@pytest.mark.parametrize("name", ["last.ckpt", "results.json"])
def test_a_run_is_never_overwritten(name: str, command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / name).write_text("measured for hours")
    with pytest.raises(SystemExit, match=f"output_dir: given {tmp_path}, which holds a run, wanted a new folder"):
        command("train", "trainer=smoke", f"output_dir={tmp_path}")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_with_other_things_in_it_is_never_cleared(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "precious").write_text("mine")
    with pytest.raises(SystemExit):
        command("train", "split=train", f"output_dir={tmp_path}", "logger=csv")
    assert (tmp_path / "wandb" / "precious").read_text() == "mine"


def commands() -> list[list[str]]:
    """The words of every `python -m scripts...` in the README."""
    text = (ROOT / "README.md").read_text()
    return [shlex.split(line.split("#")[0]) for line in text.splitlines() if line.startswith("python -m scripts.")]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_in_the_readme_exist_and_compose(words: list[str], config) -> None:  # type: ignore[no-untyped-def]
    assert (ROOT / (words[2].replace(".", "/") + ".py")).is_file()
    said = [word for word in words[3:] if word != "-m" and not word.startswith("input=")]  # not Hydra's to read
    config(*(word.split(",")[0] for word in said))


def test_make_targets_in_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / "README.md").read_text(), re.MULTILINE):
        assert f"\n{target}:" in makefile, target
