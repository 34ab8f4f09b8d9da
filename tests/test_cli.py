"""The command line: what it prints, writes and answers with."""

import dataclasses
import inspect
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from native.registry import REGISTRY, make

pytest.importorskip("typer")
Image = pytest.importorskip("PIL.Image")
imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")

from command_line import call
from typer.testing import CliRunner

from bridge import conformance
from bridge.cli import app
from bridge.environments import rules_of

MODULE = """
    import dataclasses
    import jax.numpy as jnp
    from native.classic_control.cartpole import CartPole

    @dataclasses.dataclass(frozen=True)
    class Mine(CartPole):
        '''A cart of mine.'''

    @dataclasses.dataclass(frozen=True)
    class Wrong(CartPole):
        def step(self, key, state, action, params):
            state, timestep = super().step(key, state, action, params)
            return state, dataclasses.replace(timestep, terminated=timestep.truncated | True)

    built = Mine(horizon=9)
    number = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of the user's in the folder that the user is in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("my_games.py").write_text(textwrap.dedent(MODULE))
    yield "my_games"
    sys.modules.pop("my_games", None)


@pytest.fixture
def quick_suites(monkeypatch):
    """Two suites instead of all: those have a test file of their own."""
    names = (
        "native: agents end once and in one way",
        "native: rules are frozen and equal by value",
    )
    suites = {name: conformance.suites()[name] for name in names}
    monkeypatch.setattr(conformance, "suites", lambda: suites)


def test_list_shows_every_name_whole():
    code, said = call("list")
    assert code == 0
    for name in REGISTRY:
        assert name in said


def test_list_as_json_can_be_parsed():
    code, said = call("list", "--json")
    rows = {row["id"]: row for row in json.loads(said)}
    assert code == 0 and rows.keys() == REGISTRY.keys()
    for name, row in rows.items():
        spec = make(name).spec
        assert (row["agents"], row["horizon"]) == (spec.num_agents, spec.horizon)
        assert [group["name"] for group in row["groups"]] == [group.name for group in spec.groups]


def test_info_names_agents_spaces_parameters_and_source(name, env):
    code, said = call("info", name)
    assert code == 0
    page = inspect.cleandoc(inspect.getmodule(type(env)).__doc__)
    for words in (name, *env.spec.agents, *page.splitlines()):
        assert words in said
    numbers = dataclasses.fields(env.params) if env.params else ()
    for title, there in (("rules", rules_of(env)), ("parameters", numbers)):
        assert bool(there) == (f"\n{title} " in said)


def test_info_has_numbers_that_are_easy_to_check():
    _, said = call("info", "CartPole-v1")
    for words in ("500 steps", "1 agent ", "float32[4]", "Discrete(2)", "gravity = 9.8"):
        assert words in said


@pytest.mark.usefixtures("quick_suites")
def test_check_passes_on_a_registered_name():
    code, said = call("check", "CartPole-v1")
    assert code == 0
    assert "all checks pass" in said


@pytest.mark.usefixtures("quick_suites")
@pytest.mark.parametrize("attribute", ["Mine", "built"])
def test_check_finds_an_environment_in_the_folder_of_the_user(module, attribute):
    code, said = call("check", f"{module}:{attribute}")
    assert code == 0, said


THEIRS = """
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces
from gymnasium.experimental.functional import FuncEnv

class Count(FuncEnv):
    observation_space = spaces.Box(0.0, np.inf, (1,), np.float32)
    action_space = spaces.Discrete(2)
    def initial(self, rng, params=None): return jnp.zeros(1)
    def transition(self, state, action, rng, params=None): return state + action
    def observation(self, state, rng, params=None): return state
    def reward(self, state, action, next_state, rng, params=None): return state.sum()
    def terminal(self, state, rng, params=None): return state.sum() > 3

counter = Count()
"""


@pytest.mark.parametrize("attribute", ["counter", "Count"])
def test_another_librarys_object_is_taken_as_it_is(tmp_path, monkeypatch, attribute):
    pytest.importorskip("gymnasium.experimental.functional")
    (tmp_path / "their_games.py").write_text(THEIRS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "their_games", raising=False)
    code, said = call("info", f"their_games:{attribute}")
    assert code == 0 and "Count" in said and "1 agent" in said


@pytest.mark.usefixtures("quick_suites")
def test_check_fails_on_a_broken_environment_and_says_where(module):
    code, said = call("check", f"{module}:Wrong")
    assert code == 1
    assert "FAILS" in said
    assert "1 of 2 checks failed" in said


def test_check_shows_what_does_not_apply_and_what_is_not_installed(monkeypatch):
    monkeypatch.setattr(conformance, "missing", lambda: {"sb3": "pip install 'jitbridge[sb3]'"})
    names = [name for name in conformance.suites() if name == "gymnasium: check_env"]
    suites = {name: conformance.suites()[name] for name in names}
    monkeypatch.setattr(conformance, "suites", lambda: suites)
    code, said = call("check", "simple_tag_v3")
    assert code == 0
    assert "not installed" in said and "jitbridge[sb3]" in said
    assert ("does not apply" in said) == bool(names)


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("CartPole-v2", "Did you mean 'CartPole-v1'?"),
        ("no_such_module:thing", "No module named 'no_such_module'"),
        ("my_games:thing", "my_games has no 'thing'"),
        ("my_games:number", "is no environment and no class of them"),
    ],
)
@pytest.mark.usefixtures("module")
@pytest.mark.parametrize("command", ["info", "check"])
def test_a_wrong_name_is_refused_in_one_line(command, identifier, message):
    code, said = call(command, identifier)
    assert code == 2
    assert message in said
    assert said.count("\n") == 1 and "Traceback" not in said


def test_an_error_inside_the_users_module_is_the_users_to_see(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("broken_games.py").write_text("import no_such_library\n")
    result = CliRunner().invoke(app, ["info", "broken_games:thing"])
    assert isinstance(result.exception, ModuleNotFoundError)


def pictures(path: Path) -> tuple[int, tuple[int, int]]:
    """How many, and their width and height."""
    if path.suffix == ".mp4":  # imageio would fork, which JAX warns about
        count, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path)]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
        width, height = re.search(r"yuv420p.* (\d+)x(\d+)", said).groups()
        return count, (int(width), int(height))
    with Image.open(path) as picture:
        return getattr(picture, "n_frames", 1), picture.size


@pytest.mark.parametrize(("suffix", "count"), [("gif", 7), ("mp4", 7), ("png", 1)])
def test_render_writes_the_file_that_its_name_asks_for(tmp_path, suffix, count):
    path = tmp_path / "made" / f"film.{suffix}"
    code, said = call("render", "CartPole-v1", "--out", path, "--steps", 6, "--seed", 3)
    assert code == 0, said
    assert pictures(path) == (count, (480, 200))


@pytest.mark.sampled
def test_render_draws_every_environment(name, env, tmp_path):
    path = tmp_path / "picture.png"
    code, said = call("render", name, "--out", path, "--steps", 2)
    if env.spec.render_fps:
        assert code == 0, said
        with Image.open(path) as picture:
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 3
    else:
        assert code == 2


def test_the_seed_decides_the_film(tmp_path):
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        call(
            "render", "CartPole-v1", "--out", tmp_path / f"{out}.png", "--steps", 4, "--seed", seed
        )
    first, again, other = ((tmp_path / f"{out}.png").read_bytes() for out in "abc")
    assert first == again != other


def test_render_refuses_a_suffix_before_it_plays(tmp_path):
    code, said = call("render", "CartPole-v1", "--out", tmp_path / "film.avi")
    assert code == 2
    assert "must end in .gif, .mp4, .png" in said


def test_without_its_extra_the_command_line_says_what_to_install(tmp_path):
    code = """
        import runpy, sys
        sys.modules["typer"] = None
        runpy.run_module("bridge", None, "__main__")
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.returncode == 1
    assert result.stderr.strip().endswith("pip install 'jitbridge[cli]'")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("imported", ["numpy", "jax.numpy", "bridge.cli"])
def test_ctrl_c_while_it_is_imported_ends_it_without_a_traceback(imported, tmp_path):
    code = f"""
        import importlib.abc, runpy, signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)
        class Pressed(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path, target=None):
                if name == "{imported}":
                    signal.raise_signal(signal.SIGINT)
        sys.meta_path.insert(0, Pressed())
        sys.argv = ["bridge", "list"]
        runpy.run_module("bridge", None, "__main__")
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


@pytest.mark.parametrize(("command", "threshold"), [("train", 100_000), ("bench", 700)])
def test_commands_but_bench_look_for_garbage_less_often(command, threshold, tmp_path):
    code = f"""
        import gc, runpy, sys, types
        gc.set_threshold(700, 10, 10)
        told = types.SimpleNamespace(app=lambda **_: print(gc.get_threshold()[0]))
        sys.modules["bridge.cli"] = told
        sys.argv = ["bridge", "{command}"]
        runpy.run_module("bridge", None, "__main__")
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert int(result.stdout) == threshold


def test_a_command_without_its_extra_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    for name in [*sys.modules]:
        if name.startswith("stable_baselines3."):
            monkeypatch.setitem(sys.modules, name, None)
        if name == "bridge.sb3" or name.startswith("bridge.training"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("bridge.training", raising=False)
    code, said = call("train", "CartPole-v1", "--out", tmp_path / "run", "--learner", "sb3")
    assert code == 2
    assert "pip install 'jitbridge[sb3" in said


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({"XDG_CACHE_HOME": "caches"}, "caches/jitbridge/programs"),
        ({"HOME": "home"}, "home/.cache/jitbridge/programs"),
        ({"HOME": "home", "JITBRIDGE_PROGRAMS": "mine"}, "mine"),
        ({"HOME": "home", "JITBRIDGE_PROGRAMS": ""}, None),
        ({"HOME": "home", "JAX_COMPILATION_CACHE_DIR": "jax"}, "jax"),
    ],
)
def test_what_a_command_compiles_is_kept_for_the_next_one(given, folder, tmp_path):
    said = {"JAX_COMPILATION_CACHE_DIR", "JITBRIDGE_PROGRAMS", "XDG_CACHE_HOME"}
    environment = {name: text for name, text in os.environ.items() if name not in said}
    environment |= {name: text and str(tmp_path / text) for name, text in given.items()}
    environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    command = ["render", "CartPole-v1", "--out", "picture.png", "--steps", "0"]
    subprocess.run(
        [sys.executable, "-m", "bridge", *command], check=True, cwd=tmp_path, env=environment
    )
    holding = {path.parent.relative_to(tmp_path) for path in tmp_path.rglob("*-cache")}
    assert holding == ({Path(folder)} if folder else set())


def test_in_a_process_of_its_own_it_prints_whole_names_and_imports_no_other_library(tmp_path):
    libraries = "pettingzoo gymnasium dm_env stable_baselines3 torch matplotlib"
    code = f"""
        import runpy, sys
        sys.argv = ["bridge", "list"]
        try:
            runpy.run_module("bridge", None, "__main__")
        except SystemExit as end:
            assert end.code in (0, None)
        assert not set("{libraries}".split()) & sys.modules.keys()
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    said = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert all(name in said.stdout for name in REGISTRY)
    assert not said.stderr


def test_what_needs_no_torch_does_not_wait_for_its_import(tmp_path):
    code = """
        import sys
        from bridge.cli import app
        for command in (
            "info CartPole-v1",
            "render CartPole-v1 --steps 0 --out picture.png",
            "train --help",
            "experiment --help",
        ):
            try:
                app(command.split())
            except SystemExit as end:
                assert end.code in (0, None), command
            loaded = {"torch", "stable_baselines3"} & sys.modules.keys()
            assert not loaded, (command, loaded)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
