"""What a recipe says: algorithm, hyperparameters, steps, and when it is solved."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from native.core import Environment


@dataclasses.dataclass(frozen=True)
class Falling:
    """A schedule of SB3: from `start`, along a line, to a hundredth of it."""

    start: float

    def __call__(self, remaining: float) -> float:
        """`remaining`: share of the training that is left, 1 ... 0."""
        return self.start * max(remaining, 0.01)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How one environment is trained.

    Attributes:
        algorithm: "PPO", "SAC" or "DQN" of SB3; "PPO", "DQN" or "ES" of `native.agents`.
        steps: Agent steps at most.
        num_envs: Environments at once.
        hyperparameters: Arguments of the algorithm, by SB3's names, or settings of `native.agents`.
        normalize: Observations and rewards go through SB3's `VecNormalize`.
        solved: Mean return of an agent in 100 episodes at which training stops; None: at no return.
        rules, params: Replace those of the environment while it is learned; what is learned is
            judged by its own.
    """

    algorithm: str
    steps: int
    num_envs: int
    hyperparameters: Mapping[str, Any]
    normalize: bool = False
    solved: float | None = None
    rules: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    params: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def world(self, env: Environment[Any, Any]) -> Environment[Any, Any]:
        """The environment as it is learned in, but for its `numbers`."""
        changed: Any = env
        return dataclasses.replace(changed, **self.rules) if self.rules else env

    def numbers(self, world: Environment[Any, Any]) -> Any:
        """Numbers of the dynamics of `world` as it is learned in; None: its own."""
        return dataclasses.replace(world.params, **self.params) if self.params else None

    def to_json(self) -> dict[str, Any]:
        """Numbers, words, lists and dicts."""
        return dataclasses.asdict(self)

    def as_used(self, **changes: Any) -> dict[str, Any]:
        """`to_json` of what a training used; its steps and environments are told beside it."""
        told = dataclasses.replace(self, **changes).to_json()
        return {name: told[name] for name in told if name not in ("steps", "num_envs")}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Recipe":
        """What `to_json` was made of."""
        numbers = {
            name: Falling(**value) if isinstance(value, dict) and [*value] == ["start"] else value
            for name, value in fields["hyperparameters"].items()
        }
        changed: dict[str, Any] = {**fields, "hyperparameters": numbers}
        return cls(**changed)


SMALL = {"net_arch": [64, 64]}

PARTICLES = Recipe(  # by either learner
    algorithm="PPO",
    steps=2_000_000,
    num_envs=64,
    hyperparameters={
        "n_steps": 25,
        "batch_size": 1600,
        "n_epochs": 8,
        "gamma": 0.95,
        "gae_lambda": 0.9,
        "learning_rate": Falling(2e-3),
        "clip_range": Falling(0.2),
        "ent_coef": 0.01,
        "policy_kwargs": SMALL,
    },
)
