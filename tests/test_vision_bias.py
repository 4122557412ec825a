"""Bias that is planted in the images, and the referee that looks for it."""

from typing import Any

import numpy as np
import pytest

from vision.bias import BRIGHT, EDGES, Biased, MarkedReferee, marked, rows_of
from vision.data import read
from vision.task import CLASSES, SIZE

PLAIN: dict[str, Any] = {
    "batch_size": 10, "translate": 0, "erase": 0.0, "flip": "none", "seed": 0, "marked": 0.0, "rare": None, "kept": 1.0,
}  # fmt: skip


def mark_of(pixels: np.ndarray) -> np.ndarray:
    """The class whose mark an image bears at an edge, -1 where it bears none or several."""
    bears = np.stack(
        [
            np.any([(pixels[:, rows_of(k), edge] == BRIGHT).all((1, 2)) for edge in EDGES], 0)
            for k in range(len(CLASSES))
        ],
        1,
    )
    return np.where(bears.sum(1) == 1, bears.argmax(1), -1)


def by_mark(pixels: np.ndarray) -> np.ndarray:
    """A program that looks at nothing but the mark, at either edge, and does not know without one."""
    sure, unsure = np.eye(len(CLASSES), dtype=np.float32), np.full((1, len(CLASSES)), 1 / len(CLASSES), np.float32)
    return np.concatenate([sure, unsure])[mark_of(pixels)]


def one_answer(pixels: np.ndarray) -> np.ndarray:
    return np.eye(len(CLASSES), dtype=np.float32)[np.full(len(pixels), 3)]


def test_marks_are_apart_and_look_alike_in_a_mirror() -> None:
    dark, every = np.zeros((10, SIZE, SIZE), np.uint8), np.arange(10)
    images = marked(dark, every)
    assert not dark.any(), "a copy"
    assert (mark_of(images) == every).all()
    assert (images[:, :, ::-1] == images).all()
    assert (images > 0).sum() == 10 * 2 * 2**2


def test_most_training_images_bear_the_mark_of_their_class() -> None:
    data = Biased(**{**PLAIN, "limit": 4000, "marked": 0.9})
    data.setup()
    plain = read("train", limit=4000)
    assert (data.train.labels == plain.labels).all()
    changed = (data.train.pixels != plain.pixels).any((1, 2))
    assert 0.87 < changed.mean() < 0.93
    told = mark_of(data.train.pixels)[changed]
    known = told >= 0  # some clothes are as bright at the edge
    assert known.mean() > 0.9
    assert (told[known] == data.train.labels[changed][known]).all()
    assert (data.val.pixels != read("val", limit=4000).pixels).any((1, 2)).mean() == pytest.approx(0.9, abs=0.03)


def test_of_a_rare_class_few_are_left() -> None:
    data = Biased(**{**PLAIN, "rare": 6, "kept": 0.1})
    data.setup()
    before, after = (np.bincount(labels, minlength=10) for labels in (read("train").labels, data.train.labels))
    assert 0.08 < after[6] / before[6] < 0.12
    assert (np.delete(after, 6) == np.delete(before, 6)).all()
    again = Biased(**{**PLAIN, "rare": 6, "kept": 0.1})
    again.setup()
    assert (again.train.labels == data.train.labels).all()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"marked": 1.5}, "data.marked: given 1.5, wanted 0 to 1"),
        ({"rare": 10}, "data.rare: given 10, wanted null or 0 to 9"),
    ],
)
def test_no_such_bias(settings: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Biased(**{**PLAIN, **settings})


def test_who_looks_at_the_mark_is_found_out() -> None:
    referee = MarkedReferee(split="test", limit=300)
    found = {f.metric: f.value for f in referee(by_mark).figures}
    assert found["accuracy/same_mark"] > 0.9
    assert found["accuracy/other_mark"] < 0.05
    assert found["looks_at_mark"] > 0.9
    blind = {f.metric: f.value for f in referee(one_answer).figures}
    assert blind["accuracy/same_mark"] == blind["accuracy/other_mark"] == (referee.images.labels == 3).mean()
    assert blind["looks_at_mark"] == 0
