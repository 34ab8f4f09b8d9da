"""Gymnasium's AsyncVectorEnv: a process for each environment, each with a wrapper."""

import gymnasium as gym


def make_env(env_id):
    def thunk():
        env = gym.make(env_id)
        env = gym.wrappers.RecordEpisodeStatistics(env)
        return env

    return thunk


if __name__ == "__main__":
    envs = gym.make_vec("bridge.gymnasium:native/CartPole-v1", num_envs=8)
    envs = gym.wrappers.vector.RecordEpisodeStatistics(envs)
    observations, infos = envs.reset(seed=0)
    returns = []
    for _ in range(500):
        actions = (observations[:, 2] + observations[:, 3] > 0).astype(int)
        observations, rewards, terminated, truncated, infos = envs.step(actions)
        if "episode" in infos:
            returns += infos["episode"]["r"][infos["_episode"]].tolist()
    envs.close()
    print(f"{len(returns)} episodes, mean return {sum(returns) / len(returns):.0f}")
