"""A script of gymnax's, as its README has one: 64 carts at once, each episode a scan."""

from bridge.targets import gymnax
import jax
import jax.numpy as jnp

env, env_params = gymnax.make("CartPole-v1")


def episode(key):
    """The return of one, by a hand that follows the pole."""
    key_reset, key_episode = jax.random.split(key)
    obs, state = env.reset(key_reset, env_params)

    def policy_step(carry, key):
        obs, state, running = carry
        action = jnp.int32(obs[2] > 0)
        obs, state, reward, terminated, truncated, info = env.step(key, state, action, env_params)
        return (obs, state, running & ~terminated & ~truncated), (reward * running, info)

    begun = obs, state, jnp.bool_(True)
    keys = jax.random.split(key_episode, env_params.max_steps_in_episode)
    _, (rewards, info) = jax.lax.scan(policy_step, begun, keys)
    return rewards.sum(), info


keys = jax.random.split(jax.random.key(0), 64)
returns, info = jax.jit(jax.vmap(episode))(keys)
print(f"mean return {returns.mean():.1f}")
