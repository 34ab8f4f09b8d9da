"""Whole trajectories: what is stacked where, and that chance keeps to what is legal."""

import dataclasses
import functools
import runpy
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probe import Probe

from native.batch import Autoreset, Batch
from native.grid.causeway import Causeway
from native.registry import make
from native.rollout import Choice, collect, random_actions, random_policy, rollout
from native.rules import RuleError
from native.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from native.testing.episodes import with_x64

pytestmark = pytest.mark.sampled


def test_rollout_shows_init_and_then_every_step():
    env, key = Probe(agents=2, horizon=None), jax.random.key(4)
    actions = {"probe": jnp.array([[1, 2], [3, 4], [5, 9], [2, 2]], jnp.int32)}
    states, steps = jax.jit(rollout, static_argnums=0)(env, key, actions)
    assert states.tick.tolist() == [0, 1, 2, 3, 4]
    assert steps.reward.tolist() == [[0, 0], [1, 2], [3, 4], [5, 9], [2, 0]]
    assert steps.terminated[:, 1].tolist() == [False, False, False, True, False]
    observed = steps.observation["probe"]
    assert observed[:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    draws = [jax.random.uniform(jax.random.fold_in(key, t), (), jnp.float32) for t in range(5)]
    np.testing.assert_allclose(observed[:, 0, 2], draws, rtol=1e-6)


def test_rollout_takes_other_numbers_of_the_dynamics():
    env, key = Causeway(walkers=1), jax.random.key(0)
    east = {"walker": jnp.full((1, 1), 2, jnp.int32)}
    rich = type(env.params)(rocks=0.0, rise=0.0, stride=2.0, hurry=0.0)
    assert rollout(env, key, east, rich)[1].reward.tolist() == [[0], [2]]


def test_collect_stacks_actions_with_what_they_led_to_and_goes_on():
    batch = Batch(Probe(), Autoreset.NEXT_STEP)

    def counts(key, shown):
        """Does what step it is, so that the action shows what the policy saw."""
        del key
        return {"probe": shown.timestep.observation["probe"][:, :, 0].astype(jnp.int32)}

    start = jax.jit(batch.init)(np.arange(3, dtype=np.uint32), ())
    play = jax.jit(
        lambda start, n: collect(batch, *start, counts, jax.random.key(0), n), static_argnums=1
    )
    end, (actions, steps) = play(start, 7)
    assert actions["probe"].shape == (7, 3, 1) and steps.over.shape == (7, 3)
    assert actions["probe"][:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 0]
    assert steps.timestep.reward[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 0, 0]
    assert steps.over[:, 0].tolist() == [False] * 4 + [True, False, False]

    middle, first = play(start, 3)
    again, second = play(middle, 4)
    whole = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first, second)
    jax.tree.map(np.testing.assert_array_equal, whole, (actions, steps))
    jax.tree.map(np.testing.assert_array_equal, again, end)


def test_each_step_of_collect_has_its_own_key():
    batch = Batch(Probe(horizon=None), Autoreset.NEXT_STEP)
    start = batch.init(np.arange(2, dtype=np.uint32), ())

    def chance(key, shown):
        return {"probe": jax.random.randint(key, shown.acting.shape, 0, 9, jnp.int32)}

    play = jax.jit(lambda key: collect(batch, *start, chance, key, 12)[1][0]["probe"])
    one, two = play(jax.random.key(1)), play(jax.random.key(2))
    assert len({tuple(step) for step in one[..., 0].tolist()}) > 6
    assert not np.array_equal(one, two)


def ones(_, shown, *_memory):
    return {"probe": jnp.ones(shown.acting.shape, jnp.int32)}


def counting(key, shown, memory):
    """Remembers how many steps of the episode it has played, this one included."""
    del key
    memory = jnp.where(shown.first, 0, memory) + 1
    return Choice({"probe": jnp.ones((2, 1), jnp.int32)}, memory, beside=(memory, shown.first))


MEMORIES = {
    Autoreset.NEXT_STEP: [1, 2, 3, 4, 5, 6, 1, 2],  # the sixth action is ignored
    Autoreset.SAME_STEP: [1, 2, 3, 4, 5, 1, 2, 3],
    Autoreset.DISABLED: [1, 2, 3, 4, 5, 6, 7, 8],
}


def test_a_policy_and_its_memory_belong_together():
    batch = Batch(Probe(), Autoreset.NEXT_STEP)
    start = batch.init(jnp.arange(2, dtype=jnp.uint32), batch.env.params)
    with pytest.raises(TypeError, match=r"policy.key, shown.*Give `collect` a `memory`"):
        collect(batch, *start, counting, jax.random.key(0), 2)
    without = lambda key, shown: ones(key, shown)  # noqa: E731
    with pytest.raises(TypeError, match=r"policy.key, shown, memory.*Leave `memory` out"):
        collect(batch, *start, without, jax.random.key(0), 2, memory=jnp.zeros(2))


@pytest.mark.parametrize("autoreset", Autoreset)
def test_a_policys_memory_is_carried_and_can_start_anew_with_an_episode(autoreset):
    batch = Batch(Probe(), autoreset)
    start = batch.init(np.arange(2, dtype=np.uint32), ())

    @functools.partial(jax.jit, static_argnums=1)
    def play(now, steps):
        carry, shown, memory = now
        key = jax.random.key(0)
        record = lambda step: (step.memory, *step.beside, step.after.reached["probe"][:, 0, 0])  # noqa: E731
        return collect(batch, carry, shown, counting, key, steps, memory=memory, record=record)

    now = (*start, jnp.zeros(2, jnp.int32))
    end, (before, after, first, reached) = play(now, 8)
    assert after[:, 0].tolist() == MEMORIES[autoreset]
    assert before[:, 0].tolist() == [0, *MEMORIES[autoreset][:-1]]
    assert first[:, 0].tolist() == [memory == 1 for memory in MEMORIES[autoreset]]
    assert reached[:5, 0].tolist() == [1, 2, 3, 4, 5], "the last before any reset"
    assert end[2].tolist() == after[-1].tolist()
    middle, one = play(now, 3)
    _, two = play(middle, 5)
    assert np.concatenate([one[1], two[1]]).tolist() == after.tolist()


def test_a_memory_of_another_form_is_told():
    batch = Batch(Probe(), Autoreset.SAME_STEP)
    start = batch.init(np.arange(2, dtype=np.uint32), ())
    key = jax.random.key(0)

    with pytest.raises(ValueError, match=r"memory float32\[2\] and returned None"):
        collect(batch, *start, ones, key, 2, memory=jnp.zeros(2))
    with pytest.raises(ValueError, match=r"memory None and returned int32\[2\]"):
        collect(batch, *start, lambda k, s: counting(k, s, jnp.zeros(2, jnp.int32)), key, 2)


def test_only_what_record_asks_for_is_kept():
    """Nor is an observation kept twice by a `collect` that is told nothing."""
    batch = Batch(Probe(), Autoreset.SAME_STEP)
    start = batch.init(np.arange(2, dtype=np.uint32), ())

    def kept(**how):
        play = lambda: collect(batch, *start, ones, jax.random.key(0), 6, **how)[1]  # noqa: E731
        return jax.eval_shape(play)

    observations = 6 * 2 * 3
    wide = [leaf for leaf in jax.tree.leaves(kept()) if leaf.size == observations]
    assert len(wide) == 1
    only = kept(record=lambda step: step.after.timestep.reward)
    assert only.shape == (6, 2, 1)


@dataclasses.dataclass(frozen=True)
class Turns(Probe):
    """Two who take turns, and a global state: the step and what was heard."""

    agents: int = 2
    horizon: int | None = 3

    @property
    def spec(self):
        everything = Box(0.0, 1e6, (2,))
        return dataclasses.replace(super().spec, global_state=everything, turns=True)

    def current_agent(self, state, params):
        del params
        return state.tick % 2

    def global_state(self, state, params):
        del params
        return jnp.stack([state.tick, state.heard.sum()]).astype(jnp.float32)


@pytest.mark.parametrize("autoreset", Autoreset)
def test_whose_turn_it_is_and_the_global_state_are_shown(autoreset):
    batch = Batch(Turns(), autoreset, global_state=True)
    start = batch.init(np.arange(2, dtype=np.uint32), ())
    assert start[1].turn.tolist() == [0, 0] and not start[1].global_state.any()

    _, (_, steps) = collect(batch, *start, ones, jax.random.key(0), 4)
    ticks = {
        Autoreset.NEXT_STEP: [1, 2, 3, 0],
        Autoreset.SAME_STEP: [1, 2, 0, 1],
        Autoreset.DISABLED: [1, 2, 3, 4],  # a probe counts on after its end
    }[autoreset]
    assert steps.turn[:, 0].tolist() == [tick % 2 for tick in ticks]
    assert steps.global_state[:, 0, 0].tolist() == ticks
    record = lambda step: step.after.final_global_state  # noqa: E731
    _, finals = collect(batch, *start, ones, jax.random.key(0), 4, record=record)
    if autoreset is Autoreset.SAME_STEP:
        assert finals[:, 0].tolist() == [[1, 2], [2, 4], [3, 6], [1, 2]]
    else:
        assert finals is None


def test_the_global_state_is_there_only_if_it_is_asked_for():
    seeds = np.arange(2, dtype=np.uint32)
    _, shown = Batch(Turns(), Autoreset.SAME_STEP).init(seeds, ())
    assert shown.global_state is shown.final_global_state is None
    assert Batch(Probe(), Autoreset.SAME_STEP).init(seeds, ())[1].turn is None
    with pytest.raises(RuleError, match="global_state must be False, since probe has none"):
        Batch(Probe(), Autoreset.SAME_STEP, global_state=True)


def test_a_per_agent_array_by_group():
    spec = make("simple_tag_v3").spec
    rewards = jnp.arange(2 * 4, dtype=jnp.float32).reshape(2, 4)
    found = spec.by_group(rewards)
    assert {name: a.tolist() for name, a in found.items()} == {
        "adversary": [[0, 1, 2], [4, 5, 6]],
        "agent": [[3], [7]],
    }
    first = spec.by_group(rewards.T, axis=0)
    assert {name: a.shape for name, a in first.items()} == {"adversary": (3, 2), "agent": (1, 2)}


EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.long
@pytest.mark.usefixtures("promotion_as_users_have_it")
def test_ppo_in_the_manner_of_purejaxrl_learns():
    pytest.importorskip("optax")
    train = runpy.run_path(str(EXAMPLES / "purejaxrl_ppo.py"))["train"]
    returns = np.asarray(jax.jit(lambda key: train(make("CartPole-v1"), key))(jax.random.key(1)))
    assert np.nanmean(returns[:3]) < 60
    assert np.nanmean(returns[-10:]) > 300


@pytest.mark.long
@pytest.mark.usefixtures("promotion_as_users_have_it")
def test_ippo_in_the_manner_of_jaxmarl_learns():
    for library in ("flax", "optax"):
        pytest.importorskip(library)
    train = runpy.run_path(str(EXAMPLES / "jaxmarl_ippo.py"))["train"]
    env = make("simple_spread_v3")
    returns = np.asarray(jax.jit(lambda key: train(env, key, updates=150))(jax.random.key(0)))
    assert returns[:3].mean() < -24  # at random
    assert returns[-10:].mean() > -21


def test_random_actions_are_legal_and_all_that_are_legal():
    spec = Causeway(walkers=2).spec
    mask = {"walker": jnp.array([[True, False, True, False, False], [False] * 4 + [True]])}
    draw = jax.jit(jax.vmap(lambda key: random_actions(spec, key, mask)["walker"]))
    drawn = np.asarray(draw(jax.random.split(jax.random.key(0), 400)))
    assert set(drawn[:, 0].tolist()) == {0, 2} and set(drawn[:, 1].tolist()) == {4}
    assert drawn.dtype == np.int32
    assert abs((drawn[:, 0] == 0).mean() - 0.5) < 0.15


def test_a_random_policy_plays_every_environment(env):
    """Actions lie in their spaces, obey the mask that was shown, and differ from row to row."""
    batch = Batch(env, Autoreset.NEXT_STEP)

    def play(seeds):
        start = batch.init(seeds, env.params)
        policy = random_policy(env)
        return start[1], collect(batch, *start, policy, jax.random.key(0), 12)[1]

    first, (actions, steps) = jax.tree.map(np.asarray, jax.jit(play)(np.arange(6, dtype=np.uint32)))
    for group in env.spec.groups:
        drawn = actions[group.name]
        assert drawn.shape == (12, 6, len(group.agents), *group.action.shape)
        assert all(group.action.contains(one) for one in drawn.reshape(-1, *group.action.shape))
        assert len({row.tobytes() for row in drawn.swapaxes(0, 1)}) == 6
        if steps.action_mask is not None:
            before = np.concatenate(
                [first.action_mask[group.name][None], steps.action_mask[group.name][:-1]]
            )
            assert np.take_along_axis(before, drawn[..., None], axis=-1).all()


SPACES = [
    Box(-1.0, 2.0, (3,)),
    Box((0.0, -float("inf")), (float("inf"), float("inf")), (2,)),
    Box(0, 255, (2, 2), "uint8"),
    Box(-3, 3, (2,), "int32"),
    Discrete(4),
    MultiDiscrete((2, 5)),
    MultiBinary(3),
]


@pytest.mark.parametrize("space", SPACES, ids=repr)
@pytest.mark.parametrize("x64", [False, True])
def test_samples_lie_in_their_space(space, x64):
    keys = jax.random.split(jax.random.key(0), 50)
    if x64:
        with with_x64():
            samples = jax.vmap(space.sample)(keys)
    else:
        samples = jax.vmap(space.sample)(keys)
    assert str(samples.dtype) == space.dtype
    assert all(space.contains(each) for each in np.asarray(samples))
    assert len({each.tobytes() for each in np.asarray(samples)}) > 1


@pytest.mark.parametrize("n", [1, 2, 3, 7, 1000, (1 << 16) - 1, 1 << 16, 1 << 30])
def test_every_choice_is_as_likely_as_every_other(n):
    keys = jax.random.split(jax.random.key(1), 20_000)
    one, two = Discrete(n), MultiDiscrete((n, 5))
    drawn = [jax.jit(jax.vmap(one.sample))(keys), *jax.jit(jax.vmap(two.sample))(keys).T]
    if n < 1 << 16:  # to the last of 32 bits
        bits = jax.vmap(lambda key: jax.random.bits(key, (), jnp.uint32))(keys)
        np.testing.assert_array_equal(drawn[0], np.asarray(bits, np.uint64) * n >> 32)
    for values, choices in zip(drawn, (n, n, 5), strict=True):
        parts = min(choices, 20)
        counts = np.bincount(np.asarray(values, np.int64) * parts // choices, minlength=parts)
        right = np.bincount(np.arange(min(choices, 1 << 16)) * parts // min(choices, 1 << 16))
        expected = right * (20_000 / right.sum())
        assert len(counts) == parts
        assert ((counts - expected) ** 2 / expected).sum() < 50  # of 19 degrees: once in 7,000
