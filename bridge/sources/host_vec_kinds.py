"""What is called alike in vector environments that are not quite alike, in native terms.

| theirs                               | a reset takes       | some rows can be reset alone      |
| ------------------------------------ | ------------------- | --------------------------------- |
| `SyncVectorEnv`, `AsyncVectorEnv`    | a seed for each row | since Gymnasium 1.1               |
| any other Gymnasium `VectorEnv`      | one seed for all    | if they never begin by themselves |
| `ale_py`'s `AtariVectorEnv`          | a seed for each row | yes                               |
| EnvPool's, `env_type="gymnasium"`    | no seed             | yes, unless it is wrapped         |
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import jax
import numpy as np

from bridge.errors import MissingExtraError, UnsuitableError
from native.batch import Autoreset

from .gymnasium_spaces import observed, offset

try:
    import gymnasium.vector
except ImportError as error:
    raise MissingExtraError("bridge.sources.host_vec_kinds", "gymnasium", "gymnasium") from error

Tree: TypeAlias = Any  # of arrays (rows, ...): a native observation
Array: TypeAlias = np.ndarray

_vector: Any = gymnasium.vector
_HAS_MODES = hasattr(_vector, "AutoresetMode")  # since 1.1, and resets of some rows with it
_BY_MAKERS = (_vector.SyncVectorEnv, _vector.AsyncVectorEnv)


def kind_of(envs: Any) -> "Kind":
    """How to call a vector environment.

    Raises:
        UnsuitableError: Its rows are not stepped together, or it does not tell its mode.
    """
    inside = getattr(envs, "unwrapped", envs)
    homes = {base.__module__.partition(".")[0] for base in type(inside).__mro__}
    if isinstance(inside, _BY_MAKERS):
        return ByMakers(envs)
    if "envpool" in homes:
        return EnvPool(envs)
    return Atari(envs) if "ale_py" in homes else Kind(envs)


class Kind:
    """Any Gymnasium `VectorEnv`.

    Attributes:
        envs: Theirs.
        name: Its id, or else its class.
        time_limit: Steps after which it truncates; None: none, or it does not tell.
        num_envs: How many rows it has.
        autoreset: When it begins a row again by itself.
        by_mask: Whether some rows can be reset while others stay.
        takes_seeds: Whether a reset takes any.
    """

    takes_seeds = True

    def __init__(self, envs: Any) -> None:
        self.envs = envs
        self.num_envs = int(envs.num_envs)
        self.autoreset = _autoreset(envs)
        self.by_mask = self.autoreset is Autoreset.DISABLED
        self._inside = getattr(envs, "unwrapped", envs)
        first = next(iter(getattr(self._inside, "envs", ())), None)  # it may tell what all do not
        spec = getattr(envs, "spec", None) or getattr(first, "spec", None)
        self.name = getattr(spec, "id", type(self._inside).__name__)
        self.time_limit: int | None = getattr(spec, "max_episode_steps", None)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return bool(getattr(self._inside, "closed", False))

    def reset(self, mask: Array, seeds: list[int | None]) -> Tree:
        """Reset the rows of a mask, which is True throughout unless `by_mask`.

        Args:
            mask: bool (rows,), True somewhere.
            seeds: One a row, read where the mask is True; None: go on.

        Returns:
            What is shown; rows that were not reset may hold anything.
        """
        options = None if mask.all() else {"reset_mask": mask.copy()}
        given = [seed if due else None for seed, due in zip(seeds, mask, strict=True)]
        seed = None if given.count(None) == self.num_envs else self._seed(given, mask)
        return self._native(self.envs.reset(seed=seed, options=options)[0])

    def step(self, action: Array) -> tuple[Tree, Array, Array, Array, Mapping[str, Any]]:
        """Observation, reward float32 (rows,), terminated and truncated bool (rows,), info."""
        space = self.envs.single_action_space
        whole = np.asarray(action + offset(space)).astype(space.dtype)
        seen, reward, terminated, truncated, info = self.envs.step(whole)
        flags = np.asarray(terminated, bool), np.asarray(truncated, bool)
        return self._native(seen), np.asarray(reward, np.float32), *flags, info

    def last(self, seen: Tree, ended: Array, info: Mapping[str, Any]) -> Tree:
        """`seen`, with their last observations in the rows that ended and have begun again.

        Raises:
            UnsuitableError: The info does not tell them.
        """
        rows = np.flatnonzero(ended)
        final = info.get("final_obs", info.get("final_observation"))
        if final is None:
            raise UnsuitableError(
                f"rows {rows.tolist()} ended and began again on the same step, and the last "
                'observations are not told as info["final_obs"], as SAME_STEP has it.'
            )
        if isinstance(final, np.ndarray) and final.dtype == object:
            single = self.envs.single_observation_space
            parts = [observed(single, final[row], np) for row in rows]
            return put(seen, rows, jax.tree.map(lambda *leaves: np.stack(leaves), *parts))
        return put(seen, rows, jax.tree.map(lambda leaf: leaf[rows], self._native(final)))

    def _native(self, seen: Any) -> Tree:
        return observed(self.envs.single_observation_space, seen, np, lead=1)

    def _seed(self, given: list[int | None], mask: Array) -> Any:
        """What its reset takes for seeds of rows: an int s is s + i for row i."""
        del mask
        first = given[0] or 0
        if given == [*range(first, first + self.num_envs)]:
            return first
        return int(np.random.SeedSequence([seed or 0 for seed in given]).generate_state(1)[0])


class ByMakers(Kind):
    """Gymnasium's own two, of functions that make an environment."""

    def __init__(self, envs: Any) -> None:
        super().__init__(envs)
        self.by_mask = _HAS_MODES

    def _seed(self, given: list[int | None], mask: Array) -> Any:
        del mask
        return given


class Atari(Kind):
    """ALE's own."""

    def __init__(self, envs: Any) -> None:
        super().__init__(envs)
        self.by_mask = True
        if self._inside.batch_size != self.num_envs:
            raise UnsuitableError(
                f"{type(self._inside).__name__} shows {self._inside.batch_size} of its "
                f"{self.num_envs} rows a step: make it with batch_size={self.num_envs}, so that "
                "all step together."
            )

    def _seed(self, given: list[int | None], mask: Array) -> Any:
        words = [-1 if seed is None else seed & 0x7FFFFFFF for seed in given]  # -1: go on
        return np.array(words)[mask]


class EnvPool(Kind):
    """EnvPool's; a reset of some rows shows those alone."""

    takes_seeds = False

    def __init__(self, envs: Any) -> None:
        super().__init__(envs)
        config = self._inside.config
        limit = config.get("max_episode_steps", 0)
        self.time_limit = limit if 0 < limit < 2**31 - 1 else None
        self.by_mask = envs is self._inside  # wrappers want all rows
        if config["batch_size"] not in (0, self.num_envs) or config["max_num_players"] != 1:
            raise UnsuitableError(
                f"{type(self._inside).__name__} has num_envs={self.num_envs}, batch_size="
                f"{config['batch_size']} and max_num_players={config['max_num_players']}: make it "
                "with as large a batch_size and one player, so that all rows step together."
            )

    def reset(self, mask: Array, seeds: list[int | None]) -> Tree:
        del seeds
        if mask.all():
            return self._native(self.envs.reset()[0])
        some = self._native(self.envs.reset(options={"reset_mask": mask})[0])
        blank = jax.tree.map(
            lambda leaf: np.zeros((self.num_envs, *leaf.shape[1:]), leaf.dtype), some
        )
        return put(blank, np.flatnonzero(mask), some)


def put(tree: Tree, rows: Array, new: Tree) -> Tree:
    """A copy of `tree` that has `new`, (as many, ...), in these rows."""

    def leaf(old: Array, now: Array) -> Array:
        copy = np.array(old)
        copy[rows] = now
        return copy

    return jax.tree.map(leaf, tree, new)


def _autoreset(envs: Any) -> Autoreset:
    """When it begins rows again: as its metadata tell, or as Gymnasium before 1.1 had it."""
    mode = (envs.metadata or {}).get("autoreset_mode")
    if mode is None and not _HAS_MODES:
        early = gymnasium.__version__.startswith("0.")
        return Autoreset.SAME_STEP if early else Autoreset.NEXT_STEP
    try:
        return Autoreset(getattr(mode, "value", mode))
    except ValueError:
        raise UnsuitableError(
            f"{type(envs).__name__} tells no autoreset mode, {mode!r}: set "
            'envs.metadata["autoreset_mode"] to the member of gymnasium.vector.AutoresetMode that '
            "says when it begins rows again."
        ) from None
