"""Every conformance suite passes on every environment, and every strict checker finds faults."""

import copy
import importlib.metadata
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bridge import conformance
from bridge.environments import rules_of
from bridge.errors import UnsuitableError
from native.core import Environment
from native.registry import make
from native.spaces import Dict

SUITES = {
    name: suite for name, suite in conformance.suites().items() if not name.startswith("native: ")
}
ONE_AGENT = {
    "gymnasium: check_env",
    "gymnasium: strict Env",
    "sb3: check_env",
    "rllib: strict rllib.vec_env",
}
SHARED_SPACES = {
    "gymnasium: strict VectorEnv NEXT_STEP",
    "gymnasium: strict VectorEnv SAME_STEP",
    "gymnasium: strict VectorEnv DISABLED",
    "sb3: VecCheckNan",
    "sb3: strict VecEnv",
}
ALIKE = {  # these look at adapters from afar, where one environment of a kind is like another
    "pettingzoo: api_test",
    "pettingzoo: max_cycles_test",
    "pettingzoo: render_test",
    "sb3: VecCheckNan",
    "sb3: strict VecEnv",
    *[name for name in SHARED_SPACES if name.startswith("gymnasium: strict VectorEnv")],
}
STEPS = 60


def one_of(suite: str) -> tuple[str, ...]:
    """What the sample of a suite has one of each of."""
    turns = ("turns",) if suite.startswith("pettingzoo") else ()
    return (*turns, "kind", "tag") if suite in ALIKE else (*turns, "kind", "tag", "family")


def suits(suite: str, env: Environment[Any, Any]) -> bool:
    nested = any(isinstance(group.observation, Dict) for group in env.spec.groups)
    if suite == "pettingzoo: api_test" and env.spec.masks and nested:
        return not importlib.metadata.version("pettingzoo").startswith("1.24.")
    alike = len({(group.observation, group.action) for group in env.spec.groups}) == 1
    return (
        (suite not in ONE_AGENT or env.spec.num_agents == 1)
        and (suite not in SHARED_SPACES or alike)
        and (suite != "pettingzoo: state_test" or env.spec.global_state is not None)
        and (suite != "pettingzoo: render_test" or env.spec.render_fps is not None)
        and (suite != "pettingzoo: max_cycles_test" or _can_be_limited(env))
    )


def _can_be_limited(env: Environment[Any, Any]) -> bool:
    return "horizon" in rules_of(env) and not env.spec.turns


@pytest.mark.parametrize(
    "suite", [pytest.param(name, marks=pytest.mark.sampled(*one_of(name))) for name in SUITES]
)
def test_every_suite_passes_on_every_environment_it_suits(suite, env):
    result = conformance.judge(suite, SUITES[suite], env)
    if suite.endswith("max_cycles_test") and "agents end within" in result.message:
        return  # by the rules, before there could be a limit
    assert result.passed is (True if suits(suite, env) else None), result.message


def test_the_contract_is_among_the_suites():
    assert sum(name.startswith("native: ") for name in conformance.suites()) > 10


def test_a_result_says_what_failed_what_does_not_apply_and_what_passed():
    env = make("CartPole-v1")

    def fails(env):
        del env
        raise KeyError("lost")

    def refuses(env):
        raise UnsuitableError(f"not for {env.spec.name}")

    def warns(env):
        del env
        import warnings

        warnings.warn("odd", stacklevel=1)

    failed = conformance.judge("here: a", fails, env)
    assert failed == conformance.Result("here", "a", False, "KeyError: 'lost'")
    refused = conformance.judge("here: b", refuses, env)
    assert refused == conformance.Result("here", "b", None, f"not for {env.spec.name}")
    assert conformance.judge("here: c", warns, env).passed is False
    passed = conformance.judge("here: d", print, env)  # what it prints is lost
    assert passed == conformance.Result("here", "d", True)


def test_a_library_that_is_missing_is_listed_with_the_way_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "dm_env", None)
    for module in ("bridge.dm_env", "bridge.conformance.dm_env"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    assert "pip install 'jitbridge[dm-env]'" in conformance.missing()["dm_env"]
    assert not any(name.startswith("dm_env: ") for name in conformance.suites())


# Faults, planted one at a time. Each changes what one method returns, or does before it returns.


def spoiled(make_one: Callable[..., Any], method: str, change: Callable[..., Any]) -> Any:
    """`make_one`, whose result's method has its answer put through `change(answer, call)`."""

    def make_spoiled(*made_with: Any) -> Any:
        env = make_one(*made_with)
        plain = getattr(env, method)

        def spoiled_method(*args: Any, **kwargs: Any) -> Any:
            calls.append(1)
            call = SimpleNamespace(env=env, args=args, kwargs=kwargs, number=len(calls))
            return change(plain(*args, **kwargs), call)

        calls: list[int] = []
        setattr(env, method, spoiled_method)
        return env

    return make_spoiled


def part(index: int, change: Callable[[Any], Any]) -> Callable[..., Any]:
    """A change of one part of a tuple."""
    return lambda answer, _: (*answer[:index], change(answer[index]), *answer[index + 1 :])


def each(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda named: {agent: change(value) for agent, value in named.items()}


def reused(index: int) -> Callable[..., Any]:
    """The array of one part is always the same one, overwritten."""
    kept: dict[Any, Any] = {}

    def change(answer: Any, call: Any) -> Any:
        buffer = kept.setdefault(id(call.env), np.array(answer[index]))
        buffer[...] = answer[index]
        return (*answer[:index], buffer, *answer[index + 1 :])

    return change


def noise(index: int) -> Callable[..., Any]:
    rng = np.random.default_rng()
    return part(index, lambda value: value + rng.uniform())


def writes_to(word: str, key: Any) -> Callable[..., Any]:
    def change(answer: Any, call: Any) -> Any:
        given = call.kwargs[word] if word in call.kwargs else call.args[0]
        if given is not None:
            given[key] = 1
        return answer

    return change


def both(answer: Any, _: Any) -> Any:
    obs, reward, terminated, truncated, info = answer
    if isinstance(terminated, dict):
        either = {agent: terminated[agent] or truncated[agent] for agent in terminated}
    else:
        either = np.logical_or(terminated, truncated)
        either = bool(either) if isinstance(terminated, bool) else either
    return obs, reward, either, either, info


def keeps_the_dead(answer: Any, call: Any) -> Any:
    call.env.agents = [*answer[0]]
    return answer


def same_start(answer: Any, call: Any) -> Any:
    first = vars(call.env).setdefault("first", copy.deepcopy(answer))
    return copy.deepcopy(first) if call.kwargs.get("seed") is None else answer


def far(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {key: far(value) for key, value in observation.items()}
    return observation + np.asarray(100, observation.dtype)


def double(observation: Any) -> Any:
    return observation.astype(np.float64)


PARALLEL = {
    "float64 observation": ("step", part(0, each(double)), "float64"),
    "observation out of its space": ("step", part(0, each(far)), "not in Box"),
    "observation of one agent too few": ("step", part(0, lambda _: {}), "acted"),
    "NumPy reward": ("step", part(1, each(np.float64)), "float64"),
    "NumPy flag": ("step", part(2, each(np.bool_)), "bool"),
    "both flags": ("step", both, "both flags"),
    "an ended agent stays": ("step", keeps_the_dead, "agents is"),
    "infos without agents": ("reset", part(1, lambda _: {}), "acted"),
    "options written to": ("reset", writes_to("options", "x"), "options"),
    "actions written to": ("step", writes_to("actions", "x"), "actions"),
    "random rewards": (
        "step",
        part(1, each(lambda r: r + np.random.default_rng().random())),
        "same seed",
    ),
    "every episode begins alike": ("reset", same_start, "begins as the last"),
    "a new space each time": (
        "observation_space",
        lambda space, _: copy.deepcopy(space),
        "another each time",
    ),
}


@pytest.mark.parametrize("fault", PARALLEL)
def test_the_parallel_checker_finds(fault):
    pytest.importorskip("pettingzoo")
    from bridge.conformance.pettingzoo import check_parallel_env
    from bridge.pettingzoo import parallel_env

    method, change, message = PARALLEL[fault]
    with pytest.raises(AssertionError, match=message):
        check_parallel_env(spoiled(lambda: parallel_env("CartPole-v1"), method, change))


def test_the_parallel_checker_finds_what_only_a_second_agent_shows():
    pytest.importorskip("pettingzoo")
    from bridge.conformance.pettingzoo import check_parallel_env
    from bridge.pettingzoo import parallel_env

    def share(answer: Any, _: Any) -> Any:
        one: dict[str, Any] = {}
        return answer[0], dict.fromkeys(answer[1], one)

    with pytest.raises(AssertionError, match="share an info"):
        check_parallel_env(spoiled(lambda: parallel_env("simple_spread_v3"), "reset", share))

    def one_space() -> Any:
        env = parallel_env("simple_spread_v3")
        env.action_spaces = dict.fromkeys(env.action_spaces, env.action_spaces["agent_0"])
        return env

    with pytest.raises(AssertionError, match="two agents share one action_space"):
        check_parallel_env(one_space)


def grow_metadata(answer: Any, call: Any) -> Any:
    import gymnasium

    gymnasium.Env.metadata["fault"] = call.number
    return answer


SINGLE = {
    "float64 observation": ("step", part(0, double), "float64"),
    "observation out of its space": ("step", part(0, far), "not in Box"),
    "NumPy reward": ("step", part(1, np.float64), "float64"),
    "NumPy flag": ("step", part(2, np.bool_), "bool"),
    "both flags": ("step", both, "both flags"),
    "one buffer for all observations": ("step", reused(0), "looked at later"),
    "random rewards": ("step", noise(1), "same seed"),
    "options written to": ("reset", writes_to("options", "x"), "options"),
    "the class's metadata written to": ("reset", grow_metadata, "metadata"),
}


@pytest.mark.parametrize("fault", SINGLE)
def test_the_single_checker_finds(fault, monkeypatch):
    gymnasium = pytest.importorskip("gymnasium")
    from bridge import gymnasium as ours
    from bridge.conformance.gymnasium import check_single_env

    monkeypatch.setattr(gymnasium.Env, "metadata", {**gymnasium.Env.metadata})
    method, change, message = SINGLE[fault]
    with pytest.raises(AssertionError, match=message):
        check_single_env(spoiled(lambda: ours.make("CartPole-v1"), method, change), steps=STEPS)


def no_final(answer: Any, _: Any) -> Any:
    info = {key: value for key, value in answer[4].items() if "final" not in key}
    return (*answer[:4], info)


def final_everywhere(answer: Any, _: Any) -> Any:
    info = dict(answer[4])
    if "final_obs" in info:
        info["_final_obs"] = np.ones_like(info["_final_obs"])
    return (*answer[:4], info)


def loses_a_mask(answer: Any, _: Any) -> Any:
    info = dict(answer[4])
    if "_alive" in info:
        info["_alive"] = info["_alive"][:1]
    return (*answer[:4], info)


def late_flags(answer: Any, call: Any) -> Any:
    """Flags are shown again on the step after."""
    before = vars(call.env).setdefault("before", [])
    before.append(answer[2].copy())
    if len(before) < 2:
        return answer
    return (*answer[:2], before[-1] | before[-2], *answer[3:])


def paid_resets(answer: Any, _: Any) -> Any:
    return (answer[0], np.ones_like(answer[1]), *answer[2:])


def reset_disturbs(answer: Any, call: Any) -> Any:
    masked = (call.kwargs.get("options") or {}).get("reset_mask")
    return answer if masked is None else (np.zeros_like(answer[0]), answer[1])


def pops_the_mask(answer: Any, call: Any) -> Any:
    (call.kwargs.get("options") or {}).pop("reset_mask", None)
    return answer


def depends_on_rows(answer: Any, call: Any) -> Any:
    return (answer[0], answer[1] + call.env.num_envs, *answer[2:])


VECTOR = {
    "float64 observation": ("step", "NEXT_STEP", part(0, double), "float64"),
    "observation out of its space": ("step", "NEXT_STEP", part(0, far), "not in Box"),
    "integer rewards": ("step", "NEXT_STEP", part(1, lambda r: r.astype(int)), "int64"),
    "flags as uint8": ("step", "NEXT_STEP", part(2, lambda f: f.astype(np.uint8)), "uint8"),
    "flags of one row": ("step", "NEXT_STEP", part(3, lambda f: f[:1]), "shape"),
    "both flags": ("step", "NEXT_STEP", both, "both flags"),
    "a paid reset": ("step", "NEXT_STEP", paid_resets, "did not act"),
    "flags outlive the reset": ("step", "NEXT_STEP", late_flags, "flag on the step that resets"),
    "one buffer for all observations": ("step", "NEXT_STEP", reused(0), "looked at later"),
    "random rewards": ("step", "SAME_STEP", noise(1), "same seed"),
    "no final_obs": ("step", "SAME_STEP", no_final, "final_obs"),
    "final_obs of rows that go on": ("step", "SAME_STEP", final_everywhere, "_final_obs"),
    "rewards depend on the rows": ("step", "SAME_STEP", depends_on_rows, "how many rows"),
    "a masked reset disturbs other rows": ("reset", "DISABLED", reset_disturbs, "leaves out"),
    "a masked reset takes the mask": ("reset", "DISABLED", pops_the_mask, "options"),
}


@pytest.mark.parametrize("fault", VECTOR)
def test_the_vector_checker_finds(fault):
    pytest.importorskip("gymnasium")
    from bridge.conformance.gymnasium import check_vector_env
    from bridge.gymnasium import make_vec

    method, mode, change, message = VECTOR[fault]

    def worlds(num_envs: int) -> Any:
        return make_vec("CartPole-v1", num_envs, autoreset_mode=mode)

    with pytest.raises(AssertionError, match=message):
        check_vector_env(spoiled(worlds, method, change), steps=STEPS)


@pytest.mark.parametrize(
    ("others", "independent"),
    [
        ([1.0, 2.0, 3.0], True),
        ([1.0, 2.00001, 9.0], True),
        ([1.0, 2.0, 9.0], False),
        ([1.00001, 2.0, 9.0], False),
        ([9.0, 2.0, 3.0], False),
    ],
)
def test_rows_may_differ_only_by_rounding_that_has_grown(others, independent):
    pytest.importorskip("gymnasium")
    from bridge.conformance.gymnasium import check_independence

    alone, together = ([[{"x": np.float32([x])}] for x in xs] for xs in ([1.0, 2.0, 3.0], others))
    if independent:
        check_independence(alone, together)
    else:
        with pytest.raises(AssertionError, match="how many rows"):
            check_independence(alone, together)


def forget_the_mode(env: Any) -> None:
    env.autoreset_mode = "next step"


def share_metadata(env: Any) -> None:
    del env.metadata


def claim_more_rows(env: Any) -> None:
    env.observation_space = env.single_observation_space


@pytest.mark.parametrize("fault", [forget_the_mode, share_metadata, claim_more_rows])
def test_the_vector_checker_finds_wrong_attributes(fault):
    pytest.importorskip("gymnasium")
    from bridge.conformance.gymnasium import check_vector_env
    from bridge.gymnasium import make_vec

    def worlds(num_envs: int) -> Any:
        env = make_vec("CartPole-v1", num_envs)
        fault(env)
        return env

    with pytest.raises((AssertionError, AttributeError)):
        check_vector_env(worlds, steps=STEPS)


def read_only(rewards: Any) -> Any:
    rewards.flags.writeable = False
    return rewards


def one_dict(infos: Any) -> Any:
    return [infos[0]] * len(infos)


def without(key: str) -> Callable[[Any], Any]:
    return lambda infos: [{k: v for k, v in info.items() if k != key} for info in infos]


def edited(key: str, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda infos: [
        {**info, key: change(info[key])} if key in info else info for info in infos
    ]


VEC_ENV = {
    "float64 observation": (part(0, double), "float64"),
    "float64 rewards": (part(1, double), "float64"),
    "read-only rewards": (part(1, read_only), "read-only"),
    "integer dones": (part(2, lambda dones: dones.astype(int)), "int64"),
    "one dict for all rows": (part(3, one_dict), "share a dict"),
    "no terminal observation": (part(3, without("terminal_observation")), "terminal_observation"),
    "no TimeLimit.truncated": (part(3, without("TimeLimit.truncated")), "TimeLimit"),
    "NumPy TimeLimit.truncated": (part(3, edited("TimeLimit.truncated", np.bool_)), "bool"),
    "a float64 terminal observation": (
        part(3, edited("terminal_observation", double)),
        "terminal_observation.*float64",
    ),
    "a wrong return": (
        part(3, edited("episode", lambda episode: {**episode, "r": episode["r"] + 1})),
        "it paid",
    ),
    "a wrong length": (
        part(3, edited("episode", lambda episode: {**episode, "l": episode["l"] + 1})),
        "its length",
    ),
    "one buffer for all observations": (reused(0), "looked at later"),
    "random rewards": (
        part(1, lambda r: (r + np.random.default_rng().random()).astype(r.dtype)),
        "it paid",
    ),
}


@pytest.mark.parametrize("fault", VEC_ENV)
def test_the_vec_env_checker_finds(fault):
    pytest.importorskip("stable_baselines3")
    from bridge.conformance.sb3 import check_vec_env
    from bridge.sb3 import make_vec_env

    change, message = VEC_ENV[fault]
    with pytest.raises(AssertionError, match=message):
        check_vec_env(spoiled(lambda: make_vec_env("CartPole-v1", 3), "step", change), steps=STEPS)


def replaced(**changes: Callable[[Any], Any]) -> Callable[..., Any]:
    """Fields of a TimeStep changed where they are not None."""

    def change(shown: Any, _: Any) -> Any:
        now = {
            name: value(getattr(shown, name))
            for name, value in changes.items()
            if getattr(shown, name) is not None
        }
        return shown._replace(**now)

    return change


DM_ENV = {
    "float32 reward": replaced(reward=np.float32),
    "half a discount": replaced(discount=lambda _: 0.5),
    "float64 observation": replaced(observation=double),
    "step type as an integer": replaced(step_type=int),
    "no LAST": replaced(step_type=lambda kind: kind if kind != 2 else type(kind)(1)),
    "FIRST is paid": lambda shown, _: shown._replace(reward=shown.reward or 1.0),
    "random rewards": replaced(reward=lambda reward: reward + np.random.default_rng().random()),
}


@pytest.mark.parametrize("fault", DM_ENV)
def test_the_dm_env_checker_finds(fault):
    pytest.importorskip("dm_env")
    from bridge.conformance.dm_env import check_dm_env
    from bridge.dm_env import make as make_dm_env

    def one() -> Any:
        return make_dm_env("CartPole-v1", seed=0)

    with pytest.raises((AssertionError, ValueError)):
        check_dm_env(spoiled(one, "step", DM_ENV[fault]), steps=STEPS)


def test_run_has_a_result_for_every_suite(monkeypatch):
    quick = {"native: a": repr, "pettingzoo: b": lambda env: env.spec.nothing}
    monkeypatch.setattr(conformance, "suites", lambda: quick)
    results = conformance.run(make("CartPole-v1"))
    assert [(result.interface, result.passed) for result in results] == [
        ("native", True),
        ("pettingzoo", False),
    ]
