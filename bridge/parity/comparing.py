"""How far two plays are from each other."""

from typing import Any, NamedTuple

import jax
import numpy as np

from bridge.figures import Error


class Shown(NamedTuple):
    """What steps showed: pytrees of arrays, all with one leading axis of comparisons."""

    observation: Any
    reward: Any
    terminated: Any
    truncated: Any


def compare(environment: str, compared: str, dtype: str, ours: Shown, theirs: Shown) -> Error:
    """Measure. Both have the same structure and shapes; the dtypes may differ.

    Args:
        environment: A registered name.
        compared: What was played: "one step", "whole episodes".
        dtype: That ours computed in.
        ours, theirs: What both showed.
    """
    unlike = np.zeros(len(theirs.terminated), bool)
    for a, b in ((ours.terminated, theirs.terminated), (ours.truncated, theirs.truncated)):
        differ = np.asarray(a, bool) != np.asarray(b, bool)
        unlike |= differ.reshape(len(unlike), -1).any(axis=1)
    observation, reward = (
        float(errors(getattr(ours, part), getattr(theirs, part)).max())
        for part in ("observation", "reward")
    )
    endings = int(unlike.sum())
    return Error(environment, compared, dtype, len(unlike), observation, reward, endings)


def errors(ours: Any, theirs: Any) -> np.ndarray:
    """The worst error of each comparison: absolute, relative to what is greater than 1."""

    def one(a: Any, b: Any) -> np.ndarray:
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        assert a.shape == b.shape, (a.shape, b.shape)
        error: np.ndarray = np.abs(a - b) / np.maximum(1, np.abs(b))
        worst: np.ndarray = error.reshape(len(error), -1).max(axis=1)
        return worst

    of_all: np.ndarray = np.max(jax.tree.leaves(jax.tree.map(one, ours, theirs)), axis=0)
    return of_all
