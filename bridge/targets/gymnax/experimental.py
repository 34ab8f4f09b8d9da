"""Whole episodes of a policy, as `gymnax.experimental` plays them.

| gymnax.experimental                         | here                                              |
| ------------------------------------------- | ------------------------------------------------- |
| `RolloutWrapper(model_forward, ...)`        | the same arguments; `env` may also be native      |
| `single_rollout`, `batch_rollout`,          | the same six arrays, with the same leading axes   |
| `population_rollout`, `input_shape`         |                                                   |
| `next_obs` on a row that is done: the start | what the last step led to, so that a learner may  |
| of the next episode                         | bootstrap from it                                 |
| rows after the first that is done: of other | zeros, and done                                   |
| episodes                                    |                                                   |
| always `num_env_steps` of work              | as much as the longest episode of the call        |
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from gymnax.environments import environment  # type: ignore[import-not-found]

from bridge.environments import Source
from bridge.errors import RulesError, UnsuitableError
from bridge.rules import as_ours
from native import rules

from . import NEVER, make

__all__ = ["RolloutWrapper"]

Model: TypeAlias = Callable[[Any, Any, jax.Array], Any]
Episode: TypeAlias = tuple[Any, Any, jax.Array, Any, jax.Array, jax.Array]


class RolloutWrapper:
    """Plays a policy for one episode, for many, or many policies for many.

    Attributes:
        env: One of gymnax's, ours or theirs.
        env_params: Its parameters.
        num_env_steps: The most steps that are played.
        model_forward: The policy, or None.
    """

    def __init__(
        self,
        model_forward: Model | None = None,
        env_name: str | None = None,
        num_env_steps: int | None = None,
        env_kwargs: Mapping[str, Any] | None = None,
        env_params: Any = None,
        env: "Source | None" = None,
    ) -> None:
        """Choose what is played.

        Args:
            model_forward: (policy_params, observation, key) -> action; None: by chance.
            env_name: A registered name; None: Pendulum-v1, as gymnax has it.
            num_env_steps: None: as many as the time limit allows.
            env_kwargs: Rules of a named environment to replace.
            env_params: All of them, or name -> number of those to replace.
            env: Instead of a name: one of gymnax's environments, a native one, or one of
                `bridge.sources`.

        Raises:
            RulesError: `env` is given with a name or rules, or there is no such parameter.
            RuleValueError: `num_env_steps` is no positive integer.
            UnsuitableError: It has no time limit and `num_env_steps` is not given, or as `make`.
        """
        if env is not None and (env_name is not None or env_kwargs):
            raise RulesError("env is built already: leave env_name and env_kwargs out.")
        source: Any = env
        if env is None:
            source = "Pendulum-v1" if env_name is None else env_name
        if isinstance(source, environment.Environment):
            self.env: Any = source
            params: Any = source.default_params
        else:
            self.env, params = make(source, **(env_kwargs or {}))
        if isinstance(env_params, Mapping):
            params = params.replace(**env_params)
        elif env_params is not None:
            params = env_params
        limit = params.max_steps_in_episode if num_env_steps is None else num_env_steps
        if num_env_steps is None and limit == NEVER:
            raise UnsuitableError(f"{self.env.name} has no time limit: give num_env_steps.")
        with as_ours():
            self.num_env_steps: int = rules.count()("num_env_steps", limit)
        self.env_params = params
        self.model_forward = model_forward

    @property
    def input_shape(self) -> Any:
        """Shape of an observation; of one in parts, of each part."""
        seen, _ = jax.eval_shape(self.env.reset_env, jax.random.key(0), self.env_params)
        return jax.tree.map(lambda leaf: leaf.shape, seen)

    @functools.partial(jax.jit, static_argnums=0)
    def single_rollout(self, key_input: jax.Array, policy_params: Any) -> Episode:
        """One episode: obs, action, reward, next_obs, done, cum_return.

        Returns:
            The first five with a row for each step, (num_env_steps, ...); the sum of the rewards,
            float32 (1,).
        """
        return self._play(key_input, policy_params, 0)

    @functools.partial(jax.jit, static_argnums=0)
    def batch_rollout(self, key_eval: jax.Array, policy_params: Any) -> Episode:
        """An episode for each key: as `single_rollout`, with a leading axis of keys."""
        return self._play(key_eval, policy_params, 1)

    @functools.partial(jax.jit, static_argnums=0)
    def population_rollout(self, key_eval: jax.Array, policy_params: Any) -> Episode:
        """An episode for each policy and key: with leading axes of policies and keys.

        Args:
            key_eval: Keys, (keys,); all policies play the same.
            policy_params: Every leaf with a leading axis of policies.

        Raises:
            UnsuitableError: There are no parameters, so that nobody knows how many policies.
        """
        leaves = jax.tree.leaves(policy_params)
        if not leaves:
            raise UnsuitableError("There are no policy_params to tell how many policies there are.")
        keys = jnp.broadcast_to(key_eval[None], (len(leaves[0]), *key_eval.shape))
        return self._play(keys, policy_params, 2)

    def _play(self, keys: jax.Array, policy_params: Any, axes: int) -> Episode:
        """Step all worlds together until the last is done.

        Every step writes its row in place, time first; one world has ended for good when it ends.

        Args:
            keys: One for each world.
            policy_params: With a leading axis where there are two `axes`.
            axes: How many leading axes the worlds have.
        """
        for_start, for_steps, for_policy = (each(_part(i), axes)(keys) for i in range(3))
        tick_keys = each(jax.random.fold_in, axes, (0, None))
        act = each(self._act, min(axes, 1), (None, 0, 0))
        act = jax.vmap(act) if axes == 2 else act
        step = each(self._step, axes)

        def advance(now: Any) -> Any:
            tick, seen, state, over, rows = now
            action = act(policy_params, seen, tick_keys(for_policy, tick))
            seen, state, reward, ended = step(tick_keys(for_steps, tick), state, action)
            ended |= over
            row = *(only(~over, part) for part in (action, reward, seen)), ended
            rows = jax.tree.map(lambda kept, new: kept.at[tick].set(new), rows, row)
            return tick + 1, seen, state, ended, rows

        def goes_on(now: Any) -> jax.Array:
            more: jax.Array = (now[0] < self.num_env_steps) & ~now[3].all()
            return more

        first, state = each(self.env.reset_env, axes, (0, None))(for_start, self.env_params)
        action = jax.eval_shape(act, policy_params, first, for_policy)
        shown = jax.eval_shape(step, for_steps, state, action)
        over = jnp.zeros(shown[3].shape, jnp.bool_)
        rows = jax.tree.map(
            lambda leaf: jnp.zeros((self.num_env_steps, *leaf.shape), leaf.dtype),
            (action, shown[2], shown[0], shown[3]),
        )
        rows = *rows[:3], jnp.ones_like(rows[3])
        start = (jnp.int32(0), first, state, over, rows)
        action, reward, next_obs, done = jax.lax.while_loop(goes_on, advance, start)[4]
        obs = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b[:-1]]), first, next_obs)
        obs = only(~jnp.concatenate([over[None], done[:-1]]), obs)
        by_world = jax.tree.map(
            lambda leaf: jnp.moveaxis(leaf, 0, axes), (obs, action, reward, next_obs, done)
        )
        return *by_world, reward.sum(axis=0)[..., None]

    def _act(self, policy_params: Any, seen: Any, key: jax.Array) -> Any:
        if self.model_forward is not None:
            return self.model_forward(policy_params, seen, key)
        return self.env.action_space(self.env_params).sample(key)

    def _step(self, key: jax.Array, state: Any, action: Any) -> tuple[Any, Any, jax.Array, Any]:
        """Observation, state, reward, and whether anything ended the episode."""
        seen, state, reward, ended, _ = self.env.step_env(key, state, action, self.env_params)
        if hasattr(self.env, "is_truncated"):  # else gymnax is older, and `ended` says it all
            ended = ended | self.env.is_truncated(state, self.env_params)
        return seen, state, jnp.asarray(reward, jnp.float32), jnp.asarray(ended, jnp.bool_)


def each(function: Callable[..., Any], axes: int, in_axes: Any = 0) -> Callable[..., Any]:
    """The function over so many leading axes of its arguments."""
    for _ in range(axes):
        function = jax.vmap(function, in_axes)
    return function


def only(where: jax.Array, tree: Any) -> Any:
    """Zeros but where it holds; `where` has the leading axes of every leaf."""

    def one(leaf: jax.Array) -> jax.Array:
        there = jnp.reshape(where, where.shape + (1,) * (leaf.ndim - where.ndim))
        return jnp.where(there, leaf, jnp.zeros((), leaf.dtype))

    return jax.tree.map(one, tree)


def _part(i: int) -> Callable[[jax.Array], jax.Array]:
    return lambda key: jax.random.fold_in(key, i)
