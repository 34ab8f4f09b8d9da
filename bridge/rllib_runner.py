"""RLlib's env runners for batches of ours, see `bridge.rllib_arrays` for how they play."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import MissingExtraError, OptionError, UnsuitableError
from .rllib_arrays import PlaysInArrays, forward_of
from .rllib_env import MultiAgentVecBridge
from .rllib_episodes import Played
from .rllib_policies import PolicyOf
from .rllib_rows import RowsBridge

try:
    from ray.rllib.callbacks.utils import (  # type: ignore[import-not-found, import-untyped]
        make_callback,
    )
    from ray.rllib.core import DEFAULT_MODULE_ID  # type: ignore[import-not-found, import-untyped]
    from ray.rllib.core.columns import Columns  # type: ignore[import-not-found, import-untyped]
    from ray.rllib.core.rl_module.multi_rl_module import (  # type: ignore[import-not-found, import-untyped]
        MultiRLModule,
    )
    from ray.rllib.env.env_context import (  # type: ignore[import-not-found, import-untyped]
        EnvContext,
    )
    from ray.rllib.env.multi_agent_env_runner import (  # type: ignore[import-not-found, import-untyped]
        MultiAgentEnvRunner,
    )
    from ray.rllib.env.single_agent_env_runner import (  # type: ignore[import-not-found, import-untyped]
        SingleAgentEnvRunner,
    )
    from ray.rllib.utils import metrics  # type: ignore[import-not-found, import-untyped]
    from ray.tune.registry import (  # type: ignore[import-not-found, import-untyped]
        ENV_CREATOR,
        _global_registry,
    )
except ImportError as error:
    raise MissingExtraError("bridge.rllib", "ray", "rllib") from error


class SingleAgentRunner(PlaysInArrays, SingleAgentEnvRunner):  # type: ignore[misc]
    """RLlib's `SingleAgentEnvRunner` over a batch of rows."""

    def make_env(self) -> None:
        """Make the batch of `config.env`.

        Raises:
            OptionError: `env_config` says how many rows there are.
        """
        _refuse_rows(self.config)
        super().make_env()

    def _mapping(self) -> Mapping[str, str] | None:
        env = self.env.unwrapped
        if not isinstance(env, RowsBridge):
            return None
        return dict.fromkeys(env.agents, str(DEFAULT_MODULE_ID))

    def _module_of(self, policy: str) -> Any:
        del policy  # there is one
        return self.module

    def _forward(self, seen: Played, explore: bool, step: int) -> Played:
        (name,) = seen
        batch = {Columns.OBS: seen[name]}
        forward = forward_of(self.module, explore)
        return {name: dict(forward(batch, t=step) if explore else forward(batch))}

    def _count(self, slots: list[np.ndarray], ended: int) -> None:
        steps = int(sum(acted.sum() for acted in slots))
        self._log_env_steps(metric=self._metrics_num_env_steps_sampled, num_steps=steps)
        self._increase_sampled_metrics(steps, ended)


class MultiAgentRunner(PlaysInArrays, MultiAgentEnvRunner):  # type: ignore[misc]
    """RLlib's `MultiAgentEnvRunner` over a batch of worlds that one program steps."""

    def make_env(self) -> None:
        """Make the batch of `config.env`.

        Raises:
            UnsuitableError: That is no environment of ours.
            OptionError: `env_config` says how many worlds there are.
        """
        _refuse_rows(self.config)
        if self.env is not None:
            self.env.close()
        name, workers = self.config.env, self.config.num_env_runners
        context = EnvContext(
            self.config.env_config,
            worker_index=self.worker_index,
            num_workers=workers,
            remote=self.config.remote_worker_envs,
        )
        make = name
        if isinstance(name, str) and _global_registry.contains(ENV_CREATOR, name):
            make = _global_registry.get(ENV_CREATOR, name)
        made = None
        if callable(make):
            made = make({**context, "num_envs": self.config.num_envs_per_env_runner})
        if not isinstance(made, MultiAgentVecBridge):
            raise UnsuitableError(
                f"MultiAgentRunner steps batches of ours, and config.env is {name!r}: use "
                "rllib.configure(config, name), or RLlib's own MultiAgentEnvRunner."
            )
        self.env, self.num_envs = made, made.num_envs
        self._needs_initial_reset = True
        make_callback(
            "on_environment_created",
            callbacks_objects=self._callbacks,
            callbacks_functions=self.config.callbacks_on_environment_created,
            kwargs={
                "env_runner": self,
                "metrics_logger": self.metrics,
                "env": self.env.unwrapped,
                "env_context": context,
            },
        )

    def _mapping(self) -> Mapping[str, str] | None:
        policy = self.config.policy_mapping_fn
        if not isinstance(policy, PolicyOf) or {*policy} != {*self.env.possible_agents}:
            return None
        return policy

    def _module_of(self, policy: str) -> Any:
        return self.module[policy]

    def _forward(self, seen: Played, explore: bool, step: int) -> Played:
        batch = {name: {Columns.OBS: tree} for name, tree in seen.items()}
        when = {"t": step} if explore else {}
        if type(self.module) is MultiRLModule:
            said = {
                name: forward_of(self.module[name], explore)(part, **when)
                for name, part in batch.items()
            }
        elif explore:
            said = self.module.forward_exploration(batch, **when)
        else:
            said = self.module.forward_inference(batch)
        return {name: dict(outputs) for name, outputs in said.items()}

    def _count(self, slots: list[np.ndarray], ended: int) -> None:
        acted = np.stack(slots)
        steps, mapping = int(acted.any(axis=2).sum()), self._mapping() or {}
        self._log_env_steps(metric=self._metrics_num_env_steps_sampled, num_steps=steps)
        counts: dict[Any, int] = {metrics.NUM_ENV_STEPS_SAMPLED: steps}
        if ended:
            counts[metrics.NUM_EPISODES] = ended
        for agent, each in zip(
            self.env.possible_agents, acted.sum(axis=(0, 1)).tolist(), strict=True
        ):
            counts[metrics.NUM_AGENT_STEPS_SAMPLED, agent] = each
            key = metrics.NUM_MODULE_STEPS_SAMPLED, mapping[agent]
            counts[key] = counts.get(key, 0) + each
        for key, number in counts.items():
            first, *rest = key if isinstance(key, tuple) else (key,)
            self.metrics.log_value(key, number, reduce="sum")
            throughput = {"with_throughput": True} if key == metrics.NUM_ENV_STEPS_SAMPLED else {}
            self.metrics.log_value(
                (f"{first}_lifetime", *rest) if rest else f"{first}_lifetime",
                number,
                reduce="lifetime_sum",
                **throughput,
            )


def _refuse_rows(config: Any) -> None:
    if "num_envs" in config.env_config:
        raise OptionError(
            f"num_envs={config.env_config['num_envs']!r} of env_config has no effect: say "
            "config.env_runners(num_envs_per_env_runner=...)."
        )
