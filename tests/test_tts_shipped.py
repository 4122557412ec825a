"""The speaker that is shipped: it is understood, says the same twice, and a long text sentence by sentence."""

from itertools import islice

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from scripts import folders
from speech.signal import SAMPLE_RATE_HZ
from speech.tts.evaluate import Referee
from speech.tts.module import LearnedTalker
from tests.conftest import ROOT

TEXT = "Please hold. Your call will be answered in 12 minutes."


@pytest.fixture(scope="module")
def shipped() -> LearnedTalker:
    found = folders.load_package(ROOT / "speech" / "tts" / "pretrained")
    domain = OmegaConf.create(found.config).domain
    module = instantiate(domain.module, _convert_="all")
    found.fill(module)
    return module.program(instantiate(domain.data, _convert_="all"))


def test_its_card_attributes_the_prompts() -> None:
    licence = (ROOT / "speech" / "tts" / "pretrained" / "README.md").read_text().partition("## Licence")[2]
    assert "Allison Smith" in licence
    assert "Attribution-ShareAlike 3.0" in licence


def test_it_is_understood_and_lasts_as_long(shipped: LearnedTalker) -> None:
    referee = Referee(
        voice="allison", features=shipped.vocoder.features, split="val", measures=["words", "spectra"], limit=6
    )
    scores = referee(shipped).scores
    assert scores["word_error"].mean() <= 0.1
    assert 0.7 < scores["lasts"].mean() < 1.3
    assert scores["voicing_error"].mean() < 0.2


def test_the_same_text_twice_is_the_same_samples(shipped: LearnedTalker) -> None:
    once, again = (np.concatenate(list(shipped.stream(TEXT))) for _ in range(2))
    assert np.array_equal(once, again)
    assert 2 < len(once) / SAMPLE_RATE_HZ < 8


def test_a_long_text_is_said_as_it_is_taken(shipped: LearnedTalker, monkeypatch: pytest.MonkeyPatch) -> None:
    said, say = [], LearnedTalker.say
    monkeypatch.setattr(LearnedTalker, "say", lambda talker, phrases: said.append(phrases) or say(talker, phrases))
    first, second = islice(shipped.stream(f"{TEXT} " * 200), 2)
    assert len(first) < len(second) < 6 * SAMPLE_RATE_HZ
    assert len(said) == 2
