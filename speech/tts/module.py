"""The losses of three ways to train the two nets, and how they become a Program."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import safetensors
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common import fetch
from common.module import Metrics, Module
from common.portable import Graph
from common.source import ROOT
from speech.data import lead_frames
from speech.front import CONTEXT_FRAMES, Front
from speech.module import LearnedVocoder, Sampling, check_made, graph_of, made, say
from speech.outputs import NATS_PER_BIT, Outputs
from speech.signal import BANDS, F0_RANGE_HZ, WIDTH, Analysis, Features
from speech.tts.data import Cutting, Pieces, apart, in_pieces
from speech.tts.differentiable import plans
from speech.tts.net import Acoustic, ConvTTS, GruTTS
from speech.tts.pronounce import phrases
from speech.tts.spoken import Phrase
from speech.tts.units import PLACES, WITHIN, rows_of, units_of, utterances

Stage = Literal["separate", "vocoder", "joint"]
SHORTEST_FRAMES = 2  # that an utterance lasts, whatever the net says
DROPOUT = 1  # what a generator is for


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
        self.register_buffer("analysis", torch.tensor(made(features)))

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Of a checkpoint or a package, whoever loads it.

        Raises:
            ValueError: it was trained on other features than the config's.
        """
        check_made(state_dict, self.features)
        return super().load_state_dict(state_dict, strict, assign)

    def on_fit_start(self) -> None:
        data, alone = self.trainer.datamodule, self.stage == "separate"  # type: ignore[attr-defined]
        if data.waveforms == alone:
            raise ValueError(f"data.waveforms: given {data.waveforms}, wanted {not data.waveforms} for {self.stage}")
        if not alone and data.receptive_field < self.net.vocoder.receptive_field:
            wanted = self.net.vocoder.receptive_field
            raise ValueError(f"data.receptive_field: given {data.receptive_field}, wanted the net's {wanted} or more")
        if data.cutting.margin < self.net.margin:
            raise ValueError(f"data.margin: given {data.cutting.margin}, wanted the net's {self.net.margin} or more")
        if self.mean.any():  # a run that goes on, or a package that is trained on
            return
        if not alone:
            raise ValueError(f"package: given nothing, wanted package=DIR, trained as separate, for {self.stage}")
        self.mean, self.deviation = (t.to(self.device) for t in data.statistics())
        if self.weights is not None:
            self._take(self.weights)

    def _take(self, name: str) -> None:
        """A trained vocoder's averaged net and its normalisation, from a package of `domain=speech`.

        The results of the run that does it say by its sha256 which one it was: the package may hold another some day.
        """
        path = ROOT / name
        if not path.is_file():
            raise ValueError(f"module.weights: given {path}, wanted a trained vocoder's file, or null")
        ours = "averaged.module."
        try:
            state = safetensors.torch.load_file(path)
            check_made(state, self.features)
            self.mean, self.deviation = (state[name].to(self.device) for name in ("mean", "deviation"))
            vocoder = {key.removeprefix(ours): value for key, value in state.items() if key.startswith(ours)}
            for net in (self.net, self.averaged.module):
                net.vocoder.load_state_dict(vocoder)  # type: ignore[union-attr]
        except (safetensors.SafetensorError, KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(f"module.weights: given {path}, wanted weights of net.vocoder: {reason}") from None
        fetch.FETCHED[name] = fetch.sha256(path)

    def on_train_epoch_start(self) -> None:
        seed = self.trainer.datamodule.seed  # type: ignore[attr-defined]
        drawn = np.random.default_rng((seed, self.current_epoch, self.global_rank, DROPOUT))
        torch.manual_seed(int(drawn.integers(2**63)))  # dropout draws from it: a resumed run sees the same
        if self.stage != "separate":  # the vocoder is to hear what the program will say
            for part in self.net.acoustic.modules():
                if isinstance(part, nn.Dropout):
                    part.eval()

    def loss(self, net: Any, batch: Pieces) -> tuple[Tensor, Metrics]:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.stage != "vocoder"):
            spans, said = speak(net.acoustic, batch)
        metrics = acoustic_loss(batch, spans, said, self._normalised(batch.features))
        own = sum(metrics.values(), torch.zeros_like(spans.sum()))
        if self.stage == "separate":
            return own, metrics
        assert batch.crops is not None
        bits = self._bits(net, batch, self._features(said))
        loss = bits + self.anchor * own if self.stage == "joint" else bits
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
        vocoder = LearnedVocoder(
            features=self.features,
            front=self.front,
            outputs=self.outputs,
            sampling=self.sampling,
            net=net.vocoder,
            mean=self.mean.cpu().numpy(),
            deviation=self.deviation.cpu().numpy(),
        )
        return LearnedTalker(net.acoustic, vocoder, net.margin)

    def graphs(self, net: Any) -> Mapping[str, Graph]:
        """Units to spans; frames, told their units, to normalised features with voicing as a logit; the vocoder."""
        symbol, stress, unit = torch.ones(2, 3).long(), torch.zeros(2, 3).long(), torch.zeros(2, 4).long()
        units = {"symbol": symbol, "stress": stress, "place": torch.zeros(2, 3, PLACES)}
        encoded = torch.zeros(2, 3, net.acoustic.leave.in_features)
        rows = {"unit": unit, "within": torch.zeros(2, 4, WITHIN), "inside": torch.ones(2, 4, dtype=torch.bool)}
        of_units = {name: ("batch units", x) for name, x in units.items()}
        of_rows = {"encoded": ("batch units", encoded)} | {name: ("batch rows", x) for name, x in rows.items()}
        return {
            "encode": Graph(net.acoustic.encode, of_units, ["encoded", "spans"]),
            "decode": Graph(net.acoustic.decode, of_rows, ["features"]),
            "vocoder": graph_of(net.vocoder, self.features, self.front),
        }


def speak(acoustic: Acoustic, batch: Pieces) -> tuple[Tensor, Tensor]:
    """What an acoustic net says: spans (B, U), and normalised features (B, R, WIDTH) with voicing as a logit."""
    encoded, spans = acoustic.encode(batch.symbol, batch.stress, batch.place)
    said = acoustic.decode(encoded, batch.unit, batch.within, batch.inside)
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

    acoustic: Acoustic
    vocoder: LearnedVocoder
    margin: int

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
        encoded, log_spans = self.acoustic.encode(*units)
        spans = log_spans[0].double().expm1().clamp_min(0).numpy()
        spans[0] += max(SHORTEST_FRAMES - spans.sum(), 0)
        rows = np.arange(round(spans.sum()))
        where = rows_of(spans, rows)
        unit, within = (torch.from_numpy(part)[None] for part in where)
        inside = torch.ones(1, len(rows), dtype=torch.bool)
        frames = raw(self.acoustic.decode(encoded, unit, within, inside)[0], *self._normalisation)
        return Features(frames.numpy(), self.vocoder.features)

    @property
    def _normalisation(self) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(self.vocoder.mean), torch.from_numpy(self.vocoder.deviation)

    @torch.inference_mode()
    def bits(
        self, said: Sequence[Sequence[Phrase]], waves: Sequence[np.ndarray], seconds: Sequence[np.ndarray]
    ) -> np.ndarray:
        """Bits a sample of each recording (frames * hop,), given its past and the features that are predicted for it.

        They are predicted in pieces of a training crop's length: for a net that sees further than `margin` (GruTTS)
        not quite those that it says.

        Args:
            said: what is said in each.
            seconds: that its units last (speech.tts.align).
        """
        return np.array([self._bits(*each) for each in zip(said, waves, seconds, strict=True)])

    def _bits(self, said: Sequence[Phrase], wave: np.ndarray, seconds: np.ndarray) -> float:
        features, front = self.vocoder.features, self.vocoder.front
        unseen = Features(np.zeros((len(wave) // features.hop, WIDTH), np.float32), features)
        lead = lead_frames(self.vocoder.net.receptive_field, features)
        cutting = Cutting(features, self.margin, lead, CONTEXT_FRAMES)
        nats, samples = 0.0, 0.0
        for u in apart(said, seconds, wave, unseen, front):
            for batch in in_pieces(u, cutting):
                predicted = raw(speak(self.acoustic, batch)[1], *self._normalisation)
                more, counted = likelihood(
                    self.vocoder.net, batch, predicted, features, front, self.vocoder.outputs, *self._normalisation
                )
                nats, samples = nats + float(more), samples + float(counted)
        return nats / samples / NATS_PER_BIT
