"""What an experiment says: who plays what, and how they learn. Keys are Pax's."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from native import rules

NAIVE = "Naive"  # follows what it has played, without clipping
LEARNERS = ("PPO", "PPO_memory", "Tabular", NAIVE)
SHAPERS = ("Shaper", "MFOS")  # who learn how others learn
EXACT = "NaiveEx"  # follows its exact gradient, where actions are whole strategies
LOOKING = "LOLA"  # plays only its like
MIXINGS = {"nothing": "none", "avg": "average", "att": "attention"}
RUNNERS = ("rl", "evo")
EVOLUTIONS = {"OpenES": "open_es", "PGPE": "pgpe", "CMA_ES": "cma_es", "SimpleGA": "simple_ga"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Learning:
    """How an agent learns: a block `ppo1`, `ppo2` or `ppo_default`; None: as PPO has it.

    Attributes:
        hidden_size: Of "PPO" the width of its two layers; of those with a memory, numbers of it.
        num_minibatches, num_epochs: Of the samples of an update.
        gamma, gae_lambda: Discounts.
        ppo_clipping_epsilon: How far a probability may move.
        value_coeff, entropy_coeff_start: What values and entropy weigh.
        anneal_entropy: That of entropy moves linearly to `entropy_coeff_end`, and is there after
            `entropy_coeff_horizon` steps of an agent, None: at the end; of `agent1`.
        clip_value: How far a value may move; None or false: any distance; true: as a probability.
        max_gradient_norm: Longer gradients are shortened.
        learning_rate, adam_epsilon: Of Adam.
        lr_scheduling: The learning rate falls to 0; of `agent1`.
        with_memory: "PPO" is "PPO_memory".
    """

    hidden_size: int = 16
    num_minibatches: int = 4
    num_epochs: int = 2
    gamma: float = 0.96
    gae_lambda: float = 0.95
    ppo_clipping_epsilon: float = 0.2
    value_coeff: float = 0.5
    entropy_coeff_start: float = 0.02
    anneal_entropy: bool = False
    entropy_coeff_end: float | None = None
    entropy_coeff_horizon: float | None = None
    clip_value: float | None = None
    max_gradient_norm: float = 0.5
    learning_rate: float = 0.005
    adam_epsilon: float = 1e-5
    lr_scheduling: bool = False
    with_memory: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evolving:
    """How a population evolves: the block `es`.

    Attributes:
        algo: One of `EVOLUTIONS`.
        sigma_init, sigma_decay, sigma_limit: Deviation of the noise on weights, by what it is
            multiplied in every generation, and where that ends.
        lrate_init, lrate_decay, lrate_limit: The same of Adam's rate.
        beta_1, beta_2, eps: Of Adam. What is None is as `native.agents.es.ES` has it.
    """

    algo: str = "OpenES"
    sigma_init: float = 0.1
    sigma_decay: float | None = None
    sigma_limit: float | None = None
    lrate_init: float | None = None
    lrate_decay: float | None = None
    lrate_limit: float | None = None
    beta_1: float | None = None
    beta_2: float | None = None
    eps: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exactly:
    """How "NaiveEx" learns: the block `naive`; lr: of a step."""

    lr: float = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Looking:
    """How "LOLA" learns: the block `lola`.

    Attributes:
        lr_out, adam_epsilon: Of Adam.
        lr_in: Of a step of the other that is looked ahead.
        gamma: Discount.
        num_lookaheads: Such steps.
        use_baseline: Values make the gradient less noisy.
    """

    lr_out: float = 0.1
    adam_epsilon: float = 1e-5
    lr_in: float = 0.3
    gamma: float = 0.96
    num_lookaheads: int = 1
    use_baseline: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Configuration:
    """What an experiment is.

    Attributes:
        env_id: Name of the world, of two agents, here or in Pax.
        runner: "rl": the first learns by PPO, or by LOLA. "evo": it evolves, over whole trials.
        env_type: "sequential": both learn after each inner episode, and go on. "meta": the second
            begins anew in each trial, the first learns after each trial.
        agent1: One of `LEARNERS` or `SHAPERS`; or "LOLA", who plays its like.
        agent2: One of `LEARNERS`, "NaiveEx" or "LOLA"; a fixed opponent of the world by name; or
            the folder of what was learned before.
        agent2_learning: False: the second never learns.
        att_type: One of `MIXINGS`, by which a shaper's memories are mixed; None: "avg" of "Shaper",
            "nothing" of "MFOS".
        rules: Rules of the world beside its time limit.
        params: Numbers of its dynamics that are none of its rules.
        num_inner_steps, num_outer_steps: Steps of an inner episode, inner episodes of a trial.
        num_envs: Games that the second learns from.
        num_opps: How many of the second are met at once; of `agent1` all are one.
        num_iters: How often the first learns; of "evo" generations.
        popsize: Members of a population.
        save_interval: Times that the first learns from one checkpoint to the next; None: all.
        stop: Inner episodes of a trial after which the second learns no more; None: none.
        seed, num_seeds: Of the first training, and how many there are.
        ppo1, ppo2, es, naive, lola: How they learn.
    """

    env_id: str
    agent1: str = "PPO"
    agent2: str = "PPO"
    att_type: str | None = None
    env_type: str = "sequential"
    runner: str = "rl"
    agent2_learning: bool = True
    rules: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    num_inner_steps: int = 100
    num_outer_steps: int = 1
    num_envs: int = 4
    num_opps: int = 1
    num_iters: int = 100
    popsize: int = 64
    save_interval: int | None = None
    stop: int | None = None
    seed: int = 0
    num_seeds: int = 1
    ppo1: Learning = Learning()
    ppo2: Learning = Learning()
    es: Evolving = Evolving()
    naive: Exactly = Exactly()
    lola: Looking = Looking()


# What numbers of learning must be, beside numbers of at least 0.
BOUNDS: Mapping[str, rules.Check] = {
    **dict.fromkeys(("gamma", "gae_lambda", "sigma_decay", "lrate_decay"), rules.share),
    **dict.fromkeys(("beta_1", "beta_2"), rules.share),
    **dict.fromkeys(("ppo_clipping_epsilon", "max_gradient_norm"), rules.endless(rules.positive)),
    **dict.fromkeys(("adam_epsilon", "eps", "sigma_init"), rules.positive),
    **dict.fromkeys(("learning_rate", "lrate_init", "lr", "lr_out", "lr_in"), rules.at_least_0),
}
