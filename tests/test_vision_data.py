"""The data of vision: what is in it, how it is split, and what training does to it."""

import numpy as np
import pytest
import torch

from tests.fashion import data
from vision.baseline import mirrored
from vision.data import ERASED_AREA, Batches, FashionMNIST, erase, mirror, read, translate
from vision.evaluate import Referee


def test_the_real_images() -> None:
    train, val, everything, test = (read(split) for split in ("train", "val", "all", "test"))
    assert [len(s.labels) for s in (train, val, everything, test)] == [55_000, 5_000, 60_000, 10_000]
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert np.bincount(everything.labels).tolist() == [6000] * 10
    assert everything.pixels.dtype == np.uint8


def test_no_image_stands_in_two_splits() -> None:
    seen: set[bytes] = set()
    for split in ("train", "val", "test"):
        here = {image.tobytes() for image in read(split).pixels}
        assert not here & seen
        seen |= here
    assert len(seen) == 70_000, "the release with duplicates, of before September 2017"


def test_the_test_images_with_a_near_duplicate_are_the_published_182() -> None:
    assert Referee(split="test").near_duplicates.sum() == 182


def test_no_domain_module_holds_the_test_split() -> None:
    test = read("test")
    module = data(limit=None)
    assert len(held(module)) == 60_000
    assert not held(module) & images(test.pixels)
    for part in (test, read("test", limit=3), torch.tensor(test.pixels[-1:])):  # would be seen
        module.more = part
        assert held(module) & images(test.pixels)


def held(module: FashionMNIST) -> set[bytes]:
    """Every image that it holds, in whatever split."""
    parts = [getattr(part, "pixels", part) for part in vars(module).values()]
    return set().union(*(images(part) for part in parts if np.shape(part)[1:] == (28, 28)))


def images(pixels: np.ndarray | torch.Tensor) -> set[bytes]:
    return {image.tobytes() for image in np.asarray(pixels)}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"batch_size": 0}, "data.batch_size: given 0, wanted 1 or more"),
        ({"translate": -1}, "data.translate: given -1, wanted 0 or more"),
        ({"erase": 1.5}, "data.erase: given 1.5, wanted 0 to 1"),
        ({"erase": float("nan")}, "data.erase: given nan, wanted 0 to 1"),
        ({"flip": "never"}, "data.flip: given 'never', wanted one of none, random, alternate"),
        ({"limit": 0}, "limit: given 0, wanted null or a whole number above 0"),
    ],
)
def test_impossible_settings_are_refused(changed: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        data(**changed)


def test_an_epoch_is_every_image_once_and_the_same_after_a_restart() -> None:
    module = data(flip="alternate", translate=1, erase=0.5)
    first, again, later = (list(Batches(module, epoch=lambda e=e: e)) for e in (0, 0, 1))  # type: ignore[misc]
    assert all(torch.equal(a, b) for x, y in zip(first, again, strict=True) for a, b in zip(x, y, strict=True))
    assert not torch.equal(first[0][0], later[0][0])
    plain = data()
    seen = sorted(image.numpy().tobytes() for batch, _ in Batches(plain, epoch=lambda: 0) for image in batch)
    assert seen == sorted(image.tobytes() for image in plain.train.pixels)


def test_two_alternating_epochs_show_both_sides_of_each_image() -> None:
    module = data(flip="alternate", limit=200)
    seen = {x.numpy().tobytes() for e in (0, 1) for batch, _ in Batches(module, epoch=lambda e=e: e) for x in batch}  # type: ignore[misc]
    both = {x.tobytes() for side in (module.train.pixels, mirrored(module.train.pixels)) for x in side}
    assert seen == both


def test_translation_moves_whole_images_and_brings_in_background() -> None:
    dot = torch.zeros(500, 28, 28, dtype=torch.uint8)
    dot[:, 10, 20] = 255
    moved = translate(dot, 2, torch.Generator().manual_seed(0))
    assert moved.sum(dtype=torch.int64) == dot.sum(dtype=torch.int64)
    places = {tuple(place) for place in moved.nonzero()[:, 1:].tolist()}
    assert places == {(y, x) for y in range(8, 13) for x in range(18, 23)}
    assert torch.equal(mirror(dot, torch.ones(500, dtype=bool))[:, 10, 7], dot[:, 10, 20])


def test_erasing_takes_one_rectangle_of_the_right_size_from_the_right_share() -> None:
    white = torch.full((4000, 28, 28), 255, dtype=torch.uint8)
    erased = erase(white, 0.5, torch.Generator().manual_seed(0))
    gone = erased == 0
    touched = gone.flatten(1).any(1)
    assert 0.46 < touched.float().mean() < 0.54
    rows, columns = gone.any(2)[touched], gone.any(1)[touched]
    areas = gone.flatten(1).sum(1)[touched]
    assert torch.equal(areas, rows.sum(1) * columns.sum(1)), "what is gone is a rectangle"
    assert ((rows.diff(dim=1) != 0).sum(1) <= 2).all()
    assert areas.min() >= ERASED_AREA[0] * 784 * 0.5
    assert areas.max() <= ERASED_AREA[1] * 784 * 1.2
    assert gone.any(0).all(), "every place is erased sometimes"
    assert erase(white, 0.0, torch.Generator()) is white
