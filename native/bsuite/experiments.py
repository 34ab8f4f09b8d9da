"""bsuite's experiments: which environment each `bsuite_id` is, and what its score is made of.

`EXPERIMENTS["deep_sea"].settings[3]` is what "deep_sea/3" stands for, in bsuite's own words. Those
that are not here are about environments that are not: bsuite's `cartpole` and `mountain_car` have
other rules than Gymnasium's.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

Settings: TypeAlias = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """An environment under several settings.

    Attributes:
        name: The registered name.
        settings: Of each `bsuite_id`, in the order of their numbers.
        rules: Those that are the same in all settings.
        seed: The usual one; None: from the operating system.
        episodes: How many are to be played.
    """

    name: str
    settings: tuple[Settings, ...]
    rules: Settings = dataclasses.field(default_factory=dict)
    seed: int | None = None
    episodes: int = 10_000


def _each(rule: str, values: tuple[Any, ...], **same: Any) -> tuple[Settings, ...]:
    return tuple({rule: value, **same} for value in values)


_TWENTY = tuple(range(20))
_SIZES = tuple(range(10, 51, 2))
_BITS = (*range(1, 11), 12, 14, 17, 20, 25, 30, 40)
_LENGTHS = (*_BITS, 50, 60, 70, 80, 90, 100)
_NOISES, _SCALES = (0.1, 0.3, 1.0, 3.0, 10.0), (0.001, 0.03, 1.0, 30.0, 1000.0)
_ANY_SEED = _each("seed", (None,) * 20)


def _changed(word: str, values: tuple[float, ...], *, mapped: bool = False) -> tuple[Settings, ...]:
    """Four runs for each value, with a `mapping_seed` for each run where there is such a rule."""
    return tuple(
        {word: value, "seed": None} | ({"mapping_seed": run} if mapped else {})
        for value in values
        for run in range(4)
    )


EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        "bandit": Experiment("SimpleBandit-bsuite", _each("mapping_seed", _TWENTY)),
        "bandit_noise": Experiment(
            "SimpleBandit-bsuite", _changed("noise_scale", _NOISES, mapped=True)
        ),
        "bandit_scale": Experiment(
            "SimpleBandit-bsuite", _changed("reward_scale", _SCALES, mapped=True)
        ),
        "catch": Experiment("Catch-bsuite", _ANY_SEED),
        "catch_noise": Experiment("Catch-bsuite", _changed("noise_scale", _NOISES)),
        "catch_scale": Experiment("Catch-bsuite", _changed("reward_scale", _SCALES)),
        "deep_sea": Experiment("DeepSea-bsuite", _each("size", _SIZES, mapping_seed=42)),
        "deep_sea_stochastic": Experiment(
            "DeepSea-bsuite",
            _each("size", _SIZES, mapping_seed=42),
            {"deterministic": False},
        ),
        "discounting_chain": Experiment(
            "DiscountingChain-bsuite", _each("mapping_seed", _TWENTY), episodes=1000
        ),
        "memory_len": Experiment(
            "MemoryChain-bsuite", _each("memory_length", _LENGTHS), {"num_bits": 1}, seed=0
        ),
        "memory_size": Experiment(
            "MemoryChain-bsuite", _each("num_bits", _BITS), {"memory_length": 2}, seed=0
        ),
        "mnist": Experiment("MNISTBandit-bsuite", _ANY_SEED),
        "mnist_noise": Experiment("MNISTBandit-bsuite", _changed("noise_scale", _NOISES)),
        "mnist_scale": Experiment("MNISTBandit-bsuite", _changed("reward_scale", _SCALES)),
        "umbrella_distract": Experiment(
            "UmbrellaChain-bsuite", _each("n_distractor", _LENGTHS), {"chain_length": 20}, seed=0
        ),
        "umbrella_length": Experiment(
            "UmbrellaChain-bsuite", _each("chain_length", _LENGTHS, n_distractor=20)
        ),
    }
)

# What bsuite adds up over all episodes of a run, and what of it each step tells in its `info`.
TOTALS: Mapping[str, str] = MappingProxyType(
    {
        "total_perfect": "perfect",
        "total_regret": "regret",
        "total_bad_episodes": "bad_episode",
        "denoised_return": "denoised_return",
    }
)
