"""Checks that play nothing: rules, spec, and the shapes that `init` and `step` say they return."""

import functools
import pickle
from typing import cast, get_args

import jax
import jax.numpy as jnp

from native.abilities import check_declared
from native.core import Environment, Renders, Timestep
from native.prng import is_key
from native.rules import RuleError
from native.spaces import Flat, Space

from .episodes import (
    AnyEnvironment,
    ContractError,
    demand,
    demand_hashable,
    demand_same_structure,
    first_two,
    fixed_key,
    leaf_name,
    parts,
)

DTYPES = ("float32", "int32", "uint32", "int8", "uint8", "bool")


def check_rules(env: AnyEnvironment) -> None:
    """Rules are frozen, hashable, equal by value, and pickle."""
    demand(
        isinstance(env, Environment),
        f"{env!r} is no Environment: it needs spec, params, init and step.",
    )
    demand_hashable(env)
    try:
        twin = pickle.loads(pickle.dumps(env))
    except Exception as error:
        raise ContractError(
            f"{env!r} cannot be pickled ({error}). Define its class at the top level of a module, "
            "and hold only values in its fields."
        ) from error
    demand(
        twin == env and hash(twin) == hash(env),
        f"{env!r} does not equal a copy of itself. Make it a dataclass with frozen=True.",
    )
    before = hash(env)
    jax.eval_shape(functools.partial(first_two, env))
    demand(
        twin == env and hash(env) == before,
        f"{env!r} changes when it is used. Everything that changes belongs in its state.",
    )


def check_spec(env: AnyEnvironment) -> None:
    """The spec is hashable, equal at every access, and its names and spaces are usable."""
    try:
        spec = env.spec
    except RuleError as error:
        raise ContractError(f"spec cannot be made: {error}") from error
    demand(spec == env.spec, "spec differs from one access to the next.")
    try:
        hash(spec)
    except TypeError as error:
        raise ContractError(f"spec is not hashable: {error}. Use tuples, not lists.") from error
    demand(bool(spec.groups), "spec has no groups; an environment has at least one agent.")
    for group in spec.groups:
        demand(bool(group.agents), f"group {group.name!r} has no agents.")
        demand(
            isinstance(group.action, get_args(Flat)),
            f"group {group.name!r} acts in {group.action!r}; expected Box, Discrete, "
            "MultiDiscrete or MultiBinary.",
        )
        demand(
            isinstance(group.observation, get_args(Space)),
            f"group {group.name!r} observes {group.observation!r}, which is no native space.",
        )
    try:
        check_declared(env)
    except RuleError as error:
        raise ContractError(str(error)) from error


def check_shapes(env: AnyEnvironment) -> None:
    """One row per agent, in the shapes and dtypes of the spaces."""
    spec = env.spec
    _, timestep = jax.eval_shape(env.init, fixed_key(), env.params)
    demand(
        isinstance(timestep, Timestep), f"init returns {type(timestep).__name__}, not a Timestep."
    )
    for name, dtype in (("reward", "float32"), ("terminated", "bool"), ("truncated", "bool")):
        leaf = getattr(timestep, name)
        demand(
            (leaf.shape, str(leaf.dtype)) == ((spec.num_agents,), dtype),
            f"{name} is {leaf.dtype}{list(leaf.shape)}; expected {dtype}[{spec.num_agents}], "
            "one row per agent.",
        )
    names = [group.name for group in spec.groups]
    demand(
        sorted(timestep.observation) == sorted(names),
        f"observation has the groups {sorted(timestep.observation)}, spec has {sorted(names)}.",
    )
    for group in spec.groups:
        where = f"observation of {group.name!r}"
        for name, space, leaf in parts(where, group.observation, timestep.observation[group.name]):
            expected = (len(group.agents), *space.shape)
            demand(
                (leaf.shape, str(leaf.dtype)) == (expected, space.dtype),
                f"{name} is {leaf.dtype}{list(leaf.shape)}; expected {space.dtype}"
                f"{list(expected)}: (agents of the group, *shape of the space).",
            )


def check_init_and_step_agree(env: AnyEnvironment) -> None:
    """`step` returns the very shapes and dtypes that `init` returns; none is weak or 64 bits."""
    first, second = jax.eval_shape(functools.partial(first_two, env))
    demand_same_structure("step", first, second)
    leaves = jax.tree_util.tree_leaves_with_path
    for path, leaf in [*leaves(first), *leaves(second)]:
        name = leaf_name(path)
        demand(
            str(leaf.dtype) in DTYPES,
            f"{name} has dtype {leaf.dtype}; expected one of {', '.join(DTYPES)}."
            + " Adapters take random keys; what is checked keeps their key_data." * is_key(leaf),
        )
        demand(
            not leaf.weak_type,
            f"{name} is weakly typed: it comes from a Python number. "
            "Say its dtype: jnp.float32(...), or astype.",
        )


def check_params(env: AnyEnvironment) -> None:
    """Parameters may be traced, so that they can be vmapped and differentiated."""
    expected = jax.eval_shape(functools.partial(first_two, env))
    traced = jax.tree.map(jnp.asarray, env.params)
    try:
        found = jax.eval_shape(functools.partial(first_two, env), traced)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
        raise ContractError(
            f"params cannot be traced: {str(error).splitlines()[0]} What decides shapes or "
            "branches is a rule (a field of the environment), not a parameter."
        ) from error
    demand_same_structure("step with params as arrays", expected, found)


def check_render(env: AnyEnvironment) -> None:
    """Where there is a picture, it is uint8 (height, width, 3)."""
    if env.spec.render_fps is None:
        return
    state, _ = jax.eval_shape(env.init, fixed_key(), env.params)
    picture = jax.eval_shape(cast(Renders, env).render, state, env.params)
    demand(
        str(picture.dtype) == "uint8" and len(picture.shape) == 3 and picture.shape[2] == 3,
        f"render gives {picture.dtype}{list(picture.shape)}; expected uint8[height, width, 3].",
    )
