"""Stable-Baselines3's `PPO`, whose rollouts are played on the device by one compiled program.

| of Stable-Baselines3                | here                                                       |
| ----------------------------------- | ---------------------------------------------------------- |
| `learn`, `train`, `predict`, `save` | its own; either class loads what the other saved           |
| `collect_rollouts`                  | weights go to the device once, `n_steps` are played there, |
|                                     | and the buffer is filled with what comes back              |
| callbacks                           | once a step and in order, after the last has been played   |
| a callback that stops the learning  | the environments are where that step led to                |
| `seed`                              | torch's generator draws what the policy's draws follow     |

What a callback does to the environments in `on_step` has an effect from the next rollout on.
Rewards that it changes in place, in `self.locals`, are what is learned from, as they are there.
"""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO as Base
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.utils import obs_as_tensor
from stable_baselines3.common.vec_env import VecEnv

from .sb3_network import Network
from .sb3_policy import check_kind, mirrored, refuse
from .sb3_rollout import Rollout, Trajectory
from .sb3_rows import Rows
from .sb3_words import Layer


class PPO(Base):
    """`stable_baselines3.PPO` for what `bridge.sb3.make_vec_env` makes, with all its arguments.

    Raises:
        UnsuitableError: Something has no form on the device: a wrapper such as `VecNormalize`,
            `render_mode="human"`, observations that are pictures or dicts, a `Box` of whole
            numbers as actions, `use_sde`, another policy than `MlpPolicy`, a features extractor,
            an activation or a `rollout_buffer_class` of one's own. The message says what to do.
    """

    @staticmethod
    def _wrap_env(env: Any, verbose: int = 0, monitor_wrapper: bool = True) -> VecEnv:
        """Take environments as they are: those that can be played need no wrapper."""
        del verbose, monitor_wrapper
        rows_of(env)
        taken: VecEnv = env
        return taken

    def _setup_model(self) -> None:
        check_kind(self.policy_class)
        if self.use_sde:
            refuse("use_sde=True, whose noise lasts for several steps")
        if self.rollout_buffer_class not in (None, RolloutBuffer):
            buffer = self.rollout_buffer_class.__name__
            refuse(f"the rollout_buffer_class {buffer}, whose add() would not be called")
        super()._setup_model()
        if self.env is not None:
            self._mirrored()

    def _mirrored(self) -> tuple[Network, np.ndarray]:
        group = rows_of(self.env).session.spec.groups[0]
        return mirrored(self.policy, group.observation, group.action)

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        rollout_buffer: RolloutBuffer,
        n_rollout_steps: int,
    ) -> bool:
        """Play so many steps in every row and fill the buffer; False: a callback has stopped it.

        Raises:
            UnsuitableError: Policy or environments have been replaced by some that do not fit.
            NotResetError, ClosedError: The environments are not reset, or are closed.
        """
        self.policy.set_training_mode(False)
        rollout_buffer.reset()
        callback.on_rollout_start()
        network, weights = self._mirrored()
        words = torch.randint(1 << 32, (2,)).numpy().astype(np.uint32)
        played = Trajectory(env, Rollout(network, n_rollout_steps), weights, words)
        self._last_obs = played.first  # they may have been stepped or reset since
        callback.update_locals(
            {
                "self": self,
                "env": env,
                "callback": callback,
                "rollout_buffer": rollout_buffer,
                "n_rollout_steps": n_rollout_steps,
            }
        )
        if not self._tell(played, callback, rollout_buffer):
            return False
        last_obs: Any = self._last_obs
        dones: Any = self._last_episode_starts
        with torch.no_grad():
            values = self.policy.predict_values(obs_as_tensor(last_obs, self.device))
        rollout_buffer.compute_returns_and_advantage(last_values=values, dones=dones)
        callback.update_locals({"values": values})
        callback.on_rollout_end()
        return True

    def _tell(self, played: Trajectory, callback: BaseCallback, buffer: RolloutBuffer) -> bool:
        """Do for every step what Stable-Baselines3 does after it; False: a callback stopped it."""
        actions = played.acted.action.astype(self.action_space.dtype, copy=False)
        clipped = actions
        if isinstance(self.action_space, spaces.Box):
            clipped = np.clip(actions, self.action_space.low, self.action_space.high)
        values = torch.from_numpy(played.acted.value[..., None]).unbind()
        log_probs = torch.from_numpy(played.acted.log_prob).unbind()
        seen: list[Any] = [self._last_obs]
        starts: list[Any] = [self._last_episode_starts]
        late: list[tuple[int, int, Any]] = []  # step, row, and what time cut off there
        done = 0
        try:
            for step, (new_obs, rewards, dones, infos) in enumerate(played.told()):
                seen.append(new_obs)
                starts.append(dones)
                self._last_obs, self._last_episode_starts = seen[step], starts[step]
                self.num_timesteps += self.n_envs
                done += 1
                callback.update_locals(
                    {
                        "n_steps": step,
                        "obs_tensor": obs_as_tensor(seen[step], self.device),
                        "actions": actions[step],
                        "values": values[step],
                        "log_probs": log_probs[step],
                        "clipped_actions": clipped[step],
                        "new_obs": new_obs,
                        "rewards": rewards,
                        "dones": dones,
                        "infos": infos,
                    }
                )
                if not callback.on_step():
                    return False
                ended = dones.nonzero()[0].tolist()
                if ended:
                    told = [infos[row] for row in ended]
                    self._update_info_buffer(told, dones[ended])
                    late += [
                        (step, row, info["terminal_observation"])
                        for row, info in zip(ended, told, strict=True)
                        if info["TimeLimit.truncated"]
                    ]
        finally:
            self._last_obs, self._last_episode_starts = seen[-1], starts[-1]
            if done < len(played):
                played.stop(done)
        self._bootstrap(played.rewards, late)
        buffer.observations = np.stack(seen[:-1]).reshape(buffer.observations.shape)
        kept = buffer.actions  # of float32 before Stable-Baselines3 2.4, whatever the space
        buffer.actions = actions.reshape(kept.shape).astype(kept.dtype, copy=False)
        buffer.rewards = played.rewards
        buffer.episode_starts = np.stack(starts[:-1]).astype(np.float32)
        buffer.values, buffer.log_probs = played.acted[1:]
        buffer.pos, buffer.full = done, True
        return True

    def _bootstrap(self, rewards: np.ndarray, late: list[tuple[int, int, Any]]) -> None:
        """Add what the future would have been worth where time cut it off."""
        if not late:
            return
        steps, rows, last = zip(*late, strict=True)
        observations, _ = self.policy.obs_to_tensor(np.stack(last))
        with torch.no_grad():
            values = self.policy.predict_values(observations)
        rewards[steps, rows] += self.gamma * values.cpu().numpy()[:, 0]


def rows_of(env: Any) -> Rows:
    """The rows beneath environments that can be played on the device.

    Raises:
        UnsuitableError: They cannot; the message says why.
    """
    rows = env
    while isinstance(rows, Layer):
        rows = rows.venv
    if not isinstance(rows, Rows):
        if isinstance(env, VecEnv) and isinstance(env.unwrapped, Rows):
            instead = "Leave it out, or use stable_baselines3.PPO, which takes it."
            refuse(f"the wrapper {type(rows).__name__}", instead)
        instead = "Make the environments with bridge.sb3.make_vec_env()."
        refuse(f"{type(rows).__name__}, which is none of ours", instead)
    if rows.render_mode == "human":
        refuse('render_mode="human", which draws every step', 'Make them with "rgb_array".')
    if isinstance(rows.observation_space, spaces.Dict):
        refuse("observations that are dicts")
    if is_image_space(rows.observation_space):
        refuse("observations that are pictures")
    action = rows.action_space
    if isinstance(action, spaces.Box) and action.dtype.kind != "f":
        refuse(f"actions that are a Box of {action.dtype}", "Use Discrete or MultiDiscrete ones.")
    return rows
