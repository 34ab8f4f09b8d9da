"""`gymnasium.make_vec`, and wrappers around many."""

import gymnasium as gym
from gymnasium.wrappers.vector import NormalizeObservation, RecordEpisodeStatistics

envs = gym.make_vec("bridge.gymnasium:native/Pendulum-v1", num_envs=16)
envs = NormalizeObservation(RecordEpisodeStatistics(envs))
observations, infos = envs.reset(seed=0)
returns = []
for _ in range(603):
    actions = -2 * observations[:, 2:]  # against its speed
    observations, rewards, terminated, truncated, infos = envs.step(actions)
    if "episode" in infos:
        returns += infos["episode"]["r"][infos["_episode"]].tolist()
envs.close()
print(f"{len(returns)} episodes, mean return {sum(returns) / len(returns):.0f}")
