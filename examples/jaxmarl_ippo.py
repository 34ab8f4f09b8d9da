"""IPPO in the manner of JaxMARL: one network for all agents, on our simple_spread as JaxMARL's."""

import collections

import jax
import jax.numpy as jnp

ENVS, STEPS, UPDATES, EPOCHS, MINIBATCHES = 64, 25, 400, 4, 4
RATE, DISCOUNT, TRACE, CLIP, ENTROPY, VALUE = 2e-3, 0.95, 0.95, 0.2, 0.01, 0.5

Sample = collections.namedtuple("Sample", "observation action log_chosen value reward done")


def network(num_actions):
    """A flax module: observation -> log-probabilities of the actions, and the value."""
    import flax.linen as nn

    class ActorCritic(nn.Module):
        @nn.compact
        def __call__(self, observation):
            def output(size, scale):
                x = observation
                for _ in range(2):
                    x = nn.tanh(nn.Dense(64, kernel_init=nn.initializers.orthogonal(2**0.5))(x))
                return nn.Dense(size, kernel_init=nn.initializers.orthogonal(scale))(x)

            return nn.log_softmax(output(num_actions, 0.01)), output(1, 1.0)[..., 0]

    return ActorCritic()


def chosen_of(log_probabilities, action):
    """Log-probability of the action that was taken."""
    return jnp.take_along_axis(log_probabilities, action[:, None], 1)[:, 0]


def train(env, key, updates=UPDATES):
    """Return of an agent, mean over the episodes that ended in each update: (updates,).

    Args:
        env: A JaxMARL environment in its `LogWrapper`, whose agents have equal spaces.
        key: All randomness.
        updates: How many times to play and learn.
    """
    import optax

    agents, rows = env.agents, env.num_agents * ENVS
    model = network(env.action_space(agents[0]).n)
    rate = optax.linear_schedule(RATE, 0.0, updates * EPOCHS * MINIBATCHES)
    optimiser = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(rate))

    def batchify(values):  # name -> (envs, ...) as (agents * envs, ...)
        return jnp.concatenate([values[agent] for agent in agents])

    def unbatchify(array):
        return dict(zip(agents, array.reshape(len(agents), ENVS, *array.shape[1:]), strict=True))

    def play(now, key):
        params, state, observation = now
        key_action, key_step = jax.random.split(key)
        seen = batchify(observation)
        log_probabilities, value = model.apply(params, seen)
        action = jax.random.categorical(key_action, log_probabilities)
        observation, state, reward, done, info = jax.vmap(env.step)(
            jax.random.split(key_step, ENVS), state, unbatchify(action)
        )
        log_chosen = chosen_of(log_probabilities, action)
        sample = Sample(seen, action, log_chosen, value, batchify(reward), batchify(done))
        returned = jnp.where(info["returned_episode"], info["returned_episode_returns"], jnp.nan)
        return (params, state, observation), (sample, returned)

    def back(later, sample):
        advantage, value = later
        goes_on = DISCOUNT * (1 - sample.done)
        advantage = sample.reward + goes_on * (value + TRACE * advantage) - sample.value
        return (advantage, sample.value), advantage

    def loss(params, sample, advantage, target):
        log_probabilities, value = model.apply(params, sample.observation)
        ratio = jnp.exp(chosen_of(log_probabilities, sample.action) - sample.log_chosen)
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        clipped = jnp.clip(ratio, 1 - CLIP, 1 + CLIP) * advantage
        entropy = -(jnp.exp(log_probabilities) * log_probabilities).sum(-1).mean()
        gain = jnp.minimum(ratio * advantage, clipped).mean()
        return -gain + VALUE * jnp.square(value - target).mean() - ENTROPY * entropy

    def update(now, key):
        params, memory, state, observation = now
        key_play, key_learn = jax.random.split(key)
        (_, state, observation), (samples, returned) = jax.lax.scan(
            play, (params, state, observation), jax.random.split(key_play, STEPS)
        )
        last = model.apply(params, batchify(observation))[1]
        advantage = jax.lax.scan(back, (jnp.zeros_like(last), last), samples, reverse=True)[1]
        data = (samples, advantage, advantage + samples.value)
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), data)

        def learn(now, batch):
            params, memory = now
            gradient = jax.grad(loss)(params, *jax.tree.map(lambda leaf: leaf[batch], flat))
            change, memory = optimiser.update(gradient, memory)
            return (optax.apply_updates(params, change), memory), None

        shuffled = jax.vmap(lambda k: jax.random.permutation(k, rows * STEPS))
        batches = shuffled(jax.random.split(key_learn, EPOCHS)).reshape(EPOCHS * MINIBATCHES, -1)
        (params, memory), _ = jax.lax.scan(learn, (params, memory), batches)
        return (params, memory, state, observation), jnp.nanmean(returned)

    key_network, key_reset, key_updates = jax.random.split(key, 3)
    observation, state = jax.vmap(env.reset)(jax.random.split(key_reset, ENVS))
    params = model.init(key_network, batchify(observation))
    start = (params, optimiser.init(params), state, observation)
    return jax.lax.scan(update, start, jax.random.split(key_updates, updates))[1]


def main():
    """Train, and print how well."""
    try:
        import optax  # noqa: F401
        from jaxmarl.wrappers.baselines import LogWrapper

        from bridge.targets.jaxmarl import make
    except ImportError as error:
        print(f"{error}: pip install 'jitbridge[jaxmarl]' optax")
        return
    env = LogWrapper(make("simple_spread_v3"))
    returns = jax.jit(lambda key: train(env, key))(jax.random.key(0))
    print("return of an agent, every twentieth update:", returns[::20].round(1).tolist())


if __name__ == "__main__":
    main()
