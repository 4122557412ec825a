"""Fashion-MNIST: the source code of the 2.0 program.

60,000 + 10,000 grey images of clothes, 28 x 28, ten classes (Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747; the
release of 31 August 2017 or later, which has no duplicates). Images lie in memory and are augmented as whole batches:
worker processes would cost more than they save.
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torchvision.datasets import FashionMNIST as TorchvisionFashionMNIST

from common.fetch import DebianPackage, File, Folder, fetch
from vision.task import SIZE

FLIPS = ("none", "random", "alternate")
HELD_OUT = 5000  # of the 60,000 training images, for choosing; the test images are for the last look
ERASED_AREA = (0.02, 0.2)  # of the image
SPLIT_SEED = 2017  # fixes which ones, whatever seed a run has


@dataclass(frozen=True)
class Torchvision:
    """torchvision's own download, of the file called `name`."""

    name: str

    def describe(self) -> str:
        return "torchvision.datasets.FashionMNIST"

    def get(self, folder: Path) -> Path:
        return _torchvision_folder() / "FashionMNIST" / "raw" / self.name


@lru_cache
def _torchvision_folder() -> Path:
    """Where torchvision has put all its files, downloaded once a process."""
    folder = Path(tempfile.mkdtemp(prefix="software2-torchvision-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        TorchvisionFashionMNIST(str(folder), download=True)
    except RuntimeError as error:  # torchvision's word for "no mirror answered"
        raise OSError(error) from error
    return folder


def _file(name: str, sha256: str) -> File:
    # Debian compressed the files anew: what can be checked is the content, not the archive.
    installed = f"usr/share/datasets/fashion-mnist/{name}.gz"
    sources = (Folder(f"/{installed}"), DebianPackage("dataset-fashion-mnist", installed), Torchvision(name))
    return File(f"fashion-mnist/{name}", sha256, sources)


FILES = {
    "train images": _file(
        "train-images-idx3-ubyte", "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train labels": _file(
        "train-labels-idx1-ubyte", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "test images": _file("t10k-images-idx3-ubyte", "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    "test labels": _file("t10k-labels-idx1-ubyte", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
}


class Images(NamedTuple):
    """`pixels` uint8 (N, 28, 28), 0 is background; `labels` int64 (N,), indices into task.CLASSES."""

    pixels: np.ndarray
    labels: np.ndarray


@lru_cache(maxsize=2)
def _read(part: Literal["train", "test"]) -> Images:
    pixels = np.fromfile(fetch(FILES[f"{part} images"]), np.uint8)[16:].reshape(-1, SIZE, SIZE)
    labels = np.fromfile(fetch(FILES[f"{part} labels"]), np.uint8)[8:].astype(np.int64)
    pixels.flags.writeable = labels.flags.writeable = False
    return Images(pixels, labels)


def check_limit(limit: int | None) -> int | None:
    """`limit`, if it is one.

    Raises:
        ValueError: not None and not a whole number above 0.
    """
    if limit is not None and not (isinstance(limit, int) and limit > 0):
        raise ValueError(f"limit: given {limit!r}, wanted null or a whole number above 0")
    return limit


def read(split: Literal["train", "val", "all", "test"], *, limit: int | None = None) -> Images:
    """The images of one split: train (55,000), val (5,000), both (`all`), or test (10,000); the first `limit`."""
    if split not in ("train", "val", "all", "test"):
        raise ValueError(f"split: given {split!r}, wanted one of train, val, all, test")
    images = _read("test" if split == "test" else "train")
    if split in ("train", "val"):
        order = np.random.default_rng(SPLIT_SEED).permutation(len(images.labels))
        rows = np.sort(order[:HELD_OUT] if split == "val" else order[HELD_OUT:])
        images = Images(images.pixels[rows], images.labels[rows])
    return Images(images.pixels[:limit], images.labels[:limit])


class FashionMNIST(pl.LightningDataModule):
    """Batches of (uint8 pixels (N, 28, 28), int64 labels (N,)).

    Args:
        batch_size: of training, over all processes; validation uses it too.
        translate: largest shift, in pixels each way, that training sees.
        erase: share of the images that lose a random rectangle.
        flip: mirror left to right at random, or `alternate`: a random half of the images is mirrored in even epochs,
            the other half in odd ones, so that two epochs show both sides of each (Jordan 2024, section 3.6).
        seed: fixes order and augmentation, by epoch, so that a resumed run sees what an uninterrupted one does.
        limit: use only so many training and validation images.
    """

    def __init__(
        self,
        *,
        batch_size: int,
        translate: int,
        erase: float,
        flip: Literal["none", "random", "alternate"],
        seed: int,
        limit: int | None = None,
    ) -> None:
        super().__init__()
        if flip not in FLIPS:
            raise ValueError(f"data.flip: given {flip!r}, wanted one of {', '.join(FLIPS)}")
        if batch_size < 1:
            raise ValueError(f"data.batch_size: given {batch_size}, wanted 1 or more")
        if translate < 0:
            raise ValueError(f"data.translate: given {translate}, wanted 0 or more")
        if not 0 <= erase <= 1:
            raise ValueError(f"data.erase: given {erase}, wanted 0 to 1")
        self.batch_size = batch_size
        self.translate = translate
        self.erase = erase
        self.flip = flip
        self.seed = seed
        self.limit = check_limit(limit)

    def setup(self, stage: str | None = None) -> None:
        self.train = read("train", limit=self.limit)
        self.val = read("val", limit=self.limit)

    def train_dataloader(self) -> "Batches":
        trainer = self.trainer
        assert trainer is not None
        return Batches(
            self, epoch=lambda: trainer.current_epoch, rank=trainer.global_rank, processes=trainer.world_size
        )

    def val_dataloader(self) -> "Chunks":
        """All of them, in every process of a distributed run: the temperature is fitted on the whole."""
        return Chunks(self.val, self.batch_size)


class Batches:
    """One epoch of shuffled, augmented training batches; a short last batch is left out.

    Of each batch a process of a distributed run gets every `processes`-th image from its `rank` on, so that all of them
    together see what one would.
    """

    def __init__(self, data: FashionMNIST, *, epoch: Callable[[], int], rank: int = 0, processes: int = 1) -> None:
        if data.batch_size % processes:
            raise ValueError(f"data.batch_size: given {data.batch_size}, wanted a multiple of {processes} processes")
        self.data = data
        self.epoch = epoch
        self.share = slice(rank, None, processes)
        self.pixels, self.labels = torch.tensor(data.train.pixels), torch.tensor(data.train.labels)

    def __len__(self) -> int:
        return max(1, len(self.labels) // self.data.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        data, epoch = self.data, self.epoch()
        generator = torch.Generator().manual_seed(int(np.random.SeedSequence((data.seed, epoch)).generate_state(1)[0]))
        fixed = torch.Generator().manual_seed(data.seed)
        first_side = torch.rand(len(self.labels), generator=fixed) < 0.5
        order = torch.randperm(len(self.labels), generator=generator)
        for batch in range(len(self)):
            rows = order[batch * data.batch_size : (batch + 1) * data.batch_size]
            pixels = self.pixels[rows]
            if data.flip == "alternate":
                pixels = mirror(pixels, first_side[rows] ^ bool(epoch % 2))
            elif data.flip == "random":
                pixels = mirror(pixels, torch.rand(len(rows), generator=generator) < 0.5)
            pixels = erase(translate(pixels, data.translate, generator), data.erase, generator)
            yield pixels[self.share], self.labels[rows][self.share]


class Chunks:
    """All of `images`, in order and as they are."""

    def __init__(self, images: Images, size: int) -> None:
        self.pixels = torch.tensor(images.pixels).split(size)
        self.labels = torch.tensor(images.labels).split(size)

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(zip(self.pixels, self.labels, strict=True))


def mirror(pixels: Tensor, chosen: Tensor) -> Tensor:
    """Left to right, those of `pixels` (N, H, W) where `chosen` (N,) is true."""
    return torch.where(chosen[:, None, None], pixels.flip(-1), pixels)


def translate(pixels: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Every image of `pixels` (N, H, W) shifted by up to `most` pixels each way, background coming in."""
    if most == 0:
        return pixels
    n, height, width = pixels.shape
    padded = torch.nn.functional.pad(pixels, [most] * 4)
    shift = torch.randint(0, 2 * most + 1, (2, n), generator=generator)
    rows = shift[0, :, None] + torch.arange(height)  # (N, H)
    columns = shift[1, :, None] + torch.arange(width)  # (N, W)
    return padded[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def erase(pixels: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """A random rectangle of that share of `pixels` (N, H, W) becomes background.

    Random erasing (Zhong et al. 2020, arXiv 1708.04896, algorithm 1) of ERASED_AREA of the image, but for the filling,
    and with rectangles that would stick out cut off at 1 and the image's side instead of drawn again.
    """
    if share == 0:
        return pixels
    n, height, width = pixels.shape
    chosen, area, stretch, top, left = torch.rand(5, n, generator=generator)
    least, most = ERASED_AREA
    area = (least + (most - least) * area) * height * width
    ratio = torch.exp((2 * stretch - 1) * np.log(3.3))  # height to width, 0.3 to 3.3
    h, w = (area * ratio).sqrt().round().clamp(1, height), (area / ratio).sqrt().round().clamp(1, width)
    y, x = (top * (height - h + 1)).floor(), (left * (width - w + 1)).floor()
    rows, columns = torch.arange(height), torch.arange(width)
    inside_y = (rows >= y[:, None]) & (rows < (y + h)[:, None])  # (N, H)
    inside_x = (columns >= x[:, None]) & (columns < (x + w)[:, None])  # (N, W)
    gone = inside_y[:, :, None] & inside_x[:, None, :] & (chosen < share)[:, None, None]
    return pixels.masked_fill(gone, 0)
