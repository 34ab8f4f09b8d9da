"""SuperSuit: the classic pipeline from a ParallelEnv to rows for one shared policy."""

import numpy as np
import supersuit

from bridge.pettingzoo import parallel_env

world = supersuit.frame_stack_v1(parallel_env("simple_spread_v3"), 4)
rows = supersuit.pettingzoo_env_to_vec_env_v1(world)
envs = supersuit.concat_vec_envs_v1(rows, 4, base_class="gymnasium")
observations, infos = envs.reset(seed=0)
for _ in range(25):
    actions = np.array([envs.action_space.sample() for _ in range(envs.num_envs)])
    observations, rewards, terminated, truncated, infos = envs.step(actions)
print(f"{envs.num_envs} rows of {observations.shape[1:]}, all over: {truncated.all()}")
