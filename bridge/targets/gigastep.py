"""Gigastep's own class: write `from bridge.targets.gigastep import GigastepEnv`; nothing else.

| native                        | Gigastep, as its README of April 2023 has it                     |
| ----------------------------- | ---------------------------------------------------------------- |
| `init`                        | `reset(key)` -> state; `v_reset(keys)` for many                  |
| `step`                        | `step(state, action, key)`; `v_step` for many, of one key each   |
|                               | -> state, obs, rewards, alive, ep_done                           |
| groups `blue`, `red`          | `teams` 0, 1, in one array of agents; 0 stands first, and is the |
|                               | larger where their number is odd                                 |
| `over`                        | `ep_done`; the world stands still from then on, obs are zeros    |
| `spec.horizon`                | `max_episode_length`, 500 unless said; it sets `ep_done` too     |
| rules and numbers             | the words of the constructor: `WORDS`                            |
| `observation="rgb_vector"`    | a pair, picture and numbers                                      |

Left out: `per_agent_...`, for which there is `native.gigastep.builder`, other sizes of the picture,
and viewers: `bridge.film` makes films. The order of values that the repository had later,
`obs, state, ...`, is not offered. Nothing but JAX is needed.
"""

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bridge.errors import ActionError, RulesError, RuleValueError
from bridge.rules import as_ours
from native import rules
from native.core import Timestep
from native.gigastep.builder import NUMBERS, ScenarioBuilder
from native.gigastep.maps import SIDE
from native.gigastep.pixels import PIXELS
from native.gigastep.world import TEAMS, State
from native.spaces import Discrete

__all__ = ["GigastepEnv"]

RENAMED: Mapping[str, str] = MappingProxyType(
    {
        "limit_x": "size",
        "obs_type": "observation",
        "max_agent_in_vec_obs": "rows",
        "max_episode_length": "horizon",
        "maps": "maps",
        "use_stochastic_obs": "stochastic_sight",
        "use_stochastic_comm": "stochastic_radio",
        "enable_waypoints": "has_waypoints",
        "episode_ends_one_team_dead": "ends_with_a_team",
        "divide_reward_by_team_size": "divides_rewards",
        "cells": "cells",
        "crowd": "crowd",
    }
)
WORDS = (*RENAMED, *(number for number in NUMBERS if number != "size"))
FIXED: Mapping[str, tuple[Any, str]] = MappingProxyType(
    {
        "resolution_x": (PIXELS, "pictures have one size"),
        "resolution_y": (PIXELS, "pictures have one size"),
        "jit": (True, "steps are always compiled"),
        "debug_reward": (False, "the state holds no terms of the reward"),
    }
)
Shown = tuple[State, Any, jax.Array, jax.Array, jax.Array]


class GigastepEnv:
    """One world, or with `v_reset` and `v_step` many.

    Attributes:
        env: The native environment.
        n_agents: How many there are.
        teams: int32 (agents,): 0 or 1.
        observation_space, action_space: Native spaces, the same for all.
    """

    def __init__(self, n_agents: int, *, discrete_actions: bool = False, **words: Any) -> None:
        """Two teams of the default type.

        Args:
            n_agents: Of both teams together.
            discrete_actions: One of 27 instead of turn, dive and throttle.
            **words: Of `WORDS`: rules, and numbers of `native.gigastep.params`. `obs_type` is
                "rgb" unless given, or "vector", or "rgb_vector".

        Raises:
            RulesError: There is no such word, or it is not offered.
            RuleValueError: It has a value that does not fit.
        """
        with as_ours():
            self.n_agents: int = rules.count(2)("n_agents", n_agents)
            rules.flag("discrete_actions", discrete_actions)
            given = _native(words)
            builder = ScenarioBuilder()
            second = self.n_agents // 2
            for team, count in enumerate((self.n_agents - second, second)):
                for _ in range(count):
                    builder.add_type(team, "default")
            self.env = builder.make(
                **{"observation": "rgb", "continuous_actions": not discrete_actions, **given}
            )
        self.teams = jnp.asarray(np.arange(self.n_agents) >= self.env.blue, jnp.int32)
        self.observation_space = self.env.spec.groups[0].observation
        self.action_space = self.env.spec.groups[0].action

    @property
    def n_actions(self) -> int:
        """How many discrete actions there are, or how many numbers an action has."""
        space = self.action_space
        return space.n if isinstance(space, Discrete) else space.shape[0]

    @functools.partial(jax.jit, static_argnums=0)
    def reset(self, key: jax.Array) -> State:
        """Begin an episode."""
        return self.env.init(key, self.env.params)[0]

    @functools.partial(jax.jit, static_argnums=0)
    def step(self, state: State, action: jax.Array, key: jax.Array) -> Shown:
        """Advance by one step.

        Args:
            state: Of the step before.
            action: float32 (agents, 3), clipped to -1 ... 1; or integers (agents,).
            key: The randomness of this step.

        Returns:
            State; what each agent sees, uint8 (agents, 84, 84, 3), float32 (agents, numbers), or
            both; rewards, float32 (agents,); who is alive, bool (agents,); whether the episode is
            over, bool ().

        Raises:
            ActionError: The actions have another shape.
        """
        expected = (self.n_agents, *self.action_space.shape)
        if jnp.shape(action) != expected:
            raise ActionError(f"The actions have shape {jnp.shape(action)}; expected {expected}.")
        action = jnp.asarray(action, self.action_space.dtype)
        blue, red = action[: self.env.blue], action[self.env.blue :]
        joint: dict[str, jax.Array] = dict(zip(TEAMS, (blue, red), strict=True))
        state, shown = self.env.step(key, state, joint, self.env.params)
        return state, self._seen(shown), shown.reward, state.agents.alive, state.over

    @functools.partial(jax.jit, static_argnums=0)
    def v_reset(self, keys: jax.Array) -> State:
        """Begin an episode in each of many worlds: every leaf has a leading axis."""
        states: State = jax.vmap(self.reset)(keys)
        return states

    @functools.partial(jax.jit, static_argnums=0)
    def v_step(self, states: State, actions: jax.Array, keys: jax.Array) -> Shown:
        """`step` in each of many worlds."""
        shown: Shown = jax.vmap(self.step)(states, actions, keys)
        return shown

    def _seen(self, shown: Timestep) -> Any:
        parts = [shown.observation[team] for team in TEAMS]
        seen = jax.tree.map(lambda *teams: jnp.concatenate(teams), *parts)
        return (seen["rgb"], seen["vector"]) if isinstance(seen, dict) else seen


def _native(words: Mapping[str, Any]) -> dict[str, Any]:
    """Rules and numbers of ours for words of theirs.

    Raises:
        RulesError: There is no such word, or it is not offered.
        RuleValueError: The map is no square.
    """
    rest = dict(words)
    side = rest.get("limit_x", SIDE)
    if rest.pop("limit_y", side) != side:
        raise RuleValueError(
            f"limit_x={side!r}, limit_y={words['limit_y']!r}: maps are squares; give both alike."
        )
    for word, (only, why) in FIXED.items():
        if rest.pop(word, only) != only:
            raise RulesError(f"{word}={words[word]!r} is not offered: {why}. Leave it out.")
    given = {}
    for word, value in rest.items():
        if word.startswith("per_agent_"):
            raise RulesError(
                f"{word} is not offered: native.gigastep.builder.ScenarioBuilder adds aircraft "
                "with numbers of their own."
            )
        if word not in WORDS:
            there = ", ".join(WORDS)
            raise RulesError(f"GigastepEnv has no {word!r} here. It has: {there}.")
        given[RENAMED.get(word, word)] = value
    return given
