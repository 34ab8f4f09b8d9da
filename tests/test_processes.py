"""Two processes of JAX play and learn as one; their file is read by one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("optax")
pytest.importorskip("flax")

import jax
from two_processes import STEPS, learn, play, start

from bridge.errors import UnsuitableError
from bridge.rules import checked_devices

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    environ = {**os.environ, "PYTHONPATH": path, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": ""}
    command = [sys.executable, str(ROOT / "tests" / "two_processes.py")]
    logs = [folder / f"{number}.log" for number in range(2)]
    started = []
    try:
        for number, log in enumerate(logs):
            with log.open("w") as out:
                mine = [*command, str(number), port, str(folder)]
                started.append(subprocess.Popen(mine, env=environ, stdout=out, stderr=out))
        for process, log in zip(started, logs, strict=True):
            assert process.wait(timeout=400) == 0, log.read_text()[-3000:]
    finally:
        for process in started:
            process.kill()
            process.wait()
    return folder


@pytest.fixture(scope="module")
def told(folder):
    found = []
    for number in range(2):
        with np.load(folder / f"{number}.npz") as file:
            found.append(dict(file))
    return found


def part(file, name):
    return [array for key, array in file.items() if key.startswith(name)]


def test_both_are_shown_what_one_alone_is_shown(told):
    session = start()
    session.reset(11)
    shown, after = play(session, STEPS), play(session, STEPS)
    for file in told:
        for name, expected in (("shown", shown), ("after", after)):
            found = part(file, name)
            assert len(found) == len(expected) > 0
            for one, two in zip(found, expected, strict=True):
                np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-6)
        assert np.array_equal(file["picture"].shape, session.render().shape)
    for key in told[0].keys() - {"told", "unlike"}:
        np.testing.assert_array_equal(told[0][key], told[1][key])


def test_a_file_is_written_once_and_read_by_two_and_by_one(folder, told):
    session = start()
    session.load(folder / "state.npz")
    alone = play(session, STEPS)
    for file in told:
        for one, two in zip(part(file, "again"), part(file, "after"), strict=True):
            np.testing.assert_array_equal(one, two)
        for one, two in zip(part(file, "after"), alone, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-6)
    assert [*folder.glob("state*")] == [folder / "state.npz"]


def test_both_hear_that_the_first_could_not_write(told):
    assert "nowhere" in str(told[0]["told"]) and "first process" in str(told[1]["told"])


def test_seeds_that_differ_are_refused_by_both(told):
    for number, file in enumerate(told):
        of_rows, of_runs = file["unlike"]
        assert "give them different seeds" in of_rows
        assert f"the same in every process; here they are [{number}]" in of_runs


def test_without_a_seed_both_begin_alike(told):
    assert np.array_equal(told[0]["seeds"], told[1]["seeds"])


def test_they_learn_what_one_alone_learns(told):
    alone = learn()
    for file in told:
        for one, two in zip(part(file, "learned"), alone, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


def test_devices_of_another_process_alone_are_refused(monkeypatch):
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    monkeypatch.setattr(jax, "process_count", lambda: 3)
    with pytest.raises(
        UnsuitableError, match=r"some of each of the 3 processes, got those of \[0\]"
    ):
        checked_devices(jax.devices()[:1], 4)
