"""Recordings cut up and put together: what is kept, what is chosen, how it sounds."""

import itertools

import numpy as np
import pytest

from speech.tts.splice import FADE_S, KEPT, PAUSE_S, Library, Recording, Run, Token, encode, kept, library, splice
from speech.tts.spoken import MARKS

RATE = 16000


def tokens(text: str) -> tuple[Token, ...]:
    """`a b, c.`: words, some with the mark that ends their phrase."""
    return tuple(Token(word.rstrip("".join(MARKS)), word[-1] if word[-1] in MARKS else "") for word in text.split())


def recorded(text: str, pitch_hz: float = 300.0, silence_s: float = 0.05) -> Recording:
    """Every word a tenth of a second of its own tone, so much silence between."""
    said = tokens(text)
    begins = np.arange(len(said)) * (0.1 + silence_s) + 0.05
    wave = np.zeros(round(RATE * (0.15 * len(said) + 0.1)), np.float32)
    for i, begin in enumerate(begins):
        at = np.arange(round(begin * RATE), round((begin + 0.1) * RATE))
        wave[at] = 0.3 * np.sin(2 * np.pi * pitch_hz * (i + 1) * at / RATE)
    return Recording(said, begins, begins + 0.1, wave)


def test_g722_keeps_the_sound() -> None:
    from speech.corpus import decode

    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE) * np.hanning(RATE)
    made = decode(encode(wave).tobytes(), "a tone")
    assert len(encode(wave)) == pytest.approx(RATE / 2, abs=200), "64 kbit a second"
    delay = 22  # of its filters
    error = made[delay : RATE - 100] - wave[: RATE - 100 - delay]
    assert 10 * np.log10((wave**2).mean() / (error**2).mean()) > 20


def test_every_few_words_in_a_row_are_kept_once() -> None:
    recordings = [recorded(text) for text in ("a b c d e.", "b c d x.", "a b c d e.", "y.", "c d e.")]
    stretches = list(kept(recordings))
    assert stretches == [(0, 0, 4), (1, 1, 3), (3, 0, 0)], "the others say nothing new"
    wanted = {r.tokens[i : i + KEPT] for r in recordings for i in range(max(1, len(r.tokens) - KEPT + 1))}
    there = {recordings[n].tokens[i : i + KEPT] for n, first, last in stretches for i in range(first, last + 1)}
    assert wanted <= there


def test_a_piece_from_within_a_recording_has_nothing_of_the_words_around_it() -> None:
    cut = library([recorded("a b c d e."), recorded("b c d x y.", silence_s=0.0), recorded("d x y z.", silence_s=0.0)])
    assert [[token.word for token in piece] for piece in cut.pieces[1:]] == [["c", "d", "x", "y"], ["d", "x", "y", "z"]]
    alone = cut.sound(Run(1, 0, 0))
    assert len(alone) == pytest.approx(0.1 * RATE, abs=2)
    loudest_hz = np.abs(np.fft.rfft(alone[: RATE // 50])).argmax() * 50
    assert loudest_hz == pytest.approx(600, abs=50), "its own tone from the first sample on"


def joins(cut: Library, wanted: tuple[Token, ...]) -> float:
    """What the cheapest way costs, by trying all."""
    best = np.inf
    for cuts in itertools.product([False, True], repeat=len(wanted) - 1):
        edges = [0, *(i + 1 for i, c in enumerate(cuts) if c), len(wanted)]
        total = 0.0
        for a, b in itertools.pairwise(edges):
            row, price = wanted[a:b], np.inf
            for piece in cut.pieces:
                for at in range(len(piece) - len(row) + 1):
                    there = piece[at : at + len(row)]
                    same = [t.word for t in there] == [t.word for t in row]
                    if same and all(x.mark == y.mark for x, y in zip(there[:-1], row[:-1], strict=True)):
                        price = min(price, 1 + 0.5 * (bool(there[-1].mark) != bool(row[-1].mark)))
            total += price
        best = min(best, total)
    return best


@pytest.mark.parametrize("text", ["a b c.", "d a b x.", "c, a b.", "x y a b c d", "b", "e. d e?"])
def test_the_way_with_the_fewest_joins_is_found(text: str) -> None:
    cut = library([recorded(t) for t in ("a b c d e.", "x y.", "b c d x.", "c, a b", "d e?")])
    wanted = tokens(text)
    runs = cut.runs(wanted)
    said = [token.word for run in runs for token in cut.pieces[run.piece][run.first : run.last + 1]]
    assert said == [token.word for token in wanted]
    prices = []
    for run, end in zip(runs, np.cumsum([run.last - run.first + 1 for run in runs]) - 1, strict=True):
        found = cut.pieces[run.piece][run.last]
        prices.append(1 + 0.5 * (bool(found.mark) != bool(wanted[end].mark)))
    assert sum(prices) == joins(cut, wanted)


def test_a_run_sounds_as_it_was_recorded() -> None:
    whole = recorded("a b c.")
    cut = library([whole])
    (run,) = cut.runs(tokens("b c."))
    sound = cut.sound(run)
    assert len(sound) / RATE == pytest.approx(0.1 + 0.05 + 0.1 + 0.025 + 0.04, abs=0.01)
    for begin, tone_hz in ((0.025, 600), (0.175, 900)):
        word = sound[round((begin + 0.02) * RATE) : round((begin + 0.08) * RATE)]
        power = np.abs(np.fft.rfft(word * np.hanning(len(word)), RATE))
        assert power.argmax() == pytest.approx(tone_hz, abs=5)


def test_sounds_fade_into_each_other_or_stand_apart() -> None:
    one, fade = np.ones(1000), round(FADE_S * RATE)
    together = splice([one, one], [0.0, 0.0])
    assert len(together) == 2000 - fade
    np.testing.assert_allclose(together[fade : 2000 - 2 * fade], 1, atol=1e-6)
    apart = splice([one, one], [PAUSE_S[","], 0.0])
    assert len(apart) == 2000 + round(PAUSE_S[","] * RATE)
    assert not apart[1000 : 1000 + round(PAUSE_S[","] * RATE)].any()
