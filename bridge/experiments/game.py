"""The environment and the learner that a configuration asks for."""

import dataclasses
from typing import Any

from bridge.errors import OptionError, RuleValueError, UnknownNameError, UnsuitableError
from bridge.wording import nearest
from native import opponents, registry
from native.agents import PPO
from native.agents.against_learner import against_learner
from native.agents.co_players import PPOCoPlayer
from native.agents.ppo import steps_an_update
from native.core import Environment
from native.rules import RuleError
from native.wrappers import AnyOpponent, one_team, trials

from .configuration import LEARNERS, MIXINGS, SHAPERS, Configuration, Learning

NEVER = 1e6  # a probability that may move so far is never clipped
FOREVER = 10**9  # inner episodes of a trial that no training sees the end of


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What is trained.

    Attributes:
        env: What the first agent plays.
        settings: How it learns.
        steps: Of an agent, in all.
        opponent: Who plays the second, where that is fixed; else None.
        world: Both agents' world.
    """

    env: Environment[Any, Any]
    settings: PPO
    steps: int
    opponent: AnyOpponent | None
    world: Environment[Any, Any]


def experiment_of(asked: Configuration) -> Experiment:
    """What a configuration asks for.

    Raises:
        UnsuitableError: The world is not one of two agents of one group.
        UnknownNameError: There is no such second agent.
        OptionError, RuleValueError: Something does not fit.
    """
    try:
        world = registry.make(asked.env_id, horizon=asked.num_inner_steps, **asked.rules)
        return _made(asked, world)
    except RuleError as error:
        raise RuleValueError(str(error)) from error


def _made(asked: Configuration, world: Environment[Any, Any]) -> Experiment:
    spec = world.spec
    if spec.num_agents != 2 or len(spec.groups) != 1:
        raise UnsuitableError(f"{spec.name} is no world of two agents of one group.")
    meta, first = asked.env_type == "meta", spec.agents[0]
    if not meta and asked.num_outer_steps != 1:
        raise OptionError(
            f"num_outer_steps={asked.num_outer_steps} has no effect with env_type=sequential, "
            "whose trial is the whole training. Use env_type=meta."
        )
    opponent: AnyOpponent | None = None
    env: Environment[Any, Any]
    if asked.agent2 in LEARNERS:
        steps = asked.num_inner_steps
        learner = _settings(asked.agent2, asked.ppo2, asked.num_envs, steps)
        if asked.ppo2.lr_scheduling:
            raise OptionError("ppo2.lr_scheduling has no effect: set it for ppo1.")
        episodes = asked.num_outer_steps if meta else FOREVER
        env = against_learner(
            world,
            first,
            PPOCoPlayer(learner),
            games=asked.num_envs,
            episodes=episodes,
            stop=asked.stop,
        )
        rows, games = asked.num_opps, asked.num_envs
    else:
        known = opponents.of(world)
        if asked.agent2 not in known:
            near = nearest(asked.agent2, [*known, *LEARNERS])
            meant = f" Did you mean {near}?" if near else ""
            raise UnknownNameError(
                f"{spec.name} has no agent2 {asked.agent2!r}.{meant} It has {', '.join(known)}; "
                f"learners are {', '.join(LEARNERS)}."
            )
        if asked.stop is not None:
            raise OptionError(f"stop={asked.stop} has no effect: {asked.agent2} never learns.")
        opponent = known[asked.agent2]
        env = one_team(world, first, opponent)
        env = trials(env, asked.num_outer_steps) if meta else env
        rows, games = asked.num_opps * asked.num_envs, 1
    played = asked.num_inner_steps * (asked.num_outer_steps if meta else 1)
    usual = "avg" if asked.agent1 == "Shaper" else "nothing"
    mixing = MIXINGS[asked.att_type or usual]
    if mixing != "none" and games == 1:
        raise OptionError(
            f"agent1={asked.agent1} mixes the memories of games against one learner, and here is "
            "one game. Use a learner as agent2 with num_envs of at least 2, or att_type=nothing."
        )
    settings = _settings(asked.agent1, asked.ppo1, rows, played, games, mixing)
    if asked.agent1 == "MFOS":
        settings = dataclasses.replace(settings, inner_steps=asked.num_inner_steps)
    if asked.ppo1.lr_scheduling:
        settings = dataclasses.replace(settings, anneal_learning_rate=True)
    return Experiment(
        env, settings, asked.num_iters * steps_an_update(settings, env), opponent, world
    )


def _settings(
    kind: str, asked: Learning, rows: int, steps: int, games: int = 1, mixing: str = "none"
) -> PPO:
    """A learner of that kind, which plays so many rows of so many games, for so many steps."""
    lanes = rows * games
    remembers = kind in ("PPO_memory", *SHAPERS)
    units, what = (lanes, "games") if remembers else (lanes * steps, "steps")
    if mixing != "none":
        units, what = rows, "trials"
    if units % asked.num_minibatches:
        raise OptionError(
            f"num_minibatches must divide the {units} {what} of an update, got "
            f"{asked.num_minibatches}."
        )
    width = asked.hidden_size
    return PPO(
        net_arch=(width, width) if kind == "PPO" else (),
        gru=width if remembers else 0,
        mixing=mixing,
        num_envs=rows,
        n_steps=steps,
        batch_size=lanes * steps // asked.num_minibatches,
        n_epochs=asked.num_epochs,
        gamma=asked.gamma,
        gae_lambda=asked.gae_lambda,
        clip_range=NEVER if kind == "Naive" else asked.ppo_clipping_epsilon,
        clip_range_vf=asked.clip_value,
        vf_coef=asked.value_coeff,
        ent_coef=asked.entropy_coeff_start,
        max_grad_norm=asked.max_gradient_norm,
        learning_rate=asked.learning_rate,
    )
