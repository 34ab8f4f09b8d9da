"""Pax's class for iterated matrix games: tuples of agents, and payoffs given with every call.

Write `from bridge.targets.pax import EnvParams, IteratedMatrixGame` in place of theirs.

| Pax                                  | here                                              |
| ------------------------------------ | ------------------------------------------------- |
| `num_inner_steps`, `num_outer_steps` | the same; what is not given is 1                  |
| `EnvParams(payoff_matrix)`           | the same, lists too                               |
| an action of 0 or 1, also as a float | 0 cooperates, 1 defects; between them a mixture   |
| observation                          | int8 (5,), one of CC, CD, DC, DD, start being 1   |
| `inner_t`, `outer_t`                 | int32; theirs are int8 and overflow               |
| `done` after the last outer episode  | the same, until one more inner episode has ended  |
"""

from typing import Any

import jax
import jax.numpy as jnp

from native import rules
from native.core import pytree
from native.social.iterated_matrix import START, mirrored, pay
from native.spaces import Box, Discrete

Pair = tuple[jax.Array, jax.Array]


@pytree
class EnvParams:
    """Numbers of the dynamics: rows CC, CD, DC, DD of what both earn, (4, 2)."""

    payoff_matrix: Any


@pytree
class EnvState:
    """Counters: int32 ()."""

    inner_t: jax.Array
    outer_t: jax.Array


class IteratedMatrixGame:
    """Two players; `reset` and `step` are pure, and may be replaced by what `jax.vmap` returns.

    Args:
        num_inner_steps: Of an inner episode.
        num_outer_steps: Inner episodes.

    Raises:
        RuleError: One is no positive integer below 2**31.
    """

    num_players = 2
    num_actions = 2

    def __init__(self, num_inner_steps: int = 1, num_outer_steps: int = 1) -> None:
        inner = rules.count()("num_inner_steps", num_inner_steps)
        outer = rules.count()("num_outer_steps", num_outer_steps)

        def reset(key: jax.Array, params: EnvParams) -> tuple[Pair, EnvState]:
            """Begin: what both see, and the state."""
            del key, params
            return _seen(jnp.int32(START)), EnvState(inner_t=jnp.int32(0), outer_t=jnp.int32(0))

        def step(
            key: jax.Array, state: EnvState, actions: tuple[Any, Any], params: EnvParams
        ) -> tuple[Pair, EnvState, Pair, jax.Array, dict[str, jax.Array]]:
            """Observations, state, rewards, whether all is over, and nothing more."""
            del key
            one, two = (jnp.asarray(action, jnp.float32) for action in actions)
            reward = pay(params.payoff_matrix, one, two)
            inner_t = state.inner_t + 1
            ended = inner_t == inner
            outcome = (2 * jnp.round(one) + jnp.round(two)).astype(jnp.int32)
            after = EnvState(
                inner_t=jnp.where(ended, jnp.int32(0), inner_t),
                outer_t=state.outer_t + ended.astype(jnp.int32),
            )
            seen = _seen(jnp.where(ended, START, outcome))
            done = after.outer_t == outer
            info = {"discount": jnp.zeros((), jnp.int8)}
            return seen, after, (reward[0], reward[1]), done, info

        self.reset, self.step = reset, step

    def action_space(self, params: EnvParams | None = None) -> Discrete:
        """0 and 1; Pax says that there are four."""
        del params
        return Discrete(2)

    def observation_space(self, params: EnvParams | None = None) -> Box:
        """One of five numbers is 1."""
        del params
        return Box(0, 1, (5,), "int32")


def _seen(outcome: jax.Array) -> Pair:
    one, two = (jax.nn.one_hot(each, 5, dtype=jnp.int8) for each in (outcome, mirrored(outcome)))
    return one, two
