"""Trained packages: programs as a folder that travels, and that nobody need trust.

    manifest.json            format, domain, learned program, config choices, the sha256 of every other part
    config.yaml              the run's config, from which its domain is made again
    results.json             what was measured of the run
    README.md                the model card
    <program>.safetensors    arrays; of a hand-written program also its plain values, as JSON in the header

Nothing is unpickled. A hand-written program is made again only of dataclasses that stand in the domain's own files, and
the config may name only the targets that the caller allows. `python -m scripts.package run=DIR` writes one.
"""

import hashlib
import importlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import yaml

from common.module import Module
from common.program import Program
from common.source import ROOT

FORMAT = 1
MANIFEST, CONFIG, RESULTS, CARD = "manifest.json", "config.yaml", "results.json", "README.md"
LARGEST_BYTES = 8_000_000  # of the net, and of all hand-written programs together: packages are committed
PART = re.compile(r"\w[\w.-]*")
REFERENCE = re.compile(r"\$\{\w+(\.\w+)*\}")  # to another key; `${oc.env:HOME}` would call a resolver


@dataclass(frozen=True)
class Package:
    """A package in memory, every part checked against the manifest.

    Args:
        folder: where it came from, for messages.
        domain: the folder of this repository that holds its programs.
        learned: the learned program's name.
        choices: {config group: choice} of the run.
        parts: {file name: bytes}, without the manifest.
    """

    folder: Path
    domain: str
    learned: str
    choices: Mapping[str, str]
    parts: Mapping[str, bytes]

    def config(self, allowed: Collection[str]) -> dict[str, Any]:
        """The run's config.

        Raises:
            ValueError: it names a `_target_` that is not `allowed`, or calls a resolver.
        """
        config = yaml.safe_load(self.parts[CONFIG])
        _check_config(config, allowed, self.folder / CONFIG)
        return config

    def results(self) -> dict[str, Any]:
        return json.loads(self.parts[RESULTS])

    def fill(self, module: Module) -> None:
        """Gives the module the package's averaged net, in both its places, and its buffers.

        Raises:
            ValueError: they are another architecture's.
        """
        name = f"{self.learned}.safetensors"
        state = self._arrays(name, safetensors.torch.load)
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
        return {name: self._program(name) for name in self.results()["run"]["uses"] if name != self.learned}

    def _program(self, name: str) -> Program:
        file = f"{name}.safetensors"
        arrays = self._arrays(file, safetensors.numpy.load)
        data = self.parts[file]
        length = int.from_bytes(data[:8], "little")  # of the JSON header that such a file begins with
        header = json.loads(data[8 : 8 + length])
        try:
            return thaw(json.loads(header["__metadata__"]["program"]), arrays, self.domain)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{self.folder / file}: {error}") from None

    def _arrays(self, file: str, read: Callable[[bytes], dict[str, Any]]) -> dict[str, Any]:
        try:
            return read(self.parts[file])
        except (KeyError, safetensors.SafetensorError) as error:
            raise ValueError(f"{self.folder / file}: given a damaged file, wanted safetensors ({error})") from None


def save(
    folder: Path,
    *,
    domain: str,
    choices: Mapping[str, str],
    module: Module,
    baselines: Mapping[str, Program],
    documents: Mapping[str, str],
) -> None:
    """Writes a package, whole or not at all.

    Args:
        folder: new, or empty.
        documents: the texts of config.yaml, results.json and README.md.

    Raises:
        ValueError: the folder holds something, a program is too large, or made of what does not travel.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"to: given {folder}, which holds files, wanted a new folder")
    state = {k: v.contiguous() for k, v in module.state_dict().items() if not k.startswith("net.")}
    parts = {f"{module.name}.safetensors": safetensors.torch.save(state)}
    for name, program in baselines.items():
        arrays: dict[str, np.ndarray] = {}
        header = {"program": json.dumps(freeze(program, name, arrays))}
        parts[f"{name}.safetensors"] = safetensors.numpy.save(arrays, header)
    sizes = {name: len(data) for name, data in parts.items()}
    net = sizes.pop(f"{module.name}.safetensors")
    for what, size in ((module.name, net), ("the baselines", sum(sizes.values()))):
        if size > LARGEST_BYTES:
            raise ValueError(f"package: given {what} of {size:,} bytes, wanted at most {LARGEST_BYTES:,}")
    parts |= {name: text.encode() for name, text in documents.items()}
    manifest = {
        "format": FORMAT,
        "domain": domain,
        "learned": module.name,
        "choices": dict(choices),
        "parts": {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        whole = Path(scratch, folder.name)
        whole.mkdir()
        for name, data in parts.items():
            (whole / name).write_bytes(data)
        (whole / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        if folder.exists():
            folder.rmdir()
        shutil.move(whole, folder)


def load(folder: Path) -> Package:
    """Reads a package and checks that it is whole.

    Raises:
        ValueError: no package there, one of a newer format, a part that is missing or was changed.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
        given = manifest["format"]
        if given == FORMAT:
            wanted = dict(manifest["parts"])
            domain, learned, choices = str(manifest["domain"]), str(manifest["learned"]), dict(manifest["choices"])
    except OSError:
        raise ValueError(f"package: given {folder}, wanted the folder of a package (no {path})") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: given a damaged manifest, wanted one that scripts.package wrote ({error!r})"
        ) from None
    if given != FORMAT:
        raise ValueError(f"{path}: given format {given}, wanted {FORMAT}; update this repository to read it")
    parts = {name: _part(folder, name, sha256) for name, sha256 in wanted.items()}
    for name in (CONFIG, RESULTS, f"{learned}.safetensors"):
        if name not in parts:
            raise ValueError(f"{path}: given no part {name}, wanted one")
    return Package(folder, domain, learned, choices, parts)


def _part(folder: Path, name: str, wanted: str) -> bytes:
    path = folder / name
    if not PART.fullmatch(name):
        raise ValueError(f"{folder / MANIFEST}: given a part {name!r}, wanted a plain file name")
    if not path.is_file():
        raise ValueError(f"{path}: given no such file, wanted the package whole")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise ValueError(f"{path}: given sha256 {found[:16]}…, wanted {wanted[:16]}…; it is damaged or was changed")
    return data


def _check_config(node: Any, allowed: Collection[str], path: Path) -> None:
    if isinstance(node, dict):
        target = node.get("_target_")
        if target is not None and (not isinstance(target, str) or target not in allowed):
            raise ValueError(f"{path}: given _target_ {target}, wanted one that configs/ names")
        for value in node.values():
            _check_config(value, allowed, path)
    elif isinstance(node, list):
        for value in node:
            _check_config(value, allowed, path)
    elif isinstance(node, str) and "${" in node and not REFERENCE.fullmatch(node):
        raise ValueError(f"{path}: given {node}, wanted a value or a reference to another key")


def freeze(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """`value` as JSON, its arrays moved into `arrays`.

    Raises:
        ValueError: it is not made of arrays, plain values, lists, tuples, dicts and dataclasses.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        arrays[name] = np.ascontiguousarray(value)
        return {"array": name}
    if is_dataclass(value) and not isinstance(value, type):
        inside = {f.name: freeze(getattr(value, f.name), f"{name}.{f.name}", arrays) for f in fields(value) if f.init}
        return {"dataclass": f"{type(value).__module__}.{type(value).__qualname__}", "fields": inside}
    if type(value) in (list, tuple):
        inside_list = [freeze(item, f"{name}.{i}", arrays) for i, item in enumerate(value)]
        return {type(value).__name__: inside_list}
    if type(value) is dict:
        return {"dict": {str(key): freeze(item, f"{name}.{key}", arrays) for key, item in value.items()}}
    raise ValueError(f"package: given a {type(value).__name__} as {name}, wanted arrays, plain values or dataclasses")


def thaw(tree: Any, arrays: Mapping[str, np.ndarray], domain: str) -> Any:
    """What `freeze` took apart.

    Raises:
        ValueError: a class that is no dataclass in a file of the folder `domain`, or that has other fields.
    """
    if not isinstance(tree, dict):
        return tree
    if "dataclass" in tree:
        cls = _dataclass(tree["dataclass"], domain)
        try:
            return cls(**{name: thaw(item, arrays, domain) for name, item in tree["fields"].items()})
        except (TypeError, KeyError) as error:
            raise ValueError(f"given fields that {tree['dataclass']} has not, wanted its own ({error})") from None
    ((kind, inside),) = tree.items()
    if kind == "array":
        return arrays[inside]
    if kind == "dict":
        return {key: thaw(item, arrays, domain) for key, item in inside.items()}
    return {"list": list, "tuple": tuple}[kind](thaw(item, arrays, domain) for item in inside)


def _dataclass(target: str, domain: str) -> type:
    folder, _, rest = target.partition(".")
    module, _, name = rest.partition(".")
    found = None
    if folder == domain and module.isidentifier() and (ROOT / domain / f"{module}.py").is_file():
        found = vars(importlib.import_module(f"{domain}.{module}")).get(name)
    if not (isinstance(found, type) and is_dataclass(found) and found.__module__ == f"{domain}.{module}"):
        raise ValueError(f"given the class {target}, wanted a dataclass of {domain}/")
    return found
