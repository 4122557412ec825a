"""The control tab of the demo page: play against any program, or have two of them play each other."""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gradio as gr
import numpy as np

from common.domain import Domain
from common.page import QUIET, timed, titles, told
from common.program import Program
from control import solver
from control.game import Rules, has_row, is_over
from control.labels import leads_to
from control.picture import SIDES, board_picture, judged_picture
from control.positions import after, legal_moves

INTRODUCTION = (
    "Four in a row: a net that learned by playing itself, against perfect play by search, and simpler players."
)
FEWEST_STONES = 12  # that the truth is told from: with fewer, its proof may take minutes
TABLE_BITS = 22  # of the solver that tells it
PAUSE_S = 0.25  # between the moves of two programs, for the eye
TURNS = itertools.count(1)
YOU = "you"
PICTURE: Any = {"show_label": False, "interactive": False, "buttons": [], "container": False}


def tab(page: gr.Blocks, domain: Domain, programs: Mapping[str, Program]) -> Callable[[], object]:
    """A board with a button a column; beside it what each program thinks of the position."""
    module: Any = domain.module
    rules, learned = module.rules, module.name
    most: int = programs[learned].simulations  # type: ignore[attr-defined]
    named, others = titles(domain, programs), [name for name in programs if name != learned]
    seated = [(YOU, YOU), *((title, name) for name, title in named.items())]
    players = Players(rules, programs, learned)
    game, turn = gr.State(Game()), gr.State(0)  # another turn has the programs go on
    # The secret is none, and known: a server that begins anew is to read what the last one kept.
    kept = gr.BrowserState(None, storage_key="software2-control", secret="none")
    gr.Markdown(INTRODUCTION)
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            said = gr.Markdown(players.tell([]))
            with gr.Row():
                columns = [gr.Button(str(i + 1), size="sm", min_width=20) for i in range(rules.width)]
            board = gr.Image(players.draw([]), alt_text="The board; its moves are told above", **PICTURE)
            with gr.Row():
                new = gr.Button("New game", size="sm", min_width=90)
                back = gr.Button("Take back", size="sm", min_width=90)
                ask = gr.Button("Opinions", size="sm", min_width=90)
                truth = gr.Button("The truth", size="sm", min_width=90)
        with gr.Column(scale=4, min_width=320):
            red = gr.Radio(seated, value=YOU, label=f"{SIDES[0].capitalize()}, who begins")
            yellow = gr.Radio(seated, value=learned, label=SIDES[1].capitalize())
            strength = gr.Slider(
                0, most, most, step=max(1, most // 12), label=f"Simulations a move of {learned}; 0 is its net alone"
            )
            watch = gr.Button(f"Let {learned} play {others[0]}", variant="primary")
            thoughts = gr.Markdown()
            proof = gr.Image(visible=False, alt_text="What each move leads to", **PICTURE)

    def answer(game: Game, red: str, yellow: str, strength: float) -> Iterator[tuple[Any, ...]]:
        """The programs whose turn it is move, one after the other, until it is a person's."""
        mine, thought = game.goes_on(), ""  # whoever still answers an earlier turn stops
        while mine == game.turn:
            moves = game.moves
            kept = {"moves": moves, "red": red, "yellow": yellow}
            yield kept, players.draw(moves), players.tell(moves), thought, gr.update(visible=False)
            if players.over(moves) or (name := (red, yellow)[len(moves) % 2]) == YOU:
                return
            start = time.perf_counter()
            move, thought = players.move(name, moves, strength)
            if YOU not in (red, yellow):
                time.sleep(max(0.0, PAUSE_S - (time.perf_counter() - start)))
            if mine == game.turn:
                game.moves = [*moves, move]

    def drop(column: int, game: Game, red: str, yellow: str) -> int:
        moves = game.moves
        if (mover := (red, yellow)[len(moves) % 2]) != YOU and not players.over(moves):
            raise ValueError(f"turn: given yours, wanted that of {mover} (Take back, if it no longer thinks)")
        return game.goes_on(players.dropped(column, moves))

    def take_back(game: Game, red: str, yellow: str) -> int:
        """To where a person can choose again."""
        moves = game.moves[:-1]
        while moves and YOU in (red, yellow) and (red, yellow)[len(moves) % 2] != YOU:
            moves = moves[:-1]
        return game.goes_on(moves)

    def resume(kept: Any, game: Game) -> tuple[Any, ...]:
        """The game that this browser last showed, unless another is begun already, or it is none."""
        if game.moves or not players.is_game(kept):
            return (gr.skip(),) * 3  # whatever was chosen while this was on its way stands
        return kept["red"], kept["yellow"], game.goes_on(kept["moves"])

    def opinions(game: Game, strength: float) -> str:
        return "\n\n".join(players.move(name, game.moves, strength)[1] for name in programs)

    seats = [red, yellow]
    working = [
        turn.change(
            told(answer),
            [game, *seats, strength],
            [kept, board, said, thoughts, proof],
            trigger_mode="always_last",  # one after the other: a picture is saved after its yield, and would come late
            **QUIET,
        ),
        ask.click(told(opinions), [game, strength], thoughts, api_name="control"),
        truth.click(told(lambda game: players.truth(game.moves)), game, proof, api_visibility="private"),
    ]
    for i, button in enumerate(columns):
        button.click(told(partial(drop, i)), [game, *seats], turn, **QUIET)
    anew: Any = {"cancels": working, **QUIET}
    for seat in seats:
        seat.input(Game.goes_on, game, turn, **anew)
    new.click(lambda game: game.goes_on([]), game, turn, **anew)
    back.click(take_back, [game, *seats], turn, **anew)
    watch.click(lambda game: (learned, others[0], game.goes_on([])), game, [*seats, turn], **anew)
    page.load(resume, [kept, game], [*seats, turn], **QUIET)
    return lambda: opinions(Game(), most)


@dataclass
class Game:
    """A visitor's, changed as events run: of two that overlap, Gradio may store what the earlier one returned last."""

    moves: list[int] = field(default_factory=list)
    turn: int = 0  # no two are the same, of however many visitors

    def goes_on(self, moves: list[int] | None = None) -> int:
        """Another turn, which it returns, from these moves on, or from its own."""
        if moves is not None:
            self.moves = moves
        self.turn = next(TURNS)
        return self.turn


class Players:
    """The programs, as players of a game that is the list of its moves from the empty board on."""

    def __init__(self, rules: Rules, programs: Mapping[str, Program], learned: str) -> None:
        self.rules, self.programs, self.learned = rules, programs, learned

    def move(self, name: str, moves: Sequence[int], simulations: float) -> tuple[int, str]:
        """Its move, and a line on what it thinks.

        Raises:
            ValueError: the game is over.
        """
        position = self._position(moves)
        if self.over(moves):
            raise ValueError("game: given one that is over, wanted one that goes on")
        player, stands_in = self.programs[name], ""
        fewest = getattr(player, "fewest_stones", 0)
        if len(moves) < fewest:
            stand_in = next(n for n in self.programs if n not in (name, self.learned))
            player, stands_in = self.programs[stand_in], f" ({stand_in} plays for it until {fewest} stones lie)"
        if name == self.learned:
            player = player.with_simulations(round(simulations))  # type: ignore[attr-defined]
        ((chosen, value, *shares),), took = timed(player, position[None])
        weighed = "".join(f" · {i + 1}: {share:.0%}" for i, share in enumerate(shares) if share >= 0.01)
        return int(chosen), f"**{name}**{stands_in}: column {int(chosen) + 1}, value {value:+.2f}, {took}{weighed}"

    def dropped(self, column: int, moves: list[int]) -> list[int]:
        """The game with one move more.

        Raises:
            ValueError: the game is over, or the column full.
        """
        if self.over(moves):
            raise ValueError("game: given one that is over, wanted New game first")
        if not legal_moves(self.rules.game, self._position(moves)[None])[0, column]:
            raise ValueError(f"column: given {column + 1}, which is full, wanted another")
        return [*moves, column]

    def truth(self, moves: Sequence[int]) -> Any:
        """What each move leads to, proven.

        Raises:
            ValueError: the game is over, or has only begun.
        """
        position, game = self._position(moves), self.rules.game
        if self.over(moves):
            raise ValueError("game: given one that is over, wanted one that goes on")
        if len(moves) < FEWEST_STONES:
            raise ValueError(
                f"truth: given {len(moves)} stones, wanted {FEWEST_STONES} or more: before, a proof takes minutes"
            )
        scores = solver.score_moves(game, solver.memory(game, table_bits=TABLE_BITS), position[None], False)[0]
        notes = leads_to(self.rules, position[1], scores)
        return gr.update(value=judged_picture(self.rules, *position, notes=notes, choices={}, shares={}), visible=True)

    def over(self, moves: Sequence[int]) -> bool:
        return bool(is_over(self.rules.game, *self._position(moves)))

    def draw(self, moves: Sequence[int]) -> np.ndarray:
        return board_picture(self.rules, *self._position(moves), cell=72)

    def tell(self, moves: Sequence[int]) -> str:
        """Whose turn it is, or who won, and the moves, as scripts.predict takes them."""
        own, stones = self._position(moves)
        if has_row(self.rules.game, own ^ stones):
            state = f"{SIDES[1 - len(moves) % 2].capitalize()} wins"
        else:
            state = "Drawn" if self.over(moves) else f"{SIDES[len(moves) % 2].capitalize()} to move"
        so_far = "".join(str(move + 1) for move in moves)
        return f"### {state}\n" + (f"moves so far: {so_far}" if moves else "")

    def is_game(self, kept: Any) -> bool:
        """Whether a browser's memory holds one."""
        try:
            self._position(kept["moves"])
            return {kept["red"], kept["yellow"]} <= {YOU, *self.programs}
        except (TypeError, KeyError, ValueError, IndexError):
            return False

    def _position(self, moves: Sequence[int]) -> np.ndarray:
        return after(self.rules.game, moves)
