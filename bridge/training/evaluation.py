"""How good a policy is, and whether that is more than chance."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from bridge.errors import DivergedError

EPISODES = 100
EVALUATION_SEED = 1_000_000  # far from the seeds of training
VALIDATION_SEED = 2_000_000  # of the evaluations in training, which decide when it stops
LONGEST = 10_000  # steps of an episode that has no time limit
SHUFFLES = 9_999
LIKELY = 0.01  # a difference that chance makes as often as that is no difference


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Returns of a policy beside those of a random one, of the same first states.

    Attributes:
        trained, random: float64 (episodes,).
        odds: How often chance alone makes the trained one as much better, 0 ... 1: a permutation
            test of the two means, one-sided.
    """

    trained: np.ndarray
    random: np.ndarray
    odds: float

    @property
    def is_better(self) -> bool:
        """Whether chance is ruled out."""
        return self.odds < LIKELY

    def verdict(self) -> str:
        """In words."""
        odds = f"chance alone makes such a difference {self.odds:.2%} of the time"
        if self.odds <= 1 / (SHUFFLES + 1):
            odds = f"chance alone made no such difference in {SHUFFLES:,} shuffles"
        return f"{'Better' if self.is_better else 'No better'} than random: {odds}."


@dataclasses.dataclass(frozen=True)
class Side:
    """How those who earn the same do, beside chance.

    Attributes:
        name: Of its groups or agents.
        comparison: What it earns trained, and by chance, while all others play by chance.
        among_trained: The same while all others are trained, too.
    """

    name: str
    comparison: Comparison
    among_trained: Comparison

    @property
    def is_better(self) -> bool:
        """Whether chance is ruled out, in one company or the other."""
        return self.comparison.is_better or self.among_trained.is_better


def compare(trained: np.ndarray, random: np.ndarray) -> Comparison:
    """Test the means of two samples of returns.

    Raises:
        DivergedError: Some are NaN or infinite.
    """
    for whose, returns in (("trained", trained), ("random", random)):
        if lost := int((~np.isfinite(returns)).sum()):
            raise DivergedError(
                f"{lost} of {len(returns)} returns of the {whose} policy are NaN or infinite, and "
                "say nothing. The environment made them, or who learns in it: lower its rate."
            )
    both = np.concatenate([trained, random])
    shuffled = np.random.default_rng(0).permuted(np.tile(both, (SHUFFLES, 1)), axis=1)
    rounding = 1e-9 * max(1.0, float(np.abs(both).max()))
    ours, theirs = np.split(shuffled, [len(trained)], axis=1)
    differences = ours.mean(axis=1) - theirs.mean(axis=1)
    as_large = differences >= trained.mean() - random.mean() - rounding
    return Comparison(trained, random, (1 + int(as_large.sum())) / (SHUFFLES + 1))


def scores(returns: np.ndarray) -> dict[str, float | int]:
    """Mean, std, min and max of some returns, and how many they are."""
    return {
        "mean": round(float(returns.mean()), 3),
        "std": round(float(returns.std()), 3),
        "min": round(float(returns.min()), 3),
        "max": round(float(returns.max()), 3),
        "episodes": len(returns),
    }


def found(sides: Sequence[Side]) -> dict[str, Any]:
    """What `evaluation.json` says of all sides of a game."""
    if len(sides) == 1:
        return _told(sides[0].comparison)
    return {
        "sides": {
            side.name: {**_told(side.comparison), "among_trained": _told(side.among_trained)}
            for side in sides
        }
    }


def verdicts(sides: Sequence[Side]) -> list[str]:
    """How each does, in words."""
    if len(sides) == 1:
        return [sides[0].comparison.verdict()]
    return [
        f"{side.name}, others {how}: {comparison.verdict()}"
        for side in sides
        for how, comparison in (("by chance", side.comparison), ("trained", side.among_trained))
    ]


def _told(comparison: Comparison) -> dict[str, Any]:
    return {
        "trained": scores(comparison.trained),
        "random": scores(comparison.random),
        "odds_of_chance": comparison.odds,
    }
