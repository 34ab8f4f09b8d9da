"""Gymnasium, one environment, by its name in Gymnasium's own registry."""

import gymnasium

env = gymnasium.make("bridge.gymnasium:native/CartPole-v1")
observation, info = env.reset(seed=0)
total, over = 0.0, False
while not over:
    action = int(observation[2] + 0.5 * observation[3] > 0)  # push towards where the pole leans
    observation, reward, terminated, truncated, info = env.step(action)
    total += float(reward)
    over = terminated or truncated
env.close()
print(f"the pole stood for {total:.0f} steps")
