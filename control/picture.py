"""A board as a picture."""

import numpy as np

from control.game import ZERO, Rules, all_rows
from control.positions import planes

CELL = 48  # pixels
FINER = 4  # times, before it is averaged: smooth edges
RADIUS = 0.4  # of a disc, in cells
BOARD, HOLE, FIRST, SECOND, RING = (
    np.array(colour, np.float32)
    for colour in ((38, 84, 160), (235, 238, 243), (210, 48, 48), (245, 200, 40), (255, 255, 255))
)


def board_picture(rules: Rules, own: np.uint64, stones: np.uint64) -> np.ndarray:
    """uint8 (height * CELL, width * CELL, 3): red moved first; a winning row is ringed."""
    game = rules.game
    sides = planes(game, np.array([[own, stones]], np.uint64))[0].astype(bool)
    if int(stones).bit_count() % 2:
        sides = sides[::-1]
    row = _winning(rules, own, stones)
    colours = np.where(sides[0][..., None], FIRST, np.where(sides[1][..., None], SECOND, HOLE))
    at = (np.arange(CELL * FINER) + 0.5) / (CELL * FINER) - 0.5
    away = np.hypot(at, at[:, None])[None, :, None, :, None]  # (1, pixels, 1, pixels, 1) from a cell's middle
    ring = (away > 0.6 * RADIUS) & (away < 0.75 * RADIUS) & row[:, None, :, None, None]
    pixels = np.where(away < RADIUS, np.where(ring, RING, colours[:, None, :, None]), BOARD)
    size = (rules.height * CELL, FINER, rules.width * CELL, FINER, 3)
    return pixels.reshape(size).mean((1, 3)).round().astype(np.uint8)


def _winning(rules: Rules, own: np.uint64, stones: np.uint64) -> np.ndarray:
    """bool (height, width): the cells of the last mover's winning rows."""
    rows = all_rows(rules)
    found = np.bitwise_or.reduce(rows[rows & ~(own ^ stones) == ZERO])
    return planes(rules.game, np.array([[found, found]], np.uint64))[0, 0].astype(bool)
