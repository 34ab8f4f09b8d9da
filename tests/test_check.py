"""`check` shows each mistake of an environment once, with the line that makes it."""

import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("typer")

from typer.testing import CliRunner

from bridge import conformance
from bridge.cli import app

# Every mistake stands in a line that ends with a mark.
BROKEN = """
    import dataclasses
    import jax
    import jax.numpy as jnp
    from native.core import Group, Spec, pytree, restart, transition
    from native.spaces import Box, Discrete

    @pytree
    class State:
        place: jax.Array
        tick: jax.Array

    @dataclasses.dataclass(frozen=True)
    class Walk:
        params: tuple = ()

        @property
        def spec(self):
            group = Group("agent", ("agent_0",), Box(-99.0, 99.0, (2,)), Discrete(2))
            return Spec("walk", (group,), 3)

        def init(self, key, params):
            place = jax.random.uniform(key, dtype=jnp.float32)
            return State(place=place, tick=jnp.int32(0)), restart(self.observe(place), 1)

        def step(self, key, state, action, params):
            place = self.moved(state.place, action["agent"][0].astype(jnp.float32))
            after = State(place=place, tick=state.tick + 1)
            return after, transition(
                self.spec,
                acting=(state.tick < 3)[None],
                observation=self.observe(place),
                reward=self.reward(place),
                terminated=jnp.zeros(1, bool),
                truncated=(after.tick >= 3)[None],
            )

        def observe(self, place):
            return {"agent": jnp.stack([place, place])[None]}

        def moved(self, place, move):
            return place + move

        def reward(self, place):
            return place[None]

    class WrongDtype(Walk):  # here
        def observe(self, place):
            return {"agent": super().observe(place)["agent"].astype(jnp.int32)}

    class WrongShape(Walk):  # here
        def observe(self, place):
            return {"agent": jnp.stack([place, place, place])[None]}

    class Raises(Walk):
        def moved(self, place, move):
            return place + {"forth": 1.0}["back"]  # here

    class Branches(Walk):
        def moved(self, place, move):
            return place if place > 3 else place + move  # here

    class EarnsNan(Walk):  # here
        def reward(self, place):
            return jnp.log(-1 - place * place)[None]

    class Outside(EarnsNan):  # here
        def observe(self, place):
            return {"agent": super().observe(place)["agent"] + 200.0}

    class Mutable:  # here
        params = ()
        spec = Walk().spec
        init = Walk().init

        def step(self, key, state, action, params):
            self.steps = getattr(self, "steps", 0) + 1
            return Walk().step(key, state, action, params)
"""
SUITES = (
    "native: rules are frozen and equal by value",
    "native: one row per agent",
    "native: init and step agree",
    "native: observations lie in their spaces",
    "native: rewards are finite",
    "pettingzoo: api_test",
    "gymnasium: check_env",
    "dm_env: EnvironmentTestMixin",
)


@pytest.fixture
def check(tmp_path, monkeypatch):
    """What `check` says of a class, and its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("broken_games.py").write_text(textwrap.dedent(BROKEN))
    known = conformance.suites()
    chosen = {name: known[name] for name in SUITES if name in known}
    monkeypatch.setattr(conformance, "suites", lambda: chosen)
    yield lambda name, *options: CliRunner().invoke(
        app, ["check", f"broken_games:{name}", *options]
    )
    sys.modules.pop("broken_games", None)


def line(name: str) -> str:
    """Where the mistake of a class is, as it is shown."""
    lines = textwrap.dedent(BROKEN).splitlines()
    begin = next(number for number, text in enumerate(lines) if text.startswith(f"class {name}"))
    here = next(n for n, text in enumerate(lines[begin:], begin) if text.endswith("# here"))
    return f"at broken_games.py:{here + 1}, "


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("WrongDtype", "observation of 'agent' is int32[1, 2]; expected float32[1, 2]"),
        ("WrongShape", "observation of 'agent' is float32[1, 3]; expected float32[1, 2]"),
        ("Raises", "KeyError: 'back'"),
        ("Branches", "TracerBoolConversionError: Attempted boolean conversion"),
        ("EarnsNan", "'agent_0' earns NaN or infinity"),
        ("Mutable", "changes when it is used|does not equal a copy"),
    ],
)
def test_one_mistake_is_shown_once_with_its_line(check, name, message):
    result = check(name)
    assert result.exit_code == 1
    assert result.output.count("FAILS") == 1, result.output
    assert any(part in result.output for part in message.split("|"))
    assert line(name) in result.output
    first, _, rest = result.output.partition(line(name))
    assert "more failed" not in first, "what follows comes after the reason"
    assert "--all" in rest


def test_an_error_of_the_code_is_known_wherever_it_comes_up(check):
    said = check("Raises").output
    assert f"{len(conformance.suites()) - 2} more failed for this: native: init and step" in said
    assert "return place + {" in said
    assert "a consequence" not in said


def test_two_mistakes_are_two(check):
    said = check("Outside").output
    assert said.count("FAILS") == 2
    assert "outside Box" in said and "earns NaN" in said


def test_all_shows_every_check(check):
    said = check("WrongDtype", "--all").output
    assert "init and step agree" in said and "passes" in said
    if any(name.startswith("gymnasium") for name in conformance.suites()):
        assert "check_env" in said
