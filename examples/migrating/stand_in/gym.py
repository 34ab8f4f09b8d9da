"""A stand-in for gym 0.21, which today's Python cannot install: Gymnasium's, as it was then."""

import gymnasium


class Env:
    """What `old_gym.py` needs of it."""

    def __init__(self, name):
        self.env = gymnasium.make(name)
        self.observation_space, self.action_space = (
            self.env.observation_space,
            self.env.action_space,
        )
        self.first_seed = None

    def seed(self, seed=None):
        self.first_seed = seed
        return [seed]

    def reset(self):
        observation, _ = self.env.reset(seed=self.first_seed)
        self.first_seed = None
        return observation

    def step(self, action):
        observation, reward, terminated, truncated, info = self.env.step(action)
        if truncated:
            info["TimeLimit.truncated"] = not terminated
        return observation, reward, terminated or truncated, info

    def close(self):
        self.env.close()


make = Env
