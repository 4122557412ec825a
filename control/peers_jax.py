"""Two other people's AlphaZero, each a function that says how fast it plays itself: pgx with mctx, and OpenSpiel.

Only control.peers comes here. Both are built on JAX, which a function imports itself: it runs in a process of its own.
"""

import time
from typing import Any

import numpy as np


def pgx_mctx(weights: dict[str, np.ndarray], *, games: int, simulations: int, moves: int, seed: int) -> float:
    """Self-play with pgx's rules and mctx's Gumbel search as in pgx's example of AlphaZero, compiled by JAX, in fp32.

    The net is our tower with the same weights. A game that is over begins anew.
    """
    import jax
    import mctx
    import pgx
    from jax import numpy as jnp
    from pgx.experimental import auto_reset

    jax.config.update("jax_platforms", "cpu")
    env = pgx.make("connect_four")
    step, step_anew = jax.vmap(env.step), jax.vmap(auto_reset(env.step, env.init))

    def simulate(net: Any, key: Any, move: Any, state: Any) -> Any:
        after = step(state, move)
        logits, value = jax_tower(net, after.observation)
        return mctx.RecurrentFnOutput(
            reward=after.rewards[jnp.arange(games), state.current_player],
            discount=jnp.where(after.terminated, 0.0, -1.0),
            prior_logits=jnp.where(after.legal_action_mask, logits, jnp.finfo(logits.dtype).min),
            value=jnp.where(after.terminated, 0.0, value),
        ), after

    @jax.jit
    def move_all(net: Any, state: Any, key: Any) -> Any:
        search_key, reset_key = jax.random.split(key)
        logits, value = jax_tower(net, state.observation)
        root = mctx.RootFnOutput(prior_logits=logits, value=value, embedding=state)
        illegal = ~state.legal_action_mask
        found = mctx.gumbel_muzero_policy(net, search_key, root, simulate, simulations, illegal)
        return step_anew(state, found.action, jax.random.split(reset_key, games))

    keys = jax.random.split(jax.random.key(seed), moves + 2)
    net = jax.tree.map(jnp.asarray, weights)
    state = jax.jit(jax.vmap(env.init))(jax.random.split(keys[0], games))
    state = jax.block_until_ready(move_all(net, state, keys[1]))
    start = time.process_time()
    for key in keys[2:]:
        state = jax.block_until_ready(move_all(net, state, key))
    return games * moves * (simulations + 1) / (time.process_time() - start)


def jax_tower(net: dict[str, Any], planes: Any) -> tuple[Any, Any]:
    """control.net.Tower on planes (N, 6, 7, 2): logits of the moves (N, 7), and the value (N,): P(win) - P(loss)."""
    from jax import lax, nn
    from jax import numpy as jnp

    def conv(name: str, x: Any) -> Any:
        kernel = net[f"{name}.weight"].transpose(2, 3, 1, 0)
        x = lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return x + net[f"{name}.bias"]

    def dense(name: str, x: Any) -> Any:
        return x.transpose(0, 3, 1, 2).reshape(len(x), -1) @ net[f"{name}.weight"].T + net[f"{name}.bias"]

    x = nn.relu(conv("stem", planes.astype(jnp.float32)))
    for i in range(sum(name.endswith("second.bias") for name in net)):
        x = nn.relu(x + conv(f"blocks.{i}.second", nn.relu(conv(f"blocks.{i}.first", x))))
    moves, outcome = jnp.split(nn.relu(conv("squeeze", x)), 2, axis=3)
    win, _, loss = nn.softmax(dense("outcome", outcome)).T
    return dense("moves", moves), win - loss


def open_spiel(*, blocks: int, channels: int, simulations: int, seconds: float, seed: int) -> float:
    """Games of OpenSpiel's AlphaZero in Python with itself, as it ships: one position a batch, so no fair ceiling.

    Its own residual net of that size (the nnx one, the faster of two), its own cache, and the constants of its example;
    moves are drawn by their visits.
    """
    import jax
    import pyspiel
    from open_spiel.python.algorithms import mcts
    from open_spiel.python.algorithms.alpha_zero import evaluator, utils

    jax.config.update("jax_platforms", "cpu")
    game, rng = pyspiel.load_game("connect_four"), np.random.RandomState(seed)
    size = game.observation_tensor_shape(), game.num_distinct_actions(), channels, blocks
    model = utils.api_selector("nnx").Model.build_model("resnet", *size, 1e-4, 1e-3, None, seed=seed)
    habits: dict[str, Any] = {"child_selection_fn": mcts.SearchNode.puct_value, "dirichlet_noise": (0.25, 1.0)}
    habits |= {"solve": False, "random_state": rng, "dont_return_chance_node": True}
    bot = mcts.MCTSBot(game, 1.41, simulations + 1, evaluator.AlphaZeroEvaluator(game, model), **habits)

    def move(state: Any) -> Any:
        state = game.new_initial_state() if state.is_terminal() else state
        children = bot.mcts_search(state).children
        visits = np.array([child.explore_count for child in children])
        state.apply_action(children[rng.choice(len(children), p=visits / visits.sum())].action)
        return state

    state = move(game.new_initial_state())
    start, moves, end = time.process_time(), 0, time.perf_counter() + seconds
    while time.perf_counter() < end or not moves:
        state, moves = move(state), moves + 1
    return moves * (simulations + 1) / (time.process_time() - start)
