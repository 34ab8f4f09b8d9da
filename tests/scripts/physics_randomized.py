# Domain randomization: another pole in every episode.
import gymnasium as gym
import numpy as np

rng = np.random.default_rng(0)


def randomize(simulator, **ranges):
    for name, (low, high) in ranges.items():
        setattr(simulator, name, rng.uniform(low, high))


env = gym.make("CartPole-v1")
for episode in range(3):
    randomize(env.unwrapped, length=(0.3, 0.8), masspole=(0.05, 0.3))
    observation, _ = env.reset(seed=episode, options={"low": -0.01, "high": 0.01})
    over, steps = False, 0
    while not over:
        observation, _, terminated, truncated, _ = env.step(int(observation[2] > 0))
        over, steps = terminated or truncated, steps + 1
    print(steps)
