"""The environment and the learner that a configuration asks for."""

import dataclasses
from pathlib import Path
from typing import Any

from bridge.errors import OptionError, RuleValueError, UnknownNameError, UnsuitableError
from bridge.wording import nearest
from native import opponents, registry
from native.abilities import declares
from native.agents import PPO
from native.agents.acting import Shape
from native.agents.against_learner import against_learner
from native.agents.algorithms import settings_named
from native.agents.co_players import CoPlayer, NaiveCoPlayer, PPOCoPlayer
from native.agents.exact import AsSecond
from native.agents.lola import LOLA
from native.agents.training import algorithm_of
from native.core import Environment
from native.rules import RuleError
from native.wrappers import AnyOpponent, one_team, trials

from .saved import is_saved, saved
from .settings import (
    EVOLUTIONS,
    EXACT,
    LEARNERS,
    LOOKING,
    MIXINGS,
    NAIVE,
    SHAPERS,
    Configuration,
    Learning,
)

NEVER = 1e6  # a probability that may move so far is never clipped
FOREVER = 10**9  # inner episodes of a trial that no training sees the end of


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What is trained.

    Attributes:
        env: What the first agent plays.
        settings: How it learns.
        steps: Of an agent, in all.
        interval: Of an agent, from one checkpoint to the next.
        opponent: Who plays the second, where that is fixed; else None.
        world: Both agents' world.
    """

    env: Environment[Any, Any]
    settings: Shape
    steps: int
    interval: int
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
        if asked.params:
            numbers = dataclasses.replace(world.params, **asked.params)
            world = dataclasses.replace(world, params=numbers)  # type: ignore[type-var]
        return _made(asked, world)
    except RuleError as error:
        raise RuleValueError(str(error)) from error


def _made(asked: Configuration, world: Environment[Any, Any]) -> Experiment:
    spec = world.spec
    if spec.num_agents != 2 or len(spec.groups) != 1:
        raise UnsuitableError(f"{spec.name} is no world of two agents of one group.")
    meta = asked.env_type == "meta"
    if not meta and asked.num_outer_steps != 1:
        raise OptionError(
            f"num_outer_steps={asked.num_outer_steps} has no effect with env_type=sequential, "
            "whose trial is the whole training. Use env_type=meta."
        )
    if LOOKING in (asked.agent1, asked.agent2):
        return _looking(asked, world)
    env, opponent = _against(asked, world)
    games = getattr(env, "games", 1)
    usual = "avg" if asked.agent1 == "Shaper" else "nothing"
    mixing = MIXINGS[asked.att_type or usual]
    if mixing != "none" and games == 1:
        raise OptionError(
            f"agent1={asked.agent1} mixes the memories of games against one learner, and here is "
            "one game. Use a learner as agent2 with num_envs of at least 2, or att_type=nothing."
        )
    rows = asked.num_opps * (1 if opponent is None else asked.num_envs)
    settings: Shape
    if asked.runner == "evo":
        settings = _evolving(asked, mixing, rows)
    else:
        played = asked.num_inner_steps * (asked.num_outer_steps if meta else 1)
        settings = _settings(asked.agent1, asked.ppo1, rows, played, games, mixing)
        how = asked.ppo1
        if how.lr_scheduling:
            settings = dataclasses.replace(settings, anneal_learning_rate=True)
        if how.anneal_entropy:
            settings = dataclasses.replace(
                settings,
                ent_coef_final=how.entropy_coeff_end,
                ent_coef_steps=how.entropy_coeff_horizon,
            )
    if asked.agent1 == "MFOS":
        settings = dataclasses.replace(settings, inner_steps=asked.num_inner_steps)
    return _experiment(asked, env, settings, opponent, world)


def _experiment(
    asked: Configuration,
    env: Environment[Any, Any],
    settings: Shape,
    opponent: AnyOpponent | None,
    world: Environment[Any, Any],
) -> Experiment:
    one = algorithm_of(settings).steps_an_update(settings, env)
    every = asked.num_iters if asked.save_interval is None else asked.save_interval
    if asked.num_iters % every:
        raise OptionError(
            f"save_interval must divide the {asked.num_iters} of num_iters, got {every}."
        )
    return Experiment(env, settings, asked.num_iters * one, every * one, opponent, world)


def _against(
    asked: Configuration, world: Environment[Any, Any]
) -> tuple[Environment[Any, Any], AnyOpponent | None]:
    """What the first agent plays; and who plays the second, where that never learns."""
    meta, first = asked.env_type == "meta", world.spec.agents[0]
    if asked.agent2 in (*LEARNERS, EXACT):
        stop = asked.stop
        if not asked.agent2_learning:
            if stop is not None:
                raise OptionError("stop has no effect with agent2_learning=false, which is stop=0.")
            stop = 0
        learned = against_learner(
            world,
            first,
            _co_player(asked, world),
            games=asked.num_envs,
            episodes=asked.num_outer_steps if meta else FOREVER,
            stop=stop,
        )
        return learned, None
    for name in ("stop", "agent2_learning"):
        if getattr(asked, name) != getattr(Configuration, name):
            raise OptionError(
                f"{name}={getattr(asked, name)} has no effect: {asked.agent2} never learns."
            )
    opponent = _fixed(asked.agent2, world)
    env = one_team(world, first, opponent)
    return trials(env, asked.num_outer_steps) if meta else env, opponent


def _co_player(asked: Configuration, world: Environment[Any, Any]) -> CoPlayer:
    if asked.agent2 == EXACT:
        if not declares(world.spec, "exact_value"):
            raise OptionError(
                f"agent2={EXACT} follows an exact gradient, and the spec of {world.spec.name} "
                "declares no exact_value: take Naive, who learns from what was played."
            )
        return NaiveCoPlayer(AsSecond(world), rate=asked.naive.lr)
    for name in ("lr_scheduling", "anneal_entropy"):
        if getattr(asked.ppo2, name):
            raise OptionError(f"ppo2.{name} has no effect: set it for ppo1.")
    steps = asked.num_inner_steps
    return PPOCoPlayer(_settings(asked.agent2, asked.ppo2, asked.num_envs, steps))


def _fixed(name: str, world: Environment[Any, Any]) -> AnyOpponent:
    """A strategy of the world, or what was learned before."""
    known = opponents.of(world)
    if name in known:
        return known[name]
    if is_saved(name):
        return saved(Path(name), world)
    near = nearest(name, [*known, *LEARNERS])
    meant = f" Did you mean {near}?" if near else ""
    raise UnknownNameError(
        f"{world.spec.name} has no agent2 {name!r}.{meant} It has {', '.join(known)}; learners are "
        f"{', '.join((*LEARNERS, EXACT, LOOKING))}; or name a folder with a policy.npz."
    )


def _looking(asked: Configuration, world: Environment[Any, Any]) -> Experiment:
    """Two agents that look ahead, in the world itself."""
    if asked.agent1 != asked.agent2:
        raise OptionError(
            f"{LOOKING} plays its like: agent1 and agent2 must both be {LOOKING}, got "
            f"{asked.agent1} and {asked.agent2}. With lola.num_lookaheads=0 both are naive."
        )
    for name in ("env_type", "runner", "stop", "agent2_learning", "ppo1", "ppo2"):
        if getattr(asked, name) != getattr(Configuration, name):
            raise OptionError(f"{name} has no effect with {LOOKING}: set the block lola.")
    how = asked.lola
    settings = LOLA(
        learning_rate=how.lr_out,
        adam_eps=how.adam_epsilon,
        other_rate=how.lr_in,
        gamma=how.gamma,
        lookaheads=how.num_lookaheads,
        use_baseline=how.use_baseline,
        num_envs=asked.num_envs,
        n_steps=asked.num_inner_steps,
    )
    return _experiment(asked, world, settings, None, world)


def _evolving(asked: Configuration, mixing: str, rows: int) -> Shape:
    """A population; each member plays in so many worlds in a generation."""
    if asked.env_type != "meta":
        raise OptionError("runner=evo judges whole trials: env_type must be meta, got sequential.")
    if asked.ppo1 != dataclasses.replace(Learning(), hidden_size=asked.ppo1.hidden_size):
        raise OptionError("Of ppo1 runner=evo takes hidden_size alone: evolution has the block es.")
    kind: Any = settings_named("ES")
    how = asked.es
    layers, gru = _network(asked.agent1, asked.ppo1)
    evolving: Shape = kind(
        net_arch=layers,
        gru=gru,
        mixing=mixing,
        std=how.sigma_init,
        std_decay=how.sigma_decay,
        std_limit=how.sigma_limit,
        learning_rate=how.lrate_init,
        learning_rate_decay=how.lrate_decay,
        learning_rate_limit=how.lrate_limit,
        adam_b1=how.beta_1,
        adam_b2=how.beta_2,
        adam_eps=how.eps,
        algorithm=EVOLUTIONS[how.algo],
        population_size=asked.popsize,
        episodes=rows,
    )
    return evolving


def _network(kind: str, asked: Learning) -> tuple[tuple[int, ...], int]:
    """Layers, and numbers that are remembered."""
    remembers = kind in ("PPO_memory", *SHAPERS) or asked.with_memory
    if asked.with_memory and kind not in ("PPO", "PPO_memory"):
        raise OptionError(f"with_memory has no effect on {kind}: use PPO, or leave it out.")
    width = asked.hidden_size
    return (width, width) if kind == "PPO" and not remembers else (), width if remembers else 0


def _settings(
    kind: str, asked: Learning, rows: int, steps: int, games: int = 1, mixing: str = "none"
) -> PPO:
    """A learner of that kind, which plays so many rows of so many games, for so many steps."""
    lanes = rows * games
    layers, gru = _network(kind, asked)
    units, what = (lanes, "games") if gru else (lanes * steps, "steps")
    if mixing != "none":
        units, what = rows, "trials"
    if units % asked.num_minibatches:
        raise OptionError(
            f"num_minibatches must divide the {units} {what} of an update, got "
            f"{asked.num_minibatches}."
        )
    return PPO(
        net_arch=layers,
        gru=gru,
        mixing=mixing,
        num_envs=rows,
        n_steps=steps,
        batch_size=lanes * steps // asked.num_minibatches,
        n_epochs=asked.num_epochs,
        gamma=asked.gamma,
        gae_lambda=asked.gae_lambda,
        clip_range=NEVER if kind == NAIVE else asked.ppo_clipping_epsilon,
        clip_range_vf=asked.clip_value,
        vf_coef=asked.value_coeff,
        ent_coef=asked.entropy_coeff_start,
        max_grad_norm=asked.max_gradient_norm,
        learning_rate=asked.learning_rate,
        adam_eps=asked.adam_epsilon,
    )
