"""Gymnasium's loop, one environment, with a wrapper."""

import gymnasium as gym

env = gym.make("Acrobot-v1")
env = gym.wrappers.RecordEpisodeStatistics(env)
returns = []
observation, info = env.reset(seed=0)
while len(returns) < 8:
    action = 0 if observation[4] > 0 else 2  # against the inner link's turning
    observation, reward, terminated, truncated, info = env.step(action)
    if terminated or truncated:
        returns.append(float(info["episode"]["r"]))
        observation, info = env.reset()
env.close()
print(f"mean return {sum(returns) / len(returns):.0f}")
