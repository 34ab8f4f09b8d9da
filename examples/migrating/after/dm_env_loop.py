"""The loop of a dm_env actor, on a Gymnasium environment in dm_env's clothes."""

import dm_env
import bridge.dm_env
from dm_env import specs


class GymWrapper(dm_env.Environment):
    """Such as Acme has one."""

    def __init__(self, env, seed):
        self.env, self.seed, self.over = env, seed, True

    def reset(self):
        observation, _ = self.env.reset(seed=self.seed)
        self.seed, self.over = None, False
        return dm_env.restart(observation)

    def step(self, action):
        if self.over:
            return self.reset()
        observation, reward, terminated, truncated, _ = self.env.step(action)
        self.over = terminated or truncated
        if terminated:
            return dm_env.termination(reward, observation)
        return (dm_env.truncation if truncated else dm_env.transition)(reward, observation)

    def observation_spec(self):
        space = self.env.observation_space
        return specs.BoundedArray(space.shape, space.dtype, space.low, space.high)

    def action_spec(self):
        return specs.DiscreteArray(int(self.env.action_space.n))


environment = bridge.dm_env.make("MountainCar-v0", seed=0)
returns, total = [], 0.0
timestep = environment.reset()
while len(returns) < 20:
    timestep = environment.step(2 if timestep.observation[1] > 0 else 0)
    if timestep.first():
        total = 0.0
        continue
    total += timestep.reward
    if timestep.last():
        returns.append(total)
environment.close()
print(f"mean return {sum(returns) / len(returns):.0f}")
