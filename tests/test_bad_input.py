"""Whatever is given as an action: refused by name and nothing has happened, or it has its effect.

`attack` gives one adapter bad and odd values by the thousand, beside a twin that only ever gets
plain good ones: both must always show the same.
"""

import numpy as np
import pytest
from drivers import Driver, of_known_form, same
from echo import SPACES, Echo
from odd_values import bad, draw, odd

from bridge.adapters import Interface
from bridge.driving import Gymnasium, Parallel, Rows, Vectorised
from bridge.errors import ActionError, ClosedError
from bridge.session import Session

TRIALS = 40


class Turns(Parallel):
    """Simultaneous games one agent at a time."""

    def make(self, source, **options):
        from bridge.pettingzoo import aec_env

        return aec_env(source, **options)

    def reset(self, adapter, seed=0):
        adapter.reset(seed=seed)

    def take(self, adapter, actions):
        if not isinstance(actions, dict) or actions.keys() != set(adapter.agents):
            raise ActionError("turns have no dict of actions, and so no bad ones")
        for agent in adapter.agents:
            if agent != adapter.agent_selection:  # it has acted, before a bad action of another
                continue
            adapter.step(actions[agent])
        return adapter.rewards, [adapter.observe(agent) for agent in adapter.agents]


class Legacy(Gymnasium):
    def __init__(self):
        super().__init__(Interface("legacy.make", "", one_agent=True))


def all_drivers():
    drivers = of_known_form()
    for driver in [*drivers]:
        if isinstance(driver, Parallel):
            drivers.append(Turns(driver.interface))
        if isinstance(driver, Gymnasium):
            drivers.append(Legacy())
    return drivers


def take(driver, adapter, actions):
    """One step with what is meant to be actions, as it is; what it shows."""
    if isinstance(driver, Turns):
        return driver.take(adapter, actions)
    shown = adapter.step(actions)
    return tuple(shown)


def is_named(driver: Driver) -> bool:
    return not isinstance(driver, (Rows, Gymnasium))


def lead(driver: Driver, env: Echo) -> tuple[int, ...]:
    """The axes in front of one action, in what one array of actions has."""
    if isinstance(driver, Rows):
        return (driver.worlds * env.spec.num_agents,)
    return (driver.worlds,) if isinstance(driver, Vectorised) else ()


def plain(driver, env, rng):
    """Good actions, and for each array of them its key and its space."""
    axes = lead(driver, env)
    if not is_named(driver):
        space = env.spec.groups[0].action
        return draw(space, axes, rng), {None: space}
    spaces = {agent: group.action for group in env.spec.groups for agent in group.agents}
    return {agent: draw(space, axes, rng) for agent, space in spaces.items()}, spaces


def changed(driver, good, spaces, change, rng):
    """The same with one array changed; by name, sometimes a mistake with the names."""
    if not is_named(driver):
        return change(spaces[None], good, rng)
    agent = sorted(spaces)[rng.integers(len(spaces))]
    if change is bad and rng.random() < 0.1:
        rest = {other: action for other, action in good.items() if other != agent}
        mistakes = [rest, {**good, "nobody": 0}, {**rest, 7: 0}, None, [*good.values()], 3, "ab"]
        return mistakes[rng.integers(len(mistakes))]
    return {**good, agent: change(spaces[agent], good[agent], rng)}


def attack(driver, env, trials, seed):
    """Give an adapter bad and odd actions; how many of each there were."""
    adapter, twin = driver.make(env), driver.make(env)
    driver.reset(adapter), driver.reset(twin)
    rng = np.random.default_rng(seed)
    for _ in range(trials):
        good, spaces = plain(driver, env, rng)
        wrong = changed(driver, good, spaces, bad, rng)
        with pytest.raises(ActionError) as caught:
            take(driver, adapter, wrong)
        assert len(str(caught.value)) < 800
        strange = changed(driver, good, spaces, odd, rng)
        same(take(driver, adapter, strange), take(driver, twin, good))
    return trials, trials


def cases():
    """Each driver with every space; by name all at once, else some of them only with `--every`."""
    for turn, driver in enumerate(all_drivers()):
        kind = type(driver).__name__
        if is_named(driver):
            yield pytest.param(driver, Echo(), id=kind)
            continue
        agents = 1 if isinstance(driver, Gymnasium) else 2
        for i, name in enumerate(SPACES):
            marks = [] if (i + turn) % 3 == 0 else [pytest.mark.long]
            yield pytest.param(driver, Echo((name,), agents), id=f"{kind} {name}", marks=marks)


@pytest.mark.parametrize(("driver", "env"), list(cases()))
def test_bad_actions_change_nothing_and_odd_ones_are_played(driver, env):
    attack(driver, env, TRIALS, seed=0)


@pytest.mark.long
@pytest.mark.parametrize(("driver", "env"), list(cases()))
def test_so_it_is_with_many_of_them(driver, env):
    attack(driver, env, 50 * TRIALS, seed=1)


def by_array(driver, env):
    """Good actions as arrays of the native dtype, which need no conversion."""
    good, spaces = plain(driver, env, np.random.default_rng(0))
    if isinstance(good, dict):
        return {key: np.array(action, spaces[key].dtype) for key, action in good.items()}
    return np.array(good, spaces[None].dtype)


@pytest.mark.parametrize(("driver", "env"), list(cases()))
def test_the_device_reads_nothing_that_the_caller_owns(driver, env, monkeypatch):
    adapter = driver.make(env)
    driver.reset(adapter)
    good = by_array(driver, env)
    mine = [*good.values()] if isinstance(good, dict) else [good]
    read, step = [], Session.step
    monkeypatch.setattr(
        Session, "step", lambda self, joint: read.append(joint) or step(self, joint)
    )
    take(driver, adapter, good)
    (joint,) = read
    assert not any(np.shares_memory(own, array) for own in joint.values() for array in mine)


@pytest.mark.parametrize(
    "driver",
    [driver for driver in of_known_form() if isinstance(driver, (Rows, Vectorised))],
    ids=lambda driver: type(driver).__name__,
)
def test_a_step_that_was_closed_in_between_is_an_error_of_ours(driver):
    env = Echo(("discrete",))
    adapter = driver.make(env)
    driver.reset(adapter)
    adapter.step_async(by_array(driver, env))
    adapter.close()
    with pytest.raises(ClosedError, match="step_wait"):
        adapter.step_wait()
