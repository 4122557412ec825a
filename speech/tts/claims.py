"""Text to speech's part in measuring the essay's claims."""

from typing import Any

import numpy as np
import torch

from common.domain import Domain
from common.evidence import Inputs
from speech.claims import net_inputs
from speech.signal import whole_frames
from speech.tts.pronounce import phrases
from speech.tts.units import rows_of, units_of, utterances


@torch.inference_mode()
def asked(domain: Domain) -> Inputs:
    """One sentence, as each of the three graphs gets it."""
    talker: Any = domain.module.program(domain.data)
    (text,) = domain.evaluator.examples(1)
    said = next(utterances(phrases(text)))
    units = {name: part[None] for name, part in zip(("symbol", "stress", "place"), units_of(said), strict=True)}
    encoded, log_spans = talker.acoustic.encode(*map(torch.from_numpy, units.values()))
    spans = log_spans[0].double().expm1().clamp_min(0).numpy()
    unit, within = (part[None] for part in rows_of(spans, np.arange(round(spans.sum()))))
    rows = {"encoded": encoded.numpy(), "unit": unit, "within": within, "inside": np.ones_like(unit, bool)}
    (wave,), features = talker([text]), talker.say(said)
    wave = whole_frames(wave.astype(np.float64), features.analysis.hop)[: len(features.frames) * features.analysis.hop]
    return {"encode": units, "decode": rows, "vocoder": net_inputs(talker.vocoder, features, wave)}
