"""What a program looks at, whoever wrote it: it is asked again with a part of the image blackened."""

import numpy as np

from common.program import Program
from vision.task import SIZE

PATCH = 4  # pixels a side of what is blackened
STRIDE = 2  # pixels from one to the next


def occlusion(program: Program, pixels: np.ndarray) -> np.ndarray:
    """Float (SIZE, SIZE): how much of the answer's probability is lost with each pixel of `pixels`, uint8 (SIZE, SIZE).

    Of every black square that covers the pixel, on the mean (Zeiler and Fergus 2014, section 4.2).
    """
    corners = [(y, x) for y in range(0, SIZE - PATCH + 1, STRIDE) for x in range(0, SIZE - PATCH + 1, STRIDE)]
    images = np.repeat(pixels[None], len(corners) + 1, 0)
    for image, (y, x) in zip(images[1:], corners, strict=True):
        image[y : y + PATCH, x : x + PATCH] = 0
    p = np.asarray(program(images))
    lost, covered = np.zeros((2, SIZE, SIZE))
    for q, (y, x) in zip(p[1:], corners, strict=True):
        lost[y : y + PATCH, x : x + PATCH] += (p[0] - q)[p[0].argmax()]
        covered[y : y + PATCH, x : x + PATCH] += 1
    return lost / covered
