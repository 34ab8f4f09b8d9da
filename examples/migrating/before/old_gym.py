"""The loop of gym 0.21: four values, and a method that seeds."""

import gym

env = gym.make("CartPole-v1")
env.seed(0)
returns = []
for _ in range(20):
    observation, done, total = env.reset(), False, 0.0
    while not done:
        action = int(observation[2] + 0.5 * observation[3] > 0)
        observation, reward, done, info = env.step(action)
        total += reward
    returns.append(total)
env.close()
print(f"mean return {sum(returns) / len(returns):.0f}, last info {info}")
