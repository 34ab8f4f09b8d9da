"""PettingZoo, all agents at once: random play on simple_tag, with its two kinds of agents."""

from bridge.pettingzoo import parallel_env

world = parallel_env("simple_tag_v3", max_cycles=100)
observations, infos = world.reset(seed=0)
returns = dict.fromkeys(world.possible_agents, 0.0)
while world.agents:
    actions = {agent: world.action_space(agent).sample() for agent in world.agents}
    observations, rewards, terminations, truncations, infos = world.step(actions)
    for agent, reward in rewards.items():
        returns[agent] += reward
world.close()
print({agent: round(total, 1) for agent, total in returns.items()})
