"""Numbers of the dynamics and rules from outside: they have an effect, or are refused by name."""

import collections
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drivers import available, play, same, stepped
from test_every_adapter import label

from bridge import programs
from bridge.errors import RulesError, RuleValueError, UnsuitableError
from bridge.session import Session
from native.batch import Autoreset, Batch
from native.core import Group, Spec, pytree, restart, transition
from native.parameters import ParameterError
from native.registry import make
from native.spaces import Box, Discrete

every_driver = pytest.mark.parametrize("driver", available(), ids=label)


@pytree
class Payoffs:
    payoff: jax.Array
    bonus: float = 0.0
    rounds: int = 3


@dataclasses.dataclass(frozen=True)
class Matrix:
    """A game of one move a step, whose parameter is a matrix."""

    horizon: int | None = 5

    @property
    def params(self):
        return Payoffs(payoff=jnp.arange(4, dtype=jnp.float32).reshape(2, 2))

    @property
    def spec(self):
        group = Group("player", ("player_0", "player_1"), Box(0.0, 9.0, (1,)), Discrete(2))
        return Spec("matrix", (group,), self.horizon)

    def init(self, key, params):
        del key, params
        return jnp.int32(0), restart({"player": jnp.zeros((2, 1), jnp.float32)}, 2)

    def step(self, key, state, action, params):
        del key
        mine, yours = action["player"]
        reward = jnp.stack([params.payoff[mine, yours], params.payoff[yours, mine]]) + params.bonus
        everyone = jnp.ones(2, bool)
        return state + 1, transition(
            self.spec,
            acting=everyone & (state < 5),
            observation={"player": jnp.zeros((2, 1), jnp.float32)},
            reward=reward,
            terminated=~everyone,
            truncated=everyone & (state + 1 >= 5),
        )


def rewards(params, rows=7, **changes):
    session = Session(Matrix(), rows, Autoreset.SAME_STEP, params=params, **changes)
    session.reset(0)
    action = {"player": np.tile(np.array([[1, 0]], np.int32), (rows, 1))}
    return np.asarray(stepped(session, action).timestep.reward)


def test_a_matrix_for_each_row():
    payoffs = np.random.default_rng(0).normal(size=(7, 2, 2)).astype(np.float32)
    found = rewards({"payoff": payoffs})
    np.testing.assert_array_equal(found, np.stack([payoffs[:, 1, 0], payoffs[:, 0, 1]], 1))
    one = rewards({"payoff": payoffs[3]})
    np.testing.assert_array_equal(one, np.tile(found[3], (7, 1)))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"pay": 1}, "'pay'.*payoff, bonus, rounds"),
        ({"bonuss": 1}, "Did you mean 'bonus'"),
        ({"payoff": np.zeros((7, 2))}, r"'payoff' has shape \(7, 2\); give \(2, 2\).*\(7, 2, 2\)"),
        ({"payoff": np.zeros((6, 2, 2))}, "payoff"),
        ({"payoff": np.zeros((2, 2, 7))}, "payoff"),
        ({"bonus": np.zeros(6)}, "bonus"),
        ({"bonus": "much"}, "bonus.*float32"),
        ({"bonus": True}, "bonus"),
        ({"bonus": None}, "bonus"),
        ({"bonus": float("nan")}, "bonus.*nan"),
        ({"bonus": 1e39}, "bonus.*1e[+]39"),
        ({"rounds": 2.5}, "rounds.*int32"),
        ({"rounds": 2**40}, "rounds"),
        ({"bonus": [[1, 2], [3]]}, "bonus"),
        (3.0, "mapping"),
        ([1, 2], "mapping"),
        (Payoffs(payoff=np.zeros((3, 3), np.float32)), "payoff"),
    ],
)
def test_what_does_not_fit_is_named(given, words):
    with pytest.raises(RulesError, match=words):
        rewards(given)


def test_a_batch_never_takes_a_wrong_shape():
    batch, seeds = Batch(Matrix(), Autoreset.SAME_STEP), np.zeros(7, np.uint32)
    params = dataclasses.replace(Matrix().params, payoff=jnp.zeros((6, 2, 2)))
    with pytest.raises(ParameterError, match="payoff"):
        batch.init(seeds, params)
    with pytest.raises(ParameterError, match="PyTreeDef"):
        batch.init(seeds, ())


def test_other_numbers_compile_nothing_again():
    session = Session(make("CartPole-v1"), 4, Autoreset.SAME_STEP, params={"gravity": 3.0})
    made, push = session._programs, {"cart": np.ones((4, 1), np.int32)}
    session.reset(0)
    session.step(push)
    with jax.log_compiles(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "jit", None)
        session.set_params({"gravity": 30.0})
        session.step(push)
    assert session._programs is made
    other = Session(make("CartPole-v1"), 4, Autoreset.SAME_STEP, params={"force": 1.0})
    assert other._programs is made, "whichever is given, all of them are data"


def test_programs_go_with_the_last_session(monkeypatch):
    monkeypatch.setattr(programs, "_recent", collections.deque(maxlen=programs.RECENT))
    before = len(programs._made)
    others = range(202, 212)  # rows that no other test has
    sessions = [Session(make("CartPole-v1"), n, Autoreset.DISABLED) for n in others]
    assert len(programs._made) - before == 10
    for session in sessions:
        session.close()
    assert len(programs._made) - before <= programs.RECENT
    programs.forget()
    assert len(programs._made) == before


NAME = "CartPole-v1"
HEAVY = {"gravity": 50.0}


def changed(name):
    (number, value), *_ = HEAVY.items()
    env = make(name)
    return dataclasses.replace(env, params=dataclasses.replace(env.params, **{number: value}))


def close(left, right):
    left, right = jax.tree.leaves(left), jax.tree.leaves(right)
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        if np.asarray(a).dtype.kind in "fiub":
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@every_driver
def test_given_numbers_play_as_those_of_the_rules(driver):
    name = NAME
    one, two = driver.make(name, params=HEAVY), driver.make(changed(name))
    for adapter in (one, two):
        driver.reset(adapter)
    close(*(play(driver, adapter, make(name), 6, seed=1) for adapter in (one, two)))
    with pytest.raises(RulesError, match="'gravitas'"):
        driver.make(name, params={"gravitas": 1})


@every_driver
def test_an_attribute_that_is_a_number_or_a_rule_has_an_effect(driver):
    name = NAME
    (number, value), *_ = HEAVY.items()
    one, two = driver.make(name), driver.make(name)
    for adapter in (one, two):
        driver.reset(adapter)
        play(driver, adapter, make(name), 2, seed=0)
    setattr(one, number, value)
    two.set_params({number: value})
    assert getattr(one, number) == value and getattr(two.params, number) == value
    same(*(play(driver, adapter, make(name), 4, seed=1) for adapter in (one, two)))
    three = driver.make(name)
    driver.reset(three)
    play(driver, three, make(name), 2, seed=0)
    unchanged = play(driver, three, make(name), 4, seed=1)
    with pytest.raises(AssertionError):
        same(unchanged, play(driver, one, make(name), 4, seed=1))
    one.horizon = 3
    assert one.horizon == 3


@every_driver
def test_what_cannot_be_set_is_refused_by_name(driver):
    adapter = (
        driver.make("simple_spread_v3", N=1)
        if driver.interface.one_agent
        else driver.make("simple_spread_v3")
    )
    driver.reset(adapter)
    with pytest.raises(RulesError, match="'N'"):
        adapter.N = 7
    with pytest.raises(RulesError, match=r"positions?.*state"):
        adapter.position = 0.0
    adapter.note_of_mine = 3
    assert adapter.note_of_mine == 3 and adapter.N in (1, 3)


@every_driver
def test_given_numbers_are_in_saved_states(driver, tmp_path):
    name = NAME
    env = make(name)
    one, two = driver.make(name, params=HEAVY), driver.make(name)
    driver.reset(one)
    play(driver, one, env, 3, seed=1)
    one.save_state(tmp_path / "state.npz")
    two.load_state(tmp_path / "state.npz")
    if hasattr(two, "ended"):
        two.ended = False
    same(*(play(driver, adapter, env, 6, seed=2) for adapter in (one, two)))


def test_one_set_for_each_world_is_that_of_each_alone():
    gymnasium = pytest.importorskip("bridge.gymnasium")
    gravities, pushes = np.array([1.0, 9.8, 40.0]), np.ones(3, np.int64)
    many = gymnasium.make_vec("CartPole-v1", 3, params={"gravity": gravities})
    many.reset(seed=[5, 5, 5])
    shown = [many.step(pushes)[0] for _ in range(5)][-1]
    for row, gravity in enumerate(gravities.tolist()):
        alone = gymnasium.make_vec("CartPole-v1", 3, params={"gravity": gravity})
        alone.reset(seed=[5, 5, 5])
        close(shown[row], [alone.step(pushes)[0] for _ in range(5)][-1][row])
    assert many.get_attr("gravity") == pytest.approx(tuple(gravities))


def test_bounds_follow_the_numbers():
    gymnasium = pytest.importorskip("bridge.gymnasium")
    env = gymnasium.make("CartPole-v1", params={"track": 10.0})
    assert env.observation_space.high[0] == 20
    envs = gymnasium.make_vec("CartPole-v1", 3, params={"track": np.array([1.0, 10.0, 2.0])})
    assert envs.single_observation_space.high[0] == 20
    assert gymnasium.make("Pendulum-v1", params={"torque_limit": 5.0}).action_space.high == [5]


@pytest.mark.parametrize("given", [-1.0, np.array([1.0, -1.0, 1.0])])
def test_what_the_rules_refuse_is_refused(given):
    with pytest.raises(RulesError, match=r"params\.half_length.*-1"):
        Session(make("CartPole-v1"), 3, Autoreset.SAME_STEP, params={"half_length": given})
    session = Session(make("CartPole-v1"), 3, Autoreset.SAME_STEP)
    with pytest.raises(RulesError, match="half_length"):
        session.set_params({"half_length": given})


def test_the_originals_names_are_known():
    gymnasium = pytest.importorskip("bridge.gymnasium")
    env = gymnasium.make("CartPole-v1", params={"masscart": 3.0})
    assert env.cart_mass == env.masscart == 3
    env.force_mag = 1.0
    assert env.force == 1
    for derived in ("total_mass", "polemass_length"):
        with pytest.raises(RulesError, match=f"'{derived}' follows"):
            setattr(env, derived, 2.0)


def test_scripts_of_the_old_api_set_them_too():
    gym = pytest.importorskip("bridge.legacy")
    env = gym.make("MountainCar-v0", params={"gravity": 0.001})
    assert env.gravity == pytest.approx(0.001)
    env._max_episode_steps = 3
    env.reset()
    assert [env.step(1)[2] for _ in range(3)] == [False, False, True]
    with pytest.raises(RulesError, match="'position' is part of the state"):
        env.position = 0.0


def test_through_the_wrappers_of_stable_baselines3(tmp_path):
    sb3 = pytest.importorskip("bridge.sb3")
    from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

    venv = sb3.make_vec_env("CartPole-v1", 2, env_kwargs={"params": {"gravity": 3.0}}, seed=0)
    venv.gravity = 4.0
    for wrapped in (VecFrameStack(venv, 2), VecNormalize(venv)):
        assert wrapped.get_attr("gravity") == [4, 4]
        wrapped.set_params({"gravity": 5.0})
        wrapped.reset()
        wrapped.step_async(np.zeros(2, int))  # interrupted before `step_wait`
        wrapped.save_state(tmp_path / "state.npz")
        wrapped.load_state(tmp_path / "state.npz")
        assert wrapped.params.gravity == 5
        venv.set_params({"gravity": 4.0})
    with pytest.raises(UnsuitableError, match="no row 7 among 2"):
        venv.set_attr("gravity", 1.0, indices=[7])


@every_driver
def test_a_time_limit_has_one_meaning_whatever_it_is_called(driver):
    adapter = driver.make(NAME)
    for word, limit in (("max_cycles", 9), ("max_episode_steps", 8), ("horizon", 7)):
        setattr(adapter, word, limit)
        assert adapter.horizon == adapter.max_episode_steps == limit


@every_driver
def test_a_name_that_is_nearly_one_of_them_is_no_note(driver):
    adapter = driver.make(NAME)
    for name, meant in {
        "gravty": "gravity",
        "SuttonBartoReward": "sutton_barto_reward",
        "max_cycle": "max_cycles",
    }.items():
        with pytest.raises(RulesError, match=f"Did you mean '{meant}'"):
            setattr(adapter, name, 0.5)
        assert name not in vars(adapter)
    adapter.curriculum = 3
    assert adapter.curriculum == 3


def test_what_is_a_parameter_and_a_rule_is_read_and_set_by_world():
    gymnasium, pettingzoo = (
        pytest.importorskip(f"bridge.{name}") for name in ("gymnasium", "pettingzoo")
    )
    usual = np.array([[1, 1, -2], [1, 1, -2]], np.float32)
    envs = gymnasium.make_vec("coin_game_v0", 2, params={"payoff": np.stack([usual, 2 * usual])})
    found = envs.get_attr("payoff")
    np.testing.assert_array_equal(found, [usual, usual, 2 * usual, 2 * usual])
    envs.set_attr("payoff", [3 * usual, 3 * usual, usual, usual])
    np.testing.assert_array_equal(envs.get_attr("payoff")[1:3], [3 * usual, usual])
    world = pettingzoo.parallel_env("coin_game_v0", payoff=2 * usual)
    np.testing.assert_array_equal(world.payoff, 2 * usual)
    world.payoff = 5 * usual
    np.testing.assert_array_equal(world.payoff, 5 * usual)


def test_set_attr_by_row():
    gymnasium, sb3 = (pytest.importorskip(f"bridge.{name}") for name in ("gymnasium", "sb3"))
    envs = gymnasium.make_vec("simple_spread_v3", 2)
    envs.set_attr("acceleration", [1.0, 1.0, 1.0, 4.0, 4.0, 4.0])
    assert envs.get_attr("acceleration") == (1.0,) * 3 + (4.0,) * 3
    with pytest.raises(RulesError, match="3 to 5"):
        envs.set_attr("acceleration", [1.0, 1.0, 1.0, 4.0, 4.0, 5.0])
    with pytest.raises(RulesError, match="'horizon' is a rule"):
        envs.set_attr("horizon", [3, 3, 3, 4, 4, 4])
    with pytest.raises(RulesError, match="have not one shape"):
        envs.set_attr("acceleration", [np.zeros(2)] * 3 + [np.zeros(3)] * 3)
    with pytest.raises(RulesError, match="num_envs"):
        envs.set_attr("num_envs", 4)
    venv = sb3.make_vec_env("CartPole-v1", 3, seed=0)
    venv.set_attr("gravity", 2.0, indices=[1])
    assert venv.get_attr("gravity") == [pytest.approx(9.8), 2.0, pytest.approx(9.8)]
    for batch in (envs, venv):
        with pytest.raises(RulesError, match="Did you mean 'horizon'"):
            batch.set_attr("horizons", 5)
    venv.set_attr("mine", "x", indices=0)
    assert venv.get_attr("mine", 0) == ["x"]
    for number in ("track", "tilt"):
        venv.set_attr(number, 1e-6)
    venv.reset()
    assert venv.step(np.zeros(3, int))[2].all(), "so narrow a track ends at once"


def test_looking_for_nan_is_heeded_where_batches_are_small():
    session = Session(Matrix(), 2, Autoreset.SAME_STEP, params={"bonus": np.inf})
    action = {"player": np.ones((2, 2), np.int32)}
    session.reset(0)
    session.step(action)
    jax.config.update("jax_debug_infs", True)
    try:
        session.reset(0)
        with pytest.raises(FloatingPointError):
            session.step(action)
    finally:
        jax.config.update("jax_debug_infs", False)
    session.reset(0)
    session.step(action)


def test_a_number_that_decides_which_actions_fit_is_given_at_the_start():
    gymnasium = pytest.importorskip("bridge.gymnasium")
    env = gymnasium.make("Pendulum-v1")
    with pytest.raises(RulesError, match="other actions fit"):
        env.unwrapped.max_torque = 10.0
    env.unwrapped.g = 5.0
    assert env.gravity == 5


def test_the_limit_that_gymnasium_counts_is_set_too():
    gymnasium = pytest.importorskip("gymnasium")
    name = "bridge.gymnasium:native/MountainCar-v0"
    env = gymnasium.make(name)
    for limit in (3, 250):
        env.unwrapped.horizon = limit
        env.reset(seed=0)
        ends = [env.step(1)[3] for _ in range(limit)]
        assert ends.index(True) == limit - 1
    with pytest.raises(RulesError, match="give max_episode_steps=4"):
        gymnasium.make(name, horizon=4)


def test_the_layer_that_writes_episodes_hides_nothing(tmp_path):
    sb3 = pytest.importorskip("bridge.sb3")
    venv = sb3.make_vec_env("CartPole-v1", 2, seed=0, monitor_dir=str(tmp_path / "log"))
    venv.gravity, venv.horizon = 3.0, 4
    venv.set_params({"force": 1.0})
    assert venv.get_attr("gravity") == [3, 3] and venv.get_attr("horizon") == [4, 4]
    venv.reset()
    venv.save_state(tmp_path / "state.npz")
    venv.close()


def test_several_numbers_may_be_a_list_or_an_array_one_a_world_too():
    parallel_vec_env = pytest.importorskip("bridge.pettingzoo").parallel_vec_env
    for given in ([9.0] * 6, np.full(6, 9.0), (9.0,) * 6, np.full((3, 6), 9.0)):
        envs = parallel_vec_env("smax_3m_v1", 3, params={"unit_type_attacks": given})
        envs.close()
    for wrong in ((9.0,) * 3, 9.0, [9.0] * 5):
        with pytest.raises(RulesError, match="'unit_type_attacks' must be 6 numbers, got"):
            parallel_vec_env("smax_3m_v1", 3, params={"unit_type_attacks": wrong})
    with pytest.raises(RulesError, match=r"'plans' must be a native\.megastep\.pool\.Pool, got 3"):
        parallel_vec_env("megastep_minimal_v0", 3, params={"plans": 3})


@pytest.mark.parametrize(
    ("name", "number", "wrong"),
    [
        ("infinite_matrix_v0", "gamma", 1.0),
        ("infinite_matrix_v0", "gamma", np.array([0.5, 0.9, 2.0])),
        ("in_the_matrix_v0", "freeze_penalty", 0),
    ],
)
def test_a_parameter_that_is_a_rule_too_has_its_bounds(name, number, wrong):
    parallel_vec_env = pytest.importorskip("bridge.pettingzoo").parallel_vec_env
    with pytest.raises(RuleValueError, match=f"{number} must be a"):
        parallel_vec_env(name, 3, params={number: wrong})
