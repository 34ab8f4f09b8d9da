"""View or copy, dtype kept, values intact: each claim of `bridge.arrays` proved by address."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drivers import stepped

from bridge.arrays import Packing, size_in_bytes, to_numpy, to_torch
from bridge.environments import as_environment
from bridge.session import Session
from native.batch import Autoreset

TREE = {
    "real": jnp.arange(6, dtype=jnp.float32).reshape(2, 3) - 2.5,
    "whole": jnp.array([-1, 7], jnp.int32),
    "word": jnp.array(2**32 - 1, jnp.uint32),
    "flag": jnp.array([True, False, True]),
    "pixel": jnp.array([[0, 255], [7, 128]], jnp.uint8),
    "none": jnp.zeros((0, 4), jnp.float32),
}


def test_to_numpy_is_a_read_only_view_of_the_same_memory():
    for source, view in zip(jax.tree.leaves(TREE), jax.tree.leaves(to_numpy(TREE)), strict=True):
        assert view.dtype == source.dtype and view.shape == source.shape
        if view.size:
            assert view.ctypes.data == source.unsafe_buffer_pointer()
        assert not view.flags.owndata and not view.flags.writeable


def test_to_numpy_leaves_numpy_arrays_alone():
    array = np.arange(3)
    assert to_numpy(array) is array


@pytest.mark.parametrize("convert", [to_numpy, to_torch])
def test_an_unknown_leaf_is_refused_by_name(convert):
    if convert is to_torch:
        pytest.importorskip("torch")
    with pytest.raises(TypeError, match="'three'"):
        convert({"a": "three"})


def test_to_torch_shares_memory_and_keeps_dtypes():
    torch = pytest.importorskip("torch")
    tensors = to_torch({name: TREE[name] for name in ("real", "whole", "flag", "pixel")})
    for name, dtype in {
        "real": torch.float32,
        "whole": torch.int32,
        "flag": torch.bool,
        "pixel": torch.uint8,
    }.items():
        assert tensors[name].dtype == dtype
        assert tensors[name].data_ptr() == TREE[name].unsafe_buffer_pointer()
        np.testing.assert_array_equal(tensors[name].numpy(), np.asarray(TREE[name]))


def test_packing_there_and_back_keeps_every_bit():
    packing = Packing(jax.eval_shape(lambda: TREE))

    @jax.jit
    def there_and_back(tree):
        packed = packing.pack(tree)
        return packed, packing.unpack(*packed)

    packed, again = there_and_back(TREE)
    assert [array.dtype for array in packed] == [np.uint32, np.uint8]
    seen = packing.views(*map(np.asarray, packed))
    for source, back, view in zip(*map(jax.tree.leaves, (TREE, again, seen)), strict=True):
        np.testing.assert_array_equal(np.asarray(source), np.asarray(back))
        np.testing.assert_array_equal(np.asarray(source), view)
        assert source.dtype == back.dtype == view.dtype
        assert not view.flags.owndata and not view.flags.writeable


def test_packing_keeps_the_bits_of_odd_numbers():
    odd = jnp.array([np.nan, -0.0, np.inf, 1e-45], jnp.float32)
    packing = Packing(odd)
    words, _ = packing.pack(odd)
    assert np.asarray(words).tobytes() == np.asarray(odd).tobytes()


def test_packing_refuses_what_it_cannot_hold():
    with pytest.raises(TypeError, match="float16"):
        Packing(jax.ShapeDtypeStruct((2,), jnp.float16))


def test_size_in_bytes_counts_every_leaf():
    assert size_in_bytes(TREE) == 24 + 8 + 4 + 3 + 4


@pytest.mark.parametrize("num_envs", [1, 3000])  # packed and not
def test_what_was_shown_stays_intact_while_the_session_goes_on(num_envs):
    session = Session(as_environment("CartPole-v1"), num_envs, Autoreset.SAME_STEP)
    action = {"cart": np.ones((num_envs, 1), np.int32)}
    session.reset(0)
    held = [to_numpy(stepped(session, action).timestep.observation["cart"]) for _ in range(6)]
    copies = [view.copy() for view in held]
    for _ in range(6):
        session.step(action)
    for view, copy in zip(held, copies, strict=True):
        assert not view.flags.owndata
        np.testing.assert_array_equal(view, copy)


def test_writing_through_an_exported_tensor_does_not_reach_the_next_step():
    pytest.importorskip("torch")
    left, right = (Session(as_environment("CartPole-v1"), 8192, Autoreset.SAME_STEP) for _ in "ab")
    action = {"cart": np.ones((8192, 1), np.int32)}
    for session in (left, right):
        session.reset(3)
    tensor = to_torch(stepped(left, action).timestep.observation["cart"])
    right.step(action)
    tensor.zero_()
    after = [to_numpy(stepped(s, action).timestep.observation["cart"]) for s in (left, right)]
    np.testing.assert_array_equal(*after)
