"""What is learned from self-play, and the players that come of it."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from common import checkpoint, cost
from common.optim import adamw, flat_then_cosine, triangle
from control import labels, solver
from control.data import Exact, SelfPlay
from control.evaluate import Referee
from control.game import CONNECT_FOUR, TIC_TAC_TOE, Rules, mirror, mirror_move
from control.inference import as_planes, inference
from control.module import AlphaZero, LearnedPlayer, best_legal
from control.net import Dense, Hybrid
from control.positions import legal_moves, planes
from tests.boards import SMALL, random_positions
from tests.nets import HABITS, PUCT


@pytest.mark.parametrize("rules", [CONNECT_FOUR, TIC_TAC_TOE, SMALL])
def test_planes_and_legal_moves_of_the_net(rules: Rules) -> None:
    game = rules.game
    positions = np.concatenate([random_positions(game, plies, 20, seed=plies) for plies in (0, 3, 6)])
    as_seen = as_planes(game, positions)
    assert np.array_equal(as_seen.numpy(), planes(game, positions))
    logits = torch.randn(len(positions), game.moves)
    wanted = np.where(legal_moves(game, positions), logits.numpy(), -np.inf).argmax(1)
    assert np.array_equal(best_legal(as_seen, logits)[:, 0].numpy(), wanted)


def test_validation_targets_are_what_keeps_the_outcome() -> None:
    labelled = labels.read(SMALL, "val")
    ((seen, policy, value),) = Exact(SMALL, labelled, 10_000)
    assert np.array_equal(seen.numpy(), planes(SMALL.game, labelled.positions))
    outcomes = np.where(labelled.scores == solver.ILLEGAL, -9, np.sign(labelled.scores))
    assert np.array_equal(policy.numpy() > 0, outcomes == outcomes.max(1, keepdims=True))
    assert np.array_equal(1 - value.numpy().argmax(1), outcomes.max(1))


def test_a_limited_validation_is_of_all_groups() -> None:
    games = data(CONNECT_FOUR, limit=60)
    games.setup()
    assert set(games.val.groups) == set(labels.GROUPS)
    assert np.array_equal(
        games.val.positions,
        Referee(rules=CONNECT_FOUR, split="val", each=None, opponents={}, openings=0, limit=60).labelled.positions,
    )


def test_the_searchs_value_counts_at_once_or_as_slowly_as_is_said() -> None:
    assert [data(root_weight_epochs=0).root_weight_at(epoch) for epoch in (0, 1)] == [0.5, 0.5]
    assert [data(root_weight_epochs=2).root_weight_at(epoch) for epoch in range(4)] == [0, 0.25, 0.5, 0.5]


def data(rules: Rules = SMALL, **changed: object) -> SelfPlay:
    settings = {
        "streams": 2,
        "games": 32,
        "records": 512,
        "passes": 8,
        "batch_size": 128,
        "window_start": 2000,
        "window_share": 0.5,
        "window_most": 4000,
        "root_weight": 0.5,
        "root_weight_epochs": 2,
        "cache_bits": 14,
        "workers": "threads",
        "seed": 0,
    }
    return SelfPlay(rules=rules, **{"selection": PUCT, "habits": HABITS, **settings, **changed})  # type: ignore[arg-type]


def habits(**changed: object) -> SelfPlay:
    return data(habits=HABITS._replace(**changed))  # type: ignore[arg-type]


def selection(**changed: object) -> SelfPlay:
    return data(selection=PUCT._replace(**changed))  # type: ignore[arg-type]


def module(rules: Rules = SMALL, **changed: object) -> AlphaZero:
    torch.manual_seed(0)
    settings = {
        "net": Hybrid(rules=rules, channels=8, conv_blocks=1, width=64, dense_blocks=1),
        "optimizer": partial(adamw, lr=3e-3, weight_decay=1e-3),
        "schedule": flat_then_cosine(warm_up=0.05, flat=0.5, end=0.1),
        "ema_decay": 0.9,
        "selection": PUCT,
        "simulations": 16,
        "cache_bits": 12,
    }
    return AlphaZero(rules=rules, **settings | changed)  # type: ignore[arg-type]


def trainer(folder: Path, epochs: int) -> pl.Trainer:
    from pytorch_lightning.callbacks import ModelCheckpoint

    keep = ModelCheckpoint(folder, filename="{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "log_every_n_steps": 1}
    return pl.Trainer(
        max_epochs=epochs, accelerator="cpu", num_sanity_val_steps=0, callbacks=[keep, cost.TrainingClock()], **quiet
    )


def test_it_learns_a_small_game_from_nothing_but_its_rules_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """And a run that was stopped after six epochs ends as the one that was not: weights, window and games."""
    habits = HABITS._replace(opening_share=0.9, opening_plies=6, full_share=1.0, play_on=1.0)
    whole, games = module(TIC_TAC_TOE), data(TIC_TAC_TOE, habits=habits)
    trainer(tmp_path / "whole", 12).fit(whole, datamodule=games)
    labelled = labels.read(TIC_TAC_TOE, "val")

    def error(player: LearnedPlayer) -> float:
        scores = np.sign(labelled.scores)
        moves = player(labelled.positions)[:, 0].astype(int)
        return float((scores[np.arange(len(moves)), moves] != scores.max(1)).mean())

    untrained, learned = (m.program(games) for m in (module(TIC_TAC_TOE), whole))
    assert error(learned.with_simulations(0)) < 0.5 * error(untrained.with_simulations(0))
    assert error(learned) < 0.02

    resumed, other = module(TIC_TAC_TOE), data(TIC_TAC_TOE, habits=habits)
    half = tmp_path / "whole" / "epoch=5.ckpt"
    trainer(tmp_path / "resumed", 12).fit(resumed, datamodule=other, ckpt_path=half)
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(games.window, other.window, strict=True):
        assert np.array_equal(a, b)
    for table_a, table_b in zip(games.tables, other.tables, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(table_a, table_b, strict=True))

    held = torch.load(half, weights_only=True)
    assert "window" in held["SelfPlay"]
    with pytest.raises(ValueError, match=r"given a damaged checkpoint or another net's, wanted hybrid's"):
        checkpoint.load(half, module(CONNECT_FOUR), cost.TrainingClock())


def test_a_player_answers_alike_alone_and_in_company() -> None:
    player = module(CONNECT_FOUR).program(data(CONNECT_FOUR))
    positions = np.concatenate([random_positions(CONNECT_FOUR.game, plies, 3, seed=plies) for plies in (2, 12, 25)])
    together = player(positions)
    assert np.array_equal(together, player(positions))
    for i in range(len(positions)):
        np.testing.assert_allclose(player(positions[i : i + 1])[0], together[i], atol=0.02)


def test_without_simulations_the_player_plays_what_the_net_says() -> None:
    trained = module(CONNECT_FOUR, simulations=0)
    torch.nn.init.normal_(trained.averaged.module.head.bias, generator=torch.Generator().manual_seed(1))
    positions = random_positions(CONNECT_FOUR.game, 30, 20)
    answers = trained.program(data(CONNECT_FOUR))(positions)
    said = torch.from_numpy(inference(CONNECT_FOUR, trained.averaged.module).both_ways(positions))
    moves = np.where(legal_moves(CONNECT_FOUR.game, positions), said[:, :7].numpy(), -np.inf).argmax(1)
    assert np.array_equal(answers[:, 0], moves)
    likely = said[:, 7:].softmax(1).numpy()
    np.testing.assert_allclose(answers[:, 1], likely[:, 0] - likely[:, 2], atol=1e-6)


@pytest.mark.parametrize("rules", [CONNECT_FOUR, TIC_TAC_TOE])
def test_both_ways_is_the_mean_over_mirror_images(rules: Rules) -> None:
    game, net = rules.game, module(rules).averaged.module
    torch.nn.init.normal_(net.head.weight, generator=torch.Generator().manual_seed(1))
    ask, positions = inference(rules, net), random_positions(game, 4, 20)
    images = np.array([[mirror(game, side) for side in position] for position in positions], np.uint64)
    order = [mirror_move(game, move) for move in range(game.moves)]
    there = ask(images)
    mean = (ask(positions) + np.concatenate([there[:, order], there[:, game.moves :]], 1)) / 2
    np.testing.assert_allclose(ask.both_ways(positions), mean, atol=1e-5)
    assert not np.allclose(ask(positions), mean, atol=1e-3)


@pytest.mark.parametrize("simulations", [0, 4])
def test_a_net_that_says_no_numbers_is_one_clear_error(simulations: int) -> None:
    broken = module(simulations=simulations)
    torch.nn.init.constant_(broken.averaged.module.head.bias, float("nan"))
    with pytest.raises(ValueError, match=r"net: given numbers that are not finite, wanted finite logits \(1, 7\)"):
        broken.program(data())(np.zeros((1, 2), np.uint64))


@pytest.mark.parametrize("simulations", [0, 4])
def test_a_player_is_asked_about_positions_in_play_of_its_own_game(simulations: int) -> None:
    player = module(simulations=simulations).program(data())
    with pytest.raises(ValueError, match=r"positions\[0\]: given a stone in a full column or off the board"):
        player(random_positions(CONNECT_FOUR.game, 12, 1))
    assert player(np.zeros((0, 2), np.uint64)).shape == (0, 2 + SMALL.game.moves)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: module(simulations=-1), r"module\.simulations: given -1, wanted 0 or more"),
        (lambda: flat_then_cosine(warm_up=0.5, flat=0.3, end=0), r"schedule: given warm_up 0\.5, flat 0\.3, wanted"),
        (lambda: data(streams=0), r"data\.streams: given 0, wanted 1 or more"),
        (lambda: data(workers="slurm"), r"data\.workers: given 'slurm', wanted one of threads, ray"),
        (lambda: data(window_most=0), r"data\.window_most: given 0, wanted 1 or more"),
        (lambda: data(root_weight=2), r"data\.root_weight: given 2, wanted 0 to 1"),
        (lambda: data(root_weight_epochs=-1), r"data\.root_weight_epochs: given -1, wanted 0 or more"),
        (lambda: data(limit=0), r"data\.limit: given 0, wanted null or a whole number above 0"),
        (lambda: selection(considered=0), r"selection\.considered: given 0, wanted 1 or more"),
        (lambda: selection(gumbel="no"), r"selection\.gumbel: given 'no', wanted true or false"),
        (lambda: selection(proofs=1), r"selection\.proofs: given 1, wanted true or false"),
        (lambda: selection(c_puct=-1.0), r"selection\.c_puct: given -1\.0, wanted 0 or more"),
        (lambda: selection(c_visit=float("nan")), r"selection\.c_visit: given nan, wanted 0 or more"),
        (
            lambda: module(selection=PUCT._replace(fpu_reduction=-0.1)),
            r"selection\.fpu_reduction: given -0\.1, wanted 0 or more",
        ),
        (lambda: habits(fast_simulations=25), r"habits\.fast_simulations: given 25, wanted 1 to the 24 of full"),
        (lambda: habits(noise_share=-0.1), r"habits\.noise_share: given -0\.1, wanted 0 to 1"),
        (lambda: habits(dirichlet_alpha=0.0), r"habits\.dirichlet_alpha: given 0\.0, wanted more than 0"),
        (lambda: habits(opening_plies=0), r"habits\.opening_plies: given 0, wanted 1 or more"),
        (lambda: data().load_state_dict(data(streams=3).state_dict()), r"given a checkpoint of \[32, 32, 32\] games"),
    ],
)
def test_wrong_settings_are_named(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        make()


def test_dense_nets_and_other_schedules_fit_in() -> None:
    small = module(net=Dense(rules=SMALL, width=16, blocks=1), schedule=triangle(peak=0.1, start=0.1, end=0.1))
    assert small.name == "dense"
    assert small.program(data())(np.zeros((2, 2), np.uint64)).shape == (2, 2 + SMALL.game.moves)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")  # Ray's
def test_two_actors_of_ray_play_the_games_that_two_threads_play(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setenv("RAY_worker_niceness", "0")  # by its default they would give way to other tests, for minutes
    net, windows = module().averaged.module, []
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        for workers in ("threads", "ray"):
            games = data(workers=workers, records=100)
            games.setup()
            games.trainer = SimpleNamespace(current_epoch=3)
            games.play(net)
            windows.append(games.window)
    finally:
        ray.shutdown()
    for a, b in zip(*windows, strict=True):
        assert np.array_equal(a, b)
