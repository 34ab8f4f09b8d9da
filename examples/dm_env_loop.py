"""dm_env: the loop of an actor, many agents as dicts."""

import numpy as np

from bridge.dm_env import make

rng = np.random.default_rng(0)
world = make("simple_spread_v3", seed=0)
timestep = world.reset()
returns = dict.fromkeys(world.action_spec(), 0.0)
while not timestep.last():
    actions = {agent: rng.integers(spec.num_values) for agent, spec in world.action_spec().items()}
    timestep = world.step(actions)
    for agent, reward in timestep.reward.items():
        returns[agent] += float(reward)
world.close()
print({agent: round(total, 2) for agent, total in returns.items()}, timestep.discount)
