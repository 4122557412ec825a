"""The data of vision, as much of it as a test needs."""

from vision.data import FashionMNIST


def data(limit: int | None = 1000, **changed: object) -> FashionMNIST:
    settings = {"batch_size": 100, "translate": 0, "erase": 0.0, "flip": "none", "seed": 0, "limit": limit}
    module = FashionMNIST(**settings | changed)  # type: ignore[arg-type]
    module.setup()
    return module
