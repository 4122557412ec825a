"""What the tabs of the demo page share; needs the extra `app` (Gradio)."""

import functools
import inspect
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import processing_utils

from common.domain import Domain
from common.program import Program
from common.results import human

Handler = Callable[..., Any]
QUIET: Any = {"show_progress": "hidden", "api_visibility": "private"}  # of events that only the page itself asks for


def whole(save: Callable[..., str]) -> Callable[..., str]:
    """One of Gradio's functions that save a picture or a sound in `cache_dir`, which now replaces a file that is there.

    Gradio 6.31 writes it anew, since its name is its content's; a visitor who is just reading it gets a part of it.
    """
    signature = inspect.signature(save)

    @functools.wraps(save)
    def saved(*given: Any, **named: Any) -> str:
        bound = signature.bind(*given, **named)
        folder = Path(bound.arguments["cache_dir"]).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            bound.arguments["cache_dir"] = scratch
            made = Path(save(*bound.args, **bound.kwargs))
            place = folder / made.relative_to(scratch)
            place.parent.mkdir(exist_ok=True)
            made.replace(place)
        return str(place)

    return saved


for _name in ("save_pil_to_cache", "save_audio_to_cache"):
    setattr(processing_utils, _name, whole(getattr(processing_utils, _name)))


def told(answer: Handler) -> Handler:
    """A handler whose ValueErrors become a message on the page; a generator stays one."""
    if inspect.isgeneratorfunction(answer):

        @functools.wraps(answer)
        def steps(*given: Any) -> Any:
            try:
                yield from answer(*given)
            except ValueError as error:
                raise _message(error) from None

        return steps

    @functools.wraps(answer)
    def once(*given: Any) -> Any:
        try:
            return answer(*given)
        except ValueError as error:
            raise _message(error) from None

    return once


def _message(error: ValueError) -> gr.Error:
    return gr.Error(str(error), duration=None, print_exception=False)


def titles(domain: Domain, programs: Mapping[str, Program]) -> dict[str, str]:
    """Each program's name, and how it was written."""
    return {name: f"{name} ({'2.0' if name == domain.module.name else '1.0'})" for name in programs}


def timed(program: Program, problems: Any) -> tuple[Any, str]:
    """Its answers, and how long they took, to be read."""
    start = time.perf_counter()
    answers = program(problems)
    return answers, human(time.perf_counter() - start, "s")
