"""One image file, asked of all programs: `python -m scripts.predict domain=vision input=shoe.png`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from common.program import Program
from vision.task import CLASSES, SIZE

SHOWN = 3  # classes
LARGEST = 10_000  # pixels a side: more is no photograph of clothes
ENOUGH = 1000  # pixels a side that are looked at
SIXTEEN_TO_8 = 65535 // 255
ENLARGED = 10  # times, in the picture of what the programs see


def predict(programs: Mapping[str, Program], given: str, folder: Path) -> Iterator[str]:
    """The likeliest classes, as each program sees them; writes what they are shown as `input.png`."""
    pixels = read_image(Path(given))
    Image.fromarray(pixels).resize((SIZE * ENLARGED,) * 2, Image.Resampling.NEAREST).save(folder / "input.png")
    for name, program in programs.items():
        p = np.asarray(program(pixels[None]))[0]
        likeliest = np.argsort(-p)[:SHOWN]
        yield f"{name}: " + ", ".join(f"{CLASSES[i]} {p[i]:.1%}" for i in likeliest)


def read_image(path: Path) -> np.ndarray:
    """uint8 (SIZE, SIZE), of an image file.

    Raises:
        ValueError: no image, or too large a one.
    """
    try:
        with Image.open(path) as image:
            if max(image.size) > LARGEST:
                raise ValueError(
                    f"input: given {image.width} x {image.height} pixels, wanted {LARGEST:,} a side at most"
                )
            image.thumbnail((ENOUGH, ENOUGH))  # before it is copied
            return as_problem(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, Image.DecompressionBombError):  # of Pillow: none, or a damaged one
        raise ValueError(f"input: given {path}, wanted an image file") from None


def as_problem(image: Image.Image) -> np.ndarray:
    """uint8 (SIZE, SIZE) as in the data set: light clothes before black. What has a light border is turned over."""
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
        image = Image.fromarray((np.asarray(image) // SIXTEEN_TO_8).clip(0, 255).astype(np.uint8))
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    side = max(image.size)
    pixels = np.asarray(white.convert("L"))
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    light = float(np.median(border)) > 127
    square = Image.new("L", (side, side), 255 if light else 0)
    square.paste(Image.fromarray(pixels), ((side - image.width) // 2, (side - image.height) // 2))
    small = np.asarray(square.resize((SIZE, SIZE), Image.Resampling.BOX))
    return np.ascontiguousarray(255 - small if light else small)
