"""What vision's programs are shown of a user's picture, and what he is shown of it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vision.app import ENLARGED, gradients
from vision.predict import read_image


@pytest.mark.parametrize("way", ["upright", "level"])
def test_the_strokes_of_an_edge_are_the_same_on_both_sides_of_it(way: str) -> None:
    image = np.zeros((28, 28), np.uint8)
    image[:, 14:] = 255
    image, middle = (image if way == "upright" else image.T), 14 * ENLARGED
    drawn = np.asarray(gradients(np.ascontiguousarray(image))).astype(float)
    drawn = drawn if way == "upright" else drawn.T
    lines = drawn[drawn.any(1)]
    assert len(lines) > 0.7 * len(drawn)
    centres = (lines * (np.arange(drawn.shape[1]) + 0.5)).sum(1) / lines.sum(1)
    assert np.abs(centres - middle).max() < 2


def test_sixteen_bits_a_pixel_are_scaled_to_eight(tmp_path: Path) -> None:
    ramp = np.zeros((28, 28), np.uint8)
    ramp[2:26, 2:26] = np.linspace(0, 255, 24, dtype=np.uint8)
    for name, pixels in (("8.png", ramp), ("16.png", ramp.astype(np.uint16) * 257)):
        Image.fromarray(pixels).save(tmp_path / name)
    with Image.open(tmp_path / "16.png") as image:
        assert image.mode == "I;16"
    assert np.array_equal(read_image(tmp_path / "16.png"), ramp)
    assert np.array_equal(read_image(tmp_path / "8.png"), ramp)
