"""The losses of three ways to train the two nets, and how they become a Program."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common.module import Metrics, Module
from common.source import ROOT
from speech.data import lead_frames, utterance
from speech.front import CONTEXT_FRAMES, Front
from speech.module import LearnedVocoder, Sampling, say
from speech.outputs import NATS_PER_BIT, Outputs
from speech.signal import BANDS, F0_RANGE_HZ, SAMPLE_RATE_HZ, WIDTH, Analysis, Features
from speech.tts.data import Cutting, Pieces, Utterance, in_pieces
from speech.tts.differentiable import plans
from speech.tts.net import ConvTTS, GruTTS
from speech.tts.pronounce import phrases
from speech.tts.spoken import Phrase
from speech.tts.units import rows_of, units_of, utterances

Stage = Literal["separate", "vocoder", "joint"]
SHORTEST_FRAMES = 2  # that an utterance lasts, whatever the net says


class TextToSpeech(Module):
    """An acoustic net and a vocoder, trained apart, one for the other, or as one.

    Args:
        features: how the features between the two are made.
        front, outputs, sampling: the vocoder's.
        stage: `separate`, the acoustic net alone learns, from the features of recordings; `vocoder`, the vocoder alone,
            from what the acoustic net says; `joint`, both, and the waveform's likelihood reaches the acoustic net.
        anchor: in joint training the weight of the acoustic net's own loss.
        weights: file of a trained vocoder, from this repository, that training begins with; null draws one.
    """

    net: ConvTTS | GruTTS
    mean: Tensor
    deviation: Tensor

    def __init__(
        self, *, features: Analysis, front: Front, outputs: Outputs, sampling: Sampling, stage: Stage, anchor: float,
        weights: str | None, **shared: Any,
    ) -> None:  # fmt: skip
        super().__init__(**shared)
        if stage not in ("separate", "vocoder", "joint"):
            raise ValueError(f"module.stage: given {stage!r}, wanted one of separate, vocoder, joint")
        if anchor < 0:
            raise ValueError(f"module.anchor: given {anchor}, wanted 0 or more")
        self.features = features
        self.front = front
        self.outputs = outputs
        self.sampling = sampling
        self.stage = stage
        self.anchor = anchor
        self.weights = weights
        self.net.acoustic.requires_grad_(stage != "vocoder")
        self.net.vocoder.requires_grad_(stage != "separate")
        self.register_buffer("mean", torch.zeros(WIDTH))
        self.register_buffer("deviation", torch.ones(WIDTH))

    def on_fit_start(self) -> None:
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if data.waveforms != (self.stage != "separate"):
            raise ValueError(f"data.waveforms: given {data.waveforms}, wanted {not data.waveforms} for {self.stage}")
        if data.cutting.margin < self.net.margin:
            raise ValueError(f"data.margin: given {data.cutting.margin}, wanted the net's {self.net.margin} or more")
        if self.mean.any():  # a run that goes on, or a package that is trained on
            return
        self.mean, self.deviation = (t.to(self.device) for t in data.statistics())
        if self.weights is not None:
            self._take(ROOT / self.weights)

    def _take(self, path: Path) -> None:
        """A trained vocoder's averaged net and its normalisation, from a package of `domain=speech`."""
        if not path.is_file():
            raise ValueError(f"module.weights: given {path}, wanted a trained vocoder's file, or null")
        state = safetensors.torch.load_file(path)
        ours = "averaged.module."
        vocoder = {key.removeprefix(ours): value for key, value in state.items() if key.startswith(ours)}
        for net in (self.net, self.averaged.module):
            try:
                net.vocoder.load_state_dict(vocoder)  # type: ignore[union-attr]
            except RuntimeError as error:
                reason = " ".join(str(error).split())[:200]
                raise ValueError(f"module.weights: given {path}, wanted weights of net.vocoder: {reason}") from None
        self.mean, self.deviation = (state[name].to(self.device) for name in ("mean", "deviation"))

    def on_train_epoch_start(self) -> None:
        if self.stage != "separate":  # the vocoder is to hear what the program will say
            self.net.acoustic.eval()

    def loss(self, net: nn.Module, batch: Pieces) -> tuple[Tensor, Metrics]:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.stage != "vocoder"):
            spans, said = acoustic(net, batch)
        metrics = acoustic_loss(batch, spans, said, self._normalised(batch.features))
        apart = sum(metrics.values(), torch.zeros_like(spans.sum()))
        if self.stage == "separate":
            return apart, metrics
        assert batch.crops is not None
        bits = self._bits(net, batch, self._features(said))
        loss = bits + self.anchor * apart if self.stage == "joint" else bits
        return loss, {**metrics, "bits": bits.detach()}

    def _bits(self, net: Any, batch: Pieces, frames: Tensor) -> Tensor:
        """Bits a sample of the waveform, given its past and these features (B, R, WIDTH), raw."""
        nats, counted = likelihood(net.vocoder, batch, frames, self.features, self.front, self.outputs,
                                   self.mean, self.deviation)  # fmt: skip
        return nats / counted / NATS_PER_BIT

    def _normalised(self, frames: Tensor) -> Tensor:
        return torch.cat([((frames - self.mean) / self.deviation)[..., :-1], frames[..., -1:]], -1)

    def _features(self, said: Tensor) -> Tensor:
        return raw(said, self.mean, self.deviation)

    def program(self, data: pl.LightningDataModule) -> "LearnedTalker":
        net: Any = copy.deepcopy(self.averaged.module).eval().requires_grad_(False).cpu()
        for matrix in net.vocoder.matrices():  # its likelihood is to be that of what is sampled
            matrix.copy_(matrix.bfloat16())
        mean, deviation = self.mean.cpu(), self.deviation.cpu()
        vocoder = LearnedVocoder(
            features=self.features,
            front=self.front,
            outputs=self.outputs,
            sampling=self.sampling,
            net=net.vocoder,
            mean=mean.numpy(),
            deviation=deviation.numpy(),
        )
        return LearnedTalker(net=net, vocoder=vocoder, mean=mean, deviation=deviation)


def acoustic(net: Any, batch: Pieces) -> tuple[Tensor, Tensor]:
    """What the acoustic net says: spans (B, U), and normalised features (B, R, WIDTH) with voicing as a logit."""
    encoded, spans = net.acoustic.encode(batch.symbol, batch.stress, batch.place)
    said = net.acoustic.decode(encoded, batch.unit, batch.within, batch.inside)
    nearest = batch.nearest[..., None].expand(-1, -1, WIDTH)
    return spans.float(), said.gather(1, nearest).float()


def acoustic_loss(batch: Pieces, spans: Tensor, said: Tensor, true: Tensor) -> Metrics:
    """Its parts: mean distances of spans and mels, of log F0 where voiced, and nats of voicing."""
    known, counted = (batch.symbol > 0).float(), batch.counted[..., None]
    voiced = counted * true[..., BANDS + 1 :]
    distance = (said[..., : BANDS + 1] - true[..., : BANDS + 1]).abs()
    voicing = F.binary_cross_entropy_with_logits(said[..., BANDS + 1 :], true[..., BANDS + 1 :], reduction="none")
    return {
        "spans": ((spans - batch.spans.log1p()).abs() * known).sum() / known.sum(),
        "mels": (distance[..., :BANDS] * counted).sum() / counted.sum() / BANDS,
        "f0": (distance[..., BANDS:] * voiced).sum() / voiced.sum().clamp_min(1),
        "voicing": (voicing * counted).sum() / counted.sum(),
    }


def raw(said: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Features (..., WIDTH) of what an acoustic net says, F0 within F0_RANGE_HZ and voicing 0 or 1."""
    values = said[..., :-1] * deviation[:-1] + mean[:-1]
    low, high = np.log(F0_RANGE_HZ)
    f0 = values[..., BANDS:].clamp(float(low), float(high))
    return torch.cat([values[..., :BANDS], f0, (said[..., -1:] > 0).to(values)], -1)


def likelihood(
    vocoder: nn.Module, batch: Pieces, frames: Tensor, features: Analysis, front: Front, outputs: Outputs, mean: Tensor,
    deviation: Tensor,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Nats of a batch's samples, given their past and features (B, R, WIDTH), and how many samples they are."""
    assert batch.crops is not None
    with torch.autocast(frames.device.type, enabled=False):
        inner = slice(CONTEXT_FRAMES - 1, 1 - CONTEXT_FRAMES)
        planned = plans(frames[:, inner], features, front)
    crops = batch.crops._replace(frames=frames, **planned._asdict())
    said, z, step = say(vocoder, crops, features, front, mean, deviation)
    return (outputs.nats(said, z, step) * crops.counted).sum(), crops.counted.sum()


@dataclass(frozen=True)
class LearnedTalker:
    """Texts -> waveforms: phones by dictionary and rules, features by the acoustic net, samples by the vocoder."""

    net: ConvTTS | GruTTS
    vocoder: LearnedVocoder
    mean: Tensor
    deviation: Tensor

    def __call__(self, problems: Sequence[str]) -> list[np.ndarray]:
        texts = [[self.say(said) for said in utterances(phrases(text))] for text in problems]
        waves = iter(self.vocoder([features for each in texts for features in each]))
        return [np.concatenate([next(waves) for _ in each]) for each in texts]

    def stream(self, text: str) -> Iterator[np.ndarray]:
        """The waveform sentence by sentence: memory does not grow with the text."""
        for said in utterances(phrases(text)):
            yield self.vocoder([self.say(said)])[0]

    @torch.inference_mode()
    def say(self, said: Sequence[Phrase]) -> Features:
        """The features of one utterance."""
        units = [torch.from_numpy(part)[None] for part in units_of(said)]
        encoded, log_spans = self.net.acoustic.encode(*units)
        spans = log_spans[0].double().expm1().clamp_min(0).numpy()
        spans[0] += max(SHORTEST_FRAMES - spans.sum(), 0)
        rows = np.arange(round(spans.sum()))
        where = rows_of(spans, rows)
        unit, within = (torch.from_numpy(part)[None] for part in where)
        inside = torch.ones(1, len(rows), dtype=torch.bool)
        frames = raw(self.net.acoustic.decode(encoded, unit, within, inside)[0], self.mean, self.deviation)
        return Features(frames.numpy(), self.vocoder.features)

    @torch.inference_mode()
    def bits(self, texts: Sequence[str], waves: Sequence[np.ndarray], seconds: Sequence[np.ndarray]) -> np.ndarray:
        """Bits a sample of each recording (frames * hop,), given its past and the features that are predicted for it.

        Args:
            seconds: that the units of each text last in its recording (speech.tts.align).
        """
        return np.array([self._bits(*each) for each in zip(texts, waves, seconds, strict=True)])

    def _bits(self, text: str, wave: np.ndarray, seconds: np.ndarray) -> float:
        features, front = self.vocoder.features, self.vocoder.front
        frames = np.zeros((len(wave) // features.hop, WIDTH), np.float32)  # the true ones are not looked at
        u = Utterance(
            units_of(list(phrases(text))),
            seconds * SAMPLE_RATE_HZ / features.hop,
            frames,
            utterance(wave, Features(frames, features), front),
        )
        lead = lead_frames(self.vocoder.net.receptive_field, features)
        cutting = Cutting(features, self.net.margin, lead, CONTEXT_FRAMES)
        nats, samples = 0.0, 0.0
        for batch in in_pieces(u, cutting):
            said = raw(acoustic(self.net, batch)[1], self.mean, self.deviation)
            more, counted = likelihood(self.vocoder.net, batch, said, features, front, self.vocoder.outputs,
                                       self.mean, self.deviation)  # fmt: skip
            nats, samples = nats + float(more), samples + float(counted)
        return nats / samples / NATS_PER_BIT
