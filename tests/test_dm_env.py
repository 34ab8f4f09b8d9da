"""The dm_env adapter adds nothing to a session but specs, names and discounts."""

import dataclasses

import numpy as np
import pytest
from drivers import begun, brief, draw, same, stepped, typed
from fuses import Fuses

pytest.importorskip("dm_env")

from absl.testing import absltest
from dm_env import StepType, specs, test_utils

from bridge.arrays import to_numpy
from bridge.dm_env import make as make_dm_env
from bridge.errors import ActionError, ClosedError, NotResetError, RenderError, SeedError
from bridge.session import Session
from native.batch import Autoreset
from native.registry import make

pytestmark = pytest.mark.sampled

FIRST, MID, LAST = StepType


def still(env):
    spec = env.action_spec()
    one = isinstance(spec, specs.Array)
    return zero(spec) if one else {agent: zero(part) for agent, part in spec.items()}


def zero(spec):
    return np.zeros(spec.shape, spec.dtype)


def run(env, steps):
    return [env.step(still(env)) for _ in range(steps)]


def spell(joint, spec):
    named = {
        agent: joint[group.name][0, i]
        for group in spec.groups
        for i, agent in enumerate(group.agents)
    }
    return named if len(named) > 1 else next(iter(named.values()))


def conforms(value, spec):
    """`value` has exactly the structure, shapes, dtypes and bounds of `spec`."""
    if isinstance(spec, dict):
        assert isinstance(value, dict) and value.keys() == spec.keys()
        for name, part in spec.items():
            conforms(value[name], part)
    else:
        spec.validate(value)


# ------------------------------------------------------------------------------- the interface


@pytest.mark.parametrize("test", [t for t in dir(test_utils.EnvironmentTestMixin) if "test_" in t])
def test_it_passes_dm_envs_own_tests(name, test):
    class Suite(test_utils.EnvironmentTestMixin, absltest.TestCase):
        def make_object_under_test(self):
            return make_dm_env(name, seed=0)

        def make_action_sequence(self):
            rng = np.random.default_rng(0)
            env = make(name)
            for _ in range(120):
                yield spell(draw(env, rng, 1), env.spec)

    case = Suite(test)
    result = case.defaultTestResult()
    case.run(result)
    problems = [text for _, text in result.failures + result.errors]
    assert not problems, problems[0]
    assert result.testsRun == 1


def agent_by_agent(shown, spec, alive):
    """What every agent shows, written out."""
    now, masks = shown.timestep, shown.action_mask or {}
    for group in spec.groups:
        for i, agent in enumerate(group.agents):
            number = spec.agents.index(agent)
            value = now.observation[group.name]
            observation = (
                {part: leaf[0, i] for part, leaf in value.items()}
                if isinstance(value, dict)
                else value[0, i]
            )
            if group.name in masks:
                if not isinstance(value, dict):
                    observation = {"observation": observation}
                observation["action_mask"] = masks[group.name][0, i]
            discount = 1.0 if alive[number] and not now.terminated[0, number] else 0.0
            yield agent, (observation, float(now.reward[0, number]), discount)


def test_it_is_the_session_agent_by_agent(env):
    env = brief(env)
    spec = env.spec
    bridge, session = make_dm_env(env, seed=3), Session(env, 1, Autoreset.DISABLED)
    rng = np.random.default_rng(0)
    many, ends, seed = spec.num_agents > 1, 0, 3
    alive = [False] * spec.num_agents
    for _ in range(90):
        joint = draw(env, rng, 1)
        step = bridge.step(spell(joint, spec))
        conforms(step.observation, bridge.observation_spec())
        if not any(alive):
            shown = to_numpy(begun(session, seed))
            seed, expected_type = None, FIRST
            alive = [True] * spec.num_agents
        else:
            shown = to_numpy(stepped(session, typed(env, joint)))
            expected_type = MID if shown.acting.any() else LAST
        expected = dict(agent_by_agent(shown, spec, alive))
        observation, reward, discount = (
            {agent: each[i] for agent, each in expected.items()} for i in range(3)
        )
        only = spec.agents[0]
        same(step.observation, observation if many else observation[only])
        assert step.step_type is expected_type
        if expected_type is FIRST:
            assert step.reward is None and step.discount is None
        else:
            conforms(step.reward, bridge.reward_spec())
            conforms(step.discount, bridge.discount_spec())
            assert step.reward == (reward if many else reward[only])
            assert step.discount == (discount if many else discount[only])
        alive = shown.acting[0].tolist()
        assert bridge.alive == dict(zip(spec.agents, alive, strict=True))
        ends += expected_type is LAST
    assert ends >= 2


# ------------------------------------------------------------------------------- endings


@pytest.mark.parametrize(("late", "discount"), [(False, 0.0), (True, 1.0)])
def test_the_timeline_of_one_agent(late, discount):
    env = make_dm_env(Fuses((3,), (late,)), seed=0)
    steps = run(env, 6)
    assert [step.step_type for step in steps] == [FIRST, MID, MID, LAST, FIRST, MID]
    assert [step.reward for step in steps] == [None, 1.0, 2.0, 3.0, None, 1.0]
    assert [step.discount for step in steps] == [None, 1.0, 1.0, discount, None, 1.0]
    ticks = [step.observation[1] for step in steps]
    assert ticks == [0, 1, 2, 3, 0, 1]
    draws = [step.observation[2] for step in steps]
    assert len(set(draws[:4])) == len(set(draws[4:])) == 1 and draws[0] != draws[4]
    assert env.reset().first() and env.reset().first()


def test_the_timeline_of_a_team_that_ends_one_by_one():
    """Agent 0 terminates on tick 2, agent 1 is truncated on 3, agent 2 on 4, the last."""
    env = make_dm_env(Fuses((2, 3, 4), (False, True, True)), seed=0)
    steps = run(env, 6)
    assert [step.step_type for step in steps] == [FIRST, MID, MID, MID, LAST, FIRST]
    assert [step.reward for step in steps][1:5] == [
        {"fuse_0": 1.0, "fuse_1": 2.0, "fuse_2": 3.0},
        {"fuse_0": 2.0, "fuse_1": 4.0, "fuse_2": 6.0},
        {"fuse_0": 0.0, "fuse_1": 6.0, "fuse_2": 9.0},
        {"fuse_0": 0.0, "fuse_1": 0.0, "fuse_2": 12.0},
    ]
    assert [[*step.discount.values()] for step in steps[1:5]] == [
        [1.0, 1.0, 1.0],
        [0.0, 1.0, 1.0],
        [0.0, 1.0, 1.0],
        [0.0, 0.0, 1.0],
    ]
    ticks = [[float(row[1]) for row in step.observation.values()] for step in steps]
    assert ticks == [[0, 0, 0], [1, 1, 1], [2, 2, 2], [0, 3, 3], [0, 0, 4], [0, 0, 0]]
    assert [row[0] for row in steps[5].observation.values()] == [1, 2, 3]


def test_ended_agents_need_no_action():
    env, twin = (make_dm_env(Fuses((1, 3), (False, False)), seed=0) for _ in range(2))
    for each in (env, twin):
        run(each, 2)
        assert each.alive == {"fuse_0": False, "fuse_1": True}
    left, right = env.step({"fuse_1": 1}), twin.step({"fuse_0": "nonsense", "fuse_1": 1})
    same(left.observation, right.observation)
    assert left[:3] == right[:3]
    assert env.step({"fuse_1": 1}).last()
    assert env.alive == {"fuse_0": False, "fuse_1": False}
    assert env.step({}).first()


# ------------------------------------------------------------------------------- specs


def test_specs_of_one_agent():
    env = make_dm_env("CartPole-v1")
    high = [4.8, np.inf, 0.41887903, np.inf]
    low = [-bound for bound in high]
    bounded = specs.BoundedArray((4,), np.float32, low, high, "observation")
    assert env.observation_spec() == bounded and env.observation_spec().name == "observation"
    assert repr(env.action_spec()) == repr(specs.DiscreteArray(2, np.int32, "action"))
    assert repr(env.reward_spec()) == repr(specs.Array((), np.float64, "reward"))
    assert repr(env.discount_spec()) == repr(
        specs.BoundedArray((), np.float64, 0.0, 1.0, "discount")
    )


def test_specs_of_many_agents_masks_and_dicts():
    env = make_dm_env("causeway_v0")
    agents = [f"walker_{i}" for i in range(3)]
    for spec in (env.observation_spec, env.action_spec, env.reward_spec, env.discount_spec):
        assert [*spec()] == agents
        assert spec() is spec()
        assert len({id(part) for part in spec().values()}) == 3
    one = env.observation_spec()["walker_1"]
    assert {name: (part.name, part.shape, str(part.dtype)) for name, part in one.items()} == {
        "place": ("place", (2,), "float32"),
        "tide": ("tide", (1,), "float32"),
        "view": ("view", (5, 5), "uint8"),
        "walking": ("walking", (3,), "bool"),
        "action_mask": ("action_mask", (5,), "bool"),
    }
    assert (one["view"].maximum == 5).all()


def test_a_mask_is_put_beside_an_observation_that_is_no_dict():
    env = make_dm_env(Masked(), seed=0)
    first = env.reset()
    assert first.observation.keys() == {"observation", "action_mask"}
    assert first.observation["action_mask"].tolist() == [True, True, False]
    conforms(first.observation, env.observation_spec())


class Masked(Fuses):
    def __init__(self):
        super().__init__((2,), (False,))

    @property
    def spec(self):
        return dataclasses.replace(super().spec, masks=True)

    def action_mask(self, state, params):
        del state, params
        return {"fuse": np.array([[True, True, False]])}


def test_boxes_without_bounds_are_arrays_and_continuous_actions_bounded():
    env = make_dm_env("simple_spread_v3", continuous_actions=True)
    action = env.action_spec()["agent_0"]
    assert isinstance(action, specs.BoundedArray)
    assert action == specs.BoundedArray((5,), np.float32, 0, 1)
    assert type(env.observation_spec()["agent_0"]) is specs.Array


# ------------------------------------------------------------------------------- the rest


def test_seeds_choose_the_episodes():
    def starts(env):
        return [float(env.reset().observation[2]) for _ in range(3)]

    fuses = Fuses((3,), (False,))
    assert starts(make_dm_env(fuses, seed=1)) == starts(make_dm_env(fuses, seed=1))
    assert starts(make_dm_env(fuses, seed=1)) != starts(make_dm_env(fuses, seed=2))
    assert starts(make_dm_env(fuses)) != starts(make_dm_env(fuses))
    assert len(set(starts(make_dm_env(fuses, seed=1)))) == 3
    with pytest.raises(SeedError, match="'one'"):
        make_dm_env(fuses, seed="one")


def test_observations_are_the_callers_own():
    env, twin = (make_dm_env("CartPole-v1", seed=0) for _ in range(2))
    first = env.reset().observation
    same(first, twin.reset().observation)
    kept = first.copy()
    same(env.step(0).observation, twin.step(0).observation)
    same(first, kept)
    first[...] = 0
    same(env.step(1).observation, twin.step(1).observation)


def test_bad_input_is_refused_and_nothing_happens():
    env, twin = (make_dm_env(Fuses(groups=2), seed=0) for _ in range(2))
    with pytest.raises(NotResetError, match="save_state"):
        env.save_state("never.npz")
    for each in (env, twin):
        assert each.step(None).first()
    good = dict.fromkeys(("fuse_0", "fuse_1", "fuse_2"), 1)
    for bad, word in [
        ({**good, "fuse_1": 3}, r"'fuse_1'.*3"),
        ({**good, "fuse_2": 0.5}, r"'fuse_2'.*integer"),
        ({**good, "fuse_9": 0}, "'fuse_9'"),
        ({"fuse_0": 0, "fuse_2": 1}, "'fuse_1'"),
        ([0, 1, 2], "dict"),
    ]:
        with pytest.raises(ActionError, match=word):
            env.step(bad)
    left, right = env.step(good), twin.step(good)
    same(left.observation, right.observation)
    assert left[:3] == right[:3]
    with pytest.raises(RenderError, match="picture"):
        env.render()


def test_it_closes_at_the_end_of_a_with_block():
    with make_dm_env("CartPole-v1", seed=0) as env:
        env.reset()
    with pytest.raises(ClosedError, match="step"):
        env.step(0)
    with pytest.raises(ClosedError, match="reset"):
        env.reset()
    env.close()


def test_a_loaded_state_knows_who_has_ended(tmp_path):
    fuses = Fuses((1, 3), (False, True))
    env, other = make_dm_env(fuses, seed=0), make_dm_env(fuses)
    run(env, 2)
    env.save_state(tmp_path / "state.npz")
    seen = other.load_state(tmp_path / "state.npz")
    assert other.alive == env.alive == {"fuse_0": False, "fuse_1": True}
    assert seen["fuse_1"][1] == 1
    for left, right in zip(run(env, 5), run(other, 5), strict=True):
        same(left.observation, right.observation)
        assert left[:3] == right[:3]
