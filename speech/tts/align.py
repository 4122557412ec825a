"""When each phone of a recording is said: forced alignment by CMU Pocketsphinx, whose package carries the models.

It is told the phones, and finds times for them and for silences between words (Viterbi 1967), to 10 ms.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from pocketsphinx import Decoder, get_model_path
from rich.console import Console
from rich.progress import track

from speech.corpus import Prompt
from speech.data import remembered
from speech.signal import SAMPLE_RATE_HZ
from speech.tts import units
from speech.tts.pronounce import phrases
from speech.tts.spoken import Phrase
from speech.tts.units import SYMBOLS, units_of

STEP_S = 0.01
READ = {  # where she does not say what is written
    "demo-instruct": {
        "8500": "eight five zero zero",  # before its end
        "500 to": "five zero zero to",
        "600": "six zero zero",
        "Finally,": "",
    },
    "spy-h323": {"H.323": "H three two three"},
}
WIDE = {"bestpath": False, "beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}  # narrower ones lose a prompt in seven


def said_in(prompt: Prompt) -> list[Phrase]:
    """What a prompt says."""
    text = prompt.text
    for written, read in READ.get(prompt.name, {}).items():
        text = text.replace(written, read)
    return list(phrases(text))


def aligned(chosen: Sequence[Prompt]) -> list[np.ndarray]:
    """Of each prompt float64 (units,): the seconds that its units last, from the cache where it has them.

    Raises:
        ValueError: a recording does not say its text, or what the cache has is damaged.
    """
    said = [said_in(prompt) for prompt in chosen]
    key = hashlib.sha256(repr((said, WIDE, version("pocketsphinx"))).encode())
    for code in (__file__, units.__file__):
        key.update(Path(code).read_bytes())
    for prompt in chosen:
        key.update(prompt.wave.tobytes())
    return remembered(f"alignments-{key.hexdigest()[:16]}", [prompt.name for prompt in chosen], _align(chosen, said))


def _align(chosen: Sequence[Prompt], said: Sequence[Sequence[Phrase]]) -> Iterator[np.ndarray]:
    shown = track(list(zip(chosen, said, strict=True)), "alignment", console=Console(stderr=True), transient=True)
    for prompt, each in shown:
        yield _spans(prompt, each)


def _spans(prompt: Prompt, said: Sequence[Phrase]) -> np.ndarray:
    """Of one prompt, by a decoder of its own: one adapts to what it has heard."""
    raw = (np.clip(prompt.wave, -1, 1) * 32767).astype(np.int16).tobytes()
    words = [word for phrase in said for word in phrase.words]
    entries = {f"{word.text} {' '.join(phone.name for phone in word.phones)}" for word in words}
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder, "words.dict")
        known.write_text("\n".join([*sorted(entries), ""]))
        models = Path(get_model_path("en-us"), "en-us")
        decoder = Decoder(hmm=str(models), dict=str(known), lm=None, loglevel="FATAL", **WIDE)
    decoder.set_align_text(" ".join(word.text for word in words))
    _listen(decoder, raw)
    if decoder.hyp() is None:
        raise ValueError(f"{prompt.name}: given a recording that does not say {prompt.text!r}, wanted one that does")
    decoder.set_alignment()
    _listen(decoder, raw)
    lasting = [(p.name, p.duration * STEP_S) for word in decoder.get_alignment() for p in word]
    return spread(lasting, said, len(prompt.wave) / SAMPLE_RATE_HZ)


def _listen(decoder: Decoder, raw: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(raw, full_utt=True)
    decoder.end_utt()


def spread(lasting: Sequence[tuple[str, float]], said: Sequence[Phrase], seconds: float) -> np.ndarray:
    """Times of phones and silences, in order, as the seconds that each unit of `said` lasts; they sum to `seconds`."""
    symbols = [SYMBOLS[number] for number in units_of(said).symbol]
    is_phone = [symbol.isupper() for symbol in symbols]
    spans, at = np.zeros(len(symbols)), 0
    for name, duration in lasting:
        silence = name == "SIL" or name.startswith("+")
        if not silence:
            at += 1
            while not is_phone[at]:
                at += 1
        gap = at if not is_phone[at] else at + 1  # silences come after a word, or before the first
        spans[gap if silence else at] += duration
    spans[-1] = max(spans[-1] + seconds - spans.sum(), 0.0)  # times are whole steps
    return spans * (seconds / spans.sum())
