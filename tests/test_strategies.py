"""Fixed strategies: what they answer, and what they earn against each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native import opponents
from native.registry import make
from native.rules import RuleError
from native.social import strategies
from native.social.infinite_matrix import values
from native.social.iterated_matrix import PAYOFFS
from native.social.strategies import THREE_PLAYERS, TWO_PLAYERS, Always, Memory, harsh, soft
from native.wrappers import one_team

KEY = jax.random.key(0)
DILEMMA = PAYOFFS["prisoners_dilemma"]


def replies(table):
    seen = jnp.arange(len(table), dtype=jnp.int32)
    return strategies.act(table, KEY, seen).tolist()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("altruistic", [0, 0, 0, 0, 0]),
        ("defect", [1, 1, 1, 1, 1]),
        ("tit_for_tat", [0, 1, 0, 1, 0]),
        ("grim", [0, 1, 1, 1, 0]),
        ("pavlov", [0, 1, 1, 0, 0]),
    ],
)
def test_replies_to_cc_cd_dc_dd_and_the_start(name, expected):
    assert replies(TWO_PLAYERS[name]) == expected


# Own action first: CCC, CCD, CDC, CDD, DCC, DCD, DDC, DDD, start.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("altruistic", [0] * 9),
        ("defect", [1] * 9),
        ("strict_stay", [0, 0, 0, 1, 0, 1, 1, 1, 0]),
        ("strict_switch", [0, 1, 1, 1, 0, 0, 0, 1, 0]),
        ("lenient", [0, 0, 0, 1, 0, 0, 0, 1, 0]),
        ("harsh", [0, 1, 1, 1, 0, 1, 1, 1, 0]),
    ],
)
def test_replies_among_three(name, expected):
    assert replies(THREE_PLAYERS[name]) == expected


def test_among_many_soft_forgives_half():
    seen = [int(f"{own:01b}{others:03b}", 2) for own in (0, 1) for others in (0b001, 0b011, 0b111)]
    assert [replies(soft(4))[at] for at in seen] == [0, 1, 1] * 2
    assert [replies(soft(3))[at] for at in (0b001, 0b011)] == [0, 1]
    assert [replies(harsh(4))[at] for at in (0, *seen)] == [0] + [1] * 6


def test_a_chance_between_is_drawn():
    """1,000 draws of 0.3: outside of 0.2 ... 0.4 with odds below 10^-11."""
    drawn = strategies.act((0.3,), KEY, jnp.zeros(1000, jnp.int32))
    assert 0.2 < 1 - float(drawn.mean()) < 0.4


def earned(one, two, steps=10):
    """Means of both over an episode, the one played here by its table."""
    world = make("iterated_matrix_v0", horizon=steps)
    env = one_team(world, "player_0", Memory(TWO_PLAYERS[two]))

    def step(now, _):
        state, seen, total = now
        action = {"player": strategies.act(TWO_PLAYERS[one], KEY, seen)}
        paid = world.step(KEY, state.env, both(action, state), world.params)[1].reward
        state, shown = env.step(KEY, state, action, env.params)
        np.testing.assert_array_equal(shown.reward, paid[:1])
        return state, shown.observation["player"], total + paid

    def both(action, state):
        other = strategies.act(TWO_PLAYERS[two], KEY, state.seen["player"][1:])
        return {"player": jnp.concatenate([action["player"], other])}

    state, shown = env.init(KEY, env.params)
    now = state, shown.observation["player"], jnp.zeros(2, jnp.float32)
    for _ in range(steps):
        now = step(now, None)
    return now[2] / steps


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("altruistic", "altruistic", (-1, -1)),
        ("defect", "defect", (-2, -2)),
        ("altruistic", "defect", (-3, 0)),
        ("tit_for_tat", "defect", ((-3 - 2 * 9) / 10, -2 * 9 / 10)),
    ],
)
def test_what_strategies_earn_each_step(one, two, expected):
    np.testing.assert_allclose(earned(one, two), expected, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(TWO_PLAYERS))
@pytest.mark.parametrize("game", ["iterated_matrix_v0", "infinite_matrix_v0"])
def test_every_strategy_is_an_opponent_by_name(game, name):
    world = make(game)
    env = one_team(world, "player_0", opponents.of(world)[name])
    assert env.spec.agents == ("player_0",)
    state, _ = env.init(KEY, env.params)
    action = {group.name: group.zero_action() for group in env.spec.groups}
    _, shown = env.step(KEY, state, action, env.params)
    assert shown.reward.shape == (1,)


def test_in_the_infinite_game_a_strategy_is_its_logits():
    world = make("infinite_matrix_v0")
    env = one_team(world, "player_0", opponents.of(world)["tit_for_tat"])
    state, _ = env.init(KEY, env.params)
    _, shown = env.step(KEY, state, {"player": jnp.full((1, 5), -20.0, jnp.float32)}, env.params)
    defect, other = (jnp.array(TWO_PLAYERS[name]) for name in ("defect", "tit_for_tat"))
    paid = values(DILEMMA, 0.96, defect, other)[0]
    np.testing.assert_allclose(shown.reward[0], paid, rtol=1e-5)


def test_extortion_keeps_three_parts_of_four():
    """Of what both earn above mutual defection, whatever the other does."""
    drawn = jax.random.uniform(jax.random.key(1), (16, 5), jnp.float32, 0.05, 0.95)
    table = jnp.array(TWO_PLAYERS["extortion"], jnp.float32)
    mine, theirs = jax.vmap(lambda other: values(DILEMMA, 0.9999, table, other) + 2)(drawn).T
    np.testing.assert_allclose(mine, 3 * theirs, atol=0.01)


def test_each_world_may_have_its_own_opponent():
    world = make("iterated_matrix_v0")
    env = one_team(world, "player_0", Memory(TWO_PLAYERS["defect"]))
    state, _ = env.init(KEY, env.params)

    def paid(table):
        params = type(env.params)(env=env.params.env, own={"opponent": table})
        action = {"player": jnp.zeros(1, jnp.int32)}
        return env.step(KEY, state, action, params)[1].reward[0]

    tables = jnp.array([TWO_PLAYERS["defect"], TWO_PLAYERS["tit_for_tat"]], jnp.float32)
    assert jax.vmap(paid)(tables).tolist() == [-3, -1]


@pytest.mark.parametrize("chances", [(), "all", (1.5,), (0.5, "x")])
def test_a_table_that_is_none_is_refused(chances):
    with pytest.raises(RuleError, match="chances"):
        Memory(chances)


def test_a_table_of_another_game_is_refused():
    world = make("iterated_matrix_v0")
    env = one_team(world, "player_0", Memory(harsh(3)))
    with pytest.raises(RuleError, match=r"9 chances .* Discrete\(n=5\)"):
        env.step(KEY, env.init(KEY, env.params)[0], {"player": jnp.zeros(1, jnp.int32)}, env.params)


def test_always_the_same():
    world = make("iterated_matrix_v0")
    env = one_team(world, "player_1", Always(1))
    state, _ = env.init(KEY, env.params)
    _, shown = env.step(KEY, state, {"player": jnp.zeros(1, jnp.int32)}, env.params)
    assert shown.reward.tolist() == [-3]
