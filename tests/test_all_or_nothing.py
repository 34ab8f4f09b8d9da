"""An interrupt at any line of a call: the next call is as if that one had, or had not, happened."""

import copy
import sys

import numpy as np
import pytest
from drivers import available, draw, same
from test_every_adapter import a_name, label

from bridge.errors import NotResetError, RulesError
from native.registry import make

every_driver = pytest.mark.parametrize("driver", available(), ids=label)


class Interrupt:
    """Raises KeyboardInterrupt at the n-th line that the bridge executes."""

    def __init__(self, line):
        self.left = line
        self.happened = False

    def __call__(self, frame, event, _):
        if "/bridge/" not in frame.f_code.co_filename:
            return None
        if event == "line":
            self.left -= 1
            if self.left < 0 and not self.happened:
                self.happened = True
                raise KeyboardInterrupt
        return self


def interrupted(call, line):
    """Whether the call was interrupted."""
    tracer, before = Interrupt(line), sys.gettrace()
    sys.settrace(tracer)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def shown_by(driver, env, adapter, joints):
    """Everything that some steps show; the last of them ends an episode."""
    found = []
    for joint in joints:
        if driver.over(adapter):
            found.append(driver.reset(adapter, None))
        found.append(driver.step(adapter, joint, env.spec))
    return found


@every_driver
@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.long)])
def test_a_step_happens_whole_or_not_at_all(driver, stride):
    env = make(a_name(driver), horizon=3)
    rng = np.random.default_rng(0)
    joints = [draw(env, rng, driver.worlds) for _ in range(6)]
    adapter = driver.make(env)
    driver.reset(adapter)
    for joint in joints[:2]:
        driver.step(adapter, joint, env.spec)
    after_two = copy.deepcopy(adapter)
    went_on = shown_by(driver, env, copy.deepcopy(after_two), joints[2:])
    line, happened = 0, True
    while happened:
        world = copy.deepcopy(after_two)
        happened = interrupted(lambda w=world: driver.step(w, joints[2], env.spec), line)
        again = shown_by(driver, env, world, joints[2:])
        if not _like(again, went_on):  # then it had happened
            world = copy.deepcopy(after_two)
            interrupted(lambda w=world: driver.step(w, joints[2], env.spec), line)
            same(shown_by(driver, env, world, joints[3:]), went_on[1:])
        line += stride
    assert line > 10


@every_driver
def test_a_reset_happens_whole_or_not_at_all(driver):
    env = make(a_name(driver), horizon=5)
    joints = [draw(env, np.random.default_rng(1), driver.worlds) for _ in range(3)]
    adapter = driver.make(env)
    driver.reset(adapter)
    driver.step(adapter, joints[0], env.spec)
    line, happened = 0, True
    while happened:
        world, twin = copy.deepcopy(adapter), copy.deepcopy(adapter)
        happened = interrupted(lambda w=world: driver.reset(w, None), line)
        shown = shown_by(driver, env, world, joints[1:])
        if not _like(shown, shown_by(driver, env, twin, joints[1:])):
            driver.reset(twin := copy.deepcopy(adapter), None)
            same(shown, shown_by(driver, env, twin, joints[1:]))
        line += 9


def turns_of(env, rng, count):
    """What some turns of an AEC environment show; it begins again when all have left."""
    shown = []
    for _ in range(count):
        if not env.agents:
            env.reset()
        shown.append((env.agent_selection, copy.deepcopy(env.last()), dict(env.rewards)))
        take_turn(env, rng)
    return shown


def take_turn(env, rng):
    agent = env.agent_selection
    gone = env.terminations[agent] or env.truncations[agent]
    env.step(None if gone else int(rng.integers(2)))


@pytest.fixture(params=["all act", "in turns"])
def aec(request):
    pettingzoo = pytest.importorskip("bridge.pettingzoo")
    if request.param == "all act":
        return lambda: pettingzoo.aec_env("simple_spread_v3", horizon=3)
    from test_pettingzoo_aec import Countdown

    return lambda: pettingzoo.aec_env(Countdown())


@pytest.mark.parametrize("before", [1, 8, 10])
def test_a_turn_happens_whole_or_not_at_all(aec, before):
    env = aec()
    env.reset(seed=0)
    turns_of(env, np.random.default_rng(0), before)
    right = turns_of(copy.deepcopy(env), np.random.default_rng(1), 12)
    line, happened = 0, True
    while happened:
        world = copy.deepcopy(env)
        rng = np.random.default_rng(1)
        happened = interrupted(lambda w=world, r=rng: take_turn(w, r), line)
        if not happened:
            break
        same(turns_of(world, np.random.default_rng(1), 12), right)
        line += 5
    assert line > 5


@pytest.mark.parametrize("before", [1, 8, 10])
def test_a_saved_turn_goes_on(aec, before, tmp_path):
    env, other = aec(), aec()
    env.reset(seed=0)
    turns_of(env, np.random.default_rng(0), before)
    env.save_state(tmp_path / "state.npz")
    other.load_state(tmp_path / "state.npz")
    played = [turns_of(each, np.random.default_rng(1), 12) for each in (env, other)]
    same(*played)
    with pytest.raises(NotResetError):
        aec().save_state(tmp_path / "none.npz")


def test_numbers_of_an_aec_environment_can_be_set_or_are_refused(aec):
    env = aec()
    rule, part = ("horizon", "velocity") if hasattr(env, "horizon") else ("start", "turn")
    setattr(env, rule, 2)
    env.reset(seed=0)
    assert getattr(env, rule) == 2 and len(turns_of(env, np.random.default_rng(0), 3)) == 3
    with pytest.raises(RulesError, match=rf"'{part}' is part of the state"):
        setattr(env, part, 3)


def _like(left, right):
    try:
        same(left, right)
    except AssertionError:
        return False
    return True
