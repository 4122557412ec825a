"""The game as a gymnasium environment: `gymnasium.make("software2/ConnectFour-v0")` once `control.env` is imported."""

from typing import Any, ClassVar

import gymnasium
import numpy as np

from common.program import Program
from control.game import CONNECT_FOUR, Rules, draw, has_row, legal_moves, play
from control.match import faults
from control.picture import board_picture


class StonesEnv(gymnasium.Env):
    """The agent plays one side; the opponent, any Program, answers within the same step.

    Observation: uint8 (2, height, width), the agent's stones and the opponent's, the top row first. Action: a move's
    number. Reward: 1 for a win, -1 for a loss, else 0. `info["action_mask"]`, int8 (moves,), says which moves are legal;
    `info["position"]` is the position as players take it. An illegal move loses the game at once (`terminated`, reward
    -1), and so does one of the opponent's: `info["forfeit"]` says what it was.

    Args:
        rules: of the game.
        opponent: a player; None moves at random.
        agent_first: who begins; None draws lots at each reset. `reset(options={"agent_first": ...})` overrules it.
        render_mode: `ansi` (text) or `rgb_array`.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 2}

    def __init__(
        self,
        *,
        rules: Rules = CONNECT_FOUR,
        opponent: Program | None = None,
        agent_first: bool | None = None,
        render_mode: str | None = None,
    ) -> None:
        modes = self.metadata["render_modes"]
        if render_mode is not None and render_mode not in modes:
            raise ValueError(f"render_mode: given {render_mode!r}, wanted None or one of {', '.join(modes)}")
        self.rules, self.opponent, self.agent_first, self.render_mode = rules, opponent, agent_first, render_mode
        self.observation_space = gymnasium.spaces.Box(0, 1, (2, rules.height, rules.width), np.uint8)
        self.action_space = gymnasium.spaces.Discrete(rules.game.moves)
        self._position = np.zeros(2, np.uint64)  # seen by the agent
        self._over = True

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self._position, self._over = np.zeros(2, np.uint64), False
        first = (options or {}).get("agent_first", self.agent_first)
        if not (self.np_random.random() < 0.5 if first is None else first):
            self._answer()
        return self._observation(), self._info()

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        if self._over:
            raise ValueError("step: given a finished game, wanted reset() before it")
        reward, info = self._move(action), {}
        if reward is None:
            info, reward = {"forfeit": f"the agent: illegal move {action}"}, -1.0
        elif not self._over:
            reward, info = self._answer()
        self._over = self._over or bool(info)
        return self._observation(), reward, self._over, False, self._info() | info

    def render(self) -> Any:
        if self.render_mode == "ansi":
            return draw(self.rules.game, *self._position)
        return board_picture(self.rules, *self._position) if self.render_mode == "rgb_array" else None
