"""Shared fixtures: every registered environment in turn, and no silent promotion."""

import importlib.util
import os
import tempfile
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # windows without a screen
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # all workers share what one has compiled
    PROGRAMS = tempfile.TemporaryDirectory()
    os.environ["JAX_COMPILATION_CACHE_DIR"] = PROGRAMS.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import jax
import pytest

from native.core import Environment
from native.registry import REGISTRY, make

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

ONE_AGENT = sorted(name for name in REGISTRY if make(name).spec.num_agents == 1)
MANY_AGENTS = sorted(set(REGISTRY) - set(ONE_AGENT))


# Contract, the libraries' conformance suites, golden episodes and parity are tested of every
# environment; these files and tests look at adapters in many small ways, of the SAMPLE only.
SAMPLED = {f"test_{name}" for name in ("every_adapter", "gymnasium", "pettingzoo", "dm_env", "sb3")}
SAMPLED |= {"test_batch", "test_rollout", "test_mpe_modules"}
SAMPLED_TESTS = ("strict VectorEnv", "VecCheckNan", "pettingzoo: render_test")
SAMPLED_TESTS += ("test_render_draws_every_environment",)
SAMPLE = {
    *("CartPole-v1", "Pendulum-v1", "causeway_v0", "simple_spread_v3", "simple_tag_v3"),
    "simple_speaker_listener_v4",
}

LIBRARIES = ("dm_env", "gymnasium", "pettingzoo", "supersuit")
collect_ignore = [f"test_{name}.py" for name in LIBRARIES if not importlib.util.find_spec(name)]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="accept new dynamics")
    parser.addoption("--write-parity", action="store_true", help="accept new errors")
    parser.addoption("--every", action="store_true", help="also what is long or repeats")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """To save time, leave out what is marked `long`, and in SAMPLED all but one of each kind."""
    if config.getoption("--every"):
        return
    rest = [name for name in REGISTRY if name not in SAMPLE]

    def is_left_out(item: pytest.Item) -> bool:
        one_is_enough = item.path.stem in SAMPLED or any(
            test in item.name for test in SAMPLED_TESTS
        )
        repeats = one_is_enough and any(name in item.name for name in rest)
        return repeats or item.get_closest_marker("long") is not None

    dropped = {item for item in items if is_left_out(item)}
    config.hook.pytest_deselected(items=[*dropped])
    items[:] = [item for item in items if item not in dropped]


@pytest.fixture(params=sorted(REGISTRY))
def name(request: pytest.FixtureRequest) -> str:
    """Every registered name, in turn: registering an environment is what gets it tested."""
    return request.param


@pytest.fixture
def env(name: str) -> Environment[Any, Any]:
    return make(name)


@pytest.fixture(params=ONE_AGENT)
def one_agent_name(request: pytest.FixtureRequest) -> str:
    """Every registered name of an environment with one agent."""
    return request.param


@pytest.fixture(params=MANY_AGENTS)
def many_agents_name(request: pytest.FixtureRequest) -> str:
    """Every registered name of an environment with several agents."""
    return request.param


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)
