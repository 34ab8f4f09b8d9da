"""Checks of what happens in random episodes, see `native.testing.episodes`."""

import dataclasses
import functools
from typing import Any, cast

import jax
import numpy as np

from native.core import HasExactValue, HasGlobalState, Masks, TakesTurns
from native.rollout import rollout
from native.spaces import Box, Discrete

from .episodes import (
    EPISODES,
    AnyEnvironment,
    ContractError,
    demand,
    demand_nobody,
    demand_same,
    demand_same_structure,
    episodes,
    first_two,
    fixed_key,
    inside,
    jit_once,
    over_episodes,
    parts,
    play,
    rollouts,
    with_x64,
)

FEW = 16  # steps after which the rounding of two programs must not have grown
SHORT = 3  # horizon of the environments on which the horizon itself is checked


def check_action_mask(env: AnyEnvironment) -> None:
    """Where there are masks: their shape, something is legal, ended agents may do all."""
    if not env.spec.masks:
        return
    action_mask = cast(Masks, env).action_mask
    state, _ = jax.eval_shape(env.init, fixed_key(), env.params)
    shapes = jax.eval_shape(action_mask, state, env.params)
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
    masks, ended = over_episodes(action_mask, env), ~play(env).after
    for name in expected:
        rows = env.spec.rows[name]
        for holds, what in (
            (masks[name].any(axis=-1), "has no legal action"),
            (masks[name].all(axis=-1) | ~ended[:, :, rows], "has ended; its mask is not all True"),
        ):
            bad = np.zeros_like(ended)
            bad[:, :, rows] = ~holds
            demand_nobody(env, bad, what)


def check_observations(env: AnyEnvironment) -> None:
    """Whatever an acting agent sees lies in its observation space."""
    played = play(env)
    for group in env.spec.groups:
        acts = played.before[:, :, env.spec.rows[group.name]]
        observed = played.steps.observation[group.name]
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
    played = play(env)
    steps = played.before.shape[1] - 1
    _, *again = episodes(env, steps)(played.keys, False)
    demand_same(
        "Played twice with the same keys and actions: {}. Draw from `key`, and from nothing else.",
        (played.states, played.steps),
        tuple(again),
        tolerance=0.0,
    )


def check_jit(env: AnyEnvironment) -> None:
    """`jax.jit` changes nothing."""
    played = play(env)
    key = played.keys[0]
    first = env.init(jax.random.fold_in(key, 0), env.params)
    action = {name: leaf[0, 0] for name, leaf in played.actions.items()}
    after = env.step(jax.random.fold_in(key, 1), first[0], action, env.params)
    for step, plain in enumerate((first, after)):  # one by one every operation takes long
        demand_same(
            f"With and without jax.jit, step {step}: {{}}.",
            jax.tree.map(lambda leaf, t=step: leaf[0, t], (played.states, played.steps)),
            plain,
        )


def check_vmap(env: AnyEnvironment) -> None:
    """Episodes played together are the episodes played one by one."""
    played = play(env)
    alone = jit_once(lambda key, actions: rollout(env, key, actions))
    for episode in (0, EPISODES - 1):
        actions = {name: leaf[episode, :FEW] for name, leaf in played.actions.items()}
        demand_same(
            "Under jax.vmap and alone: {}.",
            jax.tree.map(lambda leaf, e=episode: leaf[e, : FEW + 1], (played.states, played.steps)),
            alone(played.keys[episode], actions),
        )


def check_x64(env: AnyEnvironment) -> None:
    """Nothing depends on `jax_enable_x64`."""
    played = play(env)
    with with_x64():
        shapes = jax.eval_shape(functools.partial(first_two, env))
        two = {name: leaf[:, :2] for name, leaf in played.actions.items()}
        found = rollouts(env)(played.keys, two)
    demand_same_structure(
        "init under jax_enable_x64", jax.eval_shape(functools.partial(first_two, env)), shapes
    )
    demand_same(
        "With and without jax_enable_x64: {}. Give every draw and every array its dtype.",
        jax.tree.map(lambda leaf: leaf[:, :3], (played.states, played.steps)),
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
    played = play(env)
    fix = "after it has ended; `native.core.transition` sees to that"
    demand_nobody(env, (played.steps.reward != 0) & ~played.before, f"earns a reward {fix}")
    for group in env.spec.groups:
        rows = env.spec.rows[group.name]
        shows = np.zeros_like(played.before)
        for leaf in jax.tree.leaves(played.steps.observation[group.name]):
            shows[:, :, rows] |= (leaf != 0).reshape(*leaf.shape[:3], -1).any(axis=-1)
        demand_nobody(env, shows & ~played.before, f"observes something {fix}")


def check_ended_agents_cannot_act(env: AnyEnvironment) -> None:
    """Whatever an agent that has ended does, nobody sees or earns anything else.

    The state, too, is the same as long as anybody acts.
    """
    played = play(env)
    _, states, steps = played.program(played.keys, True)
    message = "When only agents that had ended acted otherwise: {}. Mask their actions."
    running = played.before.any(axis=-1)
    then = functools.partial(jax.tree.map, lambda leaf: np.asarray(leaf)[running])
    demand_same(message, (then(played.states), played.steps), (then(states), steps), tolerance=0.0)


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


def check_turns(env: AnyEnvironment) -> None:
    """In a game of turns `current_agent` is an agent that has not ended; info shows it too."""
    if not env.spec.turns:
        return
    current_agent = cast(TakesTurns, env).current_agent
    state, shown = jax.eval_shape(env.init, fixed_key(), env.params)
    whose = jax.eval_shape(current_agent, state, env.params)
    demand(
        (whose.shape, str(whose.dtype)) == ((), "int32"),
        f"current_agent is {whose.dtype}{list(whose.shape)}; expected int32[].",
    )
    demand("current_agent" in shown.info, 'info has no "current_agent"; show it there as well.')
    played, turns = play(env), over_episodes(current_agent, env)
    there = (turns >= 0) & (turns < env.spec.num_agents)
    row = np.where(there, turns, 0)[..., None]
    acts = np.take_along_axis(played.after, row, axis=-1)[..., 0]
    running = played.after.any(axis=-1)
    for holds, what in (
        (there, f"is no row of {env.spec.num_agents} agents"),
        (acts | ~running, "is the row of an agent that has ended"),
        (turns == played.steps.info["current_agent"], 'is not what info["current_agent"] shows'),
    ):
        for episode, step in np.argwhere(~holds)[:1]:
            raise ContractError(
                f"current_agent is {turns[episode, step]} at step {step}, which {what}."
            )


def check_global_state(env: AnyEnvironment) -> None:
    """Where there is a global state, it lies in its space."""
    space = env.spec.global_state
    if space is None:
        return
    values = over_episodes(cast(HasGlobalState, env).global_state, env)
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


def check_exact_value(env: AnyEnvironment) -> None:
    """Where there is an exact value, it is what a step pays, and has a gradient."""
    if not env.spec.exact_value:
        return
    for group in env.spec.groups:
        numbers = isinstance(group.action, Box) and group.action.dtype == "float32"
        demand(numbers, f"exact_value needs actions of numbers; {group.name} has {group.action!r}.")

    def value(action: Any) -> jax.Array:
        return cast(HasExactValue, env).exact_value(action, env.params)

    played = play(env)
    shape = (env.spec.num_agents,)
    one = jax.eval_shape(value, jax.tree.map(lambda leaf: leaf[0, 0], played.actions))
    demand(
        (one.shape, str(one.dtype)) == (shape, "float32"),
        f"exact_value is {one.dtype}{list(one.shape)}; expected float32{list(shape)}.",
    )
    both = jax.vmap(jax.vmap(lambda action: (value(action), jax.jacobian(value)(action))))
    values, slopes = jax.tree.map(np.asarray, jit_once(both)(played.actions))
    paid = played.steps.reward[:, 1:]
    same = np.isclose(values, paid, rtol=1e-4, atol=1e-5) | ~played.before[:, 1:]
    for episode, step, agent in np.argwhere(~same)[:1]:
        raise ContractError(
            f"exact_value of {env.spec.agents[agent]} is {values[episode, step, agent]!r} at step "
            f"{step + 1}, which pays {paid[episode, step, agent]!r}."
        )
    for name, slope in slopes.items():
        demand(bool(np.isfinite(slope).all()), f"exact_value has no finite gradient in {name}.")
