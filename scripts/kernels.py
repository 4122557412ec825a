"""Numba's caches, kept honest.

Numba compiles a cached kernel anew when the kernel's own file has changed, and does not see that a file has changed
from which the kernel takes functions, constants or types: it then runs old code, or fails to load it.
"""

import contextlib
import hashlib
from pathlib import Path

from common.source import ROOT

STAMP = "kernels.sha256"


def forget_stale(root: Path = ROOT) -> None:
    """Deletes the compiled kernels of every folder whose sources are not those that they were compiled from."""
    for cache in root.glob("*/__pycache__"):
        sources = hashlib.sha256()
        for path in sorted(cache.parent.glob("*.py")):
            sources.update(path.read_bytes())
        stamp, now = cache / STAMP, sources.hexdigest()
        if stamp.is_file() and stamp.read_text() == now:
            continue
        with contextlib.suppress(OSError):  # not ours to write; numba then keeps its cache elsewhere
            for kernel in cache.glob("*.nb?"):
                kernel.unlink(missing_ok=True)
            stamp.write_text(now)
