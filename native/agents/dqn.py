"""Deep Q-learning (Mnih et al., 2015): play, remember, learn from what is remembered.

    settings = DQN(num_envs=16, learning_rate=1e-3, gradient_steps=16, target_update_interval=1000)
    training = init(settings, env, jax.random.key(0))
    training, metrics = update(settings, env, training)  # put it under `native.kernels.jit`

Settings have the names that Stable-Baselines3 gives them. Its numbers are data, as those of `PPO`.
The policy tower of the network tells the value of each action; its value tower stays as it began.

An agent that has ended, or whose turn it is not, is not learned from; in a game of turns an action
leads to where the agent acts next. Where time ended an episode its value goes on from the true
final observation, of which no mask is known; where the rules ended it there is none.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax  # type: ignore[import-untyped]

from native import rules
from native.batch import Carry, Transition
from native.core import Environment, pytree
from native.prng import quick
from native.rollout import collect
from native.rules import RuleError
from native.spaces import Discrete

from . import acting, actions, experience, normalization, replay
from .acting import Seen, Shape, epsilon_greedy, keys_of, look, seen_by
from .networks import actor_and_rest, joined
from .players import Player, players_of
from .replay import Replay


@dataclasses.dataclass(frozen=True, kw_only=True)
class DQN(Shape):
    """Settings beside those of the networks; the first are numbers, which `jax.vmap` may map.

    Attributes:
        learning_rate: Of Adam.
        gamma: Discount of a step.
        tau: How far the target network moves to the one that learns, 1: all the way.
        max_grad_norm: Longer gradients are shortened.
        learning_starts: Steps of an agent before the first gradient; actions are random till then.
        target_update_interval: Steps of an agent between moves of the target network; it moves
            once an update at most.
        exploration_fraction: Part of the training in which random actions become fewer.
        exploration_initial_eps, exploration_final_eps: Chance of one, first and then.
        steps: Steps of an agent in the whole training, for what is annealed.
        num_envs: Worlds played at once.
        train_freq: Steps of each between updates.
        gradient_steps: How often weights move in an update.
        batch_size: Transitions of which each gradient is the mean.
        buffer_size: Transitions that are remembered, rounded down to those of whole updates.
        double: The network that learns chooses the action whose value the target network tells
            (van Hasselt et al., 2016).
    """

    activation: str = "relu"
    learning_rate: Any = 1e-4
    gamma: Any = 0.99
    tau: Any = 1.0
    max_grad_norm: Any = 10.0
    learning_starts: Any = 100
    target_update_interval: Any = 10_000
    exploration_fraction: Any = 0.1
    exploration_initial_eps: Any = 1.0
    exploration_final_eps: Any = 0.05
    steps: Any = 100_000
    num_envs: int = 16
    train_freq: int = 4
    gradient_steps: int = 1
    batch_size: int = 32
    buffer_size: int = 100_000
    double: bool = False


_SHARES = (
    *("gamma", "tau", "exploration_fraction"),
    *("exploration_initial_eps", "exploration_final_eps"),
)
_FITS = {
    **dict.fromkeys(("learning_rate", "learning_starts"), rules.at_least_0),
    **dict.fromkeys(_SHARES, rules.share),
    **dict.fromkeys(("target_update_interval", "steps"), rules.positive),
    "max_grad_norm": rules.endless(rules.positive),
}
NUMBERS = tuple(_FITS)
_FORM = [field.name for field in dataclasses.fields(DQN) if field.name not in NUMBERS]
jax.tree_util.register_dataclass(DQN, data_fields=list(NUMBERS), meta_fields=_FORM)


@pytree
class Training:
    """Everything that changes while an agent learns.

    Attributes:
        weights, target, optimizer, replay: Player -> its network's, those of the target network,
            Adam's, and what is remembered.
        carry, shown: Where the worlds stand.
        key: Of everything drawn but the worlds' own.
        updates: int32 (), how many there were.
    """

    weights: dict[str, Any]
    target: dict[str, Any]
    optimizer: dict[str, Any]
    replay: dict[str, Replay]
    carry: Carry
    shown: Transition
    key: jax.Array
    updates: jax.Array


def check(settings: DQN, env: Environment[Any, Any]) -> None:
    """Refuse what cannot be learned with, before anything is computed.

    Raises:
        RuleError: A setting does not fit, by itself or with the environment.
    """
    counts = ("num_envs", "train_freq", "gradient_steps", "batch_size", "buffer_size")
    rules.check(
        dataclasses.replace(settings),
        **rules.numbers_of(settings, _FITS),
        **dict.fromkeys(counts, rules.count()),
        double=rules.flag,
    )
    acting.check_shape(settings, value_tower=False)
    if settings.gru:
        raise RuleError(
            f"gru must be 0, got {settings.gru}: DQN learns from single steps and has no memory. "
            "Use PPO or ES."
        )
    for player in players_of(env.spec, settings.sharing):
        if not isinstance(player.action, Discrete):
            raise RuleError(
                f"DQN tells the value of each of some Discrete actions; those of {player.name!r} "
                f"are {player.action!r}. Use PPO or ES."
            )
        acting.network(settings, player)  # which refuses what it cannot be made of
        lanes = settings.num_envs * (1 if player.own else player.num_agents)
        if settings.buffer_size < lanes * settings.train_freq:
            raise RuleError(
                f"buffer_size must be at least the {lanes * settings.train_freq} transitions of "
                f"{player.name!r} in an update ({lanes} lanes of {settings.train_freq} steps), got "
                f"{settings.buffer_size}."
            )


def steps_an_update(settings: DQN, env: Environment[Any, Any]) -> int:
    """Steps of an agent that are played between updates."""
    return settings.num_envs * settings.train_freq * env.spec.num_agents


def init(settings: DQN, env: Environment[Any, Any], key: jax.Array, params: Any = None) -> Training:
    """Begin: new weights, new worlds, nothing remembered.

    Args:
        settings: See `check`, which is to be called before.
        env: What is played.
        key: All randomness.
        params: Numbers of the dynamics; None: the environment's own.
    """
    key, of_worlds, of_weights = jax.random.split(quick(key), 3)
    carry, shown = experience.begin(env, of_worlds, settings.num_envs, params, global_state=False)
    weights: dict[str, Any] = {}
    optimizer: dict[str, Any] = {}
    remembered: dict[str, Replay] = {}
    for i, player in enumerate(players_of(env.spec, settings.sharing)):
        seen, name = seen_by(player, shown), player.name
        keys = keys_of(player, jax.random.fold_in(of_weights, i))
        weights[name] = player.each(functools.partial(acting.first_weights, settings, player))(
            keys, seen
        )
        adam = player.each(_optimizer(settings).init)
        optimizer[name] = adam(actor_and_rest(weights[name])[0])
        remembered[name] = replay.empty(seen, settings.buffer_size, settings.train_freq)
    return Training(
        weights=weights,
        target=weights,
        optimizer=optimizer,
        replay=remembered,
        carry=carry,
        shown=shown,
        key=key,
        updates=jnp.int32(0),
    )


def update(
    settings: DQN, env: Environment[Any, Any], training: Training, params: Any = None
) -> tuple[Training, dict[str, Any]]:
    """Play `train_freq` steps in every world, and learn `gradient_steps` times.

    Returns:
        The training after it, and metrics, as `ppo.update` returns them.
    """
    players = players_of(env.spec, settings.sharing)
    key, of_playing, of_learning = jax.random.split(training.key, 3)
    one = steps_an_update(settings, env)
    before = training.updates.astype(jnp.float32) * one
    after = before + one
    starts = after > settings.learning_starts
    moves = after // settings.target_update_interval > before // settings.target_update_interval
    chance = jnp.where(before < settings.learning_starts, 1, exploration(settings, before))
    (carry, shown), (played, outcome) = collect(
        experience.worlds(env, global_state=False),
        training.carry,
        training.shown,
        epsilon_greedy(settings, env, training.weights, chance),
        of_playing,
        settings.train_freq,
        params,
        record=functools.partial(replay.record, env.spec, players),
    )
    metrics = experience.episodes(env.spec, outcome) | {"exploration": chance}
    finite = {"reward": jnp.isfinite(outcome.reward).all()}
    remembered: dict[str, Replay] = {}
    learned: dict[str, Any] = {}
    for i, player in enumerate(players):
        name = player.name
        now = remembered[name] = replay.remember(training.replay[name], played[name])
        learn: Any = functools.partial(_learn, settings, player, now.filled, starts, moves)
        if player.own:
            learn = jax.vmap(learn, in_axes=(0, 0, 0, 1, 0))
        own = training.weights[name], training.target[name], training.optimizer[name]
        keys = keys_of(player, jax.random.fold_in(of_learning, i))
        learned[name], found = learn(*own, now.samples, keys)
        finite[f"{name}: observation"] = normalization.all_finite(played[name].observation)
        finite |= {f"{name}: {what}": found.pop(what).all() for what in ("gradient", "weights")}
        metrics |= {f"{name}/{what}": number.mean() for what, number in found.items()}
    after_it = Training(
        weights={name: one[0] for name, one in learned.items()},
        target={name: one[1] for name, one in learned.items()},
        optimizer={name: one[2] for name, one in learned.items()},
        replay=remembered,
        carry=carry,
        shown=shown,
        key=key,
        updates=training.updates + 1,
    )
    return after_it, metrics | {"finite": finite}


def exploration(settings: DQN, played: jax.Array) -> jax.Array:
    """The chance of a random action after so many steps of an agent: float32 ()."""
    first, last = settings.exploration_initial_eps, settings.exploration_final_eps
    part = played / jnp.maximum(settings.exploration_fraction * settings.steps, 1)
    chance: jax.Array = first + jnp.minimum(part, 1) * (last - first)
    return chance


def _optimizer(settings: DQN) -> optax.GradientTransformation:
    """Adam on one vector, which takes a few kernels; the rate comes after, since it is data."""
    clip = optax.clip_by_global_norm(settings.max_grad_norm)
    return optax.flatten(optax.chain(clip, optax.scale_by_adam()))


def _learn(
    settings: DQN,
    player: Player,
    filled: jax.Array,
    starts: jax.Array,
    moves: jax.Array,
    weights: Any,
    target: Any,
    optimizer: Any,
    samples: replay.Samples,
    key: jax.Array,
) -> tuple[tuple[Any, Any, Any], dict[str, jax.Array]]:
    """All gradient steps of one set of weights, before `starts` none.

    Args:
        moves: bool (), the target network then moves.
        samples: What is remembered, every leaf (slots, lanes, ...).
    """
    rest = actor_and_rest(weights)[1]

    def learn(now: tuple[Any, Any], key: jax.Array) -> tuple[Any, dict[str, jax.Array]]:
        actor, optimizer = now
        batch = replay.draw(key, samples, filled, settings.batch_size)
        loss = functools.partial(_loss, settings, player, rest, target, batch)
        gradient, found = jax.grad(loss, has_aux=True)(actor)
        with jax.numpy_dtype_promotion("standard"):  # optax adds floats to integers
            change, then = _optimizer(settings).update(gradient, optimizer)
        moved = jax.tree.map(lambda leaf, by: leaf - settings.learning_rate * by, actor, change)
        found["gradient"] = jnp.isfinite(optax.tree.norm(gradient))
        kept = functools.partial(jax.tree.map, functools.partial(jnp.where, starts))
        return kept((moved, then), now), found

    begun = actor_and_rest(weights)[0], optimizer
    keys = jax.random.split(key, settings.gradient_steps)
    (actor, optimizer), found = jax.lax.scan(learn, begun, keys)
    weights = joined(actor, rest)
    far = jnp.where(moves, settings.tau, jnp.float32(0))
    target = jax.tree.map(lambda old, new: old + far * (new - old), target, weights)
    found["weights"] = normalization.all_finite(weights)
    return (weights, target, optimizer), found


def _loss(
    settings: DQN,
    player: Player,
    rest: Any,
    target: Any,
    batch: replay.Samples,
    actor: Any,
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The mean Huber loss of the transitions that count; every leaf of them is (samples, ...)."""

    def values(weights: Any, observation: Any, legal: jax.Array | None) -> jax.Array:
        first = jnp.zeros(batch.counts.shape, jnp.bool_)
        seen = Seen(observation=observation, first=first, mask=legal, world=None)
        return look(settings, player, weights, None, seen, ())[0]

    def of(each: jax.Array, action: jax.Array) -> jax.Array:
        chosen = jax.nn.one_hot(action, each.shape[-1], dtype=jnp.bool_)
        return jnp.where(chosen, each, jnp.float32(0)).sum(axis=-1)

    told = values(target, batch.following, batch.legal)
    online = joined(actor, rest)
    judge = values(online, batch.following, batch.legal) if settings.double else told
    onward = of(told, actions.mode(player.action, judge))
    goes_on = jnp.where(batch.terminated, jnp.float32(0), settings.gamma)
    aim = jax.lax.stop_gradient(batch.reward + goes_on * onward)
    value = of(values(online, batch.observation, None), batch.action)
    counts = batch.counts.astype(jnp.float32)
    most = jnp.maximum(counts.sum(), 1)
    loss = (optax.huber_loss(value, aim) * counts).sum() / most
    return loss, {"loss": loss, "value": (value * counts).sum() / most}
