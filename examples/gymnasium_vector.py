"""Gymnasium, a batch of environments in one program, with Gymnasium's statistics on top."""

from gymnasium.wrappers.vector import RecordEpisodeStatistics

from bridge.gymnasium import make_vec

envs = RecordEpisodeStatistics(make_vec("CartPole-v1", num_envs=512))
observations, infos = envs.reset(seed=0)
returns = []
for _ in range(200):
    lean = observations[:, 2] + 0.5 * observations[:, 3]
    observations, rewards, terminated, truncated, infos = envs.step((lean > 0).astype(int))
    if "episode" in infos:
        returns.extend(infos["episode"]["r"][infos["_episode"]].tolist())
envs.close()
print(f"{len(returns)} episodes ended in 200 steps of 512 environments")
