"""Small vocoders with random weights, and pieces of real speech."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytorch_lightning as pl
import torch

from common.optim import adamw, triangle
from speech import signal
from speech.corpus import parts, prompts
from speech.data import Prompts, lead_frames
from speech.front import Front
from speech.generate import Sampler
from speech.module import LearnedVocoder, Sampling, Vocoder
from speech.net import WaveNet, WaveRNN
from speech.outputs import Logistics, MuLaw
from speech.signal import Analysis, Features

COARSE = Analysis(n_fft=1024, window=1024, hop=256, subframes=4)
FINE = Analysis(n_fft=1024, window=640, hop=160, subframes=2)
AIDED, PURE = Front(lpc=True, pitch=True), Front(lpc=False, pitch=False)
ARMS = [
    (COARSE, AIDED, Logistics(mixtures=4)),
    (FINE, AIDED, Logistics(mixtures=1)),
    (FINE, Front(lpc=False, pitch=True), MuLaw(levels=64, reach=150)),
    (COARSE, PURE, MuLaw(levels=256, reach=185)),
]
HOW = Sampling(noise=0.2, voiced=0.6, unvoiced=0.85, equaliser=1, seed=0, sharpened=True, comb=0.5)


def small_net(front: Front, outputs: Logistics | MuLaw) -> WaveNet:
    """Random weights, none of them idle."""
    torch.manual_seed(0)
    net = WaveNet(
        front=front, outputs=outputs, channels=16, cycles=2, cycle=3, skip_channels=32, condition_channels=8
    ).requires_grad_(False)
    net.leave.weight.normal_(0, 0.3)
    net.residual_bias.normal_(0, 0.1)
    return net


def small_rnn(front: Front, outputs: Logistics | MuLaw) -> WaveRNN:
    torch.manual_seed(0)
    net = WaveRNN(
        front=front, outputs=outputs, channels=16, hidden_channels=32, condition_channels=8, receptive_field=50
    ).requires_grad_(False)
    net.leave.weight.normal_(0, 0.3)
    return net


def vocoder(
    analysis: Analysis, front: Front, outputs: Logistics | MuLaw, make: Callable[..., WaveNet | WaveRNN] = small_net
) -> LearnedVocoder:
    """As a module makes it."""
    trained = Vocoder(
        features=analysis, front=front, outputs=outputs, sampling=HOW, net=make(front, outputs), ema_decay=0.5,
        optimizer=partial(adamw, lr=1e-3, weight_decay=0.0), schedule=triangle(peak=0.1, start=0.1, end=0.1),
    )  # fmt: skip
    trained.deviation.fill_(5)
    return trained.program(pl.LightningDataModule())


def some(analysis: Analysis, n: int) -> tuple[list[np.ndarray], list[Features]]:
    """The shortest prompts of the training part, of different lengths, and their features."""
    shortest = sorted((prompts("allison")[name].wave for name in parts("allison")["train"]), key=len)[: 3 * n : 3]
    waves = [signal.whole_frames(wave.astype(np.float64), analysis.hop) for wave in shortest]
    return waves, [signal.analyse(wave, analysis) for wave in waves]


def sampler(program: LearnedVocoder, noise: float = 0.0) -> Sampler:
    return Sampler(
        program.net,
        program.features,
        program.front,
        program.outputs,
        lead_frames=lead_frames(program.net.receptive_field, program.features),
        noise=noise,
        mean=program.mean,
        deviation=program.deviation,
    )


def data(**changed: object) -> Prompts:
    settings = {
        "voice": "allison",
        "features": COARSE,
        "front": AIDED,
        "crop": 1000,
        "receptive_field": 15,
        "batch_size": 4,
        "crops": 12,
    }
    made = Prompts(**settings | {"noise": 0.4, "seed": 0, "limit": 3} | changed)  # type: ignore[arg-type]
    made.setup()
    return made


def level_db(wave: np.ndarray) -> np.ndarray:
    """Of every 5 ms."""
    return 10 * np.log10((wave[: len(wave) // 80 * 80].astype(np.float64).reshape(-1, 80) ** 2).mean(1) + 1e-12)
