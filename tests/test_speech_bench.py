"""The bench of speech: PyTorch's steps are the same net, and all speeds are of the same thing."""

import json
from pathlib import Path

import pytest
import torch

from speech.front import Front
from speech.net import WaveNet
from speech.outputs import Logistics
from speech.peers import stepped, torchaudio_wavernn
from speech.signal import WIDTH


def test_eager_steps_say_what_the_whole_says() -> None:
    torch.manual_seed(0)
    net = WaveNet(
        front=Front(lpc=True, pitch=True), outputs=Logistics(mixtures=2), channels=16, cycles=2, cycle=3,
        skip_channels=16, condition_channels=8,
    ).requires_grad_(False)  # fmt: skip
    net.leave.weight.normal_()
    inputs, frames = torch.randn(1, 2 * 64, 14), torch.randn(1, 2 + 6, WIDTH + 1)
    biases = net.biases(frames, 4)[0].repeat_interleave(16, 0)
    torch.testing.assert_close(stepped(net, inputs[0], biases), net(inputs, frames, 4)[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("samples", [0, 255, 1000])
def test_frames_of_the_peer_are_whole(samples: int) -> None:
    with pytest.raises(ValueError, match=rf"samples: given {samples}, wanted a multiple of 256"):
        torchaudio_wavernn(samples)


def test_the_bench_measures_samples_a_second(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    small = [f"bench.generation_speed.{few}" for few in ("utterances=3", "samples=256", "repeats=1")]
    little = ["domain=speech", "domain.module.net.channels=16", "domain.data.limit=2", "domain.evaluator.limit=3"]
    command("bench", *little, *small, f"output_dir={tmp_path}/bench")
    found = json.loads((tmp_path / "bench" / "results.json").read_text())
    value = {(f["program"], f["metric"]): f["value"] for f in found["figures"]}
    assert {name for name, _ in value} == {"wavenet", "pytorch_eager", "torchaudio_wavernn"}
    for name in ("wavenet", "pytorch_eager", "torchaudio_wavernn"):
        assert value[name, "times_real_time_alone"] == pytest.approx(value[name, "samples_per_s_alone"] / 16000)
    for name in ("pytorch_eager", "torchaudio_wavernn"):
        ratio = value["wavenet", "samples_per_s_alone"] / value[name, "samples_per_s_alone"]
        assert value["wavenet", f"times_as_fast/{name}"] == pytest.approx(ratio)
