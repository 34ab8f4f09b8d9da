import mpe2.simple_speaker_listener_v4 as task
from mpe2.simple_crypto_v3 import env as crypto

for make in (task.env, crypto):
    env = make(max_cycles=5)
    env.reset(seed=42)
    for agent in env.agent_iter():
        observation, reward, termination, truncation, info = env.last()
        action = None if termination or truncation else env.action_space(agent).sample()
        env.step(action)
    env.close()
    print(reward)
