#!/usr/bin/env python
# REINFORCE with a linear policy, from the days of gym 0.21
import argparse
import gym
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument('--seed', type=int, default=543)
parser.add_argument('--episodes', type=int, default=3)
args, _ = parser.parse_known_args()


class Scaled(gym.ObservationWrapper):
    def observation(self, obs):
        return obs / np.array([2.4, 3.0, 0.2, 3.0])


env = Scaled(gym.make('CartPole-v1'))
env.seed(args.seed)
np.random.seed(args.seed)
theta = np.zeros(4)

for i_episode in range(args.episodes):
    state, ep_reward, grad = env.reset(), 0, np.zeros(4)
    for t in range(1, 10000):  # Don't infinite loop while learning
        p = 1 / (1 + np.exp(-theta @ state))
        action = int(np.random.rand() < p)
        grad += (action - p) * state
        state, reward, done, info = env.step(action)
        ep_reward += reward
        if done:
            break
    theta += 0.01 * ep_reward * grad
    print('Episode {}\tReturn {:.1f}'.format(i_episode, ep_reward))
    if ep_reward > env.spec.reward_threshold:
        break
env.close()
