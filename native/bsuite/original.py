"""The package `bsuite` beside ours: it plays with the draws of ours, and begins where it likes.

`bridge.parity` and the tests of parity find this module beside the games. It imports `bsuite` only
where something is to be played. What is here says how its attributes and ours mean the same.
"""

import collections
import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import catch, deep_sea, discounting_chain, memory_chain, simple_bandit, umbrella_chain
from .chain import coins

NEEDS = ("bsuite", "bsuite")  # the package, and our extra that has it
KNOWN = (  # MNISTBandit has pictures that are not in the package
    *("Catch-bsuite", "DeepSea-bsuite", "MemoryChain-bsuite", "UmbrellaChain-bsuite"),
    *("DiscountingChain-bsuite", "SimpleBandit-bsuite"),
)
MODULES = {"SimpleBandit": "bandit"}  # the others are called as ours are
SEED = 1  # of what theirs draws where ours does not


class Draws:
    """What the original draws with, when it is to draw what we have drawn."""

    def __init__(self) -> None:
        self.uniform: collections.deque[float] = collections.deque()
        self.normal: collections.deque[float] = collections.deque()
        self.coins: collections.deque[bool] = collections.deque()

    def rand(self) -> float:
        """Uniform, from 0 to 1."""
        return self.uniform.popleft()

    def randn(self) -> float:
        """Of a standard normal distribution."""
        return self.normal.popleft()

    def binomial(self, n: int, p: float, size: int | None = None) -> Any:
        """One coin, or some."""
        assert (n, p) == (1, 0.5)
        if size is None:
            return int(self.coins.popleft())
        return np.array([self.coins.popleft() for _ in range(size)], int)


def theirs(ours: Any) -> Any:
    """Their environment with the same rules; parameters are the usual ones."""
    name = type(ours).__name__
    module = MODULES.get(name) or type(ours).__module__.rpartition(".")[2]
    kind = getattr(importlib.import_module(f"bsuite.environments.{module}"), name)
    words = inspect.signature(kind).parameters
    rules = {word: getattr(ours, word) for word in words if hasattr(ours, word)}
    return kind(**rules, **({"seed": SEED} if "seed" in words else {}))


def as_ours(ours: Any, env: Any) -> Any:
    """Their state in our form, in NumPy's numbers."""
    match ours:
        case catch.Catch():
            numbers = (env._ball_x, env._ball_y, env._paddle_x)
            names = ("ball_x", "ball_y", "paddle_x")
            return _made(catch.State, **dict(zip(names, map(np.int32, numbers), strict=True)))
        case deep_sea.DeepSea():
            row, column = np.int32(env._row), np.int32(env._column)
            return _made(deep_sea.State, row=row, column=column, bad=np.bool_(env._bad_episode))
        case memory_chain.MemoryChain():
            context, query = np.array(env._context, bool), np.int32(env._query)
            return _made(
                memory_chain.State, context=context, query=query, tick=np.int32(env._timestep)
            )
        case umbrella_chain.UmbrellaChain():
            need, has = np.bool_(env._need_umbrella), np.bool_(env._has_umbrella)
            return _made(umbrella_chain.State, need=need, has=has, tick=np.int32(env._timestep))
        case discounting_chain.DiscountingChain():
            chosen, tick = np.int32(env._context), np.int32(env._timestep)
            return _made(discounting_chain.State, context=chosen, tick=tick)
        case _:
            pulled = np.int32(simple_bandit.NOTHING if env._reset_next_step is False else 0)
            return _made(simple_bandit.State, pulled=pulled)


def _made(kind: Any, **parts: Any) -> Any:
    """A state, which holds NumPy's numbers here and is typed for JAX's."""
    return kind(**parts)


def drawn(ours: Any, env: Any, key: jax.Array) -> Draws | None:
    """What they draw in this step, given the key of ours; None: nothing."""
    draws = Draws()
    if isinstance(ours, deep_sea.DeepSea) and not ours.deterministic:
        uniform, normal = _uniform_and_normal(key)
        draws.uniform.append(float(uniform))
        draws.normal.append(float(normal))
    elif isinstance(ours, umbrella_chain.UmbrellaChain):
        flips = np.asarray(_coins(key, 1 + ours.n_distractor)).tolist()
        # theirs tosses no coin for the reward of the last step
        draws.coins.extend(flips[1:] if env._timestep + 1 == env._chain_length else flips)
    else:
        return None
    return draws


@jax.jit
def _uniform_and_normal(key: jax.Array) -> tuple[jax.Array, jax.Array]:
    for_water, for_noise = jax.random.split(key)
    normal = jax.random.normal(for_noise, (), jnp.float32)
    return jax.random.uniform(for_water, (), jnp.float32), normal


_coins = jax.jit(coins, static_argnums=1)


class Beside:
    """Theirs, stepped with the draws that ours makes.

    Args:
        ours: One of `KNOWN`.
    """

    def __init__(self, ours: Any) -> None:
        self._ours, self._env = ours, theirs(ours)
        self._group = ours.spec.groups[0].name

    def begin(self, seed: int, state: Any) -> Any:
        """Begin an episode: our state as theirs is; of `state` nothing is left."""
        del state
        self._env._rng = np.random.RandomState(seed)
        self._env.reset()
        return as_ours(self._ours, self._env)

    def step(
        self, key: jax.Array, actions: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], float, bool]:
        """What a step shows, earns, and whether it is the last; `key` is that of our step."""
        if (draws := drawn(self._ours, self._env, key)) is not None:
            self._env._rng = draws
        (action,) = actions[self._group]
        step = self._env.step(int(action))
        return {self._group: step.observation[None]}, float(step.reward), bool(step.last())
