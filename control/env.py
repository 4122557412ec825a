"""The game as a gymnasium environment: `gymnasium.make("software2/ConnectFour-v0")` once `control.env` is imported."""

from typing import Any

import gymnasium
import numpy as np

from common.program import Program
from control.game import CONNECT_FOUR, Rules, has_row, play
from control.match import faults
from control.picture import board_picture
from control.positions import draw, legal_moves, planes


class StonesEnv(gymnasium.Env):
    """The agent plays one side; the opponent, any Program, answers within the same step.

    Observation: uint8 (2, height, width), the agent's stones and the opponent's, the top row first. Action: a move's
    number. Reward: 1 for a win, -1 for a loss, else 0. `info["action_mask"]`, int8 (moves,), says which moves are
    legal; `info["position"]`, uint64 (2,), is the agent's stones and both sides', as players take it. An illegal move
    loses the game at once (`terminated`, reward -1 to the agent, 1 if it was the opponent's), and `info["forfeit"]`
    says what it was; of an opponent that begins, at the reset, and the first step pays the reward.

    Args:
        rules: of the game.
        opponent: a player; None moves at random.
        agent_first: who begins; None draws lots at each reset. `reset(options={"agent_first": ...})` overrules it.
        render_mode: `ansi` (text) or `rgb_array`.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 2}  # noqa: RUF012 (gymnasium's)

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
        self._position = np.zeros(2, np.uint64)  # the agent's stones, and both sides'
        self._began, self._over = True, True
        self._forfeit: dict[str, str] = {}  # of an opponent that began with no move

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self._position, self._over = np.zeros(2, np.uint64), False
        first = (options or {}).get("agent_first", self.agent_first)
        self._began = bool(self.np_random.random() < 0.5) if first is None else first
        self._forfeit = {} if self._began else self._reply(self._position)[1]
        return self._observation(), self._info() | self._forfeit

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        if self._over:
            raise ValueError("step: given a finished game, wanted reset() first")
        game, move, reward, forfeit = self.rules.game, int(action), 0.0, {}
        if self._forfeit:
            reward, forfeit = 1.0, self._forfeit
        elif not self.action_space.contains(move) or not legal_moves(game, self._position[None])[0, move]:
            reward, forfeit = -1.0, {"forfeit": f"agent: illegal move {move}"}
        else:
            other, stones = (np.uint64(bits) for bits in play(game, self._position[0], self._position[1], move))
            self._position = np.array([other ^ stones, stones])
            if has_row(game, other ^ stones):
                reward = 1.0
            elif stones != game.board:
                reward, forfeit = self._reply(np.array([other, stones]))
        self._over = reward != 0 or self._position[1] == game.board
        return self._observation(), reward, bool(self._over), False, self._info() | forfeit

    def _reply(self, position: np.ndarray) -> tuple[float, dict[str, str]]:
        """Lets the opponent answer `position`, seen by it; the agent's reward, and a forfeit if there was one."""
        game = self.rules.game
        if self.opponent is None:
            move = int(self.np_random.choice(np.flatnonzero(legal_moves(game, position[None])[0])))
        else:
            answers = np.asarray(self.opponent(position[None]))
            for fault in faults(self.rules, position[None], answers).values():
                return 1.0, {"forfeit": f"opponent: {fault}"}
            move = int(answers[0, 0])
        own, stones = (np.uint64(bits) for bits in play(game, position[0], position[1], move))
        self._position = np.array([own, stones])
        return -1.0 if has_row(game, own ^ stones) else 0.0, {}

    def _observation(self) -> np.ndarray:
        return planes(self.rules.game, self._position[None])[0]

    def _info(self) -> dict[str, Any]:
        legal = legal_moves(self.rules.game, self._position[None])[0]
        return {"action_mask": legal.astype(np.int8), "position": self._position.copy()}

    def render(self) -> Any:
        own, stones = self._position
        agent_moves = self._began == (int(stones).bit_count() % 2 == 0)
        to_move = own if agent_moves else own ^ stones
        if self.render_mode == "ansi":
            return draw(self.rules.game, to_move, stones)
        return board_picture(self.rules, to_move, stones) if self.render_mode == "rgb_array" else None


gymnasium.register("software2/ConnectFour-v0", entry_point="control.env:StonesEnv")
