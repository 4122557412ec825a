"""The ONNX files of packages: written, brought up to date, and refused where they point at anything else."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from common import package
from common.portable import places
from scripts import folders, portable
from tests.conftest import LITTLE, ROOT
from tests.test_package_damage import ALLOWED, flip, save, saved, signed  # noqa: F401
from tests.test_portable import both


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], r"run: given nothing, wanted run=DIR, the folder of a finished run, or package=DIR"),
        (["package=databases/pretrained"], r"to: given nothing, wanted to=DIR, a new folder"),
        (["package=databases/pretrained", "to=databases"], r"to: given databases, which holds files, wanted a new"),
    ],
)
def test_what_cannot_be_packaged_is_one_line(arguments: list[str], message: str, command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit, match=f"error: {message}"):
        command("package", *arguments, f"output_dir={tmp_path}/out")
    assert not (tmp_path / "out").exists()


def test_a_run_becomes_a_package_with_graphs(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    run, folder = tmp_path / "run", tmp_path / "package"
    command("train", "domain=databases", "trainer=smoke", "logger=csv", *LITTLE["databases"], f"output_dir={run}")
    assert command("package", f"run={run}", f"to={folder}", f"output_dir={tmp_path}/out") == [str(folder)]
    parts = folders.load_package(folder).parts
    assert parts.keys() == folders.load_package(ROOT / "databases" / "pretrained").parts.keys()
    assert set(places(parts["rmi.onnx"])) == {"rmi.safetensors"}
    for other in ("domain.module.ema_decay=0.5", "~domain.baselines.bplus_tree"):
        part = other.split(".")[1]
        with pytest.raises(
            SystemExit, match=f"run: given {run} with another {part} than its results are of, wanted it"
        ):
            command("package", f"run={run}", other, f"to={tmp_path}/other", f"output_dir={tmp_path}/out")


def test_an_older_package_loads_and_is_brought_up_to_date(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    new, old, again = ROOT / "databases" / "pretrained", tmp_path / "old", tmp_path / "again"
    old.mkdir()
    manifest = json.loads((new / package.MANIFEST).read_text())
    manifest["parts"] = {name: sha256 for name, sha256 in manifest["parts"].items() if not name.endswith(".onnx")}
    for name in manifest["parts"]:
        (old / name).write_bytes((new / name).read_bytes())
    (old / package.MANIFEST).write_text(json.dumps(manifest))
    assert folders.load_package(old).parts.keys() == manifest["parts"].keys()
    assert command("package", f"package={old}", f"to={again}", f"output_dir={tmp_path}/out") == [str(again)]
    for path in new.iterdir():
        found = again / path.name
        if path.suffix == ".onnx":
            assert set(places(found.read_bytes())) == set(places(path.read_bytes()))
        elif path.name != package.MANIFEST:
            assert found.read_bytes() == path.read_bytes(), path.name
    assert folders.load_package(again).parts.keys() == folders.load_package(new).parts.keys()


def test_a_package_takes_the_settings_that_it_was_judged_with(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    shipped, old, again = ROOT / "databases" / "pretrained", tmp_path / "old", tmp_path / "again"
    shutil.copytree(shipped, old)
    config = (old / package.CONFIG).read_text()
    signed(old, package.CONFIG, config.replace("    ema_decay: 0.98\n", "").encode())  # as of a version without it
    before = folders.load_package(old)
    assert "ema_decay" not in before.config["domain"]["module"]

    def judge(found: Path, run: str, *settings: str) -> None:
        settings = ("domain.module.ema_decay=0.5", *settings, *LITTLE["databases"])
        command("evaluate", f"package={found}", *settings, f"output_dir={tmp_path}/{run}")

    def write(run: str, to: Path) -> list[str]:
        return command("package", f"package={old}", f"run={tmp_path}/{run}", f"to={to}", f"output_dir={tmp_path}/out")

    judge(old, "judged")
    assert write("judged", again) == [str(again)]
    after = folders.load_package(again)
    assert after.config["domain"]["module"] == {**before.config["domain"]["module"], "ema_decay": 0.5}
    assert after.config["domain"]["data"] == before.config["domain"]["data"]
    assert after.results == json.loads((tmp_path / "judged" / "results.json").read_text())
    assert after.results["run"]["command"].startswith(f"{before.results['run']['command']}; ")
    assert {n: x for n, x in after.parts.items() if n.endswith(".safetensors")}.items() <= before.parts.items()
    for run, found, settings, message in (
        ("other", again, [], f"wanted where python -m scripts.evaluate package={old} judged it"),
        ("data", old, ["domain.data.steps=9"], "judged with other data or another net, wanted those of the package"),
    ):
        judge(found, run, *settings)
        with pytest.raises(SystemExit, match=f"run: given {tmp_path}/{run}, {message}"):
            write(run, tmp_path / "not")


@pytest.fixture
def pointing(saved: Path) -> Callable[[bytes], Path]:  # noqa: F811
    """A toy's package with this ONNX file in it."""

    def made(data: bytes) -> Path:
        signed(saved, "curve.onnx", data)
        return saved

    return made


def outside(location: str) -> TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def model(location: str, where: str) -> bytes:
    """A model with a tensor that lies in that file."""
    tensor = outside(location)
    empty = helper.make_graph([], "empty", [], [])
    inner = helper.make_graph([], "inner", [], [], [tensor])
    node = helper.make_node("Constant", [], ["w"], value=tensor)
    node_of_graph = helper.make_node("If", ["c"], ["w"], then_branch=inner, else_branch=inner)
    made = helper.make_model({"initializer": inner}.get(where, empty))
    if where == "attribute":
        made.graph.node.append(node)
    elif where == "branch":
        made.graph.node.append(node_of_graph)
    elif where == "sparse":
        made.graph.sparse_initializer.add(values=tensor, dims=[1])
    elif where == "function":
        made.functions.append(helper.make_function("d", "f", [], ["w"], [node_of_graph], []))
    elif where == "training":
        made.training_info.add(algorithm=inner)
    elif where == "twice":
        entry = onnx.StringStringEntryProto(key="location", value="curve.safetensors").SerializeToString()
        entry += onnx.StringStringEntryProto(value=location).SerializeToString()  # the last one counts
        del tensor.external_data[:]
        tensor.external_data.append(onnx.StringStringEntryProto.FromString(entry))
        raw = TensorProto(name="w").SerializeToString() + b"\x6a" + bytes([len(entry)]) + entry
        graph = b"\x2a" + bytes([len(raw)]) + raw
        return made.SerializeToString() + b"\x3a" + bytes([len(graph)]) + graph
    return made.SerializeToString()


@pytest.mark.parametrize("where", ["initializer", "attribute", "branch", "sparse", "function", "training", "twice"])
@pytest.mark.parametrize("location", ["../../../etc/passwd", "/etc/passwd", "other.safetensors", ".", "sub/curve.bin"])
def test_a_graph_may_point_at_nothing_but_parts(where: str, location: str, pointing) -> None:  # type: ignore[no-untyped-def]
    onnx.ModelProto.FromString(model(location, where))  # a model it is
    assert location in set(places(model(location, where)))
    wanted = rf"curve\.onnx: given tensors that lie in {re.escape(location)}, wanted a part of the package"
    with pytest.raises(ValueError, match=wanted):
        package.load(pointing(model(location, where)), ALLOWED)
    package.load(pointing(model("curve.safetensors", where)), ALLOWED)


def test_a_file_name_that_is_no_text_is_one_clear_error(pointing) -> None:  # type: ignore[no-untyped-def]
    data = model("\xe9", "initializer").replace("\xe9".encode(), b"\xff\xff")
    with pytest.raises(ValueError, match=r"curve\.onnx: given a damaged part, wanted one that scripts\.package wrote"):
        package.load(pointing(data), ALLOWED)


def test_a_graph_within_graphs_without_end_is_one_clear_error(pointing) -> None:  # type: ignore[no-untyped-def]
    data = b""
    for _ in range(30_000):
        size, length = len(data), bytearray()
        while size > 127:
            length.append(size & 127 | 128)
            size >>= 7
        data = b"\x3a" + bytes([*length, size]) + data
    with pytest.raises(ValueError, match=r"curve\.onnx: given a damaged part, wanted one that .*more than 100 deep"):
        package.load(pointing(data), ALLOWED)


def test_a_package_with_graphs_is_whole_or_refused(tmp_path: Path) -> None:
    module, folder = both(), tmp_path / "package"
    run = {"uses": {"curve": []}}
    documents = {
        package.CONFIG: "{seed: 0, epochs: 1, domain: {module: {net: {}}, data: {}}}",
        package.RESULTS: json.dumps({"run": run, "figures": [], "plots": []}),
        package.CARD: "card",
    }
    save(folder, module=module, documents=documents, graphs=portable.files(module, package.weights(module)))
    assert {"curve.rank.onnx", "curve.apart.onnx"} < package.load(folder, ALLOWED).parts.keys()
    flip("curve.rank.onnx")(folder)
    with pytest.raises(
        ValueError, match=r"manifest\.json: given curve\.rank\.onnx with sha256 .*, wanted .*; it is damag"
    ):
        package.load(folder, ALLOWED)
    (folder / "curve.rank.onnx").unlink()
    with pytest.raises(ValueError, match=r"manifest\.json: given no file curve\.rank\.onnx, wanted the package whole"):
        package.load(folder, ALLOWED)
    with pytest.raises(ValueError, match=r"elsewhere\.onnx: given tensors that lie in \.\./x, wanted a part"):
        save(tmp_path / "evil", module=module, documents=documents, graphs={"elsewhere.onnx": model("../x", "sparse")})
    assert not (tmp_path / "evil").exists()
