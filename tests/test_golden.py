"""Frozen episodes. If one moves the dynamics moved: say so in the changelog, then rewrite it with

pytest tests/test_golden.py --write-golden
"""

import json
from pathlib import Path

import jax
import numpy as np
from drivers import draw

from native.prng import implementation
from native.registry import REGISTRY
from native.rollout import rollout

GOLDEN = Path(__file__).parent / "golden"
STEPS = 40
SHOWN = 8  # the step whose observation is kept
TOLERANCE = 1e-3


def readable(leaf):
    array = np.asarray(leaf)
    return array.astype(np.float64).round(4).tolist() if array.dtype.kind == "f" else array.tolist()


def episode(env):
    """One random episode, small enough to read in a diff."""
    rng = np.random.default_rng(2)
    drawn = [draw(env, rng, 1) for _ in range(STEPS)]
    actions = {
        group.name: np.concatenate([each[group.name] for each in drawn]).astype(group.action.dtype)
        for group in env.spec.groups
    }
    key = jax.random.key(3, impl=implementation("pcg4d"))
    _, steps = jax.jit(rollout, static_argnums=0)(env, key, actions)
    ended = np.asarray(steps.terminated | steps.truncated)
    fates = [
        [int(ended[:, i].argmax()), "terminated" if steps.terminated[:, i].any() else "truncated"]
        if ended[:, i].any()
        else None
        for i in range(env.spec.num_agents)
    ]
    return {
        "return": readable(steps.reward.sum(axis=0)),
        "ended": fates,
        "info": {name: readable(leaf[-1]) for name, leaf in steps.info.items()},
        "observation": jax.tree.map(lambda leaf: readable(leaf[SHOWN]), steps.observation),
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
    path, played = GOLDEN / f"{name}.json", episode(env)
    if request.config.getoption("--write-golden"):
        path.write_text(written(played), encoding="utf-8")
    golden = json.loads(path.read_text(encoding="utf-8"))
    assert played.keys() == golden.keys()
    for field, value in golden.items():
        assert close(played[field], value), (field, played[field], value)


def test_every_golden_episode_has_an_environment():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(REGISTRY)
