import gymnasium as gym

from stable_baselines3 import PPO
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import SubprocVecEnv, VecMonitor


def make_env(env_id: str, rank: int, seed: int = 7):
    """
    Utility function for multiprocessed env.

    :param rank: index of the subprocess
    """

    def _init():
        env = gym.make(env_id)
        env.reset(seed=seed + rank)
        return env

    set_random_seed(seed)
    return _init


if __name__ == "__main__":
    env_id = "CartPole-v1"
    num_cpu = 4  # Number of processes to use
    # Create the vectorized environment
    vec_env = SubprocVecEnv([make_env(env_id, i) for i in range(num_cpu)])

    model = PPO("MlpPolicy", VecMonitor(vec_env), n_steps=16, batch_size=16, n_epochs=1, device="cpu")
    model.learn(total_timesteps=64)

    obs = vec_env.reset()
    for _ in range(10):
        action, _states = model.predict(obs)
        obs, rewards, dones, info = vec_env.step(action)
    print(rewards)
