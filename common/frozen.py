"""A hand-written program as JSON and named arrays, and back, nothing pickled; common.package writes them to a file."""

import importlib
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from common.source import ROOT

WORD = re.compile(r"[A-Za-z0-9_]+")


class Foreign(ValueError):
    """What was read is well formed, and names what it may not."""


def freeze(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """`value` as JSON, its arrays moved into `arrays`.

    Raises:
        ValueError: it is not made of arrays, plain values, lists, tuples, dicts and dataclasses.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        key = f"{len(arrays)}.{name}"
        arrays[key] = np.asarray(value, order="C")
        return {"array": key}
    if is_dataclass(value) and not isinstance(value, type):
        inside = {f.name: freeze(getattr(value, f.name), f"{name}.{f.name}", arrays) for f in fields(value) if f.init}
        return {"dataclass": f"{type(value).__module__}.{type(value).__qualname__}", "fields": inside}
    if type(value) in (list, tuple):
        inside_list = [freeze(item, f"{name}.{i}", arrays) for i, item in enumerate(value)]
        return {type(value).__name__: inside_list}
    if type(value) is dict and all(isinstance(key, str) for key in value):
        return {"dict": {key: freeze(item, f"{name}.{key}", arrays) for key, item in value.items()}}
    raise ValueError(f"package: given a {type(value).__name__} as {name}, wanted arrays, plain values or dataclasses")


def thaw(tree: Any, arrays: Mapping[str, np.ndarray], code: str) -> Any:
    """What `freeze` took apart.

    Raises:
        ValueError: a class that is no dataclass in a file of the folder `code`, or that has other fields.
    """
    if not isinstance(tree, dict):
        return tree
    if "dataclass" in tree:
        cls = _dataclass(tree["dataclass"], code)
        try:
            return cls(**{name: thaw(item, arrays, code) for name, item in tree["fields"].items()})
        except TypeError as error:
            raise Foreign(f"given fields that {tree['dataclass']} has not, wanted its own ({error})") from None
    ((kind, inside),) = tree.items()
    if kind == "array":
        return arrays[inside]
    if kind == "dict":
        return {key: thaw(item, arrays, code) for key, item in inside.items()}
    return {"list": list, "tuple": tuple}[kind](thaw(item, arrays, code) for item in inside)


def _dataclass(target: str, code: str) -> type:
    module, _, name = target.rpartition(".")
    folder, *inside = module.split(".")
    found = None
    words = all(WORD.fullmatch(part) for part in inside)
    if folder == code and inside and words and ROOT.joinpath(code, *inside).with_suffix(".py").is_file():
        found = vars(importlib.import_module(module)).get(name)
    if not (isinstance(found, type) and is_dataclass(found) and found.__module__ == module):
        raise Foreign(f"given the class {target}, wanted a dataclass of {code}/")
    return found
