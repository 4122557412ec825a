"""The recordings in pieces, training, and what comes out of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import torch
from hydra.utils import instantiate

from common import experiment
from common.optim import adamw, triangle
from speech import signal
from speech.corpus import parts, prompts
from speech.data import Batches, features_of, prompts_of, remembered
from speech.module import LearnedVocoder, Vocoder
from speech.net import WaveNet
from speech.outputs import Logistics
from speech.signal import Features
from tests.conftest import LITTLE
from tests.killed import unjudged
from tests.voices import AIDED, ARMS, COARSE, FINE, HOW, data, level_db, small_net, some, vocoder


def test_pieces_are_those_of_the_recordings() -> None:
    made = data()
    batches = list(Batches(made, epoch=lambda: 0))
    assert [tuple(b.y.shape) for b in batches] == [(4, (1 + 4) * 256)] * 3
    for y, counted, noise, level in zip(*(batches[0][i] for i in (0, 8, 6, 7)), strict=True):
        known = y.numpy()[counted.numpy() > 0]
        assert any(np.isin(known[:50], u.y).all() for u in made.train)
        assert float(noise.std()) == pytest.approx(float(level), rel=0.1)
    assert not batches[0].counted[:, :256].any(), "the lead"
    again = next(iter(Batches(made, epoch=lambda: 0)))
    assert all(torch.equal(a, b) for a, b in zip(again, batches[0], strict=True))
    other = next(iter(Batches(made, epoch=lambda: 1)))
    assert not torch.equal(other.y, batches[0].y)
    halves = [next(iter(Batches(made, epoch=lambda: 0, rank=r, processes=2))) for r in (0, 1)]
    assert torch.equal(torch.stack([h.y for h in halves], 1).flatten(0, 1), batches[0].y)


def test_features_that_are_damaged_in_the_cache_are_named(monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    prompts("allison")
    monkeypatch.setenv("SOFTWARE2_CACHE", str(tmp_path))
    chosen = prompts_of("allison", "val", 1)
    made, again = features_of(chosen, COARSE), features_of(chosen, COARSE)
    assert np.array_equal(made[0].frames, again[0].frames)
    (path,) = tmp_path.glob("asterisk/features-*.npz")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=rf"{path}: given a damaged file \(.*\), wanted arrays; delete it"):
        features_of(chosen, COARSE)


def test_who_asks_at_once_waits_for_the_first(monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("SOFTWARE2_CACHE", str(tmp_path))
    begun, asked_again, made = Event(), Event(), []

    def slow(who: int) -> Iterator[np.ndarray]:
        begun.set()
        asked_again.wait(0.5)  # which is set by whoever does not wait
        made.append(who)
        yield np.full(3, who)

    def ask(who: int) -> list[np.ndarray]:
        if who:
            begun.wait(10)
        found = remembered("numbers", ["a"], slow(who))
        if who:
            asked_again.set()
        return found

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ask, (0, 1)))
    assert made == [0]
    assert [answer[0].tolist() for answer in answers] == [[0, 0, 0]] * 2


def test_a_few_steps_make_the_recordings_likelier() -> None:
    made = data(crops=240)
    torch.manual_seed(0)
    net = WaveNet(
        front=AIDED, outputs=Logistics(mixtures=2), channels=16, cycles=1, cycle=4, skip_channels=16,
        condition_channels=16,
    )  # fmt: skip
    module = Vocoder(
        features=COARSE, front=AIDED, outputs=Logistics(mixtures=2), sampling=HOW, net=net, ema_decay=0.5,
        optimizer=partial(adamw, lr=5e-3, weight_decay=0.0), schedule=triangle(peak=0.1, start=0.1, end=0.1),
    )  # fmt: skip
    module.mean, module.deviation = made.statistics()
    optimizer = module._optimizer(net)

    @torch.no_grad()
    def unseen() -> float:
        return float(np.mean([module.loss(net, batch)[1]["bits"] for batch in made.val_dataloader()]))

    before = unseen()
    for batch in Batches(made, epoch=lambda: 0):
        loss, _ = module.loss(net, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert unseen() < before - 0.1


def test_too_short_a_lead_is_refused(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    few = ["domain=speech", "trainer=smoke", "logger=csv", *LITTLE["speech"], f"output_dir={tmp_path}/run"]
    with pytest.raises(SystemExit, match=r"data\.receptive_field: given 100, wanted the net's 255 or more"):
        command("train", *few, "domain.data.receptive_field=100")


def test_features_of_another_net_are_refused(command, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"features: given \(n_fft 1024, window 640, hop 160\)"):
        vocoder(*ARMS[0])([Features(np.zeros((3, 82), np.float32), FINE)])
    monkeypatch.setattr(experiment, "judge", unjudged)
    monkeypatch.setattr("scripts.terminal.show", lambda _: None)
    run = tmp_path / "run"
    command("train", "domain=speech", "trainer=smoke", "logger=csv", *LITTLE["speech"], f"output_dir={run}")
    said = r"features: given a net for .*\[1024, 1024, 256, 4\], wanted the config's \[1024, 1024, 160, 4\]"
    for again in (["evaluate", f"run={run}"], ["train", f"run={run}", "epochs=2"]):
        with pytest.raises(SystemExit, match=said):
            command(*again, "domain.data.features.hop=160", f"output_dir={tmp_path}/again")


def test_bits_in_pieces_are_those_of_the_whole(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    program = vocoder(*ARMS[0])
    waves, features = some(COARSE, 2)
    whole = program.bits(features, waves)
    monkeypatch.setattr("speech.data.PIECE_FRAMES", 5)
    np.testing.assert_allclose(program.bits(features, waves), whole, rtol=1e-5)


def test_bits_of_the_hand_written_likelihood_are_those_of_a_net_that_has_learned_nothing(config) -> None:  # type: ignore[no-untyped-def]
    """Which says: a logistic of half the deviation that the mels predict; about 9 bits, as a pilot measured."""
    outputs = Logistics(mixtures=1)
    net = small_net(AIDED, outputs)
    net.leave.weight.zero_()
    net.leave.bias.copy_(outputs.start())
    program = LearnedVocoder(FINE, AIDED, outputs, HOW, net, np.zeros(82, np.float32), np.ones(82, np.float32))
    waves, features = some(FINE, 3)
    bits = program.bits(features, waves)
    assert 7 < bits.mean() < 10
    shipped = config("domain=speech", "domain/features=fine").domain.baselines.source_filter
    by_hand = instantiate(shipped, _convert_="all").build(None)
    np.testing.assert_allclose(by_hand.bits(features, waves), bits, rtol=1e-3)
    for likely in (program, by_hand):
        with pytest.raises(ValueError, match=r"wave: given shape \(5,\), wanted \d+ samples, as long as its features"):
            likely.bits(features[:1], [np.zeros(5)])
        with pytest.raises(ValueError, match=r"features: given \(n_fft 1024, window 1024, hop 256\)"):
            likely.bits([features[0]._replace(analysis=COARSE)], waves[:1])


def test_no_bang_at_the_start_and_no_hiss_in_pauses() -> None:
    """Not even before anything is learned: the features say how loud it is, and the lead is silence."""
    outputs = Logistics(mixtures=1)
    net = small_net(AIDED, outputs)
    net.leave.weight.zero_()
    net.leave.bias.copy_(outputs.start())
    how = replace(HOW, equaliser=0)  # which would set the levels
    program = LearnedVocoder(COARSE, AIDED, outputs, how, net, np.zeros(82, np.float32), np.ones(82, np.float32))
    recorded = [
        signal.whole_frames(prompts("allison")[name].wave.astype(np.float64), COARSE.hop)
        for name in parts("allison")["val"][:4]
    ]
    for wave, made in zip(recorded, program([signal.analyse(wave, COARSE) for wave in recorded]), strict=True):
        wanted, found = level_db(wave), level_db(made)
        quiet = wanted <= np.quantile(wanted, 0.1)
        assert np.median(found[quiet]) < np.median(wanted[quiet]) + 6
        assert found[:4].max() < wanted[:4].max() + 10
