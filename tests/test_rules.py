"""Rules are checked where they are made: every rule of every registered environment, and all that a
session is made with besides.
"""

import dataclasses
import inspect
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bridge.environments import as_environment, rules_of, with_horizon
from bridge.errors import RulesError, RuleValueError, UnsuitableError
from bridge.parameters import parts, shown_spec, with_given
from bridge.rules import checked_devices, checked_rows
from bridge.session import Session
from native.batch import Autoreset, Batch
from native.classic_control.cartpole import CartPole
from native.core import Group, Spec
from native.gigastep.builder import ScenarioBuilder
from native.gigastep.kinds import Kind
from native.gigastep.opponents import OPPONENTS
from native.gigastep.scenarios import SCENARIOS
from native.gigastep.world import Gigastep
from native.mpe.simple_spread import SimpleSpread
from native.registry import REGISTRY, UnknownEnvironmentError, make
from native.rules import RuleError, UnknownRuleError
from native.spaces import Discrete
from native.wrappers import one_team

LIMITS = (0, -5, 2.5, 2.0, math.nan, True, "9", 2**40, 10**5000, np.array([3, 4]))
COUNTS = (-1, 2.5, math.nan, True, "9", 2**40, [1], np.array([1, 2]))
FLAGS = (1, 0, 0.0, "yes", None, np.array(True))
SHARES = (-0.1, 1.5, math.nan, True, "0.5", None, 1j)
NUMBERS = (math.nan, True, "9.8", None, 1e39, 10**400, 1j, np.array(["a"]))
STRINGS = ("", 3, None, ["all"], b"all")
RULES = [(name, rule) for name in REGISTRY for rule in inspect.signature(REGISTRY[name]).parameters]


def numbers_of(env):
    """Names of the numbers of the dynamics that are part of the rules; there may be none."""
    given = "params" in {field.name for field in dataclasses.fields(env)} and env.params
    return [field.name for field in dataclasses.fields(env.params)] if given else []


def bad_values(rule, default):
    """Some that mean nothing for this rule, by what its default is."""
    if rule == "horizon":
        return (*LIMITS, -1)
    if rule == "params":
        return ({"gravity": 3.0}, (), None, 9.8)
    if rule in {"data", "enemy_policy"}:  # which may be None
        return [value for value in STRINGS if value is not None]
    if isinstance(default, bool):
        return FLAGS
    if isinstance(default, float):
        return SHARES
    if isinstance(default, str):
        return STRINGS
    return COUNTS if default is None else (*COUNTS, None)


@pytest.mark.parametrize(("name", "rule"), RULES)
def test_a_value_that_means_nothing_is_refused_when_it_is_made(name, rule):
    env = make(name)
    for value in bad_values(rule, getattr(env, rule)):
        with pytest.raises(RuleError, match=f"^{rule} must be .*, got "):
            make(name, **{rule: value})
        with pytest.raises(RuleError, match=f"^{rule} must be "):
            dataclasses.replace(env, **{rule: value})
        if rule != "horizon" or not isinstance(value, int) or value != -1:
            with pytest.raises(RuleValueError, match=f"^{rule} must be "):
                as_environment(name, **{rule: value})


@pytest.mark.parametrize("name", REGISTRY)
def test_a_number_of_the_dynamics_that_is_none_is_refused_by_name(name):
    env = make(name)
    for number in numbers_of(env):
        for value in NUMBERS:
            params = dataclasses.replace(env.params, **{number: value})
            said = rf"^params\.{number} must be (an? (positive )?(number|integer)|\d+ numbers)"
            with pytest.raises(RuleError, match=said):
                dataclasses.replace(env, params=params)


@pytest.mark.parametrize("name", REGISTRY)
def test_equal_rules_are_equal_however_they_are_spelled(name):
    env = make(name)

    def spelled(value, integer, number):
        if isinstance(value, bool):
            return np.bool_(value)
        return integer(value) if isinstance(value, int) else number(value)

    params = {
        number: spelled(getattr(env.params, number), np.int32, np.float64)
        for number in numbers_of(env)
        if not isinstance(getattr(env.params, number), tuple)
    }
    rules = {
        field.name: spelled(getattr(env, field.name), np.int64, np.float64)
        for field in dataclasses.fields(env)
        if isinstance(getattr(env, field.name), (int, float))
    }
    if params:
        rules["params"] = dataclasses.replace(env.params, **params)
    other = dataclasses.replace(env, **rules)
    assert (other, hash(other), repr(other)) == (env, hash(env), repr(env))


def test_numbers_of_the_dynamics_may_be_arrays_or_endless():
    env = CartPole()
    for value in (jnp.float32(3), np.float32([1, 2]), math.inf, 3, np.int8(3)):
        params = dataclasses.replace(env.params, track=value)
        assert dataclasses.replace(env, params=params).params.track is not None
    with pytest.raises(RuleError, match=r"params\.track must be a number above 0, or inf, got -1"):
        dataclasses.replace(env, params=dataclasses.replace(env.params, track=-1))


GIGASTEP = "gigastep_special_5_vs_1_pobs_vec_void_disc"
SENSELESS = [
    ("CartPole-v1", "gravity", math.inf),
    ("CartPole-v1", "interval", 0),
    ("CartPole-v1", "cart_mass", -1),
    ("Pendulum-v1", "interval", -0.05),
    ("Acrobot-v1", "inner_length", -1),
    ("MountainCar-v0", "force", -math.inf),
    ("FrozenLake-v1", "reward_schedule", (1, math.inf, 0)),
    ("DeepSea-bsuite", "mapping", np.full((8, 8), 2)),
    ("DeepSea-bsuite", "unscaled_move_cost", math.inf),
    ("SimpleBandit-bsuite", "rewards", np.full(11, math.inf)),
    ("Swimmer-misc", "interval", 0),
    ("PointRobot-misc", "goal_radius", -1),
    ("Pong-misc", "paddle_speed", -1),
    ("simple_spread_v3", "damping", 1.5),
    ("simple_spread_v3", "agent_radius", -1),
    ("simple_push_v3", "contact_margin", 0),
    ("simple_tag_v3", "agent_top_speed", -1),
    ("causeway_v0", "stride", math.inf),
    (GIGASTEP, "max_health", (1, 1, 1, 1, 1, 0)),
    (GIGASTEP, "cone_depth", -1),
    ("smax_3m_v1", "unit_type_health", (45, 125, 160, 150, 35, math.inf)),
    ("jaxnav_v1", "fill", 0.9),
    ("megastep_minimal_v0", "speed", -1),
    ("megastep_explorer_v0", "patience", -1),
    ("megastep_waypoint_v0", "within", -1),
    ("megastep_deathmatch_v0", "harm", -1),
    ("megastep_deathmatch_v0", "kill_reward", math.inf),
    ("megastep_tag_v0", "decay", 1.5),
]
SENSIBLE = [
    ("CartPole-v1", "gravity", -9.8),
    ("CartPole-v1", "track", math.inf),
    ("MountainCar-v0", "goal", math.inf),
    ("simple_tag_v3", "agent_top_speed", math.inf),
    (GIGASTEP, "communication_range", math.inf),
    ("megastep_deathmatch_v0", "kill_reward", -1),
    ("megastep_explorer_v0", "patience", math.inf),
]


@pytest.mark.parametrize(("name", "number", "value"), SENSELESS)
def test_a_number_that_makes_no_sense_is_refused_for_all_worlds_and_for_one(name, number, value):
    env = make(name)
    usual = parts(env.params)[number]
    here = np.asarray(value, np.result_type(*usual) if isinstance(usual, tuple) else None)
    one = np.stack([np.broadcast_to(here, np.shape(usual)), np.asarray(usual)])
    for given in (value, one.tolist() if isinstance(usual, tuple) else one):
        with pytest.raises(RuleValueError, match=rf"^params\.{number}(\[\d\])? must be "):
            shown_spec(env, with_given(env, env.params, {number: given}, 2))


@pytest.mark.parametrize(("name", "number", "value"), SENSIBLE)
def test_a_number_that_makes_sense_is_taken(name, number, value):
    env = make(name)
    assert shown_spec(env, with_given(env, env.params, {number: value}, 2)).name == name


def test_what_is_refused_is_told_all_that_is_taken():
    with pytest.raises(RuleError, match=r"enemy_policy must be one of .*, or None, got 'brave'"):
        make("smax_3m_v1", enemy_policy="brave")
    with pytest.raises(RuleError, match=r"hand_size must be .*, or None, got 0"):
        make("hanabi_v1", hand_size=0)
    with pytest.raises(RuleError, match=r"start must be a row and a column, or None, got 3"):
        make("FourRooms-misc", start=3)
    with pytest.raises(RuleError, match=r"params\.gravity must be a finite number, got inf"):
        CartPole(params=dataclasses.replace(CartPole().params, gravity=math.inf))
    with pytest.raises(RuleError, match=r"params\.track must be a number above 0, or inf, got 0"):
        CartPole(params=dataclasses.replace(CartPole().params, track=0))


@pytest.mark.parametrize("name", ["smax_3m_v1", GIGASTEP, "gigastep_special_5_vs_1_against_idle"])
def test_what_a_game_is_called_is_no_rule_of_it(name):
    with pytest.raises(UnknownRuleError, match="no rule 'name'"):
        make(name, name="nonsense")
    assert make(name).spec.name == name and "name" not in rules_of(make(name))


def test_walls_stand_left_and_right():
    for name in ("MountainCar-v0", "MountainCarContinuous-v0"):
        env = make(name)
        with pytest.raises(RuleError, match=r"params\.left must be less than params\.right, 0\.6"):
            dataclasses.replace(env, params=dataclasses.replace(env.params, left=0.6))


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: type(limit).__name__)
def test_a_time_limit_means_the_same_wherever_it_is_set(limit):
    for change in (
        lambda: as_environment("CartPole-v1", horizon=limit),
        lambda: with_horizon(CartPole(), limit),
    ):
        with pytest.raises(RuleValueError, match=r"^horizon must be .* or -1 for no limit, got "):
            change()
    with pytest.raises(RuleError, match=r"^horizon must be "):
        Spec("written elsewhere", (), limit)


@pytest.mark.parametrize("limit", [None, -1, np.int64(-1)])
def test_no_time_limit_is_none_or_minus_one(limit):
    assert as_environment("CartPole-v1", horizon=limit).spec.horizon is None
    assert with_horizon(CartPole(), limit).spec.horizon is None


def test_the_time_limit_of_a_spec_is_an_int():
    assert type(Spec("any", (), np.int64(5)).horizon) is int
    assert Spec("any", (), 2**31 - 1).horizon == 2**31 - 1


@pytest.mark.parametrize("error", [TypeError, ValueError, RulesError, RuleError])
def test_a_wrong_value_is_every_error_it_resembles(error):
    with pytest.raises(error, match="horizon"):
        as_environment("CartPole-v1", horizon=0)


def test_a_spec_that_an_environment_cannot_make_is_our_error():
    class Faulty(CartPole):
        @property
        def spec(self):
            return dataclasses.replace(super().spec, horizon=0)

    with pytest.raises(RuleValueError, match="horizon must be a positive integer"):
        as_environment(Faulty())


def test_names_are_not_given_twice():
    box = Discrete(2)
    with pytest.raises(RuleError, match="two agents share the name 'a'"):
        Spec("any", (Group("x", ("a", "b"), box, box), Group("y", ("a",), box, box)))
    with pytest.raises(RuleError, match="two groups share the name 'x'"):
        Spec("any", (Group("x", ("a",), box, box), Group("x", ("b",), box, box)))


@pytest.mark.parametrize("rng", ["rbg", "unsafe_rbg", "threefry", "", None, 3, jax.random])
def test_a_generator_that_is_not_ours_is_refused(rng):
    with pytest.raises(RuleError, match="rng must be one of pcg4d, threefry2x32, got"):
        Batch(CartPole(), Autoreset.NEXT_STEP, rng)
    with pytest.raises(RuleValueError, match="rng must be one of pcg4d"):
        Session(CartPole(), 1, Autoreset.NEXT_STEP, rng=rng)


def test_a_mode_of_auto_reset_is_a_member():
    with pytest.raises(RuleError, match="autoreset must be a member of Autoreset, got 'NextStep'"):
        Batch(CartPole(), "NextStep")


@pytest.mark.parametrize(
    "devices", [3, "cpu", [], (), ["cpu:0"], [None], np.array([1, 2]), {"a": 1}, [[0]]]
)
def test_what_is_no_sequence_of_devices_is_refused(devices):
    with pytest.raises(UnsuitableError, match="devices must be a sequence"):
        Session(CartPole(), 2, Autoreset.NEXT_STEP, devices=devices)


def test_devices_are_there_once_and_divide_the_rows():
    first, second = jax.devices("cpu")[:2]
    assert checked_devices(np.array([first, second]), 4) == (first, second)
    with pytest.raises(UnsuitableError, match=r"devices has .* twice"):
        Session(CartPole(), 2, Autoreset.NEXT_STEP, devices=[first, first])
    with pytest.raises(UnsuitableError, match="devices: 3 rows cannot be shared by 2"):
        Session(CartPole(), 3, Autoreset.NEXT_STEP, devices=[first, second])


def test_a_number_of_worlds_is_a_positive_integer():
    assert type(checked_rows(np.int64(3))) is int
    for rows in (0, -1, 2.0, True, "2", None, 2**40):
        with pytest.raises(UnsuitableError, match="num_envs must be a positive integer"):
            checked_rows(rows)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda b: b.add(True + 1), "team must be 0 or 1, got 2"),
        (lambda b: b.add(0, thrust="fast"), "thrust must be a number"),
        (lambda b: b.add(0, sprite=9), "sprite must be an integer in 0 ... 7"),
        (lambda b: b.add_type(0, ["default"]), "type must be one of"),
        (lambda b: b.set_map("moon"), "map must be one of"),
        (lambda b: b.set_map("all", -3.0), "size must be a number above 0"),
        (lambda b: b.from_config({"team_0": {"default": 1}}), "team_1 must be a dict"),
        (lambda b: b.from_config({"team_0": {"default": "2"}}), r"team_0\['default'\] must be"),
    ],
)
def test_a_scenario_is_checked_as_it_is_put_together(build, message):
    with pytest.raises(RuleError, match=message):
        build(ScenarioBuilder())


def test_a_scenario_has_no_rules_that_nobody_reads():
    pair = ScenarioBuilder().add(0).add(1)
    with pytest.raises(UnknownRuleError, match=r"'colour'. It has: .*thrust"):
        pair.add(0, colour="red")
    with pytest.raises(UnknownRuleError, match=r"'colour'. It has: .*reward_idle"):
        pair.make(colour="red")


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"params": {"max_tracking_time": 300.0}}, "max_tracking_time must be a number in 0 ... 2"),
        ({"params": {"thrust": (1.0, math.nan)}}, r"params.thrust\[1\] must be a number"),
        ({"params": {"thrust": [1.0, 1.0]}}, "params.thrust must be a number"),
        ({"params": {"size": 0.0}}, "params.size must be a number above 0"),
    ],
)
def test_numbers_of_gigastep_fit(rules, message):
    env = Gigastep(blue=1, red=1)
    with pytest.raises(RuleError, match=message):
        dataclasses.replace(env, params=dataclasses.replace(env.params, **rules["params"]))


@pytest.mark.parametrize(
    "name",
    [
        *("gigastep_", "gigastep_identical_5_vs_6", "gigastep__pobs_vec_void_disc"),
        "gigastep_identical_5_vs_5_pobs_vec_void_disc_fobs_rgb_maps_cont",
        "gigastep_identical_5_vs_5_against_greedy_against_greedy",
        "gigastep_identical_5_vs_5_against_",
        *(3, None, ["CartPole-v1"]),
    ],
)
def test_what_no_grammar_of_names_has_is_unknown(name):
    with pytest.raises(UnknownEnvironmentError):
        make(name)


def test_every_name_of_a_scenario_is_one_of_a_kind():
    assert len({*SCENARIOS}) == len(SCENARIOS)


def test_one_team_needs_a_world_of_several():
    with pytest.raises(RuleError, match="nobody is left to play"):
        one_team(SimpleSpread(), "agent", OPPONENTS["greedy"])
    with pytest.raises(RuleError, match="opponent must be an `Opponent`"):
        one_team(Gigastep(), "blue", "greedy")


def test_a_kind_is_checked():
    with pytest.raises(RuleError, match="max_health must be a number"):
        Kind(max_health=None)


def test_an_environment_whose_spec_does_not_declare_its_methods_is_refused():
    class Silent(CartPole):
        def action_mask(self, *_):
            raise AssertionError

    class Boastful(CartPole):
        @property
        def spec(self):
            return dataclasses.replace(super().spec, turns=True)

    with pytest.raises(RuleValueError, match=r"has a method action_mask.*Spec\(..., masks=True\)"):
        as_environment(Silent())
    with pytest.raises(RuleValueError, match="Boastful has no method current_agent"):
        as_environment(Boastful())
