"""The acoustic nets, phones to features; and each of them before a WaveNet, which makes the waveform of the features.

No attention: alignment is given in training and durations are predicted (as in FastSpeech, Ren et al. 2019, arXiv
1905.09263, sections 3.2 and 3.3), for twenty minutes of speech do not teach where to look.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from speech.recurrent import exported
from speech.signal import WIDTH
from speech.tts.units import PLACES, SYMBOLS, WITHIN

STRESSES = 3


class Masked(nn.Module):
    """A residual convolution over time; what is outside of an utterance counts as zeros, whatever it holds."""

    def __init__(self, *, channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.convolution = nn.Conv1d(channels, channels, kernel, padding=kernel // 2)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, inside: Tensor) -> Tensor:
        """(B, N, C), with `inside` (B, N, 1)."""
        seen = (self.norm(x) * inside).transpose(1, 2)
        return x + self.dropout(self.convolution(seen).relu()).transpose(1, 2)


class Convolutions(nn.Module):
    """So many of them, then a normalisation."""

    def __init__(self, *, channels: int, layers: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Masked(channels=channels, kernel=kernel, dropout=dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor, inside: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, inside)
        return self.norm(x)


class Recurrent(nn.Module):
    """Gated recurrent units in both directions in their place: all of the utterance is context."""

    def __init__(self, *, channels: int, dropout: float) -> None:
        super().__init__()
        self.gru = nn.GRU(channels, channels // 2, bidirectional=True, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor, inside: Tensor) -> Tensor:
        """(B, N, C), with `inside` (B, N, 1), which is true in one stretch: no state comes from beyond it."""
        lengths, first = inside.sum(1), inside.int().argmax(1)  # (B, 1)
        rows = x.shape[1]
        at = torch.arange(rows, device=x.device)
        # Modulo rows, of which no exporter knows a remainder.
        there, back = (
            torch.where(to < 0, to + rows, to)[..., None].expand_as(x) for to in (at + first - rows, at - first)
        )
        moved = x.gather(1, there)  # each stretch to the beginning
        if torch.compiler.is_exporting():  # which knows no packed sequences
            seen = exported(self.gru, moved, lengths[:, 0].int())
        else:
            packed = pack_padded_sequence(moved, lengths[:, 0].cpu(), batch_first=True, enforce_sorted=False)
            seen, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=rows)
        return self.norm(x + self.dropout(seen.gather(1, back)))


class Acoustic(nn.Module):
    """Units -> how long each lasts; and, told which unit each frame belongs to, the features of frames.

    Args:
        channels: of both stacks.
        encoder, decoder: what sees the units, and the frames, in their context: (B, N, channels) -> the same.
        dropout: of what the decoder is given.
    """

    def __init__(self, *, channels: int, encoder: nn.Module, decoder: nn.Module, dropout: float) -> None:
        super().__init__()
        self.symbol = nn.Embedding(len(SYMBOLS), channels, padding_idx=0)
        self.stress = nn.Embedding(STRESSES, channels)
        self.place = nn.Linear(PLACES, channels)
        self.encoder = encoder
        self.span = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Dropout(dropout), nn.Linear(channels, 1))
        self.within = nn.Sequential(nn.Linear(WITHIN, channels), nn.ReLU(), nn.Linear(channels, channels))
        self.dropout = nn.Dropout(dropout)
        self.decoder = decoder
        self.leave = nn.Linear(channels, WIDTH)

    def encode(
        self, symbol: Int[Tensor, "b units"], stress: Int[Tensor, "b units"], place: Float[Tensor, "b units places"]
    ) -> tuple[Float[Tensor, "b units channels"], Float[Tensor, "b units"]]:
        """What the units are in their context, and log(1 + frames) that each lasts."""
        inside = (symbol > 0)[..., None]
        x = self.encoder(self.symbol(symbol) + self.stress(stress) + self.place(place), inside)
        return x, self.span(x)[..., 0]

    def decode(
        self,
        encoded: Float[Tensor, "b units channels"],
        unit: Int[Tensor, "b rows"],
        within: Float[Tensor, "b rows within"],
        inside: Bool[Tensor, "b rows"],
    ) -> Float[Tensor, "b rows features"]:
        """The features of frames, those outside of the utterance of no meaning."""
        held = encoded.gather(1, unit[..., None].expand(-1, -1, encoded.shape[-1]))
        return self.leave(self.decoder(self.dropout(held + self.within(within)), inside[..., None]))


class ConvTTS(nn.Module):
    """Convolutions, and the WaveNet that speaks what they say.

    Args:
        channels, layers, kernel: of the convolutions over units, and of those over frames.
        dropout: in training.
        vocoder: features -> waveform (speech.net).
    """

    def __init__(self, *, channels: int, layers: int, kernel: int, dropout: float, vocoder: nn.Module) -> None:
        super().__init__()
        stacks = (Convolutions(channels=channels, layers=layers, kernel=kernel, dropout=dropout) for _ in range(2))
        self.acoustic = Acoustic(channels=channels, encoder=next(stacks), decoder=next(stacks), dropout=dropout)
        self.vocoder = vocoder
        self.margin = layers * (kernel // 2)  # frames around those that are wanted that decide them


class GruTTS(nn.Module):
    """Recurrent layers in their place.

    Args:
        channels: of the layers over units and over frames, both directions together.
        dropout: in training.
        margin: frames around a piece in training, for the state to get warm.
        vocoder: as ConvTTS's.
    """

    def __init__(self, *, channels: int, dropout: float, margin: int, vocoder: nn.Module) -> None:
        super().__init__()
        stacks = (Recurrent(channels=channels, dropout=dropout) for _ in range(2))
        self.acoustic = Acoustic(channels=channels, encoder=next(stacks), decoder=next(stacks), dropout=dropout)
        self.vocoder = vocoder
        self.margin = margin
