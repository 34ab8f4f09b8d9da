"""RLlib, on Ray's new API stack: every name, for one machine or a cluster.

    config = rllib.configure(PPOConfig(), "simple_tag_v3")

sets everything that RLlib has to know of an environment: its name in Ray's registry, its rules, who
steps it, and for many agents a policy for each group. By hand it is

| of RLlib's config                                              | for                             |
| -------------------------------------------------------------- | ------------------------------- |
| `environment("native/NAME", env_config=rules)`                 | the name, known by `register`   |
| `env_runners(gym_env_vectorize_mode="vector_entry_point")`     | one agent: a batch of rows      |
| `env_runners(env_runner_cls=rllib.SingleAgentRunner)`          | one agent: played in arrays     |
| `env_runners(env_runner_cls=rllib.MultiAgentRunner)`           | many agents: a batch of worlds  |
| `multi_agent(**rllib.policies("NAME"))`                        | many agents: one policy a group |

How worlds, deaths, masks and endings are told is in `bridge.rllib_env` and `bridge.rllib_rows`, and
when a runner plays in arrays in `bridge.rllib_arrays`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from native import registry, rules
from native.prng import implementation

from .environments import Source, as_environment
from .errors import MissingExtraError, UnsuitableError
from .parameters import refuse_unknown
from .programs import Device
from .rules import as_ours
from .words import RLLIB, RLLIB_ONE

try:
    from ray.tune.registry import (  # type: ignore[import-not-found, import-untyped]
        register_env,
    )
except ImportError as error:
    raise MissingExtraError("bridge.rllib", "ray", "rllib") from error

from .rllib_env import MultiAgentBridge, MultiAgentVecBridge
from .rllib_policies import PolicyOf, policies
from .rllib_rows import RowsBridge
from .rllib_runner import MultiAgentRunner, SingleAgentRunner

__all__ = [
    "MultiAgentBridge",
    "MultiAgentRunner",
    "MultiAgentVecBridge",
    "PolicyOf",
    "RowsBridge",
    "SingleAgentRunner",
    "configure",
    "multi_agent_env",
    "multi_agent_vec_env",
    "policies",
    "register",
    "vec_env",
]

PREFIX = "native/"


def multi_agent_env(
    id_or_env: Source,
    *,
    render_mode: str | None = None,
    params: Any = None,
    rng: str = "pcg4d",
    **rules: Any,
) -> MultiAgentBridge:
    """One world as RLlib's `MultiAgentEnv`.

    A seed is given to `reset`; everything handed out is the caller's own; it is on one device. So
    `seed`, `copy` and `devices` are refused.

    Args:
        id_or_env: A registered name or a native environment.
        render_mode: "rgb_array" or None.
        params: Numbers of the dynamics by name, see `bridge.parameters`.
        rng: Generator of the random bits, see `native.prng`.
        **rules: Rules of the environment, by name.

    Raises:
        UnknownNameError, RulesError: See `bridge.environments.as_environment`.
        RenderError: No such render mode, or the environment has no picture.
    """
    env = as_environment(id_or_env, **RLLIB_ONE.ours(rules))
    return MultiAgentBridge(env, render_mode=render_mode, params=params, rng=rng)


def multi_agent_vec_env(
    id_or_env: Source,
    num_envs: int,
    *,
    render_mode: str | None = None,
    params: Any = None,
    devices: Sequence[Device] | None = None,
    rng: str = "pcg4d",
    **rules: Any,
) -> MultiAgentVecBridge:
    """`num_envs` worlds as RLlib's `VectorMultiAgentEnv`, which `MultiAgentRunner` steps.

    A seed is given to `reset`; everything handed out is the caller's own. So `seed` and `copy` are
    refused.

    Args:
        id_or_env: A registered name or a native environment.
        num_envs: How many worlds.
        render_mode: "rgb_array" or None.
        params: Numbers of the dynamics by name, for all worlds or one for each, see
            `bridge.parameters`.
        devices: Share the worlds among these.
        rng: Generator of the random bits, see `native.prng`.
        **rules: Rules of the environment, by name.

    Raises:
        UnknownNameError, RulesError: See `bridge.environments.as_environment`.
        RenderError: No such render mode, or the environment has no picture.
    """
    env = as_environment(id_or_env, **RLLIB.ours(rules))
    drawn: dict[str, Any] = {"render_mode": render_mode, "params": params}
    return MultiAgentVecBridge(env, num_envs, **drawn, devices=devices, rng=rng)


def vec_env(
    id_or_env: Source,
    num_envs: int,
    *,
    render_mode: str | None = None,
    params: Any = None,
    devices: Sequence[Device] | None = None,
    rng: str = "pcg4d",
    **rules: Any,
) -> RowsBridge:
    """`num_envs` worlds of one agent as the `VectorEnv` that RLlib's vector entry point makes.

    Arguments and errors are those of `multi_agent_vec_env`; `seed` and `copy` are refused.

    Raises:
        UnsuitableError: It has several agents.
    """
    env = as_environment(id_or_env, **RLLIB.ours(rules))
    drawn: dict[str, Any] = {"render_mode": render_mode, "params": params}
    return RowsBridge(env, num_envs, **drawn, devices=devices, rng=rng)


class _Creator:
    """What Ray calls to make an environment; it travels to processes that may not know the name."""

    def __init__(self, name: registry.Name) -> None:
        self._name = name

    def __call__(self, context: Mapping[str, Any]) -> Any:
        """Make it.

        Args:
            context: RLlib's `env_config`: rules by name, `params`, `rng`, `render_mode`; and
                "num_envs" where a batch is asked for.
        """
        name = self._name
        if not name.variant and name.id not in registry.names():
            about: Any = {word: getattr(name, word) for word in ("kind", "tags", "horizon")}
            registry.register(name.id, name.build, **about, family=name.family)
        options = dict(context)
        worlds = options.pop("num_envs", None)
        single = name.kind == "single"
        if worlds is not None:
            return (vec_env if single else multi_agent_vec_env)(name.id, worlds, **options)
        if single:
            raise UnsuitableError(
                f"{PREFIX}{name.id} is a batch: say config.env_runners(gym_env_vectorize_mode="
                '"vector_entry_point"), or rllib.configure(config, name), which says it.'
            )
        return multi_agent_env(name.id, **options)


def register() -> None:
    """Make every name known to Ray's registry as "native/NAME", also those registered later.

    With Ray running, its other processes and nodes know them too.
    """
    registry.follow(_register)


def _register(name: registry.Name) -> None:
    register_env(f"{PREFIX}{name.id}", _Creator(name))


def configure(config: Any, name: str, *, shared: bool = False, **env_config: Any) -> Any:
    """An RLlib config that plays an environment of ours; the same object.

    Args:
        config: An `AlgorithmConfig`, such as `PPOConfig()`.
        name: A registered name.
        shared: Many agents: one policy for all instead of one for each group.
        **env_config: Rules by name, `params`, `rng`, `render_mode`.

    Raises:
        UnknownNameError, RulesError: As `bridge.environments.as_environment`; there is no such
            parameter or generator.
        UnsuitableError: `name` is no name; `shared`, and groups have different spaces.
    """
    if not isinstance(name, str):
        raise UnsuitableError(
            f"RLlib makes environments by name, in every process, got {name!r}. Register yours "
            "with native.registry.register(name, Class), and give that name."
        )
    if isinstance(config, type) or not hasattr(config, "env_runners"):
        raise UnsuitableError(f"config must be an AlgorithmConfig, as PPOConfig(), got {config!r}.")
    own = dict(env_config)
    own.pop("render_mode", None)
    params = own.pop("params", None)
    with as_ours():
        implementation(own.pop("rng", "pcg4d"))
        rules.flag("shared", shared)
    env = as_environment(name, **own)
    if shared and env.spec.num_agents == 1:
        raise UnsuitableError(f"shared has no effect: {env.spec.name} has one agent. Leave it out.")
    if isinstance(params, Mapping):
        refuse_unknown(env, params)
    known = registry.name_of(name.removeprefix(PREFIX))
    _register(known)
    config.environment(f"{PREFIX}{known.id}", env_config=env_config)
    if env.spec.num_agents == 1:
        return config.env_runners(
            env_runner_cls=SingleAgentRunner, gym_env_vectorize_mode="vector_entry_point"
        )
    config.env_runners(env_runner_cls=MultiAgentRunner)
    return config.multi_agent(**policies(env, shared=shared))
