"""One thing asked of all programs that a domain ships, and what cannot be asked."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image, ImageDraw

from vision.predict import read_image


def trousers(path: Path, ink: int, paper: int) -> Path:
    image = Image.new("L", (90, 140), paper)
    ImageDraw.Draw(image).polygon([(20, 10), (70, 10), (85, 130), (55, 130), (45, 50), (35, 130), (5, 130)], fill=ink)
    image.save(path)
    return path


@pytest.mark.parametrize(("ink", "paper"), [(230, 0), (30, 255)])
def test_a_drawing_is_seen_on_dark_paper_and_on_light(ink: int, paper: int, tmp_path: Path, command) -> None:  # type: ignore[no-untyped-def]
    path = trousers(tmp_path / "drawn.png", ink, paper)
    lines = command("predict", "domain=vision", f"input={path}", f"output_dir={tmp_path}/out")
    assert [line.split(":")[0] for line in lines] == ["convnet", "hog_svm", "rules", f"{tmp_path}/out"]
    assert lines[0].startswith("convnet: trouser")
    with Image.open(tmp_path / "out" / "input.png") as seen:
        assert seen.size == (280, 280)


def test_transparent_paper_is_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (50, 50), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((20, 20, 30, 30), fill=(0, 0, 0, 255))
    image.save(tmp_path / "clear.png")
    pixels = read_image(tmp_path / "clear.png")
    assert pixels[0, 0] == 0
    assert pixels[14, 14] == 255


@pytest.mark.parametrize("given", ["112233", " . . . . . . . /" * 4 + " O O O . . . . / X X X . . . . "])
def test_all_players_see_a_row_of_three(given: str, tmp_path: Path, command) -> None:  # type: ignore[no-untyped-def]
    lines = command("predict", "domain=control", f"input={given}", f"output_dir={tmp_path}/out")
    assert lines[4:6] == ["O O O . . . .", "X X X . . . ."]
    said = dict(line.split(": ", 1) for line in lines[6:])
    assert list(said) == ["hybrid", "perfect", "minmax_5", "rollouts_1000"]
    assert said.pop("perfect") == "not asked, wants 12 stones or more"
    assert all(answer.startswith("column 4, value +1.00") for answer in said.values())


def test_all_indexes_find_the_same_place(tmp_path: Path, command) -> None:  # type: ignore[no-untyped-def]
    lines = command("predict", "domain=databases", "input=1000000", f"output_dir={tmp_path}/out")
    ranks = [re.fullmatch(r"\w+: ([\d,]+) keys are below", line) for line in lines[:-1]]
    assert len({found[1] for found in ranks if found}) == 1
    near = dict(re.findall(r"\[([\d,]+)\] (\d+)", lines[-1]))
    rank = ranks[0][1]  # type: ignore[index]
    assert all(
        (int(key) < 1000000) == (int(at.replace(",", "")) < int(rank.replace(",", ""))) for at, key in near.items()
    )


def test_a_recording_comes_back_from_all_vocoders(tmp_path: Path, command) -> None:  # type: ignore[no-untyped-def]
    t = np.arange(4000) / 8000
    wave = sum(0.2 / n * np.sin(2 * np.pi * 150 * n * t) for n in range(1, 9))
    soundfile.write(tmp_path / "hum.wav", np.stack([wave, wave], 1), 8000)
    lines = command("predict", "domain=speech", f"input={tmp_path}/hum.wav", f"output_dir={tmp_path}/out")
    names = ["natural", "wavenet", "source_filter", "griffin_lim"]
    assert [line.split(":")[0] for line in lines[:-1]] == names
    for name in names:
        made, rate_hz = soundfile.read(tmp_path / "out" / f"{name}.wav")
        assert rate_hz == 16000
        assert len(made) / rate_hz == pytest.approx(0.5, abs=0.02)
        assert np.sqrt((made**2).mean()) > 0.02


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["domain=vision"], 'input: given nothing, wanted input="..."'),
        (["domain=vision", "input=nowhere.png"], "input: given nowhere.png, wanted an image file"),
        (["domain=visoin", "input=x"], "domain: given 'visoin', wanted one that configs/domain has"),
        (["domain=control", "input=48"], "input: given '48', wanted columns, 1 to 7, such as 4453, or a board"),
        (["domain=control", "input=1213141"], "input: given '1213141', wanted a position in which the game goes on"),
        (["domain=databases", "input=first"], "input: given 'first', wanted a whole number or an IPv4 address"),
        (["domain=databases", "input=300.1.1.1"], "input: given '300.1.1.1', wanted a whole number or an IPv4 address"),
        (["domain=speech", "input=README.md"], "input: given README.md, wanted a sound file, such as .wav or .flac"),
    ],
)
def test_what_cannot_be_asked_is_one_line(arguments: list[str], said: str, tmp_path: Path, command) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit) as stop:
        command("predict", *arguments, f"output_dir={tmp_path}/out")
    assert str(stop.value).startswith(f"error: {said}")
    assert not (tmp_path / "out").exists()
