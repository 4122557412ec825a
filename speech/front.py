"""What the net is told beside its conditioning: the past, as signal processing by hand prepares it, or as it is.

Each aid is a switch, so that what it is worth can be measured: `lpc` has the net predict what linear prediction from
the mels leaves, everything measured in the gains that the mels give; `pitch` shows it the signal one pitch period ago.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from speech.prediction import LPC_ORDER, predict_from_mel
from speech.signal import BANDS, SAMPLE_RATE_HZ, Analysis, at_subframes

FIXED_SCALE = 0.01  # what signals are measured in without gains
E_TAPS = (-2, -1, 0, 1, 2)  # samples around one period ago, of what prediction left
Y_TAPS = (-1, 0, 1)  # and of the signal
LONGEST_LAG = 180  # samples: just above a period of the lowest pitch
CONTEXT_FRAMES = 3  # that conditioning looks at, before and after: two by its convolutions, one by interpolation
HISTORY = LONGEST_LAG + 2 + LPC_ORDER  # samples before the first input that its computation looks at


@dataclass(frozen=True, kw_only=True)
class Front:
    """Which aids are used.

    Args:
        lpc: linear prediction and gains from the mels.
        pitch: the signal one period of the features' F0 ago.
    """

    lpc: bool
    pitch: bool

    @property
    def inputs(self) -> int:
        """Numbers a sample that the net is given."""
        return 2 + 4 * self.lpc + (len(Y_TAPS) + len(E_TAPS) * self.lpc) * self.pitch


class Plan(NamedTuple):
    """All that the sample loop needs of an utterance beside the net's conditioning.

    `lpc` float32 (frames * subframes, LPC_ORDER). Per sample (frames * hop,): `error` and `gain`, float32, the scales
    of what prediction leaves and of the pre-emphasised signal; `lag`, int16, a pitch period or 0 where unvoiced.
    """

    lpc: np.ndarray
    error: np.ndarray
    gain: np.ndarray
    lag: np.ndarray


def plan(frames: np.ndarray, analysis: Analysis, front: Front) -> Plan:
    """Of features (frames, WIDTH)."""
    n, subframes = len(frames) * analysis.hop, len(frames) * analysis.subframes
    lpc = np.zeros((subframes, LPC_ORDER), np.float32)
    error = gain = np.full(n, FIXED_SCALE, np.float32)
    if front.lpc:
        prediction = predict_from_mel(frames[:, :BANDS], analysis.subframes)
        samples = analysis.hop // analysis.subframes
        lpc = prediction.lpc.astype(np.float32)
        error, gain = (
            np.exp(at_subframes(np.log(scale), samples)).astype(np.float32)
            for scale in (prediction.error, prediction.gain)
        )
    lag = periods(frames, analysis.hop) if front.pitch else np.zeros(n, np.int16)
    return Plan(lpc, error, gain, lag)


def periods(frames: np.ndarray, hop: int) -> np.ndarray:
    """The pitch period at each sample, at most LONGEST_LAG, int16 (frames * hop,), 0 where unvoiced.

    Args:
        frames: features (frames, WIDTH).
    """
    f0_hz = np.exp(at_subframes(frames[:, BANDS].astype(np.float64), hop))
    voiced = np.repeat(frames[:, BANDS + 1] > 0.5, hop)
    return np.where(voiced, np.minimum(np.round(SAMPLE_RATE_HZ / f0_hz), LONGEST_LAG), 0).astype(np.int16)


def predict(y: Float[Tensor, "batch samples"], lpc: Float[Tensor, "batch subframes order"], samples: int) -> Tensor:
    """Linear prediction of each sample from those before it, (batch, samples); zeros before the first.

    Args:
        samples: of a subframe.
    """
    past = torch.nn.functional.pad(y, (LPC_ORDER, 0))[:, :-1].unfold(1, LPC_ORDER, 1).flip(-1)  # (B, N, order)
    return (past.unflatten(1, (-1, samples)) * lpc[:, :, None]).sum(-1).flatten(1)


def inputs(
    front: Front,
    y: Float[Tensor, "batch samples"],
    p: Float[Tensor, "batch samples"],
    error: Float[Tensor, "batch samples"],
    gain: Float[Tensor, "batch samples"],
    lag: Int[Tensor, "batch samples"],
) -> Float[Tensor, "batch samples inputs"]:
    """What the net is given to predict each sample, from samples before it; those before the first count as zeros.

    Args:
        y: the pre-emphasised signal.
        p: its prediction; zeros without `front.lpc`.
        error, gain, lag: of a Plan.
    """
    e = y - p

    def ago(signal: Tensor, samples: int) -> Tensor:
        return torch.nn.functional.pad(signal, (samples, 0))[:, : signal.shape[1]]

    columns = [ago(y, 1) / gain, ago(y, 2) / gain]
    if front.lpc:
        columns += [ago(e, 1) / error, ago(e, 2) / error, p / gain, ago(p, 1) / gain]
    if front.pitch:
        here = torch.arange(y.shape[1], device=y.device)
        voiced = lag > 0
        taps = [(e, error, E_TAPS)] if front.lpc else []
        for signal, scale, offsets in [*taps, (y, gain, Y_TAPS)]:
            for offset in offsets:
                place = here - lag.long() + offset
                found = signal.gather(1, place.clamp(0, y.shape[1] - 1)) * (voiced & (place >= 0))
                columns.append(found / scale)
    return torch.stack(columns, -1).asinh()


def normalised(
    frames: Float[Tensor, "batch frames width"], level: Float[Tensor, " batch"], mean: Tensor, deviation: Tensor
) -> Tensor:
    """What the net's conditioning is given: features of mean 0 and deviation 1, and the level of noise in the past."""
    level = level[:, None, None].expand(-1, frames.shape[1], 1)
    return torch.cat([(frames - mean) / deviation, 5 * level], -1)
