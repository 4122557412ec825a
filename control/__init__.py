"""Board games: a net that learned by self-play alone, beside players written by hand."""

from contextlib import suppress
from pathlib import Path

# numba files what it compiled by the function's own file, but inlines what other files of this folder hold: what is
# older than any of them may be of yesterday's rules.
_newest = max(path.stat().st_mtime for path in Path(__file__).parent.glob("*.py"))
for _compiled in Path(__file__).parent.glob("__pycache__/*.nb[ic]"):
    with suppress(OSError):  # another process was faster, or nothing can be written here
        if _compiled.stat().st_mtime < _newest:
            _compiled.unlink()
