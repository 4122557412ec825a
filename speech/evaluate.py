"""The held-out prompts and the metrics. Nothing here knows who wrote the program."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from common.compare import mean_interval
from common.program import Evaluation, Figure, Picture, Program, Sound
from speech.ceilings import CEILINGS, flac_bits, lpc_bits
from speech.corpus import VOICES, Prompt, check_voice
from speech.data import check_limit, features_of, prompts_of, side_by_side
from speech.measures import loud_frames, mel_cepstra, mel_cepstral_distortion, opinions, pesq, pitch, pitch_errors, stoi
from speech.picture import spectrogram
from speech.recogniser import heard, prompts_language, spoken, word_errors
from speech.signal import SAMPLE_RATE_HZ, Analysis, Features, clipped, whole_frames

SHOWN = 4  # prompts in the gallery
EXAMPLES = 64  # different pieces on which programs are timed
MEASURES = ("opinions", "words", "stoi", "pesq")  # that a referee may do without


class Reference(NamedTuple):
    """What the metrics need of a recording, `wave` filled up to whole frames."""

    text: str
    wave: np.ndarray
    pitch: np.ndarray
    cepstra: np.ndarray
    loud: np.ndarray


@runtime_checkable
class Likely(Protocol):
    """A program that also says how likely a recording is."""

    def bits(self, problems: Sequence[Features], waves: Sequence[np.ndarray], /) -> np.ndarray:
        """Bits a sample of 16 bits, given those before it and the features; a number a prompt."""
        ...


@runtime_checkable
class Equalised(Protocol):
    """A program that has its answers' mels corrected in the end."""

    def unequalised(self, problems: Sequence[Features], /) -> Sequence[np.ndarray]:
        """The answers without that."""
        ...


class Referee:
    """Scores waveforms made from features: DNSMOS (the headline), other opinions, pitch, spectra, words.

    Args:
        voice: whose prompts, of corpus.VOICES.
        features: how the problems are made from the recordings.
        split: `val` for choosing, `test` for the last look.
        measures: some of MEASURES, beside pitch and spectra: opinions and words take most of the time; pesq needs the
            extra of that name, which is compiled when it is installed.
        limit: use only so many prompts, the shortest.
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
        if "pesq" in measures and find_spec("pesq") is None:
            raise ValueError("evaluator.measures: given pesq, wanted it installed: pip install -e '.[pesq]'")
        language = VOICES[check_voice(voice)].language
        if "words" in measures and language != "English":
            raise ValueError(f"evaluator.measures: given words with {language}, wanted none, such as [opinions,stoi]")
        self.voice = voice
        self.features = features
        self.split = split
        self.measures = measures
        self.limit = check_limit(limit)

    @cached_property
    def prompts(self) -> list[Prompt]:
        return prompts_of(self.voice, self.split, self.limit)

    @cached_property
    def problems(self) -> list[Features]:
        return features_of(self.prompts, self.features)

    @cached_property
    def references(self) -> list[Reference]:
        return list(side_by_side(self._reference, self.prompts, "references"))

    def _reference(self, prompt: Prompt) -> Reference:
        wave = whole_frames(prompt.wave.astype(np.float64), self.features.hop)
        track_hz = pitch(wave)
        return Reference(prompt.text, wave, track_hz, mel_cepstra(wave, track_hz), loud_frames(wave))

    def examples(self, n: int) -> list[Features]:
        """Pieces of a second from different prompts and places: the time that one takes is the real-time factor."""
        second, rng = round(SAMPLE_RATE_HZ / self.features.hop), np.random.default_rng(0)
        pieces = []
        for i in range(min(n, EXAMPLES)):
            frames = self.problems[i % len(self.problems)].frames
            at = rng.integers(max(1, len(frames) - second + 1))
            pieces.append(Features(frames[at : at + second], self.features))
        return [pieces[i % len(pieces)] for i in range(n)]

    def __call__(self, program: Program) -> Evaluation:
        evaluation = self._evaluation(check_waves(program(self.problems), self.references))
        more = {}
        if isinstance(program, Likely):
            more["bits_per_sample"] = program.bits(self.problems, [r.wave for r in self.references])
        if isinstance(program, Equalised):
            waves = check_waves(program.unequalised(self.problems), self.references)
            pairs = list(zip(waves, self.references, strict=True))
            found = side_by_side(lambda pair: _distortion(pair[0], pitch(pair[0]), pair[1]), pairs, "listening")
            more["mcd_db_unequalised"] = np.array(list(found))
        return replace(evaluation, scores={**evaluation.scores, **more})

    def preview(self, program: Program) -> Evaluation:
        """The answers that the gallery shows, by their number."""
        shown = self._shown()
        return Evaluation(dict(zip(shown, program([self.problems[i] for i in shown]), strict=True)), {})

    def _evaluation(self, waves: Sequence[np.ndarray]) -> Evaluation:
        if "words" in self.measures:
            prompts_language()  # once, not by each thread
        pairs = list(zip(waves, self.references, strict=True))
        rows = list(side_by_side(lambda pair: self._scores(*pair), pairs, "listening"))
        scores = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        figures: list[Figure] = []
        for name in ("f0_cents", "f0_gross"):  # of prompts where nothing is voiced in both there is none
            known = scores.pop(name)
            known = known[np.isfinite(known)]
            figures += [Figure(name, *mean_interval(known))] if len(known) else []
        return Evaluation(list(waves), scores, tuple(figures))

    def _scores(self, wave: np.ndarray, reference: Reference) -> dict[str, float]:
        found = opinions(wave) if "opinions" in self.measures else {}
        track_hz = pitch(wave)
        found |= pitch_errors(track_hz, reference.pitch)
        found["mcd_db"] = _distortion(wave, track_hz, reference)
        for name, likeness in (("stoi", stoi), ("pesq", pesq)):
            if name in self.measures:
                found[name] = likeness(wave, reference.wave)
        if "words" in self.measures:
            said = spoken(reference.text)
            found["word_error"] = word_errors(heard(wave), said) / len(said)
        return found

    def ceilings(self) -> dict[str, Evaluation]:
        """What no program made from features: see CEILINGS."""
        waves = [r.wave for r in self.references]
        found = {
            name: self._evaluation([clipped(wave) for wave in side_by_side(make, waves, name)])
            for name, make in CEILINGS.items()
        }
        natural = found["natural"]
        coded = {"flac_bits_per_sample": flac_bits(waves), "lpc_bits_per_sample": lpc_bits(waves)}
        figures = (Figure(name, *mean_interval(bits)) for name, bits in coded.items())
        return found | {"natural": replace(natural, figures=(*natural.figures, *figures))}

    def gallery(self, evaluations: Mapping[str, Evaluation]) -> dict[str, list[Picture]]:
        """For a few prompts the recording's spectrogram above those of what the programs made."""
        shown = {}
        for i in self._shown():
            name, text, wave = self.prompts[i]
            waves = {f"natural: {text}": wave} | {n: e.answers[i] for n, e in evaluations.items()}
            shown[name] = [Picture(spectrogram(w), caption, Sound(w, SAMPLE_RATE_HZ)) for caption, w in waves.items()]
        return shown

    def _shown(self) -> list[int]:
        n = len(self.prompts)
        return list(dict.fromkeys(np.linspace(0, n - 1, min(SHOWN, n)).astype(int).tolist()))


def _distortion(wave: np.ndarray, track_hz: np.ndarray, reference: Reference) -> float:
    return mel_cepstral_distortion(mel_cepstra(wave, track_hz), reference.cepstra, reference.loud)


def check_waves(waves: Sequence[np.ndarray], references: Sequence[Reference]) -> Sequence[np.ndarray]:
    """`waves`, if they are answers.

    Raises:
        ValueError: not one a prompt, not as long as its frames, not finite, or beyond -1 to 1.
    """
    wanted = [len(r.wave) for r in references]
    given = [np.shape(wave) for wave in waves]
    if given != [(n,) for n in wanted]:
        raise ValueError(f"answers: given waveforms of shapes {given[:3]}..., wanted {wanted[:3]}... samples")
    if not all(np.isfinite(wave).all() and np.abs(wave).max() <= 1 for wave in waves):
        raise ValueError("answers: given samples that are not finite or beyond -1 to 1, wanted samples within")
    return waves
