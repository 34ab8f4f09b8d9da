"""Evolution of policies: whole populations play, and the better ones say what is tried next.

    settings = ES(algorithm="open_es", population_size=64, episodes=4)
    training = init(settings, env, jax.random.key(0))
    training, metrics = update(settings, env, training)  # put it under `jax.jit`

| algorithm     | what it keeps                                                             |
| ------------- | ------------------------------------------------------------------------- |
| `"open_es"`   | a mean, moved along ranked differences (Salimans et al., 2017)            |
| `"pgpe"`      | a mean and a deviation of each weight (Sehnke et al., 2010)               |
| `"cma_es"`    | a mean and a covariance, for small networks (Hansen et al., 2001)         |
| `"simple_ga"` | a population, whose better half has mutated children (Such et al., 2017)  |

They are evosax's. What chooses the likeliest action is evolved, the GRU's weights too; the value
tower and `log_std` stay as they began. Every member of a population plays the same worlds to their
ends; its fitness is the mean return of an agent. Numbers of settings are data, as those of `PPO`.

evosax is an extra of its own, `evolution`: it brings matplotlib, which nothing here imports.
"""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax  # type: ignore[import-untyped]

try:
    import evosax.algorithms as evosax  # type: ignore[import-untyped]
except ModuleNotFoundError as error:
    raise ImportError(
        f"native.agents.es needs evosax ({error}). Install it with: "
        "pip install 'jitbridge[evolution]'"
    ) from error

from native import rules
from native.batch import Autoreset, Batch
from native.core import Environment, pytree
from native.prng import quick
from native.rules import RuleError

from . import normalization
from .acting import (
    Shape,
    check_inner_steps,
    check_network,
    check_shape,
    first_weights,
    keys_of,
    no_memory,
    policy_of,
    seen_by,
)
from .evaluation import LONGEST, Episodes, evaluate
from .networks import actor_and_rest, joined
from .players import Player, players_of

MOST_OF_CMA = 2_048  # weights of which a covariance can be decomposed in every update

_STD = {"std_decay": 1.0, "std_limit": 0.0}
_ADAM = {
    "learning_rate": 0.05,
    "learning_rate_decay": 1.0,
    "learning_rate_limit": 0.0,
    "adam_b1": 0.9,
    "adam_b2": 0.999,
    "adam_eps": 1e-8,
}
# Algorithm -> the numbers that it has beside `std`, with what they are if they are not given.
_USUAL: dict[str, dict[str, float]] = {
    "open_es": {**_ADAM, **_STD},
    "pgpe": {**_ADAM, "std_learning_rate": 0.1},
    "cma_es": {},
    "simple_ga": {"crossover_rate": 0.0, **_STD},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ES(Shape):
    """Settings beside those of the networks; the first are numbers, which `jax.vmap` may map.

    Attributes:
        std: Deviation of the noise on weights; of "cma_es" and "pgpe" the first one.
        std_decay, std_limit: By what `std` is multiplied in every update, and where that ends; 1
            and 0 if None. "open_es" and "simple_ga" have them.
        learning_rate: Of Adam on the mean, 0.05 if None; "open_es" and "pgpe" have it.
        learning_rate_decay, learning_rate_limit: The same of `learning_rate`, as `std_decay` and
            `std_limit` are of `std`.
        adam_b1, adam_b2, adam_eps: Of Adam, where there is one; 0.9, 0.999 and 1e-8 if None.
        std_learning_rate: Of the deviations, 0.1 if None; "pgpe" has it.
        crossover_rate: Part of the weights that a child has of its second parent, 0 if None;
            "simple_ga" has it.
        algorithm: See above.
        population_size: Members of a population; an even number for "open_es" and "pgpe".
        episodes: Worlds that each member plays once in an update.
    """

    net_arch: tuple[Any, ...] = (32,)
    std: Any = 0.1
    std_decay: Any = None
    std_limit: Any = None
    learning_rate: Any = None
    learning_rate_decay: Any = None
    learning_rate_limit: Any = None
    adam_b1: Any = None
    adam_b2: Any = None
    adam_eps: Any = None
    std_learning_rate: Any = None
    crossover_rate: Any = None
    algorithm: str = "open_es"
    population_size: int = 64
    episodes: int = 4


_FITS = {
    **dict.fromkeys(("std", "adam_eps"), rules.positive),
    **dict.fromkeys(
        ("std_limit", "learning_rate", "learning_rate_limit", "std_learning_rate"), rules.at_least_0
    ),
    **dict.fromkeys(
        ("crossover_rate", "std_decay", "learning_rate_decay", "adam_b1", "adam_b2"), rules.share
    ),
}
NUMBERS = tuple(_FITS)
ALONE = True  # CMA-ES calls LAPACK, whose threads two programs would wait for
_FORM = [field.name for field in dataclasses.fields(ES) if field.name not in NUMBERS]
jax.tree_util.register_dataclass(ES, data_fields=list(NUMBERS), meta_fields=_FORM)


@pytree
class Training:
    """Everything that changes while a population evolves.

    Attributes:
        weights: Player -> the network of the mean, or of the best of the last population.
        state: evosax's.
        key: Of everything drawn.
        updates: int32 (), how many there were.
    """

    weights: dict[str, Any]
    state: Any
    key: jax.Array
    updates: jax.Array


def check(settings: ES, env: Environment[Any, Any]) -> None:
    """Refuse what cannot be evolved with, before anything is computed.

    Raises:
        RuleError: A setting does not fit, by itself or with the environment.
    """
    rules.check(
        dataclasses.replace(settings),
        **rules.numbers_of(settings, _FITS),
        algorithm=rules.one_of(*_USUAL),
        population_size=rules.count(2),
        episodes=rules.count(),
    )
    check_shape(settings, value_tower=False)
    check_inner_steps(settings, env)
    for name in sorted({name for numbers in _USUAL.values() for name in numbers}):
        if getattr(settings, name) is not None and name not in _USUAL[settings.algorithm]:
            having = [each for each, numbers in _USUAL.items() if name in numbers]
            raise RuleError(
                f"{name} must be None with {settings.algorithm!r}, which has none, got "
                f"{getattr(settings, name)}; {' and '.join(map(repr, having))} "
                f"{'have' if len(having) > 1 else 'has'} it."
            )
    if settings.algorithm in ("open_es", "pgpe") and settings.population_size % 2:
        raise RuleError(
            f"population_size must be even with {settings.algorithm!r}, which plays every noise "
            f"with both signs, got {settings.population_size}."
        )
    player, *others = players_of(env.spec, settings.sharing)
    if others:
        raise RuleError(
            f"ES evolves one player, and {env.spec.name} has "
            f"{' and '.join(each.name for each in (player, *others))}. Use sharing='all' where "
            "their spaces are equal, or PPO, or let an opponent play all but one of them "
            "(native.wrappers.one_team)."
        )
    check_network(settings, player)
    form = jax.eval_shape(lambda: _first(settings, env, player, jax.random.key(0), None))
    size = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(actor_and_rest(form)[0]))
    if settings.algorithm == "cma_es" and size > MOST_OF_CMA:
        raise RuleError(
            f"net_arch={settings.net_arch} makes {size:,} weights, and the covariance of 'cma_es' "
            f"is one of at most {MOST_OF_CMA:,}. Use a smaller net_arch, such as (16,), or 'pgpe'."
        )


def steps_an_update(settings: ES, env: Environment[Any, Any]) -> int:
    """Steps of an agent that an update plays at most; episodes may end sooner."""
    episodes = settings.population_size * settings.episodes
    return episodes * (env.spec.horizon or LONGEST) * env.spec.num_agents


def init(settings: ES, env: Environment[Any, Any], key: jax.Array, params: Any = None) -> Training:
    """Begin: new weights, about which the first population lies.

    Args:
        settings: See `check`, which is to be called before.
        env: What is played.
        key: All randomness.
        params: Numbers of the dynamics; None: the environment's own.
    """
    key, of_weights, of_state = jax.random.split(quick(key), 3)
    (player,) = players_of(env.spec, settings.sharing)
    weights = _first(settings, env, player, of_weights, params)
    actor = actor_and_rest(weights)[0]
    algorithm, numbers = _algorithm(settings, actor)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        if settings.algorithm == "simple_ga":  # nobody is better yet
            copies = jax.tree.map(lambda leaf: jnp.stack([leaf] * settings.population_size), actor)
            equal = jnp.zeros(settings.population_size, jnp.float32)
            state = algorithm.init(of_state, copies, equal, numbers)
        else:
            state = algorithm.init(of_state, actor, numbers)
    return Training(
        weights={player.name: weights}, state=_strong(state), key=key, updates=jnp.int32(0)
    )


def update(
    settings: ES, env: Environment[Any, Any], training: Training, params: Any = None
) -> tuple[Training, dict[str, Any]]:
    """Let a population play, and move on by its fitness.

    Returns:
        The training after it, and metrics: name -> float32 (), of which "return" is the mean of
        the population and "best" that of its best member; "finite" is a dict, what was computed ->
        bool (), whether it holds no NaN and no infinity.
    """
    (player,) = players_of(env.spec, settings.sharing)
    actor, rest = actor_and_rest(training.weights[player.name])
    algorithm, numbers = _algorithm(settings, actor)
    key, of_asking, of_playing, of_telling = jax.random.split(training.key, 4)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        population, state = algorithm.ask(of_asking, training.state, numbers)

    def play(member: Any) -> Episodes:
        weights, moments = {player.name: joined(member, rest)}, {player.name: None}
        policy = policy_of(settings, env.spec, weights, moments, deterministic=True)
        memory = {player.name: no_memory(settings, player, settings.episodes)}
        return evaluate(env, policy, of_playing, settings.episodes, params=params, memory=memory)

    played = jax.vmap(play)(population)
    fitness = played.returns.mean(axis=(1, 2))
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        state, _ = algorithm.tell(of_telling, population, -fitness, state, numbers)
        ga = settings.algorithm == "simple_ga"
        actor = (algorithm.get_best_solution if ga else algorithm.get_mean)(state)
    weights = joined(actor, rest)
    metrics = {
        "episodes": jnp.float32(settings.population_size * settings.episodes),
        "length": played.lengths.astype(jnp.float32).mean(),
        "steps": played.lengths.astype(jnp.float32).sum() * env.spec.num_agents,
        "return": fitness.mean(),
        "best": fitness.max(),
        "finite": {
            "reward": jnp.isfinite(played.returns).all(),
            f"{player.name}: weights": normalization.all_finite(weights),
        },
    }
    after = Training(
        weights={player.name: weights},
        state=_strong(state),
        key=key,
        updates=training.updates + 1,
    )
    return after, metrics


def _first(
    settings: ES, env: Environment[Any, Any], player: Player, key: jax.Array, params: Any
) -> Any:
    """Weights before the first update."""
    batch = Batch(env, Autoreset.DISABLED)
    shown = batch.init(jnp.zeros(1, jnp.uint32), env.params if params is None else params)[1]
    begin = player.each(functools.partial(first_weights, settings, player))
    return begin(keys_of(player, key), seen_by(player, shown))


def _algorithm(settings: ES, actor: Any) -> tuple[Any, Any]:
    """evosax's algorithm for such weights, and its parameters. It is of one trace: numbers may be
    traced, and evosax keeps some of them in closures.
    """
    given = {name: getattr(settings, name) for name in _USUAL[settings.algorithm]}
    usual = _USUAL[settings.algorithm]
    number = {name: usual[name] if each is None else each for name, each in given.items()}
    form = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), actor)
    size, std = settings.population_size, settings.std

    def falling(start: Any, name: str) -> Any:
        """Update -> the number then."""
        decay, limit = number[f"{name}_decay"], number[f"{name}_limit"]
        return lambda update: jnp.maximum(start * decay**update, limit)

    def adam() -> optax.GradientTransformation:
        rate = falling(number["learning_rate"], "learning_rate")
        return optax.adam(rate, number["adam_b1"], number["adam_b2"], number["adam_eps"])

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        match settings.algorithm:
            case "open_es":
                noise = falling(std, "std")
                made = evosax.Open_ES(size, form, optimizer=adam(), std_schedule=noise)
                return made, made.default_params
            case "pgpe":
                made = evosax.PGPE(size, form, optimizer=adam())
                rate = number["std_learning_rate"]
                return made, made.default_params.replace(std_init=std, std_lr=rate)
            case "cma_es":
                made = evosax.CMA_ES(size, form)
                return made, made.default_params.replace(std_init=std)
            case _:
                made = evosax.SimpleGA(size, form, std_schedule=falling(std, "std"))
                rate = number["crossover_rate"]
                return made, made.default_params.replace(crossover_rate=rate)


def _strong(state: Any) -> Any:
    """evosax begins with Python's numbers; as arrays of a dtype they compile nothing again."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.result_type(leaf)), state)
