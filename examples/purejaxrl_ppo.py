"""PPO in the manner of PureJaxRL, one compiled program, on a native CartPole as gymnax has it."""

import collections

import jax
import jax.numpy as jnp

ENVS, STEPS, UPDATES, EPOCHS, MINIBATCHES = 32, 64, 80, 4, 4
RATE, DISCOUNT, TRACE, CLIP, ENTROPY, VALUE = 1e-3, 0.99, 0.95, 0.2, 0.01, 0.5

Sample = collections.namedtuple(
    "Sample", "observation action log_probability value reward done episode_return"
)


def init_network(key, inputs, outputs, scale, width=64):
    """Two hidden layers and a linear one, whose weights are of this scale."""
    shapes = [(inputs, width), (width, width), (width, outputs)]
    draw = jax.nn.initializers.orthogonal()
    layers = zip(jax.random.split(key, 3), shapes, (2**0.5, 2**0.5, scale), strict=True)
    return [(size * draw(key, shape), jnp.zeros(shape[1])) for key, shape, size in layers]


def act(networks, observation):
    """Log-probabilities of the actions, and the value."""

    def output(layers):
        x = observation
        for weights, bias in layers[:-1]:
            x = jnp.tanh(x @ weights + bias)
        return x @ layers[-1][0] + layers[-1][1]

    logits, value = map(output, networks)
    return jax.nn.log_softmax(logits), value[..., 0]


def loss(networks, sample, advantage, target):
    """The clipped objective, the value's error, and the entropy."""
    log_probabilities, value = act(networks, sample.observation)
    chosen = jnp.take_along_axis(log_probabilities, sample.action[:, None], 1)[:, 0]
    ratio = jnp.exp(chosen - sample.log_probability)
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    clipped = jnp.clip(ratio, 1 - CLIP, 1 + CLIP) * advantage
    entropy = -(jnp.exp(log_probabilities) * log_probabilities).sum(-1).mean()
    gain = jnp.minimum(ratio * advantage, clipped).mean()
    return -gain + VALUE * jnp.square(value - target).mean() - ENTROPY * entropy


def train(env, params, key):
    """Mean return of the episodes that ended in each update: (updates,)."""
    import optax

    rate = optax.linear_schedule(RATE, 0.0, UPDATES * EPOCHS * MINIBATCHES)
    optimiser = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(rate))
    step = jax.vmap(env.step, in_axes=(0, 0, 0, None))
    key, key_actor, key_critic, key_reset = jax.random.split(key, 4)
    (inputs,) = env.observation_space(params).shape
    actor = init_network(key_actor, inputs, env.action_space(params).n, 0.01)
    networks = (actor, init_network(key_critic, inputs, 1, 1.0))

    def play(now, key):
        networks, state, observation = now
        key_action, key_step = jax.random.split(key)
        logits, value = act(networks, observation)
        action = jax.random.categorical(key_action, logits)
        chosen = jnp.take_along_axis(logits, action[:, None], 1)[:, 0]
        after, state, reward, terminated, truncated, info = step(
            jax.random.split(key_step, ENVS), state, action, params
        )
        # Where time ended the episode its value goes on from the observation before the reset.
        onward = act(networks, info["final_observation"])[1]
        reward = reward + DISCOUNT * onward * (truncated & ~terminated)
        ended = terminated | truncated
        returned = jnp.where(ended, info["returned_episode_returns"], jnp.nan)
        sample = Sample(observation, action, chosen, value, reward, ended, returned)
        return (networks, state, after), sample

    def back(later, sample):
        advantage, value = later
        goes_on = DISCOUNT * (1 - sample.done)
        advantage = sample.reward + goes_on * (value + TRACE * advantage) - sample.value
        return (advantage, sample.value), advantage

    def update(now, key):
        networks, memory, state, observation = now
        key_play, key_learn = jax.random.split(key)
        keys = jax.random.split(key_play, STEPS)
        (_, state, observation), samples = jax.lax.scan(play, (networks, state, observation), keys)
        last = act(networks, observation)[1]
        advantage = jax.lax.scan(back, (jnp.zeros_like(last), last), samples, reverse=True)[1]
        data = (samples, advantage, advantage + samples.value)
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), data)

        def learn(now, rows):
            networks, memory = now
            gradient = jax.grad(loss)(networks, *jax.tree.map(lambda leaf: leaf[rows], flat))
            change, memory = optimiser.update(gradient, memory)
            return (jax.tree.map(jnp.add, networks, change), memory), None

        shuffled = jax.vmap(lambda k: jax.random.permutation(k, ENVS * STEPS))
        rows = shuffled(jax.random.split(key_learn, EPOCHS)).reshape(EPOCHS * MINIBATCHES, -1)
        (networks, memory), _ = jax.lax.scan(learn, (networks, memory), rows)
        return (networks, memory, state, observation), jnp.nanmean(samples.episode_return)

    observation, state = jax.vmap(env.reset, (0, None))(jax.random.split(key_reset, ENVS), params)
    start = (networks, optimiser.init(networks), state, observation)
    return jax.lax.scan(update, start, jax.random.split(key, UPDATES))[1]


def main():
    """Train, and print how well."""
    try:
        from gymnax.wrappers import LogWrapper

        from bridge.targets.gymnax import make
    except ImportError as error:
        print(f"{error}: pip install 'jitbridge[gymnax]' optax")
        return
    env, params = make("CartPole-v1")
    returns = jax.jit(lambda key: train(LogWrapper(env), params, key))(jax.random.key(0))
    print("mean return, every tenth update:", returns[9::10].round().tolist())


if __name__ == "__main__":
    main()
