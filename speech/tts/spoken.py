"""What is to be said, as both programs take it: phrases of words of phones, in ARPAbet as CMUdict writes it."""

from typing import NamedTuple

VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS = (
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH", "V", "W",
    "Y", "Z", "ZH",
)  # fmt: skip
PHONES = (*VOWELS, *CONSONANTS)
MARKS = (",", ".", "?", "!")  # what a phrase can end with; other punctuation counts as one of them


class Phone(NamedTuple):
    """`name`, one of PHONES; `stress`, of a vowel 1 primary, 2 secondary or 0 none; 0 of a consonant."""

    name: str
    stress: int


class Word(NamedTuple):
    """`text` in lower case, and how it is said."""

    text: str
    phones: tuple[Phone, ...]


class Phrase(NamedTuple):
    """Words between two pauses; `mark`, one of MARKS, ends it."""

    words: tuple[Word, ...]
    mark: str
