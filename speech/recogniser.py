"""Which words a recogniser hears: CMU Pocketsphinx with the models of its package, and a grammar of these prompts.

It knows every transcript, also those of the test: what is asked is whether a signal still says its words, not whether
they could be guessed.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from pocketsphinx import Decoder, get_model_path

from speech.corpus import prompts, words

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "pound", "star")
DIGITS = dict(zip("0123456789#*", NAMES, strict=True))
NUMBERS = {
    "28": "twenty eight",
    "500": "five hundred",
    "600": "six hundred",
    "8500": "eight five hundred",
    "323": "three two three",
    "3d": "three d",
}
PRONUNCIATIONS = {  # of words that the recogniser's dictionary has not
    "backtick": "B AE K T IH K",
    "caret": "K EH R AH T",
    "dahdi": "D AA D IY",
    "digium": "D IH JH IY AH M",
    "exclaimation": "EH K S K L AH M EY SH AH N",
    "forevermore": "F ER EH V ER M AO R",
    "fourtieth": "F AO R T IY AH TH",
    "iax": "AY EY EH K S",
    "indentified": "AY D EH N T AH F AY D",
    "ivr": "AY V IY AA R",
    "lowercase": "L OW ER K EY S",
    "mgcp": "EH M JH IY S IY P IY",
    "pbx": "P IY B IY EH K S",
    "prepend": "P R IY P EH N D",
    "prepending": "P R IY P EH N D IH NG",
    "represenatives": "R EH P R IH Z EH N AH T IH V Z",
    "rerecord": "R IY R IH K AO R D",
    "semicolon": "S EH M IY K OW L AH N",
    "touchtone": "T AH CH T OW N",
    "umute": "AH N M Y UW T",
    "undelete": "AH N D IH L IY T",
    "undeleted": "AH N D IH L IY T AH D",
    "unistim": "Y UW N IH S T IH M",
    "unmute": "AH N M Y UW T",
    "unmuted": "AH N M Y UW T AH D",
    "uppercase": "AH P ER K EY S",
    "waldo's": "W AA L D OW Z",
    "witheld": "W IH TH HH EH L D",
    "www": "D AH B AH L Y UW D AH B AH L Y UW D AH B AH L Y UW",
    "xray": "EH K S R EY",
}
VOICE = "allison"  # whose prompts it knows
_DECODING = Lock()  # Pocketsphinx keeps the interpreter anyway; a decoder with all of English takes much memory
DISCOUNT = 0.5  # taken from every count of the bigrams, for words that follow otherwise


def spoken(text: str) -> list[str]:
    """The words that are said, digits and signs as words."""
    said: list[str] = []
    for word in words(text):
        if word in NUMBERS:
            said += NUMBERS[word].split()
        elif re.search("[0-9*#]", word):
            said += [DIGITS[sign] for sign in word]
        else:
            said.append(word)
    return said


def grammar(sentences: Sequence[Sequence[str]]) -> str:
    """A bigram model in ARPA's format, with absolute discounting (Ney et al. 1994) and back-off to unigrams."""
    pairs, firsts, singles = Counter[tuple[str, str]](), Counter[str](), Counter[str]()
    for sentence in sentences:
        whole = ["<s>", *sentence, "</s>"]
        pairs.update(pairwise(whole))
        firsts.update(whole[:-1])
        singles.update(whole[1:])
    total = sum(singles.values())
    followers: dict[str, list[str]] = {}
    for first, second in pairs:
        followers.setdefault(first, []).append(second)
    unigrams = []
    for word in ["<s>", *sorted(singles)]:
        share = singles[word] / total if word != "<s>" else 1e-9
        known = followers.get(word, [])
        left = 1 - sum(singles[w] for w in known) / total
        back_off = DISCOUNT * len(known) / firsts[word] / max(left, 1e-9) if known else 1.0
        unigrams.append(f"{np.log10(share):.6f} {word} {np.log10(back_off):.6f}")
    bigrams = [
        f"{np.log10((count - DISCOUNT) / firsts[first]):.6f} {first} {second}"
        for (first, second), count in sorted(pairs.items())
    ]
    head = f"\\data\\\nngram 1={len(unigrams)}\nngram 2={len(bigrams)}\n"
    return "\n".join([head, "\\1-grams:", *unigrams, "", "\\2-grams:", *bigrams, "", "\\end\\", ""])


class Language(NamedTuple):
    """What a recogniser expects: a `dictionary` in its format, and a `grammar` in ARPA's; both None: any English."""

    dictionary: str | None
    grammar: str | None


ENGLISH = Language(None, None)


@lru_cache
def prompts_language(more: tuple[str, ...] = ()) -> Language:
    """Of the prompts, and of more texts."""
    sentences = [spoken(text) for text in (*(prompt.text for prompt in prompts(VOICE).values()), *more)]
    return Language(dictionary({word for sentence in sentences for word in sentence}), grammar(sentences))


def dictionary(said: Collection[str]) -> str:
    """Of the recogniser's own these words, all pronunciations of each: reading all 134,000 takes long."""
    whole = Path(get_model_path("en-us"), "cmudict-en-us.dict").read_text(encoding="utf-8").splitlines()
    lines = [line for line in whole if line.split()[0].split("(")[0] in said]
    return "\n".join([*lines, *(f"{word} {phones}" for word, phones in PRONUNCIATIONS.items()), ""])


def heard(wave: np.ndarray, language: Language | None = None) -> list[str]:
    """The words of a signal (n,) within -1 to 1; a new decoder each time, since one adapts to what it has heard.

    Of threads that ask at once, one after the other is answered.

    Args:
        language: that of the prompts, unless given.
    """
    with _DECODING:
        decoder = _decoder(language or prompts_language())
        decoder.start_utt()
        decoder.process_raw((np.clip(wave, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
        decoder.end_utt()
        hypothesis = decoder.hyp()
        return hypothesis.hypstr.split() if hypothesis else []


def _decoder(language: Language) -> Decoder:
    models = Path(get_model_path("en-us"))
    with tempfile.TemporaryDirectory() as folder:
        known, said = models / "cmudict-en-us.dict", models / "en-us.lm.bin"
        if language.dictionary is not None and language.grammar is not None:
            known, said = Path(folder, "words.dict"), Path(folder, "words.lm")
            known.write_text(language.dictionary)
            said.write_text(language.grammar)
        return Decoder(hmm=str(models / "en-us"), dict=str(known), lm=str(said), loglevel="FATAL")


def word_errors(found: Sequence[str], true: Sequence[str]) -> int:
    """The fewest words to replace, insert and delete (Levenshtein 1966)."""
    row = list(range(len(true) + 1))
    for i, word in enumerate(found, 1):
        before, row = row, [i]
        for j, wanted in enumerate(true, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (word != wanted)))
    return row[-1]
