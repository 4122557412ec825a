"""How much of a program is our own source: the lines that run while it answers, and the libraries it leans on."""

import dis
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

from common.program import Program

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Source:
    """`lines`: distinct lines of this repository that ran. `libraries`: third-party packages that they name. `codes`:
    the functions that they stand in."""

    lines: int
    libraries: tuple[str, ...]
    codes: tuple[CodeType, ...]


def own_source(program: Program, problems: Any) -> Source:
    """Traces one call, and the threads that it starts.

    A compiled numba kernel shows no lines: all of its source counts, and what it calls, by its name or as its module's.
    Where compiled code is written by other functions (overloads, intrinsics), they stand in an attribute `written_as`
    of what the kernel calls.
    """
    ran: set[tuple[str, int]] = set()
    codes: dict[CodeType, dict[str, Any]] = {}

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if not _ours(frame.f_code):
            return None
        if event == "line":
            ran.add((frame.f_code.co_filename, frame.f_lineno))
            codes[frame.f_code] = frame.f_globals
        return trace

    before, before_in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(trace)
    threading.settrace(trace)
    try:
        program(problems)
    finally:
        sys.settrace(before)
        threading.settrace(before_in_threads)
    libraries: set[str] = set()
    queue = list(codes.items())
    seen = set(codes)
    while queue:
        code, names = queue.pop()
        for value in _named(code, names):
            for part in (getattr(value, "py_func", None), *getattr(value, "written_as", ())):
                if part is not None and _ours(part.__code__) and part.__code__ not in seen:
                    seen.add(part.__code__)
                    queue.append((part.__code__, part.__globals__))
                    ran |= {(part.__code__.co_filename, n) for n in _lines(part.__code__)}
                    libraries.add("numba")
            libraries.add(_library(value))
    return Source(len(ran), tuple(sorted(libraries - {""})), tuple(seen))


def _named(code: CodeType, names: dict[str, Any]) -> Iterator[Any]:
    """What a function and those that stand in it name of its module's names, and of the modules among these."""
    before: Any = None
    for instruction in dis.get_instructions(code):
        value = None
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            value = names.get(instruction.argval)
        elif instruction.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(before, ModuleType):
            value = getattr(before, instruction.argval, None)
        if value is not None:
            yield value
        before = value
    for inner in _within(code):
        yield from _named(inner, names)


def _lines(code: CodeType) -> Iterator[int]:
    """Of a function and of those that stand in it."""
    yield from (n for _, n in dis.findlinestarts(code) if n)
    for inner in _within(code):
        yield from _lines(inner)


def _within(code: CodeType) -> Iterator[CodeType]:
    return (part for part in code.co_consts if isinstance(part, CodeType))


def _ours(code: CodeType) -> bool:
    path = Path(code.co_filename)
    return path.is_relative_to(ROOT) and "site-packages" not in path.parts


def _library(value: Any) -> str:
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or ""
    root = str(name).split(".")[0]
    module = sys.modules.get(root)
    return root if module and "site-packages" in str(getattr(module, "__file__", "")) else ""
