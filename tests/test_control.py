"""Self-play, what is kept of it, and what is learned from it, on games that are small enough to know everything of."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from common import checkpoint, cost
from common.optim import triangle
from control import labels, solver
from control.data import Exact, SelfPlay
from control.game import CONNECT_FOUR, TIC_TAC_TOE, Game, Rules
from control.inference import as_planes, inference
from control.module import AlphaZero, LearnedPlayer, best_legal
from control.net import Dense, Hybrid
from control.optim import adamw, flat_then_cosine
from control.positions import check_positions, legal_moves, planes
from control.records import table
from control.selfplay import Habits, Played, self_play
from control.tree import Selection
from tests.boards import SMALL, random_positions
from tests.nets import PUCT

HABITS = Habits(
    full_share=0.5,
    full_simulations=24,
    fast_simulations=8,
    dirichlet_alpha=1.0,
    noise_share=0.25,
    opening_share=0.5,
    opening_plies=3,
    early_stones=4,
    late_temperature=0.3,
    play_on=0.5,
    reuse_trees=False,
)


def knows_nothing(game: Game, positions: np.ndarray) -> np.ndarray:
    return np.zeros((len(positions), game.moves + 3), np.float32)


def played(rules: Rules, *, seed: int = 0, barred: tuple = (), wanted: int = 300, **changed: object) -> Played:
    habits = HABITS._replace(**{k: v for k, v in changed.items() if k in Habits._fields})
    selection = PUCT._replace(**{k: v for k, v in changed.items() if k in Selection._fields})
    return self_play(
        rules.game,
        habits,
        selection,
        partial(knows_nothing, rules.game),
        table(rules.game, 16),
        wanted=wanted,
        barred=np.array(barred, np.uint64),
        cache_bits=12,
        rng=np.random.default_rng(seed),
    )


WAYS = [{}, {"reuse_trees": True}, {"gumbel": True}, {"proofs": False}]


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("rules", [SMALL, TIC_TAC_TOE], ids=["small", "tic-tac-toe"])
def test_records_are_positions_in_play_with_what_is_true_of_them(rules: Rules, way: dict) -> None:
    game, found = rules.game, played(rules, **way)
    records = found.records
    check_positions(game, records.positions)
    assert len(records.outcome) >= 300
    total = records.policy.sum(1)
    assert np.allclose(total[total > 0], 1, atol=1e-5)
    assert not records.policy[~legal_moves(game, records.positions)].any()
    np.testing.assert_allclose(records.searched.sum(1), 1, atol=1e-5)
    assert (records.searched >= -1e-6).all()
    proven = (records.searched == 1).any(1)
    exact = solver.solve_all(game, solver.memory(game, table_bits=16), records.positions, True)
    assert np.array_equal(1 - records.searched[proven].argmax(1), exact[proven]), "what is proven is true"
    if way.get("proofs", True):
        assert proven.any()
        assert np.array_equal(total[proven] == 0, exact[proven] == -1), "where every move loses there is none to learn"


@pytest.mark.parametrize(("rules", "outcomes"), [(SMALL, 2), (TIC_TAC_TOE, 3)], ids=["small", "tic-tac-toe"])
def test_the_outcome_is_what_the_game_came_to(rules: Rules, outcomes: int) -> None:
    """Players that know every outcome never change it, so that what comes of a game is what its positions are worth."""
    game, memory = rules.game, solver.memory(rules.game, table_bits=16)

    def knows_all(positions: np.ndarray) -> np.ndarray:
        said = np.zeros((len(positions), game.moves + 3), np.float32)
        scores = np.sign(solver.score_moves(game, memory, positions, True))
        said[:, : game.moves] = np.where(scores == scores.max(1, keepdims=True), 50, -50)
        said[np.arange(len(positions)), game.moves + 1 - scores.max(1)] = 50
        return said

    habits = HABITS._replace(noise_share=0.0, play_on=1.0)
    rng, none = np.random.default_rng(0), np.zeros(0, np.uint64)
    at = table(game, 16)
    found = self_play(game, habits, PUCT, knows_all, at, wanted=300, barred=none, cache_bits=12, rng=rng)
    exact = solver.solve_all(game, memory, found.records.positions, True)
    assert np.array_equal(found.records.outcome, exact)
    assert len(set(exact.tolist())) == outcomes


def test_self_play_goes_on_from_a_table_that_it_leaves_alone() -> None:
    first = played(SMALL)
    again = played(SMALL)
    for a, b in zip((*first.records, *first.table), (*again.records, *again.table), strict=True):
        assert np.array_equal(a, b)
    before = [array.copy() for array in first.table]
    on = self_play(
        SMALL.game,
        HABITS,
        PUCT,
        partial(knows_nothing, SMALL.game),
        first.table,
        wanted=50,
        barred=np.zeros(0, np.uint64),
        cache_bits=12,
        rng=np.random.default_rng(1),
    )
    assert all(np.array_equal(a, b) for a, b in zip(before, first.table, strict=True))
    assert len(on.records.outcome) >= 50


def test_no_game_begins_with_a_barred_position() -> None:
    """Of one stone there are two positions, up to mirror images; with those barred all games begin otherwise."""
    game = SMALL.game
    ones = random_positions(game, 1, 30)
    barred = np.unique(np.concatenate([labels.keys(game, ones), labels.keys(game, np.zeros((1, 2), np.uint64))]))
    assert len(barred) == 3
    found = played(SMALL, barred=tuple(barred), full_share=1.0, opening_plies=2)
    assert np.bitwise_count(found.records.positions[:, 1]).min() == 2


def test_most_games_end_when_they_are_proven_and_the_others_go_on() -> None:
    cut, whole = played(SMALL, play_on=0.0), played(SMALL, play_on=1.0)
    assert whole.moves / whole.games > cut.moves / cut.games + 0.5


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
    return SelfPlay(rules=rules, selection=PUCT, **{"habits": HABITS, **settings, **changed})  # type: ignore[arg-type]


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
    said = torch.from_numpy(inference(CONNECT_FOUR, trained.averaged.module)(positions))
    moves = np.where(legal_moves(CONNECT_FOUR.game, positions), said[:, :7].numpy(), -np.inf).argmax(1)
    assert np.array_equal(answers[:, 0], moves)
    likely = said[:, 7:].softmax(1).numpy()
    np.testing.assert_allclose(answers[:, 1], likely[:, 0] - likely[:, 2], atol=1e-6)


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
def test_two_actors_of_ray_play_the_games_that_two_threads_play() -> None:
    ray = pytest.importorskip("ray")
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
