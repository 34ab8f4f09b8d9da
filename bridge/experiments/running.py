"""One experiment: trained as by `train`, then the game's own statistics and a picture.

Beside the files of `train` there are `configuration.yaml`, `statistics.json` and `experiment.png`.
"""

import dataclasses
import functools
import json
import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from omegaconf import OmegaConf  # type: ignore[import-not-found]  # pyright: ignore
from rich.console import Console

from bridge import policy_file
from bridge.files import replacing
from bridge.training import learning, results
from bridge.training.outcome import Outcome
from native.agents import LearnedPolicy
from native.batch import Autoreset, Batch
from native.rollout import Step, collect
from native.social.iterated_matrix import COOPERATE, IteratedMatrix
from native.social.statistics import statistics

from . import picture
from .configuration import Configuration
from .game import Experiment, experiment_of
from .saved import CONFIGURATION

STATISTICS, PICTURE = "statistics.json", "experiment.png"
WORLDS = 64  # in which statistics are taken
LONGEST = 2_000  # steps of an episode that they are taken of


def run(
    asked: Configuration,
    name: str,
    out: Path,
    *,
    console: Console,
    resume: bool = False,
    overwrite: bool = False,
) -> tuple[Outcome, dict[str, Any]]:
    """Train, and look at what was learned.

    Args:
        asked: What to do.
        name: What it is called in the results.
        out: Folder, made if need be.
        console: Where progress is shown.
        resume: Go on from the checkpoint in `out`, bit for bit, to `num_iters`.
        overwrite: Results in `out` may go.

    Returns:
        What `train` says, and the statistics; these are empty in a game that has none.

    Raises:
        BridgeError: As `experiment_of` and `bridge.training.learning.train` do.
    """
    made = experiment_of(asked)
    fields = dataclasses.fields(made.settings)
    changes = {field.name: getattr(made.settings, field.name) for field in fields}
    for name in ("steps", "num_envs"):  # which are told apart from settings
        changes.pop(name, None)
    outcome = learning.train(
        made.env,
        out,
        console=console,
        identifier=name,
        seed=asked.seed,
        seeds=asked.num_seeds,
        steps=made.steps,
        num_envs=getattr(made.settings, "num_envs", None),
        eval_every=_interval(made.interval, out) if resume else made.interval,
        learner="device",
        algorithm=type(made.settings).__name__,
        changes=changes,
        resume=resume,
        overwrite=overwrite,
    )
    with replacing(out / CONFIGURATION) as beside:
        OmegaConf.save(OmegaConf.create(dataclasses.asdict(asked)), beside)
    learned = policy_file.load(out / "policy.npz", made.env, deterministic=False)
    if not isinstance(made.world, IteratedMatrix):
        return outcome, {}
    found = look(made, learned, jax.random.key(asked.seed))
    with replacing(out / STATISTICS) as beside:
        beside.write_text(json.dumps(found, indent=1))
    with replacing(out / PICTURE) as beside:
        picture.draw(beside, found, np.array(made.world.payoff))
    return outcome, found


def _interval(interval: int, out: Path) -> int:
    """Agent steps between evaluations with which a training goes on from where it is.

    A training is made of whole intervals, all alike.
    """
    done = (results.about(out) or {}).get("steps", 0)
    return math.gcd(interval, done)


def look(made: Experiment, learned: LearnedPolicy, key: jax.Array) -> dict[str, Any]:
    """Play the policy, and count.

    Returns:
        "visits" and "p_cooperate" (5 each) of the first player; "reward" of both, each step;
        "cooperation" (steps, 2), the part of both players' actions that cooperates.
    """
    env, world = made.env, made.world
    assert isinstance(world, IteratedMatrix)
    (group,) = env.spec.groups
    batch = Batch(env, Autoreset.DISABLED)
    episodes = getattr(env, "episodes", 1)
    steps = min((world.horizon or 1) * episodes, LONGEST)

    def keep(step: Step) -> tuple[jax.Array, jax.Array, jax.Array]:
        return (
            step.shown.timestep.observation[group.name],
            step.action[group.name],
            step.after.timestep.reward,
        )

    @jax.jit
    def played(key: jax.Array) -> Any:
        seeds = jax.random.bits(jax.random.fold_in(key, 0), (WORLDS,), jnp.uint32)
        carry, shown = batch.init(seeds, env.params)
        play = functools.partial(collect, batch, carry, shown, learned, key, steps, record=keep)
        return play(memory=learned.memory(WORLDS))[1]

    seen, did, earned = jax.tree.map(np.asarray, played(key))
    payoff = np.array(world.payoff)
    if env is world:  # both learn, and both are seen
        counted = statistics(seen[..., 0], did[..., 0])
        return _told(counted, earned.mean(axis=(0, 1)), (did == COOPERATE).mean(axis=1))
    counted = statistics(seen, did)
    # What the other did is told by what the first earned: its payoff against either action.
    rows = payoff[:, 0].reshape(2, 2)[did]
    if (payoff[::2, 0] == payoff[1::2, 0]).any():
        other = np.full(did.shape, np.nan)
    else:
        other = np.argmin(np.abs(rows - earned[..., None]), axis=-1).astype(np.float64)
    theirs = payoff[:, 1].reshape(2, 2)[did, np.nan_to_num(other).astype(np.int64)]
    theirs = np.where(np.isnan(other), np.nan, theirs)
    both = [(did == COOPERATE).mean(axis=(1, 2)), 1 - other.mean(axis=(1, 2))]
    return _told(counted, [earned.mean(), theirs.mean()], np.stack(both, axis=1))


def _told(counted: Any, reward: Any, cooperation: np.ndarray) -> dict[str, Any]:
    return {
        "states": list(picture.STATES),
        "visits": np.asarray(counted.visits).tolist(),
        "p_cooperate": np.asarray(counted.cooperates).tolist(),
        "reward": [float(each) for each in reward],
        "cooperation": cooperation.tolist(),
    }
