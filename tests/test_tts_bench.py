"""The bench of text to speech: of a package, whose net knows how long anything lasts."""

import json
from pathlib import Path

import pytest

FEW = ["domain=tts", "~bench.espeak", "bench.pace.sentences=1", "bench.pace.repeats=1"]
LITTLE = ("domain.evaluator.limit=2", "domain.data.limit=2")


def test_every_program_has_a_pace(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    command("bench", "package=speech/tts/pretrained", *FEW, *LITTLE, f"output_dir={tmp_path}/bench")
    found = json.loads((tmp_path / "bench" / "results.json").read_text())["figures"]
    assert {figure["program"] for figure in found} == {"convtts", "formants", "splicing"}
    assert all(f["value"] > 0 for f in found if f["program"] != "splicing"), "it is mute: it has heard two prompts"
    assert next(f["goal"] for f in found if f["program"] == "convtts") == ">= 1"


def test_an_untrained_net_is_refused(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit, match="package: given nothing, wanted package=DIR, of a net that is trained"):
        command("bench", *FEW, *LITTLE, f"output_dir={tmp_path}/bench")
