"""A session is a batch with a memory: seeds, order of calls, files, and nothing else."""

import dataclasses
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drivers import begun, stepped

from bridge import programs as module
from bridge.arrays import to_numpy
from bridge.environments import as_environment, with_horizon
from bridge.errors import (
    ClosedError,
    NotResetError,
    RulesError,
    SeedError,
    StateFileError,
    UnknownNameError,
    UnsuitableError,
)
from bridge.programs import StepFields
from bridge.session import Session
from native.batch import Autoreset, Batch, Transition
from native.classic_control.cartpole import CartPole
from native.core import pytree

ENV = as_environment("CartPole-v1")
PUSH = {"cart": np.ones((3, 1), np.int32)}


def start(num_envs=3, autoreset=Autoreset.SAME_STEP, **options):
    return Session(ENV, num_envs, autoreset, **options)


def seen(shown):
    return to_numpy(shown.timestep.observation["cart"]).copy()


def same(left, right):
    jax.tree.map(np.testing.assert_array_equal, to_numpy(left), to_numpy(right))


@pytest.mark.parametrize("limit", [0, 1 << 20])
@pytest.mark.parametrize("autoreset", Autoreset)
def test_a_session_is_the_bare_batch_packed_or_not(limit, autoreset, monkeypatch):
    monkeypatch.setattr(module, "PACK_LIMIT", limit)
    module.forget()
    batch = Batch(ENV, autoreset)
    bare = jax.jit(batch.step)
    session = start(autoreset=autoreset)
    carry, shown = batch.init(np.array([7, 8, 9], np.uint32), ENV.params)
    same(begun(session, 7), shown)
    for _ in range(25):
        carry, shown = bare(carry, PUSH, ENV.params)
        after = stepped(session, PUSH)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
            to_numpy(after),
            to_numpy(shown),
        )
    module.forget()


def test_an_integer_seeds_row_i_with_seed_plus_i():
    together = seen(begun(start(), 5))
    for row in range(3):
        np.testing.assert_array_equal(together[row], seen(begun(start(1), 5 + row))[0])


def test_a_sequence_seeds_each_row_and_none_goes_on():
    session = start()
    first = seen(begun(session, [1, 2, 3]))
    again = seen(begun(session, [1, None, 3]))
    np.testing.assert_array_equal(first[[0, 2]], again[[0, 2]])
    assert not np.array_equal(first[1], again[1])


def test_a_reset_without_a_seed_goes_on_deterministically():
    one, two = start(), start()
    for session in (one, two):
        session.reset(11)
    second = seen(begun(one))
    np.testing.assert_array_equal(second, seen(begun(two)))
    assert not np.array_equal(second, seen(begun(one)))


def test_without_any_seed_two_sessions_differ():
    assert not np.array_equal(seen(begun(start())), seen(begun(start())))


def test_large_seeds_are_taken_and_told_apart():
    draws = [seen(begun(start(1), seed)) for seed in (2**40, 2**40 + 1, 2**100)]
    assert not any(np.array_equal(draws[i], draws[i - 1]) for i in range(3))


@pytest.mark.parametrize(
    ("seed", "words"),
    [
        (-1, "-1"),
        (1.5, "1.5"),
        ("7", "'7'"),
        ([1, 2], "3 seeds"),
        ([1, -2, 3], "-2"),
        ([1, "x", 2], "'x'"),
    ],
)
def test_a_bad_seed_is_named_and_the_session_goes_on(seed, words):
    session = start()
    before = seen(begun(session, 3))
    with pytest.raises(SeedError, match=words):
        session.reset(seed)
    np.testing.assert_array_equal(seen(session.read(Transition)), before)
    session.step(PUSH)


def test_only_the_rows_of_the_mask_begin_again():
    session = start(autoreset=Autoreset.DISABLED)
    session.reset(0)
    before = seen(stepped(session, PUSH))
    after = seen(begun(session, mask=np.array([False, True, False])))
    np.testing.assert_array_equal(before[[0, 2]], after[[0, 2]])
    assert not np.array_equal(before[1], after[1])


def test_the_order_of_calls_is_enforced_by_name():
    session = start()
    for call, name in (
        (lambda: session.step(PUSH), "step"),
        (session.render, "render"),
        (session.global_state, "state"),
        (lambda: session.save("x"), "save_state"),
    ):
        with pytest.raises(NotResetError, match=name):
            call()
    session.reset(0)
    session.close()
    session.close()
    for call, name in (
        (lambda: session.step(PUSH), "step"),
        (session.reset, "reset"),
        (session.render, "render"),
    ):
        with pytest.raises(ClosedError, match=name):
            call()


@pytest.mark.parametrize("num_envs", [0, -1, 2.0, "two", True])
def test_a_bad_number_of_environments_is_refused(num_envs):
    with pytest.raises(UnsuitableError, match="num_envs"):
        start(num_envs)


@pytest.mark.parametrize("num_envs", [3, 3000])
def test_a_file_of_state_continues_bit_for_bit(num_envs, tmp_path):
    push = {"cart": np.ones((num_envs, 1), np.int32)}
    session, other = start(num_envs), start(num_envs)
    session.reset(0)
    for _ in range(7):
        session.step(push)
    session.save(tmp_path / "state.npz")
    other.load(tmp_path / "state.npz")
    same(other.read(Transition), session.read(Transition))
    for _ in range(30):
        same(stepped(session, push), stepped(other, push))


def test_the_file_needs_no_pickle(tmp_path):
    session = start()
    session.reset(0)
    session.save(tmp_path / "state.npz")
    with np.load(tmp_path / "state.npz", allow_pickle=False) as file:
        arrays = [file[name] for name in file.files if name != "about.json"]
        assert arrays and all(array.dtype.kind != "O" for array in arrays)


def test_a_file_of_something_else_is_refused_and_the_session_goes_on(tmp_path):
    session = start()
    session.reset(0)
    session.save(tmp_path / "three.npz")
    (tmp_path / "text").write_text("not a state")
    (tmp_path / "empty").write_bytes(b"")
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    other = Session(with_horizon(ENV, 9), 3, Autoreset.SAME_STEP)
    other.reset(0)
    for name in ("text", "empty", "arrays.npz", "three.npz"):
        with pytest.raises(StateFileError, match=name):
            other.load(tmp_path / name)
    with pytest.raises(StateFileError, match="rows"):
        start(4).load(tmp_path / "three.npz")
    with pytest.raises(FileNotFoundError):
        other.load(tmp_path / "nowhere.npz")
    other.step(PUSH)


@pytest.mark.parametrize("num_envs", [1, 3000])
def test_a_pickled_session_continues_bit_for_bit(num_envs):
    push = {"cart": np.ones((num_envs, 1), np.int32)}
    session = start(num_envs)
    session.reset(0)
    session.step(push)
    twin = pickle.loads(pickle.dumps(session))
    same(session.read(Transition), twin.read(Transition))
    for _ in range(5):
        same(stepped(session, push), stepped(twin, push))
    assert begun(pickle.loads(pickle.dumps(start())), 0) is not None


def test_names_and_rules():
    assert as_environment("native/CartPole-v1") == as_environment("CartPole-v1") == ENV
    assert as_environment(ENV) is ENV
    assert as_environment("CartPole-v1", horizon=3).spec.horizon == 3
    with pytest.raises(UnknownNameError, match="Did you mean 'CartPole-v1'"):
        as_environment("CartPole-v0")
    with pytest.raises(RulesError, match=r"'gravity'.*horizon"):
        as_environment("CartPole-v1", gravity=3)
    assert as_environment(ENV, horizon=3).spec.horizon == 3
    with pytest.raises(RulesError, match="already built"):
        as_environment(ENV, gravity=3)
    with pytest.raises(UnsuitableError, match="42"):
        as_environment(42)


def test_the_horizon_can_be_changed_or_the_refusal_says_why():
    assert with_horizon(ENV, 9).spec.horizon == 9
    assert with_horizon(ENV, None).spec.horizon is None
    assert with_horizon(ENV, 500) is ENV

    @dataclasses.dataclass(frozen=True)
    class Timeless:
        params: None = None
        spec = dataclasses.replace(ENV.spec, name="timeless", horizon=None)

    with pytest.raises(RulesError, match="timeless"):
        with_horizon(Timeless(), 4)


def test_a_batch_may_be_shared_by_devices():
    devices = jax.devices("cpu")[:2]
    assert len(devices) == 2, "conftest forces two host devices"
    push = {"cart": np.ones((8, 1), np.int32)}
    alone, shared = start(8), start(8, devices=devices)
    same(begun(alone, 4), begun(shared, 4))
    for _ in range(12):
        one, two = to_numpy(stepped(alone, push)), to_numpy(stepped(shared, push))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), one, two)
    reward = shared.read(Transition).timestep.reward
    assert {shard.device for shard in reward.addressable_shards} == set(devices)
    with pytest.raises(UnsuitableError, match="2 devices"):
        start(3, devices=devices)


def test_a_picture_is_a_fresh_writable_array():
    session = start()
    session.reset(0)
    one, two = session.render(0), session.render(1)
    assert one.dtype == np.uint8 and one.shape[2] == 3 and one.flags.writeable
    assert not np.array_equal(one, two) and not np.shares_memory(one, session.render(0))


@pytree
class Keyed:
    """A cart's state beside a random key of the kind that has a type."""

    cart: Any
    key: jax.Array


class KeepsItsKey(CartPole):
    """A cart that is pushed by chance as well, by a key in its state, as many games of JAX are."""

    def init(self, key, params):
        state, shown = super().init(key, params)
        return Keyed(cart=state, key=key), shown

    def step(self, key, state, action, params):
        own, onward = jax.random.split(state.key)
        by_chance = jax.random.bernoulli(own, shape=(1,)).astype(jnp.int32)
        pushed = {"cart": jnp.where(action["cart"] == 0, by_chance, action["cart"])}
        cart, shown = super().step(key, state.cart, pushed, params)
        return Keyed(cart=cart, key=onward), shown


@pytest.mark.parametrize("rows", [3, 60_000], ids=["packed", "as they are"])
def test_a_state_may_hold_random_keys(rows, tmp_path):
    session = Session(KeepsItsKey(), rows, Autoreset.SAME_STEP)
    actions = {"cart": np.zeros((rows, 1), np.int32)}

    def played():
        session.step(actions)
        return np.array(session.read(StepFields).observation["cart"])

    session.reset(7)
    once = [played() for _ in range(3)]
    session.reset(7)
    again = [played()]
    session.save(tmp_path / "carts.npz")
    again.append(played())
    session.load(tmp_path / "carts.npz")
    again += [played(), played()]
    np.testing.assert_array_equal(again[1], again[2])
    np.testing.assert_array_equal(once, [again[0], again[1], again[3]])
