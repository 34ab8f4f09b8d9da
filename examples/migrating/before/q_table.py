"""Q-learning with a table, one environment: the frozen lake of many first lessons."""

import gymnasium as gym
import numpy as np

env = gym.make("FrozenLake-v1", map_name="4x4", is_slippery=False)
rng = np.random.default_rng(0)
values = np.zeros((env.observation_space.n, env.action_space.n))
returns = []
observation, info = env.reset(seed=0)
for episode in range(520):
    curious, done = episode < 500, False
    while not done:
        best = np.flatnonzero(values[observation] == values[observation].max())
        action = int(rng.choice(best))
        if curious and rng.random() < 0.3:
            action = int(rng.integers(env.action_space.n))
        new, reward, terminated, truncated, info = env.step(action)
        goal = reward + 0.95 * (1 - terminated) * values[new].max()
        values[observation, action] += 0.5 * (goal - values[observation, action])
        observation, done = new, terminated or truncated
    observation, info = env.reset()
    if not curious:
        returns.append(float(reward))
env.close()
print(f"mean return {sum(returns) / len(returns):.2f}")
