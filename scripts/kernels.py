"""Numba's caches, kept honest.

Numba compiles a cached kernel anew when the kernel's own file has changed, and does not see that a file has changed
from which the kernel takes functions, constants or types: it then runs old code, or fails to load it. Ours take them
from their own top folder. (Where NUMBA_CACHE_DIR is set, its caches are its setter's.)
"""

import contextlib
import hashlib
from pathlib import Path

from common.source import ROOT

STAMP = "kernels.sha256"


def forget_stale(root: Path = ROOT) -> None:
    """Deletes the compiled kernels of every top folder whose sources are not those that they were compiled from."""
    for package in root.glob("*/__init__.py"):
        cache, sources = package.parent / "__pycache__", hashlib.sha256()
        for path in sorted(package.parent.rglob("*.py")):
            sources.update(path.read_bytes())
        stamp, now = cache / STAMP, sources.hexdigest()
        if stamp.is_file() and stamp.read_text() == now:
            continue
        with contextlib.suppress(OSError):  # not ours to write; numba then keeps its cache elsewhere
            cache.mkdir(exist_ok=True)
            for kernel in package.parent.rglob("__pycache__/*.nb?"):
                kernel.unlink(missing_ok=True)
            stamp.write_text(now)
