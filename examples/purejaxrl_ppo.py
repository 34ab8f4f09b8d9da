"""PPO in the manner of PureJaxRL: playing and learning in one compiled program, on a CartPole."""

import collections

import jax
import jax.numpy as jnp

from native.batch import Autoreset, Batch
from native.registry import make
from native.rollout import Choice, collect

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


def chosen_of(log_probabilities, action):
    """Log-probability of the action that was taken."""
    return jnp.take_along_axis(log_probabilities, action[..., None], -1)[..., 0]


def loss(networks, sample, advantage, target):
    """The clipped objective, the value's error, and the entropy."""
    log_probabilities, value = act(networks, sample.observation)
    ratio = jnp.exp(chosen_of(log_probabilities, sample.action) - sample.log_probability)
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    clipped = jnp.clip(ratio, 1 - CLIP, 1 + CLIP) * advantage
    entropy = -(jnp.exp(log_probabilities) * log_probabilities).sum(-1).mean()
    gain = jnp.minimum(ratio * advantage, clipped).mean()
    return -gain + VALUE * jnp.square(value - target).mean() - ENTROPY * entropy


def train(env, key):
    """Mean return of the episodes that ended in each update: (updates,). `env`: of one agent."""
    import optax

    rate = optax.linear_schedule(RATE, 0.0, UPDATES * EPOCHS * MINIBATCHES)
    optimiser = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(rate))
    batch = Batch(env, Autoreset.SAME_STEP)
    (group,) = env.spec.groups
    key, key_actor, key_critic, key_seeds = jax.random.split(key, 4)
    (inputs,) = group.observation.shape
    actor = init_network(key_actor, inputs, group.action.n, 0.01)
    networks = (actor, init_network(key_critic, inputs, 1, 1.0))

    def play(networks, now, key):
        def policy(key, shown):
            logits, value = act(networks, shown.timestep.observation[group.name])
            action = jax.random.categorical(key, logits)
            return Choice({group.name: action}, beside=(chosen_of(logits, action), value))

        def record(step):
            after, reached = step.after, step.after.reached[group.name]
            # Where time ended the episode its value goes on from the observation before the reset,
            # of which no more than its value is kept.
            onward = act(networks, reached)[1] * after.timestep.truncated
            return Sample(
                observation=step.shown.timestep.observation[group.name],
                action=step.action[group.name],
                log_probability=step.beside[0],
                value=step.beside[1],
                reward=after.timestep.reward + DISCOUNT * onward,
                done=after.timestep.terminated | after.timestep.truncated,
                episode_return=jnp.where(after.over, after.returns[:, 0], jnp.nan),
            )

        return collect(batch, *now, policy, key, STEPS, record=record)

    def back(later, sample):
        advantage, value = later
        goes_on = DISCOUNT * (1 - sample.done)
        advantage = sample.reward + goes_on * (value + TRACE * advantage) - sample.value
        return (advantage, sample.value), advantage

    def update(state, key):
        networks, memory, now = state
        key_play, key_learn = jax.random.split(key)
        now, samples = play(networks, now, key_play)
        last = act(networks, now[1].timestep.observation[group.name])[1]
        advantage = jax.lax.scan(back, (jnp.zeros_like(last), last), samples, reverse=True)[1]
        returned = jnp.nanmean(samples.episode_return)
        data = (samples._replace(episode_return=None), advantage, advantage + samples.value)
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[3:]), data)

        def learn(now, rows):
            networks, memory = now
            gradient = jax.grad(loss)(networks, *jax.tree.map(lambda leaf: leaf[rows], flat))
            change, memory = optimiser.update(gradient, memory)
            return (jax.tree.map(jnp.add, networks, change), memory), None

        shuffled = jax.vmap(lambda k: jax.random.permutation(k, ENVS * STEPS))
        rows = shuffled(jax.random.split(key_learn, EPOCHS)).reshape(EPOCHS * MINIBATCHES, -1)
        (networks, memory), _ = jax.lax.scan(learn, (networks, memory), rows)
        return (networks, memory, now), returned

    seeds = jax.random.bits(key_seeds, (ENVS,), jnp.uint32)
    start = (networks, optimiser.init(networks), batch.init(seeds, env.params))
    return jax.lax.scan(update, start, jax.random.split(key, UPDATES))[1]


def main():
    """Train, and print how well."""
    try:
        import optax  # noqa: F401
    except ImportError as error:
        print(f"{error}: pip install optax")
        return
    env = make("CartPole-v1")
    returns = jax.jit(lambda key: train(env, key))(jax.random.key(0))
    print("mean return, every tenth update:", returns[9::10].round().tolist())


if __name__ == "__main__":
    main()
