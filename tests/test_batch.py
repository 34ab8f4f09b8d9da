"""The engine, row by row: auto-reset by hand-written tables, keys, independence, totals."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drivers import draw, stepped
from probe import END, Probe

from bridge.session import Session
from native.batch import Autoreset, Batch
from native.grid.causeway import Causeway
from native.kernels import primitives
from native.prng import implementation
from native.registry import make
from native.rollout import rollout

pytestmark = pytest.mark.sampled

SEED = 5


def play(batch, seeds, actions):
    """Transitions of every step, stacked: (steps, rows, ...). `actions`: group -> (steps, ...)."""
    params = batch.env.params

    def advance(carry, action):
        return batch.step(carry, action, params)

    def whole(seeds, actions):
        carry, first = batch.init(seeds, params)
        _, rest = jax.lax.scan(advance, carry, actions)
        return first, rest

    seeds = np.asarray(seeds, np.uint32)
    return jax.tree.map(np.asarray, jax.jit(whole)(seeds, actions))


def random_actions(env, rows, steps, seed):
    """Legal or not: the rules must bear both. Group -> (steps, rows, ...)."""
    rng = np.random.default_rng(seed)
    drawn = [draw(env, rng, rows) for _ in range(steps)]
    return {
        group.name: np.stack([each[group.name] for each in drawn]).astype(group.action.dtype)
        for group in env.spec.groups
    }


def same(left, right, rtol=0.0, atol=0.0):
    def compare(a, b):
        assert a.shape == b.shape and a.dtype == b.dtype
        exact = a.dtype.kind != "f"
        np.testing.assert_allclose(a, b, 0.0 if exact else rtol, 0.0 if exact else atol)

    assert jax.tree.structure(left) == jax.tree.structure(right)
    jax.tree.map(compare, left, right)


def drawn(seed, episode, tick, rng="pcg4d"):
    """The number that a probe draws, by the key schedule that `native.batch` promises."""
    key = jax.random.key(seed, impl=implementation(rng))
    key = jax.random.fold_in(jax.random.fold_in(key, episode), tick)
    return float(jax.random.uniform(key, (), jnp.float32))


# One agent, two rows, horizon 5. Row 0 ends itself on step 2, row 1 is ended by the horizon.
ACTIONS = np.array([[1, END, 3, 4, 2, 1, 2], [1, 1, 2, 1, 1, 4, 2]]).T
Z, T = False, True
TABLES = {
    Autoreset.NEXT_STEP: {
        "tick": [[1, 2, 0, 1, 2, 3, 4], [1, 2, 3, 4, 5, 0, 1]],
        "did": [[1, END, 0, 4, 2, 1, 2], [1, 1, 2, 1, 1, 0, 2]],
        "draw": [
            [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4)],
            [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 0), (1, 1)],
        ],
        "reward": [[1, END, 0, 4, 2, 1, 2], [1, 1, 2, 1, 1, 0, 2]],
        "terminated": [[Z, T, Z, Z, Z, Z, Z], [Z, Z, Z, Z, Z, Z, Z]],
        "truncated": [[Z, Z, Z, Z, Z, Z, Z], [Z, Z, Z, Z, T, Z, Z]],
        "over": [[Z, T, Z, Z, Z, Z, Z], [Z, Z, Z, Z, T, Z, Z]],
        "acting": [[T, Z, T, T, T, T, T], [T, T, T, T, Z, T, T]],
        "returns": [[1, 10, 0, 4, 6, 7, 9], [1, 2, 4, 5, 6, 0, 2]],
        "lengths": [[1, 2, 0, 1, 2, 3, 4], [1, 2, 3, 4, 5, 0, 1]],
        "heard": [[1, 10, 0, 4, 6, 7, 9], [1, 2, 4, 5, 6, 0, 2]],
    },
    Autoreset.SAME_STEP: {
        "tick": [[1, 0, 1, 2, 3, 4, 0], [1, 2, 3, 4, 0, 1, 2]],
        "did": [[1, 0, 3, 4, 2, 1, 0], [1, 1, 2, 1, 0, 4, 2]],
        "draw": [
            [(0, 1), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 0)],
            [(0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 1), (1, 2)],
        ],
        "reward": [[1, END, 3, 4, 2, 1, 2], [1, 1, 2, 1, 1, 4, 2]],
        "terminated": [[Z, T, Z, Z, Z, Z, Z], [Z, Z, Z, Z, Z, Z, Z]],
        "truncated": [[Z, Z, Z, Z, Z, Z, T], [Z, Z, Z, Z, T, Z, Z]],
        "over": [[Z, T, Z, Z, Z, Z, T], [Z, Z, Z, Z, T, Z, Z]],
        "acting": [[T, T, T, T, T, T, T], [T, T, T, T, T, T, T]],
        "returns": [[1, 10, 3, 7, 9, 10, 12], [1, 2, 4, 5, 6, 4, 6]],
        "lengths": [[1, 2, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 1, 2]],
        "heard": [[1, 0, 3, 7, 9, 10, 0], [1, 2, 4, 5, 0, 4, 6]],
        "final tick": [[1, 2, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 1, 2]],
        "final heard": [[1, 10, 3, 7, 9, 10, 12], [1, 2, 4, 5, 6, 4, 6]],
    },
    Autoreset.DISABLED: {
        "tick": [[1, 2, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 0, 0]],
        "did": [[1, END, 0, 0, 0, 0, 0], [1, 1, 2, 1, 1, 0, 0]],
        "draw": [
            [(0, 1), (0, 2), None, None, None, None, None],
            [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5), None, None],
        ],
        "reward": [[1, END, 0, 0, 0, 0, 0], [1, 1, 2, 1, 1, 0, 0]],
        "terminated": [[Z, T, Z, Z, Z, Z, Z], [Z, Z, Z, Z, Z, Z, Z]],
        "truncated": [[Z, Z, Z, Z, Z, Z, Z], [Z, Z, Z, Z, T, Z, Z]],
        "over": [[Z, T, Z, Z, Z, Z, Z], [Z, Z, Z, Z, T, Z, Z]],
        "acting": [[T, Z, Z, Z, Z, Z, Z], [T, T, T, T, Z, Z, Z]],
        "returns": [[1, 10, 10, 10, 10, 10, 10], [1, 2, 4, 5, 6, 6, 6]],
        "lengths": [[1, 2, 2, 2, 2, 2, 2], [1, 2, 3, 4, 5, 5, 5]],
        "heard": [[1, 10, 10, 10, 10, 10, 10], [1, 2, 4, 5, 6, 6, 6]],
    },
}


@pytest.mark.parametrize("autoreset", Autoreset)
def test_autoreset_by_hand(autoreset):
    batch = Batch(Probe(), autoreset)
    first, shown = play(batch, [SEED, SEED + 1], {"probe": ACTIONS[..., None].astype(np.int32)})
    step, observed = shown.timestep, shown.timestep.observation["probe"][:, :, 0]
    found = {
        "tick": observed[..., 0],
        "did": observed[..., 1],
        "reward": step.reward[..., 0],
        "terminated": step.terminated[..., 0],
        "truncated": step.truncated[..., 0],
        "over": shown.over,
        "acting": shown.acting[..., 0],
        "returns": shown.returns[..., 0],
        "lengths": shown.lengths,
        "heard": step.info["heard"],
    }
    if autoreset is Autoreset.SAME_STEP:
        observation, info = shown.final
        found["final tick"] = observation["probe"][:, :, 0, 0]
        found["final heard"] = info["heard"]
    else:
        assert shown.final is None

    table = dict(TABLES[autoreset])
    draws = [
        [0.0 if at is None else drawn(SEED + row, *at) for at in line]
        for row, line in enumerate(table.pop("draw"))
    ]
    np.testing.assert_allclose(observed[..., 2].T, draws, rtol=1e-6)
    assert {name: values.T.tolist() for name, values in found.items()} == table

    assert first.timestep.observation["probe"][:, 0, :2].tolist() == [[0, 0], [0, 0]]
    assert first.acting.all() and not first.over.any() and not first.returns.any()


@pytest.mark.parametrize("autoreset", Autoreset)
def test_a_row_is_over_when_its_last_agent_is(autoreset):
    actions = np.array([[1, 1], [END, 1], [3, 1], [4, 2], [2, 2]], np.int32)  # horizon 5
    _, shown = play(Batch(Probe(agents=2), autoreset), [SEED], {"probe": actions[:, None]})
    step = jax.tree.map(lambda leaf: leaf[:, 0], shown.timestep)
    assert step.terminated.tolist() == [[Z, Z], [T, Z], [Z, Z], [Z, Z], [Z, Z]]
    assert step.truncated.tolist() == [[Z, Z], [Z, Z], [Z, Z], [Z, Z], [Z, T]]
    assert step.reward.tolist() == [[1, 1], [END, 1], [0, 1], [0, 2], [0, 2]]
    assert shown.over[:, 0].tolist() == [Z, Z, Z, Z, T]
    assert shown.returns[:, 0].tolist() == [[1, 1], [10, 2], [10, 3], [10, 5], [10, 7]]
    assert shown.acting[:4, 0].tolist() == [[T, T], [Z, T], [Z, T], [Z, T]]
    again = autoreset is Autoreset.SAME_STEP
    assert shown.acting[4, 0].tolist() == [again, again]
    assert not step.observation["probe"][2:4, 0].any(), "the ended agent observes zeros"


@pytest.mark.parametrize("rng", ["pcg4d", "threefry2x32"])
def test_the_generator_can_be_chosen(rng):
    batch = Batch(Probe(), Autoreset.NEXT_STEP, rng)
    _, shown = play(batch, [3], {"probe": np.ones((2, 1, 1), np.int32)})
    draws = shown.timestep.observation["probe"][:, 0, 0, 2]
    np.testing.assert_allclose(draws, [drawn(3, 0, 1, rng), drawn(3, 0, 2, rng)], rtol=1e-6)


def test_the_generators_differ():
    assert drawn(3, 0, 1) != drawn(3, 0, 1, "threefry2x32")


def test_reset_takes_a_mask_and_seeds_for_some_rows():
    batch, ones = Batch(Probe(), Autoreset.DISABLED), {"probe": np.ones((4, 1), np.int32)}
    carry, shown = batch.init(np.arange(4, dtype=np.uint32), ())
    for _ in range(2):
        carry, shown = batch.step(carry, ones, ())
    seeded, mask = np.array([True, True, False, False]), np.array([True, False, True, False])
    seeds = np.array([70, 71, 72, 73], np.uint32)
    carry, now = batch.reset(carry, shown, seeds, seeded, mask, ())

    observed = np.asarray(now.timestep.observation["probe"])[:, 0]
    assert observed[:, 0].tolist() == [0, 2, 0, 2]
    expected = [drawn(70, 0, 0), drawn(1, 0, 2), drawn(2, 1, 0), drawn(3, 0, 2)]
    np.testing.assert_allclose(observed[:, 2], expected, rtol=1e-6)
    untouched = functools.partial(jax.tree.map, lambda leaf: np.asarray(leaf)[[1, 3]])
    same(untouched(now), untouched(shown))
    assert now.returns[:, 0].tolist() == [0, 2, 0, 2] and now.lengths.tolist() == [0, 2, 0, 2]

    _, then = batch.step(carry, ones, ())
    draws = np.asarray(then.timestep.observation["probe"])[:, 0, 2]
    expected = [drawn(70, 0, 1), drawn(1, 0, 3), drawn(2, 1, 1), drawn(3, 0, 3)]
    np.testing.assert_allclose(draws, expected, rtol=1e-6)
    assert then.lengths.tolist() == [1, 3, 1, 3]


def test_a_reset_clears_what_an_ended_row_left():
    batch, end = Batch(Probe(), Autoreset.DISABLED), {"probe": np.full((1, 1), END, np.int32)}
    carry, shown = batch.init(np.zeros(1, np.uint32), ())
    carry, shown = batch.step(carry, end, ())
    assert shown.over.all()
    every = np.ones(1, bool)
    carry, shown = batch.reset(carry, shown, np.zeros(1, np.uint32), ~every, every, ())
    assert shown.acting.all() and not shown.over.any() and not shown.timestep.terminated.any()
    _, shown = batch.step(carry, {"probe": np.ones((1, 1), np.int32)}, ())
    assert shown.timestep.observation["probe"][0, 0, 0] == 1 and shown.returns.tolist() == [[1]]


@pytest.mark.parametrize("autoreset", Autoreset)
def test_a_row_does_not_depend_on_the_others(autoreset):
    batch = Batch(Probe(agents=2), autoreset)
    actions = random_actions(batch.env, 4, 24, 1)["probe"]
    others = random_actions(batch.env, 4, 24, 2)["probe"]
    others[:, 2] = actions[:, 2]
    _, one = play(batch, [1, 2, 3, 4], {"probe": actions})
    _, two = play(batch, [9, 8, 3, 6], {"probe": others})
    row = functools.partial(jax.tree.map, lambda leaf: leaf[:, 2])
    same(row(one), row(two))
    assert not np.array_equal(one.timestep.reward, two.timestep.reward)


def test_every_row_is_the_environment_with_its_own_seed(env):
    """Whatever the size of the batch: the same integers and flags, floats to rounding."""
    batch = Batch(env, Autoreset.NEXT_STEP)
    actions = random_actions(env, 5, 40, 1)
    _, many = play(batch, SEED + np.arange(5), actions)
    for row in (0, 4):
        only = {name: leaf[:, row : row + 1] for name, leaf in actions.items()}
        _, one = play(batch, [SEED + row], only)
        alike = jax.tree.map(lambda leaf, row=row: leaf[:, row : row + 1], many)
        same(alike, one, rtol=1e-4, atol=1e-5)


def test_a_row_plays_what_rollout_plays():
    """The engine adds keys and resets, and nothing else."""
    env = Probe(agents=2, horizon=9)
    actions = random_actions(env, 1, 12, 1)
    first, shown = play(Batch(env, Autoreset.DISABLED), [SEED], actions)
    base = jax.random.fold_in(jax.random.key(SEED, impl=implementation("pcg4d")), 0)
    single = {name: leaf[:, 0] for name, leaf in actions.items()}
    _, steps = jax.jit(rollout, static_argnums=0)(env, base, single)
    whole = jax.tree.map(lambda a, b: np.concatenate([a[None], b])[:, 0], first, shown)
    same(whole.timestep, jax.tree.map(np.asarray, steps), rtol=1e-4, atol=1e-5)


def test_episodes_and_rows_differ(env):
    batch = Batch(env, Autoreset.NEXT_STEP)
    carry, shown = jax.jit(batch.init)(np.arange(3, dtype=np.uint32), env.params)
    every = np.ones(3, bool)
    _, again = jax.jit(batch.reset)(carry, shown, np.zeros(3, np.uint32), ~every, every, env.params)
    firsts = [
        np.concatenate([np.ravel(leaf[row]) for leaf in jax.tree.leaves(each.timestep)])
        for each in (shown, again)
        for row in range(3)
    ]
    seen = jax.vmap(env.init, (0, None))(jax.random.split(jax.random.key(0), 64), env.params)[1]
    starts = np.concatenate([leaf.reshape(64, -1) for leaf in jax.tree.leaves(seen)], axis=1)
    ways = len({start.tobytes() for start in starts})
    different = 6 if ways > 32 else min(ways, 2)  # some begin in one of a few ways, or in one only
    assert len({first.tobytes() for first in firsts}) >= different


def test_returns_and_lengths_are_those_of_the_episode():
    """Added up here on the host, from rewards and endings only."""
    batch = Batch(Probe(agents=2), Autoreset.SAME_STEP)
    _, shown = play(batch, [1, 2, 3], random_actions(batch.env, 3, 60, 1))
    returns = np.zeros_like(shown.returns[0])
    lengths = np.zeros_like(shown.lengths[0])
    for step in range(60):
        returns, lengths = returns + shown.timestep.reward[step], lengths + 1
        np.testing.assert_allclose(shown.returns[step], returns, rtol=1e-4, atol=1e-4)
        assert shown.lengths[step].tolist() == lengths.tolist()
        returns[shown.over[step]], lengths[shown.over[step]] = 0, 0
    assert shown.over.sum() >= 3, "several episodes were compared"


def test_action_masks_are_those_of_the_step_to_come():
    for autoreset in Autoreset:
        batch = Batch(Causeway(horizon=3), autoreset)
        carry, shown = jax.jit(batch.init)(np.zeros(2, np.uint32), batch.env.params)
        step, masks = jax.jit(batch.step), jax.jit(jax.vmap(batch.env.action_mask, (0, None)))
        for _ in range(4):
            stay = {"walker": np.zeros((2, 3), np.int32)}
            carry, shown = step(carry, stay, batch.env.params)
            mask = masks(carry.state, batch.env.params)
            same(jax.tree.map(np.asarray, shown.action_mask), jax.tree.map(np.asarray, mask))


@pytest.mark.parametrize("autoreset", Autoreset)
def test_several_batches_under_vmap_play_as_one(autoreset):
    batch = Batch(Probe(agents=2), autoreset)
    actions = random_actions(batch.env, 6, 14, 1)["probe"]

    def whole(seeds, actions):
        carry, first = batch.init(seeds, ())
        carry, rest = jax.lax.scan(
            lambda carry, action: batch.step(carry, {"probe": action}, ()), carry, actions
        )
        some = seeds % 2 == 0
        shown = jax.tree.map(lambda leaf: leaf[-1], rest)
        return first, rest, batch.reset(carry, shown, seeds, ~some, some, ())[1]

    seeds = np.array([3, 5, 4, 2, 6, 8], np.uint32)  # in the first set nobody is reset at the end
    first, rest, last = jax.jit(whole)(seeds, actions)
    apart = actions.reshape(14, 3, 2, 2).swapaxes(0, 1)
    sets = jax.jit(jax.vmap(whole))(seeds.reshape(3, 2), apart)
    one = jax.tree.map(lambda leaf: leaf.reshape(6, *leaf.shape[2:]), (sets[0], sets[2]))
    same(jax.tree.map(np.asarray, one), jax.tree.map(np.asarray, (first, last)), 1e-6)
    steps = jax.tree.map(lambda leaf: leaf.swapaxes(0, 1).reshape(14, 6, *leaf.shape[3:]), sets[1])
    same(jax.tree.map(np.asarray, steps), jax.tree.map(np.asarray, rest), 1e-6)


def test_the_branch_for_resets_stays_one_under_vmap():
    """Else every step of every set draws a reset."""
    batch = Batch(Probe(), Autoreset.SAME_STEP)
    seeds = np.arange(6, dtype=np.uint32).reshape(3, 2)
    carry, shown = jax.vmap(lambda s: batch.init(s, ()))(seeds)
    push = {"probe": np.ones((3, 2, 1), np.int32)}

    def branches(function, *args):
        program = jax.make_jaxpr(jax.vmap(function))(*args)
        return sum(name == "cond" for name in primitives(program.jaxpr))

    assert branches(lambda c, a: batch.step(c, a, ()), carry, push) == 1
    mask = np.ones((3, 2), bool)
    assert branches(lambda c, s: batch.reset(c, s, seeds[0], mask[0], mask[0], ()), carry, shown)
    masked = lambda c, s, m: batch.reset(c, s, seeds[0], m, m, ())  # noqa: E731
    assert branches(masked, carry, shown, mask) == 1


def test_rewards_can_be_differentiated_through_a_batch():
    batch = Batch(make("Pendulum-v1"), Autoreset.SAME_STEP)
    carry, _ = batch.init(np.arange(2, dtype=np.uint32), batch.env.params)

    def earned(torque):
        (group,) = batch.env.spec.groups
        first, _ = batch.step(carry, {group.name: torque}, batch.env.params)
        return batch.step(first, {group.name: torque}, batch.env.params)[1].timestep.reward.sum()

    torque = jnp.full((2, 1, 1), 0.5, jnp.float32)
    slope = jax.grad(earned)(torque)
    nudge = 1e-2 * jnp.ones_like(torque).at[1].set(0.0)
    expected = (earned(torque + nudge) - earned(torque - nudge)) / 2e-2
    np.testing.assert_allclose(slope[0, 0, 0], expected, rtol=1e-2)
    assert slope.all()


def test_sharing_the_rows_among_devices_changes_nothing():
    env = Causeway()
    devices = jax.devices("cpu")[:2]
    assert len(devices) == 2, "conftest forces two host devices"
    actions = random_actions(env, 4, 8, 3)
    alone = Session(env, 4, Autoreset.NEXT_STEP)
    shared = Session(env, 4, Autoreset.NEXT_STEP, devices=devices)
    alone.reset(SEED), shared.reset(SEED)
    for step in range(8):
        action = {group: leaf[step] for group, leaf in actions.items()}
        one, two = stepped(alone, action), stepped(shared, action)
        same(jax.tree.map(np.asarray, one), jax.tree.map(np.asarray, two), rtol=1e-5, atol=1e-5)
