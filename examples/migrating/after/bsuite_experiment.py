"""An experiment of bsuite, as its README has one: a bandit's arms, tried and remembered."""

from bridge import bsuite
import numpy as np

env = bsuite.load_from_id("bandit/3")
rng, returns = np.random.default_rng(0), []
arms = env.action_spec().num_values
best = np.zeros(arms)
for episode in range(300):
    env.reset()
    action = rng.integers(arms) if rng.random() < 0.1 or episode < 50 else best.argmax()
    timestep = env.step(int(action))
    best[action] = timestep.reward
    returns.append(timestep.reward)
regret = env.bsuite_info()["total_regret"]
assert np.isclose(regret, len(returns) - sum(returns))
print(f"mean return {np.mean(returns):.2f}, regret {regret:.1f}")
