"""Files come from the first source that has them, whole and of the right content, or not at all."""

import gzip
import hashlib
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from common import cache_folder, fetch
from common.fetch import DebianPackage, File, Folder

CONTENT = b"the data" * 1000
GOOD = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Served:
    """A source that hands out given bytes and counts how often it is asked."""

    content: bytes
    name: str = "data.gz"
    asked: list = field(default_factory=list)

    def describe(self) -> str:
        return "a server"

    def get(self, folder: Path) -> Path:
        self.asked.append(folder)
        (folder / self.name).write_bytes(self.content)
        return folder / self.name


def test_decompresses_checks_and_then_serves_from_the_cache(tmp_path: Path) -> None:
    source = Served(gzip.compress(CONTENT))
    file = File("set/data", GOOD, (Folder("/nowhere/data.gz"), source))
    for _ in range(2):
        assert fetch.fetch(file, cache=tmp_path).read_bytes() == CONTENT
    assert len(source.asked) == 1
    assert [p.name for p in (tmp_path / "set").iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(CONTENT)[:-4], "data.gz is damaged"),
        (gzip.compress(b"other"), "has sha256 .*, wanted"),
        (b"<html>not found</html>", "data.gz is damaged"),
        (gzip.compress(CONTENT)[:12] + b"\xff" * 8 + gzip.compress(CONTENT)[20:], "data.gz is damaged"),
    ],
    ids=["cut short", "of another file", "a page that says no", "overwritten"],  # not by content: gzip's holds the time
)
def test_a_broken_download_is_refused_and_leaves_nothing(content: bytes, reason: str, tmp_path: Path) -> None:
    file = File("set/data", GOOD, (Served(content),))
    with pytest.raises(ValueError, match=f"set/data: given no source that has it, wanted one of: a server: .*{reason}"):
        fetch.fetch(file, cache=tmp_path)
    assert list((tmp_path / "set").iterdir()) == []


def test_a_later_source_stands_in_for_a_broken_one(tmp_path: Path) -> None:
    file = File("data", GOOD, (Served(b"junk"), Served(CONTENT, name="data.bin")))
    assert fetch.fetch(file, cache=tmp_path).read_bytes() == CONTENT


def test_a_tampered_cache_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(CONTENT[:-1])
    with pytest.raises(ValueError, match=r"data: given sha256 .*wanted .*truncated or was changed: delete it"):
        fetch.fetch(File("data", GOOD, (Served(CONTENT),)), cache=tmp_path)
    assert (tmp_path / "data").read_bytes() == CONTENT[:-1]


def test_every_source_says_why_it_had_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    file = File("data", GOOD, (Folder("/nowhere/data"), DebianPackage("data", "usr/data")))
    with pytest.raises(ValueError, match=r"/nowhere/data: no such file.*Debian package data: apt-get and dpkg are"):
        fetch.fetch(file, cache=tmp_path)


def test_a_failing_command_gives_its_last_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(command: list, **_: object) -> subprocess.CompletedProcess:
        return subprocess.CompletedProcess(command, 100, "", "W: slow\nE: Unable to locate package data\n")

    monkeypatch.setattr("subprocess.run", fail)
    monkeypatch.setattr("shutil.which", lambda name: name)
    with pytest.raises(ValueError, match="apt-get update failed: E: Unable to locate package data"):
        fetch.fetch(File("data", GOOD, (DebianPackage("data", "usr/data"),)), cache=tmp_path)


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("SOFTWARE2_CACHE", raising=False)
    assert cache_folder() == tmp_path / "software2"
    monkeypatch.setenv("SOFTWARE2_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"


def test_what_was_fetched_is_of_the_domain_that_was_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "FETCHED", fetch.FETCHED)
    monkeypatch.setattr(fetch, "_fetched_by", {})
    for code in ("boards", "voices"):
        fetch.note_for(code)
        fetch.fetch(File(code, GOOD, (Served(CONTENT, name="data.bin"),)), cache=tmp_path)
        assert list(fetch.FETCHED.items()) == [(code, GOOD)]
    fetch.note_for("boards")
    assert fetch.FETCHED == {"boards": GOOD}, "though it is not read a second time"
