"""One sample of a vocoder's net after the other, compiled.

Arrays end in an axis of B utterances: one, or LANES at once. Every loop adds up in the same order for both, so that an
utterance gets the same samples in any company. (Numba's cache of this file does not notice changes in product.py.)
"""

from typing import NamedTuple

import numpy as np
from numba.extending import overload

from speech.front import E_TAPS, HISTORY, Y_TAPS
from speech.loops import ZERO, add, copy, fill, kernel, multiply_gates, pick, rectify, sigmoid, uniform, update
from speech.outputs import SMALLEST_LOG_SCALE
from speech.prediction import LPC_ORDER
from speech.product import add_product


class Weights(NamedTuple):
    """A WaveNet's, inputs first: `enter` (inputs, channels), `past` and `now` (layers, channels, gates), ..."""

    dilations: np.ndarray
    enter: np.ndarray
    enter_bias: np.ndarray
    past: np.ndarray
    now: np.ndarray
    residual: np.ndarray
    residual_bias: np.ndarray
    skip: np.ndarray
    skip_bias: np.ndarray
    hidden: np.ndarray
    hidden_bias: np.ndarray
    leave: np.ndarray
    leave_bias: np.ndarray


class GruWeights(NamedTuple):
    """A WaveRNN's, inputs first; gates are reset, update, new, as in torch.nn.GRU."""

    enter: np.ndarray
    recurrent: np.ndarray
    recurrent_bias: np.ndarray
    hidden: np.ndarray
    hidden_bias: np.ndarray
    leave: np.ndarray
    leave_bias: np.ndarray


class State(NamedTuple):
    """What is kept of B utterances from chunk to chunk.

    `memory` is the net's: the past of every layer of a WaveNet, a ring each, (sum of dilations, channels, B), or a
    WaveRNN's state (1, channels, B). `y`, `e`, `p` (HISTORY + samples of a chunk, B): the signal, what prediction left,
    and the prediction. `seed` uint64 (B,): of each utterance's random numbers.
    """

    memory: np.ndarray
    y: np.ndarray
    e: np.ndarray
    p: np.ndarray
    seed: np.ndarray


class Drawing(NamedTuple):
    """How samples are drawn: `mixtures` of logistics, or 0 and the `edges` of mu-law's levels; scales by voicing, and
    whether the choice among a mixture's parts is sharpened by them too."""

    mixtures: int
    edges: np.ndarray
    voiced: float
    unvoiced: float
    sharpened: bool
    seed: np.uint64


class Given(NamedTuple):
    """Of a chunk: `lpc` (subframes, order, B), `error`, `gain` (samples, B), `lag` int64 and `voiced` bool likewise,
    `biases` (subframes, layers, gates, B)."""

    lpc: np.ndarray
    error: np.ndarray
    gain: np.ndarray
    lag: np.ndarray
    voiced: np.ndarray
    biases: np.ndarray


@kernel
def draw(said: np.ndarray, b: int, drawing: Drawing, seed: np.uint64, scale: float, number: int) -> float:
    """A sample z of what the net said for utterance b."""
    first, second = uniform(seed, 2 * number), uniform(seed, 2 * number + 1)
    if drawing.mixtures > 0:
        chosen = pick(said[: drawing.mixtures, b], 1.0 / scale if drawing.sharpened else 1.0, first)
        mean = float(said[drawing.mixtures + chosen, b])
        log_scale = max(float(said[2 * drawing.mixtures + chosen, b]), SMALLEST_LOG_SCALE)
        second = min(max(second, 1e-5), 1 - 1e-5)
        return mean + scale * np.exp(log_scale) * (np.log(second) - np.log1p(-second))
    chosen = pick(said[: len(drawing.edges) - 1, b], 1.0 / scale, first)
    return drawing.edges[chosen] + second * (drawing.edges[chosen + 1] - drawing.edges[chosen])


@kernel
def look_back(x: np.ndarray, t: int, at: int, b: int, state: State, given: Given, lpc: bool, pitch: bool) -> None:
    """`speech.front.inputs` of utterance b's sample t of a chunk, which stands at `at` in the state's arrays."""
    error, gain, lag = given.error[t, b], given.gain[t, b], given.lag[t, b]
    x[0, b] = state.y[at - 1, b] / gain
    x[1, b] = state.y[at - 2, b] / gain
    n = 2
    if lpc:
        x[2, b] = state.e[at - 1, b] / error
        x[3, b] = state.e[at - 2, b] / error
        x[4, b] = state.p[at, b] / gain
        x[5, b] = state.p[at - 1, b] / gain
        n = 6
    if pitch:
        if lpc:
            for j in range(len(E_TAPS)):
                x[n, b] = state.e[at - lag + E_TAPS[j], b] / error if lag > 0 else ZERO
                n += 1
        for j in range(len(Y_TAPS)):
            x[n, b] = state.y[at - lag + Y_TAPS[j], b] / gain if lag > 0 else ZERO
            n += 1
    for j in range(n):
        x[j, b] = np.arcsinh(x[j, b])


# Nets: a step each, chosen by the type of the weights


def workspace(w, lanes):  # type: ignore[no-untyped-def]
    """The arrays that `step` works in."""
    raise NotImplementedError


def step(w, x, biases, memory, time, scratch, said):  # type: ignore[no-untyped-def]
    """One sample of all utterances: inputs x (inputs, B), biases (layers, gates, B) -> said (outputs, B).

    Args:
        memory: the State's; `time` is the sample's number.
    """
    raise NotImplementedError


@overload(workspace)
def _workspace(w, lanes):  # type: ignore[no-untyped-def]
    return {Weights: _wavenet_workspace, GruWeights: _gru_workspace}[w.instance_class]


@overload(step)
def _step(w, x, biases, memory, time, scratch, said):  # type: ignore[no-untyped-def]
    return {Weights: _wavenet_step, GruWeights: _gru_step}[w.instance_class]


def _wavenet_workspace(w, lanes):  # type: ignore[no-untyped-def]
    gates, channels, skip = w.now.shape[2], w.now.shape[1], len(w.hidden)
    return (
        np.empty((channels, lanes), np.float32),
        np.empty((gates, lanes), np.float32),
        np.empty((channels, lanes), np.float32),
        np.empty((skip, lanes), np.float32),
        np.empty((skip, lanes), np.float32),
    )


def _wavenet_step(w, x, biases, memory, time, scratch, said):  # type: ignore[no-untyped-def]
    h, gate, z, skip, hidden = scratch
    fill(h, w.enter_bias)
    add_product(x, w.enter, h)
    fill(skip, w.skip_bias)
    start = 0
    for layer in range(len(w.dilations)):
        past = memory[start + time % w.dilations[layer]]
        copy(gate, biases[layer])
        add_product(h, w.now[layer], gate)
        add_product(past, w.past[layer], gate)
        copy(past, h)
        sigmoid(gate)
        multiply_gates(gate, z)
        add_product(z, w.skip[layer], skip)
        if layer < len(w.residual):
            add(h, w.residual_bias[layer])
            add_product(z, w.residual[layer], h)
        start += w.dilations[layer]
    rectify(skip)
    fill(hidden, w.hidden_bias)
    add_product(skip, w.hidden, hidden)
    rectify(hidden)
    fill(said, w.leave_bias)
    add_product(hidden, w.leave, said)


def _gru_workspace(w, lanes):  # type: ignore[no-untyped-def]
    gates, hidden = w.recurrent.shape[1], w.hidden.shape[1]
    return (
        np.empty((gates, lanes), np.float32),
        np.empty((gates, lanes), np.float32),
        np.empty((hidden, lanes), np.float32),
    )


def _gru_step(w, x, biases, memory, time, scratch, said):  # type: ignore[no-untyped-def]
    given, kept, hidden = scratch
    h = memory[0]
    copy(given, biases[0])
    add_product(x, w.enter, given)
    fill(kept, w.recurrent_bias)
    add_product(h, w.recurrent, kept)
    update(given, kept, h)
    fill(hidden, w.hidden_bias)
    add_product(h, w.hidden, hidden)
    rectify(hidden)
    fill(said, w.leave_bias)
    add_product(hidden, w.leave, said)


workspace.written_as = _wavenet_workspace, _gru_workspace  # type: ignore[attr-defined]  # for common.source
step.written_as = _wavenet_step, _gru_step  # type: ignore[attr-defined]


@kernel
def run(
    w: Weights | GruWeights, state: State, given: Given, drawing: Drawing, lpc: bool, pitch: bool, time: int,
    silent: int, forced: np.ndarray, heard: np.ndarray,
) -> None:  # fmt: skip
    """A chunk: fills `state.y` from HISTORY on.

    Args:
        time: the number of its first sample; the first `silent` samples of all are zeros.
        forced: (samples, B) a signal to follow instead of drawing one, or empty.
        heard: (samples, outputs, B) what the net said, or empty.
    """
    samples, lanes = given.error.shape
    held = samples // len(given.lpc)
    x = np.zeros((len(w.enter), lanes), np.float32)
    scratch = workspace(w, lanes)
    said = np.empty((len(w.leave_bias), lanes), np.float32)
    for t in range(samples):
        at, subframe = HISTORY + t, t // held
        for b in range(lanes):
            p = ZERO
            for k in range(LPC_ORDER):
                p += given.lpc[subframe, k, b] * state.y[at - 1 - k, b]
            state.p[at, b] = p
            look_back(x, t, at, b, state, given, lpc, pitch)
        step(w, x, given.biases[subframe], state.memory, time + t, scratch, said)
        if len(heard):
            heard[t] = said
        for b in range(lanes):
            if len(forced):
                state.y[at, b] = forced[t, b]
            elif time + t < silent:
                state.y[at, b] = ZERO
            else:
                scale = drawing.voiced if given.voiced[t, b] else drawing.unvoiced
                drawn = draw(said, b, drawing, state.seed[b], scale, time + t - silent)
                state.y[at, b] = state.p[at, b] + given.error[t, b] * np.float32(drawn)
            state.e[at, b] = state.y[at, b] - state.p[at, b]
