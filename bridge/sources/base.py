"""What environments made of foreign ones share.

| part                       | for                                                                 |
| -------------------------- | ------------------------------------------------------------------- |
| `Fixed`                    | rules that hold a foreign object: no parameters, pickled as fields  |
| `State`, `FixedTogether`   | the same where all agents end together: ticks, time limit, endings  |
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from native import core
from native.core import Spec, Timestep, pytree, restart, transition

__all__ = ["Fixed", "FixedTogether", "State"]


class Fixed:
    """Base of a frozen dataclass whose foreign object is made with what others call parameters."""

    @property
    def params(self) -> tuple[()]:
        """None: what theirs is made with is fixed."""
        return ()

    def __getstate__(self) -> dict[str, Any]:
        """The fields, without what follows from them."""
        mine: Any = self  # a dataclass derives from this
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(mine)}


@pytree
class State:
    """Everything that changes.

    Attributes:
        theirs: Their state, in dtypes of the contract.
        tick: int32 (), steps so far.
        over: bool ().
    """

    theirs: Any
    tick: jax.Array
    over: jax.Array


class FixedTogether(Fixed):
    """One all of whose agents end on the same step; `spec` is the dataclass's own."""

    def begun(
        self, theirs: Any, observation: Mapping[str, Any], info: Mapping[str, Any]
    ) -> tuple[State, Timestep]:
        """What `init` returns.

        Args:
            theirs: Their first state, in dtypes of the contract.
            observation, info: As in `Timestep`.
        """
        state = State(theirs=theirs, tick=jnp.int32(0), over=jnp.bool_(False))
        return state, restart(observation, _spec_of(self).num_agents, info)

    def stepped(
        self,
        before: State,
        theirs: Any,
        *,
        observation: Mapping[str, Any],
        reward: Any,
        terminated: Any,
        truncated: Any = False,
        info: Mapping[str, Any],
    ) -> tuple[State, Timestep]:
        """What `step` returns, with the time limit of the spec.

        Args:
            before: The state before the step.
            theirs: Their state after it, in dtypes of the contract.
            observation, info: As in `Timestep`.
            reward: Of all agents; a number, or (agents,).
            terminated, truncated: bool (), by their rules.
        """
        spec = _spec_of(self)
        everyone = jnp.ones(spec.num_agents, jnp.bool_)
        tick = before.tick + 1
        ended = jnp.asarray(terminated, jnp.bool_).reshape(())
        late = core.late(tick, spec.horizon) | truncated
        after = State(theirs=theirs, tick=tick, over=before.over | ended | late)
        rewards = jnp.asarray(reward, jnp.float32)
        return after, transition(
            spec,
            acting=everyone & ~before.over,
            observation=observation,
            reward=jnp.broadcast_to(rewards, everyone.shape),
            terminated=everyone & ended,
            truncated=everyone & late,
            info=info,
        )


def _spec_of(env: Any) -> Spec:
    """A field of some and a property of others, which no base class can declare."""
    spec: Spec = env.spec
    return spec
