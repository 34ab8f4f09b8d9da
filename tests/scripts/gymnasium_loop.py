"""The loop of Gymnasium's front page."""
import gymnasium as gym
from gymnasium.wrappers import RecordEpisodeStatistics

env = RecordEpisodeStatistics(gym.make("Pendulum-v1", render_mode="rgb_array"))
observation, info = env.reset(seed=42)
for _ in range(210):
    action = env.action_space.sample()  # this is where you would insert your policy
    observation, reward, terminated, truncated, info = env.step(action)
    if terminated or truncated:
        print(info["episode"]["r"])
        observation, info = env.reset()
env.close()
