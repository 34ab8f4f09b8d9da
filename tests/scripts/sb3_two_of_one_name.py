import stable_baselines3 as sb3
from stable_baselines3.common.env_util import make_vec_env

train = make_vec_env("CartPole-v1", 8, 3)
test = make_vec_env("CartPole-v1", n_envs=8, monitor_dir="logs")  # files of ours there are none
model = sb3.DQN("MlpPolicy", "CartPole-v1", learning_starts=4, device="cpu")
model.learn(8)
print(train.reset().shape, test.reset().shape)
