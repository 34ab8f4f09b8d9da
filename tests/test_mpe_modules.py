"""`from bridge.mpe import` in place of `from mpe2 import`: the same script, the same shapes."""

import importlib
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("pettingzoo")

with warnings.catch_warnings():  # its test modules import its own environments the old way
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo.test import api_test, parallel_api_test

import bridge.mpe
from bridge.errors import BridgeError, RulesError

pytestmark = pytest.mark.sampled

ORIGINALS = [name for name in bridge.mpe.__all__ if "facmac" not in name]
CYCLES = 60  # more than two episodes
SCRIPT = """
from {library} import {name}

def shown(value):
    if isinstance(value, (bool, int, float)):  # a reward before anybody has acted may be 0
        return bool if isinstance(value, bool) else float
    return value.shape, value.dtype

def play(**rules):
    rules |= dict(max_cycles=4, render_mode="rgb_array", dynamic_rescaling=True)
    env = {name}.parallel_env(**rules)
    observations, infos = env.reset(seed=42)
    seen = [env.metadata["name"], env.possible_agents, env.max_num_agents, env.state_space]
    seen += [(env.observation_space(agent), env.action_space(agent)) for agent in env.agents]
    while env.agents:
        actions = {{agent: env.action_space(agent).sample() for agent in env.agents}}
        step = env.step(actions)
        seen += [{{agent: shown(x) for agent, x in part.items()}} for part in step[:4]]
        seen += [list(env.agents), shown(env.state())]
    assert list(step[4]) == env.possible_agents
    picture = env.render()
    seen += [picture.ndim, picture.shape[2], picture.dtype, env.metadata["is_parallelizable"]]
    env.close()
    return seen

def turns(make, **rules):
    env = make(max_cycles=2, benchmark_data=False, **rules)
    env.reset(seed=42)
    seen = [env.metadata["name"], str(env), env.unwrapped.state_space]
    gone = set()  # PettingZoo's conversion has those that have ended leave in their own order
    for agent in env.agent_iter():
        observation, reward, termination, truncation, info = env.last()
        over = termination or truncation
        turn = (agent, shown(observation), shown(reward), shown(env.state()))
        gone.add(turn) if over else seen.append(turn)
        env.step(None if over else env.action_space(agent).sample())
    env.close()
    return [*seen, gone]

shown_by = [play(), play(continuous_actions=True), turns({name}.env), turns({name}.raw_env)]
"""


def run(library, name):
    pytest.importorskip("mpe2", minversion="1.1", reason="what is replaced")
    found = {}
    exec(compile(SCRIPT.format(library=library, name=name), f"<{library}>", "exec"), found)
    return found["shown_by"]


@pytest.mark.parametrize("name", ORIGINALS)
def test_the_same_script_runs_with_both_imports(name):
    ours, theirs = run("bridge.mpe", name), run("mpe2", name)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine == other


@pytest.mark.filterwarnings("ignore::UserWarning")  # that positions have no bounds
@pytest.mark.parametrize("name", bridge.mpe.__all__)
@pytest.mark.parametrize("continuous", [False, True])
def test_every_module_passes_pettingzoos_own_suites(name, continuous):
    module = getattr(bridge.mpe, name)
    api_test(module.env(continuous_actions=continuous), num_cycles=CYCLES)
    parallel_api_test(module.parallel_env(continuous_actions=continuous), num_cycles=CYCLES)


def test_all_modules_of_mpe2_that_have_a_native_game_are_there():
    mpe2 = pytest.importorskip("mpe2.all_modules").mpe_environments
    left_out = {"collect_treasure_v1", "simple_formation_v1", "simple_line_v1"}
    assert {name.removeprefix("mpe/") for name in mpe2} - left_out == set(ORIGINALS)
    assert set(ORIGINALS) <= set(dir(bridge.mpe))


def test_rules_are_those_of_the_environment():
    from bridge.mpe import simple_tag_v3

    world = simple_tag_v3.parallel_env(num_good=2, num_adversaries=1, max_cycles=3)
    assert world.possible_agents == ["adversary_0", "agent_0", "agent_1"]
    assert world.max_cycles == 3
    world.reset(seed=0)
    first = world.state()
    world.reset(seed=0)
    np.testing.assert_array_equal(world.state(), first)


def test_a_module_can_be_imported_by_its_dotted_name_and_its_functions_sent_to_processes():
    module = importlib.import_module("bridge.mpe.simple_v3")
    assert module is bridge.mpe.simple_v3 and module.__name__ == "bridge.mpe.simple_v3"
    assert pickle.loads(pickle.dumps(module.parallel_env)) is module.parallel_env
    code = "import bridge.mpe.simple_v3 as module; print(module.parallel_env().possible_agents)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['agent_0']"


@pytest.mark.parametrize(
    "rule", [{"dynamic_rescaling": False}, {"benchmark_data": True}, {"curriculum": True}]
)
def test_what_is_not_offered_is_refused_by_name(rule):
    (name,) = rule
    with pytest.raises(BridgeError, match=rf"{name}=.*Leave it out"):
        bridge.mpe.simple_spread_v3.parallel_env(**rule)


def test_unknown_names_say_what_there_is():
    with pytest.raises(BridgeError, match="no rule 'M'"):
        bridge.mpe.simple_spread_v3.env(M=3)
    with pytest.raises(AttributeError, match=r"simple_spread_v2.*simple_spread_v3"):
        bridge.mpe.simple_spread_v2  # noqa: B018
    with pytest.raises(ImportError):
        from bridge.mpe import CartPole  # noqa: F401


@pytest.mark.parametrize("how", ["env", "raw_env", "parallel_env"])
@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"N": 0}, "N must be a positive integer"),
        ({"N": 2.0}, "N must be a positive integer"),
        ({"local_ratio": 2}, r"local_ratio must be a number in 0 \.\.\. 1, got 2"),
        ({"continuous_actions": "no"}, "continuous_actions must be True or False"),
        ({"max_cycles": 0}, "max_cycles must be a positive integer below .*, or -1 for no limit"),
        ({"cycles": 3}, "no rule 'cycles'. It has: N, local_ratio"),
    ],
)
def test_rules_that_do_not_fit_are_refused_by_name(how, rules, message):
    with pytest.raises(RulesError, match=message):
        getattr(bridge.mpe.simple_spread_v3, how)(**rules)
