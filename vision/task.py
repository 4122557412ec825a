"""What every vision program knows of its task. Light to import: a hand-written program brings no torch with it."""

import numpy as np

CLASSES = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
SIZE = 28


def check_images(images: np.ndarray) -> np.ndarray:
    """`images`, if a vision Program can take them.

    Raises:
        ValueError: not a uint8 array of shape (N, 28, 28).
    """
    wanted = f"images: wanted a uint8 array of shape (N, {SIZE}, {SIZE}), given "
    if not isinstance(images, np.ndarray):
        raise ValueError(wanted + type(images).__name__)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIZE, SIZE):
        raise ValueError(wanted + f"{images.dtype} {images.shape}")
    return images
