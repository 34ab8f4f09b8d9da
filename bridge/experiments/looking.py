"""Two agents that have learned play their world, watched by somebody who sees what both do."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native.agents import LearnedPolicy
from native.batch import Autoreset, Batch
from native.core import Environment, Timestep
from native.rollout import Step, collect
from native.wrappers import Wrapper

from .counting import SEEING, Found, Played, counted
from .game import Experiment

WORLDS = 64  # that are played
LONGEST = 2_000  # steps of an episode that are looked at
_OF_WRAPPERS = ("inner_done", "inner_episode", "co_player_reward")  # in info


class Witness(Wrapper):
    """A world that tells in `info` what both did and earned, whoever plays the other."""

    def init(self, key: jax.Array, params: Any) -> tuple[Any, Timestep]:
        """Nobody has done anything."""
        state, shown = self.env.init(key, params)
        (group,) = self.spec.groups
        return state, self._telling(shown, group.zero_action())

    def step(
        self, key: jax.Array, state: Any, action: Mapping[str, Any], params: Any
    ) -> tuple[Any, Timestep]:
        """As the world does."""
        state, shown = self.env.step(key, state, action, params)
        (group,) = self.spec.groups
        return state, self._telling(shown, action[group.name])

    def _telling(self, shown: Timestep, did: Any) -> Timestep:
        told = {"did": jnp.asarray(did), "earned": shown.reward}
        return dataclasses.replace(shown, info={**shown.info, **told})


def look(made: Experiment, learned: LearnedPolicy, key: jax.Array) -> Found:
    """Play the policy in `WORLDS` worlds, and count."""
    return counted(made.world, _played(made, learned, key))


def _played(made: Experiment, learned: LearnedPolicy, key: jax.Array) -> Played:
    env = _with_witness(made.env, made.world)
    (group,) = env.spec.groups
    batch = Batch(env, Autoreset.DISABLED)
    steps = min((made.world.spec.horizon or 1) * getattr(made.env, "episodes", 1), LONGEST)
    sees = isinstance(made.world, SEEING)
    both = made.env is made.world  # the first of two who have learned

    def keep(step: Step) -> Any:
        seen = step.shown.timestep.observation[group.name] if sees else ()
        mine = jax.tree.map(lambda leaf: leaf[:, :1] if both else leaf, seen)
        return mine, step.after.timestep.info

    @jax.jit
    def play(key: jax.Array) -> Any:
        seeds = jax.random.bits(jax.random.fold_in(key, 0), (WORLDS,), jnp.uint32)
        carry, shown = batch.init(seeds, env.params)
        rest = functools.partial(collect, batch, carry, shown, learned, key, steps, record=keep)
        return rest(memory=learned.memory(WORLDS))[1]

    seen, info = jax.tree.map(np.asarray, play(key))
    games = getattr(made.env, "games", 1)
    ends = info.get("inner_done", np.zeros((steps, WORLDS), np.bool_))
    first = np.concatenate([np.ones((1, WORLDS), np.bool_), ends[:-1]])
    of_world = 3 if hasattr(made.env, "games") else 2  # axes before the world's own

    def beside(leaf: np.ndarray, axes: int) -> np.ndarray:
        return leaf.reshape(steps, WORLDS * games, *leaf.shape[axes:])

    own = {name: beside(leaf, of_world) for name, leaf in info.items() if name not in _OF_WRAPPERS}
    return Played(
        seen=jax.tree.map(lambda leaf: beside(leaf, 3), seen),
        did=own.pop("did"),
        reward=own.pop("earned"),
        first=np.repeat(first, games, axis=1),
        info=own,
    )


def _with_witness(env: Environment[Any, Any], world: Environment[Any, Any]) -> Any:
    if env is world:
        return Witness(world)
    changed: Any = env
    return dataclasses.replace(changed, env=_with_witness(changed.env, world))
