"""The architectures. Both take pixels (N, 28, 28), 0 to 255, and give logits (N, 10); conversion is part of the net."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Real
from torch import Tensor, nn

from vision.task import CLASSES

MEAN, STD = 0.2860, 0.3530  # of the 60,000 training images' pixels, scaled to 0..1


def normalise(pixels: Real[Tensor, "n h w"]) -> Float[Tensor, "n 1 h w"]:
    """Zero mean and unit variance over the training set."""
    return ((pixels.float() / 255 - MEAN) / STD).unsqueeze(1).contiguous(memory_format=torch.channels_last)


class ConvNet(nn.Module):
    """Whitening, then stages of 3x3 convolutions, the first of each followed by pooling; after airbench94.

    K. Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv 2404.00498, sections 3.1 to 3.4: frozen
    whitening of 2x2 patches, identity (Dirac) initialisation, batch normalisation without gain, a scaled-down head.
    Here with one input channel, narrow enough for a CPU, and SiLU for GELU: as good, and a fifth cheaper there.

    Args:
        widths: channels of each stage; each halves height and width.
        convolutions: of each stage; those after the first have a shortcut around them where they are more than one (as
            in the same author's airbench96).
        norm_momentum: of batch normalisation's running statistics, as PyTorch counts it (share of the new batch).
        logit_scale: the head's output is multiplied by it.
    """

    def __init__(self, *, widths: Sequence[int], convolutions: int, norm_momentum: float, logit_scale: float) -> None:
        super().__init__()
        if convolutions < 1:
            raise ValueError(f"net.convolutions: given {convolutions}, wanted 1 or more")
        self.whitening = nn.Conv2d(1, 8, 2, bias=False).requires_grad_(False)
        ins = [self.whitening.out_channels, *widths]
        stages = (Stage(i, o, convolutions, norm_momentum) for i, o in zip(ins, widths, strict=False))
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(widths[-1], len(CLASSES), bias=False)
        nn.init.normal_(self.head.weight)
        self.logit_scale = logit_scale
        self.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def whiten(self, pixels: Real[Tensor, "n h w"], *, eps: float = 5e-4) -> None:
        """Sets the first filters to the scaled eigenvectors of the 2x2 patches of `pixels`, and their negatives."""
        patches = F.unfold(normalise(pixels), 2).transpose(1, 2).flatten(0, 1)  # (N patches, 4)
        values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (vectors / (values + eps).sqrt()).T.reshape(-1, 1, 2, 2)
        self.whitening.weight.copy_(torch.cat([filters, -filters]))

    def forward(self, pixels: Real[Tensor, "n 28 28"]) -> Float[Tensor, "n 10"]:
        x = self.stages(F.silu(self.whitening(normalise(pixels))))
        return self.head(x.amax((2, 3))).float() * self.logit_scale


class Stage(nn.Module):
    """Convolution, pooling, norm, SiLU, then convolution, norm, SiLU as often as there are more convolutions."""

    def __init__(self, ins: int, outs: int, convolutions: int, norm_momentum: float) -> None:
        super().__init__()
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        for number in range(convolutions):
            conv = nn.Conv2d(outs if number else ins, outs, 3, padding=1, bias=False)
            norm = nn.BatchNorm2d(outs, momentum=norm_momentum)
            nn.init.dirac_(conv.weight[: conv.in_channels])
            norm.weight.requires_grad = False
            self.convs.append(conv)
            self.norms.append(norm)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        x = F.silu(self.norms[0](F.max_pool2d(self.convs[0](x), 2)))
        y = x
        for conv, norm in zip(self.convs[1:], self.norms[1:], strict=True):
            y = F.silu(norm(conv(y)))
        return x + y if len(self.convs) > 2 else y


class ResNet(nn.Module):
    """The residual net for small images of He et al. 2016 (arXiv 1512.03385, section 4.2): 6n + 2 layers.

    Args:
        widths: channels of the stages; each after the first halves height and width.
        blocks: n, residual blocks a stage.
    """

    def __init__(self, *, widths: Sequence[int], blocks: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0]))
        layers: list[nn.Module] = []
        before = widths[0]
        for stage, width in enumerate(widths):
            for block in range(blocks):
                layers.append(Residual(before, width, stride=2 if stage and not block else 1))
                before = width
        self.blocks = nn.Sequential(*layers)
        self.head = nn.Linear(before, len(CLASSES))
        self.to(memory_format=torch.channels_last)

    def forward(self, pixels: Real[Tensor, "n 28 28"]) -> Float[Tensor, "n 10"]:
        x = self.blocks(F.relu(self.stem(normalise(pixels))))
        return self.head(x.mean((2, 3))).float()


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut; the shortcut of a wider block subsamples and pads with zeros."""

    def __init__(self, ins: int, outs: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(ins, outs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outs)
        self.conv2 = nn.Conv2d(outs, outs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outs)
        self.stride, self.more = stride, outs - ins

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return F.relu(y + shortcut)
