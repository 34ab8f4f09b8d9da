"""The contract as functions: call them on an environment of your own.

    from native.testing import check_environment

    def test_contract():
        check_environment(MyEnvironment())

Every check is also a function of its own, by name in `CHECKS`. A check that fails raises
`ContractError`, whose message says what is wrong, where, and what would be right; what the
environment itself raises is passed on. No check needs pytest.
"""

import dataclasses
import functools
import pickle
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, get_args

import jax
import jax.numpy as jnp
import numpy as np

from .core import Environment, HasGlobalState, Masks, Renders, Timestep
from .rollout import random_actions, rollout
from .spaces import Discrete, Flat, Space
from .trial import (
    EPISODES,
    AnyEnvironment,
    ContractError,
    demand,
    demand_hashable,
    demand_nobody,
    demand_same,
    demand_same_structure,
    episodes,
    first_two,
    fixed_key,
    inside,
    leaf_name,
    over_episodes,
    parts,
    play,
    with_x64,
)

__all__ = ["CHECKS", "ContractError", "check_environment"]

Check: TypeAlias = Callable[[AnyEnvironment], None]

DTYPES = ("float32", "int32", "uint32", "int8", "uint8", "bool")
FEW = 16  # steps after which the rounding of two programs must not have grown
SHORT = 3  # horizon of the environments on which the horizon itself is checked


def check_environment(env: AnyEnvironment) -> None:
    """Run every check; the first that fails raises.

    Raises:
        ContractError: The environment breaks the contract.
    """
    for check in CHECKS.values():
        check(env)


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
    spec = env.spec
    demand(spec == env.spec, "spec differs from one access to the next.")
    try:
        hash(spec)
    except TypeError as error:
        raise ContractError(f"spec is not hashable: {error}. Use tuples, not lists.") from error
    demand(bool(spec.groups), "spec has no groups; an environment has at least one agent.")
    for names, what in ((spec.agents, "agent"), ([g.name for g in spec.groups], "group")):
        demand(len(set(names)) == len(names), f"two {what}s share a name: {names}.")
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
    demand(
        spec.horizon is None or (type(spec.horizon) is int and spec.horizon > 0),
        f"horizon is {spec.horizon!r}; expected a positive int or None.",
    )
    demand(
        isinstance(env, HasGlobalState) == (spec.global_state is not None),
        "spec.global_state and the method global_state() come together or not at all.",
    )


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
            f"{name} has dtype {leaf.dtype}; expected one of {', '.join(DTYPES)}.",
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


def check_observations(env: AnyEnvironment) -> None:
    """Whatever an acting agent sees lies in its observation space."""
    trial = play(env)
    for group in env.spec.groups:
        acts = trial.before[:, :, env.spec.rows[group.name]]
        observed = trial.steps.observation[group.name]
        for name, space, leaf in parts("", group.observation, observed):
            bad = np.argwhere(~inside(space, leaf) & acts)
            if len(bad):
                episode, step, agent = map(int, bad[0])
                raise ContractError(
                    f"{group.agents[agent]!r} observes {name.strip() or 'a value'} outside "
                    f"{space!r} at step {step}: {leaf[episode, step, agent]!r}."
                )


def check_rewards(env: AnyEnvironment) -> None:
    """Rewards are finite."""
    demand_nobody(env, ~np.isfinite(play(env).steps.reward), "earns NaN or infinity")


def check_determinism(env: AnyEnvironment) -> None:
    """The same key and actions tell the same story, however often the environment is traced."""
    trial = play(env)
    again = episodes(env)(trial.keys, trial.actions)
    demand_same(
        "Played twice with the same keys and actions: {}. Draw from `key`, and from nothing else.",
        (trial.states, trial.steps),
        again,
        tolerance=0.0,
    )


def check_jit(env: AnyEnvironment) -> None:
    """`jax.jit` changes nothing."""
    trial = play(env)
    key = trial.keys[0]
    plain = env.init(jax.random.fold_in(key, 0), env.params)
    for step in range(3):
        demand_same(
            f"With and without jax.jit, step {step}: {{}}.",
            jax.tree.map(lambda leaf, t=step: leaf[0, t], (trial.states, trial.steps)),
            plain,
        )
        action = {name: leaf[0, step] for name, leaf in trial.actions.items()}
        plain = env.step(jax.random.fold_in(key, step + 1), plain[0], action, env.params)


def check_vmap(env: AnyEnvironment) -> None:
    """Episodes played together are the episodes played one by one."""
    trial = play(env)
    alone = jax.jit(lambda key, actions: rollout(env, key, actions))
    for episode in (0, EPISODES - 1):
        actions = {name: leaf[episode, :FEW] for name, leaf in trial.actions.items()}
        demand_same(
            "Under jax.vmap and alone: {}.",
            jax.tree.map(lambda leaf, e=episode: leaf[e, : FEW + 1], (trial.states, trial.steps)),
            alone(trial.keys[episode], actions),
        )


def check_x64(env: AnyEnvironment) -> None:
    """Nothing depends on `jax_enable_x64`."""
    trial = play(env)
    with with_x64():
        shapes = jax.eval_shape(functools.partial(first_two, env))
        two = {name: leaf[:, :2] for name, leaf in trial.actions.items()}
        found = episodes(env)(trial.keys, two)
    demand_same_structure(
        "init under jax_enable_x64", jax.eval_shape(functools.partial(first_two, env)), shapes
    )
    demand_same(
        "With and without jax_enable_x64: {}. Give every draw and every array its dtype.",
        jax.tree.map(lambda leaf: leaf[:, :3], (trial.states, trial.steps)),
        found,
    )


def check_endings(env: AnyEnvironment) -> None:
    """An agent ends at most once, and in one way; never in `init`."""
    steps = play(env).steps
    demand_nobody(env, steps.terminated & steps.truncated, "is both terminated and truncated")
    ended = steps.terminated | steps.truncated
    again = (np.cumsum(ended, axis=1) > 1) & ended
    demand_nobody(env, again, "ends again after it has ended; endings are events, true on one step")
    demand(not ended[:, 0].any(), "init shows an agent that has ended already.")


def check_ended_agents_are_silent(env: AnyEnvironment) -> None:
    """An agent that has ended observes zeros and earns 0."""
    trial = play(env)
    fix = "after it has ended; `native.core.transition` sees to that"
    demand_nobody(env, (trial.steps.reward != 0) & ~trial.before, f"earns a reward {fix}")
    for group in env.spec.groups:
        rows = env.spec.rows[group.name]
        shows = np.zeros_like(trial.before)
        for leaf in jax.tree.leaves(trial.steps.observation[group.name]):
            shows[:, :, rows] |= (leaf != 0).reshape(*leaf.shape[:3], -1).any(axis=-1)
        demand_nobody(env, shows & ~trial.before, f"observes something {fix}")


def check_ended_agents_cannot_act(env: AnyEnvironment) -> None:
    """Whatever an agent that has ended does, nobody sees or earns anything else.

    The state, too, is the same as long as anybody acts.
    """
    trial = play(env)
    count = trial.actions[env.spec.groups[0].name].shape[1]
    keys = jax.random.split(jax.random.fold_in(fixed_key(), 1), (EPISODES, count))
    draw = jax.vmap(jax.vmap(functools.partial(random_actions, env.spec)))
    other = jax.tree.map(np.asarray, jax.jit(draw)(keys))
    meddled: dict[str, np.ndarray] = {}
    for group in env.spec.groups:
        action = trial.actions[group.name]
        acts = trial.before[:, 1:, env.spec.rows[group.name]]
        acts = acts.reshape(acts.shape + (1,) * (action.ndim - acts.ndim))
        meddled[group.name] = np.where(acts, action, other[group.name])
    states, steps = trial.program(trial.keys, meddled)
    message = "When only agents that had ended acted otherwise: {}. Mask their actions."
    running = trial.before.any(axis=-1)
    then = functools.partial(jax.tree.map, lambda leaf: np.asarray(leaf)[running])
    demand_same(message, (then(trial.states), trial.steps), (then(states), steps), tolerance=0.0)


def check_horizon(env: AnyEnvironment) -> None:
    """At `horizon` every agent still acting is truncated, and nobody is at any other time."""
    envs: list[AnyEnvironment] = [env]
    if "horizon" in getattr(env, "__dataclass_fields__", {}):
        rules: Any = env
        envs.append(dataclasses.replace(rules, horizon=SHORT))
        demand(
            envs[1].spec.horizon == SHORT,
            f"with horizon={SHORT} the spec says {envs[1].spec.horizon}; give it self.horizon.",
        )
    for each in envs:
        steps, horizon = play(each).steps, each.spec.horizon
        wrong = steps.truncated.copy()
        if horizon is not None and horizon < wrong.shape[1]:
            wrong[:, horizon] = False
            ended = (steps.terminated | steps.truncated)[:, : horizon + 1].any(axis=1)
            demand(
                bool(ended.all()),
                f"somebody goes on after step {horizon}, which is the horizon: truncate it there.",
            )
        demand_nobody(
            each, wrong, f"is truncated though the horizon is {horizon}; the rules terminate"
        )


def check_action_mask(env: AnyEnvironment) -> None:
    """Where there are masks: their shape, something is legal, ended agents may do all."""
    if not isinstance(env, Masks):
        return
    state, _ = jax.eval_shape(env.init, fixed_key(), env.params)
    shapes = jax.eval_shape(env.action_mask, state, env.params)
    expected = {
        group.name: (len(group.agents), group.action.n)
        for group in env.spec.groups
        if isinstance(group.action, Discrete)
    }
    demand(
        sorted(shapes) == sorted(expected),
        f"action_mask has the groups {sorted(shapes)}; those with Discrete actions are "
        f"{sorted(expected)}.",
    )
    for name, shape in expected.items():
        demand(
            (shapes[name].shape, shapes[name].dtype) == (shape, np.bool_),
            f"action_mask of {name!r} is {shapes[name].dtype}{list(shapes[name].shape)}; expected "
            f"bool{list(shape)}: (agents of the group, actions).",
        )
    masks, ended = over_episodes(env.action_mask, env), ~play(env).after
    for name in expected:
        rows = env.spec.rows[name]
        for holds, what in (
            (masks[name].any(axis=-1), "has no legal action"),
            (masks[name].all(axis=-1) | ~ended[:, :, rows], "has ended; its mask is not all True"),
        ):
            bad = np.zeros_like(ended)
            bad[:, :, rows] = ~holds
            demand_nobody(env, bad, what)


def check_global_state(env: AnyEnvironment) -> None:
    """Where there is a global state, it lies in its space."""
    space = env.spec.global_state
    if not isinstance(env, HasGlobalState) or space is None:
        return
    values = over_episodes(env.global_state, env)
    for name, part, leaf in parts("global_state", space, values):
        demand(
            (leaf.shape[2:], str(leaf.dtype)) == (part.shape, part.dtype),
            f"{name} is {leaf.dtype}{list(leaf.shape[2:])}; expected "
            f"{part.dtype}{list(part.shape)}.",
        )
        bad = np.argwhere(~inside(part, leaf))
        if len(bad):
            value = leaf[tuple(bad[0])]
            raise ContractError(f"{name} leaves {part!r} at step {int(bad[0][1])}: {value!r}.")


def check_render(env: AnyEnvironment) -> None:
    """Where there is a picture, it is uint8 (height, width, 3)."""
    if not isinstance(env, Renders):
        return
    state, _ = jax.eval_shape(env.init, fixed_key(), env.params)
    picture = jax.eval_shape(env.render, state, env.params)
    demand(
        str(picture.dtype) == "uint8" and len(picture.shape) == 3 and picture.shape[2] == 3,
        f"render gives {picture.dtype}{list(picture.shape)}; expected uint8[height, width, 3].",
    )


CHECKS: Mapping[str, Check] = {
    "rules are frozen and equal by value": check_rules,
    "spec is usable": check_spec,
    "one row per agent": check_shapes,
    "init and step agree": check_init_and_step_agree,
    "params can be traced": check_params,
    "action masks": check_action_mask,
    "observations lie in their spaces": check_observations,
    "rewards are finite": check_rewards,
    "same key, same story": check_determinism,
    "jit changes nothing": check_jit,
    "vmap is a loop": check_vmap,
    "x64 changes nothing": check_x64,
    "agents end once and in one way": check_endings,
    "ended agents are silent": check_ended_agents_are_silent,
    "ended agents cannot act": check_ended_agents_cannot_act,
    "the horizon truncates": check_horizon,
    "global state": check_global_state,
    "picture": check_render,
}
