"""MinAtar's own loop, as its README has one: Breakout, by a hand that follows the ball."""

from minatar import Environment
import numpy as np

env = Environment("breakout", sticky_action_prob=0.1)
env.seed(0)
rng, returns = np.random.default_rng(0), []
stay, left, right = env.minimal_action_set()
while len(returns) < 100:
    env.reset()
    terminated, total = False, 0
    while not terminated:
        paddle, ball, trail, bricks = np.moveaxis(env.state(), -1, 0)
        place, x, last_x = (each.any(axis=0).argmax() for each in (paddle, ball, trail))
        target = x + np.sign(x - last_x)
        action = left if target < place else right if target > place else stay
        if rng.random() < 0.1:
            action = rng.integers(env.num_actions())
        reward, terminated = env.act(action)
        total += reward
    returns.append(total)
print(f"mean return {np.mean(returns):.1f}")
