"""What is said of a text: tables of what prompts say, and properties of any text."""

import re
import string
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech.tts import numbers, text
from speech.tts.pronounce import phrases
from speech.tts.spoken import MARKS
from speech.tts.text import MOST_WORDS, written

WORD = re.compile(r"[a-z']+|a\.")


def said(text: str) -> str:
    """All phrases as one line: their words, their marks."""
    return " ".join(" ".join(phrase.words) + phrase.mark for phrase in written(text))


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
        ("15000 1/2", "fifteen thousand and a half"),
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
        ("11/26/99", "november twenty sixth nineteen ninety nine."),
        ("11/26/70", "november twenty sixth nineteen seventy."),
        ("11/26/69", "november twenty sixth twenty sixty nine."),
        ("11/26/26", "november twenty sixth twenty twenty six."),
        ("11/26/00", "november twenty sixth two thousand."),
        ("Nov. 26", "november twenty sixth."),
        ("November 26, 2026", "november twenty sixth twenty twenty six."),
        ("November 26,2026", "november twenty sixth twenty twenty six."),
        ("May 5th", "may fifth."),
        ("By December 5,000 people", "by december five thousand people."),
        ("In May 1.5 million", "in may one point five million."),
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
        ("$0", "zero dollars"),
        ("$.00", "zero dollars"),
        ("$9999", "nine thousand nine hundred ninety nine dollars"),
        ("$20000", "twenty thousand dollars"),
        ("-$20000", "minus twenty thousand dollars"),
        ("$1000000", "one million dollars"),
        ("$12000.50", "twelve thousand dollars and fifty cents"),
        ("$12000.5", "twelve thousand point five dollars"),
        ("$20000 million", "twenty thousand million dollars"),
        ("¥150000", "one hundred fifty thousand yen"),
        ("£2.01", "two pounds and one penny"),
        ("€20", "twenty euros"),
        ("50%", "fifty percent"),
        ("3.7 %", "three point seven percent"),
        ("1 kg", "one kilogram"),
        ("5kg", "five kilograms"),
        ("0 km", "zero kilometers"),
        ("15000 km", "fifteen thousand kilometers"),
        ("1000000 km", "one million kilometers"),
        ("10000.05 kg", "ten thousand point zero five kilograms"),
        (".5 kg", "point five kilograms"),
        ("-15000 m", "minus fifteen thousand meters"),
        ("05 km", "five kilometers"),
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
