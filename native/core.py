"""The contract: an environment is frozen rules, a pytree of state and two pure functions."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, dataclass_transform, runtime_checkable

import jax
import jax.numpy as jnp

from . import rules
from .spaces import Flat, Space

T = TypeVar("T")
StateT = TypeVar("StateT")
ParamsT = TypeVar("ParamsT")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def pytree(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, keyword-only dataclass that JAX can look inside."""
    cls = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
    names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    return jax.tree_util.register_dataclass(cls, data_fields=names, meta_fields=[])


@dataclasses.dataclass(frozen=True)
class Group:
    """Agents that share one observation space and one action space (which is no `Dict`)."""

    name: str
    agents: tuple[str, ...]
    observation: Space
    action: Flat

    def zero_action(self) -> jax.Array:
        """Zeros in the form of an action, (agents, *action shape); it need not lie in the space."""
        return jnp.zeros((len(self.agents), *self.action.shape), self.action.dtype)


@dataclasses.dataclass(frozen=True)
class Spec:
    """What is known before the first step.

    The last five declare what an environment has beyond `Environment`. Each stands for a method:
    who declares one has the method, and who has the method declares it, see `native.abilities`.

    Attributes:
        name: The registered name, or any name for an environment written elsewhere.
        groups: The agents. A per-agent array has one row per agent in the order of the groups.
        horizon: Steps after which the agents still acting are truncated; None: never.
        global_state: Space of `global_state(state, params)`; None: there is none.
        masks: Not every discrete action is always legal; `action_mask` says which are.
        turns: One agent acts at a time; `current_agent` says which.
        render_fps: At how many steps a second the pictures of `render` are shown; None: there are
            none.
        exact_value: What a step pays hangs on its actions alone; `exact_value` is that, as a
            function with a gradient.

    Raises:
        RuleError: The horizon or the speed is neither None nor a positive integer below 2**31,
            `masks`, `turns` or `exact_value` is no bool, or two groups or two agents have the same
            name.
    """

    name: str
    groups: tuple[Group, ...]
    horizon: int | None = None
    global_state: Space | None = None
    masks: bool = False
    turns: bool = False
    render_fps: int | None = None
    exact_value: bool = False

    def __post_init__(self) -> None:
        rules.check(
            self,
            horizon=rules.time_limit,
            masks=rules.flag,
            turns=rules.flag,
            render_fps=rules.optional(rules.count()),
            exact_value=rules.flag,
        )
        for what, names in (("groups", [g.name for g in self.groups]), ("agents", self.agents)):
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise rules.RuleError(f"{self.name}: two {what} share the name {twice!r}.")

    @property
    def agents(self) -> tuple[str, ...]:
        """Every agent's name, in the order of the rows."""
        return tuple(agent for group in self.groups for agent in group.agents)

    @property
    def num_agents(self) -> int:
        """How many rows a per-agent array has."""
        return len(self.agents)

    @property
    def rows(self) -> dict[str, slice]:
        """Where each group stands in a per-agent array."""
        rows, start = {}, 0
        for group in self.groups:
            rows[group.name] = slice(start, start + len(group.agents))
            start += len(group.agents)
        return rows

    def by_group(self, array: Any, axis: int = -1) -> dict[str, Any]:
        """A per-agent array as group -> the rows of the group, such as rewards for each policy.

        Args:
            array: One row for each agent along `axis`.
            axis: Where the agents are: the last one in (rows, agents).
        """
        before = (slice(None),) * (axis % array.ndim)
        return {group: array[(*before, rows)] for group, rows in self.rows.items()}


@pytree
class Timestep:
    """What one step shows. A batch adds leading axes to every leaf.

    Attributes:
        observation: group -> pytree of arrays (agents of the group, *space shape).
        reward: float32 (agents,).
        terminated: bool (agents,), True on the one step on which the rules end that agent.
        truncated: bool (agents,), True on the one step on which time ends it; never both.
        info: name -> array; the same names, shapes and dtypes from `init` on.
    """

    observation: Mapping[str, Any]
    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    info: Mapping[str, jax.Array]


@runtime_checkable
class Environment(Protocol[StateT, ParamsT]):
    """Frozen, hashable rules. `init` and `step` are pure and describe one environment.

    An ended agent observes zeros, earns 0 and cannot change the world. The episode is over when
    every agent has ended. `step` never resets, batches, renders or logs.
    """

    @property
    def spec(self) -> Spec:
        """Agents, spaces and horizon."""
        ...

    @property
    def params(self) -> ParamsT:
        """Default numbers of the dynamics: a pytree, so that they can be vmapped."""
        ...

    def init(self, key: jax.Array, params: ParamsT) -> tuple[StateT, Timestep]:
        """Begin an episode."""
        ...

    def step(
        self, key: jax.Array, state: StateT, action: Mapping[str, Any], params: ParamsT
    ) -> tuple[StateT, Timestep]:
        """Advance by one step. `action`: group -> array (agents of the group, *space shape)."""
        ...


class Masks(Protocol):
    """An environment with `masks`: not every discrete action is always legal."""

    def action_mask(self, state: Any, params: Any) -> Mapping[str, jax.Array]:
        """Group -> bool (agents of the group, actions); True: legal. Ended agents: all True."""
        ...


class TakesTurns(Protocol):
    """One with `turns`: one agent acts at a time, and what the others choose changes nothing.

    Its timesteps show the same number as `info["current_agent"]`, also to those who see no state.
    """

    def current_agent(self, state: Any, params: Any) -> jax.Array:
        """Row of the agent whose action the next step reads: int32 (); of one that has not ended,
        while there is one.
        """
        ...


class HasGlobalState(Protocol):
    """One with a `global_state`: an array that describes the whole world, for central critics."""

    def global_state(self, state: Any, params: Any) -> jax.Array:
        """An element of `spec.global_state`."""
        ...


FRAMES_PER_SECOND = 30  # at which pictures are shown of what has no speed of its own


class Renders(Protocol):
    """One with a `render_fps`: it can be looked at."""

    def render(self, state: Any, params: Any) -> jax.Array:
        """A picture: uint8 (height, width, 3)."""
        ...


class HasExactValue(Protocol):
    """One with an `exact_value`: what a step pays hangs on its actions alone, not on chance."""

    def exact_value(self, action: Mapping[str, Any], params: Any) -> jax.Array:
        """What these actions, as `step` takes them, earn everybody: float32 (agents,).

        It is differentiable in the actions.
        """
        ...


def restart(
    observation: Mapping[str, Any],
    num_agents: int,
    info: Mapping[str, jax.Array] | None = None,
) -> Timestep:
    """The timestep of `init`: no reward, nobody ended."""
    nobody = jnp.zeros(num_agents, jnp.bool_)
    return Timestep(
        observation=observation,
        reward=jnp.zeros(num_agents, jnp.float32),
        terminated=nobody,
        truncated=nobody,
        info={} if info is None else info,
    )


def transition(
    spec: Spec,
    *,
    acting: jax.Array,
    observation: Mapping[str, Any],
    reward: jax.Array,
    terminated: jax.Array,
    truncated: jax.Array,
    info: Mapping[str, jax.Array] | None = None,
) -> Timestep:
    """The timestep of `step`, well-formed whatever the rules computed.

    Args:
        spec: The environment's spec.
        acting: bool (agents,), who had not ended before this step; everybody else shows zeros.
        observation: As in `Timestep`.
        reward: float32 (agents,).
        terminated: bool (agents,).
        truncated: bool (agents,); gives way where `terminated` holds as well.
        info: As in `Timestep`.
    """

    def seen(leaf: jax.Array, rows: slice) -> jax.Array:
        who = acting[rows].reshape((-1,) + (1,) * (leaf.ndim - 1))
        return jnp.where(who, leaf, jnp.zeros((), leaf.dtype))

    return Timestep(
        observation={
            group: jax.tree.map(lambda leaf, rows=rows: seen(leaf, rows), observation[group])
            for group, rows in spec.rows.items()
        },
        reward=jnp.where(acting, reward, jnp.float32(0)),
        terminated=acting & terminated,
        truncated=acting & truncated & ~terminated,
        info={} if info is None else info,
    )


def late(tick: jax.Array, horizon: int | None) -> jax.Array:
    """Whether the time limit truncates whoever still acts: bool ().

    Args:
        tick: int32 (), steps since `init`, this one included.
        horizon: The rule of that name; None: never.
    """
    return jnp.bool_(False) if horizon is None else tick >= horizon
