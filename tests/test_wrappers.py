"""Wrappers that people stack, on ours and on the library's own vectors: they do the same.

The table in docs/migrating.md is what this finds; `pytest tests/test_wrappers.py --write-parity`
writes it anew.
"""

import copy
import functools
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium", minversion="1.1")

from bridge.gymnasium import make, make_vec
from native.classic_control.cartpole import CartPole
from native.classic_control.pendulum import Pendulum

PAGE = Path(__file__).parent.parent / "docs" / "migrating.md"
MODES = ("NEXT_STEP", "SAME_STEP", "DISABLED")
CART, PENDULUM = CartPole(horizon=9), Pendulum(horizon=9)
ROWS, STEPS, SEED = 3, 25, 5
VERSION = tuple(map(int, gymnasium.__version__.split(".")[:2]))

wrappers = gymnasium.wrappers.vector
VECTOR: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "RecordEpisodeStatistics": (wrappers.RecordEpisodeStatistics, CART),
    "DictInfoToList": (wrappers.DictInfoToList, CART),
    "NormalizeObservation": (wrappers.NormalizeObservation, CART),
    "NormalizeReward": (wrappers.NormalizeReward, CART),
    "TransformObservation": (
        lambda envs: wrappers.TransformObservation(envs, lambda seen: 2 * seen),
        CART,
    ),
    "VectorizeTransformObservation": (
        lambda envs: wrappers.VectorizeTransformObservation(
            envs, gymnasium.wrappers.TransformObservation, func=np.abs, observation_space=None
        ),
        CART,
    ),
    "FlattenObservation": (wrappers.FlattenObservation, CART),
    "ReshapeObservation": (lambda envs: wrappers.ReshapeObservation(envs, (2, 2)), CART),
    "RescaleObservation": (
        lambda envs: wrappers.RescaleObservation(envs, np.float32(-1), np.float32(1)),
        PENDULUM,
    ),
    "DtypeObservation": (lambda envs: wrappers.DtypeObservation(envs, np.float64), CART),
    "TransformReward": (lambda envs: wrappers.TransformReward(envs, lambda paid: -paid), CART),
    "ClipReward": (lambda envs: wrappers.ClipReward(envs, -2, 0.5), PENDULUM),
    "TransformAction": (
        lambda envs: wrappers.TransformAction(envs, lambda action: action / 2),
        PENDULUM,
    ),
    "ClipAction": (wrappers.ClipAction, PENDULUM),
    "RescaleAction": (lambda envs: wrappers.RescaleAction(envs, -1.0, 1.0), PENDULUM),
    "NumpyToTorch": (lambda envs: wrappers.NumpyToTorch(envs), CART),
}
SINGLE = gymnasium.wrappers
ONE: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "AddRenderObservation": (SINGLE.AddRenderObservation, CART),
    "Autoreset": (SINGLE.Autoreset, CART),
    "DelayObservation": (lambda env: SINGLE.DelayObservation(env, 1), CART),
    "FrameStackObservation": (lambda env: SINGLE.FrameStackObservation(env, 3), CART),
    "MaxAndSkipObservation": (lambda env: SINGLE.MaxAndSkipObservation(env, 2), CART),
    "NormalizeObservation": (SINGLE.NormalizeObservation, CART),
    "NormalizeReward": (SINGLE.NormalizeReward, CART),
    "OrderEnforcing": (SINGLE.OrderEnforcing, CART),
    "PassiveEnvChecker": (SINGLE.PassiveEnvChecker, PENDULUM),
    "RecordEpisodeStatistics": (SINGLE.RecordEpisodeStatistics, CART),
    "RenderCollection": (SINGLE.RenderCollection, CART),
    "RescaleAction": (lambda env: SINGLE.RescaleAction(env, -1.0, 1.0), PENDULUM),
    "TimeAwareObservation": (
        lambda env: SINGLE.TimeAwareObservation(SINGLE.TimeLimit(env, 5)),
        CART,
    ),
    "TimeLimit": (lambda env: SINGLE.TimeLimit(env, 5), CART),
}


def shown(envs: Any, mode: str) -> list[Any]:
    """Everything that a number of steps show, but for the clock on the wall."""
    disabled = mode == "DISABLED"
    rng = np.random.default_rng(SEED)
    seen: list[Any] = [envs.reset(seed=SEED)]
    box = not hasattr(envs.single_action_space, "n")
    for _ in range(STEPS):
        actions = rng.uniform(-3, 3, (ROWS, 1)) if box else rng.integers(0, 2, ROWS)
        actions = actions.astype(np.float32 if box else np.int64)
        step = envs.step(_as_wanted(envs, actions))
        seen.append(copy.deepcopy(step))  # a wrapper goes on writing to what it showed
        over = np.asarray(step[2]) | np.asarray(step[3])
        if disabled and over.any():
            seen.append(envs.reset(options={"reset_mask": over}))
    envs.close()
    return seen


def _as_wanted(envs: Any, actions: np.ndarray) -> Any:
    if type(envs).__name__ != "NumpyToTorch":  # to ask for the class itself imports torch
        return actions
    import torch

    return torch.from_numpy(actions)


def alike(ours: Any, theirs: Any) -> None:
    """Raise unless both are the same; ours may say more in an info."""
    if isinstance(theirs, dict):
        for key in theirs.keys() - {"t", "_t"}:
            alike(ours[key], theirs[key])
    elif isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            alike(one, other)
    elif isinstance(theirs, np.ndarray) and theirs.dtype == object:
        alike(list(ours), list(theirs))
    elif theirs is not None:
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-5, atol=1e-5)


def outcome(wrap: Callable[[Any], Any], envs: Callable[[], Any], mode: str) -> Any:
    """What is shown, or the kind of error that keeps it from being shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return shown(wrap(envs()), mode)
        except (ValueError, BufferError, AssertionError, TypeError) as error:
            return type(error)


@functools.cache
def verdict(name: str, mode: str) -> str:
    """A cell of the table, found by playing it on ours and on a `SyncVectorEnv` of ours."""
    wrap, native = VECTOR[name]
    autoreset = gymnasium.vector.AutoresetMode[mode]
    ours = outcome(wrap, lambda: make_vec(native, ROWS, autoreset_mode=autoreset), mode)
    theirs = outcome(
        wrap,
        lambda: gymnasium.vector.SyncVectorEnv(
            [lambda: make(native)] * ROWS, autoreset_mode=autoreset
        ),
        mode,
    )
    if isinstance(ours, type):
        assert ours is theirs, (ours, theirs)
        return "it refuses"
    assert not isinstance(theirs, type), (ours, theirs)
    alike(ours, theirs)
    return "yes"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", VECTOR)
def test_a_vector_wrapper_does_to_ours_what_it_does_to_theirs(name, mode):
    if name == "NumpyToTorch":
        pytest.importorskip("torch")
    assert verdict(name, mode)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ONE)
def test_a_wrapper_of_one_works_on_ours(name):
    wrap, native = ONE[name]
    env = wrap(make(native, render_mode="rgb_array"))
    env.reset(seed=SEED)
    over = False
    while not over:
        observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        assert observation in env.observation_space and np.isfinite(reward)
        over = terminated or truncated
    env.close()


@pytest.mark.filterwarnings("ignore")
def test_videos_are_recorded(tmp_path):
    pytest.importorskip("moviepy")
    for envs in (
        SINGLE.RecordVideo(make(CART, render_mode="rgb_array"), str(tmp_path / "one")),
        wrappers.RecordVideo(make_vec(CART, 2, render_mode="rgb_array"), str(tmp_path / "many")),
    ):
        envs.reset(seed=SEED)
        for _ in range(30):
            *_, over, late, _ = envs.step(envs.action_space.sample())
            if envs.action_space.shape == () and (over or late):
                envs.reset()
        envs.close()
    assert list((tmp_path / "one").glob("*.mp4")) and list((tmp_path / "many").glob("*.mp4"))


def test_the_page_says_what_was_found(request):
    pytest.importorskip("torch")
    if VERSION < (1, 4):
        pytest.skip("the page is about Gymnasium 1.4")
    page = PAGE.read_text(encoding="utf-8")
    block = re.search(r"(<!-- wrappers -->\n)(.*?)(<!-- end -->)", page, re.DOTALL)
    lines = ["| on many, `gymnasium.wrappers.vector` | " + " | ".join(MODES) + " |"]
    lines += ["| --- | --- | --- | --- |"]
    lines += [
        f"| `{name}` | " + " | ".join(verdict(name, mode) for mode in MODES) + " |"
        for name in VECTOR
    ]
    told = "".join(f"{line}\n" for line in lines)
    if request.config.getoption("--write-parity"):
        PAGE.write_text(page[: block.end(1)] + told + page[block.start(3) :], encoding="utf-8")
    else:
        assert block[2] == told


def test_the_page_names_the_wrappers_that_tests_have():
    page = PAGE.read_text(encoding="utf-8")
    for name in ONE:
        assert f"`{name}`" in page
    named = re.findall(r"`(\w+_v\d)`", page[page.index("<!-- supersuit -->") :])
    source = (Path(__file__).parent / "test_supersuit.py").read_text()
    for name in named:
        assert re.search(rf"supersuit\.{name[:-1]}|{name[:-3]}", source), name
    section = page[page.index("<!-- pettingzoo -->") : page.index("<!-- supersuit -->")]
    named = re.findall(r"`(\w+(?:Wrapper|Env))`", section)
    source = (Path(__file__).parent / "test_pettingzoo.py").read_text()
    assert named
    for name in named:
        assert f"wrappers.{name}" in source, name
