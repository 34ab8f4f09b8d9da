"""A PPO in one file, in the manner of CleanRL."""

import random
import time
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from torch.distributions.categorical import Categorical


@dataclass
class Args:
    seed: int = 1
    env_id: str = "CartPole-v1"
    """the id of the environment"""
    capture_video: bool = False
    total_timesteps: int = 8 * 32 * 30
    learning_rate: float = 1e-3
    num_envs: int = 8
    num_steps: int = 32
    gamma: float = 0.99
    clip_coef: float = 0.2


def make_env(env_id, idx, capture_video, run_name):
    def thunk():
        if capture_video and idx == 0:
            env = gym.make(env_id, render_mode="rgb_array")
            env = gym.wrappers.RecordVideo(env, f"videos/{run_name}")
        else:
            env = gym.make(env_id)
        env = gym.wrappers.RecordEpisodeStatistics(env)
        return env

    return thunk


class Agent(nn.Module):
    def __init__(self, envs):
        super().__init__()
        inputs = np.array(envs.single_observation_space.shape).prod()
        self.critic = nn.Sequential(nn.Linear(inputs, 32), nn.Tanh(), nn.Linear(32, 1))
        self.actor = nn.Sequential(
            nn.Linear(inputs, 32), nn.Tanh(), nn.Linear(32, envs.single_action_space.n)
        )

    def get_action_and_value(self, x, action=None):
        probs = Categorical(logits=self.actor(x))
        if action is None:
            action = probs.sample()
        return action, probs.log_prob(action), self.critic(x).flatten()


if __name__ == "__main__":
    args = Args()
    run_name = f"{args.env_id}__{args.seed}__{int(time.time())}"
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)

    # env setup
    envs = gym.make_vec(f"bridge.gymnasium:native/{args.env_id}", num_envs=args.num_envs)
    envs = gym.wrappers.vector.RecordEpisodeStatistics(envs)
    assert isinstance(envs.single_action_space, gym.spaces.Discrete), (
        "only discrete action space is supported"
    )

    agent = Agent(envs)
    optimizer = optim.Adam(agent.parameters(), lr=args.learning_rate, eps=1e-5)
    next_obs, _ = envs.reset(seed=args.seed)
    next_obs = torch.Tensor(next_obs)
    returns = []
    for update in range(args.total_timesteps // (args.num_envs * args.num_steps)):
        stored = []
        for step in range(args.num_steps):
            with torch.no_grad():
                action, logprob, value = agent.get_action_and_value(next_obs)
            obs = next_obs
            next_obs, reward, terminations, truncations, infos = envs.step(action.numpy())
            next_obs, done = (
                torch.Tensor(next_obs),
                torch.Tensor(np.logical_or(terminations, truncations)),
            )
            stored.append((obs, action, logprob, value, torch.Tensor(reward), done))
            if "episode" in infos:
                returns += infos["episode"]["r"][infos["_episode"]].tolist()
        with torch.no_grad():
            target = agent.critic(next_obs).flatten()
        loss = 0.0
        for obs, action, logprob, value, reward, done in reversed(stored):
            target = reward + args.gamma * (1 - done) * target
            _, newlogprob, newvalue = agent.get_action_and_value(obs, action)
            ratio, adv = (newlogprob - logprob).exp(), target - value
            clipped = torch.clamp(ratio, 1 - args.clip_coef, 1 + args.clip_coef)
            loss = (
                loss
                - torch.min(ratio * adv, clipped * adv).mean()
                + 0.5 * ((newvalue - target) ** 2).mean()
            )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    envs.close()
    print(f"{len(returns)} episodes, mean return {sum(returns) / len(returns):.0f}")
