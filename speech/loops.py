"""Loops over the numbers of one sample, compiled; in float32, in the same order for one utterance and for many."""

import numba
import numpy as np

from speech.product import LANES

ZERO, HALF, ONE, TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
kernel = numba.njit(cache=True, nogil=True, error_model="numpy")  # division by zero gives no error to test for
fast = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nnan", "nsz"})


@fast
def sigmoid(x: np.ndarray) -> None:
    """In place: (1 + tanh(x / 2)) / 2, the tangent by a quotient of polynomials (as in Eigen), to a few ulp."""
    flat = x.reshape(-1)
    for i in range(len(flat)):
        v = min(max(flat[i] * HALF, np.float32(-7.9)), np.float32(7.9))
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
        flat[i] = HALF + HALF * (v * p / q)


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
        out[i] = (flat[i] - HALF) * flat[n + i]


@fast
def update(given: np.ndarray, kept: np.ndarray, h: np.ndarray) -> None:
    """A gated recurrent unit's new state, in place: from what its inputs and its state say of its three gates."""
    new_given, new_kept, state = given.reshape(-1), kept.reshape(-1), h.reshape(-1)
    n = len(state)
    for i in range(2 * n):
        new_given[i] += new_kept[i]
    sigmoid(given[: 2 * len(h)])
    for i in range(2 * n, 3 * n):
        new_given[i] = TWO * (new_given[i] + new_given[i - 2 * n] * new_kept[i])
    sigmoid(given[2 * len(h) :])
    for i in range(n):
        z, new = new_given[n + i], TWO * new_given[2 * n + i] - ONE
        state[i] = new + z * (state[i] - new)


@kernel
def rectify(x: np.ndarray) -> None:
    """In place: nothing below 0."""
    flat = x.reshape(-1)
    for i in range(len(flat)):
        flat[i] = max(flat[i], ZERO)


@kernel
def uniform(seed: np.uint64, number: int) -> float:
    """The `number`-th of a stream, within 0 to 1 (SplitMix64, Steele et al. 2014)."""
    z = seed + np.uint64(number + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (float(z >> np.uint64(11)) + 0.5) * 2.0**-53


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
