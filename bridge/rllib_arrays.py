"""How RLlib's env runners play batches of ours: in arrays, where nothing asks for single steps.

| asked for                                           | played                                     |
| --------------------------------------------------- | ------------------------------------------ |
| RLlib's own connectors, policies without memory,    | in arrays: one call of each policy for all |
| no callback that looks at single steps, and for     | worlds, one program for their steps,       |
| many agents the mapping that `policies` derives     | episodes cut out at the end, see           |
|                                                     | `bridge.rllib_rollout`                     |
| anything else                                       | by RLlib's loop, which builds episodes     |
|                                                     | step by step; the worlds still step in one |

Both give the same episodes. Of the time of RLlib's loop its Python takes nearly all.
"""

import contextlib
import logging
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from .errors import MissingExtraError
from .rllib_episodes import Played
from .rllib_rollout import Rollout

try:
    import gymnasium
    import torch
    from ray.rllib.callbacks.callbacks import (  # type: ignore[import-not-found, import-untyped]
        RLlibCallback,
    )
    from ray.rllib.connectors import (  # type: ignore[import-not-found, import-untyped]
        env_to_module,
        module_to_env,
    )
    from ray.rllib.core.columns import Columns  # type: ignore[import-not-found, import-untyped]
    from ray.rllib.core.rl_module.torch.torch_rl_module import (  # type: ignore[import-not-found, import-untyped]
        TorchRLModule,
    )
    from ray.rllib.utils import metrics  # type: ignore[import-not-found, import-untyped]
    from ray.rllib.utils.spaces.space_utils import (  # type: ignore[import-not-found, import-untyped]
        clip_action,
        unsquash_action,
    )
except ImportError as error:
    raise MissingExtraError("bridge.rllib", "ray", "rllib") from error

logger = logging.getLogger("ray.rllib")
EPISODE_HOOKS = ("on_episode_created", "on_episode_start", "on_episode_step", "on_episode_end")
OWN_CONNECTORS = {  # RLlib's, which do in single steps what arrays do by themselves
    *(env_to_module.AddObservationsFromEpisodesToBatch, env_to_module.AddTimeDimToBatchAndZeroPad),
    *(env_to_module.AddStatesFromEpisodesToBatch, env_to_module.AgentToModuleMapping),
    *(env_to_module.BatchIndividualItems, env_to_module.NumpyToTensor),
    *(module_to_env.GetActions, module_to_env.TensorToNumpy),
    *(module_to_env.UnBatchToIndividualItems, module_to_env.ModuleToAgentUnmapping),
    *(module_to_env.RemoveSingleTsTimeRankFromBatch, module_to_env.NormalizeAndClipActions),
    module_to_env.ListifyDataForVectorEnv,
}


class PlaysInArrays:
    """What both runners have in common."""

    env: Any
    module: Any
    config: Any
    metrics: Any
    _rollout: Rollout | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        runner: Any = self
        if runner._seed is not None:  # RLlib's is the runner's number on: the worlds' would overlap
            runner._seed += (runner.worker_index or 0) * (self.config.num_envs_per_env_runner - 1)

    def _mapping(self) -> Mapping[str, str] | None:
        """Agent -> policy; None: it may differ between episodes, or the batch is not ours."""
        raise NotImplementedError  # each of the two runners has its own

    def _module_of(self, policy: str) -> Any:
        raise NotImplementedError  # each of the two runners has its own

    def _forward(self, seen: Played, explore: bool, step: int) -> Played:
        """What every policy says to (rows, ...)."""
        raise NotImplementedError  # each of the two runners has its own

    def _count(self, slots: list[np.ndarray], ended: int) -> None:
        """Tell RLlib's metrics; `slots`: bool (worlds, agents), who acted."""
        raise NotImplementedError  # each of the two runners has its own

    @property
    def plays_in_arrays(self) -> bool:
        """Whether nothing asks for single steps, see the table above."""
        if self.env is None or self.module is None or not self.config.episodes_to_numpy:
            return False
        mapping = self._mapping()
        if mapping is None:
            return False
        runner: Any = self
        pieces = [*runner._env_to_module.connectors, *runner._module_to_env.connectors]
        asked = any(getattr(self.config, f"callbacks_{hook}", None) for hook in EPISODE_HOOKS)
        overridden = any(
            getattr(type(callback), hook) is not getattr(RLlibCallback, hook)
            for callback in runner._callbacks
            for hook in EPISODE_HOOKS
        )
        modules: list[Any] = [self._module_of(policy) for policy in {*mapping.values()}]
        return (
            {type(piece) for piece in pieces} <= OWN_CONNECTORS
            and not asked
            and not overridden
            and all(isinstance(module, torch.nn.Module) for module in modules)
            and not any(module.is_stateful() for module in modules)
        )

    def _sample(
        self,
        *,
        num_timesteps: int | None = None,
        num_episodes: int | None = None,
        explore: bool,
        random_actions: bool = False,
        force_reset: bool = False,
    ) -> list[Any]:
        runner: Any = self
        if not self.plays_in_arrays:
            asked: dict[str, Any] = {"num_timesteps": num_timesteps, "num_episodes": num_episodes}
            asked |= {"random_actions": random_actions, "force_reset": force_reset}
            episodes: list[Any] = super()._sample(explore=explore, **asked)  # type: ignore[misc]
            return episodes
        env = self.env.unwrapped
        rollout = self._rollout
        if rollout is None or rollout.env is not env:
            rollout = self._rollout = Rollout(env, self._mapping() or {})
            runner._needs_initial_reset = True
        if force_reset or num_episodes is not None or runner._needs_initial_reset:
            self._begin(rollout)
        if num_episodes is not None:
            runner._needs_initial_reset = True
        by_agent = getattr(self.config, "count_steps_by", "env_steps") == "agent_steps"
        steps = episodes_ended = 0
        slots: list[np.ndarray] = []
        wanted = (num_timesteps if num_timesteps is not None else num_episodes) or 0
        modules: list[Any] = [self._module_of(policy) for policy in rollout.lanes]
        with _resting(modules):
            while (steps if num_timesteps is not None else episodes_ended) < wanted:
                chosen = self._choose(rollout, explore, steps, random_actions)
                try:
                    with self.metrics.log_time(metrics.ENV_STEP_TIMER):
                        acted, over = rollout.step(*chosen)
                except Exception:  # whatever it is: RLlib's users may ask to begin anew
                    if not self.config.restart_failed_sub_environments:
                        raise
                    logger.exception("The batch could not step. It is made anew and reset.")
                    runner.make_env()
                    rollout = self._rollout = Rollout(self.env.unwrapped, self._mapping() or {})
                    self._begin(rollout)
                    steps, episodes_ended, slots = 0, 0, []
                    continue
                slots.append(acted)
                steps += int(acted.sum() if by_agent else acted.any(axis=1).sum())
                episodes_ended += int(over.sum())
        lookback = self.config.episode_lookback_horizon
        ended, going = rollout.harvest(lookback, ongoing=num_timesteps is not None)
        if num_episodes is not None:
            ended = ended[:num_episodes]
        runner._done_episodes_for_metrics.extend(ended)
        for chunk in going:
            runner._ongoing_episodes_for_metrics[chunk.id_].append(chunk)
        self._count(slots, len(ended))
        return ended + going

    def _begin(self, rollout: Rollout) -> None:
        runner: Any = self
        runner._ongoing_episodes_for_metrics.clear()
        rollout.begin(runner._seed if runner._needs_initial_reset else None)
        runner._needs_initial_reset = False

    def _choose(
        self, rollout: Rollout, explore: bool, steps: int, at_random: bool
    ) -> tuple[Played, Played, Played]:
        """What is kept of the policies' actions, what the environment gets, and what they said."""
        runner: Any = self
        worlds = rollout.worlds
        if at_random:
            drawn = {
                name: np.array(
                    [
                        [rollout.spaces.action[agent].sample() for agent in lane.agents]
                        for _ in range(worlds)
                    ]
                )
                for name, lane in rollout.lanes.items()
            }
            return drawn, drawn, {name: {} for name in drawn}
        flat = {
            name: jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), tree)
            for name, tree in rollout.now.items()
        }
        runners = self.config.num_env_runners or 1
        lifetime = (runner.num_env_steps_sampled_lifetime // runners + steps) * runners
        with self.metrics.log_time(metrics.RLMODULE_INFERENCE_TIMER), torch.no_grad():
            seen = jax.tree.map(lambda leaf: torch.from_numpy(leaf).to(runner._device), flat)
            said = self._forward(seen, explore, lifetime)
            for name, outputs in said.items():
                _draw(outputs, self._module_of(name), explore)
            said = jax.tree.map(_on_host, said)
        kept: dict[str, Any] = {}
        given: dict[str, Any] = {}
        beside: dict[str, Any] = {}
        for name, outputs in said.items():
            agents = rollout.lanes[name].agents
            outputs = {
                key: leaf.reshape(worlds, len(agents), *leaf.shape[1:])
                for key, leaf in outputs.items()
            }
            kept[name] = given[name] = outputs.pop(Columns.ACTIONS)
            space = rollout.spaces.action[agents[0]]
            if Columns.ACTIONS_FOR_ENV in outputs:
                given[name] = outputs.pop(Columns.ACTIONS_FOR_ENV)
            if isinstance(space, gymnasium.spaces.Box):  # to others neither does anything
                if self.config.normalize_actions:
                    given[name] = unsquash_action(given[name], space)
                elif self.config.clip_actions:
                    given[name] = clip_action(given[name], space)
            number = np.full((worlds, len(agents)), runner._weights_seq_no)
            beside[name] = {**outputs, metrics.WEIGHTS_SEQ_NO: number}
        return kept, given, beside


def forward_of(module: Any, explore: bool) -> Any:
    """What a resting module is asked with: without RLlib's own way of putting it to rest.

    That goes through all layers, twice in every step.
    """
    name = "forward_exploration" if explore else "forward_inference"
    as_usual = getattr(type(module), name) is getattr(TorchRLModule, name)
    return getattr(module, f"_{name}" if as_usual else name)


@contextlib.contextmanager
def _resting(modules: Sequence[Any]) -> Generator[None, None, None]:
    """With modules that do not train, as `torch` has a word for dropout and its like."""
    trained = [module for module in modules if module.training]
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for module in trained:
            module.train()


def _on_host(leaf: Any) -> Any:
    return leaf.detach().cpu().numpy() if torch.is_tensor(leaf) else leaf


def _draw(outputs: dict[str, Any], module: Any, explore: bool) -> None:
    """Add actions and their log-probabilities where a policy gave a distribution."""
    if Columns.ACTIONS in outputs or Columns.ACTION_DIST_INPUTS not in outputs:
        return
    kind = (
        module.get_exploration_action_dist_cls()
        if explore
        else module.get_inference_action_dist_cls()
    )
    distribution = kind.from_logits(outputs[Columns.ACTION_DIST_INPUTS])
    if not explore:
        distribution = distribution.to_deterministic()
    actions = outputs[Columns.ACTIONS] = distribution.sample()
    if Columns.ACTION_LOGP not in outputs:
        outputs[Columns.ACTION_LOGP] = distribution.logp(actions)
