"""What a policy that plays rows earns, beside chance: in a `VecEnv` of Stable-Baselines3."""

import copy
from typing import Any

import numpy as np
from gymnasium import spaces

from bridge.sb3 import make_vec_env
from native.core import Environment

from . import evaluation
from .playing import Act


class Evaluation:
    """Plays a policy in many worlds at once; made once, it plays any number of policies.

    Attributes:
        venv: The worlds, for a policy to be checked against.
    """

    def __init__(self, env: Environment[Any, Any], episodes: int) -> None:
        self.venv = make_vec_env(env, episodes)
        self._episodes = episodes
        self._longest = env.spec.horizon or evaluation.LONGEST

    def agents(self, act: Act, seed: int) -> np.ndarray:
        """Return of each agent in the first episode of each world, float64 (rows,).

        Each world counts once: taking the first to finish would prefer short episodes.
        """
        self.venv.seed(seed)
        observation = self.venv.reset()
        returns = np.zeros(self.venv.num_envs)
        playing = np.ones(self.venv.num_envs, bool)
        for _ in range(self._longest):
            observation, reward, dones, _ = self.venv.step(act(observation))
            returns[playing] += reward[playing]
            playing &= ~dones
            if not playing.any():
                break
        return returns

    def worlds(self, act: Act, seed: int) -> np.ndarray:
        """The mean of `agents` in each world, float64 (episodes,)."""
        means: np.ndarray = self.agents(act, seed).reshape(self._episodes, -1).mean(axis=1)
        return means

    def close(self) -> None:
        """Free the worlds."""
        self.venv.close()


def beside_chance(played: Evaluation, act: Act, seed: int, chance_seed: int) -> evaluation.Side:
    """A policy that plays everybody, from the same first states as chance; ends the evaluation."""
    venv = played.venv
    chance = by_chance(venv.action_space, venv.num_envs, chance_seed)
    trained = played.worlds(act, seed)
    comparison = evaluation.compare(trained, played.worlds(chance, seed))
    played.close()
    return evaluation.Side("", comparison, comparison)


def by_chance(space: "spaces.Space[Any]", rows: int, seed: int) -> Act:
    """Any action with the same chance, a masked one too: what a policy learns from scratch."""
    space = copy.deepcopy(space)
    space.seed(seed)
    return lambda _: np.stack([space.sample() for _ in range(rows)])
