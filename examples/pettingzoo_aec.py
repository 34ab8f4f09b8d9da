"""PettingZoo, one agent after another: random legal play on causeway, whose agents end apart."""

from bridge.pettingzoo import aec_env

world = aec_env("causeway_v0")
world.reset(seed=0)
for agent in world.agent_iter():
    observation, reward, terminated, truncated, info = world.last()
    if terminated or truncated:
        print(agent, "terminated" if terminated else "truncated", f"with reward {reward:+.2f}")
        world.step(None)
    else:
        world.step(world.action_space(agent).sample(observation["action_mask"]))
world.close()
