"""Trained packages: programs as a folder that travels and runs no code of its own.

    manifest.json            format, code folder, learned program, config choices, the sha256 of every other part
    config.yaml              the run's config, from which its domain is made again
    results.json             what was measured of the run
    README.md                the model card
    <program>.safetensors    arrays; of a hand-written program also its plain values, as JSON in the header
    <learned>.onnx           what the net computes, its weights being in <learned>.safetensors; of several graphs,
                             <learned>.<graph>.onnx

The hashes detect damage, not malice: whoever changes a part can change its hash. Nothing is unpickled. A hand-written
program is made again only of dataclasses that stand in the domain's own files, and the config may name only the targets
that the caller allows; of it are taken the module and the data, never the referee or the goals. Arrays are taken as
they are, by kernels that do not check their bounds: manipulated ones can give any answer, or end the process. An ONNX
file may name no other files than the package's, and is not run here. `python -m scripts.package run=DIR` writes a
package.
"""

import hashlib
import json
import math
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import safetensors.torch
import yaml
from safetensors import SafetensorError

from common.frozen import WORD, Foreign, freeze, thaw
from common.module import Module
from common.portable import places
from common.program import Plot, Program

FORMAT = 1
MANIFEST, CONFIG, RESULTS, CARD = "manifest.json", "config.yaml", "results.json", "README.md"
LARGEST_BYTES = 8_000_000  # of the net, and of all hand-written programs together: packages are committed
GRAPH = ".onnx"  # how such a part's name ends
DAMAGE = (LookupError, TypeError, AttributeError, RecursionError, ValueError, yaml.YAMLError, SafetensorError)
PART = re.compile(r"\w[\w.-]*")
REFERENCE = re.compile(r"\$\{\w+(\.\w+)*\}")  # to another key; `${oc.env:HOME}` would call a resolver


@dataclass(frozen=True)
class Package:
    """A package in memory, every part checked against the manifest.

    Args:
        folder: where it came from, for messages.
        code: the folder of this repository that holds its programs' classes.
        learned: the learned program's name.
        choices: {config group: choice} of the run.
        config: the run's domain, as its config composed it, with seed and epochs; names only allowed targets.
        results: what was measured of the run.
        parts: {file name: bytes}, without the manifest.
    """

    folder: Path
    code: str
    learned: str
    choices: Mapping[str, str]
    config: Mapping[str, Any]
    results: Mapping[str, Any]
    parts: Mapping[str, bytes]

    def fill(self, module: Module) -> None:
        """Gives the module the package's averaged net, in both its places, and its buffers.

        Raises:
            ValueError: they are another architecture's.
        """
        name = f"{self.learned}.safetensors"
        with _damage(self.folder / name):
            state = safetensors.torch.load(self.parts[name])
        ours = "averaged.module."
        state |= {f"net.{key.removeprefix(ours)}": value for key, value in state.items() if key.startswith(ours)}
        try:
            module.load_state_dict(state)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{self.folder / name}: given another net's weights, wanted {module.name}'s: {reason}"
            ) from None

    def baselines(self) -> dict[str, Program]:
        """The hand-written programs, ready to answer, in the order of the table."""
        return {name: self._program(name) for name in self.results["run"]["uses"] if name != self.learned}

    def _program(self, name: str) -> Program:
        file = f"{name}.safetensors"
        with _damage(self.folder / file):
            data = self.parts[file]
            length = int.from_bytes(data[:8], "little")  # of the JSON header that such a file begins with
            tree = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["program"])
            return thaw(tree, safetensors.numpy.load(data), self.code)

    def spent(self, name: str) -> tuple[float, float]:
        """CPU-seconds, not a number where they were not known, and wall seconds of training or building the program."""
        with _damage(self.folder / RESULTS):
            found = {f["metric"]: float(f["value"]) for f in self.results["figures"] if f["program"] == name}
            return found.get("build_cpu_s", math.nan), found["build_wall_s"]


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Whatever a part of the wrong form makes the parsers say becomes one ValueError with the part's name."""
    try:
        yield
    except Foreign as error:
        raise ValueError(f"{path}: {error}") from None
    except DAMAGE as error:
        reason = " ".join(repr(error).split())[:200]
        raise ValueError(f"{path}: given a damaged part, wanted one that scripts.package wrote ({reason})") from None


def weights(module: Module) -> bytes:
    """The learned program's part: the averaged net and the module's buffers."""
    state = {k: v.contiguous() for k, v in module.state_dict().items() if not k.startswith("net.")}
    return safetensors.torch.save(state)


def save(
    folder: Path,
    *,
    code: str,
    choices: Mapping[str, str],
    module: Module,
    baselines: Mapping[str, Program],
    documents: Mapping[str, str],
    graphs: Mapping[str, bytes],
    allowed: Collection[str],
) -> None:
    """Writes a package, whole or not at all, and reads it back before it bears its name.

    Args:
        folder: new, or empty.
        documents: the texts of config.yaml, results.json and README.md.
        graphs: {file name: ONNX}, as scripts.portable makes them of the module and of `weights(module)`.
        allowed: the targets that its config may name.

    Raises:
        ValueError: the folder holds something, a program is too large, or made of what does not travel.
    """
    parts = {f"{module.name}.safetensors": weights(module)}
    for name, program in baselines.items():
        arrays: dict[str, np.ndarray] = {}
        header = {"program": json.dumps(freeze(program, name, arrays))}
        parts[f"{name}.safetensors"] = safetensors.numpy.save(arrays, header)
    net, *others = (len(data) for data in parts.values())
    for what, size in ((module.name, net), ("the baselines", sum(others))):
        if size > LARGEST_BYTES:
            raise ValueError(f"package: given {what} of {size:,} bytes, wanted at most {LARGEST_BYTES:,}")
    parts |= {name: text.encode() for name, text in documents.items()}
    _write(folder, {**parts, **graphs}, allowed, code=code, learned=module.name, choices=dict(choices))


def renew(found: Package, folder: Path, changed: Mapping[str, bytes], allowed: Collection[str]) -> None:
    """Writes a package again, with these graphs, and documents if any, in the place of its own; else it stays as it is.

    Raises:
        ValueError: as `save`.
    """
    parts = {name: data for name, data in found.parts.items() if not name.endswith(GRAPH)}
    _write(folder, {**parts, **changed}, allowed, code=found.code, learned=found.learned, choices=dict(found.choices))


def _write(folder: Path, parts: Mapping[str, bytes], allowed: Collection[str], **about: Any) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"to: given {folder}, which holds files, wanted a new folder")
    manifest = {"format": FORMAT, **about, "parts": {name: hashlib.sha256(x).hexdigest() for name, x in parts.items()}}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        whole = Path(scratch, folder.name)
        whole.mkdir()
        for name, data in parts.items():
            (whole / name).write_bytes(data)
        (whole / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        load(whole, allowed).baselines()
        if folder.exists():
            folder.rmdir()
        whole.rename(folder)


def load(folder: Path, allowed: Collection[str]) -> Package:
    """Reads a package and checks that it is whole, and names nothing that it may not.

    Args:
        allowed: the targets that its config may name; the first part of each is a folder whose dataclasses may be made.

    Raises:
        ValueError: no package there, one of a newer format, a part that is missing, was changed or is not allowed.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ValueError(f"package: given {folder}, wanted the folder of a package (no {path})")
    with _damage(path):
        manifest = json.loads(_limited(path))
        if manifest["format"] != FORMAT:
            raise Foreign(f"given format {manifest['format']}, wanted {FORMAT}; update this repository to read it")
        code, learned = (_word(manifest[key]) for key in ("code", "learned"))
        choices = {str(group): _word(choice) for group, choice in manifest["choices"].items()}
        if code not in {target.partition(".")[0] for target in allowed} - {"common"}:
            raise Foreign(f"given the code of {code}, wanted a folder that configs/ name")
        parts = {name: _part(folder, name, str(sha256)) for name, sha256 in manifest["parts"].items()}
        for name in (CONFIG, RESULTS, f"{learned}.safetensors"):
            if name not in parts:
                raise Foreign(f"given no part {name}, wanted one")
    with _damage(folder / CONFIG):
        config = dict(yaml.load(parts[CONFIG], NoAliases))
        for target in targets(config):
            if not isinstance(target, str) or target not in allowed:
                raise Foreign(f"given _target_ {target}, wanted one that configs/ name for a domain")
        int(config["seed"]), int(config["epochs"]), config["domain"]["data"], config["domain"]["module"]["net"]
    with _damage(folder / RESULTS):
        results = json.loads(parts[RESULTS])
        dict(results["run"]["uses"]), [Plot(**plot) for plot in results["plots"]]
        if not all(f"{_word(name)}.safetensors" in parts for name in results["run"]["uses"]):
            raise Foreign("given programs that the package has not, wanted its own")
    for name in filter(lambda name: name.endswith(GRAPH), parts):
        with _damage(folder / name):
            if beside := set(places(parts[name])) - parts.keys():
                raise Foreign(f"given tensors that lie in {min(beside)}, wanted a part of the package")
    return Package(folder, code, learned, choices, config, results, parts)


class NoAliases(yaml.SafeLoader):
    """A few bytes of aliases can stand for more than memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def targets(node: Any) -> Iterator[Any]:
    """Every `_target_` in a config.

    Raises:
        ValueError: a string in it would call a resolver, or there is something else than YAML's plain kinds in it, such
            as the tuples of `!!pairs`, in which a target would hide.
    """
    if isinstance(node, dict):
        if "_target_" in node:
            yield node["_target_"]
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from targets(value)
    elif isinstance(node, str) and "${" in node and not REFERENCE.fullmatch(node):
        raise Foreign(f"given {node}, wanted a value or a reference to another key")
    elif node is not None and not isinstance(node, str | int | float):
        raise Foreign(f"given {node!r}, wanted a mapping, a list, a string or a number")


def _word(value: Any) -> str:
    if not (isinstance(value, str) and WORD.fullmatch(value)):
        raise Foreign(f"given {value!r}, wanted a name of letters, digits and _")
    return value


def _part(folder: Path, name: str, wanted: str) -> bytes:
    path = folder / name
    if not PART.fullmatch(name):
        raise Foreign(f"given a part {name!r}, wanted a plain file name")
    if not path.is_file():
        raise Foreign(f"given no file {name}, wanted the package whole")
    data = _limited(path)
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise Foreign(f"given {name} with sha256 {found[:16]}…, wanted {wanted[:16]}…; it is damaged or was changed")
    return data


def _limited(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_BYTES + 100_000:
        raise Foreign(f"given {path.name} of {path.stat().st_size:,} bytes, wanted about {LARGEST_BYTES:,} at most")
    return path.read_bytes()
