"""Settings reach JAX, and only when asked for; each case in an interpreter of its own."""

import subprocess
import sys

import pytest

from bridge.errors import CallOrderError, RuleValueError
from bridge.tuning import tune_cpu, tune_unless_refused


def run(code: str, *args: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code, *args]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_tuned_program_steps_in_the_calling_thread():
    """Its result is ready when the call returns; else it would only have begun."""
    ready = """
import jax, jax.numpy as jnp, sys
from bridge.tuning import tune_cpu
if sys.argv[1] == "tuned":
    tune_cpu()
busy = jax.jit(lambda x: jnp.sort(jnp.sin(jnp.arange(1_000_000) * x)))
busy(1.0).block_until_ready()
print(busy(2.0).is_ready())
"""
    assert run(ready, "tuned") == "True\n"
    assert run(ready, "as it comes") == "False\n"


MADE = """
import jax, sys
from bridge.session import Session
from native.batch import Autoreset
from native.registry import make
before = jax.config.values["jax_cpu_enable_async_dispatch"]
if sys.argv[1] == "started":
    jax.numpy.zeros(1)
Session(make("CartPole-v1"), 2, Autoreset.NEXT_STEP).reset(0)
print(before, jax.config.values["jax_cpu_enable_async_dispatch"])
"""


def test_the_first_environment_tunes_and_an_import_does_not():
    assert run(MADE, "first") == "True False\n"


def test_nothing_is_tuned_once_jax_has_started():
    assert run(MADE, "started") == "True True\n"


def test_the_environment_variable_refuses(monkeypatch):
    monkeypatch.setenv("JITBRIDGE_TUNE_CPU", "0")
    assert run(MADE, "first") == "True True\n"


def test_what_the_variable_cannot_mean_is_refused(monkeypatch):
    monkeypatch.setenv("JITBRIDGE_TUNE_CPU", "off")
    with pytest.raises(RuleValueError, match="JITBRIDGE_TUNE_CPU must be one of 0, 1, got 'off'"):
        tune_unless_refused()


def test_too_late_is_said():
    import jax.numpy as jnp

    jnp.zeros(1)
    with pytest.raises(CallOrderError, match="before the first array"):
        tune_cpu()


def test_kept_programs_are_not_compiled_again(tmp_path):
    code = """
import sys
import jax, jax.monitoring
hits = []
jax.monitoring.register_event_listener(lambda name, **_: hits.append(name))
from bridge.tuning import keep_programs
from bridge.programs import StepFields
from bridge.session import Session
from native.batch import Autoreset
from native.registry import make
import numpy as np
keep_programs(sys.argv[1])
session = Session(make("CartPole-v1"), 4, Autoreset.NEXT_STEP)
session.reset(0)
session.step({"cart": np.zeros((4, 1), np.int32)})
reward = session.read(StepFields).reward
print(hits.count("/jax/compilation_cache/cache_hits"), reward.sum())
"""
    first, again = run(code, str(tmp_path)).split(), run(code, str(tmp_path)).split()
    assert int(first[0]) == 0 < int(again[0])
    assert first[1] == again[1] == "4.0"
    assert any(tmp_path.iterdir())
