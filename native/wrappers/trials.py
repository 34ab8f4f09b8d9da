"""Trials: several episodes as one, so that what is learned in the first helps in the next.

For learners whose memory outlives an episode (RL2: Duan et al. 2016, Wang et al. 2016), and for
those that shape opponents who learn meanwhile (Pax). A trial has so many inner episodes, one after
the other in the same world: the step that ends one shows its reward and info, and the first
observation of the next.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from native import rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Dict, MultiBinary

from .base import Wrapper, own_key

PAST = ("last_action", "last_reward", "inner_start")


@pytree
class State:
    """Everything that changes."""

    env: Any
    inner_acting: jax.Array  # bool (agents,), who has not ended in the inner episode
    inner_episode: jax.Array  # int32 (), inner episodes that are over
    over: jax.Array  # bool (), the trial


@dataclasses.dataclass(frozen=True)
class Trials(Wrapper):
    """What `trials` returns."""

    episodes: int
    show_past: bool

    def __post_init__(self) -> None:
        rules.check(self, episodes=rules.count(), show_past=rules.flag)

    @property
    def spec(self) -> Spec:
        """That of the environment inside, whose horizon is one of an inner episode."""
        spec = self.env.spec
        groups = tuple(map(_with_past, spec.groups)) if self.show_past else spec.groups
        return dataclasses.replace(spec, groups=groups, horizon=None)

    def inner_state(self, state: State) -> Any:
        """That of the environment inside."""
        return state.env

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        """Begin the first inner episode."""
        env, shown = super().init(key, params)
        spec = self.spec
        everyone = jnp.ones(spec.num_agents, jnp.bool_)
        state = State(
            env=env,
            inner_acting=everyone,
            inner_episode=jnp.int32(0),
            over=jnp.bool_(False),
        )
        idle = {group.name: group.zero_action() for group in spec.groups}
        observation = self._see(shown.observation, idle, shown.reward, everyone)
        info = _inform(shown.info, state, jnp.bool_(False))
        return state, restart(observation, spec.num_agents, info)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, Any], params: Any
    ) -> tuple[State, Timestep]:
        """As the environment inside, which begins again when its last agent has ended."""
        env, shown = super().step(key, state, action, params)
        acting = state.inner_acting & ~(shown.terminated | shown.truncated)
        done = ~acting.any() & ~state.over
        count = state.inner_episode + done.astype(jnp.int32)
        over = state.over | (count >= self.episodes)
        again = done & ~over
        fresh, first = super().init(own_key(key, "trials"), params)
        env, observation = jax.tree.map(
            lambda a, b: jnp.where(again, a, b),
            (fresh, first.observation),
            (env, shown.observation),
        )
        after = State(env=env, inner_acting=acting | again, inner_episode=count, over=over)
        everyone = jnp.ones(acting.shape, jnp.bool_)
        return after, transition(
            self.spec,
            acting=everyone & ~state.over,
            observation=self._see(observation, action, shown.reward, everyone & again),
            reward=shown.reward,
            terminated=everyone & over,
            truncated=~everyone,
            info=_inform(shown.info, after, done),
        )

    def _see(
        self, observation: Mapping[str, Any], action: Mapping[str, Any], reward: Any, start: Any
    ) -> dict[str, Any]:
        if not self.show_past:
            return dict(observation)
        seen = {}
        for name, rows in self.spec.rows.items():
            now = observation[name]
            own = now if isinstance(now, Mapping) else {"observation": now}
            past = (action[name], reward[rows][:, None], start[rows][:, None])
            seen[name] = {**own, **dict(zip(PAST, past, strict=True))}
        return seen


def _with_past(group: Group) -> Group:
    seen = group.observation
    own = dict(seen.parts) if isinstance(seen, Dict) else {"observation": seen}
    for name in PAST:
        if name in own:
            raise rules.RuleError(f"{group.name} observes something called {name!r} already.")
    endless = Box(-float("inf"), float("inf"), (1,))
    past = (group.action, endless, MultiBinary(1))
    return dataclasses.replace(
        group, observation=Dict({**own, **dict(zip(PAST, past, strict=True))})
    )


def _inform(info: Mapping[str, jax.Array], state: State, done: jax.Array) -> dict[str, jax.Array]:
    return {**info, "inner_done": done, "inner_episode": state.inner_episode}
