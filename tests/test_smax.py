"""SMAX's rules where JaxMARL is not needed to say what they are, or is not followed."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native import opponents, registry
from native.registry import VARIANTS, make
from native.rollout import rollout
from native.rules import RuleError
from native.smax import combat, controls, start
from native.smax.scenarios import SCENARIOS
from native.smax.smax import Smax
from native.smax.units import LETTERS, SIDE, Params, Units, stats
from native.testing import check_environment
from native.wrappers import one_team

NORTH, EAST, SOUTH, WEST, STOP, SHOOT = range(6)


BASE = Smax(allies="mm", enemies="m", enemy_policy=None)
OTHER = Smax(
    allies="mm",
    enemies="m",
    enemy_policy=None,
    see_enemy_actions=False,
    walls_cause_death=False,
    use_self_play_reward=True,
    horizon=4,
    params=Params(unit_type_attacks=(20.0,) * 6, won_battle_bonus=3.0),
)


@functools.partial(jax.jit, static_argnums=0)
def step(env, state, action):
    return env.step(jax.random.key(0), state, action, env.params)


@functools.partial(jax.jit, static_argnums=0)
def begin(env):
    return env.init(jax.random.key(0), env.params)


@functools.partial(jax.jit, static_argnums=0)
def look(env, units):
    return env._observe(units, stats(units.kind, env.params))


def placed(env, x, y, **changes):
    """A battle with its units in these places."""
    places = {"x": jnp.array(x, jnp.float32), "y": jnp.array(y, jnp.float32)}
    if "health" in changes:
        changes["health"] = jnp.array(changes["health"], jnp.float32)
        changes["alive"] = changes["health"] > 0
    state = begin(env)[0]
    units = dataclasses.replace(state.units, **places, **changes)
    return dataclasses.replace(state, units=units, start=jnp.stack([*places.values()]))


def told(*actions):
    """Actions of two allies and an enemy."""
    return {"ally": jnp.array(actions[:2], jnp.int32), "enemy": jnp.array(actions[2:], jnp.int32)}


def test_a_unit_goes_where_it_is_told():
    state = placed(BASE, [10, 25, 20], [16, 25, 16])
    for action, way in ((NORTH, (0, 1)), (EAST, (1, 0)), (SOUTH, (0, -1)), (WEST, (-1, 0))):
        units = step(BASE, state, told(action, STOP, STOP))[0].units
        moved = [float(units.x[0]) - 10, float(units.y[0]) - 16]
        np.testing.assert_allclose(moved, np.array(way) * 3.15 / 2, atol=1e-5)
        assert (float(units.x[2]), float(units.y[2])) == (20, 16)


def test_a_shot_takes_health_once_until_the_weapon_is_ready():
    state = placed(BASE, [10, 1, 14], [16, 1, 16])
    state, shown = step(BASE, state, told(SHOOT, STOP, STOP))
    assert state.units.health.tolist() == [45, 45, 36]
    np.testing.assert_allclose(shown.reward, [9 / 45, 9 / 45, 0], rtol=1e-6)
    waits = float(state.units.cooldown[0]) + 7 / 16  # it shot in the first of eight
    assert 0.61 - 1 / 16 <= waits <= 0.61 + 2 / 16
    assert step(BASE, state, told(STOP, SHOOT, STOP))[0].units.health.tolist() == [45, 45, 36]


def test_shots_are_at_the_same_time_and_both_may_die():
    state = placed(BASE, [10, 1, 14], [16, 1, 16], health=[5, 0, 5])
    state, shown = step(BASE, state, told(SHOOT, STOP, SHOOT + 1))
    assert not state.units.alive.any() and not shown.info["won"]
    assert shown.terminated.all() and not shown.truncated.any()
    np.testing.assert_allclose(shown.reward, [5 / 45, 5 / 45, 5 / 90], rtol=1e-6)


def test_what_a_battle_won_is_worth():
    """By the rule `use_self_play_reward` the bonus alone, which is a number."""
    state = placed(BASE, [10, 1, 14], [16, 1, 16], health=[45, 0, 5])
    shown = step(BASE, state, told(SHOOT, STOP, STOP))[1]
    assert shown.info["won"] and shown.info["allies_alive"] == 1
    np.testing.assert_allclose(shown.reward, [1 + 5 / 45, 1 + 5 / 45, 0], rtol=1e-6)
    state = placed(OTHER, [10, 1, 14], [16, 1, 16], health=[45, 0, 15])
    shown = step(OTHER, state, told(SHOOT, STOP, STOP))[1]
    np.testing.assert_allclose(shown.reward, [3, 3, -3], rtol=1e-6)


def test_the_edge_of_the_map_kills():
    """Not by the rule."""
    places = [0.5, 15, 20], [16, 16, 16]
    after = step(BASE, placed(BASE, *places), told(WEST, STOP, STOP))[0]
    assert after.units.alive.tolist() == [False, True, True]
    after = step(OTHER, placed(OTHER, *places), told(WEST, STOP, STOP))[0]
    assert after.units.alive.all() and float(after.units.x[0]) == 0


def test_units_push_each_other_apart():
    state = step(BASE, placed(BASE, [10, 10.5, 30], [16, 16, 5]), told(STOP, STOP, STOP))[0]
    np.testing.assert_allclose(state.units.x, [9.875, 10.625, 30], atol=1e-5)


def test_many_units_fight_as_few_do():
    """Their program has loops; those beyond the first three are dead."""
    rng, few, many = np.random.default_rng(0), 3, combat.UNROLLED + 1
    places = rng.uniform(10, 14, (2, 2 * few))
    targets = rng.integers(0, few, 2 * few)
    kind = rng.integers(0, 6, 2 * few).astype(np.int32)
    fight = functools.partial(combat.fight, walls_cause_death=True)

    def fought(units, steps=6):
        rows = np.r_[0:few, units : units + few]

        def filled(values, dtype):
            whole = np.zeros(2 * units, dtype)
            whole[rows] = values
            return jnp.asarray(whole)

        able = stats(filled(kind, np.int32), Params())
        nothing = jnp.zeros(2 * units, jnp.float32)
        alive = filled(1, bool)
        team = Units(
            x=filled(places[0], np.float32),
            y=filled(places[1], np.float32),
            health=jnp.where(alive, able.health, 0.0),
            alive=alive,
            cooldown=nothing,
            kind=filled(kind, np.int32),
            dx=nothing,
            dy=nothing,
            attack=jnp.zeros(2 * units, jnp.int32),
        )
        orders = combat.Orders(dx=nothing, dy=nothing, target=filled(targets, np.int32))
        once = jax.jit(lambda team: fight(team, able, orders, nothing[None], units))
        for _ in range(steps):
            team = once(team)
        return [np.asarray(leaf)[rows] for leaf in (team.x, team.y, team.health, team.cooldown)]

    for ours, right in zip(fought(many), fought(few), strict=True):
        np.testing.assert_allclose(ours, right, rtol=1e-5)
    assert (fought(few)[2] == 0).any()


def test_an_episode_has_100_steps():
    """JaxMARL asks for the limit before it counts, and has 101."""
    assert make("smax_3m_v1").spec.horizon == 100 and OTHER.horizon == 4
    state, ends = placed(OTHER, [2, 2, 30], [5, 10, 15]), []
    for _ in range(4):
        state, shown = step(OTHER, state, told(STOP, STOP, STOP))
        ends.append(bool(shown.truncated.all()))
    assert ends == [False, False, False, True] and not shown.terminated.any()


def test_the_dead_see_nothing_can_only_stop_and_share_the_reward():
    state = placed(BASE, [10, 10, 14], [10, 16, 16], health=[0, 45, 45])
    mask = jax.jit(BASE.action_mask)(state, BASE.params)
    assert mask["ally"].tolist() == [[False] * 4 + [True, False], [True] * 6]
    assert mask["enemy"].tolist() == [[True] * 6 + [False]], "allies are counted from the last"
    shown = step(BASE, state, told(STOP, SHOOT, STOP))[1]
    assert not shown.observation["ally"][0].any() and not shown.terminated.any()
    np.testing.assert_allclose(shown.reward, [9 / 45, 9 / 45, 0], rtol=1e-6)


def test_both_teams_see_alike():
    """A battle, and the same with the units counted from the last, so that teams change places."""
    env = Smax(allies="mMs", enemies="mMs", enemy_policy=None)
    x, y = np.random.default_rng(0).uniform(10, 15, (2, 6))
    units = placed(env, x, y).units
    backwards = jax.tree.map(lambda leaf: leaf[::-1], units)
    seen, swapped = look(env, units), look(env, backwards)
    np.testing.assert_array_equal(seen["ally"], swapped["enemy"][::-1])
    np.testing.assert_array_equal(seen["enemy"], swapped["ally"][::-1])


def test_what_the_others_did_can_be_hidden():
    state = placed(BASE, [10, 10, 12], [10, 12, 10])
    for env, shown in ((BASE, 1), (OTHER, 0)):
        seen = step(env, state, told(EAST, EAST, SHOOT + 1))[1].observation["ally"][0]
        assert seen[3] == 1, "the other ally went east"
        assert seen[13 + 5] == shown, "the enemy did its highest action"


def test_the_conic_view_has_two_of_the_living_in_each_direction():
    """JaxMARL's leaves out the first ally and has the dead in it."""
    env = Smax(allies="mmmmm", enemies="mm", observation="conic", enemy_policy=None)
    x, y = [14.0, 15.0, 16.0, 5.0, 10.0, 13.0, 10.0], [16.1, 16.1, 16.1, 16.1, 16, 16.1, 20]
    state = placed(env, x, y, health=[45, 45, 45, 45, 45, 0, 45])
    slots = np.asarray(look(env, state.units)["ally"])[4, :-10].reshape(32, 2, 13)
    assert (slots[16, :, 1] * 9).round(3).tolist() == [4, 5], "the first two, not the third"
    there = {(int(s), int(k)) for s, k in np.argwhere(slots.any(axis=-1))}
    assert there == {(16, 0), (16, 1), (31, 0), (24, 0)}, "east, west, north; nobody dead"


def test_continuous_actions_shoot_by_chance():
    """JaxMARL has the chances the other way round: there 1 never shoots."""
    env = Smax(allies="m", enemies="mm", continuous_actions=True, enemy_policy=None)
    assert not env.spec.masks and env.spec.groups[0].action.shape == (4,)
    units = placed(env, [10, 13, 13], [16, 14, 18]).units
    action = jnp.array([[0, 1, 1, 0.125], [0, 0, 1, 0.25], [1, 1, 0, 0]], jnp.float32)
    half = jnp.full(3, 0.5, jnp.float32)
    decoded = jax.jit(controls.decoded, static_argnums=4)
    orders, attack = decoded(action, half, half, units, 1)
    assert orders.target.tolist() == [1, -1, -1], "up right; goes; has shot at nobody yet"
    assert attack.tolist() == [6, 0, 0]
    np.testing.assert_allclose(orders.dx, [0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(orders.dy, [0, 1, 0], atol=1e-6)
    units = dataclasses.replace(units, attack=jnp.array([5, 0, 5], jnp.int32))
    again = decoded(action.at[0, 0].set(1), half, half, units, 1)[0]
    assert again.target.tolist() == [0, -1, 0], "the same as before"


def test_enemies_shoot_come_and_look_for_the_others():
    @functools.partial(jax.jit, static_argnums=0)
    def choices(mode, state):
        keys = jax.random.split(jax.random.key(0), 40)
        rows = slice(2, 3)
        return jax.vmap(lambda k: BASE.act_by_heuristic(k, state, rows, mode, BASE.params)[0])(keys)

    def does(x, y, mode="closest", **changes):
        return set(choices(mode, placed(BASE, x, y, **changes)).tolist())

    assert does([10, 11, 14], [16, 16, 16]) == {SHOOT}, "the last ally, which is nearer"
    last = jnp.array([0, 0, SHOOT + 1], jnp.int32)
    assert does([10, 11, 14], [16, 16, 16], attack=last) == {SHOOT + 1}, "the same as before"
    assert does([10, 11, 14], [16, 16, 16], "harmless") == {WEST}
    assert does([17, 1, 17], [8, 1, 16]) == {SOUTH}, "one in sight"
    assert does([10, 17, 17], [16, 8, 16], "harmless") == {SOUTH, WEST}, "any in sight"
    assert does([1, 1, 30], [1, 1, 16]) == {WEST}, "nobody: to the other side"
    assert does([10, 11, 14], [16, 16, 16], "random") == {SHOOT, SHOOT + 1}  # else 2^-39


def test_who_plays_the_enemies_by_name_plays_as_the_rule_says():
    rule = make("smax_3m_v1")
    assert {"closest", "random", "harmless"} <= set(opponents.of(rule))
    script = one_team(make("smax_3m_v1", enemy_policy=None), "ally", opponents.of(rule)["closest"])
    stop = {"ally": jnp.full((6, 3), STOP, jnp.int32)}  # steps in which nobody sees another
    played = [
        jax.jit(rollout, static_argnums=0)(env, jax.random.key(0), stop) for env in (rule, script)
    ]
    (mine, shown), (theirs, also) = played
    np.testing.assert_allclose(mine.units.x, theirs.env.units.x)
    np.testing.assert_allclose(shown.observation["ally"], also.observation["ally"])
    assert mine.units.x[-1, 3:].max() < mine.units.x[0, 3:].min() - 4


def test_facing_teams_begin_within_two_units_of_their_places():
    keys = jax.random.split(jax.random.key(0), 200)
    x, y = jax.jit(jax.vmap(lambda key: start.facing(key, 3, 2)))(keys)
    assert abs(x[:, :3] - 8).max() <= 2 and abs(x[:, 3:] - 24).max() <= 2
    assert abs(y - 16).max() <= 2 and y.max() > 17.9


def test_smacv2_begins_reflected_or_surrounded_and_never_at_the_edge():
    """Some of JaxMARL's begin beyond the edge, and die of it."""
    keys = jax.random.split(jax.random.key(0), 1000)
    x, y = map(np.asarray, jax.jit(jax.vmap(lambda key: start.anywhere(key, 5, 6)))(keys))
    assert min(x.min(), y.min()) >= 1 and max(x.max(), y.max()) <= SIDE - 1
    reflected = np.isclose(x[:, :5], SIDE - x[:, 5:10]).all(axis=1) & (y[:, :5] == y[:, 5:10]).all(
        1
    )
    assert abs(reflected.mean() - 0.5) < 0.1, "6 sd"
    near = (np.hypot(x - 16, y - 16) < 2.9).astype(int)
    inside = near[:, :5].all(axis=1) | near[:, 5:].all(axis=1)
    assert (inside | reflected).all()
    assert (near[:, :5].all(axis=1) & ~reflected).sum() > 100
    assert (near[:, 5:].all(axis=1) & ~reflected).sum() > 100


def test_unknown_units_are_drawn_and_mirrored_all_of_them():
    """JaxMARL's enemies without a counterpart are always marines."""
    keys = jax.random.split(jax.random.key(0), 300)

    @functools.partial(jax.jit, static_argnums=(1, 2))
    def drawn(keys, allies, enemies):
        return jax.vmap(lambda key: start.kinds(key, allies, enemies))(keys)

    kinds = np.asarray(drawn(keys, "??", "???"))
    np.testing.assert_array_equal(kinds[:, :2], kinds[:, 2:4])
    assert set(kinds[:, 4]) == set(range(6)), "one is never drawn by chance: 6 (5/6)^300, 1e-23"
    kinds = np.asarray(drawn(keys, "s?", "Z?"))
    assert (kinds[:, 0] == LETTERS.index("s")).all() and (kinds[:, 2] == 3).all()


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"allies": "mx"}, "allies must be a letter for each unit, of m, M, s, Z, z, h, ?"),
        ({"enemies": ""}, "enemies must be a letter for each unit"),
        ({"enemy_policy": "wild"}, "enemy_policy must be one of closest, random, harmless"),
        ({"starts": 3}, "starts must be one of facing, anywhere"),
        (
            {"params": Params(unit_type_attacks=(1.0,))},
            "params.unit_type_attacks must be 6 numbers",
        ),
    ],
)
def test_bad_rules_are_refused_by_name(rules, message):
    with pytest.raises(RuleError, match=message.replace("?", r"\?")):
        Smax(**rules)


def test_every_scenario_has_a_name_that_says_what_holds():
    for scenario, (allies, enemies) in SCENARIOS.items():
        env = make(f"smax_{scenario}_v1")
        assert (env.allies, env.enemies) == (allies, enemies)
        assert (f"smax_{scenario}_v1" in VARIANTS) == (scenario != "3m")
    assert registry.name_of("smax_3s5z_vs_3s6z_v1").family == "smax"


OTHERS = [scenario for scenario in SCENARIOS if scenario != "3m"]


@pytest.mark.long
@pytest.mark.parametrize("scenario", OTHERS)
def test_every_scenario_keeps_the_contract(scenario):
    check_environment(make(f"smax_{scenario}_v1"))


@pytest.mark.long
@pytest.mark.parametrize(
    "rules",
    [
        {"enemy_policy": None, "enemies": "mM"},
        {"continuous_actions": True},
        {"observation": "conic"},
        {"starts": "anywhere", "enemy_policy": "random", "walls_cause_death": False},
    ],
)
def test_other_rules_keep_the_contract(rules):
    check_environment(make("smax_3m_v1", **rules))
