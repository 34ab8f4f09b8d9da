"""bsuite's functions: write `from bridge import bsuite` for `import bsuite`; nothing else.

| bsuite                              | here                                                  |
| ----------------------------------- | ----------------------------------------------------- |
| `load_from_id("deep_sea/3")`        | the same, a `bridge.dm_env` environment               |
| `load("deep_sea", {"size": 16})`    | the same                                              |
| `load_and_record(id, folder)`,      | the same, by bsuite's own logging                     |
| `..._to_csv`, `..._to_terminal`     |                                                       |
| `sweep.SETTINGS`, `sweep.EPISODES`  | `SETTINGS`, `EPISODES`, of the experiments here       |
| `env.bsuite_num_episodes`           | the same                                              |
| `env.bsuite_info()`                 | the same totals, over all episodes                    |

`bsuite.sweep`, its analysis and its agents go on working; for them bsuite must be installed, as for
recording. Everything else needs dm_env only. A seed makes other episodes than theirs, except for
`mapping_seed`, which makes the same environment.
"""

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import jax

from native.bsuite.experiments import EXPERIMENTS, TOTALS
from native.core import Environment
from native.wrappers import noisy_rewards, scaled_rewards

from .adapter import all_or_nothing
from .dm_env import EnvironmentBridge
from .environments import as_environment
from .errors import MissingExtraError, RulesError, UnknownNameError
from .programs import StepFields
from .rules import as_ours

__all__ = [
    "EPISODES",
    "SETTINGS",
    "BsuiteBridge",
    "load",
    "load_and_record",
    "load_and_record_to_csv",
    "load_and_record_to_terminal",
    "load_from_id",
]

CHANGES = {"noise_scale": noisy_rewards, "reward_scale": scaled_rewards}
NUMBERS = ("unscaled_move_cost",)  # which bsuite has among its arguments
T = TypeVar("T")


def _by_id(kept: Mapping[str, tuple[T, ...]]) -> Mapping[str, T]:
    whole = {f"{name}/{i}": one for name, each in kept.items() for i, one in enumerate(each)}
    return MappingProxyType(whole)


SETTINGS: Mapping[str, Mapping[str, Any]] = _by_id({k: e.settings for k, e in EXPERIMENTS.items()})
EPISODES: Mapping[str, int] = _by_id(
    {k: (e.episodes,) * len(e.settings) for k, e in EXPERIMENTS.items()}
)


class BsuiteBridge(EnvironmentBridge):
    """A `dm_env.Environment` that knows what bsuite's logging asks for.

    Attributes:
        bsuite_num_episodes: How many episodes the experiment has.
    """

    bsuite_num_episodes: int

    def __init__(
        self,
        env: Environment[Any, Any],
        *,
        episodes: int,
        seed: int | None = None,
        params: Any = None,
        rng: str = "pcg4d",
    ) -> None:
        self.bsuite_num_episodes = episodes
        key = jax.eval_shape(jax.random.key, 0)
        _, shown = jax.eval_shape(env.init, key, env.params)
        self._totals: dict[str, float] = {
            total: 0 for total, name in TOTALS.items() if name in shown.info
        }
        super().__init__(env, seed=seed, params=params, rng=rng)

    def bsuite_info(self) -> dict[str, float]:
        """Totals over all steps since it was made, those of a running episode included."""
        return dict(self._totals)

    @all_or_nothing
    def step(self, action: Any) -> Any:
        timestep = super().step(action)
        info = self._session.read(StepFields).info
        self._totals = {
            total: so_far + info[TOTALS[total]][0].item() for total, so_far in self._totals.items()
        }
        return timestep

    def _memory(self) -> dict[str, Any]:
        return {**super()._memory(), "totals": self._totals}

    def _resume(self, memory: Mapping[str, Any]) -> Any:
        self._totals = dict(memory["totals"])
        return super()._resume(memory)


def load_from_id(bsuite_id: str, *, seed: int | None = None, rng: str = "pcg4d") -> BsuiteBridge:
    """The environment of an id, with the settings of bsuite's sweep.

    Args:
        bsuite_id: Such as "deep_sea/3"; `SETTINGS` has all.
        seed: Of the first episode; None: the one of the settings, which mostly is none.
        rng: Generator of the random bits, see `native.prng`.

    Raises:
        UnknownNameError: There is no such id; it says which experiments there are.
        RuleValueError: "mnist/..." has no pictures, see `native.bsuite.digits`.
    """
    if bsuite_id not in SETTINGS:
        name = str(bsuite_id).partition("/")[0]
        count = len(EXPERIMENTS[name].settings) if name in EXPERIMENTS else 0
        known = f"{name}/0 to {name}/{count - 1}" if count else _known()
        raise UnknownNameError(f"There is no bsuite_id {bsuite_id!r}. There are {known}.")
    given = {} if seed is None else {"seed": seed}
    return load(bsuite_id.partition("/")[0], {**SETTINGS[bsuite_id], **given}, rng=rng)


def load(experiment_name: str, kwargs: Mapping[str, Any], *, rng: str = "pcg4d") -> BsuiteBridge:
    """The environment of an experiment, with these settings.

    Args:
        experiment_name: Such as "deep_sea"; `native.bsuite.experiments.EXPERIMENTS` has all.
        kwargs: Rules of the environment, and `seed`, `noise_scale` or `reward_scale`.
        rng: Generator of the random bits, see `native.prng`.

    Raises:
        UnknownNameError: There is no such experiment.
        RulesError: The environment has no such rule.
        RuleValueError: A rule has a value that does not fit.
        SeedError: `seed` is no non-negative integer.
    """
    if experiment_name not in EXPERIMENTS:
        raise UnknownNameError(
            f"There is no experiment {experiment_name!r} here. There are {_known()}."
        )
    experiment = EXPERIMENTS[experiment_name]
    given: dict[str, Any] = {"seed": experiment.seed, **experiment.rules, **kwargs}
    seed = given.pop("seed")
    changes = {word: given.pop(word) for word in CHANGES if word in given}
    numbers = {word: given.pop(word) for word in NUMBERS if word in given}
    env = as_environment(experiment.name, **given)
    with as_ours():
        for word, value in changes.items():
            env = CHANGES[word](env, value)
    return BsuiteBridge(
        env, episodes=experiment.episodes, seed=seed, params=numbers or None, rng=rng
    )


def load_and_record(
    bsuite_id: str, save_path: str, logging_mode: str = "csv", overwrite: bool = False
) -> Any:
    """As `load_from_id`, in bsuite's own wrapper, which writes down how the run goes.

    Args:
        bsuite_id: As for `load_from_id`.
        save_path: The folder for tables, where `logging_mode` is "csv".
        logging_mode: "csv" or "terminal".
        overwrite: Replace a table of the same id.

    Raises:
        RulesError: There is no such mode.
        MissingExtraError: bsuite is not installed.
        ValueError: There is such a table already; bsuite says so.
    """
    if logging_mode == "csv":
        return load_and_record_to_csv(bsuite_id, save_path, overwrite)
    if logging_mode == "terminal":
        return load_and_record_to_terminal(bsuite_id)
    raise RulesError(f"logging_mode must be 'csv' or 'terminal', got {logging_mode!r}.")


def load_and_record_to_csv(bsuite_id: str, results_dir: str, overwrite: bool = False) -> Any:
    """`load_and_record` into a table, which `bsuite.logging.csv_load` reads.

    Raises:
        MissingExtraError, ValueError: See `load_and_record`.
    """
    logging = _logging("csv_logging")
    env = load_from_id(bsuite_id)
    return logging.wrap_environment(env, bsuite_id, results_dir, overwrite=overwrite)


def load_and_record_to_terminal(bsuite_id: str) -> Any:
    """`load_and_record` to the terminal.

    Raises:
        MissingExtraError: See `load_and_record`.
    """
    return _logging("terminal_logging").wrap_environment(load_from_id(bsuite_id))


def _logging(module: str) -> Any:
    try:
        return importlib.import_module(f"bsuite.logging.{module}")
    except ImportError as error:
        raise MissingExtraError("bridge.bsuite.load_and_record", "bsuite", "bsuite") from error


def _known() -> str:
    return ", ".join(EXPERIMENTS)
