"""A native environment as a JaxMARL `MultiAgentEnv`, for trainers written for those.

| native                        | JaxMARL                                                          |
| ----------------------------- | ---------------------------------------------------------------- |
| `init`, `step`                | `reset`, `step_env`                                              |
| auto-reset                    | JaxMARL's own, in its `step`, with `reset_state` where given     |
| agent, group                  | `agents`, `agent_classes`                                        |
| who has ended                 | `dones[agent]`, from then on; `dones["__all__"]`: all have       |
| `terminated`, `truncated`     | `infos`, bool (agents,), on the step on which it happens         |
| info: numbers, one or for     | `infos`, (agents,), as their trainers reshape it; what has       |
| each agent                    | another shape is left out; `shaped_reward` by agent, as they ask |
|                               | for it                                                           |
| action mask                   | `get_avail_actions(state)`, also called `get_legal_moves`; all   |
|                               | True where all is legal                                          |
| global state                  | `get_world_state(state)`; under JaxMARL's own names that show it |
|                               | also in what is seen, as "world_state"                           |
| `Box`, `Discrete`, `Dict`,    | the same                                                         |
| `MultiDiscrete`               |                                                                  |
| `MultiBinary`                 | `Box` of bool                                                    |

JaxMARL's own names and words are understood too, see `bridge.targets.jaxmarl_names`.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp

from bridge.environments import Source, as_environment
from bridge.errors import ActionError, MissingExtraError, UnsuitableError
from bridge.wording import listed
from native.core import Environment, HasGlobalState, Masks, Timestep, pytree
from native.spaces import Discrete, Space, flat_size

try:
    from jaxmarl.environments import multi_agent_env, spaces  # type: ignore[import-not-found]
except ImportError as error:
    raise MissingExtraError("bridge.targets.jaxmarl", "jaxmarl", "jaxmarl") from error

from .jaxmarl_names import CALLED, SHOW_WORLD, twin_of
from .spaces import theirs

ALL = "__all__"
BY_AGENT = ("shaped_reward",)  # what their scripts add to rewards, which are by agent


def make(id_or_env: Source, **rules: Any) -> "JaxmarlBridge":
    """An environment as `jaxmarl.make` returns it.

    Args:
        id_or_env: A registered name or JaxMARL's, a native environment, or one of
            `bridge.sources`.
        **rules: Rules of a named environment to replace, or JaxMARL's words for them.

    Raises:
        UnknownNameError, RulesError: There is no such environment or rule.
        RuleValueError: A rule has a value that does not fit.
    """
    shows_world = id_or_env in SHOW_WORLD if isinstance(id_or_env, str) else False
    twin = twin_of(id_or_env, rules) if isinstance(id_or_env, str) else None
    if twin is not None:
        id_or_env, rules = twin
    called = rules.pop(CALLED, None)
    env: Any = as_environment(id_or_env, **rules)
    if called is not None:
        env = dataclasses.replace(env, name=called)
    return JaxmarlBridge(env, shows_world=shows_world)


@pytree
class State:
    """What changes.

    Attributes:
        world: The native state.
        observation: What `get_obs` returns.
        acting: bool (agents,), who has not ended.
        step: int32 (), steps of this episode.
        done: bool (), whether it is over.
    """

    world: Any
    observation: Mapping[str, Any]
    acting: jax.Array
    step: jax.Array
    done: jax.Array


class JaxmarlBridge(multi_agent_env.MultiAgentEnv):  # type: ignore[misc]
    """One native environment. Equal if the native ones are.

    Attributes:
        env: The native environment.
        num_agents, agents: In the native order.
        observation_spaces, action_spaces: By agent.
        shows_world: Whether what is seen has the global state too, as "world_state".
    """

    def __init__(self, env: Environment[Any, Any], *, shows_world: bool = False) -> None:
        super().__init__(env.spec.num_agents)
        self.env = env
        self.shows_world = shows_world
        self.agents = list(env.spec.agents)
        self.observation_spaces: dict[str, Any] = {}
        self.action_spaces: dict[str, Any] = {}
        for group in env.spec.groups:
            for agent in group.agents:
                self.observation_spaces[agent] = theirs(group.observation, spaces)
                self.action_spaces[agent] = theirs(group.action, spaces)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JaxmarlBridge):
            return False
        return (self.env, self.shows_world) == (other.env, other.shows_world)

    def __hash__(self) -> int:
        return hash(self.env)

    @property
    def name(self) -> str:
        return self.env.spec.name

    @property
    def agent_classes(self) -> dict[str, list[str]]:
        return {group.name: list(group.agents) for group in self.env.spec.groups}

    @property
    def num_allies(self) -> int:
        """Agents of the first group, as their scripts for battles call them."""
        return len(self.env.spec.groups[0].agents)

    @property
    def state_size(self) -> int:
        """Numbers of the global state.

        Raises:
            UnsuitableError: The environment has none.
        """
        return flat_size(self._world_space())

    def action_space(self, agent: str | None = None) -> Any:
        """That of an agent, or of the first, as some of their scripts want it."""
        return self.action_spaces[self.agents[0] if agent is None else agent]

    def observation_space(self, agent: str | None = None) -> Any:
        """That of an agent, or of the first, as some of their scripts want it."""
        return self.observation_spaces[self.agents[0] if agent is None else agent]

    @functools.partial(jax.jit, static_argnums=0)
    def reset(self, key: jax.Array) -> tuple[dict[str, Any], State]:
        """Begin an episode: observations and state."""
        world, shown = self.env.init(key, self.env.params)
        acting = jnp.ones(self.num_agents, jnp.bool_)
        state = State(
            world=world,
            observation=self._seen(shown),
            acting=acting,
            step=jnp.int32(0),
            done=jnp.bool_(False),
        )
        return self.get_obs(state), state

    def step_env(
        self, key: jax.Array, state: State, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], State, dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Advance by one step, without a reset: observations, state, rewards, dones, infos.

        Args:
            key: The randomness of this step.
            state: Of the step before.
            actions: Of every agent; an axis of length one, as their trainers leave it, is taken
                off, and what an agent does that has ended is ignored.

        Raises:
            ActionError: An agent has none, or one of another size.
        """
        world, shown = self.env.step(key, state.world, self._joint(actions), self.env.params)
        acting = state.acting & ~(shown.terminated | shown.truncated)
        after = State(
            world=world,
            observation=self._seen(shown),
            acting=acting,
            step=state.step + 1,
            done=~acting.any(),
        )
        dones = {**self._by_agent(~acting), ALL: after.done}
        return self.get_obs(after), after, self._by_agent(shown.reward), dones, self._infos(shown)

    def get_obs(self, state: State) -> dict[str, Any]:
        """What the agents see."""
        seen = dict(state.observation)
        return {**seen, "world_state": self.get_world_state(state)} if self.shows_world else seen

    @functools.partial(jax.jit, static_argnums=0)
    def get_avail_actions(self, state: State) -> dict[str, jax.Array]:
        """Legal actions of every agent whose actions are `Discrete`: bool (actions,)."""
        masks: Mapping[str, Any] = {}
        if self.env.spec.masks:
            masks = cast(Masks, self.env).action_mask(state.world, self.env.params)
        return {
            agent: masks[group.name][i] if masks else jnp.ones(group.action.n, jnp.bool_)
            for group in self.env.spec.groups
            if isinstance(group.action, Discrete)
            for i, agent in enumerate(group.agents)
        }

    def get_legal_moves(self, state: State) -> dict[str, jax.Array]:
        """The same, as their scripts for card games call it."""
        legal: dict[str, jax.Array] = self.get_avail_actions(state)
        return legal

    @functools.partial(jax.jit, static_argnums=0)
    def get_world_state(self, state: State) -> jax.Array:
        """The whole world as one array, for central critics.

        Raises:
            UnsuitableError: The environment has no global state.
        """
        self._world_space()
        return cast(HasGlobalState, self.env).global_state(state.world, self.env.params)

    def _world_space(self) -> Space:
        space = self.env.spec.global_state
        if space is None:
            raise UnsuitableError(f"{self.name} has no global state.")
        return space

    def _joint(self, actions: Mapping[str, Any]) -> dict[str, jax.Array]:
        """Actions by group, (agents, *shape of the space)."""

        def one(agent: str, space: Any) -> jax.Array:
            if agent not in actions:
                raise ActionError(f"No action for {agent!r}. There are: {listed(self.agents)}.")
            action = jnp.asarray(actions[agent])
            if action.size != math.prod(space.shape):
                raise ActionError(
                    f"The action of {agent!r} has shape {action.shape}; expected {space.shape}."
                )
            return action.reshape(space.shape).astype(space.dtype)

        return {
            group.name: jnp.stack([one(agent, group.action) for agent in group.agents])
            for group in self.env.spec.groups
        }

    def _seen(self, shown: Timestep) -> dict[str, Any]:
        return {
            agent: jax.tree.map(lambda leaf, i=i: leaf[i], shown.observation[group.name])
            for group in self.env.spec.groups
            for i, agent in enumerate(group.agents)
        }

    def _infos(self, shown: Timestep) -> dict[str, Any]:
        rows = (self.num_agents,)
        fit = {name: leaf for name, leaf in shown.info.items() if leaf.shape in ((), rows)}
        infos: dict[str, Any] = {name: jnp.broadcast_to(leaf, rows) for name, leaf in fit.items()}
        infos |= {name: self._by_agent(infos[name]) for name in BY_AGENT if name in infos}
        return {**infos, "terminated": shown.terminated, "truncated": shown.truncated}

    def _by_agent(self, values: jax.Array) -> dict[str, jax.Array]:
        return {agent: values[i] for i, agent in enumerate(self.agents)}
