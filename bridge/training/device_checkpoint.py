"""Checkpoints of trainings on the device: every array, what has happened, and what was asked."""

import contextlib
import dataclasses
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bridge import state_file
from bridge.errors import ResultsError
from bridge.state_file import Leaf, Saved

from .asked import Asked
from .results import DEVICE_CHECKPOINT

ASKED = "asked"
WORDS = {"learned by": "algorithm"}  # what is compared -> its word, where that is another
OPTIONS = {  # and what it follows from, where that is no setting
    "team": "--team",
    "opponent": "--opponent",
    "seeds": "--seed and --seeds",
    "learned by": "--algorithm",
    "num_envs": "--num-envs",
}


def save(
    out: Path, training: Any, about: Mapping[str, Any], asked: Asked, memory: Mapping[str, Any]
) -> None:
    """Write one.

    Args:
        out: The folder.
        training: A pytree of arrays and keys.
        about: What must be the same where it is gone on from.
        asked: What `--resume` is to find again.
        memory: What has happened.
    """
    arrays = {name: np.asarray(leaf) for name, leaf in _leaves(training)}
    head = {**about, ASKED: dataclasses.asdict(asked)}
    state_file.write(out / DEVICE_CHECKPOINT, Saved(head, arrays, memory))


def load(out: Path, begun: Any, about: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The training, and what had happened.

    Args:
        out: The folder.
        begun: The same training before its first step.
        about: See `save`.

    Raises:
        ResultsError: It is none, or of another training; the message says what differs.
    """
    compare(out, about)
    leaves = [Leaf.of(name, leaf) for name, leaf in _leaves(begun)]
    with _named(out):
        saved = state_file.read(out / DEVICE_CHECKPOINT, about, leaves)
    found, tree = jax.tree.flatten(begun)
    arrays = [
        jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(leaf))
        if _is_key(leaf)
        else jnp.asarray(array)
        for leaf, array in zip(found, saved.arrays.values(), strict=True)
    ]
    return jax.tree.unflatten(tree, arrays), dict(saved.memory)


def asked_of(out: Path) -> Mapping[str, Any]:
    """What was asked when a training began.

    Raises:
        ResultsError: There is no such checkpoint.
    """
    with _named(out):
        found: Mapping[str, Any] = state_file.head_of(out / DEVICE_CHECKPOINT).get(ASKED, {})
    return found


@contextlib.contextmanager
def _named(out: Path) -> Generator[None, None, None]:
    """Say of whatever goes wrong with a checkpoint which one it is."""
    try:
        yield
    except ResultsError:
        raise
    except (OSError, ValueError) as error:
        raise ResultsError(f"{out / DEVICE_CHECKPOINT} cannot be resumed: {error}") from error


def compare(out: Path, about: Mapping[str, Any]) -> None:
    """Refuse the first thing that is asked for and is not as it was when the training began.

    Raises:
        ResultsError: Names it, both values and what to do; or there is no such checkpoint.
    """
    with _named(out):
        head = state_file.head_of(out / DEVICE_CHECKPOINT)
    for what, here in about.items():
        there = head.get(what, here)  # what it does not know is of another version
        if there == here:
            continue
        if what == "environment":
            instead = f"Go on with: python -m bridge train {there} --out {out} --resume"
        elif what == "rules":  # which may be long
            raise ResultsError(
                f"{out / DEVICE_CHECKPOINT} began with other rules or opponents of the "
                "environment. Go on with those, or begin in another folder with --out."
            )
        else:
            option = OPTIONS.get(what, f"{what} in --set and --sweep")
            instead = f"Leave {option} out: --resume takes it from the checkpoint."
        raise ResultsError(
            f"{out / DEVICE_CHECKPOINT} began with the {WORDS.get(what, what)} {there}, not "
            f"{here}, and goes on as it began. {instead}"
        )


def _leaves(tree: Any) -> list[tuple[str, Any]]:
    """Every array of a training with its name; keys as what they are made of."""
    return [
        (jax.tree_util.keystr(path), jax.random.key_data(leaf) if _is_key(leaf) else leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))
