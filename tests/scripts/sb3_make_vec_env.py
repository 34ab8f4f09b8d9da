from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import SubprocVecEnv, VecNormalize

if __name__ == "__main__":
    vec_env = make_vec_env("MountainCarContinuous-v0", n_envs=4, seed=0, vec_env_cls=SubprocVecEnv,
                           env_kwargs=dict(render_mode="rgb_array"))
    vec_env = VecNormalize(vec_env, norm_obs=True, norm_reward=True)
    model = PPO("MlpPolicy", vec_env, n_steps=16, batch_size=16, n_epochs=1, device="cpu")
    model.learn(total_timesteps=64)
    eval_env = make_vec_env("CartPole-v1", n_envs=8)
    print(vec_env.obs_rms.count, eval_env.num_envs)
