"""What signal processing derives from features, in torch: the vocoder's likelihood reaches back through it.

As end-to-end LPCNet (Subramani et al. 2022, arXiv 2202.11301) does, linear prediction is part of the graph. It is
`speech.front.plan` again, which a test holds it to.
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from speech import prediction
from speech.front import FIXED_SCALE, LONGEST_LAG, Front
from speech.prediction import LAG_WINDOW_HZ, LPC_ORDER, WHITE_NOISE
from speech.signal import BANDS, SAMPLE_RATE_HZ, Analysis


class Plans(NamedTuple):
    """As speech.front.Plan, of a batch: `lpc` (B, S, LPC_ORDER); `error`, `gain`, `lag` (B, N)."""

    lpc: Tensor
    error: Tensor
    gain: Tensor
    lag: Tensor


def plans(frames: Tensor, analysis: Analysis, front: Front) -> Plans:
    """Of features (B, frames + 2, WIDTH), float32, the plan of all but the first and the last frame."""
    batch, n = len(frames), (frames.shape[1] - 2) * analysis.hop
    subframes, samples = analysis.subframes, analysis.hop // analysis.subframes
    lpc = frames.new_zeros(batch, (frames.shape[1] - 2) * subframes, LPC_ORDER)
    error = gain = frames.new_full((batch, n), FIXED_SCALE)
    if front.lpc:
        whole, left, power = predict_from_mel(frames[..., :BANDS].double(), subframes)
        lpc = whole[:, subframes:-subframes].float()
        inner = slice(analysis.hop, -analysis.hop)
        error, gain = (between(s.log()[..., None], samples)[:, inner, 0].exp().float() for s in (left, power))
    lag = frames.new_zeros(batch, n)
    if front.pitch:
        f0_hz = between(frames[..., BANDS : BANDS + 1].detach().double(), analysis.hop)[..., 0].exp()
        voiced = (frames[..., BANDS + 1] > 0.5).repeat_interleave(analysis.hop, 1)
        period = (SAMPLE_RATE_HZ / f0_hz).round().clamp_max(LONGEST_LAG)
        lag = (period * voiced)[:, analysis.hop : -analysis.hop].float()
    return Plans(lpc, error, gain, lag)


def predict_from_mel(log_mels: Tensor, subframes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of mels (B, n, BANDS), float64: predictors (B, n * subframes, LPC_ORDER), what they leave, and the gain."""
    spread, emphasis = (torch.from_numpy(np.asarray(a)).to(log_mels) for a in prediction.spectrum())
    power = (between(log_mels, subframes) @ spread).exp() * emphasis
    correlation = torch.fft.irfft(power)[..., : LPC_ORDER + 1]
    lags = torch.arange(LPC_ORDER + 1, device=power.device)
    correlation = correlation * (-0.5 * (2 * np.pi * LAG_WINDOW_HZ / SAMPLE_RATE_HZ * lags) ** 2).exp()
    ground = torch.ones_like(correlation)
    ground[..., 0] = WHITE_NOISE
    correlation = correlation * ground
    lpc, energy = levinson(correlation)
    return lpc, energy.sqrt(), correlation[..., 0].sqrt()


def levinson(correlation: Tensor) -> tuple[Tensor, Tensor]:
    """`speech.prediction.levinson`, over the last axis of (..., order + 1)."""
    lpc = correlation[..., :0]
    error = correlation[..., 0]
    for m in range(correlation.shape[-1] - 1):
        reflection = (correlation[..., m + 1] - (lpc * correlation[..., 1 : m + 1].flip(-1)).sum(-1)) / error
        lpc = torch.cat([lpc - reflection[..., None] * lpc.flip(-1), reflection[..., None]], -1)
        error = error * (1 - reflection**2)
    return lpc, error


def between(rows: Tensor, parts: int) -> Tensor:
    """`speech.signal.at_subframes`: rows (B, n, C) -> (B, n * parts, C), linear between the rows' centres."""
    if parts == 1:
        return rows
    place = (torch.arange(parts, device=rows.device, dtype=rows.dtype) + 0.5) / parts - 0.5
    wide = F.pad(rows.transpose(1, 2), (1, 1), mode="replicate").transpose(1, 2)
    here, before, after = wide[:, 1:-1, None], wide[:, :-2, None], wide[:, 2:, None]
    share = place[:, None]
    return (here + share.clamp_min(0) * (after - here) + (-share).clamp_min(0) * (before - here)).flatten(1, 2)
