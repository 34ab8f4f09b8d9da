from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecMonitor
import supersuit
from mpe2 import simple_reference_v3

NUM = 6
env = simple_reference_v3.parallel_env(continuous_actions=False)
env = supersuit.pettingzoo_env_to_vec_env_v1(env)
env = supersuit.concat_vec_envs_v1(env, NUM, num_cpus=0, base_class='stable_baselines3')
env = VecMonitor(env)
model = PPO("MlpPolicy", env, n_steps=16, batch_size=64, n_epochs=1, device="cpu")
model.learn(200)
print(env.num_envs)
