"""The recordings: telephone prompts, spoken by a professional voice at 16 kHz, with what she says.

Debian's `asterisk-core-sounds-en-g722` (Allison Smith, CC-BY-SA 3.0): 550 prompts, 24 minutes; and another voice in
another language, June's French, to see what becomes of one that was not trained on. Where a prompt shares four words in
a row with another, both are of the same part; shorter phrases are heard in training and in the test.
"""

import http.client
import io
import re
import tarfile
import urllib.request
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import av
import numpy as np

from common.fetch import DebianPackage, File, Folder, Source, fetch
from speech.signal import SAMPLE_RATE_HZ

Split = Literal["train", "val", "test"]
UPSTREAM = "https://downloads.asterisk.org/pub/telephony/sounds/releases"
VERSION = "1.6.1"
SPLIT_SEED = 2016  # the year of WaveNet; fixes the parts, whatever seed a run has
HELD_OUT_S = (1.5, 8.0)  # their length
HELD_OUT_WORDS = 4  # at least
LARGEST_CLUSTER = 3  # prompts that share phrases and may be held out together; larger clusters are for training
GRAM = 4  # words in a row that no two parts share


class Prompt(NamedTuple):
    """`wave` float32 (n,) at SAMPLE_RATE_HZ, within -1 to 1."""

    name: str
    text: str
    wave: np.ndarray


# Files


@dataclass(frozen=True)
class Bundle:
    """All G.722 files of one voice as one file: what can be checked is their content, not how they were packed.

    `folder`, or what an archive unpacks to, is put into a tar without times and owners, files in order of their names.
    """

    source: Source

    def describe(self) -> str:
        return self.source.describe()

    def get(self, folder: Path) -> Path:
        found = self.source.get(folder)
        bundle = folder / "voice.tar"
        with tarfile.open(bundle, "w", format=tarfile.USTAR_FORMAT) as tar:
            for path in sorted(found.rglob("*.g722")):
                info = tarfile.TarInfo(path.relative_to(found).as_posix())
                info.size = path.stat().st_size
                with path.open("rb") as file:
                    tar.addfile(info, file)
        return bundle


@dataclass(frozen=True)
class Installed:
    """A folder that a system package has put in place."""

    path: str

    def describe(self) -> str:
        return self.path

    def get(self, folder: Path) -> Path:
        if not Path(self.path).is_dir():
            raise FileNotFoundError(f"no such folder: {self.path}")
        return Path(self.path)


@dataclass(frozen=True)
class Tarball:
    """An archive from its makers' own server, unpacked; or the one file in it that is called `member`."""

    url: str
    member: str | None = None

    def describe(self) -> str:
        return self.url

    def get(self, folder: Path) -> Path:
        unpacked = folder / "unpacked"
        try:
            with urllib.request.urlopen(self.url, timeout=60) as answer:
                data = io.BytesIO(answer.read())
            with tarfile.open(fileobj=data) as tar:
                for member in tar:
                    file, path = tar.extractfile(member), (unpacked / member.name).resolve()
                    if file is not None and path.is_relative_to(unpacked.resolve()):
                        path.parent.mkdir(parents=True, exist_ok=True)
                        path.write_bytes(file.read())
        except (tarfile.TarError, http.client.HTTPException, EOFError, zlib.error) as error:
            raise OSError(f"given no whole archive, {error}") from None
        return unpacked / (self.member or "")


def _voice(language: str, name: str, sha256: str) -> File:
    path = f"usr/share/asterisk/sounds/{name}"
    upstream = f"{UPSTREAM}/asterisk-core-sounds-{language}-g722-{VERSION}.tar.gz"
    sources = (Installed(f"/{path}"), DebianPackage(f"asterisk-core-sounds-{language}-g722", path), Tarball(upstream))
    return File(f"asterisk/{name}.tar", sha256, tuple(Bundle(source) for source in sources))


def _texts(language: str, sha256: str) -> File:
    member = f"core-sounds-{language}.txt"
    path = f"usr/share/doc/asterisk-core-sounds-{language}/{member}.gz"
    upstream = f"{UPSTREAM}/asterisk-core-sounds-{language}-g722-{VERSION}.tar.gz"
    sources = (Folder(f"/{path}"), DebianPackage(f"asterisk-core-sounds-{language}", path), Tarball(upstream, member))
    return File(f"asterisk/{member}", sha256, sources)


class Voice(NamedTuple):
    """Who speaks `language`: her sounds, and the list of what she says."""

    language: str
    sounds: File
    texts: File


VOICES = {
    "allison": Voice(
        "English",
        _voice("en", "en_US_f_Allison", "03570b286d97b6cc993bde83b8b82777c15a715fd4d4abd9fcb3c35acd8abe78"),
        _texts("en", "4a5c1fea255e06020acd67efe37d162d0f0458f685efe578d224449f8e7f0bb4"),
    ),
    "june": Voice(
        "French",
        _voice("fr", "fr_CA_f_June", "1001add55d1662f35487e5c7c26bc7dae71d1006044bb0c2b902af4dcae02527"),
        _texts("fr", "37cd33323ad139b0c739102f36c42c1e68ebdd92231f664c355d85c49b07772c"),
    ),
}


def check_voice(voice: str) -> str:
    """`voice`, if it is one.

    Raises:
        ValueError: it is not.
    """
    if voice not in VOICES:
        raise ValueError(f"voice: given {voice!r}, wanted one of {', '.join(VOICES)}")
    return voice


# Reading


def decode(data: bytes, name: str) -> np.ndarray:
    """Samples of a G.722 file, float32 within -1 to 1, at SAMPLE_RATE_HZ (the format has no other).

    Raises:
        ValueError: no sound in it.
    """
    with av.open(io.BytesIO(data), "r", format="g722") as container:
        pieces = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
    if not pieces:
        raise ValueError(f"{name}: given {len(data)} bytes, wanted a G.722 sound")
    return np.concatenate(pieces).astype(np.float32) / 2**15


def parse(texts: str) -> dict[str, str]:
    """{prompt: what it says}, of lines `name: text`; tones and silences stand in brackets and are left out.

    So are remarks in parentheses and signs in brackets within a text, and all of a prompt that they say a tone is in.
    """
    lines = (line.partition(":") for line in texts.splitlines() if not line.startswith(";"))
    said = {name.strip(): text.strip() for name, _, text in lines if "tone sound plays)" not in text}
    spoken = {
        name: re.sub(r"\(.*?\)|\[.*?\]", "", text).strip() for name, text in said.items() if text[:1] not in ("[", "<")
    }
    return {name: text for name, text in spoken.items() if text}


def words(text: str) -> list[str]:
    """In lower case, without punctuation."""
    return re.findall(r"[\w']+|[*#]", text.lower())


@lru_cache
def prompts(voice: str) -> Mapping[str, Prompt]:
    """All in which a voice speaks, by name."""
    _, sounds, listed = VOICES[check_voice(voice)]
    texts = parse(fetch(listed).read_text(encoding="utf-8", errors="replace"))
    found = {}
    with tarfile.open(fetch(sounds)) as tar:
        for member in tar:
            name = member.name.removesuffix(".g722")
            file = tar.extractfile(member)
            if file is not None and name in texts:
                wave = decode(file.read(), member.name)
                wave.flags.writeable = False
                found[name] = Prompt(name, texts[name], wave)
    return found


# The parts


def grams(text: str) -> Iterator[tuple[str, ...]]:
    """Every GRAM words in a row; all of a shorter text."""
    said = words(text)
    yield from (tuple(said[i : i + GRAM]) for i in range(max(1, len(said) - GRAM + 1)))


def clusters(texts: Mapping[str, str]) -> list[list[str]]:
    """Names, together where their texts share a gram, or share one with a third, and so on."""
    parent = {name: name for name in texts}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    first: dict[tuple[str, ...], str] = {}
    for name, text in texts.items():
        for gram in grams(text):
            parent[root(name)] = root(first.setdefault(gram, name))
    found = defaultdict(list)
    for name in texts:
        found[root(name)].append(name)
    return list(found.values())


@lru_cache
def parts(voice: str) -> Mapping[Split, tuple[str, ...]]:
    """The names of each part: whole clusters, the held-out ones spread evenly over lengths and kinds."""
    known = prompts(voice)
    low, high = (s * SAMPLE_RATE_HZ for s in HELD_OUT_S)

    def may_be_held_out(name: str) -> bool:
        prompt = known[name]
        return low <= len(prompt.wave) <= high and len(words(prompt.text)) >= HELD_OUT_WORDS

    grouped = clusters({name: prompt.text for name, prompt in sorted(known.items())})
    eligible = [c for c in grouped if len(c) <= LARGEST_CLUSTER and all(may_be_held_out(name) for name in c)]
    rank = np.random.default_rng(SPLIT_SEED).permutation(len(eligible))

    def stratum(i: int) -> tuple[int, str, int]:
        half_seconds = 2 * np.mean([len(known[name].wave) for name in eligible[i]]) // SAMPLE_RATE_HZ
        return int(half_seconds), re.split("[-/]", eligible[i][0])[0], rank[i]

    turns: tuple[Split, ...] = ("test", "val", "test", "train")  # dealt by length and kind (vm-, conf-, ...)
    chosen: dict[Split, list[str]] = {"train": [], "val": [], "test": []}
    for turn, i in enumerate(sorted(range(len(eligible)), key=stratum)):
        chosen[turns[turn % len(turns)]] += eligible[i]
    held_out = {name for split in ("val", "test") for name in chosen[split]}
    chosen["train"] = [name for name in known if name not in held_out]
    return {split: tuple(sorted(names)) for split, names in chosen.items()}
