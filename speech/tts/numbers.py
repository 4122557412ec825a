"""Numbers as they are written -> words, as in American English: cardinals, ordinals, years, money, units, times, dates.

A reader gives the words, and the pauses, of what its pattern in speech.tts.text has matched.
"""

import re
from collections.abc import Callable
from itertools import chain

from speech.tts.dictionary import by_letter

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
MONTHS = {
    "jan": "january", "feb": "february", "mar": "march", "apr": "april", "may": "may", "jun": "june", "jul": "july",
    "aug": "august", "sep": "september", "oct": "october", "nov": "november", "dec": "december",
}  # fmt: skip
CURRENCIES = {
    "$": ("dollar", "dollars", "cent"), "€": ("euro", "euros", "cent"), "£": ("pound", "pounds", "penny"),
    "¥": ("yen", "yen", ""),
}  # fmt: skip
UNITS = {  # of one; what is said of more is in PLURALS, or ends in an s
    "%": "percent", "km/h": "kilometer per hour", "kph": "kilometer per hour", "mph": "mile per hour",
    "m/s": "meter per second", "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "m": "meter", "mi": "mile",
    "ft": "foot", "kg": "kilogram", "mg": "milligram", "g": "gram", "lb": "pound", "lbs": "pound", "oz": "ounce",
    "ml": "milliliter", "l": "liter", "L": "liter", "h": "hour", "hr": "hour", "hrs": "hour", "min": "minute",
    "sec": "second", "s": "second", "ms": "millisecond", "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz",
    "GHz": "gigahertz", "bps": "bit per second", "kbps": "kilobit per second", "kbit/s": "kilobit per second",
    "Mbps": "megabit per second", "Mbit/s": "megabit per second", "Gbps": "gigabit per second", "kB": "kilobyte",
    "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "V": "volt", "kV": "kilovolt",
    "mV": "millivolt", "W": "watt", "kW": "kilowatt", "MW": "megawatt", "kWh": "kilowatt hour", "mA": "milliamp",
    "dB": "decibel", "°C": "degree celsius", "°F": "degree fahrenheit", "°": "degree",
}  # fmt: skip
PLURALS = {
    "percent": "percent", "foot": "feet", "hertz": "hertz", "kilohertz": "kilohertz", "megahertz": "megahertz",
    "gigahertz": "gigahertz", "kilowatt hour": "kilowatt hours",
}  # fmt: skip
CODES = frozenset(("extension", "ext", "pin", "code", "password", "account", "number", "dial", "id", "zip", "room"))
YEARS_AFTER = frozenset(("in", "since", "of", "year", "until", "from", "before", "after", *MONTHS.values()))
PIVOT = 70  # years of two digits are from 1970 to 2069


def word_before(found: re.Match[str]) -> str:
    """The word before, in lower case, without its full stop."""
    words = found.string[max(0, found.start() - 40) : found.start()].split()
    return words[-1].strip(".,:#").lower() if words else ""


def sentence_end(found: re.Match[str]) -> list[str]:
    """A full stop belongs to an abbreviation, and ends the sentence too where a capital or nothing comes after it."""
    after = found.string[found.end() :]
    return ["."] if found[0].endswith(".") and re.match(r"\s*$|\s+[A-Z]", after) else []


def cardinal(n: int) -> list[str]:
    """The words of a number from 0 to below a thousand billions."""
    for scale, name in SCALES:
        if n >= scale:
            return [*cardinal(n // scale), name, *(cardinal(n % scale) if n % scale else [])]
    if n < 20:
        return [ONES[n]]
    return [TENS[n // 10], *([ONES[n % 10]] if n % 10 else [])]


def ordinal(n: int) -> list[str]:
    """The words of a place in a row."""
    *words, last = cardinal(n)
    return [*words, ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else f"{last}th")]


def year(n: int) -> list[str]:
    """The words of a year of four digits: nineteen ninety nine, twenty oh five is said two thousand five."""
    century, rest = divmod(n, 100)
    if century % 10 == 0 and rest < 10:
        return cardinal(n)
    return [*cardinal(century), *(["hundred"] if not rest else ["oh", ONES[rest]] if rest < 10 else cardinal(rest))]


def digits(text: str) -> list[str]:
    """Its digits one by one."""
    return [ONES[int(sign)] for sign in text if sign.isdigit()]


def number(text: str) -> list[str]:
    """A number as it is written; a code, long and without commas or with a zero before it, digit by digit."""
    whole = text.lstrip("+-").partition(".")[0]
    code = (len(whole) > 4 and "," not in whole) or (len(whole) > 1 and whole[0] == "0")
    return _said(text, digits if code else _whole)


def amount(text: str) -> list[str]:
    """How much of something, as it is written: no code, however long."""
    return _said(text, _whole)


def _said(text: str, reader: Callable[[str], list[str]]) -> list[str]:
    """With its sign and decimals, and its whole part as `reader` has it."""
    sign = ["minus"] if text[0] == "-" else ["plus"] if text[0] == "+" else []
    whole, point, decimals = text.lstrip("+-").partition(".")
    return [*sign, *(reader(whole) if whole else []), *(["point", *digits(decimals)] if point else [])]


def _whole(text: str) -> list[str]:
    """Digit by digit beyond what SCALES can say."""
    plain = text.replace(",", "")
    return digits(plain) if len(plain) > 12 else cardinal(int(plain))


def read_number(found: re.Match[str]) -> list[str]:
    """A count, a year, or a code, by what stands before it."""
    text, before = found[0], word_before(found)
    after_dot = found.string[: found.start()].endswith(".")
    if text.isdigit() and len(text) > 2 and (after_dot or (before in CODES and not text.endswith("00"))):
        return digits(text)
    if text.isdigit() and len(text) == 4 and (1900 <= int(text) < 2100 or (before in YEARS_AFTER and text > "1099")):
        return year(int(text)) if before not in CODES else digits(text)
    return number(text)


def read_units(found: re.Match[str]) -> list[str]:
    """5 kg, 20 %."""
    said, unit = amount(found["number"]), UNITS[found["unit"]]
    first, _, rest = unit.partition(" ")
    more = PLURALS.get(unit) or f"{PLURALS.get(first) or first + 's'} {rest}"
    return [*said, *(unit if said == ["one"] else more).split()]


def read_money(found: re.Match[str]) -> list[str]:
    """$3.50; $5 million."""
    one, more, small = CURRENCIES[found["currency"]]
    sign = ["minus"] if found["minus"] else []
    whole, _, cents = found["number"].partition(".")
    if found["scale"]:
        return [*sign, *amount(found["number"]), found["scale"].lower(), more]
    if len(cents) != 2 or not small:
        return [*sign, *amount(found["number"]), one if found["number"] == "1" else more]
    smaller = small if cents == "01" else "pence" if small == "penny" else small + "s"
    parts = [[*cardinal(int(cents)), smaller]] if int(cents) else []
    if whole.strip("0,") or not parts:
        parts.insert(0, [*amount(whole or "0"), one if whole == "1" else more])
    return [*sign, *parts[0], *(["and", *parts[1]] if parts[1:] else [])]


def read_fraction(found: re.Match[str]) -> list[str]:
    """1/2; 3 3/4."""
    top, bottom = int(found["top"]), int(found["bottom"])
    whole = [*amount(found["whole"]), "and"] if found["whole"] else []
    if not 0 < top < bottom <= 100:
        return [*whole, *number(found["top"]), "slash", *number(found["bottom"])]
    parts = {2: ["half"], 4: ["quarter"]}.get(bottom) or ordinal(bottom)
    if top > 1:
        parts = [*parts[:-1], "halves" if bottom == 2 else parts[-1] + "s"]
    return [*whole, *(["a"] if whole and top == 1 else cardinal(top)), *parts]


def read_ordinal(found: re.Match[str]) -> list[str]:
    """22nd."""
    return ordinal(int(found["n"].replace(",", "")))


def read_telephone(found: re.Match[str]) -> list[str]:
    """555-0100, digit by digit, a pause between groups."""
    plus = ["plus"] if "+" in found[0] else []
    groups = [digits(group) for group in re.findall(r"\d+", found[0])]
    return [*plus, *groups[0], *chain.from_iterable([",", *group] for group in groups[1:])]


def read_dotted(found: re.Match[str]) -> list[str]:
    """192.168.0.1."""
    parts = [digits(part) if len(part) > 2 else number(part) for part in found[0].split(".")]
    return [*parts[0], *chain.from_iterable(["dot", *part] for part in parts[1:])]


def read_decade(found: re.Match[str]) -> list[str]:
    """1990s."""
    *words, last = year(int(found["decade"]))
    return [*words, last[:-1] + "ies" if last.endswith("y") else last + "s"]


def read_time(found: re.Match[str]) -> list[str]:
    """9:30 am; 15:00."""
    hour, minute, half = int(found["hour"]), found["minute"] or "00", found["half"]
    said = cardinal(hour)
    if int(minute):
        said += cardinal(int(minute)) if minute[0] != "0" else ["oh", *cardinal(int(minute))]
    elif not half:
        said += ["hundred"] if not 0 < hour < 13 else ["o'clock"]
    if half:
        said += by_letter(half[0] + "m")
    return [*said, *sentence_end(found)]


def read_month_first(found: re.Match[str]) -> list[str]:
    """Nov. 26, 2026."""
    month = MONTHS[found["month"][:3].lower()]
    return [month, *ordinal(int(found["day"])), *(year(int(found["year"])) if found["year"] else [])]


def read_date(found: re.Match[str]) -> list[str]:
    """11/26/2026; 2026-11-26; 11/26/99."""
    n = int(found["year"])
    full = n if n > 99 else n + (1900 if n >= PIVOT else 2000)
    return [list(MONTHS.values())[int(found["month"]) - 1], *ordinal(int(found["day"])), *year(full)]
