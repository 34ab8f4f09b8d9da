import gymnasium as gym
from stable_baselines3 import A2C
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env


class Curriculum(BaseCallback):
    """Gravity grows while the agent learns."""

    def _on_rollout_end(self):
        self.training_env.set_attr("gravity", 9.8 + 0.01 * self.num_timesteps)

    def _on_step(self):
        return True


vec_env = make_vec_env("CartPole-v1", n_envs=4)
A2C("MlpPolicy", vec_env, n_steps=8, device="cpu").learn(64, callback=Curriculum())
env = gym.make("CartPole-v1")
env.reset(seed=0)
print(vec_env.get_attr("gravity"), env.step(0)[0].shape)
