"""What Jumanji's actions and observations are natively: whose, and in which spaces."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bridge.errors import UnsuitableError
from native.spaces import Dict, Discrete, Flat, MultiDiscrete, Space

from .trees import named_parts, space_of

MASK = "action_mask"

# Class and part of observations that leave the bounds which Jumanji 1.1 declares.
_WRONG_BOUNDS = {("TSP", "position")}  # -1 before the first city


@dataclasses.dataclass(frozen=True)
class Choice:
    """How native actions become theirs; make one with `of`.

    Attributes:
        agents: How many choose.
        space: Of each.
        masked: Their action mask has a row of `space.n` for each agent, once it is reshaped.
        factors: One choice stands for several integers, each below its factor; (): it does not.
        least: Their action that a native 0 stands for, of their shape.
        dtype: Theirs.
    """

    agents: int
    space: Flat
    masked: bool
    factors: tuple[int, ...]
    least: np.ndarray
    dtype: Any

    @classmethod
    def of(cls, spec: Any, mask: tuple[int, ...] | None, team: int | None) -> "Choice":
        """That of an action spec.

        Args:
            spec: `action_spec`.
            mask: Shape of their action mask; None: there is none.
            team: How many agents they say there are; 1: one chooses for all; None: unknown.

        Raises:
            UnsuitableError: See `from_jumanji`.
        """
        if not hasattr(spec, "shape") or not hasattr(spec, "minimum"):
            raise UnsuitableError(f"actions must be one array with bounds, not {spec!r}.")
        shape, dtype = spec.shape, spec.dtype
        low, high = (np.broadcast_to(bound, shape) for bound in (spec.minimum, spec.maximum))
        rows = shape[0] if shape and team != 1 else 1
        if jnp.issubdtype(dtype, jnp.floating):
            agents = rows if rows == team else 1
            if agents > 1:
                _demand_alike(low, high)
                shape, low, high = shape[1:], low[0], high[0]
            space = space_of(np.zeros(shape, np.float32), low, high)
            return cls(agents, space, False, (), np.zeros((), np.float32), dtype)
        counts = tuple(int(n) for n in (high - low + 1).ravel())
        if not shape:
            return cls(1, Discrete(counts[0]), mask == counts, (), low, dtype)
        by_row = mask is not None and len(mask) == 2 and mask[0] == rows > 1
        if mask == counts and not (by_row and team):
            return cls(1, Discrete(math.prod(counts)), True, counts, low, dtype)
        if len(shape) == 1 and rows > 1 and (by_row or rows == team):
            _demand_alike(low, high)
            n = mask[1] if by_row and mask else counts[0]  # bounds may count one too many
            return cls(rows, Discrete(n), by_row, (), low, dtype)
        return cls(1, MultiDiscrete(counts), False, (), low, dtype)

    def theirs(self, actions: jax.Array, acting: jax.Array) -> jax.Array:
        """Native actions (agents, *space shape) as theirs. Who has ended does 0."""
        acts = acting.reshape((-1,) + (1,) * (actions.ndim - 1))
        chosen = jnp.where(acts, actions, jnp.zeros((), actions.dtype))
        if self.agents == 1:
            chosen = chosen[0]
        if self.factors:
            chosen = jnp.stack(jnp.unravel_index(chosen, self.factors))
        if not self.least.shape:
            return (chosen + self.least).astype(self.dtype)
        return (chosen.reshape(self.least.shape) + self.least).astype(self.dtype)


def _demand_alike(low: np.ndarray, high: np.ndarray) -> None:
    if (low != low[0]).any() or (high != high[0]).any():
        raise UnsuitableError(
            f"agents of one group need the same actions; theirs are {low.tolist()} to "
            f"{high.tolist()}. Pass central=True: one agent then chooses for all."
        )


def observation_space(
    kind: str, shown: Any, declared: Any, choice: Choice, horizon: int | None
) -> Dict:
    """What one agent observes.

    Args:
        kind: The name of their class.
        shown: Shapes and dtypes of their observation.
        declared: Their spec of it.
        choice: Of its actions.
        horizon: Their time limit.
    """
    parts: dict[str, Space] = {}
    for name, leaf in _parts(shown, choice).items():
        shape = leaf.shape[1:] if _is_own(name, leaf, choice) else leaf.shape
        wrong = (kind, name) in _WRONG_BOUNDS
        low, high = (None, None) if wrong else _bounds(declared, name, horizon)
        parts[name] = space_of(np.zeros(shape or (1,), leaf.dtype), low, high)
    if choice.agents > 1:
        parts["agent"] = Discrete(choice.agents)
    return Dict(parts)


def observed(shown: Any, space: Space, choice: Choice) -> dict[str, jax.Array]:
    """Their observation as that of each agent, every leaf (agents, *shape of its part).

    A number becomes an array of one: policies flatten what they observe.
    """
    spaces: Any = dict(space.parts) if isinstance(space, Dict) else {}
    seen: dict[str, jax.Array] = {}
    for name, leaf in _parts(jax.tree.map(jnp.atleast_1d, shown), choice).items():
        own = _is_own(name, leaf, choice)
        rows = leaf if own else jnp.broadcast_to(leaf, (choice.agents, *leaf.shape))
        part = spaces[name]
        seen[name] = rows.reshape(choice.agents, *part.shape).astype(part.dtype)
    if choice.agents > 1:
        seen["agent"] = jnp.arange(choice.agents, dtype=jnp.int32)
    return seen


def legal(shown: Any, choice: Choice, acting: jax.Array) -> jax.Array:
    """bool (agents, actions), all True for who has ended, and for who has no legal action."""
    if not choice.masked:
        return jnp.ones((choice.agents, 0), jnp.bool_)
    mask: jax.Array = getattr(shown, MASK).reshape(choice.agents, -1)
    return mask | ~mask.any(axis=-1, keepdims=True) | ~acting[:, None]


def _parts(shown: Any, choice: Choice) -> dict[str, Any]:
    found = named_parts(shown)
    parts = dict(found) if isinstance(found, Mapping) else {"observation": found}
    mask = parts.pop(MASK, None)
    if mask is not None and not choice.masked:
        parts["legal_actions"] = mask
    return parts


def _is_own(name: str, leaf: Any, choice: Choice) -> bool:
    """Whether this part has a row for each agent that the others do not see."""
    return choice.agents > 1 and "view" in name and leaf.shape[0] == choice.agents


def _bounds(declared: Any, name: str, horizon: int | None) -> tuple[Any, Any]:
    """Least and greatest value of a part; (None, None): unknown."""
    spec = declared
    for entry in (MASK if name == "legal_actions" else name).split("/"):
        spec = getattr(spec, entry, spec)
    if not hasattr(spec, "minimum"):
        return None, None
    low, high = np.asarray(spec.minimum).min(), np.asarray(spec.maximum).max()
    if horizon is not None and getattr(spec, "num_values", None) == horizon:
        high = high + 1  # a count of steps, which reaches the time limit
    return low, high
