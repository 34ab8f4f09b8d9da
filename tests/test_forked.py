"""A process forked from one that uses JAX is told so, where it would wait for ever."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
PATIENCE = 60  # seconds; each of these takes five


def run(code: str) -> str:
    """What a script says, on both channels, whose processes are stopped if they never end."""
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    ) as process:
        try:
            return process.communicate(timeout=PATIENCE)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail("no answer")


def test_gymnasium_raises_in_the_parent():
    pytest.importorskip("gymnasium")
    said = run("""
        import gymnasium, jax.numpy as jnp
        from bridge.errors import ForkError

        def make():
            return gymnasium.make("bridge.gymnasium:native/CartPole-v1")

        jnp.ones(3).block_until_ready()
        envs = gymnasium.vector.AsyncVectorEnv([make, make], context="fork")
        try:
            envs.reset(seed=0)
        except ForkError as error:
            print("told:", error)
    """)
    assert "told: this process was forked" in said
    assert "context='spawn'" in said


def test_stable_baselines_shows_it_and_ends():
    pytest.importorskip("stable_baselines3")
    said = run("""
        import jax.numpy as jnp
        from stable_baselines3.common.vec_env import SubprocVecEnv

        def make():
            import bridge.gymnasium  # only here, after the fork
            return bridge.gymnasium.make("CartPole-v1")

        jnp.ones(3).block_until_ready()
        envs = SubprocVecEnv([make], start_method="fork")
        try:
            envs.reset()
        except (EOFError, ConnectionResetError):  # its workers say no more to the parent
            print("told")
    """)
    assert "told" in said
    assert "ForkError: this process was forked" in said
    assert "start_method='forkserver'" in said


def test_a_fork_before_jax_has_started_works():
    pytest.importorskip("gymnasium")
    said = run("""
        import gymnasium, bridge.gymnasium

        def make():
            return gymnasium.make("bridge.gymnasium:native/CartPole-v1")

        envs = gymnasium.vector.AsyncVectorEnv([make, make], context="fork")
        envs.reset(seed=0)
        for _ in range(3):
            envs.step(envs.action_space.sample())
        envs.close()
        print("stepped")
    """)
    assert "stepped" in said


def test_whatever_runs_a_program_is_refused():
    said = run("""
        import os, pickle, sys
        import jax
        from bridge import session
        from bridge.environments import as_environment
        from bridge.errors import ForkError
        from native.batch import Autoreset

        env = as_environment("CartPole-v1")
        live = session.Session(env, 1, Autoreset.DISABLED)
        live.reset(0)
        action = {"agent": jax.numpy.zeros((1, 1), "int32")}
        action = {group.name: action["agent"] for group in env.spec.groups}
        pickled = pickle.dumps(live)
        uses = {
            "reset": live.reset,
            "step": lambda: live.step(action),
            "render": live.render,
            "save": lambda: live.save(os.devnull),
            "load": lambda: live.load(os.devnull),
            "unpickle": lambda: pickle.loads(pickled),
            "new": lambda: session.Session(env, 2, Autoreset.DISABLED).reset(0),
            "theirs": lambda: as_environment("gymnax/CartPole-v1"),  # installed or not
        }
        if child := os.fork():
            sys.exit(os.waitpid(child, 0)[1])
        for name, use in uses.items():
            try:
                use()
            except ForkError:
                print("refused", name)
        print("of", len(uses))
        sys.stdout.flush()
        os._exit(0)
    """)
    assert said.count("refused") == 8, said


def test_a_child_of_a_child_is_refused_too():
    said = run("""
        import os, sys
        import jax
        from bridge import forked
        from bridge.errors import ForkError

        jax.devices()
        forked.check()
        if child := os.fork():
            sys.exit(os.waitpid(child, 0)[1])
        if child := os.fork():
            os._exit(os.waitpid(child, 0)[1])
        try:
            forked.check()
        except ForkError:
            print("told")
        sys.stdout.flush()
        os._exit(0)
    """)
    assert "told" in said
