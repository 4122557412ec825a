"""The text-to-speech tab of the demo page: a sentence, spoken by every program."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gradio as gr
import numpy as np

from common.domain import Domain
from common.page import titles, told
from common.program import Program
from common.results import human
from speech.app import heard, players, waiting
from speech.tts.pronounce import phrases
from speech.tts.splice import Refusal

INTRODUCTION = "A text, spoken by two nets, by formants under rules, and by scissors, which refuse words they lack."
LONGEST = 300  # characters: more is for scripts.predict, which writes files of any length
MOST_WORDS = 60  # as they are spoken: a number may be many
EXAMPLES = (
    "Press one to continue.",
    "Your call will be answered in 12 minutes.",
    "The quick brown fox jumps over the lazy dog.",
)


def tab(page: gr.Blocks, domain: Domain, programs: Mapping[str, Program]) -> Callable[[], object]:
    """Type a sentence; hear it."""
    named = titles(domain, programs)

    def speak(text: str) -> Iterator[list[Any]]:
        """Each program's as it comes."""
        if len(text) > LONGEST:
            raise ValueError(
                f"text: given {len(text):,} characters, wanted {LONGEST} at most (scripts.predict takes more)"
            )
        if (words := sum(len(phrase.words) for phrase in phrases(text))) > MOST_WORDS:
            raise ValueError(f"text: given {words} words as it is spoken, wanted {MOST_WORDS} at most")
        shown: list[Any] = []
        for i, (name, program) in enumerate(programs.items(), 1):
            shown += said(named[name], program, text)
            yield shown + waiting(list(named.values())[i:])

    gr.Markdown(INTRODUCTION)
    with gr.Row():
        text = gr.Textbox(EXAMPLES[0], label="Text", max_lines=3, scale=4)
        say = gr.Button("Speak", variant="primary", scale=1)
    gr.Examples(list(EXAMPLES), text)
    outputs = players(list(named.values()))
    gr.on(
        [say.click, text.submit],
        told(speak),
        text,
        outputs,
        show_progress="hidden",
        api_name="tts",
        trigger_mode="multiple",
    )
    return lambda: list(speak(EXAMPLES[0]))


def said(name: str, program: Program, text: str) -> list[Any]:
    """A player and a spectrogram, or the words of a refusal and none."""
    start = time.perf_counter()
    try:
        wave = np.concatenate(list(program.stream(text)))  # type: ignore[attr-defined]
    except Refusal as refusal:
        return [gr.update(value=None, label=f"{name}: {refusal}"), None]
    return heard(name, wave, human(time.perf_counter() - start, "s"))
