"""How fast samples come, beside what PyTorch's own operations would give: `python -m scripts.bench domain=speech`.

Only the bench comes here, by name, from configs/domain/speech.yaml. What a net has learned does not change how long a
sample takes, so every net is untrained. All on one thread.
"""

import time
from collections.abc import Callable
from functools import partial

import torch
import torchaudio
from torch import Tensor

from common.answering import threads
from common.domain import Domain
from common.program import Figure
from speech.net import WaveNet
from speech.signal import BANDS, SAMPLE_RATE_HZ

EAGER, TORCHAUDIO = "pytorch_eager", "torchaudio_wavernn"


def generation_speed(domain: Domain, trainer: object, *, utterances: int, samples: int, repeats: int) -> list[Figure]:
    """Samples a second of the learned program, one utterance or `utterances` at once, and of the peers.

    Ours is the whole program, features in, waveforms out, on seconds of the referee's prompts. Of the peers, `samples`
    of one utterance: the same WaveNet, a sample at a time by PyTorch's operations, with the layers' pasts kept and
    neither aids nor drawing; and torchaudio's WaveRNN, in the size that it has unless told otherwise, by its own
    `infer`. Of all the median of `repeats`, once they are warm.
    """
    program, problems = domain.module.program(domain.data), domain.evaluator.examples(utterances)
    name, paces = domain.module.name, {}
    rnn = torchaudio_wavernn(samples)  # before anything is timed: it refuses some
    with threads(1):
        for label, asked in (("alone", problems[:1]), ("together", problems)):
            paces[label] = _pace(partial(program, asked), sum(len(f.frames) * f.analysis.hop for f in asked), repeats)
        rivals = {TORCHAUDIO: _pace(rnn, samples, repeats)}
        if isinstance(domain.module.net, WaveNet):
            rivals[EAGER] = _pace(eager(domain.module.net, samples), samples, repeats)
    figures = []
    for label, pace in paces.items():
        mine = partial(Figure, program=name, kind="learned")
        figures += [
            mine(f"samples_per_s_{label}", pace, unit="1/s"),
            mine(f"times_real_time_{label}", pace / SAMPLE_RATE_HZ),
        ]
    for rival, pace in rivals.items():
        figures += [
            Figure("samples_per_s_alone", pace, unit="1/s", program=rival, kind="peer"),
            Figure("times_real_time_alone", pace / SAMPLE_RATE_HZ, program=rival, kind="peer"),
            Figure(f"times_as_fast/{rival}", paces["alone"] / pace, program=name, kind="learned"),
        ]
    return figures


def _pace(task: Callable[[], object], samples: int, repeats: int) -> float:
    """Samples a second of a task that makes so many."""
    task()
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        took.append(time.perf_counter() - start)
    return samples / sorted(took)[len(took) // 2]


def eager(net: WaveNet, samples: int) -> Callable[[], object]:
    """What makes them by `stepped`."""
    inputs, biases = torch.randn(samples, net.enter.in_features), torch.randn(len(net.dilations), 2 * net.channels)
    return partial(stepped, net, inputs, biases.expand(samples, -1, -1))


@torch.inference_mode()
def stepped(net: WaveNet, inputs: Tensor, biases: Tensor) -> Tensor:
    """What the net says of each sample, (samples, outputs), a sample at a time.

    Args:
        inputs: (samples, inputs).
        biases: (samples, layers, gates), what the features add.
    """
    pasts = [torch.zeros(d, net.channels) for d in net.dilations]
    said = []
    for t, x in enumerate(inputs):
        h, gated = net.enter(x), []
        for layer, past in enumerate(pasts):
            place = t % len(past)
            a, b = (net.now[layer] @ h + net.past[layer] @ past[place] + biases[t, layer]).chunk(2)
            z = (a.sigmoid() - 0.5) * b.sigmoid()
            past[place] = h
            if layer < len(net.residual):
                h = h + net.residual[layer] @ z + net.residual_bias[layer]
            gated.append(z)
        said.append(net.leave(net.hidden(net.skip(torch.cat(gated)).relu()).relu()))
    return torch.stack(said)


def torchaudio_wavernn(samples: int) -> Callable[[], object]:
    """What makes them, a multiple of 256, by torchaudio's WaveRNN: 256 classes, 80 mels, hop 256."""
    hop = 256
    if samples < hop or samples % hop:
        raise ValueError(f"bench.generation_speed.samples: given {samples}, wanted a multiple of {hop}")
    net = torchaudio.models.WaveRNN(upsample_scales=(4, 8, 8), n_classes=256, hop_length=hop, n_freq=BANDS).eval()
    return partial(torch.inference_mode()(net.infer), torch.randn(1, BANDS, samples // hop))
