"""The held-out sentences and the metrics. Nothing here knows who wrote the program."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import librosa
import numpy as np

from common.compare import mean_interval
from common.program import Evaluation, Figure, Picture, Program, Sound
from speech.corpus import VOICES, Prompt, check_voice
from speech.data import check_limit, prompts_of, side_by_side
from speech.measures import loud_frames, mel_cepstra, mel_cepstral_distortion, opinions, pitch
from speech.picture import spectrogram
from speech.recogniser import ENGLISH, Language, heard, prompts_language, spoken, word_errors
from speech.signal import SAMPLE_RATE_HZ, Analysis, clipped, whole_frames
from speech.tts.align import aligned, said_in
from speech.tts.pronounce import phrases
from speech.tts.spoken import Phrase

SENTENCES = Path(__file__).with_name("sentences.txt")
GROUPS = ("seen_words", "out_of_domain")
MEASURES = ("opinions", "words", "any_words", "spectra", "groups")
SHOWN = 4  # sentences of each kind in the gallery
LOWEST_OPINION = 1.0  # what silence is worth
ROOM = 1e-4  # RMS of the noise in the median prompt, added to all that is to be recognised: digital silence is misheard
SHORTEST_S = 0.1  # that pitch and cepstra can be had of


class Track(NamedTuple):
    """What is compared of a waveform, every speech.measures.HOP: `pitch` (n,), `cepstra` (n, order), `loud` (n,)."""

    pitch: np.ndarray
    cepstra: np.ndarray
    loud: np.ndarray


@runtime_checkable
class Likely(Protocol):
    """A program that also says how likely a recording is, given its text and when its phones are said."""

    def bits(
        self, said: Sequence[Sequence[Phrase]], waves: Sequence[np.ndarray], seconds: Sequence[np.ndarray], /
    ) -> np.ndarray:
        """Bits a sample of 16 bits, given those before it; a number a recording."""
        ...


class Referee:
    """Scores waveforms made from texts: the share of words that a recogniser hears right (the headline), opinions.

    Args:
        voice: whose prompts, of corpus.VOICES; an English one.
        features: of programs that are asked how likely a recording is.
        split: `val` for choosing, `test` for the last look.
        measures: some of MEASURES: `words` with the grammar of the prompts, `any_words` with that of all English,
            `spectra` against the recordings, `groups`, the sentences beyond the prompts, by both recognisers.
        limit: use only so many prompts, the shortest, and so many sentences of each group.
    """

    def __init__(
        self,
        *,
        voice: str,
        features: Analysis,
        split: Literal["val", "test"],
        measures: Sequence[str],
        limit: int | None = None,
    ) -> None:
        if split not in ("val", "test"):
            raise ValueError(f"split: given {split!r}, wanted one of val, test")
        if unknown := set(measures) - set(MEASURES):
            raise ValueError(f"evaluator.measures: given {sorted(unknown)}, wanted some of {', '.join(MEASURES)}")
        if VOICES[check_voice(voice)].language != "English":
            raise ValueError(f"evaluator.voice: given {voice}, wanted an English one")
        self.voice = voice
        self.features = features
        self.split = split
        self.measures = measures
        self.limit = check_limit(limit)

    @cached_property
    def prompts(self) -> list[Prompt]:
        return prompts_of(self.voice, self.split, self.limit)

    @property
    def texts(self) -> list[str]:
        """The problems that are scored."""
        return [prompt.text for prompt in self.prompts]

    @cached_property
    def waves(self) -> list[np.ndarray]:
        return [whole_frames(prompt.wave.astype(np.float64), self.features.hop) for prompt in self.prompts]

    @cached_property
    def tracks(self) -> list[Track]:
        return list(side_by_side(tracked, self.waves, "references"))

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        return {name: sentences(name, self.split)[: self.limit] for name in GROUPS}

    def examples(self, n: int) -> list[str]:
        """The prompts, over and over; those alone whose words were all recorded, which nobody refuses."""
        recorded = words_in(phrase for prompt in prompts_of(self.voice, "train", None) for phrase in said_in(prompt))
        known = [text for text in self.texts if words_in(phrases(text)) <= recorded] or self.texts
        return [known[i % len(known)] for i in range(n)]

    def __call__(self, program: Program) -> Evaluation:
        evaluation = self._evaluation(check_waves(program(self.texts), len(self.texts)))
        figures = list(evaluation.figures)
        if "groups" in self.measures:
            for name, texts in self.groups.items():
                figures += self._group(name, texts, check_waves(program(texts), len(texts)))
        more = {}
        if isinstance(program, Likely):
            more["bits_per_sample"] = program.bits(
                [said_in(p) for p in self.prompts], self.waves, aligned(self.prompts)
            )
        return replace(evaluation, scores={**evaluation.scores, **more}, figures=tuple(figures))

    def preview(self, program: Program) -> Evaluation:
        """The answers that the gallery shows, by their number."""
        shown = self._shown()
        return Evaluation(dict(zip(shown, program([self.texts[i] for i in shown]), strict=True)), {})

    def _evaluation(self, waves: Sequence[np.ndarray]) -> Evaluation:
        if "words" in self.measures:
            prompts_language()  # once, not by each thread
        tracks = self.tracks if "spectra" in self.measures else [None] * len(waves)
        triples = list(zip(waves, self.texts, tracks, strict=True))
        rows = list(side_by_side(lambda triple: self._scores(*triple), triples, "listening"))
        scores = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        figures, answered = [], scores["refused"] == 0
        if not answered.all():
            for name in DIFFERENCES:
                if name in scores and answered.any():
                    figures.append(Figure(f"{name}/answered", *mean_interval(scores[name][answered])))
                scores.pop(name, None)
        return Evaluation(list(waves), scores, tuple(figures))

    def _scores(self, wave: np.ndarray, text: str, recorded: Track | None) -> dict[str, float]:
        found = {}
        if "words" in self.measures:
            error = word_error(wave, text, prompts_language())
            found = {"words_right": max(0.0, 1 - error), "word_error": error}
        if "any_words" in self.measures:
            found["any_word_error"] = word_error(wave, text, ENGLISH)
        if "opinions" in self.measures:
            found |= opinions_of(wave)
        found["refused"] = float(not len(wave))
        if recorded is not None:
            found |= differences(wave, recorded) if len(wave) else dict.fromkeys(DIFFERENCES, np.nan)
        return found

    def _group(self, name: str, texts: Sequence[str], waves: Sequence[np.ndarray]) -> list[Figure]:
        """What the judges say of these sentences; a grammar of prompts and sentences only where it knows the words."""
        language = prompts_language(tuple(texts)) if name == "seen_words" else None

        def scores(wave: np.ndarray, text: str) -> dict[str, float]:
            row = {"any_word_error": word_error(wave, text, ENGLISH), "refused": float(not len(wave))}
            if language:
                row["word_error"] = word_error(wave, text, language)
            return row | (opinions_of(wave) if "opinions" in self.measures else {})

        pairs = list(zip(waves, texts, strict=True))
        rows = list(side_by_side(lambda pair: scores(*pair), pairs, "listening"))
        return [
            Figure(f"{metric}/{name}", *mean_interval(np.array([row[metric] for row in rows]))) for metric in rows[0]
        ]

    def ceilings(self) -> dict[str, Evaluation]:
        """The recordings."""
        return {"natural": self._evaluation([clipped(wave) for wave in self.waves])}

    def gallery(self, evaluations: Mapping[str, Evaluation]) -> dict[str, list[Picture]]:
        """For a few sentences the recording's spectrogram above those of what the programs said."""
        shown = {}
        for i in self._shown():
            waves = {f"natural: {self.texts[i]}": self.waves[i]} | {n: e.answers[i] for n, e in evaluations.items()}
            shown[self.prompts[i].name] = [
                Picture(spectrogram(wave), caption, Sound(wave, SAMPLE_RATE_HZ))
                for caption, wave in waves.items()
                if len(wave)
            ]
        return shown

    def _shown(self) -> list[int]:
        n = len(self.texts)
        return list(dict.fromkeys(np.linspace(0, n - 1, min(SHOWN, n)).astype(int).tolist()))


def sentences(group: str, split: Literal["val", "test"]) -> list[str]:
    """The first half of a group of SENTENCES, or the second."""
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    begin = lines.index(f"[{group}]") + 1
    chosen = []
    for line in lines[begin:]:
        if line.startswith("["):
            break
        chosen += [line] if line and not line.startswith(";") else []
    half = len(chosen) // 2
    return chosen[:half] if split == "val" else chosen[half:]


def words_in(said: Iterable[Phrase]) -> set[str]:
    """As they are pronounced."""
    return {word.text for phrase in said for word in phrase.words}


def word_error(wave: np.ndarray, text: str, language: Language) -> float:
    """Wrong, missing and added words in a share of those of the text; 1 of a wave without a sample."""
    if not len(wave):
        return 1.0
    said, room = spoken(text), ROOM * np.random.default_rng(0).standard_normal(len(wave))
    return word_errors(heard(wave + room, language), said) / len(said)


def opinions_of(wave: np.ndarray) -> dict[str, float]:
    """As speech.measures.opinions; the lowest ones of a wave without a sample."""
    return opinions(wave) if len(wave) else dict.fromkeys(("dnsmos", "p808", "plcmos"), LOWEST_OPINION)


def tracked(wave: np.ndarray) -> Track:
    """Of a waveform (n,), filled up to SHORTEST_S."""
    wave = np.pad(np.asarray(wave, np.float64), (0, max(0, round(SHORTEST_S * SAMPLE_RATE_HZ) - len(wave))))
    hz = pitch(wave)
    return Track(hz, mel_cepstra(wave, hz), loud_frames(wave))


DIFFERENCES = ("mcd_db", "voicing_error", "lasts")


def differences(wave: np.ndarray, true: Track) -> dict[str, float]:
    """From a recording, along the path that brings their cepstra closest (dynamic time warping, Sakoe and Chiba 1978).

    `mcd_db` where the recording is loud, `voicing_error`, and `lasts`, in times what the recording does.
    """
    found = tracked(wave)
    _, path = librosa.sequence.dtw(found.cepstra[:, 1:].T, true.cepstra[:, 1:].T, metric="euclidean")
    i, j = path.T
    loud = true.loud[np.minimum(j, len(true.loud) - 1)]
    return {
        "mcd_db": mel_cepstral_distortion(found.cepstra[i], true.cepstra[j], loud),
        "voicing_error": float(((found.pitch[i] > 0) != (true.pitch[j] > 0)).mean()),
        "lasts": len(found.pitch) / len(true.pitch),
    }


def check_waves(waves: Sequence[np.ndarray], wanted: int) -> Sequence[np.ndarray]:
    """`waves`, if they are answers.

    Raises:
        ValueError: not one a text, not waveforms, not finite, or beyond -1 to 1.
    """
    shapes = [np.shape(wave) for wave in waves]
    if len(shapes) != wanted or any(len(shape) != 1 for shape in shapes):
        raise ValueError(f"answers: given waveforms of shapes {shapes[:3]}..., wanted {wanted} of (samples,)")
    if not all(np.isfinite(wave).all() and np.abs(wave).max(initial=0) <= 1 for wave in waves):
        raise ValueError("answers: given samples that are not finite or beyond -1 to 1, wanted samples within")
    return waves
