"""One sample of WaveNet after the other, compiled.

Arrays end in an axis of B utterances: one, or LANES at once. Every loop adds up in the same order for both, so that an
utterance gets the same samples in any company. (Numba's cache of this file does not notice changes in product.py.)
"""

from typing import NamedTuple

import numba
import numpy as np

from speech.front import E_TAPS, HISTORY, Y_TAPS
from speech.outputs import SMALLEST_LOG_SCALE
from speech.product import LANES, add_product
from speech.signal import LPC_ORDER

F0, F05 = np.float32(0), np.float32(0.5)
kernel = numba.njit(cache=True, nogil=True, error_model="numpy")  # division by zero gives no error to test for


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


class State(NamedTuple):
    """What is remembered between samples, of B utterances.

    `queues` (sum of dilations, channels, B): the past of every layer, a ring each. `y`, `e`, `p` (HISTORY + samples of
    a chunk, B): the signal, what prediction left, and the prediction.
    """

    queues: np.ndarray
    y: np.ndarray
    e: np.ndarray
    p: np.ndarray


class Drawing(NamedTuple):
    """How samples are drawn: `mixtures` of logistics, or 0 and the `edges` of mu-law's levels; scales by voicing."""

    mixtures: int
    edges: np.ndarray
    voiced: float
    unvoiced: float
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


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nnan", "nsz"})
def sigmoid(x: np.ndarray) -> None:
    """In place: (1 + tanh(x / 2)) / 2, the tangent by a quotient of polynomials (as in Eigen), to a few ulp."""
    flat = x.reshape(-1)
    for i in range(len(flat)):
        v = min(max(flat[i] * F05, np.float32(-7.9)), np.float32(7.9))
        s = v * v
        p = np.float32(-2.76076847742355e-16)
        p = p * s + np.float32(2.00018790482477e-13)
        p = p * s + np.float32(-8.60467152213735e-11)
        p = p * s + np.float32(5.12229709037114e-08)
        p = p * s + np.float32(1.48572235717979e-05)
        p = p * s + np.float32(6.37261928875436e-04)
        p = p * s + np.float32(4.89352455891786e-03)
        q = np.float32(1.19825839466702e-06)
        q = q * s + np.float32(1.18534705686654e-04)
        q = q * s + np.float32(2.26843463243900e-03)
        q = q * s + np.float32(4.89352518554385e-03)
        flat[i] = F05 + F05 * (v * p / q)


@kernel
def copy(out: np.ndarray, values: np.ndarray) -> None:
    """All of `values` into `out`, number by number."""
    flat, given = out.reshape(-1), values.reshape(-1)
    for i in range(len(flat)):
        flat[i] = given[i]


@kernel
def fill(out: np.ndarray, bias: np.ndarray) -> None:
    """Each row with its bias."""
    if out.shape[1] == 1:
        copy(out, bias)
    else:
        for o in range(len(bias)):
            for b in range(LANES):
                out[o, b] = bias[o]


@kernel
def add(out: np.ndarray, bias: np.ndarray) -> None:
    """Its bias to each row."""
    if out.shape[1] == 1:
        flat = out.reshape(-1)
        for o in range(len(bias)):
            flat[o] += bias[o]
    else:
        for o in range(len(bias)):
            for b in range(LANES):
                out[o, b] += bias[o]


@kernel
def multiply_gates(gate: np.ndarray, z: np.ndarray) -> None:
    """The first half of the gate, moved to -1/2 to 1/2, times the second (`speech.gated`)."""
    flat, out = gate.reshape(-1), z.reshape(-1)
    n = len(out)
    for i in range(n):
        out[i] = (flat[i] - F05) * flat[n + i]


@kernel
def rectify(x: np.ndarray) -> None:
    """In place: nothing below 0."""
    flat = x.reshape(-1)
    for i in range(len(flat)):
        flat[i] = max(flat[i], F0)


@kernel
def uniform(seed: np.uint64, number: int) -> float:
    """The `number`-th of a stream, within 0 to 1 (SplitMix64, Steele et al. 2014)."""
    z = seed + np.uint64(number + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (float(z >> np.uint64(11)) + 0.5) * 2.0**-53


@kernel
def draw(said: np.ndarray, b: int, drawing: Drawing, scale: float, number: int) -> float:
    """A sample z of what the net said for utterance b."""
    first, second = uniform(drawing.seed, 2 * number), uniform(drawing.seed, 2 * number + 1)
    if drawing.mixtures > 0:
        chosen = pick(said[: drawing.mixtures, b], 1.0, first)
        mean = float(said[drawing.mixtures + chosen, b])
        log_scale = max(float(said[2 * drawing.mixtures + chosen, b]), SMALLEST_LOG_SCALE)
        second = min(max(second, 1e-5), 1 - 1e-5)
        return mean + scale * np.exp(log_scale) * (np.log(second) - np.log1p(-second))
    chosen = pick(said[: len(drawing.edges) - 1, b], 1.0 / scale, first)
    return drawing.edges[chosen] + second * (drawing.edges[chosen + 1] - drawing.edges[chosen])


@kernel
def pick(logits: np.ndarray, sharpness: float, u: float) -> int:
    """The index at which the softmax's distribution function passes u."""
    most = logits.max()
    total = 0.0
    for i in range(len(logits)):
        total += np.exp(sharpness * (float(logits[i]) - most))
    passed = 0.0
    for i in range(len(logits)):
        passed += np.exp(sharpness * (float(logits[i]) - most))
        if passed >= u * total:
            return i
    return len(logits) - 1


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
                x[n, b] = state.e[at - lag + E_TAPS[j], b] / error if lag > 0 else F0
                n += 1
        for j in range(len(Y_TAPS)):
            x[n, b] = state.y[at - lag + Y_TAPS[j], b] / gain if lag > 0 else F0
            n += 1
    for j in range(n):
        x[j, b] = np.arcsinh(x[j, b])


@kernel
def forward(
    w: Weights, x: np.ndarray, biases: np.ndarray, queues: np.ndarray, time: int, h: np.ndarray, gate: np.ndarray,
    z: np.ndarray, skip: np.ndarray, hidden: np.ndarray, said: np.ndarray,
) -> None:  # fmt: skip
    """One sample of all utterances: inputs x (inputs, B), biases (layers, gates, B) -> said (outputs, B)."""
    fill(h, w.enter_bias)
    add_product(x, w.enter, h)
    fill(skip, w.skip_bias)
    start = 0
    for layer in range(len(w.dilations)):
        past = queues[start + time % w.dilations[layer]]
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


@kernel
def run(
    w: Weights, state: State, given: Given, drawing: Drawing, lpc: bool, pitch: bool, time: int, silent: int,
    forced: np.ndarray, heard: np.ndarray,
) -> None:  # fmt: skip
    """A chunk: fills `state.y` from HISTORY on.

    Args:
        time: the number of its first sample; the first `silent` samples of all are zeros.
        forced: (samples, B) a signal to follow instead of drawing one, or empty.
        heard: (samples, outputs, B) what the net said, or empty.
    """
    samples, lanes = given.error.shape
    held = samples // len(given.lpc)
    gates = w.now.shape[2]
    x = np.zeros((len(w.enter), lanes), np.float32)
    h, z = np.empty((gates // 2, lanes), np.float32), np.empty((gates // 2, lanes), np.float32)
    gate = np.empty((gates, lanes), np.float32)
    skip, hidden = np.empty((len(w.hidden), lanes), np.float32), np.empty((len(w.hidden), lanes), np.float32)
    said = np.empty((len(w.leave_bias), lanes), np.float32)
    for t in range(samples):
        at, subframe = HISTORY + t, t // held
        for b in range(lanes):
            p = F0
            for k in range(LPC_ORDER):
                p += given.lpc[subframe, k, b] * state.y[at - 1 - k, b]
            state.p[at, b] = p
            look_back(x, t, at, b, state, given, lpc, pitch)
        forward(w, x, given.biases[subframe], state.queues, time + t, h, gate, z, skip, hidden, said)
        if len(heard):
            heard[t] = said
        for b in range(lanes):
            if len(forced):
                state.y[at, b] = forced[t, b]
            elif time + t < silent:
                state.y[at, b] = F0
            else:
                scale = drawing.voiced if given.voiced[t, b] else drawing.unvoiced
                drawn = draw(said, b, drawing, scale, time + t - silent)
                state.y[at, b] = state.p[at, b] + given.error[t, b] * np.float32(drawn)
            state.e[at, b] = state.y[at, b] - state.p[at, b]
