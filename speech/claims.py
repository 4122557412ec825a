"""The speech domain's part in measuring the essay's claims."""

from typing import Any

import numpy as np
import torch

from common.domain import Domain
from common.evidence import Inputs
from speech.data import in_pieces, lead_frames, utterance
from speech.module import LearnedVocoder, say
from speech.signal import Features


def asked(domain: Domain) -> Inputs:
    """A piece of a recording, all samples at once, as in training."""
    referee: Any = domain.evaluator
    vocoder: Any = domain.module.program(domain.data)
    return {"": heard(vocoder, referee.problems[0], referee.references[0].wave)}


def heard(vocoder: LearnedVocoder, features: Features, wave: np.ndarray) -> dict[str, np.ndarray]:
    """What the vocoder's net gets of a waveform's first piece, by the names of its graph's inputs."""
    lead = lead_frames(vocoder.net.receptive_field, vocoder.features)
    piece = next(in_pieces(utterance(wave, features, vocoder.front), lead, vocoder.features))
    given: dict[str, np.ndarray] = {}

    def net(inputs: torch.Tensor, frames: torch.Tensor, _: int) -> torch.Tensor:
        given.update(inputs=inputs.numpy(), frames=frames.numpy())
        return torch.zeros(())

    normalisation = torch.from_numpy(vocoder.mean), torch.from_numpy(vocoder.deviation)
    say(net, piece, vocoder.features, vocoder.front, *normalisation)  # type: ignore[arg-type]
    return given
