"""JaxMARL environments, and those written to its interface, as native ones.

| JaxMARL                                  | native                                               |
| ---------------------------------------- | ---------------------------------------------------- |
| `reset`, `step_env`                      | `init`, `step`; their key is a legacy one. The       |
|                                          | auto-reset of their `step` is never run              |
| agents; integers such as 0               | the same names; "agent_0"                            |
| agents with equal spaces, and names that | a group of the name that they share: "adversary" of  |
| differ in their numbers only             | "adversary_0" and "adversary_1"                      |
| `dones[agent]`, `dones["__all__"]`       | `terminated`, if the rules say so                    |
| either of them by the time limit alone   | `truncated`                                          |
| `max_steps`, Brax's `episode_length`     | `horizon`: the steps that an episode really has, for |
|                                          | MPE and SMAX one more than `max_steps`               |
| observations by agent, stacked, in a     | shapes and dtypes of what is returned, within the    |
| list, or a dict of stacked parts         | bounds declared for it, where they hold              |
| `get_avail_actions`, `get_legal_moves`   | `action_mask`; all True where all is False           |
| `obs["world_state"]`                     | `global_state`                                       |
| rewards, by agent, stacked or in a list  | float32                                              |
| `infos`                                  | `info`, the path of a leaf as its name: "a/b"        |
| what an agent that has ended does        | 0                                                    |

What the rules alone end is told by a step of the same environment without a time limit, which XLA
merges with the other. A count of repetitions, as in the coin game and STORM, is a rule.
"""

import dataclasses
import functools
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bridge.errors import UnsuitableError
from native import core
from native.abilities import where_declared
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Dict, Discrete, Flat, Space

from .base import Fixed
from .foreign import ByValue, as_it_comes
from .gymnax_spaces import action_space, no_action, observation_space
from .jaxmarl_forms import (
    WORLD,
    by_agent,
    ended,
    horizon_of,
    joint_action,
    legal_actions,
    name_of,
    role_of,
    with_horizon,
)
from .states import in_our_dtypes, in_their_dtypes, legacy_key
from .trees import named_parts, plain_info, space_of

# Classes whose observations leave the bounds that JaxMARL declares.
_WRONG_BOUNDS = ("SMAX", "EnemySMAX")


@pytree
class State:
    """Everything that changes."""

    theirs: Any  # their state, in dtypes of the contract
    world: Any  # their world state, float32; () where there is none
    tick: jax.Array  # int32 ()
    acting: jax.Array  # bool (agents,)


def from_jaxmarl(env: Any) -> "JaxmarlEnvironment":
    """A JaxMARL environment as a native one.

    Args:
        env: A `MultiAgentEnv`, not to be changed any more; or what makes one when called, such as
            `functools.partial(jaxmarl.make, "coin_game")`. Those whose rules are closures (the coin
            game, STORM, SMAX with enemies of its own) pickle, and equal another, only so.

    Raises:
        UnsuitableError: It is a wrapper, or no such environment, or its actions have no native
            space.
    """
    held = ByValue(env)
    made = _made(env)
    if any(kind.__name__ == "JaxMARLWrapper" for kind in type(made).__mro__):
        raise UnsuitableError(
            f"{type(made).__name__} wraps an environment, and its step resets on its own. Give the "
            "environment inside it: adapters count returns, and batch."
        )
    if not (hasattr(made, "step_env") and hasattr(made, "agents")):
        raise UnsuitableError(f"{made!r} has no step_env and agents, so it is none of JaxMARL's.")
    found = JaxmarlEnvironment(held, horizon_of(made))
    _ = found.spec  # what has no native form is refused here, not when it is first used
    return found


@dataclasses.dataclass(frozen=True)
class JaxmarlEnvironment(Fixed):
    """A JaxMARL environment; make one with `from_jaxmarl`."""

    held: ByValue
    horizon: int | None

    @functools.cached_property
    def spec(self) -> Spec:
        """Groups of agents with equal spaces, and with names that differ in their numbers only."""
        env = self._limited
        shapes = self._shapes
        wrong = any(kind.__name__ in _WRONG_BOUNDS for kind in type(env).__mro__)
        found: dict[tuple[str, Space, Flat], list[str]] = {}
        for agent in env.agents:
            name = name_of(agent)
            declared = None if wrong else env.observation_space(agent)
            observation = observation_space(declared, shapes.first[name], shapes.second[name])
            found.setdefault((role_of(name), observation, self._actions[name]), []).append(name)
        roles = [role for role, _, _ in found]
        groups = tuple(
            Group(role if roles.count(role) == 1 else names[0], tuple(names), observation, action)
            for (role, observation, action), names in found.items()
        )
        world: Space | None = space_of(shapes.world) if shapes.world != () else None
        name = f"jaxmarl/{type(env).__name__}"
        return Spec(name, groups, self.horizon, world, masks=self._has_masks)

    def init(self, key: jax.Array, params: tuple[()]) -> tuple[State, Timestep]:
        """Begin an episode."""
        del params
        agents = self.spec.num_agents
        with as_it_comes():
            seen, theirs = self._limited.reset(legacy_key(key))
            state = State(
                theirs=in_our_dtypes(theirs),
                world=_world(seen),
                tick=jnp.int32(0),
                acting=jnp.ones(agents, jnp.bool_),
            )
            shapes = self._shapes.info.items()
            info = {name: jnp.zeros(leaf.shape, leaf.dtype) for name, leaf in shapes}
            return state, restart(self._observed(seen), agents, info)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, Any], params: tuple[()]
    ) -> tuple[State, Timestep]:
        """Advance by one step."""
        del params
        env, tick = self._limited, state.tick + 1
        with as_it_comes():
            now = legacy_key(key), in_their_dtypes(state.theirs, self._shapes.state)
            chosen = joint_action(self._chosen(action, state.acting), env)
            seen, theirs, reward, dones, info = env.step_env(*now, chosen)
            over = self._rows(ended(dones, env))
            by_rules = self._endless.step_env(*now, chosen)[3]
            terminated = self._rows(ended(by_rules, env))
            late = core.late(tick, self.horizon)
            truncated = (over & ~terminated) | late
            after = State(
                theirs=in_our_dtypes(theirs),
                world=_world(seen),
                tick=tick,
                acting=state.acting & ~(terminated | truncated),
            )
            return after, transition(
                self.spec,
                acting=state.acting,
                observation=self._observed(seen),
                reward=self._rows(by_agent(reward, env)).astype(jnp.float32),
                terminated=terminated,
                truncated=truncated,
                info=plain_info(info),
            )

    @property
    def _has_masks(self) -> bool:
        """Whether it says which actions are legal."""
        with as_it_comes():
            state = self._shapes.state
            return bool(
                jax.eval_shape(lambda s: legal_actions(self._limited, s, self._actions), state)
            )

    @functools.cached_property
    def _limited(self) -> Any:
        """Theirs, with `horizon` as its time limit."""
        return with_horizon(self._theirs, self.horizon)

    @functools.cached_property
    def _endless(self) -> Any:
        """Theirs without a time limit."""
        return with_horizon(self._theirs, None)

    @functools.cached_property
    def _theirs(self) -> Any:
        with warnings.catch_warnings():  # whoever made it first has heard what it warns of
            warnings.simplefilter("ignore")
            return _made(self.held.it)

    @functools.cached_property
    def _actions(self) -> dict[str, Flat]:
        """Name -> space."""
        env = self._limited
        return {name_of(agent): action_space(env.action_space(agent)) for agent in env.agents}

    @functools.cached_property
    def _shapes(self) -> "_Shapes":
        env = self._limited
        idle = {name: no_action(space) for name, space in self._actions.items()}

        def both() -> _Shapes:
            key = legacy_key(jax.random.key(0))
            first, state = env.reset(key)
            second, _, _, _, info = env.step_env(key, state, joint_action(idle, env))
            seen = by_agent(first, env), by_agent(second, env)
            return _Shapes(*seen, state, _world(first), plain_info(info))

        with as_it_comes():
            found: _Shapes = jax.eval_shape(both)
            return found

    def _rows(self, values: Mapping[str, Any]) -> jax.Array:
        """Numbers by name as one array of the native order."""
        return jnp.stack([jnp.asarray(values[agent]) for agent in self.spec.agents])

    def _chosen(self, action: Mapping[str, Any], acting: jax.Array) -> dict[str, jax.Array]:
        """Name -> action; zeros of an agent that has ended."""
        acts = dict(zip(self.spec.agents, acting, strict=True))
        return {
            agent: jnp.where(acts[agent], taken, jnp.zeros((), taken.dtype))
            for group in self.spec.groups
            for agent, taken in zip(group.agents, action[group.name], strict=True)
        }

    def _observed(self, seen: Any) -> dict[str, Any]:
        """Group -> what its agents see, every leaf (agents, *shape of its space)."""
        views = by_agent(seen, self._limited)
        return {
            group.name: _stacked(group.observation, [named_parts(views[a]) for a in group.agents])
            for group in self.spec.groups
        }

    @where_declared
    def action_mask(self, state: State, params: tuple[()]) -> dict[str, jax.Array]:
        """What they say; all True for who has ended, and for who has no legal action."""
        del params
        with as_it_comes():
            theirs = in_their_dtypes(state.theirs, self._shapes.state)
            found = legal_actions(self._limited, theirs, self._actions)
            acts = dict(zip(self.spec.agents, state.acting, strict=True))
            return {
                group.name: jnp.stack([found[a] | ~found[a].any() | ~acts[a] for a in group.agents])
                for group in self.spec.groups
                if isinstance(group.action, Discrete)
            }

    @where_declared
    def global_state(self, state: State, params: tuple[()]) -> jax.Array:
        """Their world state."""
        del params
        world: jax.Array = state.world
        return world


class _Shapes(NamedTuple):
    """Of what their `reset` and `step_env` return."""

    first: dict[str, Any]  # observations by name
    second: dict[str, Any]
    state: Any
    world: Any
    info: dict[str, Any]


def _world(seen: Any) -> Any:
    """Their world state; (): there is none."""
    there = isinstance(seen, Mapping) and WORLD in seen
    return jnp.asarray(seen[WORLD], jnp.float32) if there else ()


def _made(env: Any) -> Any:
    """The environment itself, of what makes one."""
    if hasattr(env, "step_env") or not callable(env):
        return env
    with as_it_comes(), jax.ensure_compile_time_eval():
        return env()


def _stacked(space: Space, rows: list[Any]) -> Any:
    if isinstance(space, Dict):
        return {name: _stacked(part, [row[name] for row in rows]) for name, part in space.parts}
    return jnp.stack([jnp.asarray(row, space.dtype) for row in rows])
