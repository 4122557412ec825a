"""A board as a picture; with what each move leads to and who chose which; and a whole game on one board."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from control.game import ZERO, Rules, all_rows, cell_of
from control.positions import planes, play_all

CELL = 48  # pixels
LARGE = 72
FINER = 4  # times, before it is averaged: smooth edges
RADIUS = 0.4  # of a disc, in cells
BOARD, HOLE, FIRST, SECOND, RING = (
    np.array(colour, np.float32)
    for colour in ((38, 84, 160), (235, 238, 243), (210, 48, 48), (245, 200, 40), (255, 255, 255))
)
SIDES = ("red", "yellow")  # who moves first and who second
# What a move leads to for who makes it. Okabe and Ito 2008, darkened to be read on light grey by colour-blind eyes too.
OUTCOMES = {"W": "#00704f", "D": "#4d4d4d", "L": "#b03a00"}
PAPER, INK, PALE, RULE = "#ffffff", "#222222", "#6b6b6b", "#dddddd"
LINE, GAP = 36, 16  # pixels: the height of a program's line, and the space beside text
SHARES = 18  # pixels more, where it says how it weighed the moves
LEAST = 0.01  # share that is written
BADGE = 22  # pixels
NAME, NOTE, SMALL = (ImageFont.load_default(size) for size in (18, 21, 15))
SIGNS: dict[str, list[tuple[tuple[float, float], ...]]] = {  # lines through a square from -1 to 1
    "tick": [((-0.8, 0.1), (-0.25, 0.65), (0.8, -0.6))],
    "cross": [((-0.6, -0.6), (0.6, 0.6)), ((-0.6, 0.6), (0.6, -0.6))],
}


def board_picture(rules: Rules, own: np.uint64, stones: np.uint64, *, cell: int = CELL) -> np.ndarray:
    """uint8 (height * cell, width * cell, 3): red moved first; a winning row is ringed."""
    game = rules.game
    sides = planes(game, np.array([[own, stones]], np.uint64))[0].astype(bool)
    if int(stones).bit_count() % 2:
        sides = sides[::-1]
    row = _winning(rules, own, stones)
    colours = np.where(sides[0][..., None], FIRST, np.where(sides[1][..., None], SECOND, HOLE))
    colours = colours[:, None, :, None]  # (height, 1, width, 1, 3), beside a cell's pixels
    disc, ring = (share[:, None, :, None] for share in _covered(cell))
    ring = ring * row[:, None, :, None, None]
    pixels = BOARD + disc * (colours - BOARD) + ring * (RING - colours)
    return pixels.round().astype(np.uint8).reshape(rules.height * cell, rules.width * cell, 3)


@lru_cache
def _covered(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Which share of each pixel of a cell a disc covers, and which the ring on a winning one, float32 (size, size)."""
    at = (np.arange(size * FINER) + 0.5) / (size * FINER) - 0.5
    away = np.hypot(at, at[:, None])
    masks = away < RADIUS, (away > 0.6 * RADIUS) & (away < 0.75 * RADIUS)
    disc, ring = (mask.reshape(size, FINER, size, FINER).mean((1, 3), dtype=np.float32) for mask in masks)
    disc.flags.writeable = ring.flags.writeable = False
    return disc, ring


def judged_picture(
    rules: Rules,
    own: np.uint64,
    stones: np.uint64,
    *,
    notes: Mapping[int, str],
    choices: Mapping[str, int],
    shares: Mapping[str, np.ndarray],
) -> np.ndarray:
    """uint8 (H, W, 3): a large board, on each free cell what a stone there leads to, below it a line a program.

    In its line a tick stands below the column of the program's move if that keeps the best outcome, else a cross. Where
    stones do not drop, the programs are numbered, and their numbers stand on the cells.

    Args:
        notes: {legal move: `W 13`, `D` or `L 8`}: who makes it wins, draws or loses, after so many plies.
        choices: {program: its move}.
        shares: {program: how it weighed the moves, float (moves,)}, of those that say it. Written for each column in %.
    """
    numbers = {name: "" if rules.drop else str(i) for i, name in enumerate(choices, 1)}
    titles = [f"{number} {name}".strip() for name, number in numbers.items()]
    left = round(max(NAME.getlength(text) for text in ("to move", *titles))) + 2 * GAP
    below = GAP + rules.height * LARGE
    height = below + len(choices) * LINE + len(shares) * SHARES + GAP
    whole = Image.new("RGB", (left + rules.width * LARGE + GAP, height), PAPER)
    whole.paste(Image.fromarray(board_picture(rules, own, stones, cell=LARGE)), (left, GAP))
    _draw_legend(whole, left, below, SECOND if int(stones).bit_count() % 2 else FIRST)
    middles = {move: _middle(rules, stones, move) for move in notes}
    for move, (x, y) in middles.items():
        here = " ".join(numbers[name] for name, choice in choices.items() if choice == move).strip()
        _write_note(whole, left + x, GAP + y, notes[move], here)
    best = min((note[0] for note in notes.values()), key="WDL".index)
    draw, y = ImageDraw.Draw(whole), below + LINE // 2
    for title, (name, move) in zip(titles, choices.items(), strict=True):
        draw.text((GAP, y), title, INK, NAME, anchor="lm")
        _stamp_sign(whole, left + middles[move][0], y, "tick" if notes[move][0] == best else "cross")
        if name in shares:
            _write_shares(whole, left, y + LINE // 2 + 2, np.reshape(shares[name], (rules.width, -1)).sum(1))
            y += SHARES
        draw.line((GAP, y + LINE // 2, whole.width - GAP, y + LINE // 2), RULE)
        y += LINE
    return np.asarray(whole)


def game_picture(
    rules: Rules, opening: np.ndarray, moves: Sequence[int], *, names: Sequence[str], marked: Collection[int]
) -> np.ndarray:
    """uint8 (H, W, 3): a large board with all stones of a game, each with the number of its move from the opening on.

    Args:
        opening: uint64 (2,); its stones have no number.
        names: of who plays red, and who yellow.
        marked: numbers, from 1 on, beside which a question mark stands, as in chess books.
    """
    top = GAP + len(names) * LINE
    below = top + rules.height * LARGE
    whole = Image.new("RGB", (2 * GAP + rules.width * LARGE, below + 2 * LINE), PAPER)
    positions = [opening[None]]
    for move in moves:
        positions.append(play_all(rules.game, positions[-1], np.array([move])))
    whole.paste(Image.fromarray(board_picture(rules, *positions[-1][0], cell=LARGE)), (GAP, top))
    for number, (move, ((_, stones),)) in enumerate(zip(moves, positions[:-1], strict=True), 1):
        x, y = _middle(rules, stones, move)
        _write_number(whole, GAP + x, top + y, number, INK if int(stones).bit_count() % 2 else PAPER)
        if number in marked:
            _stamp_badge(whole, GAP + x + LARGE // 3, top + y - LARGE // 3)
    _draw_players(whole, names)
    _draw_key(whole, below)
    return np.asarray(whole)


def _write_note(whole: Image.Image, x: int, y: int, note: str, below: str) -> None:
    """On the cell around (x, y)."""
    draw = ImageDraw.Draw(whole)
    draw.text((x, y - (8 if below else 0)), note, OUTCOMES[note[0]], NOTE, anchor="mm", stroke_width=0.4)
    draw.text((x, y + 14), below, INK, SMALL, anchor="mm")


def _draw_legend(whole: Image.Image, left: int, below: int, mover: np.ndarray) -> None:
    """Left of the board: above whose move it is, below what the notes mean."""
    draw = ImageDraw.Draw(whole)
    whole.paste(Image.fromarray(_disc(mover, LARGE)), ((left - LARGE) // 2, GAP))
    draw.text((left / 2, GAP + LARGE + 4), "to move", INK, NAME, anchor="mm")
    for line, text in enumerate(("after n plies", "L  loss", "D  draw", "W  win")):
        draw.text((GAP, below - 8 - line * 20), text, OUTCOMES.get(text[0], INK), SMALL, anchor="ls")


def _middle(rules: Rules, stones: np.uint64, move: int) -> tuple[int, int]:
    """Of the cell that a legal move fills, in pixels from the left and from above."""
    cell = np.uint64(cell_of(rules.game, stones, move))
    ((row, column),) = np.argwhere(planes(rules.game, np.array([[cell, cell]]))[0, 0])
    return int(column) * LARGE + LARGE // 2, int(row) * LARGE + LARGE // 2


def _disc(colour: np.ndarray, size: int) -> np.ndarray:
    """uint8 (size, size, 3): a stone on paper."""
    inside = _covered(size)[0][..., None]
    return (inside * colour + (1 - inside) * 255).round().astype(np.uint8)


def _write_shares(whole: Image.Image, left: int, y: int, columns: np.ndarray) -> None:
    """In %, around the height y, those that are not next to nothing."""
    draw = ImageDraw.Draw(whole)
    draw.text((GAP, y), "weight, %", PALE, SMALL, anchor="lm")
    for column in np.flatnonzero(columns >= LEAST).tolist():
        x = left + column * LARGE + LARGE // 2
        draw.text((x, y), f"{100 * columns[column]:.0f}", PALE, SMALL, anchor="mm")


def _write_number(whole: Image.Image, x: int, y: int, number: int, ink: str) -> None:
    """On the stone around (x, y)."""
    ImageDraw.Draw(whole).text((x, y), str(number), ink, NOTE, anchor="mm", stroke_width=0.4)


def _draw_players(whole: Image.Image, names: Sequence[str]) -> None:
    """Above the board, a line each."""
    for line, (name, colour) in enumerate(zip(names, (FIRST, SECOND), strict=True)):
        y = GAP // 2 + line * LINE
        whole.paste(Image.fromarray(_disc(colour, LINE)), (GAP, y))
        ImageDraw.Draw(whole).text((GAP + LINE + 4, y + LINE // 2), name, INK, NAME, anchor="lm")


def _draw_key(whole: Image.Image, below: int) -> None:
    """Below the board: what the signs on stones mean."""
    draw = ImageDraw.Draw(whole)
    _stamp_badge(whole, GAP + BADGE // 2, below + 20)
    draw.text((GAP + BADGE + 4, below + 20), "changes the outcome", INK, SMALL, anchor="lm")
    draw.text((GAP, below + 46), "no number: the opening", INK, SMALL, anchor="lm")


def _stamp_badge(whole: Image.Image, x: int, y: int) -> None:
    """A question mark on a small disc around (x, y)."""
    mask = Image.new("L", (BADGE * FINER, BADGE * FINER))
    ImageDraw.Draw(mask).ellipse((0, 0, *mask.size), 255)
    whole.paste(PAPER, (x - BADGE // 2, y - BADGE // 2), mask.reduce(FINER))
    ImageDraw.Draw(whole).text((x, y), "?", OUTCOMES["L"], NAME, anchor="mm", stroke_width=0.6)


def _stamp_sign(whole: Image.Image, x: int, y: int, name: str) -> None:
    """Stamps a tick or a cross around (x, y)."""
    half = LINE // 3
    mask = Image.new("L", (2 * half * FINER, 2 * half * FINER))
    for points in SIGNS[name]:
        scaled = [(half * FINER * (1 + a), half * FINER * (1 + b)) for a, b in points]
        ImageDraw.Draw(mask).line(scaled, 255, width=4 * FINER, joint="curve")
    whole.paste(OUTCOMES["W" if name == "tick" else "L"], (x - half, y - half), mask.reduce(FINER))


def _winning(rules: Rules, own: np.uint64, stones: np.uint64) -> np.ndarray:
    """bool (height, width): the cells of the last mover's winning rows."""
    rows = all_rows(rules)
    found = np.bitwise_or.reduce(rows[rows & ~(own ^ stones) == ZERO])
    return planes(rules.game, np.array([[found, found]], np.uint64))[0, 0].astype(bool)
