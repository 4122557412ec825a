"""The speech domain's part in measuring the essay's claims: whether vocoders know that they hear a stranger."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from common.compare import mean_interval
from common.domain import Domain
from common.evidence import Inputs, Subject
from common.evidence.doubt import auroc
from common.program import Figure, Plot
from speech.ceilings import lpc_bits
from speech.data import in_pieces, lead_frames, prompts_of, side_by_side, utterance
from speech.evaluate import Likely
from speech.module import LearnedVocoder, say
from speech.signal import Features, analyse, clipped, whole_frames

KNOWN, NOISE = "", "noise"


def asked(domain: Domain) -> Inputs:
    """A piece of a recording, all samples at once, as in training."""
    referee: Any = domain.evaluator
    vocoder: Any = domain.module.program(domain.data)
    wave = whole_frames(referee.prompts[0].wave.astype(np.float64), vocoder.features.hop)
    return {"": net_inputs(vocoder, analyse(wave, vocoder.features), wave)}


def net_inputs(vocoder: LearnedVocoder, features: Features, wave: np.ndarray) -> dict[str, np.ndarray]:
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


def silence(subject: Subject, *, voice: str, prompts: int, seed: int) -> list[Figure | Plot]:
    """Whether a vocoder's doubt, its bits a sample of a recording, tells strangers and noise from the voice it is for.

    Only a program with a likelihood has a doubt: Griffin-Lim answers whatever it is given. What linear prediction says
    of the same waves (speech.ceilings.lpc_bits, which has seen them) stands beside. (A likelihood may well be higher of
    what was never learned: Nalisnick et al. 2019, arXiv 1810.09136.)

    Args:
        voice: the stranger, of corpus.VOICES.
        prompts: of each, the shortest held-out ones.
        seed: of white noise, as long and as strong as each of the own prompts.
    """
    referee: Any = subject.domain.evaluator
    vocoder: Any = subject.programs[subject.learned]
    likely = {name: program for name, program in subject.programs.items() if isinstance(program, Likely)}
    own, other = (
        [whole_frames(p.wave.astype(np.float64), vocoder.features.hop) for p in prompts_of(who, referee.split, prompts)]
        for who in (referee.voice, voice)
    )
    heard = {KNOWN: own, voice: other, NOISE: noise_like(own, np.random.default_rng(seed))}
    waves = [wave for some in heard.values() for wave in some]
    kinds = np.repeat(list(heard), [len(some) for some in heard.values()])
    features = list(side_by_side(lambda wave: analyse(wave, vocoder.features), waves, "features"))
    found = [item for name, p in likely.items() for item in subject.of(name, doubts(p.bits(features, waves), kinds))]
    return [*found, *(replace(f, program="lpc", kind="ceiling") for f in doubts(lpc_bits(waves), kinds))]


def noise_like(waves: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """White noise, as long and as strong as each wave."""
    return [clipped(rng.normal(0, np.sqrt((wave**2).mean()), len(wave))) for wave in waves]


def doubts(bits: np.ndarray, kinds: np.ndarray) -> list[Figure]:
    """Bits a sample of the own waves and of the strange ones, and how well they tell these apart.

    Args:
        bits: of each wave (n,).
        kinds: of each wave (n,): `KNOWN`, or what is strange.
    """
    parts = {str(kind): bits[kinds == kind] for kind in dict.fromkeys(kinds)}
    apart = {name: auroc(parts[KNOWN], found) for name, found in parts.items() if name != KNOWN}
    return [
        *(Figure("/".join(filter(None, ("bits_per_sample", n))), *mean_interval(b)) for n, b in parts.items()),
        Figure("auroc", *min(apart.values())),
        *(Figure(f"auroc/{name}", *value) for name, value in apart.items()),
    ]
