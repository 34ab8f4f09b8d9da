"""Many PettingZoo worlds at once: agent -> arrays with one row for each world."""

import numpy as np

from bridge.pettingzoo import parallel_vec_env

worlds = parallel_vec_env("simple_tag_v3", num_envs=256)
observations, infos = worlds.reset(seed=0)
total = dict.fromkeys(worlds.possible_agents, 0.0)
for _ in range(50):
    actions = {agent: worlds.action_space(agent).sample() for agent in worlds.possible_agents}
    observations, rewards, terminations, truncations, infos = worlds.step(actions)
    for agent, reward in rewards.items():
        total[agent] += float(np.mean(reward))
worlds.close()
print({agent: observation.shape for agent, observation in observations.items()})
print({agent: round(reward, 2) for agent, reward in total.items()})
