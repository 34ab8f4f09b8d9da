"""A game is one file and one line: in a copy of the repository, one more passes the tests at once.

There are two: the one of docs/write_an_environment.md, and one that has nothing optional.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bridge
import native

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "write_an_environment.md"

CATCH = '''
"""Catch: a ball falls from the middle of the top, and a paddle goes left and right to meet it."""

import dataclasses

import jax.numpy as jnp

from native.core import Group, Spec, pytree, restart, transition
from native.spaces import Box, Discrete


@pytree
class State:
    paddle: object
    height: object
    over: object


@dataclasses.dataclass(frozen=True)
class Catch:
    """No rules, no numbers, no picture, no time limit; it begins in one way only."""

    @property
    def params(self):
        return ()

    @property
    def spec(self):
        return Spec("catch", (Group("paddle", ("paddle_0",), Box(-2.0, 5.0, (2,)), Discrete(3)),))

    def init(self, key, params):
        del key, params
        state = State(paddle=jnp.int32(0), height=jnp.int32(5), over=jnp.bool_(False))
        return state, restart(self.observe(state), 1)

    def step(self, key, state, action, params):
        del key, params
        paddle = jnp.clip(state.paddle + action["paddle"][0] - 1, -2, 2)
        height = jnp.maximum(state.height - 1, 0)
        after = State(paddle=paddle, height=height, over=state.over | (height == 0))
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=self.observe(after),
            reward=jnp.where(height == 0, jnp.where(paddle == 0, 1.0, -1.0), 0.0)[None],
            terminated=(height == 0)[None],
            truncated=jnp.zeros(1, jnp.bool_),
        )

    def observe(self, state):
        return {"paddle": jnp.stack([state.paddle, state.height])[None].astype(jnp.float32)}
'''
LINES = """
NAMES += (
    Name("tug_of_war", ".tug_of_war:TugOfWar", "homogeneous", (), 50),
    Name("catch", ".catch:Catch", "single"),
)
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A copy with both games."""
    root = tmp_path_factory.mktemp("repository")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(native.__file__).parent, root / "native", ignore=ignore)
    shutil.copytree(ROOT / "tests", root / "tests", ignore=ignore)
    for there in (*ROOT.glob("*.*"), ROOT / "docs", ROOT / "examples"):
        (root / there.name).symlink_to(there)
    (root / "bridge").symlink_to(Path(bridge.__file__).parent)
    family = root / "native" / "grid"
    first = PAGE.read_text(encoding="utf-8").partition("## 3.")[0]
    blocks = re.findall(r"^```python\n(.*?)^```$", first, re.DOTALL | re.MULTILINE)
    (family / "tug_of_war.py").write_text("\n".join(['"""A tug of war."""', *blocks]))
    (family / "catch.py").write_text(CATCH)
    with (family / "__init__.py").open("a") as file:
        file.write(LINES)
    return root


def passes(root, *arguments):
    """Write the golden episodes of both games in that repository, and run their tests."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-k", "tug_of_war or catch", "--write-golden", *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-10_000:]


def test_a_fresh_game_passes_the_tests_that_look_at_every_game(repository):
    passes(
        repository, *[f"tests/test_{name}.py" for name in ("golden", "rules", "registry", "cli")]
    )
    assert {"catch", "tug_of_war"} <= {path.stem for path in repository.glob("tests/golden/*.json")}


@pytest.mark.long
def test_a_fresh_game_passes_every_test(repository):
    passes(repository, "--every", "tests")
