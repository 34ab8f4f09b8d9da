"""Stable-Baselines3: its own `check_env` and `VecCheckNan`, and a strict checker for `VecEnv`.

SB3 has no checker for a `VecEnv`, and assembles its own from single environments only.
"""

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bridge import gymnasium as single
from bridge.errors import MissingExtraError
from bridge.sb3 import make_vec_env
from native.core import Environment

from . import strict

try:
    from gymnasium.vector.utils import batch_space
    from stable_baselines3.common.env_checker import check_env
    from stable_baselines3.common.vec_env import VecCheckNan, VecEnv
except ImportError as error:
    raise MissingExtraError("bridge.conformance.sb3", "stable_baselines3", "sb3") from error

WORLDS = 3
HARMLESS = (
    "We recommend you to use a symmetric and normalized Box action space",  # not ours to change
    "has an unconventional shape",  # neither a picture nor a vector: an algorithm must cope
    "The observation space is a Tuple",  # where Gymnasium's is; it is none in the VecEnv
    "Nested observation spaces are not supported",  # nor is anything lost in the VecEnv
    "It seems that your observation .*is an image",  # as above
    "upper and lower bounds are not in",
    "The minimal resolution for an image is",
    "Treating image space as channels-last",
    "should inherit from `gymnasium.spaces.Box`",
)

Make = Callable[[], Any]


def check_vec_env(make: Make, *, steps: int = 100) -> None:
    """Play a `VecEnv` and look at all it shows.

    Observations lie in the batched space to the dtype; rewards are float32 and writable, because
    algorithms add to them; dones are bool; infos are dicts of their own, with
    `terminal_observation` and `TimeLimit.truncated` on rows that are done and only there;
    "episode" sums what was paid. The same seed and actions give the same episodes, bit for bit,
    also if the caller writes over all it is given; nothing returned changes afterwards.

    Args:
        make: Makes a fresh environment; called several times.
        steps: How many to play.

    Raises:
        AssertionError: Says what is wrong.
    """
    env = make()
    kind: Any = VecEnv
    assert isinstance(env, kind), "it is no VecEnv"
    for name in ("observation_space", "action_space"):
        assert getattr(env, name) is getattr(env, name), f"{name} is another each time"
    for values in (env.get_attr("render_mode"), env.env_is_wrapped(type(None))):
        assert isinstance(values, list), f"no list with a value for each row: {values}"
        assert len(values) == env.num_envs, f"not a value for each row: {values}"
    played = _play(env, steps)
    strict.same(played, _play(make(), steps, scribble=True), "the same seed again")
    strict.same(played, _play(env, steps), "the same seed later")
    env.close()
    env.close()


def _play(env: Any, steps: int, *, scribble: bool = False) -> list[Any]:
    record = strict.Record(scribble=scribble)
    rows = env.num_envs
    whole = batch_space(env.observation_space, rows)
    chosen = [copy.deepcopy(env.action_space) for _ in range(rows)]
    for row, space in enumerate(chosen):
        space.seed(strict.SEED + row)
    seeds = env.seed(strict.SEED)
    assert len(seeds) == rows, f"seed() answers {seeds} for {rows} rows"

    observation = env.reset()
    strict.belongs(whole, observation, "the observation of reset()")
    _check_dicts(env.reset_infos, rows, "reset_infos")
    record.add(observation)
    paid, lengths = np.zeros(rows), np.zeros(rows, int)
    for _ in range(steps):
        masks = env.env_method("action_masks") if env.has_attr("action_masks") else [None] * rows
        for mask in masks:
            legal = mask is None or (mask.dtype == bool and mask.any())
            assert legal, f"an action mask is {mask!r}"
        actions = np.stack(
            [
                space.sample(None if mask is None else mask.astype(np.int8))
                for space, mask in zip(chosen, masks, strict=True)
            ]
        )
        given = actions.copy()
        returned = env.step(actions)
        strict.same(actions, given, "the actions after step()")
        observation, rewards, dones, infos = returned
        strict.belongs(whole, observation, "the observation")
        strict.has_shape(rewards, "float32", rows, "the rewards")
        assert rewards.flags.writeable, "the rewards are read-only, and algorithms add to them"
        strict.has_shape(dones, "bool", rows, "the dones")
        paid += rewards
        lengths += 1
        _check_infos(env, dones, infos, paid, lengths)
        paid[dones] = lengths[dones] = 0
        for info in infos:
            info.get("episode", {}).pop("t", None)  # seconds: no two plays have the same
        record.add(returned)
    record.verify()
    return record.copies


def _check_infos(
    env: Any, dones: np.ndarray, infos: Any, paid: np.ndarray, lengths: np.ndarray
) -> None:
    _check_dicts(infos, env.num_envs, "infos")
    for row, (info, done) in enumerate(zip(infos, dones, strict=True)):
        for key in ("terminal_observation", "TimeLimit.truncated"):
            assert (key in info) == done, f"infos[{row}]: {key!r} in it is {key in info}"
        if not done:
            assert "episode" not in info, f"infos[{row}] sums an episode that goes on"
            continue
        last = info["terminal_observation"]
        strict.belongs(env.observation_space, last, f"infos[{row}]['terminal_observation']")
        late = info["TimeLimit.truncated"]
        assert type(late) is bool, f"TimeLimit.truncated is a {type(late).__name__}"
        if info.get("alive", True):
            episode = info["episode"]
            assert {"r", "l", "t"} == episode.keys(), f"'episode' has the keys {[*episode]}"
            assert type(episode["r"]) is float, f"'episode' is {episode!r}"
            assert type(episode["l"]) is int, f"'episode' is {episode!r}"
            assert np.isclose(episode["r"], paid[row], rtol=1e-4, atol=1e-3), (
                f"infos[{row}] says the episode paid {episode['r']}; it paid {paid[row]}"
            )
            assert episode["l"] == lengths[row], f"its length is {lengths[row]}, not {episode['l']}"
        else:
            assert paid[row] == 0, f"row {row} did not act, yet earned {paid[row]}"
            assert "episode" not in info, f"infos[{row}] sums an episode that nobody played"


def _check_dicts(infos: Any, rows: int, what: str) -> None:
    assert isinstance(infos, (list, tuple)), f"{what}: no list"
    assert len(infos) == rows, f"{what}: {len(infos)} for {rows} rows"
    assert all(type(info) is dict for info in infos), f"{what}: not all are dicts"
    assert len({*map(id, infos)}) == rows, f"{what}: rows share a dict"


def _check_env(env: Environment[Any, Any]) -> None:
    with strict.ignoring(*HARMLESS):
        check_env(single.make(env), warn=True)


def _check_nan(env: Environment[Any, Any]) -> None:
    venv = VecCheckNan(make_vec_env(env, WORLDS, seed=strict.SEED), raise_exception=True)
    actions = batch_space(venv.action_space, venv.num_envs)
    actions.seed(strict.SEED)
    venv.reset()
    for _ in range(strict.rounds(env)):
        venv.step(actions.sample())
    venv.close()


def _strict(env: Environment[Any, Any]) -> None:
    make = functools.partial(make_vec_env, env, WORLDS)
    check_vec_env(make, steps=strict.rounds(env))


SUITES: Mapping[str, Callable[[Environment[Any, Any]], None]] = {
    "check_env": _check_env,
    "VecCheckNan": _check_nan,
    "strict VecEnv": _strict,
}
