"""Rhythm and melody by rule: how long each phone of a phrase is, and how high the voice is at each moment.

Durations after Klatt (1979), "Synthesis by rule of segmental durations in English sentences", its factors less extreme,
as suits this slow and clear voice: each phone has an inherent and a minimal duration, and what is between them is
stretched or shortened by where it stands. Melody after Pierrehumbert (1981), "Synthesizing intonation": a falling base
line, a peak on each accented syllable, and an end that the mark asks for.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from speech.tts.spoken import MARKS, PHONES, VOWELS, Phrase

FRAME_S = 0.005  # how often all that controls the synthesiser is given
PAUSE = "PAU"
PAUSE_S = {",": 0.18, ".": 0.30, "?": 0.30, "!": 0.30}
LEAD_S = 0.04  # silence before the first phone
RATES = (0.25, 4.0)
STOPS = frozenset("PTKBDG")
VOICELESS = frozenset(("P", "T", "K", "CH", "F", "TH", "S", "SH", "HH"))
NASALS = frozenset(("M", "N", "NG"))
GLIDES = frozenset("LRWY")
FRICATIVES = frozenset(("F", "V", "TH", "DH", "S", "Z", "SH", "ZH"))
FUNCTION_WORDS = frozenset((  # they carry no accent
    "a", "an", "the", "to", "of", "for", "from", "in", "on", "at", "by", "as", "and", "or", "but", "nor", "if",
    "than", "that", "is", "are", "was", "were", "be", "been", "am", "do", "does", "has", "have", "had", "can", "will",
    "would", "could", "should", "may", "i", "you", "he", "she", "it", "we", "they", "me", "him", "her", "us", "them",
    "my", "your", "his", "its", "our", "their", "with", "this", "there",
))  # fmt: skip

# Inherent and minimal milliseconds: of Klatt's (1979) order, moved toward the aligned train prompts; stops with what
# follows their release.
DURATIONS_MS = {
    "AA": (220, 90), "AE": (230, 80), "AH": (140, 60), "AO": (210, 90), "AW": (260, 100), "AY": (250, 130),
    "EH": (150, 70), "ER": (180, 80), "EY": (190, 100), "IH": (135, 40), "IY": (180, 70), "OW": (200, 80),
    "OY": (280, 130), "UH": (160, 60), "UW": (210, 70), "B": (85, 60), "CH": (140, 90), "D": (80, 55), "DH": (70, 45),
    "F": (110, 70), "G": (90, 60), "HH": (80, 45), "JH": (110, 70), "K": (110, 70), "L": (95, 55), "M": (95, 65),
    "N": (90, 55), "NG": (125, 80), "P": (105, 70), "R": (90, 50), "S": (115, 70), "SH": (130, 90), "T": (100, 60),
    "TH": (95, 60), "V": (65, 45), "W": (95, 65), "Y": (90, 55), "Z": (90, 60), "ZH": (80, 50),
}  # fmt: skip
ONSETS = frozenset((  # clusters that begin words
    "P R", "P L", "P Y", "B R", "B L", "B Y", "T R", "T W", "D R", "D W", "K R", "K L", "K W", "K Y", "G R", "G L",
    "G W", "F R", "F L", "F Y", "V Y", "TH R", "TH W", "SH R", "HH Y", "M Y", "S P", "S T", "S K", "S M", "S N",
    "S L", "S W", "S F", "S P R", "S P L", "S P Y", "S T R", "S K R", "S K W", "S K Y",
))  # fmt: skip
FLAP_S = 0.03

BASE_HZ = (182.0, 158.0)  # the line from which accents rise, at the beginning and the end of a phrase
ACCENT_HZ = (62.0, 38.0)  # how far they rise, likewise
SPREAD_S = 0.075  # of a peak
FINAL_S = 0.22  # how long the end of the phrase is
FINAL_RATIO = {".": 0.78, "!": 0.74, "?": 1.55, ",": 1.12}  # of the last F0 to the base line
FLUTTER = 0.006  # of F0 (Klatt and Klatt 1990, equation 1)


class Segment(NamedTuple):
    """A phone, or PAUSE, from `start_s` to `end_s`; `stress` as in spoken.Phone, 0 also on words that carry none."""

    name: str
    stress: int
    start_s: float
    end_s: float


class Place(NamedTuple):
    """A phone and where it stands: what the rules ask about."""

    name: str
    stress: int
    before: str  # the phone before it, PAUSE at the phrase's ends
    after: str
    onset: bool  # it precedes its syllable's vowel
    word_initial: bool
    word_final: bool  # in the last syllable of its word
    word_last: bool  # the last phone of its word
    phrase_final: bool  # in the last syllable of the phrase
    syllables: int  # of its word
    flap: bool


def check_phrase(phrase: Phrase) -> Phrase:
    """`phrase`, if it can be said.

    Raises:
        ValueError: it has no phones, an unknown phone or an unknown mark.
    """
    names = [phone.name for word in phrase.words for phone in word.phones]
    if not names:
        raise ValueError("phrase: given no phones, wanted at least one word that has some")
    unknown = sorted(set(names) - set(PHONES))
    if unknown:
        raise ValueError(f"phrase: given phones {', '.join(unknown)}, wanted some of {', '.join(PHONES)}")
    if phrase.mark not in MARKS:
        raise ValueError(f"phrase: given mark {phrase.mark!r}, wanted one of {' '.join(MARKS)}")
    return phrase


def segments(phrase: Phrase, rate: float) -> list[Segment]:
    """Its phones in time, with a short pause before and one by the mark after them; `rate` 2 is twice as fast.

    Raises:
        ValueError: a phrase that cannot be said, or a rate beyond RATES.
    """
    if not RATES[0] <= rate <= RATES[1]:
        raise ValueError(f"rate: given {rate}, wanted {RATES[0]} to {RATES[1]}")
    found = places(check_phrase(phrase))
    durations = [LEAD_S, *(duration_s(place) for place in found), PAUSE_S[phrase.mark]]
    times = np.round(np.cumsum([0, *durations]) / rate / FRAME_S) * FRAME_S
    named = [(PAUSE, 0), *((place.name, place.stress) for place in found), (PAUSE, 0)]
    return [Segment(*named[i], float(times[i]), float(times[i + 1])) for i in range(len(named))]


def places(phrase: Phrase) -> list[Place]:
    """Its phones in order, each with where it stands."""
    names = [PAUSE, *(phone.name for word in phrase.words for phone in word.phones), PAUSE]
    found: list[Place] = []
    for k, word in enumerate(phrase.words):
        own = [phone.name for phone in word.phones]
        parts = syllables(own)
        for i, phone in enumerate(word.phones):
            at = len(found) + 1
            before, after = names[at - 1], names[at + 1]
            stress = 0 if word.text in FUNCTION_WORDS else phone.stress
            syllable = next(n for n, part in enumerate(parts) if i in part)
            vowel = next((n for n in parts[syllable] if own[n] in VOWELS), len(own))
            last = syllable == len(parts) - 1
            quiet = i + 1 < len(own) and word.phones[i + 1].stress == 0
            flap = phone.name in ("T", "D") and before in VOWELS and after in VOWELS and quiet
            final = last and k == len(phrase.words) - 1
            here = Place(
                phone.name, stress, before, after, i < vowel, i == 0, last, i == len(own) - 1, final, len(parts), flap
            )
            found.append(here)
    return found


def syllables(names: list[str]) -> list[range]:
    """Where each syllable's phones stand; as many consonants begin it as can begin a word."""
    vowels = [i for i, name in enumerate(names) if name in VOWELS]
    starts = [0]
    for last, vowel in pairwise(vowels):
        start = vowel
        while start - 1 > last and (start == vowel or " ".join(names[start - 1 : vowel]) in ONSETS):
            start -= 1
        starts.append(start + (names[start] == "NG"))
    return [range(a, b) for a, b in zip(starts, [*starts[1:], len(names)], strict=True)]


def duration_s(place: Place) -> float:
    """Of a phone at rate 1 (Klatt 1979, equation 1)."""
    if place.flap:
        return FLAP_S
    inherent, least = (float(ms) for ms in DURATIONS_MS[place.name])
    if place.name in VOWELS:
        scale, extra = vowel_scale(place), 25 * (place.stress > 0 and place.before in ("P", "T", "K"))
        least *= 0.5 if place.stress == 0 else 1
    else:
        scale, extra = consonant_scale(place), 0
    return (least + scale * (inherent - least) + extra) / 1000


def vowel_scale(place: Place) -> float:
    """Rules 2 to 5, 7, 9 and 10 for vowels."""
    scale = 1.4 if place.phrase_final else 0.7
    scale *= 1 if place.word_final else 0.85
    scale *= 0.85 if place.syllables > 1 else 1
    scale *= 1 if place.stress else 0.6
    scale *= 1.2 if place.after in VOWELS else 0.8 if place.before in VOWELS else 1
    return scale * before_consonant(place)


def before_consonant(place: Place) -> float:
    """Rule 9: what follows in the word makes a vowel longer or shorter, most so at the end of a phrase."""
    if place.word_last:
        scale = 1.2
    elif place.after in ("V", "DH", "Z", "ZH"):
        scale = 1.4
    elif place.after in ("B", "D", "G"):
        scale = 1.2
    elif place.after in NASALS:
        scale = 0.95
    else:
        scale = 0.75 if place.after in VOICELESS & (STOPS | {"CH"}) else 1
    return scale if place.phrase_final else 0.7 + 0.3 * scale


def consonant_scale(place: Place) -> float:
    """Rules 2, 6, 7 and 10 for consonants."""
    scale = 1.4 if place.phrase_final and not place.onset else 1
    scale *= 1 if place.word_initial else 0.85
    scale *= 0.7 if place.after not in VOWELS and place.after != PAUSE else 1
    scale *= 0.7 if place.before not in VOWELS and place.before != PAUSE else 1
    return scale


# Melody


def contour(segs: list[Segment], phrase: Phrase) -> tuple[np.ndarray, np.ndarray]:
    """Times in s and F0 in Hz, both (frames,), FRAME_S apart, through pauses and voiceless phones too."""
    times = (np.arange(round(segs[-1].end_s / FRAME_S)) + 0.5) * FRAME_S
    begin, end = segs[0].end_s, segs[-1].start_s
    through = np.clip((times - begin) / max(end - begin, FRAME_S), 0, 1)
    f0_hz = BASE_HZ[0] + (BASE_HZ[1] - BASE_HZ[0]) * through
    rise = ACCENT_HZ[0] + (ACCENT_HZ[1] - ACCENT_HZ[0]) * through
    peaks = [s.start_s + 0.45 * (s.end_s - s.start_s) for s in segs if s.stress == 1]
    bumps = [np.exp(-0.5 * ((times - peak) / SPREAD_S) ** 2) for peak in peaks]
    f0_hz += rise * np.max(bumps, axis=0) if bumps else 0
    final_s = min(FINAL_S, 0.5 * (end - begin))
    closing = 0.5 - 0.5 * np.cos(np.pi * np.clip((times - end + final_s) / final_s, 0, 1))
    f0_hz += (BASE_HZ[1] * FINAL_RATIO[phrase.mark] - f0_hz) * closing
    return times, f0_hz * (1 + FLUTTER * flutter(times))


def flutter(times: np.ndarray) -> np.ndarray:
    """What keeps a voice from sounding like a machine: three slow sines, never in step, within -1 to 1."""
    return np.sin(2 * np.pi * np.outer(times, (12.7, 7.1, 4.7))).mean(1)
