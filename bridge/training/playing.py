"""One world, step by step: a team by its policy, the others by theirs, one agent by a human.

What it shows goes into a film or a window.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from bridge import spaces
from bridge.arrays import to_numpy
from bridge.errors import RenderError
from bridge.window import Window, frames_per_second
from native.batch import Transition
from native.core import Environment, Masks, Renders, Timestep, restart
from native.rollout import Choice
from native.wrappers import OneTeam

from .keyboard import Keyboard

FILMED_STEPS = 250
HUMAN_RATE = 10  # steps a second, where somebody has to follow


@runtime_checkable
class RolloutPolicy(Protocol):
    """A policy for `native.rollout.collect` that says what it remembers at first.

    `native.agents.LearnedPolicy` is one.
    """

    def memory(self, rows: int) -> Any:
        """Of so many worlds."""
        ...

    def __call__(self, key: jax.Array, shown: Transition, memory: Any = None) -> Choice:
        """Act."""
        ...


# Takes observations as rows, (rows, *space shape) or a dict of those, and returns actions.
Act: TypeAlias = Callable[[Any], np.ndarray]
Plays: TypeAlias = Act | RolloutPolicy


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
        self, env: Environment[Any, Any], plays: Plays, seed: int, human: Keyboard | None = None
    ) -> None:
        world = env.env if isinstance(env, OneTeam) else env
        if env.spec.render_fps is None:
            raise RenderError(f"{env.spec.name} has no render() and so no picture.")
        self._env, self._plays, self._human = env, plays, human
        self._memory = plays.memory(1) if isinstance(plays, RolloutPolicy) else None
        self._decide = jax.jit(self._decided)
        everybody = slice(len(world.spec.agents))
        self._rows = env.ours.rows if isinstance(env, OneTeam) else everybody
        self._key, self._episode = jax.random.key(seed), 0
        self._init, self._step = jax.jit(self._start), jax.jit(self._advance)
        self._render = jax.jit(cast(Renders, env).render)
        self.name, self.agents = env.spec.name, world.spec.agents
        self.frames_per_second = frames_per_second(env)
        self._state: Any
        self._timestep: Timestep  # of everybody in the world
        self._episode_key: jax.Array
        self._ended: np.ndarray
        self.returns: np.ndarray
        self.over: bool
        self.tick: int
        self._begin()

    @property
    def picture(self) -> np.ndarray:
        return np.asarray(self._render(self._state, self._env.params))

    def step(self) -> None:
        """Everybody acts once, or a new episode begins."""
        if self.over:
            self._episode += 1
            self._begin()
            return
        action = self._chosen()
        self.tick += 1
        key = jax.random.fold_in(self._episode_key, self.tick)
        pressed = None if self._human is None else np.int32(self._human.action())
        self._state, self._timestep = self._step(key, self._state, action, pressed)
        self.returns += np.asarray(self._timestep.reward)
        self._ended |= np.asarray(self._timestep.terminated | self._timestep.truncated)
        self.over = bool(self._ended[self._rows].all())

    def _chosen(self) -> Mapping[str, Any]:
        """What the policy does, by group."""
        if isinstance(self._plays, RolloutPolicy):
            now = self._state, self._observation(self._timestep), np.bool_(self.tick == 0)
            action, self._memory = self._decide(self._episode_key, *now, self._memory)
            return cast(Mapping[str, Any], action)
        (group,) = self._env.spec.groups
        observed = to_numpy(self._observation(self._timestep)[group.name])
        actions = self._plays(spaces.element(group.observation, observed))
        return {group.name: np.asarray(actions).astype(group.action.dtype)}

    def _observation(self, timestep: Timestep) -> Mapping[str, Any]:
        """What those see who play by the policy."""
        if not isinstance(self._env, OneTeam):
            return timestep.observation
        ours = self._env.ours
        return {ours.group.name: ours.of_group(timestep.observation[ours.group.name])}

    def _decided(
        self,
        key: jax.Array,
        state: Any,
        observation: Mapping[str, Any],
        first: jax.Array,
        memory: Any,
    ) -> tuple[Mapping[str, jax.Array], Any]:
        """What a policy for batches does in the one row that this world is, and its memory."""
        env, spec = self._env, self._env.spec
        mask = cast(Masks, env).action_mask(state, env.params) if spec.masks else None
        began = restart(observation, spec.num_agents)
        rows = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], (began, mask))
        shown = Transition(
            timestep=rows[0],
            final=None,
            acting=jnp.ones((1, spec.num_agents), jnp.bool_),
            over=jnp.zeros(1, jnp.bool_),
            returns=jnp.zeros((1, spec.num_agents), jnp.float32),
            lengths=jnp.where(first, 0, 1).astype(jnp.int32)[None],
            action_mask=rows[1],
        )
        choice = cast(RolloutPolicy, self._plays)(key, shown, memory)
        return jax.tree.map(lambda leaf: leaf[0], choice.action), choice.memory

    def _begin(self) -> None:
        self._episode_key = jax.random.fold_in(self._key, self._episode)
        self._state, self._timestep = self._init(self._episode_key)
        self._ended = np.zeros(len(self.agents), bool)
        self.returns, self.over, self.tick = np.zeros(len(self.agents)), False, 0

    def _start(self, key: jax.Array) -> tuple[Any, Timestep]:
        """The beginning, with what everybody in the world is shown."""
        begin = self._env.begin if isinstance(self._env, OneTeam) else self._env.init
        return begin(key, self._env.params)

    def _advance(
        self, key: jax.Array, state: Any, action: dict[str, jax.Array], pressed: jax.Array | None
    ) -> tuple[Any, Timestep]:
        """A step, in which the human's agent does what is pressed; with what everybody is shown."""

        def change(joint: Mapping[str, Any]) -> Mapping[str, Any]:
            if self._human is None or pressed is None:
                return joint
            group, number = self._human.group, self._human.number
            chosen = jnp.asarray(joint[group.name]).at[number].set(pressed)
            return {**joint, group.name: chosen}

        env = self._env
        if isinstance(env, OneTeam):
            return env.advance(key, state, action, env.params, change)
        return env.step(jax.random.fold_in(key, 0), state, change(action), env.params)


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
