"""What to train an environment with: algorithm, hyperparameters, steps, and when it is solved.

Names of hyperparameters are SB3's own. Those of classic control begin with rl-zoo3's published
settings. `find` takes the recipe of a name, or one that fits the kind of actions.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from native.core import Environment
from native.spaces import Box
from native.wrappers import OneTeam


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
        algorithm: "PPO", "SAC" or "DQN" of SB3.
        steps: Agent steps at most.
        num_envs: Environments at once.
        hyperparameters: Arguments of the algorithm, by SB3's names.
        normalize: Observations and rewards go through SB3's `VecNormalize`.
        solved: Mean return of an agent in 100 episodes at which training stops; None: at no return.
        params: Replace those of the environment while it is learned; it is judged by its own.
    """

    algorithm: str
    steps: int
    num_envs: int
    hyperparameters: Mapping[str, Any]
    normalize: bool = False
    solved: float | None = None
    params: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Numbers, words, lists and dicts."""
        return dataclasses.asdict(self)

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

DISCRETE = Recipe(
    algorithm="PPO",
    steps=1_000_000,
    num_envs=32,
    hyperparameters={
        "n_steps": 64,
        "batch_size": 1024,
        "n_epochs": 8,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "learning_rate": Falling(1e-3),
        "clip_range": Falling(0.2),
        "ent_coef": 0.01,
        "policy_kwargs": SMALL,
    },
)

CONTINUOUS = Recipe(
    algorithm="PPO",
    steps=1_000_000,
    num_envs=16,
    hyperparameters={
        "n_steps": 128,
        "batch_size": 256,
        "n_epochs": 10,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "learning_rate": Falling(3e-4),
        "clip_range": 0.2,
        "ent_coef": 0.0,
        "use_sde": True,
        "sde_sample_freq": 4,
        "policy_kwargs": {"net_arch": [64, 64], "log_std_init": -1.0},
    },
    normalize=True,
)

PARTICLES = Recipe(
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

DOGFIGHT = Recipe(
    algorithm="PPO",
    steps=4_000_000,
    num_envs=128,
    hyperparameters={
        "n_steps": 64,
        "batch_size": 4096,
        "n_epochs": 10,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "learning_rate": Falling(3e-3),
        "clip_range": Falling(0.2),
        "ent_coef": 0.001,
        "policy_kwargs": SMALL,
    },
    params={"reward_agent_disabled": 10.0, "reward_damage": 20.0},  # a team's reward tells late
)

# By the name of an environment, or of an environment and the team of it that is trained.
RECIPES: Mapping[str, Recipe] = {
    "CartPole-v1": Recipe(
        algorithm="PPO",
        steps=200_000,
        num_envs=16,
        hyperparameters={
            "n_steps": 32,
            "batch_size": 256,
            "n_epochs": 10,
            "gamma": 0.98,
            "gae_lambda": 0.8,
            "learning_rate": Falling(1e-3),
            "clip_range": Falling(0.2),
            "ent_coef": 0.0,
            "policy_kwargs": SMALL,
        },
        solved=500.0,
    ),
    "Acrobot-v1": Recipe(
        algorithm="PPO",
        steps=1_000_000,
        num_envs=16,
        hyperparameters={
            "n_steps": 256,
            "batch_size": 64,
            "n_epochs": 4,
            "gamma": 0.99,
            "gae_lambda": 0.94,
            "ent_coef": 0.0,
            "policy_kwargs": SMALL,
        },
        normalize=True,
        solved=-85.0,
    ),
    "Pendulum-v1": Recipe(
        algorithm="PPO",
        steps=100_000,
        num_envs=4,
        hyperparameters={
            "n_steps": 1024,
            "batch_size": 64,
            "n_epochs": 10,
            "gamma": 0.9,
            "gae_lambda": 0.95,
            "learning_rate": 1e-3,
            "clip_range": 0.2,
            "ent_coef": 0.0,
            "use_sde": True,
            "sde_sample_freq": 4,
            "policy_kwargs": SMALL,
        },
        solved=-175.0,
    ),
    "MountainCar-v0": Recipe(
        algorithm="PPO",
        steps=1_000_000,
        num_envs=16,
        hyperparameters={
            "n_steps": 16,
            "batch_size": 64,
            "n_epochs": 4,
            "gamma": 0.99,
            "gae_lambda": 0.98,
            "ent_coef": 0.0,
            "policy_kwargs": SMALL,
        },
        normalize=True,
        solved=-110.0,
    ),
    "MountainCarContinuous-v0": Recipe(
        algorithm="PPO",
        steps=20_000,
        num_envs=1,
        hyperparameters={
            "n_steps": 8,
            "batch_size": 8,
            "n_epochs": 10,
            "gamma": 0.9999,
            "gae_lambda": 0.9,
            "learning_rate": 7.77e-5,
            "clip_range": 0.1,
            "ent_coef": 0.00429,
            "vf_coef": 0.19,
            "max_grad_norm": 5.0,
            "use_sde": True,
            "policy_kwargs": {"log_std_init": -3.29, "ortho_init": False},
        },
        normalize=True,
        solved=90.0,
    ),
    "simple_spread_v3": PARTICLES,
    "simple_v3": dataclasses.replace(PARTICLES, steps=300_000),
    "simple_speaker_listener_v4/listener": dataclasses.replace(PARTICLES, steps=500_000),
    "simple_tag_v3/adversary": dataclasses.replace(PARTICLES, steps=1_000_000),
    "gigastep_identical_2_vs_2_pobs_vec_void_disc/blue": DOGFIGHT,
    **{
        f"gigastep_identical_2_vs_2_pobs_vec_void_disc_against_{opponent}": DOGFIGHT
        for opponent in ("circling", "random")
    },
}


# On the device noise is drawn anew in every step, which gSDE does not do, so that what relies on
# it there needs other numbers here; and every group of a game can learn at once.
ON_DEVICE_CONTINUOUS = Recipe(
    algorithm="PPO",
    steps=1_000_000,
    num_envs=32,
    hyperparameters={
        "n_steps": 128,
        "batch_size": 512,
        "n_epochs": 10,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "learning_rate": Falling(3e-4),
        "clip_range": 0.2,
        "ent_coef": 0.0,
        "policy_kwargs": SMALL,
    },
    normalize=True,
)


def _quick(recipe: Recipe, solved: float | None, **numbers: Any) -> Recipe:
    """Another one whose learning rate begins at 1e-3."""
    changed = {**recipe.hyperparameters, "learning_rate": Falling(1e-3), **numbers}
    return dataclasses.replace(recipe, hyperparameters=changed, solved=solved)


ON_DEVICE: Mapping[str, Recipe] = {
    "Acrobot-v1": _quick(
        ON_DEVICE_CONTINUOUS, solved=-78.0, n_steps=256, n_epochs=4, gae_lambda=0.94
    ),
    "Pendulum-v1": _quick(ON_DEVICE_CONTINUOUS, solved=None, n_steps=200, batch_size=400),
    "MountainCar-v0": _quick(
        ON_DEVICE_CONTINUOUS,
        solved=-105.0,
        n_steps=256,
        n_epochs=8,
        gae_lambda=0.98,
        ent_coef=0.01,
    ),
    "MountainCarContinuous-v0": _quick(
        ON_DEVICE_CONTINUOUS, solved=94.0, n_steps=512, batch_size=1024, gamma=0.999
    ),
    "MemoryChain-bsuite": Recipe(
        algorithm="PPO",
        steps=150_000,
        num_envs=32,
        hyperparameters={
            "n_steps": 32,
            "batch_size": 512,
            "n_epochs": 8,
            "gamma": 0.99,
            "gae_lambda": 0.95,
            "learning_rate": Falling(1e-3),
            "ent_coef": 0.01,
            "gru": 32,
            "policy_kwargs": SMALL,
        },
        solved=1.0,
    ),
    "smax_3m_v1": Recipe(
        algorithm="PPO",
        steps=3_000_000,
        num_envs=64,
        hyperparameters={
            "n_steps": 64,
            "batch_size": 3072,
            "n_epochs": 4,
            "gamma": 0.99,
            "gae_lambda": 0.95,
            "learning_rate": 1e-3,
            "ent_coef": 0.005,
            "central_critic": True,
            "policy_kwargs": SMALL,
        },
    ),
    **dict.fromkeys(
        (
            *("simple_adversary_v3", "simple_crypto_v3", "simple_push_v3", "simple_reference_v3"),
            *("simple_speaker_listener_v4", "simple_tag_v3", "simple_world_comm_v3"),
        ),
        PARTICLES,
    ),
}


def find(env: Environment[Any, Any], learner: str = "sb3") -> Recipe:
    """The recipe of an environment, or one that does for most with such actions.

    Args:
        env: The environment.
        learner: "sb3", or "device" for `native.agents`, which has some of its own.
    """
    names = [env.spec.name]
    if isinstance(env, OneTeam):
        names.append(f"{env.env.spec.name}/{env.team}")
    known = {**RECIPES, **ON_DEVICE} if learner == "device" else RECIPES
    for name in names:
        if name in known:
            return known[name]
    if not any(isinstance(group.action, Box) for group in env.spec.groups):
        return DISCRETE
    return ON_DEVICE_CONTINUOUS if learner == "device" else CONTINUOUS
