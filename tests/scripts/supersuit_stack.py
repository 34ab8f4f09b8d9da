import numpy as np
import supersuit as ss
from pettingzoo.mpe import simple_tag_v3

env = simple_tag_v3.parallel_env(num_good=1, num_adversaries=2, max_cycles=10)
env = ss.pad_observations_v0(env)
env = ss.frame_stack_v1(env, 2)
env = ss.pettingzoo_env_to_vec_env_v1(env)
envs = ss.concat_vec_envs_v1(env, 2, num_cpus=0, base_class="gymnasium")
obs, _ = envs.reset(seed=0)
for _ in range(12):
    obs, *_ = envs.step(np.array([envs.action_space.sample() for _ in range(envs.num_envs)]))
print(obs.shape)
