"""The demo page: what its tabs do, without a browser, and who visits it."""

import gc
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from control.baseline import MinmaxPlayer, PerfectPlayer
from control.game import CONNECT_FOUR
from scripts.visit import Visitor

# Vision


def test_noise_and_steps_grow_from_nothing() -> None:
    from vision.app import WAYS, spoil
    from vision.net import ConvNet

    torch.manual_seed(0)
    net = ConvNet(widths=[8], convolutions=1, norm_momentum=0.1, logit_scale=1.0).eval()
    image = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    for way in WAYS:
        spoilt = spoil(net, image, way, np.linspace(0, 1, 5)).astype(int)
        assert np.array_equal(spoilt[0], image)
        away = np.abs(spoilt - image).mean((1, 2))
        assert (np.diff(away) > 0).all(), way


def test_where_the_first_answer_is_given_up() -> None:
    from vision.app import breaks

    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.6, 0.4], [0.2, 0.8]])
    assert breaks(p) == "gives up T-shirt at 0.50"
    assert breaks(p[:2]) == "holds"


def test_an_edge_is_drawn_along_itself() -> None:
    from vision.app import gradients

    image = np.zeros((28, 28), np.uint8)
    image[:, 14:] = 255
    drawn = np.asarray(gradients(image))
    column = drawn[:, 130:150].max(1) > 100
    assert column.mean() > 0.7, "an upright line, cell by cell"
    assert not drawn[:, :100].any(), "nothing where all is even"


def test_what_a_program_looks_at_is_red() -> None:
    """One that sees eight columns: they are red where they are hidden; of one that sees nothing, nothing is marked."""
    from vision.app import occluded

    def seen(pixels: np.ndarray) -> np.ndarray:
        bright = pixels[:, :, 10:18].mean((1, 2)) / 255
        return np.stack([bright, 1 - bright], 1)

    image = np.full((28, 28), 200, np.uint8)
    red, _, blue = np.moveaxis(np.asarray(occluded(seen, image)).astype(int), 2, 0)
    assert (red - blue)[:, 100:180].min() > 100
    assert not (red - blue)[:, :60].any()
    assert not (red - blue)[:, 220:].any()
    even = np.asarray(occluded(lambda pixels: np.full((len(pixels), 2), 0.5), image))
    assert (even == even[..., :1]).all(), "grey"


def test_an_empty_drawing_is_refused() -> None:
    from vision.app import read_drawing

    with pytest.raises(ValueError, match="drawing: given none, wanted something drawn"):
        read_drawing({"composite": np.zeros((280, 280, 4), np.uint8)})
    drawn = np.zeros((280, 280, 4), np.uint8)
    drawn[40:240, 100:180] = (0, 0, 0, 255)
    assert read_drawing({"composite": drawn})[14, 14] > 200, "dark on light is turned over"


# Control


def players() -> Any:
    from control.app import Players

    class Net:
        simulations = 12

        def with_simulations(self, _: int) -> MinmaxPlayer:
            return MinmaxPlayer(rules=CONNECT_FOUR, depth=2)

    perfect = PerfectPlayer(rules=CONNECT_FOUR, table_bits=16, fewest_stones=12)
    minmax = MinmaxPlayer(rules=CONNECT_FOUR, depth=4)
    return Players(CONNECT_FOUR, {"net": Net(), "perfect": perfect, "minmax": minmax}, "net")  # type: ignore[dict-item]


def test_a_game_is_won_and_over() -> None:
    board = players()
    moves: list[int] = []
    for column in (0, 1, 0, 1, 0, 1, 0):
        moves = board.dropped(column, moves)
    assert board.over(moves)
    assert board.tell(moves) == "### Red wins\nmoves so far: 1212121"
    with pytest.raises(ValueError, match="game: given one that is over, wanted New game first"):
        board.dropped(3, moves)


@pytest.mark.parametrize("kept", [None, [3], {"moves": [9]}, {"moves": [3], "red": "you", "yellow": "nobody"}])
def test_what_is_no_game_is_not_gone_on_with(kept: object) -> None:
    assert not players().is_game(kept)
    assert players().is_game({"moves": [3, 3], "red": "you", "yellow": "net"})


def test_a_full_column_is_refused() -> None:
    with pytest.raises(ValueError, match="column: given 3, which is full, wanted another"):
        players().dropped(2, [2, 2, 2, 2, 2, 2])


def test_another_plays_until_the_perfect_player_can() -> None:
    moves = [3, 3, 3, 3, 3, 2]
    move, said = players().move("perfect", moves, 0)
    assert "minmax plays for it until 12 stones lie" in said
    assert move == players().move("minmax", moves, 0)[0]
    later = [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4]
    assert "plays for it" not in players().move("perfect", later, 0)[1]


@pytest.fixture
def _swept() -> Iterator[None]:
    """Event loops that Gradio leaves open go before the next test, which may not warn."""
    yield
    gc.collect()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.usefixtures("_swept")
def test_of_two_answers_the_later_goes_on() -> None:
    """Visitors may click twice while the page is busy: the answer to the first click then stops."""
    import gradio as gr

    from control.app import Game, tab

    programs: Any = players().programs
    with gr.Blocks() as page:
        tab(page, SimpleNamespace(module=SimpleNamespace(rules=CONNECT_FOUR, name="net")), programs)  # type: ignore[arg-type]
    handlers: dict[str, Any] = {handler.name: handler.fn for handler in page.fns.values()}
    game, seats = Game([3]), ("you", "minmax")
    first, second = (handlers["answer"](game, *seats, 12) for _ in range(2))
    assert [next(answer)[0]["moves"] for answer in (first, second)] == [[3], [3]]
    assert list(first) == []
    ((kept, *_),) = second
    assert kept["moves"] == game.moves == [3, players().move("minmax", [3], 12)[0]]
    third = handlers["answer"](game, "minmax", "you", 12)
    next(third)
    game.goes_on([])
    assert list(third) == []
    assert game.moves == []


def test_the_truth_is_told_late_enough() -> None:
    with pytest.raises(ValueError, match="truth: given 1 stones, wanted 12 or more"):
        players().truth([3])
    shown = players().truth([0, 1, 0, 1, 0, 1, 6, 6, 6, 5, 5, 4, 4, 4])
    assert shown["visible"]
    assert shown["value"].ndim == 3


# Visitors


def test_what_a_visitor_reads_is_not_written_over(tmp_path: Path) -> None:
    """A picture, and a sound, that another visitor asks for too: the same file, which is replaced as a whole."""
    from gradio import processing_utils

    from common import page  # noqa: F401

    picture, sound = Image.new("L", (8, 8)), np.zeros(800, np.int16)
    for save in (
        lambda: processing_utils.save_pil_to_cache(picture, str(tmp_path), format="webp"),
        lambda: processing_utils.save_audio_to_cache(sound, 16000, "wav", str(tmp_path)),
    ):
        path = save()
        with Path(path).open("rb") as reading:
            assert save() == path
            assert os.fstat(reading.fileno()).st_ino != Path(path).stat().st_ino
            assert reading.read() == Path(path).read_bytes()
    assert len(list(tmp_path.iterdir())) == 2, "nothing is left beside them"


class FakeClient:
    """Of a page with a tab that is read and one that is heard; it breaks where it is told to."""

    def __init__(self, url: str, download_files: str, verbose: bool) -> None:
        self.asked: list[dict[str, str]] = []

    def view_api(self, return_format: str, print_info: bool) -> dict[str, object]:
        kind = {"parameter_name": "kind", "type": {"type": "string", "enum": ["whole", "broken"]}}
        text = {"parameter_name": "text", "type": {"type": "string"}}
        read = {"parameters": [kind, text], "returns": [{"component": "Markdown"}]}
        heard = {"parameters": [text], "returns": [{"component": "Audio"}, {"component": "Image"}]}
        return {"named_endpoints": {"/sound": heard, "/echo": read}}

    def submit(self, *, api_name: str, **given: str) -> "FakeAnswer":
        self.asked.append(given | {"api_name": api_name})
        return FakeAnswer(broken=given.get("kind") == "broken")


class FakeAnswer:
    """In two parts, the second of which takes a moment; a broken one has none."""

    def __init__(self, broken: bool) -> None:
        self.broken = broken

    def __next__(self) -> None:
        if self.broken:
            raise StopIteration

    def result(self) -> None:
        time.sleep(0.05)
        if self.broken:
            raise RuntimeError("broken")


def test_a_visitor_chooses_from_lists_and_counts_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradio_client.Client", FakeClient)
    visitor = Visitor("http://127.0.0.1", seed=0)
    assert visitor.names == {"/echo": "echo", "/sound": "sound"}
    assert visitor.heard == {"sound"}
    for question, given in itertools.islice(visitor.questions(), 20):
        assert visitor.ask(question, given) > 0
    asked = visitor.client.asked
    assert [row["api_name"] for row in asked] == ["/echo", "/sound"] * 10
    chosen = [row["kind"] for row in asked if "kind" in row]
    assert set(chosen) == {"whole", "broken"}, "texts stay as they stand, lists do not"
    assert visitor.errors == chosen.count("broken")
    assert visitor.ask("/sound", {"kind": "broken"}, whole=False) >= 0.05, "the error comes with the result"
    assert visitor.errors == chosen.count("broken") + 1
    assert visitor.ask("/sound", {}, whole=False) < 0.05 <= visitor.ask("/sound", {})
