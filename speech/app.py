"""The speech tab of the demo page: a held-out recording, spoken again from its features by every program."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gradio as gr
import numpy as np

from common.domain import Domain
from common.page import timed, titles, told
from common.program import Program
from speech.picture import spectrogram
from speech.signal import SAMPLE_RATE_HZ, analyse, clipped

INTRODUCTION = "From mel bands, pitch and voicing back to a voice: sample by sample by a net, and by signal processing."
LONGEST_S = 4.0  # of the recordings that are offered: an answer is to come soon
NATURAL = "natural"


def tab(page: gr.Blocks, domain: Domain, programs: Mapping[str, Program]) -> Callable[[], object]:
    """Choose a recording; hear it, and what each program makes of its features."""
    referee: Any = domain.evaluator
    offered = {p.text: p.wave for p in referee.prompts if len(p.wave) <= LONGEST_S * SAMPLE_RATE_HZ}

    def speak(text: str) -> Iterator[list[Any]]:
        """The recording at once, then each program's as it comes."""
        wave = offered[text]
        shown = heard(NATURAL, clipped(wave), "")
        yield shown + waiting(list(named.values()))
        features = analyse(wave, referee.features)
        for i, (name, program) in enumerate(programs.items(), 1):
            (made,), took = timed(program, [features])
            shown += heard(named[name], made, took)
            yield shown + waiting(list(named.values())[i:])

    named = titles(domain, programs)
    gr.Markdown(INTRODUCTION)
    with gr.Row():
        text = gr.Dropdown(list(offered), value=next(iter(offered)), label="Held-out recordings", scale=4)
        say = gr.Button("Speak", variant="primary", scale=1)
    say.click(told(speak), text, players([NATURAL, *named.values()]),
              show_progress="hidden", api_name="speech", trigger_mode="multiple")  # fmt: skip
    return lambda: list(speak(min(offered, key=lambda text: len(offered[text]))))


def players(names: list[str]) -> list[Any]:
    """For each name a player above a spectrogram."""
    made: list[Any] = []
    with gr.Row():
        for name in names:
            with gr.Column(min_width=260):
                made.append(gr.Audio(label=name, type="numpy", interactive=False, buttons=["download"]))
                picture = gr.Image(show_label=False, interactive=False, buttons=[], container=False,
                                   alt_text=f"Spectrogram of {name}")  # fmt: skip
                made.append(picture)
    return made


def waiting(names: list[str]) -> list[Any]:
    """What the players show of programs that have not answered yet."""
    return [part for name in names for part in (gr.update(value=None, label=name), None)]


def heard(name: str, wave: np.ndarray, took: str) -> list[Any]:
    """What the players show of a waveform and of the time that it took."""
    sound = np.round(np.clip(wave, -1, 1) * 32767).astype(np.int16)
    return [gr.update(value=(SAMPLE_RATE_HZ, sound), label=f"{name}, in {took}" if took else name), spectrogram(wave)]
