"""Foreign states and random keys, in the forms that native states have."""

from typing import Any

import jax
import jax.numpy as jnp

from .trees import native_dtype


def legacy_key(key: jax.Array) -> jax.Array:
    """A key of the kind that most code was written for: an array of words, uint32."""
    words = jax.eval_shape(lambda: jax.random.PRNGKey(0)).shape
    return jax.random.bits(key, words, jnp.uint32)


def in_our_dtypes(tree: Any) -> Any:
    """A foreign state in dtypes of the contract, none of them weak."""

    def cast(leaf: Any) -> jax.Array:
        array = jnp.asarray(leaf)
        kept = array.dtype in (jnp.uint32, jnp.int8)
        return array.astype(array.dtype if kept else native_dtype(array.dtype))

    return jax.tree.map(cast, tree)


def in_their_dtypes(tree: Any, shapes: Any) -> Any:
    """The reverse of `in_our_dtypes`: a new tree, whose nodes may be changed."""
    return jax.tree.map(lambda leaf, shape: leaf.astype(shape.dtype), tree, shapes)


def strong(tree: Any) -> Any:
    """The same values as arrays whose dtypes are definite, none from a mere Python number."""

    def cast(leaf: Any) -> jax.Array:
        array = jnp.asarray(leaf)
        # `astype` to the dtype it has makes a weak type definite.
        return array.astype(array.dtype)

    return jax.tree.map(cast, tree)
