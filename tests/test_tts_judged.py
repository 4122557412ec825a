"""The referee of text to speech, the programs that it judges, and what can be asked of them."""

import json
from collections.abc import Sequence

import numpy as np
import pytest
import soundfile

from common.answering import threads
from common.frozen import freeze, thaw
from common.program import Program
from scripts import folders
from speech.corpus import grams, parts, prompts
from speech.data import prompts_of
from speech.recogniser import spoken
from speech.signal import clipped
from speech.tts.baseline import Formants, FormantTalker, Splicer, Splicing
from speech.tts.evaluate import GROUPS, Referee, check_waves, differences, sentences, tracked
from speech.tts.predict import predict
from speech.tts.splice import Refusal, library
from tests.conftest import ROOT
from tests.test_tts import sentences as data
from tests.test_tts_splice import recorded
from tests.voices import COARSE

MEASURES = ["words", "spectra"]


def referee(**changed: object) -> Referee:
    settings = {"voice": "allison", "features": COARSE, "split": "val", "measures": MEASURES, "limit": 2}
    return Referee(**settings | changed)  # type: ignore[arg-type]


def test_sentences_of_seen_words_are_of_seen_words_and_unseen() -> None:
    known = prompts("allison")
    recorded = {word for name in parts("allison")["train"] for word in spoken(known[name].text)}
    said = {gram for prompt in known.values() for gram in grams(prompt.text)}
    for split in ("val", "test"):
        for text in sentences("seen_words", split):  # type: ignore[arg-type]
            assert set(spoken(text)) <= recorded, text
            assert not set(grams(text)) & said, text
        for text in sentences("out_of_domain", split):  # type: ignore[arg-type]
            assert not set(spoken(text)) <= recorded, text
    for group in GROUPS:
        assert len(sentences(group, "val")) == len(sentences(group, "test")) == 12
        assert not set(sentences(group, "val")) & set(sentences(group, "test"))


def test_a_recording_is_heard_right_and_differs_in_nothing_from_itself() -> None:
    judge = referee()
    evaluation = judge(lambda texts: [clipped(wave) for wave in judge.waves])
    assert evaluation.scores["word_error"].mean() <= 0.2
    for name, nothing in {"mcd_db": 0, "voicing_error": 0, "lasts": 1, "refused": 0}.items():
        np.testing.assert_allclose(evaluation.scores[name], nothing, atol=0.02)


def test_by_two_threads_the_scores_are_those_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of programs that say what they are asked, but the second of each kind of text."""
    monkeypatch.setattr("speech.tts.evaluate.sentences", lambda group, split: ["hello", "goodbye", "zero nine"])
    talker = Formants(rate=1.0, seed=0).build(None)

    def answer(texts: Sequence[str]) -> list[np.ndarray]:
        return [np.zeros(0, np.float32) if i == 1 else wave for i, wave in enumerate(talker(texts))]

    measures = ["words", "any_words", "spectra", "groups"]
    alone, together = [], []
    for found, many in ((alone, 1), (together, 2)):
        with threads(many):
            evaluation = referee(limit=3, measures=measures)(answer)
        found += [*evaluation.scores.items(), *((f.metric, f.value) for f in evaluation.figures)]
    assert dict(alone).keys() == dict(together).keys() >= {"word_error/seen_words", "any_word_error/out_of_domain"}
    for (name, one), (_, two) in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, two, err_msg=name)
    scores = dict(alone)
    assert scores["word_error"][1] == scores["any_word_error"][1] == scores["refused"][1] == 1
    assert scores["refused/seen_words"] == scores["refused/out_of_domain"] == 1 / 3
    assert 1 / 3 <= scores["word_error/seen_words"] < 1


def test_a_recording_played_slowly_differs_in_its_length_alone() -> None:
    """What is compared is warped in time; noise in its place is far off."""
    wave = referee(limit=1).waves[0]
    true, rng = tracked(wave), np.random.default_rng(0)
    late = differences(np.concatenate([np.zeros(3200), wave]), true)
    assert late["lasts"] == pytest.approx(1 + 3200 / len(wave), abs=0.01)
    assert late["mcd_db"] < 1
    assert late["voicing_error"] < 0.05
    assert differences(rng.normal(0, 0.1, len(wave)).clip(-1, 1), true)["mcd_db"] > 6


def test_a_refusal_hears_no_word_right() -> None:
    judge = referee()
    evaluation = judge(lambda texts: [np.zeros(0, np.float32), clipped(judge.waves[1])])
    assert evaluation.scores["refused"].tolist() == [1, 0]
    assert evaluation.scores["words_right"][0] == 0
    assert evaluation.scores["word_error"][0] == 1
    assert "mcd_db" not in evaluation.scores, "not every answer has it"
    assert {figure.metric: figure.value for figure in evaluation.figures}["mcd_db/answered"] == pytest.approx(
        0, abs=0.02
    )


@pytest.mark.parametrize(
    ("waves", "said"),
    [
        ([np.zeros(3)], r"given waveforms of shapes \[\(3,\)\]..., wanted 2 of \(samples,\)"),
        ([np.zeros((3, 2)), np.zeros(3)], r"wanted 2 of \(samples,\)"),
        ([np.zeros(3), np.full(3, np.nan)], "given samples that are not finite or beyond -1 to 1"),
        ([np.zeros(3), np.full(3, 1.5)], "given samples that are not finite or beyond -1 to 1"),
    ],
)
def test_answers_that_are_none_are_refused(waves: list[np.ndarray], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_waves(waves, 2)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"measures": ["beauty"]}, r"evaluator.measures: given \['beauty'\], wanted some of opinions, words"),
        ({"voice": "june"}, "evaluator.voice: given june, wanted an English one"),
        ({"split": "train"}, "split: given 'train', wanted one of val, test"),
    ],
)
def test_a_referee_says_what_it_wants(settings: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        referee(**settings)


# The hand-written programs


def test_spliced_words_are_the_recorded_ones() -> None:
    """Of a prompt that was recorded, the recording comes back."""
    program = Splicing().build(data(limit=12, waveforms=False))
    _, text, wave = prompts_of("allison", "train", 12)[-1]
    (said,) = program([text])
    likeness = np.correlate(wave, said, "valid" if len(wave) >= len(said) else "full").max()
    assert likeness / np.sqrt((wave**2).sum() * (said**2).sum()) > 0.9
    again = program([text, "zebra"])
    assert np.array_equal(again[0], said)
    assert len(again[1]) == 0
    assert program.missing("zebra " + text) == ["zebra"]
    with pytest.raises(Refusal, match="text: given zebra, wanted words that were recorded"):
        list(program.stream("zebra"))


@pytest.mark.parametrize("program", [FormantTalker(1.25, 3), Splicer(library([recorded("a b c."), recorded("d")]))])
def test_the_hand_written_programs_travel(program: Program) -> None:
    arrays: dict[str, np.ndarray] = {}
    tree = freeze(program, "program", arrays)
    again = thaw(json.loads(json.dumps(tree)), arrays, "speech")
    assert type(again) is type(program)
    assert json.dumps(freeze(again, "program", {})) == json.dumps(tree)


def test_formants_are_understood() -> None:
    program = Formants(rate=1.0, seed=0).build(None)
    judge = referee(limit=4, measures=["words"])
    assert judge(program).scores["word_error"].mean() <= 0.5


# What can be asked


def test_a_text_is_spoken_into_files(tmp_path) -> None:  # type: ignore[no-untyped-def]
    programs: dict[str, Program] = {
        "formants": Formants(rate=1.0, seed=0).build(None),
        "splicing": Splicing().build(data(limit=3, waveforms=False)),
    }
    lines = list(predict(programs, "A zebra. Two zebras!", tmp_path))
    assert lines[0].startswith("formants: ")
    assert lines[1].startswith("splicing: text: given a, two, zebra, zebras, wanted")
    wave, rate_hz = soundfile.read(tmp_path / "formants.wav")
    assert rate_hz == 16000
    assert 0.5 < len(wave) / rate_hz < 6
    assert {path.name for path in tmp_path.iterdir()} == {"formants.wav", "formants.png"}


@pytest.mark.parametrize("text", ["", "...", "привет", "好"])
def test_what_cannot_be_said_leaves_nothing_half_written(text: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="text: given"):
        list(predict({"formants": Formants(rate=1.0, seed=0).build(None)}, text, tmp_path))
    assert not list(tmp_path.iterdir())


def test_what_is_too_short_to_be_compared_is_compared_all_the_same() -> None:
    true = tracked(referee(limit=1).waves[0])
    assert np.isfinite(list(differences(np.full(1, 0.5), true).values())).all()


def test_programs_are_timed_on_what_nobody_refuses() -> None:
    shipped = folders.load_package(ROOT / "speech" / "tts" / "pretrained").baselines()["splicing"]
    for split in ("val", "test"):
        examples = referee(limit=None, split=split).examples(100)
        assert len(set(examples)) > 10
        assert not [text for text in examples if shipped.missing(text)]
