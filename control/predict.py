"""One position, asked of all players: `python -m scripts.predict domain=control input=4453`.

A position is the moves that lead to it from the empty board, columns from 1 on, or a drawn board as control.positions
draws it, its lines parted by `/`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from common.program import Program
from control.game import CONNECT_FOUR, Rules, is_over
from control.positions import after, check_positions, draw, legal_moves, parse


def predict(programs: Mapping[str, Program], given: str, folder: Path, *, rules: Rules = CONNECT_FOUR) -> Iterator[str]:
    """The board, and what each player would do; one with `fewest_stones` is not asked about emptier boards.

    Raises:
        ValueError: no position, or one in which the game is over.
    """
    position = read_position(rules, given)
    yield draw(rules.game, *position)
    for name, player in programs.items():
        fewest = getattr(player, "fewest_stones", 0)
        if int(position[1]).bit_count() < fewest:
            yield f"{name}: not asked, wants {fewest} stones or more"
            continue
        move, value, *shares = player(position[None])[0]
        weighed = ", ".join(f"{i + 1}: {share:.0%}" for i, share in enumerate(shares) if share > 0)
        yield f"{name}: column {int(move) + 1}, value {value:+.2f}" + (f" (weighed {weighed})" if weighed else "")


def read_position(rules: Rules, given: str) -> np.ndarray:
    """uint64 (2,).

    Raises:
        ValueError: it is none, or the game is over in it.
    """
    moves = given.strip()
    if moves and set(moves) <= {str(i + 1) for i in range(rules.width)}:
        position = after(rules.game, [int(sign) - 1 for sign in moves])
    elif moves and set(moves) <= set("XO. /\n"):
        position = parse(rules.game, moves.replace("/", "\n"))
        position = check_positions(rules.game, position[None])[0]
    else:
        wanted = f"columns, 1 to {rules.width}, such as 4453, or a board of X, O and . in lines"
        raise ValueError(f"input: given {given!r}, wanted {wanted}")
    if is_over(rules.game, *position) or not legal_moves(rules.game, position[None]).any():
        raise ValueError(f"input: given {given!r}, wanted a position in which the game goes on")
    return position
