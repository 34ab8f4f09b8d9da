"""PettingZoo: its own tests, and a strict one for `ParallelEnv`.

`parallel_api_test` looks at no observation and `parallel_seed_test` stops after one step, so
`check_parallel_env` looks at everything that whole episodes show.
"""

import functools
import inspect
import types
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from bridge.errors import MissingExtraError, UnsuitableError
from bridge.pettingzoo import aec_env, parallel_env
from native.core import Environment

from . import strict

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports its own old games
        import pettingzoo  # type: ignore[import-untyped]
        from pettingzoo.test.api_test import api_test  # type: ignore[import-untyped]
        from pettingzoo.test.max_cycles_test import max_cycles_test  # type: ignore[import-untyped]
        from pettingzoo.test.parallel_test import parallel_api_test  # type: ignore[import-untyped]
        from pettingzoo.test.render_test import render_test  # type: ignore[import-untyped]
        from pettingzoo.test.seed_test import parallel_seed_test, seed_test  # type: ignore[import-untyped]
        from pettingzoo.test.state_test import state_test  # type: ignore[import-untyped]
except ImportError as error:
    raise MissingExtraError("bridge.conformance.pettingzoo", "pettingzoo", "pettingzoo") from error

CYCLES = 60
MAX_CYCLES = 4  # of PettingZoo's test of that name
BEGINNINGS = 8  # episodes, of which one is to begin otherwise; some games have a dozen starts
HARMLESS = (
    "Observation space for each agent probably should be",  # a Dict: masks and nested spaces
    "Observation is not a NumPy array",  # likewise
    "Action space for each agent probably should be",  # MultiDiscrete and MultiBinary
    "observation space value is -?infinity",  # positions and speeds without a bound
    "Environment's (minimum|maximum) state space value is",  # likewise
    "numpy array is all zeros",  # an agent at the origin, at rest
    "Agents have different observation space sizes",  # several kinds of agents
    "The class of (observation|action) spaces is different",  # likewise
    "Observations are different shapes",  # likewise
    "Observations between agents are different classes",  # likewise
    "The observation contains negative numbers and is in the shape of",  # a grid of floats
    "Observation is a single number",
    "Observation has more than 3 dimensions",
    "We recommend agents to be named",  # names are the environment's business
    "Environment has not defined a render",  # a picture is optional
)

Make = Callable[[], Any]


def check_parallel_env(make: Make, *, steps: int = 100) -> None:
    """Play a `ParallelEnv` and look at all it shows.

    Spaces are identical objects, one's own for each agent. Each dict has exactly the agents that
    acted, observations lie in their spaces to the dtype, rewards and flags are Python's. An agent
    that ends leaves `agents` and stays away. The same seed and actions give the same episodes, bit
    for bit, also if the caller writes over all it is given; nothing returned changes afterwards;
    another seed, and one of the next episodes, begin elsewhere.

    Args:
        make: Makes a fresh environment; called several times.
        steps: How many to play.

    Raises:
        AssertionError: Says what is wrong.
    """
    env = make()
    _check_spaces(env)
    played = _play(env, strict.SEED, steps)
    strict.same(played, _play(make(), strict.SEED, steps, scribble=True), "the same seed again")
    strict.same(played, _play(env, strict.SEED, steps), "the same seed later")
    (first, _), (other, _) = env.reset(seed=strict.SEED), env.reset(seed=strict.SEED + 1)
    if not _equal(first, other):
        env.reset(seed=strict.SEED)
        other = [env.reset()[0] for _ in range(BEGINNINGS)]
        assert not _equal([first] * BEGINNINGS, other), (
            "the next episode begins as the last one did"
        )
        one, two = make(), make()
        begun = [[each.reset()[0] for _ in range(BEGINNINGS)] for each in (one, two)]
        assert not _equal(*begun), "two environments without a seed begin alike"
    env.close()
    env.close()


def _check_spaces(env: Any) -> None:
    assert env.agents == [], f"before reset() nobody acts, yet agents is {env.agents}"
    agents = env.possible_agents
    assert len(set(agents)) == len(agents) > 0, f"agents' names repeat: {agents}"
    for kind in ("observation_space", "action_space"):
        owned = [getattr(env, kind)(agent) for agent in agents]
        assert len({*map(id, owned)}) == len(agents), f"two agents share one {kind} object"
        for agent, space in zip(agents, owned, strict=True):
            assert getattr(env, kind)(agent) is space, f"{kind}({agent!r}) is another each time"


def _play(env: Any, seed: int, steps: int, *, scribble: bool = False) -> list[Any]:
    record = strict.Record(scribble=scribble)
    for number, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(seed + number)
    masks = _begin(env, record, seed)
    for _ in range(steps):
        masks = _step(env, record, masks) if env.agents else _begin(env, record, None)
    record.verify()
    return record.copies


def _begin(env: Any, record: strict.Record, seed: int | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    returned = env.reset(seed=seed, options=options)
    assert options == {}, f"reset() wrote to its options: {options}"
    observations, infos = returned
    assert env.agents == env.possible_agents, f"reset() leaves {env.agents}"
    _check_shown(env, env.agents, observations, infos)
    masks = _masks(observations, infos)
    record.add(returned)
    return masks


def _step(env: Any, record: strict.Record, masks: Mapping[str, Any]) -> dict[str, Any]:
    acting = list(env.agents)
    actions = {agent: env.action_space(agent).sample(masks.get(agent)) for agent in acting}
    given = dict(actions)
    returned = env.step(actions)
    assert actions == given, "step() wrote to its actions"
    observations, rewards, terminations, truncations, infos = returned
    _check_shown(env, acting, observations, infos)
    for name, dictionary, kind in (
        ("rewards", rewards, float),
        ("terminations", terminations, bool),
        ("truncations", truncations, bool),
    ):
        _check_agents(name, dictionary, acting)
        for agent, value in dictionary.items():
            assert type(value) is kind, f"{name}[{agent!r}] is a {type(value).__name__}"
    for agent in acting:
        strict.flags_agree(terminations[agent], truncations[agent], agent)
    left = [agent for agent in acting if not (terminations[agent] or truncations[agent])]
    assert env.agents == left, f"agents is {env.agents} after a step that leaves {left}"
    assert env.num_agents == len(left), f"num_agents is {env.num_agents}, not {len(left)}"
    following = _masks(observations, infos)
    record.add(returned)
    return following


def _check_shown(env: Any, agents: list[str], observations: Any, infos: Any) -> None:
    _check_agents("observations", observations, agents)
    _check_agents("infos", infos, agents)
    assert len({id(info) for info in infos.values()}) == len(agents), "agents share an info"
    for agent in agents:
        assert type(infos[agent]) is dict, f"infos[{agent!r}] is no dict"
        space = env.observation_space(agent)
        strict.belongs(space, observations[agent], f"the observation of {agent!r}")


def _check_agents(name: str, dictionary: Any, agents: list[str]) -> None:
    assert type(dictionary) is dict, f"{name} is a {type(dictionary).__name__}"
    assert [*dictionary] == agents, f"{name} has {[*dictionary]}, but {agents} acted"


def _masks(observations: Mapping[str, Any], infos: Mapping[str, Any]) -> dict[str, Any]:
    masks = {}
    for agent, observation in observations.items():
        mask = infos[agent].get("action_mask")
        if isinstance(observation, dict) and "action_mask" in observation:
            inside = observation["action_mask"]
            assert mask is None or (mask == inside).all(), f"{agent!r} has two action masks"
            mask = inside
        if mask is not None:
            assert mask.dtype == "int8", f"the action mask of {agent!r} is {mask.dtype}"
            assert mask.any(), f"{agent!r} has no legal action"
            masks[agent] = mask.copy()
    return masks


def _equal(left: Any, right: Any) -> bool:
    try:
        strict.same(left, right, "")
    except AssertionError:
        return False
    return True


def _parallel_api(env: Environment[Any, Any]) -> None:
    parallel_api_test(parallel_env(env), num_cycles=CYCLES)


def _api(env: Environment[Any, Any]) -> None:
    made = aec_env(env)
    if _old_and_masked(made):
        raise UnsuitableError("PettingZoo before 1.25 wants 'observation' beside 'action_mask'")
    with strict.ignoring(*HARMLESS):
        api_test(made, num_cycles=CYCLES)


def _seed(env: Environment[Any, Any]) -> None:
    seed_test(functools.partial(aec_env, env), num_cycles=CYCLES)


def _parallel_seed(env: Environment[Any, Any]) -> None:
    options: dict[str, int] = {}
    if "num_cycles" in inspect.signature(parallel_seed_test).parameters:  # since PettingZoo 1.25
        options["num_cycles"] = CYCLES
    parallel_seed_test(functools.partial(parallel_env, env), **options)


def _max_cycles(env: Environment[Any, Any]) -> None:
    if not hasattr(env, "horizon"):
        raise UnsuitableError("it has no rule `horizon`")
    if env.spec.turns:
        raise UnsuitableError("agents take turns, so that a cycle is several steps")

    def seeded(make: Callable[..., Any], max_cycles: int) -> Any:
        made = make(env, max_cycles=max_cycles)
        made.reset(seed=strict.SEED)
        for number, agent in enumerate(made.possible_agents):
            made.action_space(agent).seed(strict.SEED + number)
        return made

    probe = seeded(parallel_env, MAX_CYCLES)
    probe.reset()
    while probe.agents:
        actions = {agent: probe.action_space(agent).sample() for agent in probe.agents}
        if any(probe.step(actions)[2].values()):
            raise UnsuitableError(f"agents end within {MAX_CYCLES} steps by the rules")
    module = types.SimpleNamespace(
        parallel_env=functools.partial(seeded, parallel_env), env=functools.partial(seeded, aec_env)
    )
    max_cycles_test(module)


def _render(env: Environment[Any, Any]) -> None:
    if env.spec.render_fps is None:
        raise UnsuitableError("it has no picture")
    make: Any = functools.partial(aec_env, env)  # annotated as making a Gymnasium Env
    with strict.no_screen():
        render_test(make)


def _state(env: Environment[Any, Any]) -> None:
    if env.spec.global_state is None:
        raise UnsuitableError("it has no global state")
    with strict.ignoring(*HARMLESS, "State numpy array is all zeros"):  # a world may begin so
        state_test(aec_env(env), parallel_env(env))


def _strict(env: Environment[Any, Any]) -> None:
    check_parallel_env(functools.partial(parallel_env, env), steps=strict.rounds(env))


def _old_and_masked(made: Any) -> bool:
    parts = getattr(made.observation_space(made.possible_agents[0]), "spaces", {})
    old = pettingzoo.__version__.startswith("1.24.")
    return old and "action_mask" in parts and "observation" not in parts


SUITES: Mapping[str, Callable[[Environment[Any, Any]], None]] = {
    "parallel_api_test": _parallel_api,
    "api_test": _api,
    "seed_test": _seed,
    "parallel_seed_test": _parallel_seed,
    "max_cycles_test": _max_cycles,
    "render_test": _render,
    "state_test": _state,
    "strict ParallelEnv": _strict,
}
