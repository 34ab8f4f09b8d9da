import gymnasium
import numpy as np
from gymnasium.vector import SyncVectorEnv

NUM_ENVS = 8
envs = SyncVectorEnv([lambda: gymnasium.make("Acrobot-v1") for _ in range(NUM_ENVS)])
obs, _ = envs.reset(seed=1)
returns = np.zeros(NUM_ENVS)
for step in range(50):
    actions = np.random.randint(0, 3, NUM_ENVS)
    obs, rewards, terminations, truncations, infos = envs.step(actions)
    returns += rewards
print(obs.shape, envs.single_action_space, returns.mean())
envs.close()
