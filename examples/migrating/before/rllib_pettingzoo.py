"""RLlib's wrapper of a PettingZoo ParallelEnv: what its algorithms step."""

from mpe2 import simple_spread_v3
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv

env = ParallelPettingZooEnv(simple_spread_v3.parallel_env(max_cycles=25))
returns = []
for episode in range(40):
    observations, infos = env.reset(seed=episode)
    over, total = False, 0.0
    while not over:
        actions = {agent: (episode + i) % 5 for i, agent in enumerate(observations)}
        observations, rewards, terminated, truncated, infos = env.step(actions)
        total += sum(rewards.values())
        over = terminated["__all__"] or truncated["__all__"]
    returns.append(total)
env.close()
print(f"mean return {sum(returns) / len(returns):.0f}")
