"""Frozen episodes, and pictures of them.

If one moves the dynamics moved: say so in the changelog, then rewrite it with

pytest tests/test_golden.py --write-golden
"""

import functools
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from drivers import draw

from native.prng import implementation
from native.registry import REGISTRY
from native.rollout import rollout

GOLDEN = Path(__file__).parent / "golden"
STEPS = 40
SHOWN = 8  # the step whose observation is kept, or the last on which somebody acts
TOLERANCE = 1e-3


def readable(leaf):
    array = np.asarray(leaf)
    return array.astype(np.float64).round(4).tolist() if array.dtype.kind == "f" else array.tolist()


@functools.lru_cache(maxsize=2)
def played(env):
    """States and timesteps of one random episode."""
    rng = np.random.default_rng(2)
    drawn = [draw(env, rng, 1) for _ in range(STEPS)]
    actions = {
        group.name: np.concatenate([each[group.name] for each in drawn]).astype(group.action.dtype)
        for group in env.spec.groups
    }
    key = jax.random.key(3, impl=implementation("pcg4d"))
    return jax.jit(rollout, static_argnums=0)(env, key, actions)


def episode(env):
    """One random episode, small enough to read in a diff."""
    _, steps = played(env)
    ended = np.asarray(steps.terminated | steps.truncated)
    fates = [
        [int(ended[:, i].argmax()), "terminated" if steps.terminated[:, i].any() else "truncated"]
        if ended[:, i].any()
        else None
        for i in range(env.spec.num_agents)
    ]
    acting = ~np.logical_or.accumulate(ended, axis=0)[: SHOWN + 1].all(axis=1)
    shown = int(np.flatnonzero(acting)[-1])
    return {
        "return": readable(steps.reward.sum(axis=0)),
        "ended": fates,
        "info": {name: readable(leaf[-1]) for name, leaf in steps.info.items()},
        "observation": jax.tree.map(lambda leaf: readable(leaf[shown]), steps.observation),
    }


def written(episode):
    """JSON with the numbers of one array on as few lines as they fit."""
    lines = [f'  "{name}": {json.dumps(value)}' for name, value in episode.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def close(found, golden):
    if isinstance(golden, dict):
        return found.keys() == golden.keys() and all(close(found[k], golden[k]) for k in golden)
    if golden is None or isinstance(golden, str):
        return found == golden
    if isinstance(golden, list):
        return len(found) == len(golden) and all(map(close, found, golden))
    return abs(found - golden) <= TOLERANCE


def test_the_golden_episode_is_unchanged(name, env, request):
    path, found = GOLDEN / f"{name}.json", episode(env)
    if request.config.getoption("--write-golden"):
        path.write_text(written(found), encoding="utf-8")
    assert path.exists(), f"write it: pytest tests/test_golden.py -k {name} --write-golden"
    golden = json.loads(path.read_text(encoding="utf-8"))
    assert found.keys() == golden.keys()
    for field, value in golden.items():
        assert close(found[field], value), (field, found[field], value)


@pytest.mark.sampled("kind", "tag", "family")
def test_the_picture_follows_the_state(env):
    """Not one colour, and another picture after some steps."""
    if env.spec.render_fps is None:
        pytest.skip("no picture")
    states, _ = played(env)
    render = jax.jit(env.render)
    first, later = (
        np.asarray(render(jax.tree.map(lambda leaf, t=tick: leaf[t], states), env.params))
        for tick in (0, 3)
    )
    assert first.dtype == np.uint8 and len(np.unique(first.reshape(-1, 3), axis=0)) > 3
    assert first.shape == later.shape and not np.array_equal(first, later)


def test_every_golden_episode_has_an_environment():
    assert {path.stem for path in GOLDEN.glob("*.json")} <= set(REGISTRY)
