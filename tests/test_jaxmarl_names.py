"""JaxMARL's names for games here, by its words; where it is installed, beside its own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.registry import make
from native.rollout import rollout
from native.rules import RuleError

PAYOFF = [[2, 3, -5], [7, 11, -13]]


@pytest.mark.parametrize(
    ("name", "agents", "shapes"),
    [
        ("coin_game", 2, [(36,)]),
        ("storm", 8, [(24,), (5, 5, 16)]),
        ("storm_2p", 2, [(6,), (5, 5, 10)]),
    ],
)
def test_shapes_are_jaxmarls(name, agents, shapes):
    env = make(name)
    state, shown = jax.eval_shape(lambda: env.init(jax.random.key(0), env.params))
    assert [leaf.shape[1:] for leaf in jax.tree.leaves(shown.observation)] == shapes
    assert env.spec.num_agents == agents and state.inner_episode.dtype == jnp.int32


def test_options_are_jaxmarls():
    env = make("coin_game", num_inner_steps=4, payoff_matrix=PAYOFF, cnn=True, egocentric=True)
    assert env.episodes == 10 and env.env.horizon == 4
    np.testing.assert_array_equal(env.params.payoff, PAYOFF)
    assert env.spec.groups[0].observation.shape == (3, 3, 4) and env.env.egocentric
    env = make("storm_2p", freeze_penalty=9, fixed_coin_location=False)
    assert env.params.freeze_penalty == 9 and not env.env.fixed_coins
    for word, value in (("num_inner_steps", None), ("num_outer_steps", 0), ("payoff_matrix", 3)):
        with pytest.raises(RuleError, match=f"^{word} must be "):
            make("coin_game", **{word: value})
    with pytest.raises(RuleError, match=r"^fixed_coin_location must be "):
        make("storm", fixed_coin_location=1)


def test_it_is_over_after_the_outer_steps():
    env = make("coin_game", num_inner_steps=3, num_outer_steps=4)
    actions = {"player": jnp.zeros((12, 2), jnp.int32)}
    _, shown = jax.jit(lambda key: rollout(env, key, actions))(jax.random.key(0))
    assert shown.info["inner_done"][1:].tolist() == [False, False, True] * 4
    assert np.flatnonzero(shown.terminated.all(axis=1)).tolist() == [12]


@pytest.mark.parametrize("name", ["coin_game", "storm_2p"])
def test_it_can_be_played_where_jaxmarls_own_was(name):
    jaxmarl = pytest.importorskip("jaxmarl")
    from bridge.targets.jaxmarl import make as make_ours

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        options = {"num_inner_steps": 5, "num_outer_steps": 3}
        pairs = [
            (env, [str(agent) for agent in env.agents])
            for env in (jaxmarl.make(name, **options), make_ours(name, **options))
        ]
        ends = []
        for env, _ in pairs:
            seen, state = env.reset(jax.random.key(0))
            step, over = jax.jit(env.step_env), []
            for t in range(15):
                actions = {agent: jnp.int32(t % 5) for agent in env.agents}
                if name == "storm_2p" and env is pairs[0][0]:
                    actions = (jnp.int32(t % 5), jnp.int32(t % 5))
                seen, state, _, done, _ = step(jax.random.key(t), state, actions)
                over.append(bool(done["__all__"]))
            shapes = [leaf.shape for leaf in jax.tree.leaves(seen)]
            ends.append((over, shapes))
        assert ends[0] == ends[1]
