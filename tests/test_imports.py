"""Importing is free of side effects, and arrows only point from bridge to native."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OPTIONAL = (
    "agilerl",
    "brax",
    "craftax",
    "dm_env",
    "envpool",
    "evosax",
    "flax",
    "gymnasium",
    "gymnax",
    "imageio",
    "jaxmarl",
    "jumanji",
    "libcst",
    "matplotlib",
    "optax",
    "pettingzoo",
    "pgx",
    "pygame",
    "ray",
    "rich",
    "stable_baselines3",
    "supersuit",
    "torch",
    "torchrl",
    "typer",
)
NATIVE = sorted((ROOT / "native").rglob("*.py"))
BRIDGE = sorted((ROOT / "bridge").rglob("*.py"))
LIBRARY_OF = {"pettingzoo": "pettingzoo", "gymnasium": "gymnasium", "dm_env": "dm_env"}


def run(code: str, **env: str) -> None:
    """Run `code` in a fresh interpreter that cannot see this one's settings."""
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", **env}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=clean,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def imported(source: Path) -> set[str]:
    """Top-level names of the modules that a file imports absolutely, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
    return names


def siblings(source: Path) -> set[str]:
    """First parts of the relative imports of a file."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level > 0:
            found |= {node.module.split(".")[0]} if node.module else {a.name for a in node.names}
    return found


@pytest.mark.parametrize(
    "package",
    ["native", "native.registry", "native.testing", "bridge", "bridge.session", "bridge.arrays"],
)
def test_the_core_imports_no_optional_library(package):
    run(f"import sys, {package}; assert not {{*sys.modules}} & {{*{OPTIONAL}}}, {{*sys.modules}}")


def test_every_file_of_tests_can_be_collected_without_them():
    run(
        "import sys, pytest, scipy.stats  # which must not find a torch that is None\n"
        f"sys.modules |= dict.fromkeys({OPTIONAL})\n"
        f"sys.exit(pytest.main(['-qq', '--collect-only', '-p', 'no:cacheprovider', {str(ROOT)!r}]))"
    )


def test_native_does_not_know_the_bridge():
    run(
        "import sys, native.registry; assert not [m for m in sys.modules if m.startswith('bridge')]"
    )


@pytest.mark.parametrize(
    "module",
    [
        "native.registry",
        "bridge.session",
        "bridge.pettingzoo",
        "bridge.gymnasium",
        "bridge.dm_env",
        "bridge.sb3",
    ],
)
def test_importing_touches_no_device(module):
    pytest.importorskip(module)
    run(f"import {module}", JAX_PLATFORMS="no_such_platform")


@pytest.mark.parametrize(
    "module", ["native.registry", "bridge.session", "bridge.gymnasium", "bridge.pettingzoo"]
)
def test_importing_leaves_configuration_and_environment_alone(module):
    pytest.importorskip(module)
    library = module.split(".")[-1]
    run(
        "import os, jax\n"
        + (f"import {library}\n" if library in LIBRARY_OF else "")
        + "before = dict(jax.config.values), dict(os.environ)\n"
        + f"import {module}\n"
        + "assert (dict(jax.config.values), dict(os.environ)) == before"
    )


@pytest.mark.parametrize("source", NATIVE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_native_file_imports_the_bridge_or_a_foreign_library(source):
    allowed = {"jax", "numpy", "native", *sys.stdlib_module_names}
    if source.is_relative_to(ROOT / "native" / "agents"):
        allowed |= {"evosax", "flax", "optax", "scipy"}  # scipy comes with jax
    assert imported(source) <= allowed


ADAPTERS = ("pettingzoo", "gymnasium", "dm_env", "sb3", "torchrl", "rllib")


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_do_not_import_each_other(adapter):
    (source,) = [path for path in BRIDGE if path == ROOT / "bridge" / f"{adapter}.py"]
    others = {name for name in ADAPTERS if not adapter.startswith(name)}
    assert not siblings(source) & others


def test_the_bridge_names_no_game():
    for source in BRIDGE:
        text = source.read_text()
        assert "native.mpe" not in text, source
        assert "native.grid" not in text, source
        assert "native.classic_control" not in text, source


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("bridge.pettingzoo", "pettingzoo"),
        ("bridge.gymnasium", "gymnasium"),
        ("bridge.spaces", "gymnasium"),
        ("bridge.dm_env", "dm-env"),
        ("bridge.sb3", "sb3"),
        ("bridge.torchrl", "torchrl"),
        ("bridge.agilerl", "agilerl"),
        ("bridge.rllib", "rllib"),
        ("bridge.targets.gymnax", "gymnax"),
        ("bridge.targets.gymnax_legacy", "gymnax"),
        ("bridge.targets.jaxmarl", "jaxmarl"),
    ],
)
def test_a_missing_library_is_named_with_the_line_that_installs_it(module, extra):
    run(
        f"import sys; sys.modules |= dict.fromkeys({OPTIONAL})\n"
        "from bridge.errors import BridgeError, MissingExtraError\n"
        "try:\n"
        f"    import {module}\n"
        "except MissingExtraError as error:\n"
        "    assert isinstance(error, ModuleNotFoundError)  # which pytest.importorskip skips\n"
        "    assert isinstance(error, BridgeError)\n"
        f"    assert \"pip install 'jitbridge[{extra}]'\" in str(error), error\n"
        "else:\n"
        "    raise AssertionError('imported')\n"
    )
