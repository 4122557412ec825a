"""What a user would pick instead, and what this machine could do at best: `python -m scripts.bench domain=vision`.

Only the bench comes here, by name, from configs/domain/vision.yaml.
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from pytorch_lightning.callbacks import EarlyStopping
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from common.answering import threads
from common.cost import TrainingClock
from common.domain import Domain
from common.program import Figure, Kind
from vision.data import FashionMNIST, read
from vision.module import Classifier
from vision.task import CLASSES

PEER = "simple_convnet"


class SimpleConvNet(nn.Module):
    """The net of Keras's example "Simple MNIST convnet" (F. Chollet, keras.io/examples/vision/mnist_convnet).

    Two unpadded 3x3 convolutions of 32 and 64 channels, each followed by ReLU and 2x2 maximum pooling, dropout 0.5 and
    a linear layer; 34,826 parameters, initialised as Keras does (Glorot and Bengio 2010, zero biases).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.head = nn.Linear(64 * 5 * 5, len(CLASSES))
        for layer in (self.conv1, self.conv2, self.head):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, pixels: UInt8[Tensor, "n 28 28"]) -> Float[Tensor, "n 10"]:
        x = F.max_pool2d(F.relu(self.conv1(pixels.unsqueeze(1).float() / 255)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.head(F.dropout(x, 0.5, self.training))


def time_to_accuracy(
    domain: Domain,
    trainer: Callable[..., pl.Trainer],
    *,
    accuracy: float,
    checks_per_epoch: int,
    peer_epochs: int,
    same_format: bool,
    seed: int,
) -> list[Figure]:
    """CPU-seconds of training, on one thread, until validation accuracy reaches `accuracy`: ours and the peer's.

    Ours trains as its config says; the peer with its example's recipe (Adam at its usual rate, batches of 128, fp32),
    but for at most `peer_epochs`: the example's 15 can be too few. With `same_format` it trains in our number format
    as well, to tell method and format apart. All are validated `checks_per_epoch` times an epoch, which does not
    count. Where one never gets there, there is no ratio.
    """
    recipe = partial(FashionMNIST, batch_size=128, translate=0, erase=0.0, flip="none", seed=seed)
    ours = domain.module.name
    rivals: dict[str, tuple[pl.LightningModule, pl.LightningDataModule, Callable[..., pl.Trainer]]] = {
        ours: (domain.module, domain.data, trainer),
        PEER: (_peer(), recipe(), partial(trainer, max_epochs=peer_epochs, precision="32-true")),
    }
    if same_format:
        rivals[f"{PEER}_same_format"] = (_peer(), recipe(), partial(trainer, max_epochs=peer_epochs))
    figures, spent = [], {}
    for name, (module, data, make) in rivals.items():
        clock = TrainingClock()
        stop = EarlyStopping("val/accuracy", mode="max", stopping_threshold=accuracy, patience=10**6)
        run = make(callbacks=[stop, clock], val_check_interval=1 / checks_per_epoch)
        with threads(1):
            run.fit(module, datamodule=data)
        end, best = clock.curve[-1], max(point["val/accuracy"] for point in clock.curve)
        kind: Kind = "learned" if name == ours else "peer"
        record = partial(Figure, program=name, kind=kind)
        if best >= accuracy:
            spent[name] = end["cpu_s"]
            figures += [record("cpu_s_to_accuracy", end["cpu_s"], unit="s"), record("steps_to_accuracy", end["step"])]
        figures.append(record("best_val_accuracy", best))
    for name in spent.keys() - {ours} if ours in spent else ():
        ratio = spent[name] / spent[ours]
        figures.append(Figure(f"times_as_fast_to_accuracy/{name}", ratio, program=ours, kind="learned"))
    return figures


def _peer() -> Classifier:
    return Classifier(
        net=SimpleConvNet(),
        optimizer=lambda net: torch.optim.Adam(net.parameters()),
        schedule=lambda progress: 1.0,
        ema_decay=0,
        label_smoothing=0,
        flip_tta=False,
    )


def share_of_convolution_speed(
    domain: Domain, trainer: Callable[..., pl.Trainer], *, steps: int, seconds: float
) -> list[Figure]:
    """Floating-point operations a second of `steps` training steps, and of the fastest convolution tried, one thread.

    Those of a step are counted by PyTorch, forward and backward (a multiplication and an addition are two).
    """
    clock = TrainingClock()
    run = trainer(callbacks=[clock], max_steps=steps, limit_val_batches=0)
    with threads(1):
        run.fit(domain.module, datamodule=domain.data)
        ceiling = max(convolution_flops_per_s(*shape, seconds=seconds) for shape in SHAPES)
    batch = next(iter(domain.data.train_dataloader()))
    with FlopCounterMode(display=False) as counter:
        domain.module.loss(domain.module.net, batch)[0].backward()
    rate = counter.get_total_flops() * steps / clock.spent.wall_s
    learned = {"program": domain.module.name, "kind": "learned"}
    return [
        Figure("training_flops_per_s", rate, unit="1/s", **learned),  # type: ignore[arg-type]
        Figure("share_of_convolution_speed", rate / ceiling, **learned),  # type: ignore[arg-type]
        Figure("training_flops_per_s", ceiling, unit="1/s", program="convolution", kind="ceiling"),
    ]


SHAPES = ((32, 64, 28), (32, 128, 14), (32, 256, 14), (8, 256, 28))  # batch, channels, height and width


def convolution_flops_per_s(batch: int, channels: int, size: int, *, seconds: float) -> float:
    """Of 3x3 convolutions forward, in the format that training would use, at their fastest."""
    from common.precision import auto

    dtype = torch.bfloat16 if auto("cpu") == "bf16-mixed" else torch.float32
    with torch.inference_mode():
        conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False).to(dtype).to(memory_format=torch.channels_last)
        x = torch.randn(batch, channels, size, size, dtype=dtype).contiguous(memory_format=torch.channels_last)
        took, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            conv(x)
            took.append(time.perf_counter() - start)
    return 2 * batch * channels**2 * 9 * size**2 / min(took)


def hog_speed(domain: Domain, trainer: object, *, images: int, repeats: int) -> list[Figure]:
    """Seconds an image of the hand-written features' kernel, one thread, the median of `repeats` once it is warm."""
    from vision.baseline import GRIDS, ORIENTATIONS
    from vision.hog import hog

    pixels = read("train", limit=images).pixels
    took = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        hog(pixels, GRIDS, ORIENTATIONS)
        took.append((time.perf_counter() - start) / images)
    return [Figure("hog_s_per_image", float(np.median(took[1:])), unit="s", program="hog_svm", kind="baseline")]
