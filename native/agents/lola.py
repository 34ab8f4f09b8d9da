"""LOLA by DiCE: agents that learn through what the others learn (Foerster et al., 2018, both).

    settings = LOLA(num_envs=64, n_steps=100)
    training = init(settings, make("iterated_matrix_v0"), jax.random.key(0))
    training, metrics = update(settings, env, training)  # put it under `jax.jit`

Each agent plays games against the others as they are, lets each of them take a step along its own
gradient, plays against those, and climbs what it then earns. The samples are weighted by DiCE's
magic box, so the gradient goes through the steps of the others too. With `lookaheads=0` all are
naive, and this is a policy gradient with a baseline.

All agents are of one group, have weights of their own, and may have no memory. Numbers of settings
are data, as those of `PPO`. For exact gradients see `native.agents.exact`.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax  # type: ignore[import-untyped]

from native import rules
from native.batch import Autoreset, Batch
from native.core import Environment, pytree
from native.prng import quick
from native.rules import RuleError
from native.spaces import Discrete

from . import acting, normalization
from .acting import Shape, first_weights, keys_of, policy_of, seen_by
from .players import Player, players_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class LOLA(Shape):
    """Settings beside those of the networks; the first are numbers, which `jax.vmap` may map.

    Attributes:
        learning_rate, adam_eps: Of Adam; the second in its denominator.
        other_rate: Of a step of another agent that is looked ahead.
        gamma: Discount of a step.
        lookaheads: Steps of the others that are looked ahead.
        num_envs: Games played at once.
        n_steps: Steps of each.
        use_baseline: Values make the gradient less noisy.
    """

    net_arch: tuple[Any, ...] = ()
    sharing: str = "agent"
    learning_rate: Any = 0.1
    adam_eps: Any = 1e-5
    other_rate: Any = 0.3
    gamma: Any = 0.96
    lookaheads: int = 1
    num_envs: int = 64
    n_steps: int = 100
    use_baseline: bool = True


_FITS = {
    **dict.fromkeys(("learning_rate", "other_rate"), rules.at_least_0),
    "adam_eps": rules.positive,
    "gamma": rules.share,
}
NUMBERS = tuple(_FITS)
_FORM = [field.name for field in dataclasses.fields(LOLA) if field.name not in NUMBERS]
jax.tree_util.register_dataclass(LOLA, data_fields=list(NUMBERS), meta_fields=_FORM)


@pytree
class Training:
    """Everything that changes while agents learn.

    Attributes:
        weights, optimizer: Player -> (agents, ...), the networks' and Adam's.
        key: Of everything drawn.
        updates: int32 (), how many there were.
    """

    weights: dict[str, Any]
    optimizer: dict[str, Any]
    key: jax.Array
    updates: jax.Array


@pytree
class Played:
    """Games, step by step; every leaf float32 (steps, games, agents)."""

    log_prob: jax.Array
    value: jax.Array
    reward: jax.Array


def check(settings: LOLA, env: Environment[Any, Any]) -> None:
    """Refuse what cannot be learned with, before anything is computed.

    Raises:
        RuleError: A setting does not fit, by itself or with the environment.
    """
    rules.check(
        dataclasses.replace(settings),
        **rules.numbers_of(settings, _FITS),
        lookaheads=rules.count(0),
        num_envs=rules.count(),
        n_steps=rules.count(),
        use_baseline=rules.flag,
    )
    acting.check_shape(settings, value_tower=True)
    if settings.sharing != "agent" or settings.gru:
        raise RuleError(
            "LOLA needs sharing='agent' and gru=0, since each agent learns weights of its own and "
            f"has no memory; got sharing={settings.sharing!r} and gru={settings.gru}."
        )
    spec = env.spec
    if len(spec.groups) > 1 or spec.turns or spec.num_agents < 2:
        raise RuleError(
            f"LOLA needs several agents of one group that act at once; {spec.name} has "
            f"{spec.num_agents} in {[group.name for group in spec.groups]}"
            f"{', in turns' if spec.turns else ''}."
        )
    acting.network(settings, _player(settings, env))  # which refuses what it cannot be made of


def steps_an_update(settings: LOLA, env: Environment[Any, Any]) -> int:
    """Steps of an agent that an update plays, its looks ahead included."""
    games = settings.num_envs * (1 + settings.lookaheads)
    return games * settings.n_steps * env.spec.num_agents**2


def init(
    settings: LOLA, env: Environment[Any, Any], key: jax.Array, params: Any = None
) -> Training:
    """Begin: new weights.

    Args:
        settings: See `check`, which is to be called before.
        env: What is played.
        key: All randomness.
        params: Numbers of the dynamics; None: the environment's own.
    """
    player = _player(settings, env)
    key, of_weights = jax.random.split(quick(key))
    batch = Batch(env, Autoreset.DISABLED)
    shown = batch.init(jnp.zeros(1, jnp.uint32), env.params if params is None else params)[1]
    begin = player.each(functools.partial(first_weights, settings, player))
    weights = begin(keys_of(player, of_weights), seen_by(player, shown))
    optimizer = jax.vmap(_adam(settings).init)(weights)
    return Training(
        weights={player.name: weights},
        optimizer={player.name: optimizer},
        key=key,
        updates=jnp.int32(0),
    )


def update(
    settings: LOLA, env: Environment[Any, Any], training: Training, params: Any = None
) -> tuple[Training, dict[str, Any]]:
    """Let every agent look ahead and take one step, all from the same weights.

    Returns:
        The training after it, and metrics: name -> float32 (), of which "return" is an agent's mean
        over the games, and "return/AGENT" that of each; "finite" is a dict, what was computed ->
        bool (), whether it holds no NaN and no infinity.
    """
    player = _player(settings, env)
    weights = training.weights[player.name]
    play = functools.partial(_play, settings, env, player, params)
    key, of_playing = jax.random.split(training.key)

    def climbed(own: Any, number: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """What agent `number` climbs, and what everybody earned: (agents,)."""
        everybody = _with(weights, number, own)
        ahead = everybody
        for tick in range(settings.lookaheads):
            steps = _slopes(settings, player, play, ahead, jax.random.fold_in(key, tick))
            moved = jax.tree.map(lambda leaf, by: leaf + settings.other_rate * by, ahead, steps)
            ahead = _with(moved, number, own)
        played = play(ahead, jax.random.fold_in(key, settings.lookaheads))
        earned = played.reward.sum(axis=0).mean(axis=0)
        worth = objective(settings, played)[number] - _value_error(settings, played)[number]
        return worth, earned

    numbers = jnp.arange(player.num_agents, dtype=jnp.int32)
    keys = jax.random.split(of_playing, player.num_agents)
    slope = jax.vmap(jax.grad(climbed, has_aux=True))
    slopes, earned = slope(weights, numbers, keys)
    slopes = _of_table(settings, player, slopes)
    with jax.numpy_dtype_promotion("standard"):  # optax adds floats to integers
        change, optimizer = jax.vmap(_adam(settings).update)(
            slopes, training.optimizer[player.name]
        )
    after = jax.tree.map(lambda leaf, by: leaf + settings.learning_rate * by, weights, change)
    mine = jnp.diagonal(earned)
    metrics: dict[str, Any] = {"return": mine.mean()}
    metrics |= {f"return/{agent}": mine[i] for i, agent in enumerate(env.spec.agents)}
    metrics["finite"] = {
        "reward": jnp.isfinite(earned).all(),
        "gradient": normalization.all_finite(slopes),
        "weights": normalization.all_finite(after),
    }
    then = Training(
        weights={player.name: after},
        optimizer={player.name: optimizer},
        key=key,
        updates=training.updates + 1,
    )
    return then, metrics


def _adam(settings: LOLA) -> optax.GradientTransformation:
    """The rate comes after: it may be another one for each of several settings."""
    return optax.scale_by_adam(eps=settings.adam_eps)


def objective(settings: LOLA, played: Played) -> jax.Array:
    """DiCE's: what each agent earns, discounted, with all its derivatives: float32 (agents,).

    What an agent earns hangs on what all have done till then, so the log-probabilities of all are
    added up.
    """
    discounts = settings.gamma ** jnp.arange(len(played.reward), dtype=jnp.float32)
    joint = played.log_prob.sum(axis=2)
    so_far = _box(jnp.cumsum(joint, axis=0))
    earned = so_far[..., None] * discounts[:, None, None] * played.reward
    if settings.use_baseline:
        values = jax.lax.stop_gradient(played.value)
        # It is 0, and takes the value of where an agent stands from what its choice there weighs.
        earned = earned + (1 - _box(joint))[..., None] * discounts[:, None, None] * values
    total: jax.Array = earned.sum(axis=0).mean(axis=0)
    return total


def _box(log_prob: jax.Array) -> jax.Array:
    """1, whose derivative is that of the log-probability."""
    return jnp.exp(log_prob - jax.lax.stop_gradient(log_prob))


def _value_error(settings: LOLA, played: Played) -> jax.Array:
    """How far values are from what came, squared, in the mean: float32 (agents,)."""

    def back(later: jax.Array, reward: jax.Array) -> tuple[jax.Array, jax.Array]:
        here = reward + settings.gamma * later
        return here, here

    nothing = jnp.zeros_like(played.reward[0])
    came = jax.lax.scan(back, nothing, played.reward, reverse=True)[1]
    return jnp.square(came - played.value).mean(axis=(0, 1))


def _slopes(settings: LOLA, player: Player, play: Any, weights: Any, key: jax.Array) -> Any:
    """Each agent's gradient of its own objective in its own weights, of the same games."""

    def own(number: jax.Array) -> Any:
        def worth(mine: Any) -> jax.Array:
            return objective(settings, play(_with(weights, number, mine), key))[number]

        return _of_table(settings, player, jax.grad(worth)(_own(weights, number)))

    return jax.vmap(own)(jnp.arange(player.num_agents, dtype=jnp.int32))


def _of_table(settings: LOLA, player: Player, slopes: Any) -> Any:
    """Slopes that leave the heads' biases alone, where each observation has a row of its own.

    A bias would move what is done in all states at once: of eight pairs of agents in the iterated
    dilemma fewer then came to reciprocate.
    """
    if settings.net_arch or not isinstance(player.observation, Discrete):
        return slopes

    def one(path: Any, slope: jax.Array) -> jax.Array:
        return jnp.zeros_like(slope) if path[-1].key == "bias" else slope

    return jax.tree_util.tree_map_with_path(one, slopes)


def _own(weights: Any, number: jax.Array) -> Any:
    return jax.tree.map(lambda leaf: leaf[number], weights)


def _with(weights: Any, number: jax.Array, own: Any) -> Any:
    """Everybody's weights, with other ones of one agent."""

    def one(leaf: jax.Array, mine: jax.Array) -> jax.Array:
        here = jnp.arange(len(leaf), dtype=jnp.int32) == number
        return jnp.where(here.reshape(-1, *(1,) * mine.ndim), mine[None], leaf)

    return jax.tree.map(one, weights, own)


def _play(
    settings: LOLA,
    env: Environment[Any, Any],
    player: Player,
    params: Any,
    weights: Any,
    key: jax.Array,
) -> Played:
    """Games from their beginnings; log-probabilities and values are differentiable in weights."""
    params = env.params if params is None else params
    batch = Batch(env, Autoreset.DISABLED)
    policy: Any = policy_of(settings, env.spec, {player.name: weights}, {player.name: None})
    seeds = jax.random.bits(jax.random.fold_in(key, 0), (settings.num_envs,), jnp.uint32)

    def step(now: Any, tick: jax.Array) -> tuple[Any, Played]:
        carry, shown = now
        choice = policy(jax.random.fold_in(key, tick), shown, {player.name: ()})
        acted = choice.beside[player.name]
        # An agent that has ended does nothing more.
        counts = shown.acting.astype(jnp.float32)
        carry, after = batch.step(carry, choice.action, params)
        kept = Played(
            log_prob=acted.log_prob.T * counts,
            value=acted.value.T * counts,
            reward=after.timestep.reward,
        )
        return (carry, after), kept

    ticks = jnp.arange(1, settings.n_steps + 1, dtype=jnp.int32)
    return jax.lax.scan(step, batch.init(seeds, params), ticks)[1]


def _player(settings: LOLA, env: Environment[Any, Any]) -> Player:
    (player,) = players_of(env.spec, settings.sharing)
    return player
