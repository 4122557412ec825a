"""The loss, and how the trained net becomes a Program."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from common.module import Metrics, Module
from common.portable import Graph
from speech.data import Crops, in_pieces, lead_frames, utterance
from speech.front import CONTEXT_FRAMES, LONGEST_LAG, Front, inputs, normalised, periods, predict
from speech.generate import Sampler
from speech.net import WaveNet, WaveRNN
from speech.outputs import NATS_PER_BIT, Outputs
from speech.postfilter import combed
from speech.signal import LSB, WIDTH, Analysis, Features, check_features, check_length, de_emphasis, finished


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How samples are drawn.

    Args:
        noise: the level of noise that the net is told its past has.
        voiced, unvoiced: multiply the scale of what is drawn (the temperature, of a softmax), by the features' voicing.
        equaliser: passes of the mel equaliser over what is generated; 0 for none.
        seed: of the draws, beside each utterance's voicing (speech.signal.own_stream).
        sharpened: whether the choice among a mixture's parts gets that temperature too: unlikely ones are drawn less.
        comb: share by which low frequencies are moved towards a pitch period before and after, twice where speech is
            weak (speech.postfilter).
    """

    noise: float
    voiced: float
    unvoiced: float
    equaliser: int
    seed: int
    sharpened: bool = False
    comb: float = 0.0

    def __post_init__(self) -> None:
        for name in ("voiced", "unvoiced"):
            if getattr(self, name) <= 0:
                raise ValueError(f"sampling.{name}: given {getattr(self, name)}, wanted more than 0")
        for name in ("noise", "equaliser"):
            if getattr(self, name) < 0:
                raise ValueError(f"sampling.{name}: given {getattr(self, name)}, wanted 0 or more")
        if not 0 <= self.comb <= 0.5:
            raise ValueError(f"sampling.comb: given {self.comb}, wanted 0 to 0.5, which leaves nothing midway")


class Vocoder(Module):
    """Likelihood of each sample given those before it and the features (WaveNet, section 2.5).

    Args:
        features: how the features are made.
        front: the aids.
        outputs: the distribution of a sample.
        sampling: how the program draws from it.
    """

    net: WaveNet | WaveRNN
    mean: Tensor
    deviation: Tensor
    analysis: Tensor

    def __init__(
        self, *, features: Analysis, front: Front, outputs: Outputs, sampling: Sampling, **shared: Any
    ) -> None:
        super().__init__(**shared)
        self.features = features
        self.front = front
        self.outputs = outputs
        self.sampling = sampling
        self.register_buffer("mean", torch.zeros(WIDTH))
        self.register_buffer("deviation", torch.ones(WIDTH))
        self.register_buffer("analysis", torch.tensor(made(features)))

    def on_fit_start(self) -> None:
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if data.receptive_field < self.net.receptive_field:
            raise ValueError(
                f"data.receptive_field: given {data.receptive_field}, "
                f"wanted the net's {self.net.receptive_field} or more"
            )
        if not self.mean.any():  # else they are those that a package's net was trained with
            self.mean, self.deviation = (t.to(self.device) for t in data.statistics())

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Of a checkpoint or a package, whoever loads it.

        Raises:
            ValueError: it was trained on other features than the config's.
        """
        check_made(state_dict, self.features)
        return super().load_state_dict(state_dict, strict, assign)

    def loss(self, net: nn.Module, batch: Crops) -> tuple[Tensor, Metrics]:
        said, z, step = say(net, batch, self.features, self.front, self.mean, self.deviation)
        nats = self.outputs.nats(said, z, step)
        bits = (nats * batch.counted).sum() / batch.counted.sum() / NATS_PER_BIT
        return bits, {"bits": bits.detach()}

    def program(self, data: pl.LightningDataModule) -> "LearnedVocoder":
        net: Any = copy.deepcopy(self.averaged.module).eval().requires_grad_(False).cpu()
        for matrix in net.matrices():  # its likelihood is to be that of what is sampled
            matrix.copy_(matrix.bfloat16())
        return LearnedVocoder(
            features=self.features,
            front=self.front,
            outputs=self.outputs,
            sampling=self.sampling,
            net=net,
            mean=self.mean.cpu().numpy(),
            deviation=self.deviation.cpu().numpy(),
        )

    def graphs(self, net: Any) -> Mapping[str, Graph]:
        """What is said of every sample, given those before it."""
        return {"": graph_of(net, self.features, self.front)}


@dataclass(frozen=True)
class LearnedVocoder:
    """Features -> waveforms, drawn sample by sample."""

    features: Analysis
    front: Front
    outputs: Outputs
    sampling: Sampling
    net: WaveNet | WaveRNN
    mean: np.ndarray
    deviation: np.ndarray

    def __call__(self, problems: Sequence[Features]) -> list[np.ndarray]:
        return finished(self._sampled(problems), problems, passes=self.sampling.equaliser)

    def unequalised(self, problems: Sequence[Features]) -> list[np.ndarray]:
        """As they are sampled, after the comb."""
        return finished(self._sampled(problems), problems, passes=0)

    def _sampled(self, problems: Sequence[Features]) -> list[np.ndarray]:
        frames = [check_features(features, self.features) for features in problems]
        how = self.sampling
        sampler = Sampler(
            self.net,
            self.features,
            self.front,
            self.outputs,
            lead_frames=lead_frames(self.net.receptive_field, self.features),
            noise=how.noise,
            mean=self.mean,
            deviation=self.deviation,
        )
        drawing = sampler.drawing(voiced=how.voiced, unvoiced=how.unvoiced, sharpened=how.sharpened, seed=how.seed)
        signals = [y.astype(np.float64) for y in sampler.generate(frames, drawing)]
        if how.comb:
            lags = (periods(f, self.features.hop) for f in frames)
            lags = (np.where(lag < LONGEST_LAG, lag, 0) for lag in lags)  # longer ones are cut to it
            signals = [combed(y, lag, f, share=how.comb) for y, lag, f in zip(signals, lags, frames, strict=True)]
        return [de_emphasis(y) for y in signals]

    @torch.inference_mode()
    def bits(self, problems: Sequence[Features], waves: Sequence[np.ndarray]) -> np.ndarray:
        """Bits a sample of each recording (n,), given its past and its features; in pieces, so that memory is bounded.

        (A WaveRNN's state begins anew in each, its receptive field earlier.)
        """
        return np.array([self._bits(f, wave) for f, wave in zip(problems, waves, strict=True)])

    def _bits(self, features: Features, wave: np.ndarray) -> float:
        check_features(features, self.features)
        whole = utterance(check_length(wave, features), features, self.front)
        lead = lead_frames(self.net.receptive_field, self.features)
        mean, deviation = torch.from_numpy(self.mean), torch.from_numpy(self.deviation)
        nats = 0.0
        for batch in in_pieces(whole, lead, self.features):
            said, z, step = say(self.net, batch, self.features, self.front, mean, deviation)
            nats += float((self.outputs.nats(said, z, step) * batch.counted).sum())
        return nats / len(whole.y) / NATS_PER_BIT


def made(features: Analysis) -> list[int]:
    """What tells one way to make features from another, as a checkpoint holds it."""
    return [features.n_fft, features.window, features.hop, features.subframes]


def check_made(state: Mapping[str, Any], features: Analysis) -> None:
    """That a state is of a net for these features.

    Raises:
        ValueError: it is of one for others.
    """
    wanted = made(features)
    if (found := state.get("analysis")) is not None and found.tolist() != wanted:
        raise ValueError(
            f"features: given a net for n_fft, window, hop, subframes {found.tolist()}, wanted the config's {wanted}"
        )


def graph_of(net: nn.Module, features: Analysis, front: Front) -> Graph:
    """Of a vocoder: inputs a sample (speech.front.inputs) and normalised frames, of which it sees more at both ends."""
    x = torch.zeros(2, 3 * features.hop, front.inputs)
    frames = torch.zeros(2, 3 + 2 * CONTEXT_FRAMES, WIDTH + 1)
    inputs = {"inputs": ("batch samples", x), "frames": ("batch frames", frames)}
    return Graph(partial(net, subframes=features.subframes), inputs, ["said"])


def say(
    net: nn.Module, batch: Crops, features: Analysis, front: Front, mean: Tensor, deviation: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """What the net says of every sample (B, N, size), the samples z (B, N), and the step of 16 bits in them."""
    y = batch.y + batch.noise * (batch.error if front.lpc else torch.hypot(batch.y, batch.error))
    p = predict(y, batch.lpc, features.hop // features.subframes)
    x = inputs(front, y, p, batch.error, batch.gain, batch.lag)
    out = net(x, normalised(batch.frames, batch.level, mean, deviation), features.subframes)
    return out, (batch.y - p) / batch.error, LSB / batch.error
