"""JaxMARL: their own step, driven by hand without auto-reset, equals ours through the adapters."""

import dataclasses
import functools
import pickle
import warnings
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drivers import needs_jax_08

from bridge.errors import UnsuitableError
from bridge.sources.foreign import as_it_comes
from bridge.sources.jaxmarl import from_jaxmarl
from bridge.sources.states import legacy_key
from native.prng import implementation
from native.rollout import rollout
from native.spaces import Box, Dict, Discrete, MultiDiscrete
from native.testing import check_environment

INFINITY = float("inf")


def discrete(n: int) -> Any:
    return SimpleNamespace(n=n)


def box(low: float, high: float, *shape: int) -> Any:
    return SimpleNamespace(low=low, high=high, shape=shape, dtype=jnp.float32)


class Count:
    """Two scouts and a cook count what they do; a scout is done at 3, everybody at 5 or 4 steps."""

    def __init__(self, max_steps: int = 4) -> None:
        self.max_steps = max_steps
        self.agents = ["scout_0", "cook", "scout_1"]
        self.num_agents = 3
        self.shown = self.observe  # a method of its own as an attribute, as MPE has it

    def observation_space(self, agent):
        return box(-9, 9, 2 if agent == "cook" else 7)  # of which the second shape is wrong

    def action_space(self, agent):
        return box(-1, 1, 2) if agent == "cook" else discrete(3)

    def observe(self, counts):
        seen = {a: jnp.stack([counts[a], jnp.float32(1)]) for a in self.agents}
        return {**seen, "cook": counts["cook"] * jnp.ones(2, jnp.int32), "world_state": jnp.ones(4)}

    def reset(self, key):
        del key
        counts = dict.fromkeys(self.agents, 0)  # weak, and no arrays
        return self.observe(jax.tree.map(jnp.asarray, counts)), {"counts": counts, "step": 0}

    def step_env(self, key, state, actions):
        del key
        counts = dict(state["counts"])
        for agent in self.agents:
            counts[agent] = counts[agent] + jnp.sum(actions[agent]).astype(jnp.int32)
        step = state["step"] + 1
        total = sum(counts.values())
        done = {agent: (agent != "cook") & (counts[agent] >= 3) for agent in self.agents}
        done["__all__"] = (total >= 5) | (step >= self.max_steps)
        reward = {**{agent: counts[agent] for agent in self.agents}, "__all__": total}
        info = {"total": {"of": total}, "word": "no"}
        return self.observe(counts), {"counts": counts, "step": step}, reward, done, info

    def get_avail_actions(self, state):
        enough = state["counts"]["scout_0"] >= 1
        none = jnp.zeros(3, jnp.uint8)
        return {
            "scout_0": jnp.array([1, 1, 0]) * ~enough + jnp.array([0, 1, 0]) * enough,
            "scout_1": none,
            "cook": jnp.ones(2),
        }


class Numbered(Count):
    """The same with two agents that are integers, stacked, and ended together, as STORM has it."""

    def __init__(self, max_steps: int = 4) -> None:
        super().__init__(max_steps)
        self.agents = [0, 1]
        self.num_agents = 2

    def observation_space(self, agent):
        del agent
        return {"never": "asked"}

    def action_space(self, agent):
        del agent
        return discrete(3)

    def reset(self, key):
        del key
        return {"view": jnp.zeros((2, 5)), "deep": jnp.zeros((2, 1), jnp.int8)}, jnp.zeros(2, int)

    def step_env(self, key, state, actions):
        del key
        first, second = actions
        state = state + jnp.stack([first, second])
        seen = {"view": state[:, None] * jnp.ones(5), "deep": state[:, None].astype(jnp.int8)}
        return seen, state, tuple(state * 0.5), {"__all__": state.sum() >= 5}, {}

    def get_avail_actions(self, state):
        raise NotImplementedError  # as the base class of theirs does


def played(env: Any, scouts: list[list[int]], cook: float = 0.0) -> Any:
    """What is shown when the scouts act so."""
    moves = jnp.asarray(scouts, jnp.int32)
    joint = {"scout": moves, "cook": jnp.full((len(scouts), 1, 2), cook, jnp.float32)}
    return jax.jit(lambda: rollout(env, jax.random.key(0), joint))()


def ends(flags: Any) -> list[list[int]]:
    """On which steps each agent ends."""
    return [np.flatnonzero(row).tolist() for row in np.asarray(flags).T]


class TestTheInterface:
    @pytest.mark.parametrize(
        "theirs",
        [
            functools.partial(Count, 6),
            pytest.param(Count(), marks=pytest.mark.long),
            pytest.param(Numbered(), marks=pytest.mark.long),
        ],
    )
    @needs_jax_08
    def test_the_contract_holds(self, theirs):
        check_environment(from_jaxmarl(theirs))

    def test_agents_with_equal_spaces_and_names_are_a_group(self):
        scout, cook = from_jaxmarl(Count()).spec.groups
        assert (scout.name, scout.agents) == ("scout", ("scout_0", "scout_1"))
        assert (cook.name, cook.agents) == ("cook", ("cook",))
        assert (scout.action, cook.action) == (Discrete(3), Box(-1.0, 1.0, (2,)))

    def test_shapes_and_dtypes_are_those_of_what_is_returned(self):
        scout, cook = from_jaxmarl(Count()).spec.groups
        assert scout.observation == Box(-9.0, 9.0, (2,))
        assert cook.observation == Box(-9, 9, (2,), "int32")

    def test_agents_that_are_numbers_get_names(self):
        (group,) = from_jaxmarl(Numbered()).spec.groups
        assert (group.name, group.agents) == ("agent", ("agent_0", "agent_1"))
        parts = dict(group.observation.parts)
        assert parts["view"].shape == (5,) and parts["deep"].dtype == "int32"
        env = from_jaxmarl(Numbered())
        joint = {"agent": jnp.array([[1, 2], [1, 2]], jnp.int32)}
        steps = rollout(env, jax.random.key(0), joint)[1]
        assert steps.observation["agent"]["deep"][:, :, 0].tolist() == [[0, 0], [1, 2], [2, 4]]
        assert steps.reward.tolist() == [[0, 0], [0.5, 1], [1, 2]]
        assert ends(steps.terminated) == [[2], [2]]

    @pytest.mark.parametrize(
        ("scouts", "terminated", "truncated"),
        [
            ([[0, 0]] * 5, [[], [], []], [[4], [4], [4]]),
            ([[2, 0], [1, 0], [0, 0], [0, 0]], [[2], [], []], [[], [4], [4]]),
            ([[2, 1], [2, 0]], [[2], [2], [2]], [[], [], []]),
            ([[0, 1], [0, 1], [0, 0], [2, 1]], [[4], [4], [4]], [[], [], []]),  # both at once
        ],
    )
    def test_done_is_split_for_each_agent(self, scouts, terminated, truncated):
        steps = played(from_jaxmarl(Count()), scouts)[1]
        assert ends(steps.terminated) == terminated
        assert ends(steps.truncated) == truncated

    def test_an_agent_that_has_ended_does_nothing(self):
        steps = played(from_jaxmarl(Count()), [[2, 0], [1, 0], [1, 0], [1, 0]])[1]
        assert steps.info["total/of"].tolist() == [0, 2, 3, 3, 3]
        assert not steps.observation["scout"][3, 0].any() and steps.reward[3, 0] == 0

    def test_the_time_limit_can_be_changed(self):
        env = from_jaxmarl(Count())
        assert env.spec.horizon == 4
        for horizon in (2, 6):
            other = dataclasses.replace(env, horizon=horizon)
            steps = played(other, [[0, 0]] * 7)[1]
            assert ends(steps.truncated) == [[horizon]] * 3
        assert ends(played(dataclasses.replace(env, horizon=None), [[0, 0]] * 9)[1].truncated) == [
            [],
            [],
            [],
        ]

    def test_masks_and_the_world(self):
        env = from_jaxmarl(Count())
        states, _ = played(env, [[1, 0], [2, 0]])
        masks = [env.action_mask(jax.tree.map(lambda x, t=t: x[t], states), ()) for t in range(3)]
        assert [m["scout"][0].tolist() for m in masks] == [
            [True, True, False],
            [False, True, False],
            [True, True, True],  # it has ended
        ]
        assert all(m["scout"][1].all() for m in masks), "they said that nothing is legal"
        assert all([*m] == ["scout"] for m in masks), "a cook's actions are continuous"
        assert env.spec.global_state == Box(-INFINITY, INFINITY, (4,))
        assert states.world.shape == (3, 4)
        plain = from_jaxmarl(Numbered())
        assert not plain.spec.masks and plain.spec.global_state is None
        assert not hasattr(plain, "action_mask") and not hasattr(plain, "global_state")

    def test_a_mistake_in_masks_is_not_taken_for_none(self):
        class Mistaken(Count):
            def get_avail_actions(self, state):
                return state.avail_actions  # its state is a dictionary

        with pytest.raises(AttributeError, match="avail_actions"):
            played(from_jaxmarl(Mistaken()), [[1, 0]])

    def test_equal_by_value_and_pickles(self):
        for make in (Count, lambda: functools.partial(Count, 4)):
            env, twin = from_jaxmarl(make()), from_jaxmarl(make())
            assert env == twin == pickle.loads(pickle.dumps(env)) and hash(env) == hash(twin)
        assert from_jaxmarl(Count()) != from_jaxmarl(Count(5))
        assert from_jaxmarl(functools.partial(Count, 4)) != from_jaxmarl(functools.partial(Count))

    def test_what_theirs_warns_of_is_said_once(self):
        def make():
            warnings.warn("not maintained", stacklevel=2)
            return Count()

        with pytest.warns(UserWarning, match="not maintained"):
            env = from_jaxmarl(make)
        changed = dataclasses.replace(env, horizon=3)
        assert env.spec.agents == changed.spec.agents == ("scout_0", "scout_1", "cook")

    def test_what_cannot_be_taken_is_refused_by_name(self):
        with pytest.raises(UnsuitableError, match="step_env"):
            from_jaxmarl(object())

        class Pair(Count):
            def action_space(self, agent):
                return SimpleNamespace(spaces=(agent,))

        with pytest.raises(UnsuitableError, match="one Discrete or one Box"):
            from_jaxmarl(Pair())


# ------------------------------------------------------------------- the library itself

SEED, STEPS = 11, 30

# How each is made so that it is over soon, and the steps until its time limit; None: it has none.
SHORT: dict[str, tuple[dict[str, Any], int | None]] = {
    **{
        f"MPE_simple{name}": ({"max_steps": 3}, 4)  # JaxMARL compares before it counts
        for name in (
            *("_v3", "_tag_v3", "_world_comm_v3", "_spread_v3", "_crypto_v3", "_push_v3"),
            *("_speaker_listener_v4", "_adversary_v3", "_reference_v3", "_facmac_v1"),
        )
    },
    **{f"MPE_simple_facmac_{size}a_v1": ({}, 26) for size in (3, 6, 9)},
    "switch_riddle": ({}, 6),
    "SMAX": ({"max_steps": 2}, 3),
    "HeuristicEnemySMAX": ({"max_steps": 20}, 21),
    "storm": ({"num_inner_steps": 5}, None),
    "storm_2p": ({"num_inner_steps": 5}, None),
    "storm_np": ({"num_inner_steps": 5}, None),
    "hanabi": ({}, None),
    "overcooked": ({"max_steps": 5}, 5),
    "overcooked_v2": ({"max_steps": 5}, 5),
    "coin_game": ({"num_inner_steps": 3, "num_outer_steps": 2}, None),
    "jaxnav": ({"max_steps": 25}, 25),
}
BRAX = ("ant_4x2", "halfcheetah_6x1", "hopper_3x1", "humanoid_9|8", "walker2d_2x3")
SHORT |= dict.fromkeys(BRAX, ({"episode_length": 4, "auto_reset": False}, 4))
NEEDS_ARGUMENTS = "LearnedPolicyEnemySMAX"


@pytest.fixture(scope="module")
def jaxmarl():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("jaxmarl")


def recipe(jaxmarl: Any, name: str) -> Any:
    if name in BRAX:
        pytest.importorskip("brax")
    return functools.partial(jaxmarl.make, name, **SHORT[name][0])


def keys_of(seed: int, steps: int) -> list[jax.Array]:
    """Their keys in the first episode of a session with this seed."""
    base = jax.random.key(seed, impl=implementation("pcg4d"))
    episode = jax.random.fold_in(base, 0)
    return [legacy_key(jax.random.fold_in(episode, t)) for t in range(steps + 1)]


def by_hand(env: Any, actions: list[dict[str, Any]]) -> list[Any]:
    """(observations, rewards, dones, legal) by our names, from `reset` to the last step."""
    numbered = not isinstance(env.agents[0], str)
    names = {agent: f"agent_{agent}" if numbered else agent for agent in env.agents}

    def named(value: Any) -> dict[str, Any]:
        value = jax.tree.map(np.asarray, value)
        if isinstance(value, dict) and not numbered:
            return {agent: value[agent] for agent in env.agents}
        if isinstance(value, dict):  # STORM
            return {
                names[i]: {
                    "observations": value["observations"][i],
                    "inventory": value["inventory"][:, i],
                }
                for i in env.agents
            }
        return {names[i]: value[i] for i in env.agents}

    def legal(state: Any) -> dict[str, Any] | None:
        for method in ("get_avail_actions", "get_legal_moves"):
            if not hasattr(env, method):
                continue
            try:
                return {a: np.asarray(m, bool) for a, m in getattr(env, method)(state).items()}
            except NotImplementedError:  # JaxMARL's base class says so where there are none
                continue
        return None

    with as_it_comes():
        keys = keys_of(SEED, len(actions))
        seen, state = jax.jit(env.reset)(keys[0])
        nothing = dict.fromkeys(names.values(), np.float32(0))
        rows = [(named(seen), nothing, dict.fromkeys(names.values(), False), legal(state))]
        step = jax.jit(env.step_env)
        for key, action in zip(keys[1:], actions, strict=True):
            theirs = {agent: jnp.asarray(action[names[agent]]) for agent in env.agents}
            given = tuple(theirs.values()) if numbered else theirs
            seen, state, reward, done, _ = step(key, state, given)
            over = bool(done["__all__"])
            ended = {name: over or bool(done.get(name, False)) for name in names.values()}
            rows.append((named(seen), named(reward), ended, legal(state)))
            if over:
                break
    return rows


def actions_for(native: Any, steps: int = STEPS) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)

    def one(space: Any) -> Any:
        if isinstance(space, Discrete):
            return np.int32(rng.integers(space.n))
        return rng.uniform(*space.bounds, space.shape).astype(np.float32)

    groups = native.spec.groups
    return [{a: one(g.action) for g in groups for a in g.agents} for _ in range(steps)]


def close(found: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert sorted(found) == sorted(expected)
        for name in expected:
            close(found[name], expected[name])
    else:
        expected = np.asarray(expected)
        assert np.shape(found) == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("name", SHORT)
def test_their_step_by_hand_is_ours_for_every_id(jaxmarl, name):
    make, horizon = recipe(jaxmarl, name), SHORT[name][1]
    native = from_jaxmarl(make)
    assert native.spec.horizon == horizon
    actions = actions_for(native, 8 if name in BRAX else STEPS)
    with as_it_comes():
        theirs = make()
    rows = by_hand(theirs, actions)
    joint = {
        group.name: jnp.asarray([[step[a] for a in group.agents] for step in actions])
        for group in native.spec.groups
    }
    key = jax.random.fold_in(jax.random.key(SEED, impl=implementation("pcg4d")), 0)
    states, steps = jax.jit(lambda: rollout(native, key, joint))()
    alive = dict.fromkeys(native.spec.agents, True)
    for tick, (seen, reward, ended, legal) in enumerate(rows):
        masks = {}
        if native.spec.masks:
            masks = native.action_mask(jax.tree.map(lambda x, t=tick: x[t], states), ())
        for group in native.spec.groups:
            for i, agent in enumerate(group.agents):
                row = native.spec.agents.index(agent)
                ours = jax.tree.map(lambda x, t=tick, i=i: x[t, i], steps.observation[group.name])
                if alive[agent]:
                    close(ours, seen[agent])
                    close(steps.reward[tick, row], reward[agent])
                flags = bool(steps.terminated[tick, row]), bool(steps.truncated[tick, row])
                assert any(flags) == (alive[agent] and ended[agent]), (tick, agent)
                if tick != horizon:
                    assert not flags[1], "truncated though time is not up"
                alive[agent] = alive[agent] and not ended[agent]
                if alive[agent] and masks:
                    np.testing.assert_array_equal(masks[group.name][i], legal[agent])
    if name.startswith("MPE"):
        assert steps.truncated[horizon].all(), "nothing but time ends it"
    assert name == "hanabi" or not any(alive.values()), "it is not over in time for this test"


def test_no_id_is_forgotten(jaxmarl):
    from jaxmarl.registration import registered_envs

    rest = set(registered_envs) - set(SHORT)
    assert {name for name in rest if not name.startswith("JaxRobotarium")} == {NEEDS_ARGUMENTS}
    for name in rest - {NEEDS_ARGUMENTS}:  # a package of its own
        with pytest.raises(ValueError, match="requires the jaxrobotarium package"):
            jaxmarl.make(name)


class Alternating:
    """A policy with flax's interface, which always chooses one action."""

    def apply(self, params, seen):
        def sample(*, seed):
            del seed
            return jnp.broadcast_to(params["action"], seen.shape[:1])

        return SimpleNamespace(sample=sample), 0


def test_an_enemy_that_was_learned(jaxmarl):
    params = {"action": jnp.int32(4)}
    native = from_jaxmarl(jaxmarl.make(NEEDS_ARGUMENTS, policy=Alternating(), params=params))
    assert native.spec.agents == tuple(f"ally_{i}" for i in range(5))
    moves = {"ally": jnp.full((3, 5), 4, jnp.int32)}
    steps = jax.jit(lambda: rollout(native, jax.random.key(0), moves))()[1]
    assert np.isfinite(steps.observation["ally"]).all() and not steps.terminated.any()


@pytest.mark.parametrize("name", ["MPE_simple_tag_v3", "switch_riddle"])
def test_the_contract_holds(jaxmarl, name):
    check_environment(from_jaxmarl(jaxmarl.make(name)))


@pytest.mark.filterwarnings("ignore:OvercookedV2 is now released:DeprecationWarning")
def test_spaces_and_groups(jaxmarl):
    spec = from_jaxmarl(jaxmarl.make("MPE_simple_world_comm_v3")).spec
    assert [group.name for group in spec.groups] == ["leadadversary", "adversary", "agent"]
    assert from_jaxmarl(jaxmarl.make("switch_riddle")).spec.groups[0].observation == MultiDiscrete(
        (2, 2)
    )
    (cooks,) = from_jaxmarl(jaxmarl.make("overcooked")).spec.groups
    assert cooks.observation == Box(0, 255, (4, 5, 26), "uint8")
    (players,) = from_jaxmarl(jaxmarl.make("storm_2p")).spec.groups
    assert isinstance(players.observation, Dict) and players.agents == ("agent_0", "agent_1")


def test_the_world_of_smax_is_the_state_of_pettingzoo(jaxmarl):
    module = pytest.importorskip("bridge.pettingzoo")
    env = jaxmarl.make("HeuristicEnemySMAX", max_steps=20)
    world = module.parallel_env(env)
    world.reset(seed=SEED)
    with as_it_comes():
        seen, _ = env.reset(keys_of(SEED, 0)[0])
    close(world.state(), seen["world_state"])


def test_theirs_is_ours_through_pettingzoo(jaxmarl):
    module = pytest.importorskip("bridge.pettingzoo")
    for name in ("MPE_simple_world_comm_v3", "HeuristicEnemySMAX"):
        env = recipe(jaxmarl, name)()
        actions = actions_for(from_jaxmarl(env))
        rows = by_hand(env, actions)
        world = module.parallel_env(env)
        found = (world.reset(seed=SEED)[0],)
        for tick, (seen, reward, ended, legal) in enumerate(rows):
            for agent, observation in found[0].items():
                assert world.observation_space(agent).contains(observation)
                if legal is None:
                    close(observation, seen[agent])
                else:
                    close(observation["observation"], seen[agent])
                    if not ended[agent]:
                        np.testing.assert_array_equal(observation["action_mask"], legal[agent])
                if tick:
                    assert found[1][agent] == pytest.approx(float(reward[agent]), abs=1e-3)
                    assert (found[2][agent] or found[3][agent]) == ended[agent]
            if world.agents:
                found = world.step({agent: actions[tick][agent] for agent in world.agents})
        assert not world.agents


def test_theirs_is_ours_in_rows(jaxmarl):
    env = recipe(jaxmarl, "MPE_simple_spread_v3")()
    actions = actions_for(from_jaxmarl(env))
    rows = by_hand(env, actions)
    (*_, last) = rows
    assert len(rows) == 5
    gymnasium = pytest.importorskip("bridge.gymnasium")
    sb3 = pytest.importorskip("bridge.sb3")
    envs = gymnasium.make_vec(env, 1, autoreset_mode="disabled")
    venv = sb3.make_vec_env(env, 1, seed=SEED)
    shown = envs.reset(seed=SEED)[0], venv.reset()
    for tick, (seen, *_) in enumerate(rows[:-1]):
        for observation in shown:
            close(observation, np.stack([seen[agent] for agent in env.agents]))
        moves = np.stack([actions[tick][agent] for agent in env.agents])
        one, two = envs.step(moves), venv.step(moves)
        shown = one[0], two[0]
    for rewards in (one[1], two[1]):
        np.testing.assert_allclose(rewards, [last[1][agent] for agent in env.agents], rtol=1e-3)
    close(one[0], np.stack([last[0][agent] for agent in env.agents]))
    assert one[3].all() and not one[2].any() and two[2].all()
    for i, agent in enumerate(env.agents):
        assert two[3][i]["TimeLimit.truncated"]
        close(two[3][i]["terminal_observation"], last[0][agent])


def test_their_wrappers_are_refused_with_a_way_out(jaxmarl):
    wrappers = pytest.importorskip("jaxmarl.wrappers.baselines")
    with pytest.raises(UnsuitableError, match="environment inside it"):
        from_jaxmarl(wrappers.LogWrapper(jaxmarl.make("switch_riddle")))
