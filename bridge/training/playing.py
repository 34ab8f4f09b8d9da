"""One world, step by step: a team by its policy, the others by theirs, one agent by a human.

What it shows goes into a film or a window.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bridge import spaces
from bridge.arrays import to_numpy
from bridge.errors import RenderError
from bridge.window import Window, frames_per_second
from native.against import OneTeam
from native.core import Environment, Renders, Timestep

from .keyboard import Keyboard
from .policies import Act

FILMED_STEPS = 250
HUMAN_RATE = 10  # steps a second, where somebody has to follow


class Player:
    """Plays episode after episode of one world.

    Attributes:
        name: Of the environment.
        agents: Everybody in the world, opponents too.
        picture: Of the world as it is: uint8 (height, width, 3).
        over: The episode has ended; the next `step` begins another.
        returns: Of each agent in this episode, float64 (agents,).
        tick: Steps of this episode.

    Raises:
        RenderError: The environment has no picture.
    """

    def __init__(
        self, env: Environment[Any, Any], act: Act, seed: int, human: Keyboard | None = None
    ) -> None:
        world = env.world if isinstance(env, OneTeam) else env
        if not isinstance(world, Renders):
            raise RenderError(f"{env.spec.name} has no render() and so no picture.")
        self._env, self._world, self._act, self._human = env, world, act, human
        self._group = env.spec.groups[0]
        self._rows = world.spec.rows[self._group.name]
        self._key, self._episode = jax.random.key(seed), 0
        self._init, self._step = jax.jit(world.init), jax.jit(self._advance)
        self._render = jax.jit(world.render)
        self.name, self.agents = env.spec.name, world.spec.agents
        self.frames_per_second = frames_per_second(env)
        self._state: Any
        self._timestep: Timestep
        self._episode_key: jax.Array
        self._ended: np.ndarray
        self.returns: np.ndarray
        self.over: bool
        self.tick: int
        self._begin()

    @property
    def picture(self) -> np.ndarray:
        return np.asarray(self._render(self._state, self._world.params))

    def step(self) -> None:
        """Everybody acts once, or a new episode begins."""
        if self.over:
            self._episode += 1
            self._begin()
            return
        group = self._group
        observed = to_numpy(self._timestep.observation[group.name])
        actions = self._act(spaces.element(group.observation, observed))
        action = {group.name: np.asarray(actions).astype(group.action.dtype)}
        self.tick += 1
        key = jax.random.fold_in(self._episode_key, self.tick)
        pressed = None if self._human is None else np.int32(self._human.action())
        self._state, self._timestep = self._step(key, self._state, action, pressed)
        self.returns += np.asarray(self._timestep.reward)
        self._ended |= np.asarray(self._timestep.terminated | self._timestep.truncated)
        self.over = bool(self._ended[self._rows].all())

    def _begin(self) -> None:
        self._episode_key = jax.random.fold_in(self._key, self._episode)
        self._state, self._timestep = self._init(self._episode_key, self._world.params)
        self._ended = np.zeros(len(self.agents), bool)
        self.returns, self.over, self.tick = np.zeros(len(self.agents)), False, 0

    def _advance(
        self, key: jax.Array, state: Any, action: dict[str, jax.Array], pressed: jax.Array | None
    ) -> Any:
        """Chosen as `native.against` does, but for the human's agent."""
        params = self._world.params
        for i, group in enumerate(self._world.spec.groups):
            if group.name not in action:
                assert isinstance(self._env, OneTeam)
                own = jax.random.fold_in(key, 1 + i)
                chosen = self._env.opponent(own, self._world, group, state, params)
                action = {**action, group.name: chosen}
        if self._human is not None and pressed is not None:
            group, number = self._human.group, self._human.number
            chosen = jnp.asarray(action[group.name]).at[number].set(pressed)
            action = {**action, group.name: chosen}
        return self._world.step(jax.random.fold_in(key, 0), state, action, params)


def frames(player: Player, steps: int) -> Iterator[np.ndarray]:
    """`steps` + 1 pictures, through as many episodes as fit."""
    yield player.picture
    for _ in range(steps):
        player.step()
        yield player.picture


def window(
    player: Player, human: Keyboard, steps: int | None, ended: Callable[[Player], None]
) -> None:
    """Show the world until its window is closed or Escape pressed, or for so many steps.

    Args:
        player: What plays.
        human: Listens to the window; `player` may have been made with it.
        steps: None: any number.
        ended: Called at the end of each episode.

    Raises:
        MissingExtraError: pygame is not installed.
    """
    rate = player.frames_per_second if human.agent is None else HUMAN_RATE
    shown = Window(player.name, rate)
    try:
        shown.show(player.picture)
        done = 0
        while done != steps and not human.closed():
            player.step()
            shown.show(player.picture)
            done += 1
            if player.over:
                ended(player)
    finally:
        shown.close()
