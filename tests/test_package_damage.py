"""A package of a toy comes back; what is damaged, foreign or evil does not, and says so in one line."""

import hashlib
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import yaml
from pytorch_lightning import seed_everything

from common import package
from scripts import folders
from tests import toys
from tests.toys import Inner

ALLOWED = {"common.domain.Domain", "tests.toys.Keys"}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A small package of a toy."""
    seed_everything(0)
    domain = toys.index()
    domain.data.setup("fit")
    folder = tmp_path / "package"
    run = {"uses": {"curve": [], "bisection": []}}
    config = {"domain": {"_target_": "common.domain.Domain", "module": {"net": {}}, "data": {"seed": "${seed}"}}}
    save(
        folder,
        module=domain.module,
        baselines={"bisection": domain.baselines["bisection"].build(domain.data)},
        documents={
            package.CONFIG: yaml.safe_dump(config | {"seed": 0, "epochs": 1}),
            package.RESULTS: json.dumps({"run": run, "figures": [], "plots": []}),
            package.CARD: "card",
        },
    )
    return folder


def save(folder: Path, **changed: object) -> None:
    settings = {
        "code": "tests",
        "choices": {},
        "module": toys.nim().module,
        "baselines": {},
        "documents": {},
        "graphs": {},
    }
    package.save(folder, allowed=ALLOWED, **settings | changed)  # type: ignore[arg-type]


def signed(folder: Path, name: str, data: bytes) -> None:
    """Changes a part as an attacker would: with the manifest."""
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / package.MANIFEST).read_text())
    manifest["parts"][name] = hashlib.sha256(data).hexdigest()
    (folder / package.MANIFEST).write_text(json.dumps(manifest))


def test_a_toy_package_comes_back(saved: Path) -> None:
    found = package.load(saved, ALLOWED)
    seed_everything(1)
    domain = toys.index()
    domain.data.setup("fit")
    found.fill(domain.module)
    seed_everything(0)
    for ours, theirs in zip(domain.module.parameters(), toys.index().module.parameters(), strict=True):
        assert ours.equal(theirs)
    keys = domain.data.train[::7]
    assert found.baselines()["bisection"](keys).tolist() == list(range(0, 2000, 7))


def test_a_package_is_never_overwritten(saved: Path) -> None:
    with pytest.raises(ValueError, match=r"to: given .*package, which holds files, wanted a new folder"):
        save(saved)


def test_a_program_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"package: given the baselines of 8,\d+,\d+ bytes, wanted at most 8,000,000"):
        save(tmp_path / "large", baselines={"a": Inner(np.zeros(1_000_001))})
    assert list(tmp_path.iterdir()) == []


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def flip(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[-1] ^= 1
        (folder / name).write_bytes(data)

    return change


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.truncate(9_000_000)


def edit(**changed: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / package.MANIFEST
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, r"package: given .*package, wanted the folder of a package \(no .*manifest\.json\)"),
        (remove("manifest.json"), r"wanted the folder of a package"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json: given a damaged part"),
        (lambda folder: (folder / "manifest.json").write_text('{"format": 1}'), "given a damaged part"),
        (edit(format=2), r"manifest\.json: given format 2, wanted 1; update this repository"),
        (edit(parts={}), r"manifest\.json: given no part config\.yaml, wanted one"),
        (edit(parts=[]), r"manifest\.json: given a damaged part"),
        (edit(parts={"../../secret": "0"}), r"given a part '\.\./\.\./secret', wanted a plain file name"),
        (edit(learned="../curve"), r"manifest\.json: given '\.\./curve', wanted a name of letters"),
        (edit(choices={"domain": "../../evil"}), r"manifest\.json: given '\.\./\.\./evil', wanted a name of letters"),
        (edit(code="scripts"), r"manifest\.json: given the code of scripts, wanted a folder that configs/ name"),
        (edit(code="os"), r"given the code of os, wanted a folder"),
        (remove("curve.safetensors"), r"given no file curve\.safetensors, wanted the package whole"),
        (remove("config.yaml"), r"given no file config\.yaml"),
        (
            flip("curve.safetensors"),
            r"given curve\.safetensors with sha256 .*, wanted .*; it is damaged or was changed",
        ),
        (flip("README.md"), r"given README\.md with sha256"),
        (
            lambda folder: grow(folder / "README.md"),
            r"given README\.md of 9,\d+,\d+ bytes, wanted about 8,000,000 at most",
        ),
    ],
)
def test_a_damaged_package_is_one_clear_error(damage: Callable, message: str, saved: Path) -> None:
    damage(saved)
    with pytest.raises(ValueError, match=message):
        package.load(saved, ALLOWED)


class Evil:
    """Unpickled, it would leave a mark."""

    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("evil-was-here"),))


@pytest.mark.parametrize("name", ["curve.safetensors", "bisection.safetensors"])
def test_a_pickle_in_the_place_of_weights_is_not_unpickled(name: str, saved: Path, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    signed(saved, name, pickle.dumps(Evil()))
    found = package.load(saved, ALLOWED)
    with pytest.raises(ValueError, match=f"{name}: given a damaged part, wanted one that"):
        found.fill(toys.index().module) if name.startswith("curve") else found.baselines()
    assert not Path("evil-was-here").exists()


def test_an_evil_class_in_a_program_is_refused(saved: Path) -> None:
    tree = {"dataclass": "os.system", "fields": {"command": "touch evil-was-here"}}
    signed(saved, "bisection.safetensors", safetensors.numpy.save({}, {"program": json.dumps(tree)}))
    with pytest.raises(ValueError, match=r"bisection\.safetensors: given the class os\.system, wanted a dataclass"):
        package.load(saved, ALLOWED).baselines()


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "os.system", "command": "touch evil-was-here"},
        {"net": {"deep": [{"_target_": "subprocess.Popen", "args": ["touch", "evil-was-here"]}]}},
        {
            "_target_": "common.experiment.write_json",
            "path": "evil-was-here",
            "value": 1,
        },  # ours, but no part of a domain
        {"_target_": "vision.data.shutil.rmtree", "path": "/"},
        {"_target_": "vision.peers.hog_speed", "repeats": 10**9},  # of the bench
        {"_target_": "torch.load", "f": "evil.pt"},
        {"_target_": "hydra.utils.get_object", "path": "os.system"},
        {"_target_": ["os.system"]},
        {"_target_": "pytorch_lightning.callbacks.ModelCheckpoint", "dirpath": "/"},  # a trainer's, not a domain's
        {"seed": "${oc.env:HOME}"},
        {"seed": "${hydra:runtime.cwd}"},
    ],
)
def test_a_config_may_only_name_what_our_configs_name(node: dict, saved: Path) -> None:
    signed(saved, package.CONFIG, yaml.safe_dump({"domain": node}).encode())
    with pytest.raises(ValueError, match=r"config\.yaml: given .*, wanted (one that configs/ name|a value or a)"):
        package.load(saved, folders.allowed_targets() | ALLOWED)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("config.yaml", b"domain: [unclosed"),
        ("config.yaml", b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]"),  # aliases upon aliases
        ("config.yaml", b"- a list"),
        ("config.yaml", b"domain: !!pairs [{net: {_target_: os.system}}]"),  # tuples, in which nobody looks
        ("config.yaml", b"domain: !!omap [{net: {_target_: os.system}}]"),
        ("config.yaml", b"domain: {module: {net: {}}, data: {}}\nseed: 0"),
        ("config.yaml", b"domain: {module: {}, data: {}}\nseed: 0\nepochs: 1"),
        ("config.yaml", b"domain: {module: {net: {}}, data: {}}\nseed: zero\nepochs: 1"),
        ("results.json", b"{"),
        ("results.json", b'{"run": {}, "figures": [], "plots": []}'),
        ("results.json", b'{"run": {"uses": {"curve": []}}, "figures": [], "plots": [{"sort": "pie"}]}'),
        ("results.json", b'{"run": {"uses": {"nobody": []}}, "figures": [], "plots": []}'),
        ("results.json", b'{"run": {"uses": {"../curve": []}}, "figures": [], "plots": []}'),
    ],
)
def test_a_signed_part_of_the_wrong_form_is_one_clear_error(name: str, data: bytes, saved: Path) -> None:
    signed(saved, name, data)
    with pytest.raises(ValueError, match=f"{name}: given .*, wanted"):
        package.load(saved, ALLOWED)


@pytest.mark.parametrize(
    "tree",
    [
        {"dataclass": 1, "fields": {}},
        {"dataclass": "tests.toys.Bisection", "fields": []},
        {"dataclass": "tests.toys.Bisection", "fields": {"keys": {"array": "nowhere"}}},
        {"set": [1]},
        {},
        "x" * 10 + "\ud800",
    ],
)
def test_a_program_of_the_wrong_form_is_one_clear_error(tree: object, saved: Path) -> None:
    signed(saved, "bisection.safetensors", safetensors.numpy.save({}, {"program": json.dumps(tree)}))
    found = package.load(saved, ALLOWED)
    if isinstance(tree, str):
        assert found.baselines() == {"bisection": tree}, "a value is no harm"
        return
    with pytest.raises(ValueError, match=r"bisection\.safetensors: given .*, wanted"):
        found.baselines()


EVIL = "# @package _global_\nhydra: {callbacks: {x: {_target_: pathlib.Path.touch, self: evil-was-here}}}\n"


FORM = {"module": {"net": {}}, "data": {}}


def forged(folder: Path, config: dict, **manifest: object) -> None:
    """The toy's package, made to look like vision's."""
    signed(folder, package.CONFIG, yaml.safe_dump({"domain": FORM | config, "epochs": 1, "seed": 0}).encode())
    edit(code="vision", **{"choices": {"domain": "vision"}} | manifest)(folder)


@pytest.mark.parametrize(
    ("config", "choices", "message"),
    [
        ({"_target_": "os.system", "command": "touch evil-was-here"}, {}, r"config\.yaml: given _target_ os\.system"),
        ({}, {"experiment": "../../evil"}, r"manifest\.json: given '\.\./\.\./evil', wanted a name"),
        ({}, {"../evil": "evil"}, r"manifest\.json: given \.\./evil=evil, wanted a choice that configs/ has"),
        ({}, {"domain/../../tmp": "evil"}, r"manifest\.json: given domain/\.\./\.\./tmp=evil, wanted a choice"),
        ({}, {"hydra/launcher": "joblib"}, r"manifest\.json: given hydra/launcher=joblib, wanted a choice"),
        ({}, {"trainer": "gpu"}, r"manifest\.json: given trainer=gpu, wanted a choice"),
    ],
)
def test_an_evil_package_through_the_entry_point(
    config: dict, choices: dict, message: str, saved: Path, command, monkeypatch, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    """The whole way, as a user would meet it: one line, nothing done, nothing left."""
    (saved / "evil.yaml").write_text(EVIL)
    forged(saved, config, choices={"domain": "vision"} | choices)
    for script in ("evaluate", "train"):
        with pytest.raises(SystemExit, match=f"error: .*{message}"):
            command(script, f"package={saved}", f"output_dir={tmp_path}/out", "logger=csv")
    assert not Path("evil-was-here").exists()
    assert not (tmp_path / "out").exists()


def test_another_nets_weights_are_named(saved: Path) -> None:
    with pytest.raises(ValueError, match=r"curve\.safetensors: given another net's weights, wanted policy's"):
        package.load(saved, ALLOWED).fill(toys.nim().module)
