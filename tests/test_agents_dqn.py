"""`native.agents.dqn`: what is remembered, what a value is told to be, and that it learns."""

import dataclasses
import functools

import numpy as np
import pytest

pytest.importorskip("optax")
pytest.importorskip("flax")

import jax
import jax.numpy as jnp
from fuses import Fuses
from nim import Nim

from native.agents import DQN, LearnedPolicy, Learner, dqn, evaluate, replay
from native.agents.acting import Seen, epsilon_greedy
from native.agents.networks import actor_and_rest
from native.agents.players import players_of
from native.agents.replay import Played, Samples
from native.agents.training import run
from native.registry import make
from native.rules import RuleError

TINY = DQN(num_envs=4, train_freq=2, batch_size=8, buffer_size=64, learning_starts=0, net_arch=(8,))


def played(**columns):
    """Steps of one lane, which sees their numbers."""
    steps = len(columns["reward"])
    usual = {
        "observation": np.arange(steps, dtype=np.float32)[:, None],
        "following": np.arange(1, steps + 1, dtype=np.float32)[:, None],
        "action": np.arange(steps),
        "acts": [True] * steps,
        "acts_next": [True] * steps,
        "terminated": [False] * steps,
        "truncated": [False] * steps,
        "legal": None,
    }
    kinds = {"action": np.int32, "reward": np.float32}
    given = {}
    for name, column in {**usual, **columns}.items():
        if column is None:
            given[name] = None
            continue
        array = np.asarray(column, kinds.get(name))
        given[name] = jnp.asarray(array)[:, None]
    return Played(**given)


def remembered(steps, size=16):
    seen = Seen(observation=jnp.zeros((1, 1)), first=jnp.zeros(1, bool), mask=None, world=None)
    room = replay.empty(seen, size, 1)
    return replay.remember(room, steps)


def transitions(memory):
    """(from, action, reward, terminated, to) of every one that counts."""
    kept = jax.tree.map(lambda leaf: np.asarray(leaf)[:, 0], memory.samples)
    return [
        (
            float(kept.observation[i, 0]),
            int(kept.action[i]),
            float(kept.reward[i]),
            bool(kept.terminated[i]),
            float(kept.following[i, 0]),
        )
        for i in np.flatnonzero(kept.counts)
    ]


def test_every_step_of_who_always_acts_is_a_transition():
    found = transitions(remembered(played(reward=[1, 2, 3], terminated=[False, True, False])))
    assert found == [(0, 0, 1, False, 1), (1, 1, 2, True, 2), (2, 2, 3, False, 3)]


def test_what_is_earned_in_the_turns_of_others_belongs_to_the_last_action():
    steps = played(
        reward=[1, 10, 100, 1000, 7],
        acts=[True, False, True, False, False],
        acts_next=[False, True, False, False, False],
        terminated=[False, False, False, True, False],
    )
    # The last step is of an agent that has ended: nothing waits, nothing is remembered.
    assert transitions(remembered(steps)) == [(0, 0, 11, False, 2), (2, 2, 1100, True, 4)]


def test_the_oldest_are_forgotten():
    memory = remembered(played(reward=[0]), size=4)
    for reward in range(1, 7):
        assert int(memory.filled) == min(reward, 4)
        memory = replay.remember(memory, played(reward=[reward]))
    assert sorted(kept[2] for kept in transitions(memory)) == [3, 4, 5, 6]


def replay_after(env, name, **change):
    """What is remembered after an update of ten steps by chance, every leaf (steps, lanes, ...)."""
    settings = dataclasses.replace(TINY, train_freq=10, learning_starts=1e6, **change)
    dqn.check(settings, env)

    @jax.jit
    def play(key):
        return dqn.update(settings, env, dqn.init(settings, env, key))[0].replay[name]

    memory = play(jax.random.key(0))
    assert int(memory.filled) == 10
    return jax.tree.map(lambda leaf: np.asarray(leaf)[:10], memory.samples)


@pytest.mark.parametrize("sharing", ["group", "agent"])
def test_who_has_ended_enters_nothing_and_time_shows_the_true_final_observation(sharing):
    """Agents end on ticks 2, 5 and 3; the second by time, so that its last step is no end."""
    env = Fuses(fuses=(2, 5, 3), late=(False, True, False))
    kept = replay_after(env, "fuse", num_envs=2, buffer_size=100, sharing=sharing)
    if sharing == "agent":  # (steps, agents, rows)
        kept = jax.tree.map(lambda leaf: np.moveaxis(leaf, 1, 2), kept)
    kept = jax.tree.map(lambda leaf: leaf.reshape(10, 2, 3, *leaf.shape[leaf.ndim - 1 :])
                        if leaf.shape[-1] == 4 else leaf.reshape(10, 2, 3), kept)  # fmt: skip
    tick = np.broadcast_to((np.arange(10) % 5)[:, None, None], (10, 2, 3))
    number, fuse = np.arange(1, 4), np.array([2, 5, 3])
    counts = tick < fuse
    np.testing.assert_array_equal(kept.counts, counts)
    expected = {
        "reward": number * (tick + 1.0),
        "terminated": (tick + 1 == fuse) & (fuse != 5),
    }
    for name, each in expected.items():
        np.testing.assert_array_equal(getattr(kept, name)[counts], each[counts])
    np.testing.assert_array_equal(kept.observation[counts][:, 1], tick[counts])
    follows = np.stack(
        [np.broadcast_to(number, tick.shape), tick + 1, kept.observation[..., 2], kept.action], -1
    )
    np.testing.assert_array_equal(kept.following[counts], follows[counts].astype(np.float32))


def test_in_a_game_of_turns_an_action_leads_to_the_own_next_turn():
    kept = replay_after(Nim(sticks=7), "player", num_envs=8, buffer_size=400)
    kept = jax.tree.map(lambda leaf: leaf[kept.counts], kept)
    sticks, mine = kept.observation.T
    left, mine_then = kept.following.T
    after = sticks - 1 - kept.action
    assert (mine == 1).all() and (after >= 0).all()
    on = ~kept.terminated
    assert on.sum() > 20 < (~on).sum()
    assert (mine_then[on] == 1).all() and (kept.reward[on] == 0).all()
    assert ((after - left)[on] >= 1).all() and ((after - left)[on] <= 3).all()
    assert (left[~on] == 0).all()
    np.testing.assert_array_equal(kept.reward[~on], np.where(after[~on] == 0, 1, -1))
    np.testing.assert_array_equal(kept.legal[on], np.arange(3) < left[on][:, None])


def test_where_time_ended_an_episode_every_action_is_legal():
    never = np.zeros((3, 2), bool)
    steps = played(reward=[1, 1, 1], truncated=[False, True, False], legal=never)
    seen = Seen(
        observation=jnp.zeros((1, 1)),
        first=jnp.zeros(1, bool),
        mask=jnp.ones((1, 2), bool),
        world=None,
    )
    legal = replay.remember(replay.empty(seen, 16, 1), steps).samples.legal
    assert np.asarray(legal)[:3, 0].tolist() == [[False] * 2, [True] * 2, [False] * 2]


@pytest.mark.parametrize("double", [False, True])
def test_a_value_is_told_what_follows_by_the_best_legal_action_but_not_after_an_end(double):
    env = make("CartPole-v1")
    (player,) = players_of(env.spec, "group")
    begun = [dqn.init(TINY, env, jax.random.key(i)).weights[player.name] for i in range(2)]
    draw = np.random.default_rng(0)
    count = 12
    batch = Samples(
        observation=jnp.asarray(draw.normal(size=(count, 4)), jnp.float32),
        action=jnp.asarray(draw.integers(2, size=count), jnp.int32),
        reward=jnp.asarray(draw.normal(size=count), jnp.float32),
        terminated=jnp.asarray(np.arange(count) % 3 == 0),
        following=jnp.asarray(draw.normal(size=(count, 4)), jnp.float32),
        legal=jnp.asarray(np.stack([np.arange(count) % 2 == 0, np.ones(count, bool)], axis=1)),
        counts=jnp.asarray(np.arange(count) < 9),
    )

    def values(weights, observation):
        seen = Seen(observation=observation, first=jnp.zeros(count, bool), mask=None, world=None)
        return np.asarray(dqn.look(TINY, player, weights, None, seen, ())[0])

    legal = np.asarray(batch.legal)
    online, told = (values(weights, batch.following) for weights in begun)
    best = np.where(legal, online if double else told, -np.inf).argmax(axis=1)
    onward = told[np.arange(count), best] * ~np.asarray(batch.terminated) * TINY.gamma
    mine = values(begun[0], batch.observation)[np.arange(count), np.asarray(batch.action)]
    error = abs(mine - np.asarray(batch.reward) - onward)[:9]
    expected = np.where(error < 1, error**2 / 2, error - 0.5).mean()
    settings = dataclasses.replace(TINY, double=double)
    actor, rest = actor_and_rest(begun[0])
    loss = functools.partial(dqn._loss, settings, player, rest, begun[1])
    found, _ = loss(batch, actor)
    assert float(found) == pytest.approx(expected, rel=1e-5)

    # What does not count may be anything.
    padded = dataclasses.replace(batch, reward=batch.reward.at[9:].set(1e6))
    gradients = [jax.grad(loss, argnums=1, has_aux=True)(b, actor)[0] for b in (batch, padded)]
    jax.tree.map(np.testing.assert_array_equal, *gradients)
    assert all(abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradients[0]))


def test_actions_are_random_first_and_legal_always():
    env = make("causeway_v0")
    training = jax.jit(functools.partial(dqn.init, TINY, env))(jax.random.key(0))
    for chance in (0.0, 1.0):
        policy = epsilon_greedy(TINY, env, training.weights, jnp.float32(chance))
        chosen = jax.vmap(policy, in_axes=(0, None))(
            jax.random.split(jax.random.key(1), 64), training.shown
        )
        action = np.asarray(chosen["walker"])
        mask = np.asarray(training.shown.action_mask["walker"])
        rows, agents = np.indices(mask.shape[:2])
        assert mask[rows, agents, action].all()
        differ = (action != action[0]).any(axis=0)
        assert differ.all() if chance else not differ.any()  # 64 draws alike: below 1e-19


def test_before_it_starts_nothing_is_learned_and_the_target_moves_at_its_interval():
    env = make("CartPole-v1")
    late = dataclasses.replace(TINY, learning_starts=16, target_update_interval=24)
    training = jax.jit(functools.partial(dqn.init, late, env))(jax.random.key(0))
    update = jax.jit(functools.partial(dqn.update, late, env))
    moved, followed = [], []
    for _ in range(4):  # of 8 steps each
        after, _ = update(training)
        changed = lambda a, b: any(  # noqa: E731
            (x != y).any() for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
        )
        moved.append(changed(training.weights, after.weights))
        followed.append(changed(training.target, after.target))
        training = after
    assert moved == [False, False, True, True]
    assert followed == [False, False, True, False]


def test_it_learns_and_runs_together_are_the_runs_alone():
    """Episodes by chance last 22 steps, deviation 12: 50 that last 60 are 22 deviations away."""
    env = make("CartPole-v1")
    settings = DQN(
        num_envs=8,
        train_freq=4,
        gradient_steps=8,
        batch_size=64,
        learning_rate=1e-3,
        learning_starts=500,
        target_update_interval=250,
        exploration_fraction=0.3,
        steps=10_000,
        buffer_size=10_000,
        gamma=0.98,
    )
    together = Learner([settings], env, updates=300)
    both, metrics = together.advance(together.begin(seeds=(3, 4)))
    assert all(np.asarray(leaf).all() for leaf in jax.tree.leaves(metrics["finite"]))
    one = run(both, 0)
    policy = LearnedPolicy(settings, env.spec, one.weights)
    returns = evaluate(env, policy, jax.random.key(5), 50).returns
    assert returns.mean() > 60
    few = Learner([settings], env, updates=3)
    alone = few.advance(few.begin(seeds=(4,)))[0]
    pair = few.advance(few.begin(seeds=(3, 4)))[0]
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5),
        run(alone, 0).weights,
        run(pair, 1).weights,
    )


@pytest.mark.parametrize(
    ("change", "name", "message"),
    [
        ({"gru": 8}, "CartPole-v1", "gru must be 0, got 8"),
        ({"tau": 2.0}, "CartPole-v1", "tau"),
        ({"buffer_size": 7}, "CartPole-v1", "buffer_size must be at least the 8 transitions"),
        ({"net_arch": ((8,), (8,))}, "CartPole-v1", "no value tower"),
        ({"double": 1}, "CartPole-v1", "double"),
        ({}, "Pendulum-v1", "some Discrete actions; those of 'pendulum'"),
    ],
)
def test_what_cannot_be_learned_with_is_refused_by_name(change, name, message):
    with pytest.raises(RuleError, match=message):
        Learner([dataclasses.replace(TINY, **change)], make(name), updates=1)


def test_what_was_learned_has_a_file(tmp_path):
    from bridge import policy_file

    env = make("CartPole-v1")
    learned = LearnedPolicy(TINY, env.spec, dqn.init(TINY, env, jax.random.key(0)).weights)
    policy_file.save(tmp_path / "policy.npz", learned, env)
    again = policy_file.load(tmp_path / "policy.npz", env)
    assert again.settings == TINY and again.moments is None
    for one, other in zip(*map(jax.tree.leaves, (learned.weights, again.weights)), strict=True):
        np.testing.assert_array_equal(one, other)
