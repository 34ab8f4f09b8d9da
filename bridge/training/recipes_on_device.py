"""Recipes of `native.agents`, for `train --learner device`, where they are not those of SB3."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from .recipe import PARTICLES, SMALL, Falling, Recipe

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


# The values of actions, of what is remembered; a long time of chance finds what is rare.
BY_VALUES = Recipe(
    algorithm="DQN",
    steps=200_000,
    num_envs=16,
    hyperparameters={
        "train_freq": 8,
        "gradient_steps": 8,
        "batch_size": 128,
        "learning_rate": 1e-3,
        "target_update_interval": 1000,
        "exploration_fraction": 0.5,
        "exploration_final_eps": 0.0,
        "double": True,
        "policy_kwargs": SMALL,
    },
)

# Steps are those that are played at most: episodes may end sooner.
EVOLVED = Recipe(
    algorithm="ES",
    steps=20_000_000,
    num_envs=1,
    hyperparameters={"algorithm": "simple_ga", "std": 0.1, "policy_kwargs": {"net_arch": [32]}},
)

# Boards of 10 by 10: one convolution, and a network that is small beside the game's own work.
BOARDS = Recipe(
    algorithm="PPO",
    steps=10_000_000,
    num_envs=64,
    hyperparameters={
        "n_steps": 128,
        "batch_size": 1024,
        "n_epochs": 3,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "learning_rate": Falling(2e-3),
        "clip_range": 0.2,
        "ent_coef": 0.01,
        "policy_kwargs": {"net_arch": [64], "activation": "relu", "image_size": 64},
    },
)

# Tasks of a few steps, which a few ten thousand of them teach.
SHORT = Recipe(
    algorithm="PPO",
    steps=200_000,
    num_envs=32,
    hyperparameters={
        "n_steps": 32,
        "batch_size": 512,
        "n_epochs": 8,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "learning_rate": Falling(1e-3),
        "ent_coef": 0.01,
        "policy_kwargs": SMALL,
    },
)

# The same, where something was shown before it matters.
RECALLING = dataclasses.replace(SHORT, hyperparameters={**SHORT.hyperparameters, "gru": 32})

KITCHEN = Recipe(
    algorithm="PPO",
    steps=4_000_000,
    num_envs=64,
    hyperparameters={
        "n_steps": 128,
        "batch_size": 2048,
        "n_epochs": 4,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "learning_rate": Falling(1e-3),
        "clip_range": Falling(0.2),
        "ent_coef": 0.01,
        "image_size": 64,
        "policy_kwargs": SMALL,
    },
    params={"shaping": 1.0},  # nobody serves soup by chance
)

FIREWORKS = Recipe(
    algorithm="PPO",
    steps=10_000_000,
    num_envs=128,
    hyperparameters={
        "n_steps": 64,
        "batch_size": 2048,
        "n_epochs": 4,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "learning_rate": Falling(1e-3),
        "clip_range": 0.2,
        "ent_coef": 0.01,
        "policy_kwargs": {"net_arch": [256, 128], "activation": "relu"},
    },
)

# Lines of pixels, of which nobody remembers any: who always took the likeliest action would stand
# before the first wall for ever, so actions are drawn in play, too.
SEEING = Recipe(
    algorithm="PPO",
    steps=800_000,
    num_envs=128,
    hyperparameters={
        "n_steps": 64,
        "batch_size": 4096,
        "n_epochs": 4,
        "gamma": 0.98,
        "gae_lambda": 0.95,
        "learning_rate": Falling(1e-3),
        "ent_coef": 0.02,
        "likeliest": False,
        "policy_kwargs": {"net_arch": [64, 64], "activation": "relu"},
    },
    normalize=True,
)

ARMIES = Recipe(
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
)

# Tasks whose agent has to find out what nobody shows: learned from whole episodes.
REMEMBERING = dataclasses.replace(
    SHORT,
    steps=2_000_000,
    num_envs=64,
    hyperparameters={
        **SHORT.hyperparameters,
        "n_steps": 100,
        "batch_size": 1600,
        "n_epochs": 4,
        "gru": 64,
    },
)

# Five against five: what a team earns tells late here, too, see `recipes.DOGFIGHT`.
SQUADRON = Recipe(
    algorithm="PPO",
    steps=30_000_000,
    num_envs=256,
    hyperparameters={
        "n_steps": 64,
        "batch_size": 4096,
        "n_epochs": 4,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "learning_rate": Falling(1e-3),
        "clip_range": Falling(0.2),
        "ent_coef": 0.002,
        "normalize_reward": True,
        "policy_kwargs": {"net_arch": [128, 128], "activation": "relu"},
    },
    params={"reward_agent_disabled": 10.0, "reward_damage": 20.0},
)

AHEAD = Recipe(algorithm="LOLA", steps=1_000_000, num_envs=64, hyperparameters={})

USUAL: Mapping[str, Recipe] = {  # of any environment
    "DQN": BY_VALUES,
    "ES": EVOLVED,
    "LOLA": AHEAD,
}

ON_DEVICE: Mapping[str, Recipe] = {
    **{
        f"{game}-MinAtar": BOARDS
        for game in ("Asterix", "Breakout", "Freeway", "SpaceInvaders", "Seaquest")
    },
    "Catch-bsuite": dataclasses.replace(SHORT, solved=1.0),
    "DiscountingChain-bsuite": dataclasses.replace(SHORT, solved=1.099),
    "SimpleBandit-bsuite": dataclasses.replace(SHORT, solved=0.999),
    "UmbrellaChain-bsuite": SHORT,
    "DeepSea-bsuite": dataclasses.replace(BY_VALUES, steps=150_000, solved=0.989),
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
    "MemoryChain-bsuite": dataclasses.replace(RECALLING, steps=150_000, solved=1.0),
    "switch_riddle_v1": dataclasses.replace(RECALLING, steps=1_000_000),
    "BernoulliBandit-misc": REMEMBERING,
    "GaussianBandit-misc": REMEMBERING,
    "PointRobot-misc": REMEMBERING,
    "MetaMaze-misc": dataclasses.replace(
        REMEMBERING,
        steps=4_000_000,
        hyperparameters={**REMEMBERING.hyperparameters, "n_steps": 200, "batch_size": 3200},
    ),
    "gigastep_identical_5_vs_5_fobs_vec_void_disc/blue": SQUADRON,
    "hanabi_v1": FIREWORKS,
    "jaxnav_v1": _quick(
        dataclasses.replace(ON_DEVICE_CONTINUOUS, steps=3_000_000, num_envs=64),
        solved=None,
        batch_size=2048,
        n_epochs=4,
    ),
    "overcooked_v1": KITCHEN,
    "overcooked_v2": KITCHEN,
    "megastep_explorer_v0": SEEING,
    "megastep_waypoint_v0": dataclasses.replace(
        SEEING,
        hyperparameters={
            **SEEING.hyperparameters,
            "batch_size": 2048,
            "normalize_observation": True,
        },
        normalize=False,  # rewards are as they should be
        params={"approach": 0.3},
    ),
    # In episodes of 512 steps nearly all are played far from where they began, and teach nothing.
    "megastep_pointgoal_v0": dataclasses.replace(
        SEEING,
        steps=4_000_000,
        num_envs=256,
        hyperparameters={
            **SEEING.hyperparameters,
            "gamma": 0.97,
            "ent_coef": 0.005,
            "gru": 128,
            "policy_kwargs": SMALL,
        },
        normalize=False,
        rules={"horizon": 64},
        params={"approach": 1.0},
    ),
    "megastep_deathmatch_v0": dataclasses.replace(
        SEEING,
        hyperparameters={**SEEING.hyperparameters, "gamma": 0.97, "gae_lambda": 0.9},
        num_envs=64,
    ),
    **dict.fromkeys(
        ("smax_3m_v1", "smax_2s3z_v1", "smax_5m_vs_6m_v1", "smax_3s5z_v1"),
        ARMIES,
    ),
    "simple_spread_v3": dataclasses.replace(PARTICLES, steps=5_000_000),
    # Overlaps with prey that flee are rare, and pay long after they were begun.
    "simple_facmac_3a_v1": dataclasses.replace(
        PARTICLES,
        hyperparameters={
            **PARTICLES.hyperparameters,
            "n_steps": 100,
            "gamma": 0.99,
            "gae_lambda": 0.95,
            "learning_rate": Falling(1e-3),
            "ent_coef": 0.0,
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
