"""The steps that a policy of Stable-Baselines3 plays, in one compiled program; told one by one."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from native.batch import Batch, Carry, Transition
from native.core import Spec
from native.prng import implementation
from native.rollout import Choice, Step, collect
from native.spaces import Box

from .arrays import to_numpy
from .programs import EndFields, StepFields
from .sb3_network import Acted, Network
from .sb3_rows import Rows, Told
from .sb3_words import Layer


class Kept(NamedTuple):
    """What is kept of the steps; every leaf has a leading axis of them.

    Attributes:
        acted: What the policy did, by row.
        taken: Group -> (worlds, agents of the group, ...), as the environment took it.
        now, ends: What it led to.
    """

    acted: Acted
    taken: Mapping[str, Any]
    now: StepFields
    ends: EndFields


@dataclasses.dataclass(frozen=True)
class Rollout:
    """A `Play`: so many steps of a network in every row.

    Attributes:
        network: The policy.
        num_steps: How many.
    """

    network: Network
    num_steps: int

    def __call__(
        self, batch: Batch, carry: Carry, shown: Transition, params: Any, flat: Any, words: Any
    ) -> tuple[Any, Any]:
        """Play.

        Args:
            batch, carry, shown, params: As every `Play` is given.
            flat: Weights, see `Network.weights`.
            words: Of the policy's randomness, uint32 (2,).

        Returns:
            Where the batch is then, and `Kept`.
        """
        spec, weights = batch.env.spec, self.network.weights(flat)

        def policy(key: jax.Array, shown: Transition) -> Choice:
            acted = self.network(weights, key, _observed(spec, shown))
            return Choice(_by_group(spec, acted.action), beside=acted)

        def record(step: Step) -> Kept:
            return Kept(
                step.beside, step.action, StepFields.of(step.after), EndFields.of(step.after)
            )

        key = jax.random.wrap_key_data(words, impl=implementation("pcg4d"))
        return collect(
            batch, carry, shown, policy, key, self.num_steps, params=params, record=record
        )


class Trajectory:
    """Steps that are played when it is made, and then told one by one.

    Args:
        venv: `Rows`, or those within a `Layer` or several.
        rollout: What is played.
        weights: Of its network, float32 (all of them,).
        words: Of its randomness, uint32 (2,).

    Attributes:
        first: What was observed before the first step.
        acted: What the policy did, every leaf (steps, rows, ...).
        rewards: float32 (steps, rows), of which `told` hands out views.

    All are NumPy arrays of its own.

    Raises:
        NotResetError, ClosedError: The environments are not reset, or are closed.
    """

    def __init__(self, venv: Any, rollout: Rollout, weights: np.ndarray, words: np.ndarray) -> None:
        self._layers: list[Layer] = []  # the innermost first
        while isinstance(venv, Layer):
            self._layers.insert(0, venv)
            venv = venv.venv
        self._rows: Rows = venv
        self._session = self._rows.session
        self._session.require("learn")
        self._rows.take_back()
        self.first = self._rows.observed()
        self._before = self._session.moment()
        kept: Kept = to_numpy(self._session.play(rollout, weights, words))
        self._after = self._session.moment()
        observation = {name: np.array(seen) for name, seen in kept.now.observation.items()}
        reward = np.array(kept.now.reward)
        self._now = kept.now._replace(observation=observation, reward=reward)
        self._ends, self._taken = kept.ends, kept.taken
        self.acted = Acted(*map(np.array, kept.acted))
        self.rewards = reward.reshape(len(self), -1)

    def __len__(self) -> int:
        return len(self._now.reward)

    def told(self) -> Iterator[Told]:
        """What `step_wait` would have returned, step by step."""
        leaves, last = jax.tree.leaves(self._now), jax.tree.leaves(self._ends)
        now: Any = jax.tree.structure(self._now)
        ends: Any = jax.tree.structure(self._ends)
        for step, shown in enumerate(map(now.unflatten, zip(*leaves, strict=True))):

            def at_end(step: int = step) -> EndFields:
                found: EndFields = ends.unflatten([leaf[step] for leaf in last])
                return found

            told = self._rows.tell(shown, at_end)
            for layer in self._layers:
                layer.note(*told[2:])
            yield told

    def stop(self, steps: int) -> None:
        """Be where so many steps have led to, unless somebody has moved the environment since."""
        now = self._session.moment()
        if now.get("_arrays") is not self._after["_arrays"]:
            return
        self._session.go_back(self._before)
        for step in range(steps):
            self._session.step({name: taken[step] for name, taken in self._taken.items()})
        self._session.go_back({**now, "_arrays": self._session.moment()["_arrays"]})


def _observed(spec: Spec, shown: Transition) -> jax.Array:
    """By row, (rows, *observation shape); zeros for agents that have ended."""
    parts = [shown.timestep.observation[group.name] for group in spec.groups]
    whole = parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=1)
    if spec.num_agents > 1:
        acting = shown.acting.reshape(shown.acting.shape + (1,) * (whole.ndim - 2))
        whole = jnp.where(acting, whole, jnp.zeros((), whole.dtype))
    return whole.reshape(-1, *whole.shape[2:])


def _by_group(spec: Spec, action: jax.Array) -> dict[str, jax.Array]:
    """Actions (rows, *action shape), clipped to their space, by group."""
    space = spec.groups[0].action
    if isinstance(space, Box):
        low, high = space.bounds
        action = jnp.clip(action, low[None], high[None])
    return spec.by_group(action.reshape(-1, spec.num_agents, *space.shape), axis=1)
