import gym

ENV_NAME = "MountainCar-v0"
env = gym.make(ENV_NAME)
observation, info = env.reset(seed=42)
for _ in range(250):
    action = 2 if observation[1] > 0 else 0
    observation, reward, terminated, truncated, info = env.step(action)
    if terminated or truncated:
        observation, info = env.reset()
env.close()
print(observation)
