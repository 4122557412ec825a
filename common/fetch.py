"""Named files from elsewhere: found, checked by content, kept in a cache outside the repository.

A file is a row: its name, the sha256 of its (decompressed) bytes, and the sources to try in order. A domain adds rows;
a new kind of source is a class with `describe` and `get`.
"""

import atexit
import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from common import cache_folder

console = Console(stderr=True)
FETCHED: dict[str, str] = {}  # {name: sha256} of all that was used by whom `note_for` names: what a result rests on
_fetched_by: dict[str, dict[str, str]] = {}


@runtime_checkable
class Source(Protocol):
    """One place a file may come from."""

    def describe(self) -> str:
        """For people: where it looks."""
        ...

    def get(self, folder: Path) -> Path:
        """The file, perhaps downloaded into the empty `folder`. OSError where it cannot be had."""
        ...


@dataclass(frozen=True)
class File:
    """A named file, `sha256` being that of its bytes after decompression."""

    name: str
    sha256: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Folder:
    """A file that a system package or the user has put in place."""

    path: str

    def describe(self) -> str:
        return self.path

    def get(self, folder: Path) -> Path:
        path = Path(self.path)
        if not path.is_file():
            raise FileNotFoundError(f"no such file: {path}")
        return path


@dataclass(frozen=True)
class DebianPackage:
    """A file inside a Debian package, downloaded and unpacked without root and without installing anything."""

    package: str
    path: str

    def describe(self) -> str:
        return f"Debian package {self.package}"

    def get(self, folder: Path) -> Path:
        if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
            raise FileNotFoundError("apt-get and dpkg are only on Debian and Ubuntu")
        deb = _debian_package(self.package)
        _command(["dpkg", "-x", str(deb), str(folder)])
        return folder / self.path


def note_for(user: str) -> None:
    """Has FETCHED be what this user uses from now on, and has fetched before: it may not read that a second time.

    Args:
        user: a folder of code.
    """
    global FETCHED
    FETCHED = _fetched_by.setdefault(user, {})


def fetch(file: File, *, cache: Path | None = None) -> Path:
    """The path of `file` in the cache, its content checked; got from the first source that has it.

    Raises:
        ValueError: a cached file has other content than wanted (it is left alone), or no source had the file;
            the message lists what each source said.
    """
    target = (cache or cache_folder()) / file.name
    if target.exists():
        found = sha256(target)
        if found != file.sha256:
            raise ValueError(
                f"{target}: given sha256 {found[:16]}…, wanted {file.sha256[:16]}…; "
                "the file is truncated or was changed: delete it and run again"
            )
        FETCHED[file.name] = file.sha256
        return target
    said = []
    for source in file.sources:
        with tempfile.TemporaryDirectory(prefix="software2-") as folder:
            try:
                _install(source.get(Path(folder)), target, file.sha256)
            except OSError as error:
                said.append(f"{source.describe()}: {error}")
            else:
                FETCHED[file.name] = file.sha256
                console.print(f"{file.name}: from {source.describe()} into {target.parent}")
                return target
    raise ValueError(f"{file.name}: given no source that has it, wanted one of: " + "; ".join(said))


def sha256(path: Path) -> str:
    """Of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _install(source: Path, target: Path, wanted: str) -> None:
    """Decompresses beside the target, checks, renames: a broken copy never bears the target's name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as out, _open(source) as file:
            try:
                shutil.copyfileobj(file, out)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise OSError(f"{source.name} is damaged: {error}") from error
        found = sha256(part)
        if found != wanted:
            raise OSError(f"{source.name} has sha256 {found[:16]}…, wanted {wanted[:16]}…")
        part.chmod(0o644)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _open(path: Path):  # type: ignore[no-untyped-def]  # gzip and plain files share no public type
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


@lru_cache
def _debian_package(package: str) -> Path:
    """The .deb, downloaded once a process however many of its files are wanted."""
    root = Path(tempfile.mkdtemp(prefix="software2-apt-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    (root / "lists").mkdir()
    (root / "archives" / "partial").mkdir(parents=True)
    # Package lists and caches of our own: works as any user, and where the system's lists are empty.
    apt = ["apt-get", "-qq", "-o", f"Dir::State::Lists={root}/lists", "-o", f"Dir::Cache={root}"]
    apt += ["-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="]
    with console.status(f"reading Debian's package lists for {package}"):
        _command([*apt, "update"])
    size = _command([*apt, "--print-uris", "download", package], cwd=root).split()
    with _progress(f"downloading {package}", int(size[2]) if len(size) > 2 else None, root):
        _command([*apt, "download", package], cwd=root)
    found = list(root.glob(f"{package}_*.deb"))
    if not found:
        raise FileNotFoundError(f"apt-get downloaded no {package}_*.deb")
    return found[0]


def _command(command: list[str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise OSError(f"{command[0]} {command[-1]} failed: {last}")
    return done.stdout


@contextmanager
def _progress(title: str, total: int | None, folder: Path) -> Iterator[None]:
    """A bar that follows how much lies in `folder`."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    done = threading.Event()
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=total)
        before = _bytes(folder)

        def follow() -> None:
            while not done.wait(0.2):
                bar.update(task, completed=_bytes(folder) - before)

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            bar.update(task, completed=_bytes(folder) - before)


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # renamed by the downloader between listing and looking
            continue
    return total
