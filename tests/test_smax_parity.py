"""SMAX's battles are JaxMARL's: the same step from each state of theirs, by the same luck.

Theirs plays: enemies by its heuristic, allies by it or by anything legal, as often. What is other
here on purpose has tests of its own, in test_smax.py.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import parity
import pytest
from parity import Shown

smax_env = pytest.importorskip("jaxmarl.environments.smax.smax_env")

from jaxmarl.environments.smax import heuristic_enemy

from native.registry import make
from native.smax import combat, controls
from native.smax.scenarios import SCENARIOS
from native.smax.smax import State
from native.smax.units import LETTERS, Units

GAMES, STEPS = 128, 40
COMPARED = ("3m", "2s3z", "5m_vs_6m", "6h_vs_8z", "smacv2_5_units")
LONG = "2s3z"  # its battles go on beyond STEPS
each = pytest.mark.parametrize("scenario", COMPARED)


class Played(NamedTuple):
    """(games, steps, ...), or what a leaf says."""

    before: Any  # their state
    after: Any
    actions: Any  # int32 (units,)
    luck: Any  # float32 (SUBSTEPS, units)
    masks: Any  # bool (units, actions), before; padded
    seen: Any  # (units, numbers), after
    world: Any
    reward: Any  # (units,)
    done: Any  # bool ()
    acts: Any  # bool (), before


@functools.cache
def theirs(scenario, **options):
    """Battles of theirs."""
    env = smax_env.SMAX(scenario=smax_env.map_name_to_scenario(scenario), **options)
    teams = slice(0, env.num_allies), slice(env.num_allies, None)
    policies = [heuristic_enemy.create_heuristic_policy(env, team) for team in (0, 1)]
    most = 5 + max(env.num_allies, env.num_enemies)

    def padded(mask):
        return jnp.pad(mask, (0, most - len(mask))) > 0

    def luck(key):
        key = jax.random.split(key)[0]  # as their step divides it
        drawn = []
        for _ in range(combat.SUBSTEPS):
            key, of_all = jax.random.split(key)
            low, high = combat.COOLDOWN_NOISE
            draw = functools.partial(jax.random.uniform, minval=low, maxval=high)
            drawn.append(jax.vmap(draw)(jax.random.split(of_all, env.num_agents)))
        return jnp.stack(drawn)

    def advance(now, key):
        state, memory, acts = now
        for_luck, for_legal, for_choice, *for_teams = jax.random.split(key, 5)
        masks = jnp.stack([padded(mask) for mask in env.get_avail_actions(state).values()])
        seen = env.get_obs_unit_list(state)
        seen = jnp.stack([seen[agent] for agent in env.agents])
        chosen, remembered = [], []
        for rows, policy, old, one in zip(teams, policies, memory, for_teams, strict=True):
            keys = jax.random.split(one, len(seen[rows]))
            action, new = jax.vmap(policy)(keys, old, seen[rows])
            chosen.append(action)
            remembered.append(new)
        legal = jax.random.categorical(for_legal, jnp.where(masks, 0.0, -jnp.inf))[teams[0]]
        either = jax.random.bernoulli(for_choice, 0.5, legal.shape)
        actions = jnp.concatenate([jnp.where(either, legal, chosen[0]), chosen[1]])
        joint = dict(zip(env.agents, actions, strict=True))
        obs, after, reward, done, _ = env.step_env(for_luck, state, joint)
        shown = Played(
            before=state,
            after=after,
            actions=actions,
            luck=luck(for_luck),
            masks=masks,
            seen=jnp.stack([obs[agent] for agent in env.agents]),
            world=obs["world_state"],
            reward=jnp.stack([reward[agent] for agent in env.agents]),
            done=done["__all__"],
            acts=acts,
        )
        return (after, remembered, acts & ~done["__all__"]), shown

    def game(key):
        state = env.reset(key)[1]
        initial = heuristic_enemy.get_heuristic_policy_initial_state()
        memory = [
            jax.tree.map(lambda leaf, n=n: jnp.stack([jnp.asarray(leaf)] * n), initial)
            for n in (env.num_allies, env.num_enemies)
        ]
        keys = jax.random.split(jax.random.fold_in(key, 1), STEPS)
        return jax.lax.scan(advance, (state, memory, jnp.bool_(True)), keys)[1]

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        played = jax.jit(jax.vmap(game))(jax.random.split(jax.random.key(0), GAMES))
    return jax.tree.map(np.asarray, played)


def as_ours(state):
    """Their state as ours, one or many."""
    x, y = state.unit_positions[..., 0], state.unit_positions[..., 1]
    units = Units(
        x=x,
        y=y,
        health=state.unit_health,
        alive=state.unit_alive,
        cooldown=state.unit_weapon_cooldowns,
        kind=state.unit_types.astype(np.int32),
        dx=state.prev_movement_actions[..., 0],
        dy=state.prev_movement_actions[..., 1],
        attack=state.prev_attack_actions.astype(np.int32),
    )
    start = np.stack([x[:, :1], y[:, :1]], axis=-2) + np.zeros_like(np.stack([x, y], axis=-2))
    tick = state.step.astype(np.int32)
    return State(units=units, start=start, tick=tick, over=np.zeros_like(state.done))


@functools.cache
def compared(scenario, **options):
    """Their play; and of ours the states after it, masks before it, and what it shows."""
    env = make(f"smax_{scenario}_v1", enemy_policy=None, **options)
    played = theirs(scenario)
    states = as_ours(played.before)
    most = played.masks.shape[-1]

    def one(state, actions, luck):
        orders, attack = controls.discrete(actions, len(env.allies))
        after, shown = env.advance(state, orders, attack, luck, env.params)
        masks = env.action_mask(state, env.params)
        padded = [jnp.pad(mask, ((0, 0), (0, most - mask.shape[1]))) for mask in masks.values()]
        rows = slice(len(env.allies), len(env.allies + env.enemies))
        enemies = env.act_by_heuristic(jax.random.key(0), state, rows, "closest", env.params)
        return (
            after,
            jnp.concatenate(padded),
            jnp.concatenate([*shown.observation.values()]),
            env.global_state(after, env.params),
            shown,
            enemies,
        )

    found = jax.jit(jax.vmap(jax.vmap(one)))(states, played.actions.astype(np.int32), played.luck)
    return env, played, jax.tree.map(np.asarray, found)


@each
def test_fights_as_jaxmarl_fights(scenario):
    _, played, (after, masks, seen, world, shown, _) = compared(scenario)
    acts, right = played.acts, as_ours(played.after)
    for name in ("alive", "kind", "attack"):
        ours, of_theirs = (getattr(state.units, name)[acts] for state in (after, right))
        np.testing.assert_array_equal(ours, of_theirs, name)
    for name in ("x", "y", "health", "cooldown", "dx", "dy"):
        ours, of_theirs = (getattr(state.units, name)[acts] for state in (after, right))
        np.testing.assert_allclose(ours, of_theirs, rtol=0, atol=2e-5, err_msg=name)
    np.testing.assert_array_equal(masks[acts], played.masks[acts])
    np.testing.assert_allclose(seen[acts], played.seen[acts], rtol=0, atol=2e-5)
    np.testing.assert_allclose(world[acts], played.world[acts], rtol=0, atol=2e-5)
    np.testing.assert_allclose(shown.reward[acts], played.reward[acts], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(shown.terminated[acts].all(axis=-1), played.done[acts])


@each
def test_what_is_compared_is_a_battle(scenario):
    _, played, _ = compared(scenario)
    assert played.acts.sum() > 1500
    assert (~played.before.unit_alive[played.acts]).sum() > 200
    if scenario != LONG:
        assert (played.done & played.acts).sum() > 60
        assert (played.reward[played.acts] >= 1).any(), "won"


@each
def test_enemies_decide_as_theirs_do(scenario):
    """Where nothing is left to chance: one shoots, or sees one at most."""
    env, played, (*_, enemies) = compared(scenario)
    allies = len(env.allies)
    state = jax.tree.map(np.asarray, as_ours(played.before))
    alive = state.units.alive
    sight = np.array(env.params.unit_type_sight_ranges, np.float32)[state.units.kind]
    dx = state.units.x[..., None, :allies] - state.units.x[..., allies:, None]
    dy = state.units.y[..., None, :allies] - state.units.y[..., allies:, None]
    seen = (np.hypot(dx, dy) < sight[..., allies:, None]) & alive[..., None, :allies]
    shoots = played.actions[..., allies:] >= controls.MOVES
    certain = (shoots | (seen.sum(axis=-1) <= 1)) & alive[..., allies:] & played.acts[..., None]
    right = played.actions[..., allies:]
    np.testing.assert_array_equal(enemies[certain], right[certain])
    assert (shoots & certain).sum() > 200 and (~shoots & certain).sum() > 200


def test_scenarios_are_theirs():
    assert set(SCENARIOS) == set(smax_env.MAP_NAME_TO_SCENARIO)
    for name, (allies, enemies) in SCENARIOS.items():
        right = smax_env.map_name_to_scenario(name)
        assert (len(allies), len(enemies)) == (right.num_allies, right.num_enemies)
        drawn = {allies[0], enemies[0]} == {"?"}
        assert drawn == right.smacv2_unit_type_generation == right.smacv2_position_generation
        if not drawn:
            assert [*map(LETTERS.find, allies + enemies)] == right.unit_types.tolist()
        env = make(f"smax_{name}_v1")
        original = smax_env.SMAX(scenario=right)
        assert env.spec.groups[0].observation.shape == (original.obs_size,)
        assert env.spec.global_state.shape == (original.state_size,)
        assert env.spec.groups[0].action.n == original.num_ally_actions


def test_the_conic_view_of_the_first_ally_is_theirs():
    """Theirs never shows the first ally, and goes on showing the dead; see test_smax.py."""
    played = theirs("2s3z", observation_type="conic")
    env, states = make("smax_2s3z_v1", observation="conic"), as_ours(played.after)
    see = jax.vmap(jax.vmap(lambda state: env._observe(state.units, env._stats(state, env.params))))
    found = np.asarray(jax.jit(see)(states)["ally"])[:, :, 0]
    living = states.units.alive.all(axis=-1) & played.acts
    np.testing.assert_allclose(found[living], played.seen[:, :, 0][living], rtol=0, atol=2e-5)
    assert living.sum() > 200


def test_the_parity_page_says_how_far(request):
    rows = []
    for scenario in COMPARED:
        _, played, (_, _, seen, _, shown, _) = compared(scenario)
        acts = played.acts
        never = np.zeros(acts.sum(), bool)
        ended = shown.terminated[acts].all(axis=-1)
        ours = Shown(seen[acts], shown.reward[acts], ended, never)
        right = Shown(played.seen[acts], played.reward[acts], played.done[acts], never)
        rows.append(parity.compare(f"smax_{scenario}_v1", "one step", "float32", ours, right))
    parity.check("smax", rows, request.config.getoption("--write-parity"))
