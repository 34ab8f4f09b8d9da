"""What every adapter promises alike: errors, files, pickles, processes, threads, pictures."""

import concurrent.futures
import inspect
import math
import multiprocessing
import pickle
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from drivers import Driver, available, draw, of_known_form, play, play_anew, same

from bridge import adapters
from bridge.driving import DeepMind, Parallel, Vectorised
from bridge.errors import (
    ActionError,
    BridgeError,
    ClosedError,
    NotResetError,
    OptionError,
    RenderError,
    RulesError,
    RuleValueError,
    SeedError,
    StateFileError,
    UnknownNameError,
    UnsuitableError,
)
from native.registry import REGISTRY, make

pytestmark = pytest.mark.sampled

cloudpickle = pytest.importorskip("cloudpickle")

STEPS = 12
OTHER_WORDS = {"pettingzoo": "max_cycles", "gymnasium": "max_episode_steps"}


def label(value: Any) -> str | None:
    return type(value).__name__ if isinstance(value, Driver) else None


CASES = [
    (driver, name)
    for driver in available()
    for name in sorted(REGISTRY)
    if driver.suits(make(name))
]
every_case = pytest.mark.parametrize(("driver", "name"), CASES, ids=label)
every_driver = pytest.mark.parametrize("driver", available(), ids=label)


def a_name(driver: Driver) -> str:
    """An environment for tests in which any will do."""
    return "CartPole-v1" if driver.interface.one_agent else "simple_spread_v3"


def test_the_table_imports_nothing_optional_and_says_what_is_absent():
    code = (
        "import sys; from bridge import adapters; "
        "print({i.library for i in adapters.INTERFACES} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    here, absent = adapters.installed()
    assert len(here) + len(absent) == len(adapters.INTERFACES)
    for name, message in absent.items():
        assert f"jitbridge[{name.partition('.')[0].replace('_', '-')}]" in message


# ------------------------------------------------------------------------------- continuing


@every_case
def test_a_saved_state_continues_bit_for_bit(driver, name, tmp_path):
    env = make(name)
    adapter, other = driver.make(name), driver.make(name)
    driver.reset(adapter)
    play(driver, adapter, env, STEPS, seed=1)
    adapter.save_state(tmp_path / "state.npz")
    uninterrupted = play(driver, adapter, env, 40, seed=2)
    other.load_state(tmp_path / "state.npz")
    same(play(driver, other, env, 40, seed=2), uninterrupted)


@every_case
def test_loading_goes_back_in_time(driver, name, tmp_path):
    env = make(name)
    adapter = driver.make(name)
    driver.reset(adapter)
    play(driver, adapter, env, 3, seed=1)
    adapter.save_state(tmp_path / "state.npz")
    first = play(driver, adapter, env, 3, seed=2)
    adapter.load_state(tmp_path / "state.npz")
    same(play(driver, adapter, env, 3, seed=2), first)


@pytest.mark.sampled("kind")
@every_case
@pytest.mark.parametrize("pickler", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])
def test_a_pickled_adapter_continues_bit_for_bit(driver, name, pickler):
    env = make(name)
    adapter = driver.make(name)
    driver.reset(adapter)
    play(driver, adapter, env, 5, seed=1)
    twin = pickle.loads(pickler.dumps(adapter))
    same(play(driver, adapter, env, STEPS, seed=2), play(driver, twin, env, STEPS, seed=2))
    fresh = pickle.loads(pickler.dumps(driver.make(name)))
    same(driver.reset(fresh), driver.reset(driver.make(name)))


@pytest.fixture(scope="module")
def elsewhere():
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        yield pool


@every_driver
def test_a_spawned_process_plays_the_same(driver, elsewhere):
    name = a_name(driver)
    there = elsewhere.submit(play_anew, driver, name, STEPS).result(timeout=300)
    same(there, play_anew(driver, name, STEPS))


@every_driver
def test_several_threads_play_the_same(driver):
    name = a_name(driver)
    alone = play_anew(driver, name, STEPS)
    gate = threading.Barrier(4)

    def together(_: int) -> list[Any]:
        gate.wait()
        return play_anew(driver, name, STEPS)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for played in pool.map(together, range(4)):
            same(played, alone)


# ------------------------------------------------------------------------------- looking


@pytest.mark.sampled("kind")
@every_case
def test_it_renders_pictures(driver, name):
    if make(name).spec.render_fps is None:
        pytest.skip("no picture")
    adapter = driver.make(name, **{"render_mode": "rgb_array"} if driver.has_render_mode else {})
    if not hasattr(adapter, "render"):
        pytest.skip("it draws nothing")
    driver.reset(adapter)
    first = adapter.render()
    for picture in first if isinstance(first, (tuple, list)) else [first]:
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
        assert min(picture.shape[:2]) >= 100 and picture.std() > 5, "a picture shows something"
    play(driver, adapter, make(name), STEPS, seed=0)
    if not shows_one_start(make(name)):
        assert not np.array_equal(np.asarray(first), np.asarray(adapter.render()))
    adapter.close()


def shows_one_start(env):
    """Whether what an adapter that resets can draw is always the same: every step ends an episode,
    and all of them begin alike.
    """
    begun = [env.init(jax.random.key(seed), env.params)[0] for seed in range(4)]
    action = {group.name: group.zero_action() for group in env.spec.groups}
    _, shown = env.step(jax.random.key(0), begun[0], action, env.params)
    pictures = [np.asarray(env.render(state, env.params)) for state in begun]
    alike = all(np.array_equal(pictures[0], other) for other in pictures[1:])
    return alike and bool((shown.terminated | shown.truncated).all())


# ------------------------------------------------------------------------------- bad input


BAD_ACTIONS = {
    "out of range": ("discrete", lambda joint, group: _put(joint, group, 99), "99"),
    "negative": ("discrete", lambda joint, group: _put(joint, group, -1), "-1"),
    "not an integer": (
        "discrete",
        lambda joint, group: {**joint, group.name: joint[group.name] + 0.5},
        "integer",
    ),
    "NaN": ("continuous", lambda joint, group: _put(joint, group, np.nan), "nan"),
    "infinite": ("continuous", lambda joint, group: _put(joint, group, np.inf), "inf"),
    "wrong shape": (
        "any",
        lambda joint, group: {**joint, group.name: np.stack([joint[group.name]] * 2, axis=-1)},
        "shape",
    ),
}


def _put(joint, group, value):
    bad = joint[group.name].copy()
    bad[0, -1] = value
    return {**joint, group.name: bad}


def _bad_action_cases():
    for driver in available():
        for what, (kind, spoil, word) in BAD_ACTIONS.items():
            yield pytest.param(driver, kind, spoil, word, id=f"{label(driver)}-{what}")


def _continuous(driver: Driver):
    if driver.interface.one_agent:
        return make("simple_spread_v3", N=1, continuous_actions=True)
    return make("simple_spread_v3", continuous_actions=True)


@pytest.mark.parametrize(("driver", "kind", "spoil", "word"), list(_bad_action_cases()))
def test_a_bad_action_is_named_and_nothing_is_stepped(driver, kind, spoil, word):
    env = _continuous(driver) if kind == "continuous" else make(a_name(driver))
    adapter, twin = driver.make(env), driver.make(env)
    for each in (adapter, twin):
        driver.reset(each)
    joint = draw(env, np.random.default_rng(0), driver.worlds)
    group = env.spec.groups[-1]
    with pytest.raises(ActionError) as caught:
        driver.step(adapter, spoil(joint, group), env.spec)
    assert word in str(caught.value), str(caught.value)
    if word != "shape":
        named = group.agents[0] if word == "integer" else group.agents[-1]
        assert named in str(caught.value), str(caught.value)
    same(driver.step(adapter, joint, env.spec), driver.step(twin, joint, env.spec))


@pytest.mark.parametrize(
    "driver",
    [d for d in of_known_form() if isinstance(d, (Parallel, Vectorised, DeepMind))],
    ids=label,
)
def test_missing_and_unknown_agents_are_named(driver):
    env = make("simple_tag_v3")
    adapter, twin = driver.make(env), driver.make(env)
    for each in (adapter, twin):
        driver.reset(each)
    joint = draw(env, np.random.default_rng(0), driver.worlds)
    good = driver.spell(joint, env.spec)
    step = adapter.step
    with pytest.raises(ActionError, match="adversary_1"):
        step({agent: action for agent, action in good.items() if agent != "adversary_1"})
    with pytest.raises(ActionError, match="nobody_7"):
        step({**good, "nobody_7": good["agent_0"]})
    with pytest.raises(ActionError):
        step(None)
    same(driver.step(adapter, joint, env.spec), driver.step(twin, joint, env.spec))


@every_driver
def test_the_order_of_calls_is_enforced_by_name(driver, tmp_path):
    name = a_name(driver)
    env = make(name)
    adapter = driver.make(name)
    joint = draw(env, np.random.default_rng(0), driver.worlds)
    if driver.interface.library != "dm_env":  # whose step begins an episode where there is none
        with pytest.raises(NotResetError, match="reset"):
            driver.step(adapter, joint, env.spec)
    with pytest.raises(NotResetError, match="save_state"):
        adapter.save_state(tmp_path / "nothing.npz")
    driver.reset(adapter)
    driver.step(adapter, joint, env.spec)
    adapter.close()
    adapter.close()
    with pytest.raises(ClosedError, match="step"):
        driver.step(adapter, joint, env.spec)
    with pytest.raises(ClosedError, match="reset"):
        driver.reset(adapter)
    with pytest.raises(ClosedError, match="state"):
        adapter.save_state(tmp_path / "nothing.npz")


@every_driver
def test_a_time_limit_means_the_same_everywhere(driver):
    name, limit = a_name(driver), OTHER_WORDS.get(driver.interface.library, "horizon")
    for word in {"horizon", limit}:
        for value in (0, -5, 2.5, math.nan, True, "9", 2**40):
            with pytest.raises(RuleValueError, match=rf"^{word} must be a positive integer .* got"):
                driver.make(name, **{word: value})
        endless = driver.make(name, **{word: -1})
        driver.reset(endless)
        without = driver.make(name, horizon=None)
        driver.reset(without)
        same(*(play(driver, each, make(name), 3, 0) for each in (endless, without)))


@every_driver
def test_a_bad_name_or_rule_is_refused_when_it_is_made(driver):
    with pytest.raises(UnknownNameError, match="Did you mean 'CartPole-v1'"):
        driver.make("CartPole-v7")
    with pytest.raises(RulesError, match="gravity"):
        driver.make(a_name(driver), gravity=3)
    with pytest.raises(RulesError, match="num_seats"):
        driver.make(make(a_name(driver)), num_seats=3)
    with pytest.raises(UnsuitableError, match="object"):
        driver.make(object())
    if driver.has_render_mode:
        with pytest.raises(RenderError, match="'sepia'"):
            driver.make(a_name(driver), render_mode="sepia")


@every_driver
def test_a_bad_seed_or_option_is_named_and_nothing_is_reset(driver):
    name = a_name(driver)
    env = make(name)
    if not driver.seeds_at_reset:
        with pytest.raises(SeedError, match="-5"):
            driver.make(name, seed=-5)
        return
    adapter, twin = driver.make(name), driver.make(name)
    for each in (adapter, twin):
        driver.reset(each)
    with pytest.raises(SeedError, match="-5"):
        driver.reset(adapter, -5)
    if driver.has_options:
        options = {"colour": "red"}
        with pytest.raises(OptionError, match="'colour'"):
            adapter.reset(options=options)
        assert options == {"colour": "red"}
    joint = draw(env, np.random.default_rng(0), driver.worlds)
    same(driver.step(adapter, joint, env.spec), driver.step(twin, joint, env.spec))


@every_driver
def test_a_file_of_something_else_is_refused_and_nothing_is_lost(driver, tmp_path):
    name = a_name(driver)
    env = make(name)
    adapter, twin = driver.make(name), driver.make(name)
    for each in (adapter, twin):
        driver.reset(each)
    (tmp_path / "words").write_text("no state at all")
    other = driver.make(name, horizon=7)
    driver.reset(other)
    other.save_state(tmp_path / "other.npz")
    for file in ("words", "other.npz"):
        with pytest.raises(StateFileError, match=file):
            adapter.load_state(tmp_path / file)
    joint = draw(env, np.random.default_rng(0), driver.worlds)
    same(driver.step(adapter, joint, env.spec), driver.step(twin, joint, env.spec))


def test_every_error_is_a_bridge_error_and_a_standard_one():
    from bridge import errors

    raised = [e for e in vars(errors).values() if isinstance(e, type) and e is not BridgeError]
    for error in raised:
        if issubclass(error, BridgeError):
            standard = [b for b in error.__mro__ if b.__module__ == "builtins"]
            assert standard[0] not in (Exception, BaseException, object), error


def test_errors_are_the_same_in_another_process():
    from bridge import errors

    made = [
        errors.MissingExtraError("bridge.x", "x", "y"),
        errors.NotResetError("step"),
        errors.ClosedError("step"),
        errors.ActionError("no"),
    ]
    for error in made:
        for again in (pickle.loads(pickle.dumps(error)), type(error)(str(error))):
            assert type(again) is type(error) and str(again) == str(error)


# ------------------------------------------------------------------------------- the same words


WORDS = {"seed": 3, "copy": False, "rng": "pcg4d", "devices": None, "render_mode": None}


@every_driver
def test_every_factory_has_the_same_words_or_says_why_not(driver):
    name = a_name(driver)
    taken = inspect.signature(driver.interface.factory).parameters
    assert {"params", "rng"} <= {*taken}
    for word, value in WORDS.items():
        if word in taken:
            driver.make(name, **{word: value})
            continue
        given = {"devices": jax.devices("cpu")[:1], "render_mode": "rgb_array"}.get(word, value)
        with pytest.raises(RulesError, match=f"^{word} has no effect here: .* "):
            driver.make(name, **{word: given})
        assert word in (driver.interface.factory.__doc__ or "")


@every_driver
def test_the_pages_name_every_factory(driver):
    root = Path(__file__).parent.parent
    assert driver.interface.name in (root / "docs" / "interfaces.md").read_text()
    library, _, factory = driver.interface.name.partition(".")
    assert re.search(rf"\| `bridge\.{library}` .*`{factory}`", (root / "README.md").read_text())


@pytest.mark.parametrize("word", ["parallel_env", "aec_env", "parallel_vec_env"])
def test_max_cycles_is_in_the_signature_of_pettingzoo_s_factories(word):
    factory = getattr(pytest.importorskip("bridge.pettingzoo"), word)
    assert "max_cycles" in inspect.signature(factory).parameters
    many = [2] * (word == "parallel_vec_env")
    limits = [{}, {"max_cycles": 7}, {"max_cycles": None}]
    made = [factory("simple_spread_v3", *many, **limit) for limit in limits]
    assert [env._session.spec.horizon for env in made] == [25, 7, None]


def test_the_spec_of_a_vector_environment_has_its_time_limit():
    gymnasium = pytest.importorskip("bridge.gymnasium")
    envs = gymnasium.make_vec("CartPole-v1", 2, max_episode_steps=4)
    assert envs.spec.max_episode_steps == 4 and envs.spec.id == "native/CartPole-v1"
    envs.set_attr("horizon", 9)
    assert envs.spec.max_episode_steps == 9
    assert gymnasium.make_vec("CartPole-v1", 2).spec.max_episode_steps == 500


@pytest.mark.parametrize(
    "driver",
    [d for d in of_known_form() if d.interface.many],
    ids=lambda driver: type(driver).__name__,
)
def test_batches_set_params_as_their_libraries_call_methods(driver):
    vec = driver.make("CartPole-v1")
    call = vec.env_method if driver.interface.library == "sb3" else vec.call
    assert [*call("set_params", {"gravity": 3.0})] == [None] * 3
    assert [*vec.get_attr("gravity")] == [3.0] * 3
    with pytest.raises(RulesError, match="no parameter 'gravitas'"):
        call("set_params", {"gravitas": 1.0})
    vec.set_attr("gravity", 5.0)
    assert [*vec.get_attr("gravity")] == [5.0] * 3
    if driver.interface.library == "sb3":
        vec.env_method("set_params", {"gravity": 2.0}, indices=[1])
        assert vec.get_attr("gravity") == [5.0, 2.0, 5.0]
        with pytest.raises(RulesError, match="no parameter 'gravitas'"):
            vec.env_method("set_params", {"gravity": 1.0, "gravitas": 1.0}, indices=[1])
        assert vec.get_attr("gravity") == [5.0, 2.0, 5.0], "whole or not at all"
