"""Gymnasium's SyncVectorEnv: many environments, one after the other."""

import gymnasium as gym

envs = gym.vector.SyncVectorEnv([lambda: gym.make("CartPole-v1") for _ in range(64)])
observations, infos = envs.reset(seed=0)
totals, returns = 0.0, []
for _ in range(500):
    actions = (observations[:, 2] + observations[:, 3] > 0).astype(int)
    observations, rewards, terminated, truncated, infos = envs.step(actions)
    totals += rewards
    over = terminated | truncated
    returns += totals[over].tolist()
    totals[over] = 0
envs.close()
print(f"{len(returns)} episodes, mean return {sum(returns) / len(returns):.0f}")
