import gymnasium as gym


def make_env(env_id, seed, idx):
    def thunk():
        env = gym.make(env_id)
        env = gym.wrappers.RecordEpisodeStatistics(env)
        env = gym.wrappers.ClipReward(env, -0.5, max_reward=0.5)
        env.action_space.seed(seed)
        return env

    return thunk


if __name__ == "__main__":
    num = 4
    envs = gym.vector.AsyncVectorEnv(
        [make_env("CartPole-v1", 1 + i, i) for i in range(num)],
        context="spawn",
        autoreset_mode=gym.vector.AutoresetMode.SAME_STEP,
    )
    envs.reset(seed=3)
    finished = []
    for _ in range(60):
        _, reward, *_, infos = envs.step(envs.action_space.sample())
        if "_episode" in infos:
            finished += infos["episode"]["l"][infos["_episode"]].tolist()
    envs.close()
    print(len(finished), "episodes", float(reward.max()))
