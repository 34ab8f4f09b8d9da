"""Files of saved state: compared before they are used, damaged ones refused, good ones not lost."""

import copy
import errno
import json
import subprocess
import sys
import zipfile

import jax
import numpy as np
import pytest

from bridge import state_file
from bridge.environments import as_environment
from bridge.errors import StateFileError
from bridge.identity import identity
from bridge.session import Session
from native.batch import Autoreset, Transition

ENV = as_environment("CartPole-v1")
PUSH = {"cart": np.ones((3, 1), np.int32)}
LONG = pytest.mark.long


def started(num_envs=3, **options):
    session = Session(ENV, num_envs, Autoreset.SAME_STEP, **options)
    session.reset(0)
    session.step({"cart": np.ones((num_envs, 1), np.int32)})
    return session


def seen(session):
    return jax.tree.map(np.array, session.read(Transition))


def same(left, right):
    jax.tree.map(np.testing.assert_array_equal, left, right)


@pytest.fixture
def file(tmp_path):
    started().save(tmp_path / "state.npz")
    return tmp_path / "state.npz"


def rewritten(file, change):
    """The file with its members changed by `change(head, members)`."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    head = json.loads(members.pop("about.json"))
    change(head, members)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("about.json", json.dumps(head))
        for name, data in members.items():
            archive.writestr(name, data)


def other_leaf(head, place, value):
    head["leaves"][0][place] = value


HEADS = {
    "another format": lambda head: head.update(format=1),
    "other rules": lambda head: head.update(rules="x"),
    "a leaf less": lambda head: head["leaves"].pop(),
    "a leaf more": lambda head: head["leaves"].append(["[0].state.new", [3], "float32"]),
    "an unknown parameter": lambda head: head["leaves"].append(["params.x", [], "int8"]),
    "another name": lambda head: other_leaf(head, 0, "[0].state.other"),
    "another shape": lambda head: other_leaf(head, 1, [4]),
    "another dtype": lambda head: other_leaf(head, 2, "float64"),
    "a shape beyond memory": lambda head: other_leaf(head, 1, [1 << 60]),
    "leaves that are none": lambda head: head.update(leaves=7),
    "no head": lambda head: head.clear(),
}
LEAF = "leaf_0.npy"
MEMBERS = {
    "a member less": lambda members: members.pop(LEAF),
    "a short member": lambda members: members.update({LEAF: b"\x93NUMPY"}),
    "a member of fewer bytes": lambda members: members.update({LEAF: members[LEAF][:-4]}),
    "a member of more bytes": lambda members: members.update({LEAF: members[LEAF] + bytes(8192)}),
}


@pytest.mark.parametrize("what", [*HEADS, *MEMBERS])
def test_a_file_that_does_not_fit_is_refused_before_anything_changes(what, file):
    session = started()
    session.step(PUSH)
    before, twin = seen(session), copy.copy(session)
    nothing = bool
    rewritten(
        file,
        lambda head, members: (
            HEADS.get(what, nothing)(head),
            MEMBERS.get(what, nothing)(members),
        ),
    )
    with pytest.raises(StateFileError, match=r"state\.npz"):
        session.load(file)
    same(seen(session), before)
    session.step(PUSH), twin.step(PUSH)
    same(seen(session), seen(twin))


def test_fields_in_another_order_are_found_by_name(file):
    def turn_round(head, members):
        head["leaves"].reverse()
        values = list(reversed(members.values()))
        members.update(zip(list(members), values, strict=True))

    rewritten(file, turn_round)
    session = Session(ENV, 3, Autoreset.SAME_STEP)
    session.load(file)
    same(seen(session), seen(started()))


@pytest.mark.parametrize("count", [150, pytest.param(12_000, marks=LONG)])
def test_a_damaged_file_is_refused_or_harmless(count, file):
    """Cut, overwritten, bits turned, pieces repeated: StateFileError, or the very same state."""
    rng, good = np.random.default_rng(0), file.read_bytes()
    session = started()
    right = seen(session)
    refused = 0
    for _ in range(count):
        data = bytearray(good)
        where = int(rng.integers(len(data)))
        match rng.integers(4):
            case 0:
                del data[where:]
            case 1:
                data[where] ^= 1 << int(rng.integers(8))
            case 2:
                data[where : where + 16] = rng.bytes(16)
            case _:
                data[where:where] = data[: int(rng.integers(1, 64))]
        file.write_bytes(data)
        try:
            session.load(file)
        except StateFileError:
            refused += 1
        same(seen(session), right)
    assert refused > count / 2


def test_a_full_disk_leaves_the_file_that_was_there(file, monkeypatch):
    good, session = file.read_bytes(), started()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state_file.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        session.save(file)
    assert file.read_bytes() == good and [*file.parent.iterdir()] == [file]


def test_layouts_on_devices_do_not_matter(tmp_path):
    shared, alone = started(4, devices=jax.devices()[:2]), started(4)
    for one, two in ((shared, alone), (alone, shared)):
        one.save(tmp_path / "state.npz")
        two.step({"cart": np.zeros((4, 1), np.int32)})
        two.load(tmp_path / "state.npz")
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-6), seen(one), seen(two))


def test_what_an_adapter_remembers_comes_back(tmp_path):
    memory = {"a": [1, None, 2**90, "x"], "b": {"c": np.arange(6.0).reshape(2, 3)}, "d": True}
    started().save(tmp_path / "state.npz", memory)
    found = started().load(tmp_path / "state.npz")
    np.testing.assert_array_equal(found["b"].pop("c"), memory["b"].pop("c"))
    assert found == memory


SCRIPT = """
import functools, sys
import jax.numpy as jnp
from bridge.identity import identity
from native.wrappers import one_team
from native.registry import make

class Policy:
    def __init__(self, turn): self.turn = turn
    def __call__(self, key, world, group, state, params): return jnp.zeros(3, jnp.int32)

def chosen(turn):
    def opponent(key, world, group, state, params): return jnp.full(3, turn)
    return opponent

world = make("simple_tag_v3")
for opponent in (Policy(3), chosen(3), functools.partial(Policy(1), world=None), Policy(4)):
    print(identity(one_team(world, "agent", opponent)))
"""


def test_rules_are_described_alike_in_every_process():
    runs = [
        subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout and "0x" not in runs[0].stdout
    assert len(set(runs[0].stdout.splitlines())) == 4, "other policies are other rules"
    assert identity(ENV) != identity(as_environment("CartPole-v1", horizon=7))


def test_gymnasiums_own_count_of_steps_goes_on(tmp_path):
    gymnasium = pytest.importorskip("gymnasium")
    name = "bridge.gymnasium:native/MountainCar-v0"
    env, other = gymnasium.make(name), gymnasium.make(name, max_episode_steps=200)
    env.reset(seed=0), other.reset(seed=0)
    for _ in range(120):
        env.step(1)
    env.unwrapped.save_state(tmp_path / "state.npz")
    for _ in range(150):
        other.step(1)
    for again in (other, gymnasium.make(name)):
        again.get_wrapper_attr("load_state")(tmp_path / "state.npz")
        ends = [again.step(1)[3] for _ in range(80)]
        assert ends.index(True) == 79, "200 steps in all"


def test_the_old_api_remembers_the_seed_that_waits(tmp_path):
    gym = pytest.importorskip("bridge.legacy")
    env, other = gym.make("CartPole-v1"), gym.make("CartPole-v1")
    env.reset()
    env.seed(5)
    env.save_state(tmp_path / "state.npz")
    other.load_state(tmp_path / "state.npz")
    np.testing.assert_array_equal(env.reset(), other.reset())


def test_seeds_that_wait_for_a_reset_come_back(tmp_path):
    sb3 = pytest.importorskip("bridge.sb3")
    venv = sb3.make_vec_env("CartPole-v1", 2, seed=0)
    other = sb3.make_vec_env("CartPole-v1", 2, seed=9)
    venv.reset()
    for pending in (None, 4):
        if pending is not None:
            venv.seed(pending)
        venv.save_state(tmp_path / "state.npz")
        other.load_state(tmp_path / "state.npz")
        np.testing.assert_array_equal(venv.reset(), other.reset())


def test_a_rule_that_was_set_is_named_with_its_value(tmp_path):
    session = started()
    session.set_rule("horizon", 9)
    session.save(tmp_path / "state.npz")
    other = started()
    with pytest.raises(StateFileError) as told:
        other.load(tmp_path / "state.npz")
    assert "\n  rule 'horizon': 9 in the file, 500 here\nSet them" in str(told.value)
    assert "CartPole(" not in str(told.value)
    other.set_rule("horizon", 9)
    other.load(tmp_path / "state.npz")
