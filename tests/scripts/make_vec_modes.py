import argparse

import gymnasium as gym
from gymnasium.wrappers.vector import RecordEpisodeStatistics

parser = argparse.ArgumentParser()
parser.add_argument("--env-id", default="MountainCarContinuous-v0")
parser.add_argument("--num-envs", type=int, default=5)
args = parser.parse_args([])

envs = gym.make_vec(args.env_id, num_envs=args.num_envs, vectorization_mode="async", max_episode_steps=20)
fast = gym.make_vec("CartPole-v1", 4, "vector_entry_point")
envs = RecordEpisodeStatistics(envs)
envs.reset(seed=0)
for _ in range(21):
    _, _, _, truncated, info = envs.step(envs.action_space.sample())
    if truncated.any():
        print(info["episode"]["l"])
envs.close()
fast.close()
