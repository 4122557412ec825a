"""Text as it is written -> phrases of plain words, as a telephone prompt would say them.

A table of patterns, the first that matches at a place wins, each with a reader that gives the words and marks of what
it matched. The classes are those of Sproat et al. 2001, "Normalization of non-standard words"; numbers are said as in
American English. A letter that is spelled is a word of its own, "p b x"; that named A is written "a.", as in CMUdict,
since "a" is the article.
"""

# ruff: noqa: RUF001 (signs that look like others are what is folded here)

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

from speech.tts.dictionary import by_letter, listed, spelled
from speech.tts.numbers import (
    MONTHS,
    UNITS,
    digits,
    number,
    read_date,
    read_decade,
    read_dotted,
    read_fraction,
    read_money,
    read_month_first,
    read_number,
    read_ordinal,
    read_telephone,
    read_time,
    read_units,
    sentence_end,
)

MOST_WORDS = 30  # of a phrase: longer ones are cut
AHEAD = 500  # characters that a pattern can see, and the most that a token can have
WANTED = "wanted English in Latin letters, digits and punctuation"

ABBREVIATIONS = {  # with a full stop that ends no sentence; these in any case
    "mr": "mister", "mrs": "missus", "ms": "ms", "prof": "professor", "gen": "general", "vs": "versus",
    "dept": "department", "approx": "approximately", "appt": "appointment", "blvd": "boulevard", "rd": "road",
    "ave": "avenue", "tel": "telephone", "jr": "junior", "sr": "senior", "inc": "incorporated", "ltd": "limited",
    "corp": "corporation", "apt": "apartment", "mt": "mount", "ft": "fort", "min": "minimum", "max": "maximum",
    "mon": "monday", "tue": "tuesday", "tues": "tuesday", "wed": "wednesday", "thu": "thursday", "thurs": "thursday",
    "fri": "friday", "sat": "saturday", "sun": "sunday", "sept": "september", "incl": "including", "ext": "extension",
    "e.g": "for example", "i.e": "that is", "etc": "et cetera",
    **{short: month for short, month in MONTHS.items() if short != "may"},
}  # fmt: skip
WORDS_TOO = frozenset(("ms", "gen", "min", "max", "sat", "sun", "mar", "wed", "ave", "ft", "mt", "apt"))
BARE = frozenset(("mr", "mrs", "vs", "dept", "etc", "ext", "blvd", "appt", "approx"))  # without their full stop too
MAY_END = frozenset(("etc", "inc", "ltd", "corp", "jr", "sr", "blvd", "ave", "rd"))  # a sentence, with a capital after
BEFORE_NAMES = {"st": ("saint", "street"), "dr": ("doctor", "drive")}  # and after them
SIGNS = {
    "#": "pound", "*": "star", "@": "at", "&": "and", "%": "percent", "+": "plus", "=": "equals", "/": "slash",
    "_": "underscore", "\\": "backslash", "~": "tilde", "^": "caret", "|": "pipe", "<": "less than",
    ">": "greater than", "$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "°": "degrees", "×": "times",
    "÷": "divided by", "±": "plus or minus",
}  # fmt: skip
IN_ADDRESSES = {**SIGNS, ".": "dot", "-": "dash", ":": "colon", "?": "question mark", "#": "hash"}
PAUSES = {".": ".", "?": "?", "!": "!", ",": ",", ";": ",", ":": ","}
SHORT_WORDS = frozenset(
    (
        "ad", "ah", "am", "an", "as", "at", "be", "by", "do", "go", "he", "hi", "if", "in", "is", "it", "me", "my",
        "no", "of", "oh", "on", "or", "ox", "so", "to", "up", "us", "we",
    )
)  # fmt: skip
NOT_AMONG_SMALL = frozenset(("us", "it", "am", "at"))  # initials where the words beside are not in capitals
JOINED = frozenset(("re", "un", "de", "co", "e", "pre", "non"))  # to the word after their hyphen, if that is one
SAID = frozenset(("dahdi", "voip", "unistim", "digium", "nato", "wifi", "captcha"))  # as words also in capitals
FOLDED = {
    "‘": "'", "’": "'", "‚": ",", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‐": "-", "‑": "-", "‒": "-",
    "–": "-", "№": "No. ", "—": " - ", "―": " - ", "−": "-", "⁄": "/", "•": ",", "·": " ", "©": " ", "®": " ",
    "\u00ad": "", "\u200b": "", "\u200c": "", "\u200d": "", "\ufeff": "", "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe",
    "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "þ": "th", "Þ": "Th", "ð": "th",
    "Ð": "Th", "ı": "i",
}  # fmt: skip


class Written(NamedTuple):
    """`words`, in lower case, of letters and apostrophes, "a." the letter A; `mark`, one of spoken.MARKS, ends them."""

    words: tuple[str, ...]
    mark: str


def written(text: str) -> Iterator[Written]:
    """The phrases of `text`, one after the other; what is held of it is AHEAD characters.

    Raises:
        ValueError: before the first phrase: there is nothing to say, or a sign that English has not.
    """
    return _phrases(text, _folding(text))


def _phrases(text: str, folding: dict[int, str]) -> Iterator[Written]:
    words, any_said = list[str](), False
    for said in chain(_read(text, folding), ["."]):
        if words and (said in PAUSES or len(words) == MOST_WORDS):
            any_said = True
            yield Written(tuple(words), PAUSES.get(said, ","))
            words.clear()
        if said not in PAUSES:
            words.append(said)
    if not any_said:
        raise ValueError(f"text: given {_short(text)!r}, {WANTED} that say something")


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "..."


# Signs


def _folding(text: str) -> dict[int, str]:
    """What stands for each sign of `text` that ASCII has not; accents go, ligatures and full-width forms open up.

    Raises:
        ValueError: with the word in which the first sign without such a form stands.
    """
    folding = {sign: _folded(sign) for sign in set(text)}
    unknown = [text.index(sign) for sign, folded in folding.items() if folded is None]
    if unknown:
        at = min(unknown)
        before, after = re.search(r"\S{0,40}$", text[max(0, at - 40) : at]), re.match(r"\S*", text[at : at + 40])
        raise ValueError(
            f"text: given {_short((before[0] if before else '') + (after[0] if after else ''))!r}, {WANTED}"
        )
    return {ord(sign): folded for sign, folded in folding.items() if folded is not None}


def _folded(sign: str) -> str | None:
    """What stands for `sign` in ASCII and SIGNS, None if nothing does."""
    if sign.isspace():
        return "\n" if sign == "\n" else " "
    if sign in SIGNS or sign in FOLDED:
        return FOLDED.get(sign, sign)
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", sign))
    bare = "".join(FOLDED.get(part, part) for part in parts if not unicodedata.combining(part))
    if "/" in bare[1:]:
        return f" {bare}"  # a fraction, which may follow its whole number
    return bare if bare.isascii() and bare.isprintable() else None


def _read(text: str, folding: dict[int, str]) -> Iterator[str]:
    """Words and marks, in a window that moves along the text."""
    window, at, taken = "", 0, 0
    while True:
        if len(window) - at < AHEAD and taken < len(text):
            window = window[max(0, at - AHEAD) :] + text[taken : taken + AHEAD].translate(folding)
            at, taken = min(at, AHEAD), taken + AHEAD
            continue
        if at == len(window):
            return
        found, reader = next((found, reader) for pattern, reader in _PATTERNS if (found := pattern.match(window, at)))
        yield from reader(found)
        at = found.end()


# Words


def _initials(word: str) -> bool:
    """Whether `word`, in lower case, is said by the names of its letters, if CMUdict is asked."""
    known = listed(word)
    if known is None:
        return not set(word) & set("aeiouy")
    return len(word) > 1 and [phone.name for phone in known] == [phone.name for phone in spelled(word)]


def _capitals(found: re.Match[str]) -> list[str]:
    """A word all in capitals: initials, unless it is a word."""
    word = found["word"].lower()
    short = len(word) == 2 and (word not in SHORT_WORDS or (word in NOT_AMONG_SMALL and not _among_capitals(found)))
    unknown = listed(word) is None and word not in SAID and len(word) < 6
    if not (short or unknown or _initials(word)):
        return [word + found["plural"].lower()]
    *said, last = by_letter(word)
    return [*said, last.rstrip(".") + "'s" if found["plural"] else last]


def _among_capitals(found: re.Match[str]) -> bool:
    """Whether there are words beside it, and all of them are in capitals."""
    before = re.findall(r"[\w']+", found.string[max(0, found.start() - 40) : found.start()])[-1:]
    after = re.findall(r"[\w']+", found.string[found.end() : found.end() + 40])[:1]
    return bool(before or after) and all(re.fullmatch("[A-Z]{2,}", word) for word in before + after)


def _word(found: re.Match[str]) -> list[str]:
    word = found[0].lower()
    if listed(word) is None and (parts := re.findall("[A-Z]?[a-z]{2,}", found[0]))[1:] and "".join(parts) == found[0]:
        return [part.lower() for part in parts]  # camelCase
    return by_letter(word) if len(word) < 7 and _initials(word) else [word]


def _single(found: re.Match[str]) -> list[str]:
    """One letter: A is the article, unless it is a capital within small letters or before no noun, or alone."""
    if found[0] not in "aA":
        return [found[0].lower()]
    before, after = found.string[: found.start()].rstrip(), found.string[found.end() :]
    alone = re.search(r"(?:^|[.?!,;:])$", before) and re.match(r"\s*(?:$|[.?!,;:])", after)
    within = re.search("[a-z,;:]$", before) or re.match(r"\s*(?:[&+/=]|(?:and|or|vs|[B-HJ-Z])\b)", after)
    return ["a."] if alone or (found[0] == "A" and within) else ["a"]


def _dotted_letters(found: re.Match[str]) -> list[str]:
    return [*by_letter(found[0]), *sentence_end(found)]


def _abbreviation(found: re.Match[str]) -> list[str]:
    word, after = found["word"].lower(), found.string[found.end() :]
    if word not in BEFORE_NAMES:
        return [*ABBREVIATIONS[word].split(), *(sentence_end(found) if word in MAY_END else [])]
    title, place = BEFORE_NAMES[word]
    return [title] if re.match(r"\s+[A-Z]", after) and not _after_name(found) else [place, *sentence_end(found)]


def _after_name(found: re.Match[str]) -> bool:
    return re.search(r"[A-Z][a-z]+ $|\d(?:st|nd|rd|th) $", found.string[: found.start()]) is not None


def _joined(found: re.Match[str]) -> list[str]:
    first, rest = found["first"].lower(), found["rest"].lower()
    if listed(first + rest) or first in ("re", "un"):
        return [first + rest]
    return [first, rest]


def _address(found: re.Match[str]) -> list[str]:
    said = list[str]()
    for part in re.findall(r"[A-Za-z]+|\d+|.", re.sub("^https?://", "", found[0])):
        if part.isdigit():
            said += digits(part) if len(part) > 2 else number(part)
        elif part.isalpha():
            known = len(part) > 1 and not _initials(part.lower())
            said += [part.lower()] if known else by_letter(part)
        else:
            said += IN_ADDRESSES.get(part, "").split()
    return said


def _gap(found: re.Match[str]) -> list[str]:
    return ["."] if found[0].count("\n") > 1 else []


# What is tried at each place, in this order

_NUMBER = r"(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|(?<!\w)\.\d+)"
_SIGNED = rf"(?:(?<![\w.)%])[-+])?{_NUMBER}"
_HALF = r"(?P<half>[AaPp])(?:\.[Mm]\.?|[Mm]\b)"
_MONTH, _DAY, _YEAR = "0?[1-9]|1[0-2]", r"[12]\d|3[01]|0?[1-9]", r"(?:19|20)\d\d"
_MONTH_NAMES = "|".join(rf"{m[:3]}(?:{m[3:]}|\.)?" for m in MONTHS.values() if m[:2] != "ma")
_UNITS = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_ALWAYS = "|".join(re.escape(word) for word in ABBREVIATIONS if word not in WORDS_TOO)
_CAPITAL = "|".join(word.capitalize() for word in sorted(WORDS_TOO))
_ADDRESS_ENDS = "com|org|net|edu|gov|io|uk|info|dev|de|fr|ca"

_PATTERNS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], list[str]]]] = [
    (re.compile(pattern), reader)
    for pattern, reader in (
        (r"\s+", _gap),
        (r"(?:https?://|www\.)[^\s\"<>]*[\w/]", _address),
        (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", _address),
        (rf"[A-Za-z][\w-]*(?:\.[\w-]+)*\.(?:{_ADDRESS_ENDS})\b(?:/[^\s\"<>]*[\w/])?", _address),
        (rf"(?P<month>{_MONTH})/(?P<day>{_DAY})/(?P<year>{_YEAR}|\d\d)(?![\w/])", read_date),
        (rf"(?P<year>{_YEAR})-(?P<month>{_MONTH})-(?P<day>{_DAY})(?!\w)", read_date),
        (
            rf"(?P<month>(?i:{_MONTH_NAMES}|sept\.?)|Mar(?:ch|\.)?|May)\s+(?P<day>{_DAY})(?:st|nd|rd|th)?(?![\w:/%])"
            rf"(?:(?:,\s*|\s+)(?P<year>{_YEAR})(?!\w)|(?![.,]\d))",
            read_month_first,
        ),
        (rf"(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?!:?\d)(?:\s?{_HALF})?", read_time),
        (rf"(?P<hour>1[0-2]|0?[1-9])(?P<minute>)\s?{_HALF}", read_time),
        (
            rf"(?P<minus>(?<![\w)])-)?(?P<currency>[$€£¥])\s?(?P<number>{_NUMBER})(?!\w)"
            r"(?:\s(?P<scale>(?i:thousand|million|billion|trillion))\b)?",
            read_money,
        ),
        (
            r"(?:\+?\d{1,3}[-. ])?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-])|\d{3}-\d{4}(?![\w-])"
            r"|\+\d{1,3}(?:[ .-]?\d{2,4}){2,5}(?!\w)|\d+(?:-\d+){2,}(?!\w)",
            read_telephone,
        ),
        (r"\d+(?:\.\d+){2,}(?!\w)", read_dotted),
        (r"(?P<decade>(?:1[1-9]|20)\d0)'?s(?!\w)", read_decade),
        (r"(?P<n>\d{1,3}(?:,\d{3}){1,3}|\d{1,12})(?i:st|nd|rd|th)(?!\w)", read_ordinal),
        (r"(?:(?P<whole>\d{1,6}) )?(?P<top>\d{1,6})/(?P<bottom>\d{1,6})(?![\w/])", read_fraction),
        (rf"(?P<number>{_SIGNED})\s?(?P<unit>{_UNITS})(?!\w)", read_units),
        (_SIGNED, read_number),
        (r"(?<=[\d%])-(?=[\d$])", lambda found: ["to"]),
        (r"[Nn]os?\.\s?(?=\d)", lambda found: ["number"]),
        (rf"(?P<word>(?i:{_ALWAYS})|{_CAPITAL}|St|Dr)\.(?!\w)", _abbreviation),
        (rf"(?P<word>(?i:{'|'.join(sorted(BARE))})(?!\w)|(?:St|Dr)(?= [A-Z]))", _abbreviation),
        (r"(?:[A-Za-z]\.)+[A-Za-z](?!\w)\.?", _dotted_letters),
        (r"(?P<word>[A-Z]{2,})(?P<plural>(?:'?s)?)(?!'?[A-Za-z])", _capitals),
        (rf"(?P<first>(?i:{'|'.join(sorted(JOINED))}))-(?P<rest>[A-Za-z]+)", _joined),
        (r"[A-Za-z]+(?:'[A-Za-z]+)+|[A-Za-z]{2,}", _word),
        (r"[A-Za-z]", _single),
        (r"(?<=[A-Za-z0-9])\.(?=[a-z0-9])", lambda found: ["dot"]),
        (r"\.{2,}|-{2,}|(?<=\s)-(?=\s|$)", lambda found: [","]),
        (r"[.?!,;:]", lambda found: [PAUSES[found[0]]]),
        (r".", lambda found: SIGNS.get(found[0], "").split()),
    )
]
