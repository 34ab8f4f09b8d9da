"""Shaper's mixed memories and M-FOS's gates: what they compute, and how both learn."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("optax")
pytest.importorskip("flax")

from native.agents import PPO, LearnedOpponent, LearnedPolicy, Learner, acting, dqn, ppo
from native.agents.acting import Seen
from native.agents.against_learner import against_learner
from native.agents.co_players import NaiveCoPlayer, PPOCoPlayer
from native.agents.exact import of_other
from native.agents.networks import actor_and_rest
from native.agents.players import players_of
from native.agents.shaper import Mixing
from native.registry import make
from native.rules import RuleError
from native.social.infinite_matrix import InfiniteMatrix, of_logits
from native.wrappers import trials
from native.wrappers.opponent import View

KEY = jax.random.key(0)
WORLD = make("iterated_matrix_v0", horizon=6)
SHAPER = PPO(gru=4, net_arch=(), mixing="average", num_envs=4, n_steps=6, batch_size=24)
FOS = dataclasses.replace(SHAPER, mixing="none", inner_steps=3)


@functools.partial(jax.jit, static_argnums=0)
def mixed(kind, memory):
    mixing = Mixing(kind, agents=3)
    return mixing.apply(mixing.init(KEY, memory), memory)


def test_an_average_is_half_its_own_and_half_of_its_world():
    memory = jnp.array([[0.0], [3.0], [6.0], [1.0], [1.0], [1.0]])
    np.testing.assert_allclose(mixed("average", memory)[:, 0], [1.5, 3, 4.5, 1, 1, 1])


def test_attention_treats_agents_alike_and_stays_in_their_world():
    memory = jax.random.normal(KEY, (6, 4))
    plain = mixed("attention", memory)
    turned = mixed("attention", memory[jnp.array([2, 0, 1, 3, 4, 5])])
    np.testing.assert_allclose(turned, plain[jnp.array([2, 0, 1, 3, 4, 5])], atol=1e-6)
    other = mixed("attention", memory.at[0, 0].add(1.0))
    changed = abs(other - plain).max(axis=1) > 1e-4
    assert changed.tolist() == [True, True, True, False, False, False]


(PLAYER,) = players_of(WORLD.spec, "group")


@functools.cache
def weights_of(settings):
    seen = seen_of(jnp.zeros(2, jnp.int32), True)
    return jax.jit(lambda: acting.first_weights(settings, PLAYER, KEY, seen))()


def seen_of(observation, first):
    first = jnp.full(observation.shape, first)
    return Seen(observation=observation, first=first, mask=None, world=None)


def memories(settings, observations):
    """What two agents of a world remember after each step of a trial: (steps, 2, numbers)."""
    return np.asarray(remembered(settings, weights_of(settings), observations))


@functools.partial(jax.jit, static_argnums=0)
def remembered(settings, weights, observations):
    def step(memory, now):
        observation, first = now
        seen = seen_of(observation, first)
        memory = acting.look(settings, PLAYER, weights, None, seen, memory)[2]
        return memory, memory

    begun = acting.blank(settings, (2,)) + 7.0  # of another trial
    first = jnp.arange(len(observations)) == 0
    return jax.lax.scan(step, begun, (observations, first))[1]


def test_only_with_mixing_a_game_remembers_what_happened_in_another():
    same = jnp.zeros((3, 2), jnp.int32)
    other = same.at[0, 1].set(3)
    for mixing, hears in (("none", False), ("average", True)):
        settings = dataclasses.replace(SHAPER, mixing=mixing)
        was, now = (memories(settings, each)[:, 0] for each in (same, other))
        assert (np.abs(was - now).max(axis=1) > 1e-6).tolist() == [False, hears, hears]


def test_a_gate_lasts_for_an_inner_episode_and_is_what_the_meta_policy_came_to():
    seen = jax.random.randint(KEY, (9, 2), 0, 5)
    *hidden, gate, coming = np.split(memories(FOS, seen)[..., :-1], 5, axis=-1)
    assert (gate[:3] == 1).all()
    np.testing.assert_array_equal(gate[3:6], np.broadcast_to(coming[2], (3, 2, 4)))
    np.testing.assert_array_equal(gate[6:], np.broadcast_to(coming[5], (3, 2, 4)))
    assert ((coming > 0) & (coming < 1)).all() and (gate[3] != gate[6]).all()
    again = np.split(memories(FOS, seen[3:])[..., :-1], 5, axis=-1)
    for was, anew in zip(hidden, again, strict=False):  # memories of before are gone
        np.testing.assert_allclose(was[3:], anew, atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"mixing": "none", "inner_steps": 3},
        pytest.param({"mixing": "attention"}, marks=pytest.mark.long),
        pytest.param({"mixing": "attention", "inner_steps": 3}, marks=pytest.mark.long),
    ],
    ids=["average", "mfos", "attention", "mfos with attention"],
)
def test_ppo_learns_from_the_memories_that_were_acted_with(change):
    """Without a step of learning the probabilities that it finds are those of before, in any
    minibatch: of whole worlds, as they were mixed, and through the gates."""
    settings = dataclasses.replace(SHAPER, learning_rate=jnp.float32(0), n_epochs=2, **change)
    ppo.check(settings, WORLD)
    begun = ppo.init(settings, WORLD, KEY)
    weights = jax.tree.map(lambda leaf: 4 * leaf, begun.weights)  # so that memory matters
    weights["player"]["params"]["policy"]["kernel"] *= 100
    begun = dataclasses.replace(begun, weights=weights)
    update = jax.jit(ppo.update, static_argnums=1)
    after, metrics = update(settings, WORLD, begun)
    assert all(bool(each) for each in metrics["finite"].values())
    assert abs(float(metrics["player/approx_kl"])) < 1e-6 < float(metrics["player/entropy"])
    fast = dataclasses.replace(settings, learning_rate=jnp.float32(0.01))
    learned = update(fast, WORLD, begun)[0].weights
    moved = jax.tree.map(lambda a, b: bool((a != b).any()), learned, after.weights)
    assert np.mean(jax.tree.leaves(moved)) > 0.8  # attention does not care for all its biases


def test_evolution_has_all_of_mfos_but_its_critic():
    actor, rest = actor_and_rest(weights_of(FOS))
    assert {name.split("_")[0] for name in rest} == {"value"}
    assert {"meta_gru", "meta_gate", "policy_gru", "policy"} <= {*actor}


@pytest.mark.long
def test_evolution_finds_how_to_extort_who_follows_its_gradient():
    """Both earn -1 where they cooperate. After 100 generations populations of 8 seeds earned -0.72,
    with a deviation of 0.04: -0.95 is 5 deviations away for each of two."""
    evolution = pytest.importorskip("native.agents.es", exc_type=ImportError)

    def game(params):
        return of_other(of_logits(params.payoff, params.gamma))

    world = InfiniteMatrix(horizon=2)
    env = against_learner(world, "player_0", NaiveCoPlayer(game), games=1, episodes=100)
    how = {"std": 0.3, "learning_rate": 0.1, "population_size": 64, "episodes": 1}
    settings = evolution.ES(algorithm="open_es", gru=8, net_arch=(), **how)
    learner = Learner([settings], env, updates=100)
    _, metrics = learner.advance(learner.begin(seeds=(0, 1)))
    assert (metrics["return"][:, -1] / 200 > -0.95).all()


@pytest.mark.parametrize("settings", [SHAPER, FOS], ids=["shaper", "mfos"])
def test_what_was_learned_plays_one_game_too(settings):
    weights = {"player": weights_of(settings)}
    opponent = LearnedOpponent(LearnedPolicy(settings, WORLD.spec, weights))
    (group,) = WORLD.spec.groups
    alone = dataclasses.replace(group, agents=group.agents[:1])
    memory = opponent.init(KEY, alone, opponent.params)
    view = View(observation=jnp.zeros(1, jnp.int32), action_mask=None, acts=jnp.ones(1, jnp.bool_))
    act = jax.jit(lambda: opponent.act(KEY, alone, view, memory, opponent.params))
    action, after = act()
    assert action.shape == (1,) and after[1].shape == memory[1].shape


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mixing": "mean"}, "mixing"),
        ({"gru": 0}, "mixing must be 'none' without a memory"),
        ({"gru": 0, "mixing": "none", "inner_steps": 3}, "inner_steps must be 0 without a memory"),
        ({"inner_steps": -1}, "inner_steps"),
        ({"inner_steps": 3, "net_arch": (8,)}, r"net_arch must be \(\) with inner_steps"),
        ({"sharing": "agent"}, "learns by itself"),
        ({"batch_size": 6}, "times the 2 agents whose memories are mixed"),
    ],
)
def test_what_does_not_fit_is_refused(change, said):
    with pytest.raises(RuleError, match=said):
        ppo.check(dataclasses.replace(SHAPER, **change), WORLD)


@pytest.mark.parametrize("algorithm", ["ppo", "es"])
def test_inner_episodes_of_a_policy_are_those_of_the_world(algorithm):
    learned = against_learner(
        make("iterated_matrix_v0", horizon=6),
        "player_0",
        PPOCoPlayer(PPO(net_arch=(), batch_size=6)),
        games=1,
        episodes=4,
    )
    repeated = trials(make("CartPole-v1", horizon=6), 4)
    module = pytest.importorskip(f"native.agents.{algorithm}", exc_type=ImportError)
    kind = {"ppo": PPO, "es": getattr(module, "ES", None)}[algorithm]
    more = {"num_envs": 2, "n_steps": 24, "batch_size": 24} if algorithm == "ppo" else {}
    for env in (learned, repeated):
        for fits in (6, 3):
            module.check(kind(gru=4, net_arch=(), inner_steps=fits, **more), env)
        for steps in (4, 12, 24):
            settings = kind(gru=4, net_arch=(), inner_steps=steps, **more)
            with pytest.raises(RuleError, match=f"inner_steps must divide the 6 .*got {steps}"):
                module.check(settings, env)


def test_who_is_alone_mixes_with_nobody():
    with pytest.raises(RuleError, match="is one agent alone"):
        ppo.check(dataclasses.replace(SHAPER, n_steps=24), make("CartPole-v1"))
    with pytest.raises(RuleError, match="mixing must be 'none' without a memory"):
        dqn.check(dqn.DQN(mixing="average"), make("CartPole-v1"))
