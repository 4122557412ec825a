"""The voice that is shipped is the one that was measured, and neither bangs, hisses nor clicks."""

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from scripts import folders
from speech.evaluate import Referee
from speech.module import LearnedVocoder
from tests.conftest import ROOT
from tests.voices import level_db

BITS = 8.3020  # a sample of the test prompts below, on the machine where the voice was trained


@pytest.fixture(scope="module")
def shipped() -> LearnedVocoder:
    found = folders.load_package(ROOT / "speech" / "pretrained")
    domain = OmegaConf.create(found.config).domain
    module = instantiate(domain.module, _convert_="all")
    found.fill(module)
    return module.program(instantiate(domain.data, _convert_="all"))


def test_its_card_attributes_the_prompts() -> None:
    card = (ROOT / "speech" / "pretrained" / "README.md").read_text()
    licence = card.partition("## Licence")[2]
    assert "Allison Smith" in licence
    assert "Attribution-ShareAlike 3.0" in licence


def test_it_is_the_voice_that_was_measured(shipped: LearnedVocoder) -> None:
    referee = Referee(voice="allison", features=shipped.features, split="test", measures=["words"], limit=3)
    scores = referee(shipped).scores
    assert scores["bits_per_sample"].mean() == pytest.approx(BITS, abs=2e-3)
    assert scores["voicing_error"].max() < 0.15
    assert scores["mcd_db"].max() < 4
    assert scores["word_error"].mean() <= 0.2


def test_no_bang_at_the_start_no_hiss_in_pauses_no_click(shipped: LearnedVocoder) -> None:
    referee = Referee(voice="allison", features=shipped.features, split="val", measures=[], limit=4)
    for reference, made in zip(referee.references, shipped(referee.problems), strict=True):
        wanted, found = level_db(reference.wave), level_db(made)
        quiet = wanted <= np.quantile(wanted, 0.1)
        assert np.median(found[quiet]) < np.median(wanted[quiet]) + 3
        assert found[:4].max() < wanted[:4].max() + 6
        assert np.abs(np.diff(made, 2)).max() < 2 * np.abs(np.diff(reference.wave, 2)).max()
