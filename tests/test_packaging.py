"""The wheel holds the two packages and nothing else at its top level."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling")  # the build backend; absent where the suite tests a built wheel

ROOT = Path(__file__).parent.parent


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


def test_the_licence_travels_and_only_jax_and_numpy_are_required(wheel):
    (metadata,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
    lines = wheel.read(metadata).decode().splitlines()
    needs = [line for line in lines if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert {need.split()[1].split(">")[0] for need in needs} == {"jax", "numpy"}
    assert "License-Expression: Apache-2.0" in lines
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_every_adapter_has_an_extra_of_its_name(wheel):
    (metadata,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
    lines = wheel.read(metadata).decode().splitlines()
    extras = {line.split(": ")[1] for line in lines if line.startswith("Provides-Extra")}
    named = {extra.replace("-", "_") for extra in extras}
    adapters = {"agilerl", "pettingzoo", "gymnasium", "dm_env", "sb3", "torchrl"}
    assert adapters | {"supersuit", "cli", "all"} <= named
