"""One key, asked of all indexes: `python -m scripts.predict domain=databases input=8.8.8.8`."""

from collections.abc import Iterator, Mapping
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

import numpy as np

from common.program import Program
from databases.table import LARGEST

SHOWN = 2  # keys on each side


def predict(programs: Mapping[str, Program], given: str, folder: Path) -> Iterator[str]:
    """Where each says that the key stands, and its neighbours in the table."""
    key = np.array([read_key(given)], np.uint64)
    for name, program in programs.items():
        (rank,) = program(key)
        yield f"{name}: {rank:,} keys are below"
    keys = next(iter(programs.values())).table.keys  # type: ignore[attr-defined]
    near = range(max(0, rank - SHOWN), min(len(keys), rank + SHOWN + 1))
    yield f"of {len(keys):,}: " + ", ".join(f"[{i:,}] {keys[i]}" for i in near)


def read_key(given: str) -> int:
    """A whole number, or an IPv4 address, which is one.

    Raises:
        ValueError: neither, or too large.
    """
    try:
        key = int(IPv4Address(given)) if given.count(".") == 3 else int(given)
    except (AddressValueError, ValueError):
        raise ValueError(f"input: given {given!r}, wanted a whole number or an IPv4 address") from None
    if not 0 <= key <= LARGEST:
        raise ValueError(f"input: given {given}, wanted 0 to 2**64 - 1")
    return key
