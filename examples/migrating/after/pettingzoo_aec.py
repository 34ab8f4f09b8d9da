"""PettingZoo's loop in turns."""

from bridge.mpe import simple_spread_v3

env = simple_spread_v3.env(max_cycles=25)
returns = []
for episode in range(40):
    env.reset(seed=episode)
    total = 0.0
    for agent in env.agent_iter():
        observation, reward, termination, truncation, info = env.last()
        total += reward
        env.step(None if termination or truncation else episode % 5)
    returns.append(total)
env.close()
print(f"mean return {sum(returns) / len(returns):.0f}")
