"""Both played by chance, step by step, from where the original begins."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bridge.figures import Error
from native.core import Environment, Group
from native.spaces import Discrete

from .comparing import Shown, compare, errors
from .originals import original_of

UNIT = 2.0**-23  # by which float32 is off where a float64 is rounded the other way


class Played(NamedTuple):
    """What both showed.

    Attributes:
        environment: A registered name.
        ours, theirs: Of every step of every episode, one after the other.
        step: int (comparisons,), the number of the step in its episode, from 1.
        episode: int (comparisons,), the number of the episode.
    """

    environment: str
    ours: Shown
    theirs: Shown
    step: np.ndarray
    episode: np.ndarray

    @property
    def error(self) -> Error:
        """The worst of it."""
        return compare(self.environment, "episodes by chance", "float32", self.ours, self.theirs)


def play(env: Environment[Any, Any], *, episodes: int, seed: int) -> Played:
    """Play an environment of ours and its original.

    Both begin an episode in the original's state, rounded to float32, and run free from there,
    until the original ends it; then the next one.

    Args:
        env: Ours.
        episodes: How many.
        seed: Of the original's first episode, and of the actions.

    Raises:
        UnsuitableError, MissingExtraError: See `original_of`.
    """
    original, rng = original_of(env), np.random.default_rng(seed)
    key = jax.random.key(seed)
    begun = jax.jit(env.init)(key, env.params)[0]
    steps: list[tuple[Shown, Shown, int, int]] = []
    for episode in range(episodes):
        state, over, step = original.begin(seed + episode, begun), False, 0
        while not over:
            actions = {group.name: _drawn(group, rng) for group in env.spec.groups}
            now = jax.random.fold_in(key, len(steps))
            theirs, over = original.step(now, actions)
            state, ours = _step(env, now, state, actions)
            step += 1
            steps.append((ours, theirs, step, episode))
    ours, theirs, numbers, places = zip(*steps, strict=True)
    name = env.spec.name
    return Played(name, _stacked(ours), _stacked(theirs), np.array(numbers), np.array(places))


def picture(played: Played, path: Path) -> None:
    """Draw how the differences grow, a line for each episode; the suffix decides the format."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, part in zip(
        np.ravel(figure.subplots(1, 2, sharey=True)), ("observation", "reward"), strict=True
    ):
        worst = errors(getattr(played.ours, part), getattr(played.theirs, part))
        for episode in np.unique(played.episode):
            own = played.episode == episode
            axes.plot(played.step[own], np.maximum(worst[own], UNIT / 16), lw=0.8, alpha=0.7)
        axes.axhline(UNIT, color="black", ls=":", lw=0.8)
        axes.set(yscale="log", title=part, xlabel="step")
    figure.axes[0].set_ylabel("error (dots: one unit of float32 at 1)")
    figure.suptitle(f"{played.environment}: ours and the original")
    figure.savefig(path, dpi=120)


@functools.partial(jax.jit, static_argnums=0)
def _step(env: Environment[Any, Any], key: jax.Array, state: Any, actions: Any) -> Any:
    state, timestep = env.step(key, state, actions, env.params)
    parts = (timestep.observation, timestep.reward, timestep.terminated, timestep.truncated)
    return state, Shown(*parts)


def _drawn(group: Group, rng: np.random.Generator) -> np.ndarray:
    """Random actions (agents, ...)."""
    count, space = len(group.agents), group.action
    if isinstance(space, Discrete):
        return rng.integers(0, space.n, count).astype(np.int32)
    low, high = space.bounds  # type: ignore[union-attr]
    return rng.uniform(low, high, (count, *space.shape)).astype(np.float32)


def _stacked(steps: Sequence[Shown]) -> Shown:
    """Steps of the same structure as one, with a leading axis."""
    parts = zip(*(jax.device_get(step) for step in steps), strict=True)
    return Shown(
        *(
            {name: np.stack([each[name] for each in part]) for name in part[0]}
            if isinstance(part[0], dict)
            else np.stack([np.asarray(each) for each in part])
            for part in parts
        )
    )
