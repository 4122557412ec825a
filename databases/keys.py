"""The key sets: what the tables are of. Light to import: a hand-written program brings no torch with it.

Real ones come from Debian's packages, checked by content: the world's coastlines (GSHHG 2.3.7, Wessel and Smith 1996)
and where the ranges of IPv4 addresses begin that location databases tell apart (IPFire, as Tor's package carries them).
Generated ones are as in the learned-index papers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from common.fetch import DebianPackage, File, Folder, fetch
from databases.kernel import settled

GENERATED = 10_000_000  # keys
GENERATED_SEED = 2018
LOGNORMAL_SIGMA, LOGNORMAL_SCALE = 2.0, 1e12  # Kraska et al. 2018, section 3.7.1, but for the scale: few collide
DEGREE = 65535  # units in the coastlines' file
LATITUDE_BITS = 24  # hold 180 degrees in those units; 25 hold 360


def _debian(package: str, path: str, sha256: str) -> File:
    return File(f"databases/{path.rsplit('/', 1)[-1]}", sha256, (Folder(f"/{path}"), DebianPackage(package, path)))


COASTLINES = _debian(
    "gmt-gshhg-full",
    "usr/share/gmt-gshhg/binned_GSHHS_f.nc",
    "3b0c146b7ac3af37daebc44bc66cce5bc2703ca7f42e84e680f3efd5dcc08dc3",
)
ADDRESSES = _debian(
    "tor-geoipdb", "usr/share/tor/geoip", "af9ccd060a712d090ee07d5678b5d45b0038ec1573116fae724a6695a8485703"
)


def lognormal() -> np.ndarray:
    """10,000,000 distinct draws, rounded down."""
    return _distinct(lambda rng, n: (rng.lognormal(0, LOGNORMAL_SIGMA, n) * LOGNORMAL_SCALE).astype(np.uint64))


def uniform() -> np.ndarray:
    """10,000,000 distinct draws from all 64 bits."""
    return _distinct(lambda rng, n: rng.integers(0, 2**64, n, dtype=np.uint64))


def _distinct(draw: Callable[[np.random.Generator, int], np.ndarray]) -> np.ndarray:
    rng = np.random.default_rng(GENERATED_SEED)
    keys = _ascending(draw(rng, GENERATED))
    while len(keys) < GENERATED:
        keys = _ascending(np.concatenate([keys, draw(rng, GENERATED - len(keys))]))
    return keys


def _ascending(keys: np.ndarray) -> np.ndarray:
    """Sorted, each key once. (NumPy 2.4's `unique` hashes first, which takes a hundred times as long here.)"""
    keys = np.sort(keys)
    return keys[np.append(True, keys[1:] != keys[:-1])]


def longitudes() -> np.ndarray:
    """The distinct longitudes of the world's coastlines, in units of 1/65535 degree from Greenwich eastwards."""
    return _ascending(_coastline("longitude"))


def morton() -> np.ndarray:
    """The distinct points of the coastlines, the bits of longitude and latitude interleaved (Morton 1966)."""
    east, north = _coastline("longitude"), _coastline("latitude")
    return _ascending(_spread(east) | _spread(north) << np.uint64(1))


def addresses() -> np.ndarray:
    """Where ranges of IPv4 addresses begin."""
    with fetch(ADDRESSES).open() as lines:
        starts = [line.partition(",")[0] for line in lines if line[0] != "#"]
    return _ascending(np.array(starts, np.uint64))


def _coastline(axis: Literal["longitude", "latitude"]) -> np.ndarray:
    """Of every point, from Greenwich eastwards or from the South Pole northwards, uint64, in 1/65535 degree."""
    import h5py  # only here is it needed

    with h5py.File(fetch(COASTLINES)) as file:
        bins_east = int(file["N_bins_in_360_longitude_range"][0])
        segments = file["N_segments_in_a_bin"][:].astype(np.int64)
        first_points = file["Id_of_first_point_in_a_segment"][:].astype(np.int64)
        from_corner = file[f"Relative_{axis}_from_SW_corner_of_bin"][:].view(np.uint16).astype(np.uint64)
    # The bins, a degree each way, go from the north-west corner eastwards; their segments and points lie in that order.
    row, column = np.divmod(np.arange(len(segments)), bins_east)
    corner = column if axis == "longitude" else row.max() - row
    points = np.diff(np.append(first_points, len(from_corner)))
    return from_corner + np.repeat(np.repeat(corner, segments), points).astype(np.uint64) * np.uint64(DEGREE)


def _spread(bits: np.ndarray) -> np.ndarray:
    """The lower 32 bits of each number moved to the even places."""
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        bits = (bits | bits << np.uint64(shift)) & np.uint64(mask)
    return bits


KEY_SETS = {f.__name__: f for f in (lognormal, uniform, longitudes, morton, addresses)}


@dataclass(frozen=True)
class KeySet:
    """A table by name: programs carry this, not the keys.

    Args:
        name: one of KEY_SETS.
        limit: use only so many keys, evenly spaced among all.
    """

    name: str
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.name not in KEY_SETS:
            raise ValueError(f"keys: given {self.name!r}, wanted one of {', '.join(KEY_SETS)}")
        if self.limit is not None and not (isinstance(self.limit, int) and self.limit > 0):
            raise ValueError(f"limit: given {self.limit!r}, wanted null or a whole number above 0")

    @property
    def keys(self) -> np.ndarray:
        """uint64 (n,), ascending, distinct; not to be written to."""
        return _read(self.name, self.limit)


@lru_cache(maxsize=4)
def _read(name: str, limit: int | None) -> np.ndarray:
    if limit is None:
        keys = KEY_SETS[name]()
    else:
        keys = _read(name, None)
        keys = keys[np.arange(min(limit, len(keys))) * len(keys) // min(limit, len(keys))]
    return settled(keys)
