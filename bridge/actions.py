"""Actions from outside, checked before anything is stepped, in the dtype that the rules expect.

| action space              | taken                                | refused                      |
| ------------------------- | ------------------------------------ | ---------------------------- |
| `Discrete`, `MultiDiscrete` | integers in range                  | floats, also whole ones      |
| `MultiBinary`             | flags; 0 and 1, as floats too        | other numbers                |
| `Box` of floats           | numbers, clipped to the bounds       | NaN, infinity; what float32  |
|                           |                                      | cannot hold and no bound cuts |
| `Box` of integers         | whole numbers, clipped to the bounds | fractions                    |

That holds in every adapter, whatever the numbers come in: Python's numbers, lists, arrays of NumPy
and JAX of any dtype and byte order, tensors of torch on any device and with a gradient, bfloat16
and its like, arrays of Python's numbers. `True` and `False` are 1 and 0 wherever a number is
expected. An array has the very shape that the interface asks for: one number in a list is none.

What is returned is always new: callers may use their arrays again while the device works.
"""

import dataclasses
import math
import numbers
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

import jax.numpy as jnp
import numpy as np

from native.core import Environment, Group
from native.spaces import Box, Discrete, Flat, MultiBinary, MultiDiscrete

from .errors import ActionError
from .wording import brief, listed, nearest

Where: TypeAlias = Callable[[int, int], str]  # words for a world and an agent of the group

INTEGERS = frozenset({int, bool, np.int64, np.int32})  # types to compare and count with as they are

_NUMBERS = "biuf"  # kinds of dtypes
_PLAIN = {np.ndarray, list, tuple, float, np.bool_, np.float32, np.float64, *INTEGERS}


def as_array(values: Any, whose: str) -> np.ndarray:
    """`values` as an array in the machine's byte order; a view of the caller's where it is one.

    Args:
        values: Anything.
        whose: For the message, as in "the action of 'agent_0'".

    Raises:
        ActionError: No array can be made of it, or some of it is masked.
    """
    array = values if type(values) is np.ndarray else _converted(values, whose)
    dtype = array.dtype
    if not dtype.isnative:
        return array.astype(dtype.newbyteorder("="))
    if dtype.kind == "V" and jnp.issubdtype(dtype, np.floating):  # bfloat16, float8
        return array.astype(np.float32)
    if dtype.kind == "V" and jnp.issubdtype(dtype, np.integer):  # int4
        return array.astype(np.int32)
    return array


def checked(group: Group, values: Any, num_envs: int) -> np.ndarray:
    """`values` as a new array (num_envs, agents of the group, *space shape) of the native dtype.

    Raises:
        ActionError: Wrong shape or type, not a number, or out of range; the message names the
            agent, the value and what would be right.
    """
    whose = f"the actions of {listed([repr(agent) for agent in group.agents])}"
    array = as_array(values, whose)
    check_shape(
        array,
        (num_envs, len(group.agents), *group.action.shape),
        group.action,
        whose,
        ": (environments, agents, *action shape)",
    )
    return fitted(group, array)


def stacked(group: Group, values: Sequence[Any], num_worlds: int | None = None) -> np.ndarray:
    """Actions as a new array (worlds, agents of the group, ...) from an entry for each agent.

    Args:
        group: The group.
        values: For each of its agents (worlds, *action shape).
        num_worlds: None: there is one world, and `values` have no axis for it.

    Raises:
        ActionError: As `checked`.
    """
    space = group.action
    shape = space.shape if num_worlds is None else (num_worlds, *space.shape)
    joint = _together(values)
    exact = joint is not None and (joint.dtype.kind != "f" or isinstance(space, Box))
    if joint is not None and exact and joint.shape[1:] == shape:
        return fitted(group, joint[None] if num_worlds is None else joint.swapaxes(0, 1))
    axes = "" if num_worlds is None else ": (environments, *action shape)"
    alone = []  # one by one, because they are of different kinds, or one of them is to blame
    for agent, value in zip(group.agents, values, strict=True):
        whose = f"the action of {agent!r}"
        array = as_array(value, whose)
        check_shape(array, shape, space, whose, axes)
        array = array[None, None] if num_worlds is None else array[:, None]
        alone.append(fitted(dataclasses.replace(group, agents=(agent,)), array))
    return np.concatenate(alone, axis=1)


def fitted(group: Group, joint: np.ndarray, where: Where | None = None) -> np.ndarray:
    """A new array of the native dtype, of actions (worlds, agents of the group, ...).

    Args:
        group: The group.
        joint: Of `as_array`, and of the right shape.
        where: Says in a message which of the worlds or rows it is; None: its number, if there are
            several.

    Raises:
        ActionError: It is no number, or out of range.
    """
    space = group.action
    if where is None:
        where = _in_a_batch if joint.shape[0] > 1 else _alone
    match space:
        case Discrete(n=n):
            _check_integers(group, joint, np.asarray(n), where)
        case MultiDiscrete(nvec=nvec):
            _check_integers(group, joint, np.asarray(nvec), where)
        case MultiBinary():
            joint = _check_flags(group, joint, where)
        case Box():
            return _clipped(group, joint, space, where)
    return joint.astype(space.dtype)


def check_shape(
    array: np.ndarray, shape: tuple[int, ...], space: Flat, whose: str, axes: str = ""
) -> None:
    """Raise unless an array of actions has a shape.

    Args:
        array: Of `as_array`.
        shape: What is right.
        space: Of one action.
        whose: As for `as_array`.
        axes: What the axes of `shape` are, for the message.

    Raises:
        ActionError: The message tells the way from one shape to the other, if there is one.
    """
    if array.shape == shape:
        return
    got, fix = brief(array.tolist()), ""
    if array.ndim or array.dtype.kind in _NUMBERS:
        got = f"shape {array.shape}, {got}"
        if array.size == math.prod(shape):
            fix = f" Reshape it, as with numpy.reshape(action, {shape})."
    raise ActionError(
        f"Expected shape {shape}{axes}, as {whose}, got {got}.{fix} "
        f"The action space is {brief(space)}."
    )


def check_names(actions: Any, known: Collection[str], acting: Collection[str]) -> None:
    """Raise unless `actions` has an entry for all who act and for nobody unknown.

    Raises:
        ActionError: The message names the agent.
    """
    if not isinstance(actions, Mapping):
        raise ActionError(f"expected a dict from agent to action, got {brief(actions)}.")
    for agent in acting:
        if agent not in actions:
            strangers = [name for name in actions if name not in known]
            alike = nearest(agent, strangers)
            hint = f" There is one for {alike!r}, which is no agent." if alike else ""
            raise ActionError(f"No action for {agent!r}.{hint} Acting: {listed(acting)}.")
    if len(actions) > len(acting):  # else those who act are all
        for agent in actions.keys() - known:
            alike = nearest(agent, known)
            hint = f"Did you mean {alike!r}?" if alike else f"There are: {listed(known)}."
            raise ActionError(f"No agent is called {brief(agent)}. {hint}")


def mask_size(env: Environment[Any, Any], group: Group) -> int:
    """How long the mask of an action of this group is; 0: there is none."""
    return group.action.n if env.spec.masks and isinstance(group.action, Discrete) else 0


def _together(values: Sequence[Any]) -> np.ndarray | None:
    """One array of all `values`, if they are plain and go together."""
    if not _PLAIN.issuperset(map(type, values)):
        return None
    try:
        joint = np.array(values)
    except Exception:  # ragged, or of something that is no number: who is to blame is found later
        return None
    return joint if joint.dtype.kind in _NUMBERS and joint.dtype.isnative else None


def _converted(values: Any, whose: str) -> np.ndarray:
    """What is no plain array as one."""
    if isinstance(values, np.ma.MaskedArray):
        if np.ma.is_masked(values):
            raise ActionError(
                f"Some entries of {whose} are masked: {brief(values)}. Fill them, as with filled()."
            )
        return np.asarray(values.data)
    parts = isinstance(values, (list, tuple))
    try:
        try:
            array = np.asarray(values if parts else _on_the_host(values))
        except Exception:  # there may be tensors in it that NumPy cannot read
            if not parts:
                raise
            array = np.asarray([_on_the_host(part) for part in values])
        # NumPy has no integer type that holds int64 and uint64, and makes floats of both.
        mixed = parts and array.dtype.kind == "f" and _are_integers(values)
        return np.array(values, object) if mixed else array
    except Exception as error:  # whatever an object raises that is asked for its value
        why = "ragged" if parts and isinstance(error, ValueError) else type(error).__name__
        raise ActionError(
            f"Cannot read {whose} as an array ({why}): {brief(values)}. Give numbers, all actions "
            "of the same shape."
        ) from error


def _on_the_host(value: Any) -> Any:
    """A torch tensor as an array; anything else as it is."""
    if not hasattr(value, "detach"):
        return value
    try:
        return value.numpy(force=True)
    except TypeError:  # bfloat16, of which NumPy knows nothing
        if not value.is_floating_point():
            raise
        return value.float().numpy(force=True)


def _are_integers(values: Any) -> bool:
    if isinstance(values, (list, tuple)):
        return all(map(_are_integers, values))
    if isinstance(values, np.ndarray):
        return values.dtype.kind in "biu"
    return isinstance(values, numbers.Integral)


def _check_integers(group: Group, array: np.ndarray, n: np.ndarray, where: Where) -> None:
    kind = array.dtype.kind
    if kind not in "biu":
        wrong = None
        if kind == "f" and not (whole := array == np.trunc(array)).all():
            wrong = ~whole
        if kind == "O":
            wrong = _each(array, lambda value: not isinstance(value, (numbers.Integral, np.bool_)))
        if wrong is None or wrong.any():
            _refuse(group, array, wrong, f"is no integer (dtype {array.dtype})", where)
    # As unsigned, what is negative is too large.
    if kind == "O" or (array.view(f"u{array.itemsize}") >= n).any():
        wrong = (array < 0) | (array >= n)
        if wrong.any():
            allowed = np.broadcast_to(n - 1, array.shape)[_first(wrong)]
            _refuse(group, array, wrong, f"is outside 0 ... {allowed}", where)


def _check_flags(group: Group, array: np.ndarray, where: Where) -> np.ndarray:
    """Stable-Baselines3's Bernoulli distribution draws flags as floats."""
    if array.dtype.kind == "f":
        wrong = (array != 0) & (array != 1)
        if wrong.any():
            _refuse(group, array, wrong, "is neither 0 nor 1", where)
    else:
        _check_integers(group, array, np.asarray(2), where)
    return array


def _clipped(group: Group, array: np.ndarray, space: Box, where: Where) -> np.ndarray:
    if array.dtype.kind == "O":
        array = _reals(group, array, where)
    if array.dtype.kind not in _NUMBERS:
        _refuse(group, array, None, f"is no real number (dtype {array.dtype})", where)
    low, high = space.bounds
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            _refuse(group, array, ~np.isfinite(array), "is not finite", where)
        if low.dtype.kind != "f" and (array != np.trunc(array)).any():
            _refuse(group, array, array != np.trunc(array), "is no whole number", where)
    inside: np.ndarray = np.clip(array, low, high)
    if inside.dtype == low.dtype or space.is_bounded:
        return inside.astype(low.dtype, copy=False)
    with np.errstate(over="ignore"):
        cast = inside.astype(low.dtype)
    if not np.isfinite(cast).all():
        why = f"is beyond {np.finfo(cast.dtype).max:.3g}, the largest {space.dtype}"
        _refuse(group, array, ~np.isfinite(cast), why, where)
    return cast


def _reals(group: Group, array: np.ndarray, where: Where) -> np.ndarray:
    """An array of Python's numbers as one of float64."""
    wrong = _each(array, lambda value: not isinstance(value, (numbers.Real, np.bool_)))
    if wrong.any():
        _refuse(group, array, wrong, "is no real number", where)
    try:
        reals: np.ndarray = array.astype(np.float64)
    except OverflowError:
        wrong = _each(array, lambda value: abs(value) > sys.float_info.max)
        _refuse(group, array, wrong, "is beyond the largest float", where)
    return reals


def _each(array: np.ndarray, is_wrong: Callable[[Any], bool]) -> np.ndarray:
    return np.array([is_wrong(value) for value in array.flat], bool).reshape(array.shape)


def _first(wrong: np.ndarray) -> tuple[int, ...]:
    return tuple(map(int, np.argwhere(wrong)[0]))


def _refuse(
    group: Group, array: np.ndarray, wrong: np.ndarray | None, why: str, where: Where
) -> NoReturn:
    """Raise for the first that is `wrong`; None: the first of all."""
    place = (0,) * array.ndim if wrong is None else _first(wrong)
    world, agent, *rest = place
    value = array[place]
    part = f" at {rest}" if rest else ""
    raise ActionError(
        f"The action of {group.agents[agent]!r}{where(world, agent)}{part} {why}: "
        f"{brief(value.item() if isinstance(value, np.generic) else value)}. "
        f"The action space is {brief(group.action)}."
    )


def _in_a_batch(world: int, agent: int) -> str:
    del agent
    return f" of environment {world}"


def _alone(world: int, agent: int) -> str:
    del world, agent
    return ""
