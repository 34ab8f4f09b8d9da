"""What to train an environment with: algorithm, hyperparameters, steps, and when it is solved.

Names of hyperparameters are SB3's own. Those of classic control begin with rl-zoo3's published
settings. `find` takes the recipe of a name, or one that fits the kind of actions; the device has
some of its own, see `recipes_on_device`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from native.core import Environment
from native.spaces import Box
from native.wrappers import OneTeam

from .recipe import PARTICLES, SMALL, Falling, Recipe
from .recipes_on_device import ON_DEVICE, ON_DEVICE_CONTINUOUS, USUAL

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


def find(env: Environment[Any, Any], learner: str = "sb3", algorithm: str | None = None) -> Recipe:
    """The recipe of an environment, or one that does for most with such actions.

    Args:
        env: The environment.
        learner: "sb3", or "device" for `native.agents`, which has some of its own.
        algorithm: Of the device; None: that of the recipe.
    """
    names = [env.spec.name]
    if isinstance(env, OneTeam):
        names.append(f"{env.env.spec.name}/{env.team}")
    known = {**RECIPES, **ON_DEVICE} if learner == "device" else RECIPES
    own = next((known[name] for name in names if name in known), None)
    if own is not None and algorithm in (None, own.algorithm):
        return own
    if algorithm is not None and algorithm in USUAL:
        return dataclasses.replace(USUAL[algorithm], solved=own.solved if own else None)
    if not any(isinstance(group.action, Box) for group in env.spec.groups):
        return DISCRETE
    return ON_DEVICE_CONTINUOUS if learner == "device" else CONTINUOUS
