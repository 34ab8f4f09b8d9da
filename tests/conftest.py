"""Shared fixtures: every registered environment in turn, and no silent promotion."""

import collections
import functools
import importlib.util
import os
import tempfile
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # windows without a screen
os.environ["JITBRIDGE_MNIST"] = "drawn"  # no MNIST: whoever plays MNISTBandit brings it
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # all workers share what one has compiled
    PROGRAMS = tempfile.TemporaryDirectory()
    os.environ["JAX_COMPILATION_CACHE_DIR"] = PROGRAMS.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import jax
import pytest
from sampling import sample

from bridge import programs
from bridge.__main__ import collect_less
from native import registry
from native.core import Environment
from native.registry import REGISTRY, make

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

collect_less()  # an eighth of the processor time of all tests
programs._recent = collections.deque(maxlen=64)  # tests come back to what others have compiled

ONE_AGENT = sorted(name for name in REGISTRY if registry.name_of(name).kind == "single")
MANY_AGENTS = sorted(set(REGISTRY) - set(ONE_AGENT))

LIBRARIES = ("dm_env", "gymnasium", "pettingzoo", "supersuit")
collect_ignore = [f"test_{name}.py" for name in LIBRARIES if not importlib.util.find_spec(name)]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="accept new dynamics")
    parser.addoption("--write-parity", action="store_true", help="accept new errors")
    parser.addoption("--every", action="store_true", help="also what is long or repeats")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """To save time, leave out what is marked `long`, and what is marked `sampled` and repeats."""
    if config.getoption("--every"):
        return
    chosen = functools.cache(sample)

    def is_left_out(item: pytest.Item) -> bool:
        given = item.callspec.params.values() if hasattr(item, "callspec") else ()
        names = {value for value in given if isinstance(value, str) and value in REGISTRY}
        sampled = item.get_closest_marker("sampled")
        repeats = sampled is not None and not names <= chosen(*sampled.args)
        return repeats or item.get_closest_marker("long") is not None

    dropped = {item for item in items if is_left_out(item)}
    config.hook.pytest_deselected(items=[*dropped])
    items[:] = [item for item in items if item not in dropped]


@pytest.fixture(autouse=True)
def _no_name_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_names", dict(registry.names()))


@pytest.fixture
def promotion_as_users_have_it() -> Iterator[None]:
    """For what is written as scripts are, `1 - ended`."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(params=sorted(REGISTRY), scope="module")
def name(request: pytest.FixtureRequest) -> str:
    """Every registered name, in turn: registering an environment is what gets it tested."""
    return request.param


@pytest.fixture
def env(name: str) -> Environment[Any, Any]:
    return make(name)


@pytest.fixture(params=ONE_AGENT, scope="module")
def one_agent_name(request: pytest.FixtureRequest) -> str:
    """Every registered name of an environment with one agent."""
    return request.param


@pytest.fixture(params=MANY_AGENTS, scope="module")
def many_agents_name(request: pytest.FixtureRequest) -> str:
    """Every registered name of an environment with several agents."""
    return request.param


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)
