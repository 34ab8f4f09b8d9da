"""The wheel holds the two packages and nothing else at its top level."""

import ast
import configparser
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling")  # the build backend; absent where the suite tests a built wheel

import bridge

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_top_level_is_exactly_the_two_packages(wheel):
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"bridge", "native"}


def test_every_module_and_both_type_markers_are_in_it(wheel):
    held = set(wheel.namelist())
    for package in ("bridge", "native"):
        assert f"{package}/py.typed" in held
        for source in (ROOT / package).rglob("*.py"):
            assert source.relative_to(ROOT).as_posix() in held


def test_figures_travel_as_data(wheel):
    held = {name.rpartition("/")[2] for name in wheel.namelist() if name.startswith("bridge/fig")}
    assert held == {"__init__.py", "parity.json", "peers.json", "returns.json"}


def test_the_licence_travels_and_only_jax_and_numpy_are_required(wheel):
    (metadata,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
    lines = wheel.read(metadata).decode().splitlines()
    needs = [line for line in lines if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert {need.split()[1].split(">")[0] for need in needs} == {"jax", "numpy"}
    assert "License-Expression: Apache-2.0" in lines
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_it_knows_its_version_and_has_a_script(wheel):
    (metadata,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
    assert f"Version: {bridge.__version__}\n" in wheel.read(metadata).decode()
    (scripts,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "jitbridge = bridge.__main__:main" in wheel.read(scripts).decode()


def normal(extra):
    """As the index spells it, and pip before 23.3 demands it (PEP 685)."""
    return re.sub(r"[-_.]+", "-", extra).lower()


def test_every_extra_is_spelled_as_the_index_does():
    extras = [*PROJECT["project"]["optional-dependencies"]]
    assert extras == [normal(extra) for extra in extras]


def named_extras():
    """Every extra that a page, a message, a test factor or the project itself names."""
    for path in [ROOT / "README.md", ROOT / "pyproject.toml", *(ROOT / "docs").glob("*.md")]:
        for found in re.findall(
            r"(?:jitbridge|pip install[^`\n]*\.)\[([\w.,-]+)\]", path.read_text()
        ):
            yield from ((path.name, extra) for extra in found.split(","))
    for path in [*(ROOT / "bridge").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]:
        text = path.read_text()
        for found in re.findall(r"jitbridge\[([\w.,-]+)\]", text):
            yield from ((path.name, extra) for extra in found.split(","))
        for call in ast.walk(ast.parse(text)):
            match call:
                case ast.Call(
                    func=ast.Name(id="MissingExtraError"), args=[_, _, ast.Constant() as given]
                ):
                    yield from ((path.name, extra) for extra in given.value.split(","))
    table = (ROOT / "docs" / "sources.md").read_text()
    for row in re.findall(r"^\| [^|]+\|[^|]+\| `([\w-]+)` +\|[^|]*\|$", table, re.MULTILINE):
        yield "sources.md", row
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    for line in tox["testenv"]["extras"].strip().splitlines():
        yield from (("tox.ini", extra.strip()) for extra in line.partition(":")[2].split(","))


def test_every_extra_that_is_named_exists_under_that_very_name():
    named = [*named_extras()]
    assert len(named) > 40 and {"dm-env", "cli"} <= {extra for _, extra in named}
    known = PROJECT["project"]["optional-dependencies"]
    assert [pair for pair in named if pair[1] not in known] == []


def test_every_adapter_has_an_extra_of_its_name(wheel):
    (metadata,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
    lines = wheel.read(metadata).decode().splitlines()
    extras = {line.split(": ")[1] for line in lines if line.startswith("Provides-Extra")}
    named = {extra.replace("-", "_") for extra in extras}
    adapters = {"agilerl", "pettingzoo", "gymnasium", "dm_env", "sb3", "torchrl", "rllib"}
    assert adapters | {"supersuit", "cli", "all"} <= named
