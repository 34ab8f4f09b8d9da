"""One of two processes that play and learn as one: `python two_processes.py NUMBER PORT FOLDER`.

What it is shown it writes to FOLDER; the test plays the same alone.
"""

import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

from bridge.programs import EndFields, StepFields
from bridge.session import Session
from native.agents.ppo import PPO
from native.agents.training import Learner
from native.batch import Autoreset
from native.processes import local
from native.registry import make

ROWS, STEPS = 8, 40
SETTINGS = PPO(net_arch=(8,), num_envs=8, n_steps=8, batch_size=32, n_epochs=1)


def play(session: Session, steps: int) -> list[np.ndarray]:
    """Random steps of CartPole; all that is shown."""
    rng, shown = np.random.default_rng(0), []
    for _ in range(steps):
        session.step({"cart": rng.integers(0, 2, (ROWS, 1)).astype(np.int32)})
        shown += jax.tree.leaves(session.read(StepFields))
        shown += jax.tree.leaves(session.read(EndFields))
    return [np.array(each) for each in shown]


def start(devices: Any = None) -> Session:
    return Session(make("CartPole-v1"), ROWS, Autoreset.SAME_STEP, devices=devices)


def learn(devices: Any = None) -> list[np.ndarray]:
    """A few updates of one run; weights, and where its worlds stand."""
    learner = Learner([SETTINGS], make("CartPole-v1"), 2, devices=devices)
    training, metrics = learner.advance(learner.begin([5]))
    found = training.weights, training.shown.timestep.observation, metrics
    if devices is not None:
        found = local(found, devices)
    return [np.array(leaf) for leaf in jax.tree.leaves(found)]


def main(number: int, port: str, folder: Path) -> None:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{port}", 2, number)
    devices = jax.devices()
    assert len(devices) == 2 and len(jax.local_devices()) == 1
    session = start(devices)
    session.reset(11)
    shown = play(session, STEPS)
    session.save(folder / "state.npz")
    after = play(session, STEPS)
    written = (folder / "state.npz").stat().st_mtime_ns
    other = start(devices)
    other.load(folder / "state.npz")
    again = play(other, STEPS)
    picture = other.render(ROWS - 1)  # of a row that the other process has
    try:
        session.save(folder / "nowhere" / "state.npz")
    except OSError as error:
        told = str(error)
    unlike = []
    for call in (
        lambda: session.reset(number),
        lambda: Learner([SETTINGS], make("CartPole-v1"), 1, devices=devices).begin([number]),
    ):
        try:
            call()
        except ValueError as error:
            unlike.append(str(error))
    session.step({"cart": np.zeros((ROWS, 1), np.int32)})  # which goes on
    free = start(devices)
    free.reset()  # from the operating system of one of them
    np.savez(
        folder / f"{number}.npz",
        **{f"shown{i}": each for i, each in enumerate(shown)},
        **{f"after{i}": each for i, each in enumerate(after)},
        **{f"again{i}": each for i, each in enumerate(again)},
        **{f"learned{i}": each for i, each in enumerate(learn(devices))},
        seeds=free._seeds,
        picture=picture,
        written=written,
        told=told,
        unlike=unlike,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
