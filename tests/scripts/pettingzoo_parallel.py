from mpe2 import simple_adversary_v3, simple_push_v3

for module in (simple_adversary_v3, simple_push_v3):
    env = module.parallel_env(render_mode="rgb_array")
    observations, infos = env.reset(seed=42)
    while env.agents:
        # this is where you would insert your policy
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        observations, rewards, terminations, truncations, infos = env.step(actions)
    print(rewards)
    env.close()
