"""MinAtar's class: write `from bridge.minatar import Environment` for `from minatar import ...`.

| native                        | MinAtar                                                          |
| ----------------------------- | ---------------------------------------------------------------- |
| "Breakout-MinAtar", and so on | `Environment("breakout")`, see `GAMES`                           |
| `minimal_actions=False`       | `num_actions()`, 6; `minimal_action_set()`: those the game uses  |
| `sticky_actions(env, 0.1)`    | `sticky_action_prob=0.1`                                         |
| the rule `difficulty_ramping` | the same; Breakout and Freeway have nothing that ramps           |
| `init`                        | `Environment(...)`, and `reset()`, which returns None            |
| `step`                        | `act(a)`: the reward, int, and whether the game is lost, bool    |
| terminated                    | from then on `act(a)` is (0, True), until `reset()`              |
| observation, uint8            | `state()`, bool `state_shape()`, the caller's own                |
| the seed of an episode        | `seed(n)`, from the next `reset()` on; None: nothing changes     |
| `render`                      | `display_state(milliseconds)`, in a window; `close_display()`    |

Other numbers are drawn than in theirs, so a seed makes other episodes. The first action of an
episode is never replaced; in theirs it may be, by the last one of the episode before. One game by
itself is slower than theirs. What is inside theirs is not here, see `REFUSED`.
"""

from collections.abc import Mapping
from time import sleep
from typing import Any

import numpy as np

from native.batch import Autoreset
from native.minatar.game import KEYS, SIDE
from native.wrappers import sticky_actions

from .actions import as_array
from .adapter import Adapter, all_or_nothing
from .environments import as_environment, rules_of, with_rule
from .errors import ActionError, UnknownNameError
from .programs import EndFields, StepFields
from .resets import one_seed
from .rules import as_ours
from .session import Session
from .window import Window

TITLES = ("Asterix", "Breakout", "Freeway", "Seaquest", "Space_Invaders")
GAMES = {each.lower(): f"{each.replace('_', '')}-MinAtar" for each in TITLES}
REFUSED = {
    "env": "the game is a compiled program: save_state() and load_state() keep what it has come to",
    "random": "random numbers follow from the seed: seed(n)",
    "last_action": "it is forgotten where an episode begins",
    "sticky_action_prob": "it is the parameter `repeat_action_probability`, an attribute as well",
}


class Environment(Adapter):
    """One game; after `close` there is none.

    Args:
        env_name: Such as "space_invaders"; `GAMES` has all.
        sticky_action_prob: How likely an action is the one before it once more.
        difficulty_ramping: Whether the game becomes harder.

    Raises:
        UnknownNameError: There is no such game.
        RuleValueError: One of the others has a value that does not fit.
    """

    def __init__(
        self, env_name: str, sticky_action_prob: float = 0.1, difficulty_ramping: bool = True
    ) -> None:
        if env_name not in GAMES:
            raise UnknownNameError(f"There is no game {env_name!r}. There are {', '.join(GAMES)}.")
        game: Any = as_environment(GAMES[env_name], minimal_actions=False)
        if "difficulty_ramping" in rules_of(game):
            game = with_rule(game, "difficulty_ramping", difficulty_ramping)
        with as_ours():
            env = sticky_actions(game, sticky_action_prob)
        self._session = Session(env, 1, Autoreset.DISABLED)
        self._shape = (SIDE, SIDE, len(game.channels))
        self._minimal = [KEYS.index(key) for key in game.minimal]
        self._seed: int | None = None
        self._name = env_name
        self.reset()
        self._ready = True

    def seed(self, seed: int | None = None) -> None:
        self._seed = self._seed if seed is None else one_seed(seed)

    @all_or_nothing
    def reset(self) -> None:
        self._session.reset(self._seed)
        self._seed, self._over = None, False

    @all_or_nothing
    def act(self, a: Any) -> tuple[int, bool]:
        """Press a key: 0 none, 1 left, 2 up, 3 right, 4 down, 5 fire; also as an array of one.

        Raises:
            ActionError: It is none of these; nothing is stepped.
        """
        key = as_array(a, "an action")
        if key.size != 1 or key.dtype.kind not in "biu" or key.item() not in range(len(KEYS)):
            raise ActionError(f"An action is an integer, 0 ... {len(KEYS) - 1}, not {a!r}.")
        if self._over:
            return 0, True
        self._session.step({"player": key.reshape(1, 1).astype(np.int32)})
        now = self._session.read(StepFields)
        self._over = bool(now.terminated[0, 0])
        return int(now.reward[0, 0]), self._over

    def state(self) -> np.ndarray:
        self._session.require("state")
        seen = self._session.read(StepFields).observation["player"]
        return np.array(seen[0, 0], np.bool_)

    def state_shape(self) -> list[int]:
        return [*self._shape]

    def num_actions(self) -> int:
        return len(KEYS)

    def minimal_action_set(self) -> list[int]:
        return [*self._minimal]

    def game_name(self) -> str:
        return self._name

    def display_state(self, time: float = 50) -> None:
        picture = self._session.render()
        self._window = self._window or Window(self._session.spec.name, 0)  # which does not wait
        self._window.show(picture)
        sleep(max(time, 0) / 1000)

    def close_display(self) -> None:
        if self._window is not None:
            self._window.close()

    def _resume(self, memory: Mapping[str, Any]) -> np.ndarray:
        del memory  # nothing is
        self._seed, self._over = None, bool(self._session.read(EndFields).over[0])
        return self.state()

    def __getattr__(self, name: str) -> Any:
        _refuse(name)
        return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        _refuse(name)
        super().__setattr__(name, value)


def _refuse(name: str) -> None:
    if name in REFUSED:
        raise AttributeError(f"There is no .{name} here: {REFUSED[name]}.")
