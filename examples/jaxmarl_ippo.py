"""IPPO in the manner of JaxMARL: each group of agents shares a network; on simple_spread."""

import collections

import jax
import jax.numpy as jnp

from native.batch import Autoreset, Batch
from native.registry import make
from native.rollout import Choice, collect

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
    return jnp.take_along_axis(log_probabilities, action[..., None], -1)[..., 0]


def train(env, key, updates=UPDATES):
    """Return of an agent, mean over the episodes that ended in each update: (updates,).

    Args:
        env: A native environment with `Discrete` actions. No agent of it ends before the others.
        key: All randomness.
        updates: How many times to play and learn.
    """
    import optax

    spec, batch = env.spec, Batch(env, Autoreset.SAME_STEP)
    groups = [group.name for group in spec.groups]
    models = {group.name: network(group.action.n) for group in spec.groups}
    rate = optax.linear_schedule(RATE, 0.0, updates * EPOCHS * MINIBATCHES)
    optimiser = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(rate))

    def act(params, observation):  # each group's log-probabilities and values: (rows, agents, ...)
        return {name: models[name].apply(params[name], observation[name]) for name in groups}

    def values(params, observation):
        return {name: value for name, (_, value) in act(params, observation).items()}

    def play(params, now, key):
        def policy(key, shown):
            chosen, acted = {}, act(params, shown.timestep.observation)
            for name, one in zip(groups, jax.random.split(key, len(groups)), strict=True):
                chosen[name] = jax.random.categorical(one, acted[name][0])
            return Choice(chosen, beside=acted)

        def record(step):
            after = step.after
            ended = after.timestep.terminated | after.timestep.truncated
            reward, done = spec.by_group(after.timestep.reward), spec.by_group(ended)
            samples = {}
            for name in groups:
                log_probabilities, value = step.beside[name]
                seen, action = step.shown.timestep.observation[name], step.action[name]
                log_chosen = chosen_of(log_probabilities, action)
                samples[name] = Sample(seen, action, log_chosen, value, reward[name], done[name])
            return samples, jnp.where(after.over, after.returns.mean(axis=-1), jnp.nan)

        return collect(batch, *now, policy, key, STEPS, record=record)

    def advantages(samples, last):
        def back(later, sample):
            advantage, value = later
            goes_on = DISCOUNT * (1 - sample.done)
            advantage = sample.reward + goes_on * (value + TRACE * advantage) - sample.value
            return (advantage, sample.value), advantage

        return jax.lax.scan(back, (jnp.zeros_like(last), last), samples, reverse=True)[1]

    def loss(params, model, sample, advantage):
        log_probabilities, value = model.apply(params, sample.observation)
        target = advantage + sample.value
        ratio = jnp.exp(chosen_of(log_probabilities, sample.action) - sample.log_chosen)
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        clipped = jnp.clip(ratio, 1 - CLIP, 1 + CLIP) * advantage
        entropy = -(jnp.exp(log_probabilities) * log_probabilities).sum(-1).mean()
        gain = jnp.minimum(ratio * advantage, clipped).mean()
        return -gain + VALUE * jnp.square(value - target).mean() - ENTROPY * entropy

    def update(state, key):
        params, memory, now = state
        key_play, key_learn = jax.random.split(key)
        now, (samples, returned) = play(params, now, key_play)
        last = values(params, now[1].timestep.observation)
        data = {name: (samples[name], advantages(samples[name], last[name])) for name in groups}
        flat = jax.tree.map(lambda leaf: leaf.reshape(ENVS * STEPS, *leaf.shape[2:]), data)

        def total(params, batch):
            return sum(loss(params[name], models[name], *batch[name]) for name in groups)

        def learn(now, rows):
            params, memory = now
            gradient = jax.grad(total)(params, jax.tree.map(lambda leaf: leaf[rows], flat))
            change, memory = optimiser.update(gradient, memory)
            return (optax.apply_updates(params, change), memory), None

        shuffled = jax.vmap(lambda k: jax.random.permutation(k, ENVS * STEPS))
        batches = shuffled(jax.random.split(key_learn, EPOCHS)).reshape(EPOCHS * MINIBATCHES, -1)
        (params, memory), _ = jax.lax.scan(learn, (params, memory), batches)
        return (params, memory, now), jnp.nanmean(returned)

    key_network, key_seeds, key_updates = jax.random.split(key, 3)
    seeds = jax.random.bits(key_seeds, (ENVS,), jnp.uint32)
    now = batch.init(seeds, env.params)
    seen = now[1].timestep.observation
    params = {name: models[name].init(key_network, seen[name]) for name in groups}
    start = (params, optimiser.init(params), now)
    return jax.lax.scan(update, start, jax.random.split(key_updates, updates))[1]


def main():
    """Train, and print how well."""
    try:
        import flax  # noqa: F401
        import optax  # noqa: F401
    except ImportError as error:
        print(f"{error}: pip install flax optax")
        return
    env = make("simple_spread_v3")
    returns = jax.jit(lambda key: train(env, key))(jax.random.key(0))
    print("return of an agent, every twentieth update:", returns[::20].round(1).tolist())


if __name__ == "__main__":
    main()
