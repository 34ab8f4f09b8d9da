"""Suite `collecting`: rollouts of PPO on CartPole, by SB3's own loop on our `VecEnv` and by ours.

Policy, rows and environments are the same, and nothing is learned: what is timed is `learn` with a
`train` that does nothing.
"""

from typing import Any

from bridge.errors import MissingExtraError
from bridge.sb3 import PPO, make_vec_env

from .play import started_with
from .report import Plot, Report, machine
from .tasks import CART_POLE
from .timing import Contender, Progress, Timing, alternate
from .training import LIBRARIES, one_torch_thread

try:
    from stable_baselines3 import PPO as Base
except ImportError as error:
    raise MissingExtraError(
        "python -m bridge bench collecting", "stable_baselines3", "sb3"
    ) from error

ROWS = (16, 64, 1024, 4096)
STEPS = 128  # of one rollout
QUICK_STEPS = 8
LOOPS: dict[str, type[Base]] = {"SB3's own PPO": Base, "bridge.sb3.PPO": PPO}
COLUMNS = (
    *("rows", "contender", "us a step of all rows", "SB3's own / this"),
    *("env-steps/s", "spread", "first call s"),
)
NOTES = (
    "One iteration is a rollout with SB3's own network of 2 x 64 units, actor and critic, on our "
    "VecEnv: actions, values, the buffer, advantages, statistics of episodes; no learning.",
    "The policy is as it begins, so that a row in 22 ends in each step.",
    "torch: 1 thread.",
)


def suite(quick: bool, progress: Progress) -> Report:
    """Both loops at each number of rows."""
    steps = QUICK_STEPS if quick else STEPS
    effort: dict[str, Any] = {"rounds": 3, "seconds": 0.005} if quick else {}
    rows: list[tuple[Any, ...]] = []
    with one_torch_thread():
        for count in (2,) if quick else ROWS:
            contenders = [_rollouts(name, count, steps) for name in LOOPS]
            timings = alternate(contenders, progress=progress, **effort)
            rows += [_row(timing, count, steps, timings[0]) for timing in timings]
    return Report(
        suite="collecting",
        title=f"Rollouts of PPO on {CART_POLE}, {steps} steps",
        columns=COLUMNS,
        rows=rows,
        notes=NOTES,
        machine=machine(*LIBRARIES),
        plot=Plot("us a step of all rows", x="rows", series=("contender",)),
    )


class _Collecting:
    """Rollouts of one model, each going on from the last."""

    def __init__(self, kind: type[Base], rows: int, steps: int) -> None:
        self.venv = make_vec_env(CART_POLE, rows, seed=0)
        self._samples = rows * steps
        self._model = kind(
            "MlpPolicy", self.venv, n_steps=steps, batch_size=rows * steps, seed=0, device="cpu"
        )
        self._model.train = lambda: None  # type: ignore[method-assign]

    def run(self, iterations: int) -> None:
        samples = iterations * self._samples
        self._model.learn(samples, log_interval=None, reset_num_timesteps=False)  # type: ignore[arg-type]


def _rollouts(name: str, rows: int, steps: int) -> Contender:
    made, first = started_with(lambda: _Collecting(LOOPS[name], rows, steps), lambda it: it.run(1))
    samples = rows * steps
    return Contender(name, made.run, samples, samples, first, made.venv.close)


def _row(timing: Timing, rows: int, steps: int, theirs: Timing) -> tuple[Any, ...]:
    return (
        *(rows, timing.name, timing.median_s * 1e6 / steps, theirs.median_s / timing.median_s),
        *(timing.env_steps_per_s, timing.spread, timing.first_call_s),
    )
