"""A whole vector environment that Python or C++ steps, such as EnvPool's, as one native batch.

| theirs                              | native                                                     |
| ----------------------------------- | ---------------------------------------------------------- |
| row i                               | row i of a `Batch`; one group "agent" of one agent         |
| `reset(seed)`                       | `Batch.init`, with the seeds of the rows                   |
| `step`                              | `Batch.step`: one call of the host for all rows            |
| NEXT_STEP                           | NEXT_STEP, SAME_STEP and DISABLED                          |
| SAME_STEP                           | SAME_STEP and DISABLED                                     |
| DISABLED                            | SAME_STEP and DISABLED                                     |
| `info["final_obs"]`                 | `Transition.final`                                         |
| what the reset of NEXT_STEP pays    | left out: the reward of that step is 0                     |
| spaces                              | see `gymnasium_spaces`                                     |
| `info`, `render`                    | none                                                       |

NEXT_STEP is shown as SAME_STEP where some rows can be reset alone, see `host_vec_kinds`. With
DISABLED a row that is over shows zeros until `Batch.reset`; theirs may go on behind that, since all
rows step or none does.

**Order.** The calls are `jax.pure_callback`s: those of JAX that are ordered cannot be vmapped. What
orders them is the ticket in the carry, see `host_vec_calls`, so every carry can be stepped once,
and a branch on a condition that differs among the sets of a `jax.vmap` may not step. An exception
in a call ends the program with an error of JAX's that contains its message; adapters raise the
exception itself.

**Seeds.** Under `jax.vmap` the sets share the rows in turn: with 64 rows and 8 sets, set s has rows
8 s to 8 s + 7. Later episodes of a row go on from its own random numbers.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from bridge.errors import MissingExtraError, UnsuitableError
from native.batch import Autoreset, Batch, Carry, Transition
from native.core import Group, Spec, Timestep, restart, transition

from .gymnasium_spaces import action_space, observation_space
from .host_vec_calls import Calls
from .host_vec_kinds import Kind, kind_of

try:
    import gymnasium.vector
except ImportError as error:
    raise MissingExtraError("bridge.sources.host_vec", "gymnasium", "gymnasium") from error

__all__ = ["HostVec", "from_host_vec"]


def from_host_vec(envs: Any) -> "HostVec":
    """A vector environment on the host, for a `Batch` and so for `collect` and every adapter.

    Args:
        envs: A `gymnasium.vector.VectorEnv`, such as EnvPool's or `ale_py`'s. It stays the
            caller's, to close when nothing plays it any more.

    Raises:
        UnsuitableError: It is none, or closed; its rows do not step together; it does not tell when
            it begins rows again; or it has a space without a native counterpart.
    """
    if not isinstance(envs, gymnasium.vector.VectorEnv):
        raise UnsuitableError(f"expected a gymnasium.vector.VectorEnv: {_instead(envs)}")
    inside = getattr(envs, "unwrapped", envs)
    if type(inside).__module__.startswith("bridge."):
        raise UnsuitableError(
            f"{type(inside).__name__} runs JAX, which may wait for the very call that it is in: "
            "take the environment that it was made of, which is native."
        )
    kind = kind_of(envs)
    if kind.closed:
        raise UnsuitableError(f"{type(envs).__name__} is closed: give from_host_vec a new one.")
    name = f"host/{kind.name}"
    seen = observation_space(envs.single_observation_space, name)
    acts = action_space(envs.single_action_space, name)
    group = Group("agent", ("agent_0",), seen, acts)
    return HostVec(kind, Spec(name, (group,), kind.time_limit))


class HostVec:
    """A vector environment on the host, equal to itself alone; make one with `from_host_vec`.

    Attributes:
        spec: Agents, spaces, and the time limit if theirs tells one.
        params: None.
        num_envs: How many rows it has.
        takes_seeds: Whether the seeds that `Batch.init` is given reach it.
    """

    params = ()

    def __init__(self, kind: Kind, spec: Spec) -> None:
        self.spec = spec
        self.num_envs = kind.num_envs
        self.takes_seeds = kind.takes_seeds
        self._kind = kind
        self._calls = calls = Calls(kind, spec.name)
        # Made once: outside of `jax.jit` every new function is compiled again.
        self._stepping = {mode: functools.partial(calls.step, mode) for mode in Autoreset}

    def init(self, key: jax.Array, params: Any) -> NoReturn:
        """Refused: no row of it begins alone.

        Raises:
            UnsuitableError: Always.
        """
        del key, params
        raise UnsuitableError(
            f"{self.spec.name} is {self.num_envs} environments that step together, none of them "
            "alone: play it as native.batch.Batch(env, autoreset), with no wrapper around it, or "
            "through an adapter of many worlds."
        )

    def step(self, key: jax.Array, state: Any, action: Any, params: Any) -> NoReturn:
        """Refused, as `init`.

        Raises:
            UnsuitableError: Always.
        """
        del state, action
        self.init(key, params)

    def check_batch(self, batch: Batch) -> None:
        """Raise unless a batch may be made of it.

        Raises:
            UnsuitableError: Theirs begins rows again at another time, or random bits are asked for.
        """
        own, wanted, name = self._kind.autoreset, batch.autoreset, self.spec.name
        if batch.rng != Batch.rng:
            raise UnsuitableError(
                f"{name} draws its own random numbers: leave out rng={batch.rng!r}."
            )
        if wanted is own or wanted is Autoreset.DISABLED:
            return
        if wanted is Autoreset.NEXT_STEP or not self._kind.by_mask:
            raise UnsuitableError(
                f"{name} begins rows again as {own.name} has it, which cannot be shown as "
                f"{wanted.name}. Make the vector environment with autoreset_mode="
                f"{wanted.value!r}, or ask for autoreset {own.name}."
            )

    @property
    def raised(self) -> BaseException | None:
        """What a call of the host raised last; JAX tells of it only as a text."""
        return self._calls.raised

    def init_rows(self, autoreset: Autoreset, seeds: jax.Array) -> tuple[Carry, Transition]:
        """Reset all rows.

        Args:
            autoreset: Of the batch.
            seeds: (rows,), or under `jax.vmap` rows / sets.

        Raises:
            UnsuitableError: So many rows cannot be all of them, or an equal share.
        """
        (rows,) = seeds.shape
        if rows == 0 or self.num_envs % rows:
            raise UnsuitableError(
                f"{self.spec.name} has {self.num_envs} rows, and {rows} seeds were given. Give one "
                "for each row; under jax.vmap over n sets num_envs / n for each set, where n "
                f"divides {self.num_envs}."
            )
        told = self._ask(self._calls.begin, rows, (), seeds)
        timestep = jax.vmap(lambda seen: restart(seen, 1))({"agent": told["observation"]})
        nothing = jnp.zeros(rows, jnp.int32)
        carry = Carry(
            state=told["ticket"],
            key=seeds[:, None],
            episode=nothing,
            tick=nothing,
            acting=jnp.ones((rows, 1), jnp.bool_),
            returns=jnp.zeros((rows, 1), jnp.float32),
        )
        over = jnp.zeros(rows, jnp.bool_)
        final = timestep.observation if autoreset is Autoreset.SAME_STEP else None
        return carry, _shown(carry, timestep, over, final)

    def reset_rows(
        self,
        carry: Carry,
        shown: Transition,
        seeds: jax.Array,
        seeded: jax.Array,
        mask: jax.Array,
    ) -> tuple[Carry, Transition]:
        """Reset the rows of `mask`; see `Batch.reset`."""
        rows = len(mask)
        told = self._ask(self._calls.reset, rows, (), carry.state, seeds, seeded, mask)
        timestep = jax.vmap(lambda seen: restart(seen, 1))({"agent": told["observation"]})
        begun = Carry(
            state=told["ticket"],
            key=jnp.where(seeded[:, None], seeds[:, None], carry.key),
            episode=jnp.where(seeded, 0, carry.episode + 1),
            tick=jnp.zeros_like(carry.tick),
            acting=jnp.ones_like(carry.acting),
            returns=jnp.zeros_like(carry.returns),
        )
        final = None if shown.final is None else timestep.observation
        first = _shown(begun, timestep, jnp.zeros_like(mask), final)
        chosen: tuple[Carry, Transition] = jax.tree.map(
            lambda new, old: _where(mask, new, old), (begun, first), (carry, shown)
        )
        return dataclasses.replace(chosen[0], state=told["ticket"]), chosen[1]

    def step_rows(
        self, autoreset: Autoreset, carry: Carry, action: Mapping[str, Any]
    ) -> tuple[Carry, Transition]:
        """Step all rows; see `Batch.step`."""
        same_step = autoreset is Autoreset.SAME_STEP
        more = ("reward", "terminated", "truncated", *(("final",) if same_step else ()))
        call, rows = self._stepping[autoreset], len(carry.tick)
        told = self._ask(call, rows, more, carry.state, action["agent"])
        timestep = jax.vmap(functools.partial(transition, self.spec))(
            acting=carry.acting,
            observation={"agent": told["observation"]},
            reward=told["reward"],
            terminated=told["terminated"],
            truncated=told["truncated"],
        )
        acted = carry.acting.any(axis=1)
        acting = carry.acting & ~(timestep.terminated | timestep.truncated)
        over = acted & ~acting.any(axis=1)
        begun = {
            Autoreset.NEXT_STEP: ~acted,
            Autoreset.SAME_STEP: over,
            Autoreset.DISABLED: jnp.zeros_like(over),
        }[autoreset]
        if autoreset is Autoreset.NEXT_STEP:
            timestep = dataclasses.replace(timestep, observation={"agent": told["observation"]})
        returns = carry.returns + timestep.reward
        ticks = carry.tick + acted.astype(jnp.int32)
        after = Carry(
            state=told["ticket"],
            key=carry.key,
            episode=carry.episode + begun.astype(jnp.int32),
            tick=jnp.where(begun, 0, ticks),
            acting=acting | begun[:, None],
            returns=jnp.where(begun[:, None], jnp.float32(0), returns),
        )
        shown = _shown(after, timestep, over, {"agent": told["final"]} if same_step else None)
        if same_step:
            shown = dataclasses.replace(shown, returns=returns, lengths=ticks)
        return after, shown

    def _ask(self, call: Any, rows: int, more: tuple[str, ...], *args: jax.Array) -> Any:
        """What a call of the host tells: ticket, observation, and `more`."""
        struct: Any = jax.ShapeDtypeStruct
        seen = _form(self.spec.groups[0].observation, rows)
        flag = struct((rows, 1), np.bool_)
        form = {
            "ticket": struct((rows,), np.int32),
            "observation": seen,
            "final": seen,
            "reward": struct((rows, 1), np.float32),
            "terminated": flag,
            "truncated": flag,
        }
        wanted = {name: form[name] for name in ("ticket", "observation", *more)}
        return jax.pure_callback(call, wanted, *args, vmap_method="broadcast_all")

    def __reduce__(self) -> NoReturn:
        raise UnsuitableError(
            f"{self.spec.name} is on the host and at one place at a time: it cannot be copied, "
            "pickled, saved or loaded. Make another one."
        )


def _shown(carry: Carry, timestep: Timestep, over: jax.Array, final: Any) -> Transition:
    return Transition(
        timestep=timestep,
        final=None if final is None else (final, {}),
        acting=carry.acting,
        over=over,
        returns=carry.returns,
        lengths=carry.tick,
        action_mask=None,
    )


def _form(space: Any, rows: int) -> Any:
    if hasattr(space, "parts"):
        return {name: _form(part, rows) for name, part in space.parts}
    struct: Any = jax.ShapeDtypeStruct
    return struct((rows, 1, *space.shape), space.dtype)


def _where(mask: jax.Array, new: jax.Array, old: jax.Array) -> jax.Array:
    return jnp.where(mask.reshape(mask.shape + (1,) * (old.ndim - 1)), new, old)


def _instead(given: Any) -> str:
    if callable(given):
        return (
            "give it the object, not what makes it: from_host_vec(make()) instead of "
            "from_host_vec(make)."
        )
    if isinstance(given, gymnasium.Env):
        return (
            f"{type(given).__name__} is one environment. Give it "
            "gymnasium.make_vec(id, num_envs=...), or bridge.sources.host.from_host what makes one."
        )
    if hasattr(given, "all_env_ids"):
        return 'make EnvPool\'s with env_type="gymnasium".'
    return f"got {type(given).__name__}."
