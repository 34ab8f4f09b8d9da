"""Toy text: options of the constructor, and maps at random."""

import gymnasium as gym
from gymnasium.envs.toy_text.frozen_lake import generate_random_map

lake = gym.make(
    "FrozenLake-v1",
    desc=generate_random_map(size=6, seed=1),
    is_slippery=True,
    success_rate=0.8,
    reward_schedule=(5, -1, 0),
)
large = gym.make("FrozenLake8x8-v1", is_slippery=False)
taxi = gym.make("Taxi-v3")
for env in (lake, large, taxi):
    env.reset(seed=0)
    steps, over = 0, False
    while not over:
        _, reward, terminated, truncated, info = env.step(int(env.action_space.sample()))
        over, steps = terminated or truncated, steps + 1
    print(f"{steps} steps, {info['prob']:.1f}")
    env.close()
