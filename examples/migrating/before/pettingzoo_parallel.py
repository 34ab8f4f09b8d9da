"""PettingZoo's parallel loop."""

from mpe2 import simple_tag_v3

env = simple_tag_v3.parallel_env(max_cycles=25)
returns = []
for episode in range(60):
    observations, infos = env.reset(seed=episode)
    for agent in env.agents:
        env.action_space(agent).seed(episode)
    total = 0.0
    while env.agents:
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        observations, rewards, terminations, truncations, infos = env.step(actions)
        total += rewards["agent_0"]
    returns.append(total)
env.close()
print(f"mean return of the prey {sum(returns) / len(returns):.1f}")
