"""The forms in which JaxMARL environments give and take things, each by our names of the agents."""

import re
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from native.spaces import Discrete, Flat

from .physics import bare

EVERYBODY = "__all__"
WORLD = "world_state"
NEVER = 1 << 30  # a time limit that no episode reaches

# Classes that compare the step with `max_steps` before they count it, so that an episode is longer.
_COUNT_LATE = ("SimpleMPE", "SMAX")

# Parts of stacked observations, by class, that have the axis of agents last.
_AGENTS_LAST = {("InTheGrid", "inventory")}


def name_of(agent: Any) -> str:
    """Our name of an agent; STORM has integers."""
    return agent if isinstance(agent, str) else f"agent_{agent}"


def role_of(name: str) -> str:
    """What an agent's name says without its number."""
    return re.sub(r"_?\d+$", "", name) or "agent"


def by_agent(value: Any, env: Any) -> dict[str, Any]:
    """Name -> one agent's part of observations, rewards or masks."""
    agents = env.agents
    if isinstance(value, Mapping) and all(agent in value for agent in agents):
        return {name_of(agent): value[agent] for agent in agents}
    if not isinstance(value, Mapping):  # stacked, or in a list
        return {name_of(agent): value[i] for i, agent in enumerate(agents)}
    apart = {
        part: jnp.swapaxes(leaf, 0, -1) if (type(env).__name__, part) in _AGENTS_LAST else leaf
        for part, leaf in value.items()
    }
    return {
        name_of(agent): {part: leaf[i] for part, leaf in apart.items()}
        for i, agent in enumerate(agents)
    }


def ended(dones: Mapping[str, Any], env: Any) -> dict[str, jax.Array]:
    """Name -> bool (), whether an agent or the whole episode is done."""
    everybody = jnp.asarray(dones[EVERYBODY], jnp.bool_)
    names = map(name_of, env.agents)
    return {name: jnp.asarray(dones.get(name, False), jnp.bool_) | everybody for name in names}


def joint_action(actions: Mapping[str, jax.Array], env: Any) -> Any:
    """Actions by our names as `step_env` takes them: a dict, or a tuple if agents are integers."""
    if all(isinstance(agent, str) for agent in env.agents):
        return {agent: actions[agent] for agent in env.agents}
    return tuple(actions[name_of(agent)] for agent in env.agents)


def legal_actions(env: Any, state: Any, actions: Mapping[str, Flat]) -> dict[str, jax.Array]:
    """Name -> bool (n,) of agents with `Discrete` actions; empty if it does not say.

    Some answer for another number of actions than there are, or for continuous ones.
    """
    for method in ("get_avail_actions", "get_legal_moves"):
        if not hasattr(env, method):
            continue
        try:
            masks = by_agent(getattr(env, method)(state), env)
        except NotImplementedError:  # how JaxMARL's base class says that there are none
            continue
        choices = {name: space for name, space in actions.items() if isinstance(space, Discrete)}
        if choices and all(masks[name].shape == (space.n,) for name, space in choices.items()):
            return {name: masks[name].astype(jnp.bool_) for name in choices}
    return {}


def horizon_of(env: Any) -> int | None:
    """How many steps an episode has at most; None: there is no time limit, or it is a rule."""
    core = _core(env)
    if "max_steps" in vars(core):
        return int(core.max_steps) + _late(core)
    return bare(core.env, _BRAX)[1] if _is_brax(core) else None


def with_horizon(env: Any, horizon: int | None) -> Any:
    """A copy that ends after so many steps (None: never), and never resets itself."""
    changed = object.__new__(type(env))  # some answer `copy.copy` with an endless recursion
    vars(changed).update(vars(env))
    if _core(env) is not env:
        changed._env = with_horizon(env._env, horizon)
    elif "max_steps" in vars(env):
        changed.max_steps = NEVER if horizon is None else horizon - _late(env)
    elif _is_brax(env):
        changed.env = bare(env.env, _BRAX)[0]
    return changed


_BRAX = ("brax.envs.wrappers.training",)


def _core(env: Any) -> Any:
    """The environment that has the time limit: SMAX inside of one with enemies of its own."""
    return _core(env._env) if hasattr(vars(env).get("_env"), "step_env") else env


def _late(env: Any) -> int:
    return int(any(kind.__name__ in _COUNT_LATE for kind in type(env).__mro__))


def _is_brax(env: Any) -> bool:
    inner: object = vars(env).get("env")
    return any(kind.__module__.startswith("brax.") for kind in type(inner).__mro__)
