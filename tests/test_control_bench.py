"""The bench of control: the peers play the same game with the same net, and what is counted is what was done."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate

from control.game import CONNECT_FOUR, is_over
from control.inference import Inference
from control.net import Tower
from control.peers import in_child, play, share_of_net_speed, simulations_per_cpu_s
from control.peers_jax import jax_tower
from control.positions import after, legal_moves, planes
from control.records import table

# Looked for, not imported: where JAX is in a process, it warns whoever forks, and warnings are errors.
PEERS = ("flax", "jax", "mctx", "open_spiel", "pgx")
# A skip, since they may be missing: the extra `bench` is some hundred MB of JAX that nothing but this bench needs.
with_peers = pytest.mark.skipif(not all(map(find_spec, PEERS)), reason="wants pip install -e '.[bench]'")
GAME = CONNECT_FOUR.game
DRAWN = "316136544322240542221100660011646033453555"


@pytest.fixture
def domain(config: Callable[..., Any]) -> Callable[..., Any]:
    """Its data, with few games and simulations: all that the bench looks at."""
    small = ["games=4", "habits.full_simulations=8", "habits.fast_simulations=4", "cache_bits=12"]

    def made(*overrides: str) -> Any:
        cfg = config("domain=control", *(f"domain.data.{o}" for o in (*small, *overrides)))
        return SimpleNamespace(data=instantiate(cfg.domain.data, _convert_="all"))

    return made


def measured(measure: Callable[..., Any], domain: Any, **settings: Any) -> dict[tuple[str, str], float]:
    figures = measure(domain, None, blocks=1, channels=4, records=8, seconds=0.01, **settings)
    values = {(f.program, f.metric): f.value for f in figures}
    assert len(values) == len(figures), "no figure comes twice"
    kinds = {f.program: f.kind for f in figures}
    assert kinds == {n: {"tower": "learned", "net_alone": "ceiling"}.get(n, "peer") for n in kinds}
    assert all(value > 0 for key, value in values.items() if key[1] != "cache_hit_rate")
    return values


def pgx_says(weights: dict[str, np.ndarray], moves: np.ndarray) -> list[np.ndarray]:
    """Of games in lock-step, each (plies, games, ...): planes, legal moves, logits and value, then over, and reward."""
    import jax
    import pgx

    env, said = pgx.make("connect_four"), []
    state = jax.vmap(env.init)(jax.random.split(jax.random.key(0), moves.shape[1]))
    step, tower = jax.jit(jax.vmap(env.step)), jax.jit(jax_tower)
    for row in moves:
        before, state = state, step(state, row)
        reward = state.rewards[np.arange(len(row)), before.current_player]
        seen = before.observation, before.legal_action_mask, *tower(weights, before.observation)
        said.append((*seen, state.terminated, reward))
    return [np.array(each) for each in zip(*said, strict=True)]


def random_games(n: int) -> list[list[int]]:
    """The moves of each, until it is over."""
    rng, games = np.random.default_rng(0), [list(map(int, DRAWN))]
    while len(games) < n:
        moves: list[int] = []
        while not is_over(GAME, *after(GAME, moves)):
            moves.append(int(rng.choice(np.flatnonzero(legal_moves(GAME, after(GAME, moves)[None])[0]))))
        games.append(moves)
    return games


@with_peers
def test_pgx_plays_the_same_game_with_the_same_net() -> None:
    net = Tower(rules=CONNECT_FOUR, channels=8, blocks=2, head_channels=4).requires_grad_(False)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    games = random_games(8)
    padded = np.array([moves + [0] * (42 - len(moves)) for moves in games], np.int32).T
    said = in_child(pgx_says, {name: value.numpy() for name, value in net.state_dict().items()}, padded)
    for g, moves in enumerate(games):
        at = np.array([after(GAME, moves[:ply]) for ply in range(len(moves))])
        seen, legal, logits, value, over, reward = (each[: len(moves), g] for each in said)
        np.testing.assert_array_equal(seen.transpose(0, 3, 1, 2), planes(GAME, at))
        np.testing.assert_array_equal(legal, legal_moves(GAME, at))
        ours = Inference(CONNECT_FOUR, net)(at)
        np.testing.assert_allclose(logits, ours[:, :7], rtol=1e-3, atol=1e-4)
        win, _, loss = torch.from_numpy(ours[:, 7:]).softmax(1).numpy().T
        np.testing.assert_allclose(value, win - loss, atol=1e-4)
        assert np.flatnonzero(over).tolist() == [len(moves) - 1]
        assert reward.tolist() == [0.0] * (len(moves) - 1) + [float(g > 0)], "the first game is a draw"


@with_peers
def test_all_are_measured_and_ratios_are_those_of_the_rates(domain) -> None:  # type: ignore[no-untyped-def]
    value = measured(simulations_per_cpu_s, domain(), simulations=2, moves=1)
    ours, bare = (value["tower", f"simulations_per_cpu_s{way}"] for way in ("", "_without_cache"))
    pgx, spiel = (value[peer, "simulations_per_cpu_s"] for peer in ("pgx_mctx", "open_spiel"))
    assert value["tower", "times_as_fast_without_cache/pgx_mctx"] == pytest.approx(bare / pgx)
    assert value["tower", "times_as_fast/pgx_mctx"] == pytest.approx(ours / pgx)
    assert value["tower", "times_as_fast/open_spiel"] == pytest.approx(ours / spiel)
    assert len(value) == 7


def test_the_share_is_that_of_the_net_alone(domain) -> None:  # type: ignore[no-untyped-def]
    value = measured(share_of_net_speed, domain(), rounds=2)
    share = value["tower", "evaluations_per_s"] / value["net_alone", "evaluations_per_s"]
    assert value["tower", "share_of_net_speed"] == pytest.approx(share)
    assert 0 <= value["tower", "cache_hit_rate"] < 1
    assert len(value) == 5


@pytest.mark.parametrize("cache_bits", [1, 12])
def test_what_is_counted_as_evaluation_is_what_the_net_was_asked(domain, cache_bits: int) -> None:  # type: ignore[no-untyped-def]
    asked: list[int] = []

    def net(positions: np.ndarray) -> np.ndarray:
        asked.append(len(positions))
        return np.zeros((len(positions), 10), np.float32)

    data = domain().data
    at = [table(GAME, data.games) for _ in range(data.streams)]
    played = [p for p, _ in play(data, net, data.habits, at, records=40, cache_bits=cache_bits, turn=0)]
    assert len(played) == data.streams
    assert sum(p.evaluations for p in played) == sum(asked) == sum(p.looked_up - p.found for p in played)
    assert all(len(p.records.outcome) >= 20 for p in played)
    assert max(asked) <= data.games
    hits = sum(p.found for p in played) / sum(p.looked_up for p in played)
    assert hits > 0.2 if cache_bits == 12 else hits < 0.05, "one bit is as good as no cache"


def test_a_peer_that_is_missing_is_named_with_its_extra(domain, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "jax.py").write_text("raise ImportError('no jax here')")
    monkeypatch.syspath_prepend(tmp_path)
    settings = {"blocks": 1, "channels": 4, "records": 8, "simulations": 2, "moves": 1, "seconds": 0.01}
    with pytest.raises(
        ValueError, match=r"given no pgx_mctx that works \(no jax here\), .* pip install -e '.\[bench\]'"
    ):
        simulations_per_cpu_s(domain(), None, **settings)


def test_peers_play_connect_four_only(domain) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"rules: given Rules\(height=5, .* wanted Rules\(height=6, .* peers play"):
        share_of_net_speed(domain("rules.height=5"), None, blocks=1, channels=4, rounds=1, records=8, seconds=0.01)
