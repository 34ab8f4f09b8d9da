import supersuit as ss
from mpe2 import simple_spread_v3
from stable_baselines3 import PPO


def train(steps: int = 150, seed: int | None = 0, **env_kwargs):
    # Train a single model to play as each agent in a cooperative Parallel environment
    env = simple_spread_v3.parallel_env(N=3, max_cycles=25)
    env = ss.black_death_v3(env)
    print(f"Starting training on {env.metadata['name']}.")
    env = ss.pettingzoo_env_to_vec_env_v1(env)
    env = ss.concat_vec_envs_v1(env, 4, num_cpus=1, base_class="stable_baselines3")
    model = PPO("MlpPolicy", env, n_steps=16, batch_size=64, n_epochs=1, device="cpu")
    model.learn(total_timesteps=steps)
    env.close()
    print(env.num_envs)


if __name__ == "__main__":
    train()
