"""Rows that two devices share: the same numbers as on one, and none waits for the other."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("optax")
pytest.importorskip("flax")

from bridge.programs import StepFields
from bridge.session import Session
from native import devices
from native.agents import actions
from native.batch import Autoreset, Batch
from native.prng import implementation
from native.registry import make
from native.rollout import collect, random_policy
from native.spaces import Box, Discrete, MultiBinary, MultiDiscrete

ROWS = 8
SPEC = jax.sharding.PartitionSpec


@pytest.fixture(scope="module")
def mesh():
    assert len(jax.devices()) >= 2, "conftest forces two host devices"
    return jax.sharding.Mesh(np.array(jax.devices()[:2]), ("rows",))


def shared(mesh):
    return jax.sharding.NamedSharding(mesh, SPEC("rows"))


def questions(function, mesh, *args):
    """What devices ask of each other in a function whose result they share."""
    text = jax.jit(function, out_shardings=shared(mesh)).lower(*args).compile().as_text()
    return re.findall(r"(?:all-reduce|all-gather|all-to-all|collective-permute)[\w-]*\(", text)


@pytest.mark.parametrize(
    ("name", "autoreset"),
    [
        ("CartPole-v1", Autoreset.SAME_STEP),
        ("CartPole-v1", Autoreset.NEXT_STEP),
        pytest.param("jaxnav_v1", Autoreset.SAME_STEP, marks=pytest.mark.long),  # dear to start
    ],
)
def test_no_device_is_asked_in_a_step_or_a_reset(name, autoreset, mesh):
    env = make(name)
    batch = Batch(env, autoreset)
    begun = jax.jit(batch.init)(jnp.arange(ROWS, dtype=jnp.uint32), env.params)
    begun = jax.device_put(begun, shared(mesh))

    def play(carry, shown):
        key = jax.random.key(0)
        record = lambda step: step.after.over.astype(jnp.int32)  # noqa: E731
        now, over = collect(batch, carry, shown, random_policy(env), key, 3, record=record)
        return now, jnp.moveaxis(over, 1, 0)

    def reset(carry, shown):
        seeds, mask = jnp.arange(ROWS, dtype=jnp.uint32), shown.over
        return batch.reset(carry, shown, seeds, mask, mask, env.params)

    for function in (play, reset):
        assert not questions(devices.divided(function, mesh), mesh, *begun)


@pytest.mark.parametrize(
    "space", [Discrete(3), MultiDiscrete((2, 3)), MultiBinary(3), Box(-1.0, 1.0, (2,))]
)
def test_actions_are_drawn_alike_and_without_a_question(space, mesh):
    outputs = jnp.ones((ROWS, actions.num_outputs(space)), jnp.float32)
    seed = jax.device_put(np.uint32(3), jax.sharding.NamedSharding(mesh, SPEC()))

    def sample(seed, outputs):
        log_std = jnp.zeros(outputs.shape[1]) if isinstance(space, Box) else None
        key = jax.random.key(seed, impl=implementation("pcg4d"))
        return actions.sample(space, key, outputs, log_std)

    apart, there = devices.divided(sample, mesh), jax.device_put(outputs, shared(mesh))
    assert not questions(apart, mesh, seed, there)
    np.testing.assert_array_equal(jax.jit(apart)(seed, there), jax.jit(sample)(3, outputs))


def test_a_category_is_drawn_as_jax_draws_it():
    logits = jax.random.normal(jax.random.key(0), (500, 7))
    key = jax.random.key(1)
    drawn = actions.sample(Discrete(7), key, logits, None)
    np.testing.assert_array_equal(drawn, jax.random.categorical(key, logits))


@pytest.mark.parametrize("gravity", [5.0, np.linspace(5, 40, ROWS).astype(np.float32)])
def test_parameters_of_rows_are_where_their_rows_are(gravity, mesh):
    shown = []
    for shared_by in (None, [*mesh.devices]):
        params = {"gravity": gravity}
        session = Session(
            make("CartPole-v1"), ROWS, Autoreset.DISABLED, params=params, devices=shared_by
        )
        session.reset(0)
        for step in range(30):
            session.step({"cart": np.ones((ROWS, 1), np.int32)})
            if step == 20:
                session.reset(None, np.arange(ROWS) % 3 == 0)
        shown.append(session.read(StepFields).observation["cart"])
    np.testing.assert_allclose(*shown, rtol=1e-5, atol=1e-6)


def test_samples_that_are_spread_lie_on_all_devices(mesh):
    def order():
        return devices.spread(jnp.arange(24).reshape(3, 8), 1), devices.spread(jnp.arange(9), 0)

    there, odd = jax.jit(devices.divided(order, mesh))()
    assert {shard.data.shape for shard in there.addressable_shards} == {(3, 4)}
    np.testing.assert_array_equal(odd, np.arange(9))
