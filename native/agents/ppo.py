"""Proximal policy optimisation (Schulman et al., 2017): play, look back, learn; pure functions.

    settings = PPO(num_envs=16, n_steps=32, batch_size=256, n_epochs=10, learning_rate=1e-3)
    training = init(settings, env, jax.random.key(0))
    training, metrics = update(settings, env, training)  # put it under `native.kernels.jit`

Settings have the names that Stable-Baselines3 gives them. Its numbers are data: other ones compile
nothing again, and `jax.vmap` over them, or over keys, trains many at once.

An agent that has ended, or whose turn it is not, gives no gradient. Where time ended an episode its
value goes on from the true final observation; where the rules ended it there is none.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax  # type: ignore[import-untyped]

from native import devices, rules
from native.batch import Carry, Transition
from native.core import Environment, pytree
from native.prng import quick
from native.rollout import collect
from native.rules import RuleError

from . import acting, actions, experience, normalization
from .acting import Seen, Shape, keys_of, look_again, policy_of, seen_by
from .experience import Sample
from .networks import log_std_of
from .normalization import Moments
from .players import Player, players_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class PPO(Shape):
    """Settings beside those of the networks; the first are numbers, which `jax.vmap` may map.

    Attributes:
        learning_rate: Of Adam.
        gamma: Discount of a step.
        gae_lambda: Of the estimate of advantages.
        clip_range: How far a probability may move in one update, relative.
        clip_range_vf: How far a value may move in one update; None: any distance.
        ent_coef, vf_coef: What entropy and the error of the values weigh in the loss.
        ent_coef_final, ent_coef_steps: To which `ent_coef` moves linearly, and when it is there;
            None: it stays; `steps`.
        max_grad_norm: Longer gradients are shortened.
        adam_eps: Of Adam, in its denominator.
        target_kl: An update ends where the policy has moved 1.5 times as far; None: nowhere.
        log_std_init: First logarithm of the standard deviation of Box actions.
        steps: Steps of an agent in the whole training, for what is annealed.
        num_envs: Worlds played at once.
        n_steps: Steps of each between updates.
        batch_size: Samples of one minibatch: (agent, step), a multiple of n_steps with a GRU.
        n_epochs: How often each sample is learned from.
        anneal_learning_rate, anneal_clip_range: Fall linearly to 0 at `steps`.
        normalize_advantage: In each minibatch.
        normalize_observation, normalize_reward: By running moments, as `VecNormalize` does.
        central_critic: Values see the global state too (MAPPO).
        likeliest: What was learned plays its likeliest action; else it draws, as when it learned.
    """

    learning_rate: Any = 3e-4
    gamma: Any = 0.99
    gae_lambda: Any = 0.95
    clip_range: Any = 0.2
    clip_range_vf: Any = None
    ent_coef: Any = 0.0
    ent_coef_final: Any = None
    ent_coef_steps: Any = None
    vf_coef: Any = 0.5
    max_grad_norm: Any = 0.5
    adam_eps: Any = 1e-5
    target_kl: Any = None
    log_std_init: Any = 0.0
    steps: Any = 1_000_000
    num_envs: int = 16
    n_steps: int = 128
    batch_size: int = 256
    n_epochs: int = 10
    anneal_learning_rate: bool = False
    anneal_clip_range: bool = False
    normalize_advantage: bool = True
    normalize_observation: bool = False
    normalize_reward: bool = False
    central_critic: bool = False
    likeliest: bool = True


_LIMITS = ("clip_range", "clip_range_vf", "max_grad_norm", "target_kl", "ent_coef_steps")
_FITS = {
    **dict.fromkeys(("learning_rate", "ent_coef", "ent_coef_final", "vf_coef"), rules.at_least_0),
    **dict.fromkeys(("gamma", "gae_lambda"), rules.share),
    **dict.fromkeys(_LIMITS, rules.endless(rules.positive)),
    "adam_eps": rules.positive,
    "log_std_init": rules.number,
}
NUMBERS = (*_FITS, "steps")
_FORM = [field.name for field in dataclasses.fields(PPO) if field.name not in NUMBERS]
jax.tree_util.register_dataclass(PPO, data_fields=list(NUMBERS), meta_fields=_FORM)


@pytree
class Training:
    """Everything that changes while an agent learns.

    Attributes:
        weights, optimizer, moments: Player -> its network's, Adam's, of its observations.
        reward_moments: Of the discounted returns; None: rewards are not normalised.
        discounted: float32 (rows, agents), the returns that these are of.
        carry, shown: Where the worlds stand.
        memory: Player -> what its agents remember.
        key: Of everything drawn but the worlds' own.
        updates: int32 (), how many there were.
    """

    weights: dict[str, Any]
    optimizer: dict[str, Any]
    moments: dict[str, Any]
    reward_moments: Moments | None
    discounted: jax.Array
    carry: Carry
    shown: Transition
    memory: dict[str, Any]
    key: jax.Array
    updates: jax.Array


def check(settings: PPO, env: Environment[Any, Any]) -> None:
    """Refuse what cannot be learned with, before anything is computed.

    Raises:
        RuleError: A setting does not fit, by itself or with the environment.
    """
    flags = [name for name in _FORM if isinstance(getattr(PPO, name), bool)]
    rules.check(
        dataclasses.replace(settings),
        **rules.numbers_of(settings, _FITS),
        **dict.fromkeys(flags, rules.flag),
        **dict.fromkeys(("num_envs", "n_steps", "batch_size", "n_epochs"), rules.count()),
    )
    acting.check_shape(settings, value_tower=True)
    acting.check_inner_steps(settings, env)
    if settings.ent_coef_steps is not None and settings.ent_coef_final is None:
        raise RuleError(
            f"ent_coef_steps must be None without ent_coef_final, got {settings.ent_coef_steps}."
        )
    if settings.central_critic and env.spec.global_state is None:
        raise RuleError(f"central_critic must be False: {env.spec.name} has no global state.")
    for player in players_of(env.spec, settings.sharing):
        acting.check_network(settings, player)
        lanes = settings.num_envs * (1 if player.own else player.num_agents)
        experience.check_minibatches(settings, player, lanes)


def steps_an_update(settings: PPO, env: Environment[Any, Any]) -> int:
    """Steps of an agent that are played between updates."""
    return settings.num_envs * settings.n_steps * env.spec.num_agents


def init(settings: PPO, env: Environment[Any, Any], key: jax.Array, params: Any = None) -> Training:
    """Begin: new weights, new worlds.

    Args:
        settings: See `check`, which is to be called before.
        env: What is played.
        key: All randomness.
        params: Numbers of the dynamics; None: the environment's own.
    """
    key, of_worlds, of_weights = jax.random.split(quick(key), 3)
    rows, central = settings.num_envs, settings.central_critic
    carry, shown = experience.begin(env, of_worlds, rows, params, central)
    begun: dict[str, Any] = {}
    memory: dict[str, Any] = {}
    for i, player in enumerate(players_of(env.spec, settings.sharing)):
        begin = player.each(functools.partial(begin_player, settings, player))
        keys = keys_of(player, jax.random.fold_in(of_weights, i))
        memory[player.name] = acting.no_memory(settings, player, rows)
        begun[player.name] = begin(keys, seen_by(player, shown))
    return Training(
        weights={name: one[0] for name, one in begun.items()},
        optimizer={name: one[1] for name, one in begun.items()},
        moments={name: one[2] for name, one in begun.items()},
        reward_moments=normalization.nothing_seen(()) if settings.normalize_reward else None,
        discounted=jnp.zeros(shown.acting.shape, jnp.float32),
        carry=carry,
        shown=shown,
        memory=memory,
        key=key,
        updates=jnp.int32(0),
    )


def update(
    settings: PPO, env: Environment[Any, Any], training: Training, params: Any = None
) -> tuple[Training, dict[str, Any]]:
    """Play `n_steps` in every world, and learn from them.

    Returns:
        The training after it, and metrics: name -> float32 (); "finite" is a dict, what was
        computed -> bool (), whether it holds no NaN and no infinity.
    """
    players = players_of(env.spec, settings.sharing)
    before = training.weights, training.moments
    key, of_playing, of_learning = jax.random.split(training.key, 3)
    (carry, shown, memory), (samples, outcome) = collect(
        experience.worlds(env, settings.central_critic),
        training.carry,
        training.shown,
        policy_of(settings, env.spec, *before),
        of_playing,
        settings.n_steps,
        params,
        memory=training.memory,
        record=functools.partial(experience.record, settings, env.spec, players, *before),
    )
    rewards, reward_moments, discounted = experience.normalized_rewards(
        settings.gamma, training.reward_moments, training.discounted, outcome
    )
    played = training.updates.astype(jnp.float32) * steps_an_update(settings, env)
    left = jnp.maximum(1 - played / settings.steps, 0)
    metrics = experience.episodes(env.spec, outcome)
    finite = {"reward": jnp.isfinite(outcome.reward).all()}
    learned: dict[str, Any] = {}
    for i, player in enumerate(players):
        name = player.name
        own = training.weights[name], training.optimizer[name], training.moments[name]
        judge = player.each(functools.partial(experience.value, settings, player))
        last = judge(own[0], own[2], seen_by(player, shown), memory[name])
        lanes = jax.vmap(functools.partial(experience.lanes_of, env.spec, player))
        told = lanes(rewards), lanes(outcome.done), last
        advantage = experience.advantages(settings.gamma, settings.gae_lambda, samples[name], *told)
        learn: Any = functools.partial(learn_player, settings, player, left)
        if player.own:
            learn = jax.vmap(learn, in_axes=(0, 0, 0, 1, 1, 0, 0))
        keys = keys_of(player, jax.random.fold_in(of_learning, i))
        learned[name], found = learn(*own, samples[name], advantage, training.memory[name], keys)
        finite |= {f"{name}: {what}": jnp.all(found.pop(what)) for what in CHECKED}
        metrics |= {f"{name}/{what}": number.mean() for what, number in found.items()}
    after = dataclasses.replace(
        training,
        weights={name: one[0] for name, one in learned.items()},
        optimizer={name: one[1] for name, one in learned.items()},
        moments={name: one[2] for name, one in learned.items()},
        reward_moments=reward_moments,
        discounted=discounted,
        carry=carry,
        shown=shown,
        memory=memory,
        key=key,
        updates=training.updates + 1,
    )
    return after, metrics | {"finite": finite}


CHECKED = ("observation", "value", "advantage", "gradient", "weights")  # in the order of their use


def begin_player(settings: PPO, player: Player, key: jax.Array, seen: Seen) -> Any:
    """First weights, their optimizer's state, and moments; of one set of weights."""
    weights = acting.first_weights(settings, player, key, seen)
    if (log_std := log_std_of(weights)) is not None:
        weights["params"]["log_std"] = log_std + settings.log_std_init
    normalized = settings.normalize_observation
    moments = normalization.of_space(player.observation) if normalized else None
    return weights, _optimizer(settings).init(weights), moments


def _optimizer(settings: PPO) -> optax.GradientTransformation:
    """Adam as PPO uses it; the rate comes after, since it may fall."""
    clip = optax.clip_by_global_norm(settings.max_grad_norm)
    # On one vector it takes a few kernels, where on every weight by itself it takes dozens.
    return optax.flatten(optax.chain(clip, optax.scale_by_adam(eps=settings.adam_eps)))


def learn_player(
    settings: PPO,
    player: Player,
    left: jax.Array,
    weights: Any,
    optimizer: Any,
    moments: Any,
    sample: Sample,
    advantage: jax.Array,
    memory: Any,
    key: jax.Array,
) -> tuple[tuple[Any, Any, Any], dict[str, jax.Array]]:
    """All epochs of one set of weights; samples and advantages are (steps, lanes, ...).

    Args:
        left: float32 (), the part of the training that is to come.
        memory: What was remembered before the first step: (lanes, ...).
    """
    steps, lanes = advantage.shape
    settings = _annealed(settings, left)
    raw = sample.seen.observation
    observed = normalization.normalize(moments, raw)
    seen = dataclasses.replace(sample.seen, observation=observed)
    sample = dataclasses.replace(sample, seen=seen)
    data: Any = sample, advantage, advantage + sample.acted.value
    # With a memory whole sequences are drawn, else single steps.
    if settings.gru:
        data = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0), data), memory
    else:
        data = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), data), ()
    size = settings.batch_size // (steps if settings.gru else 1)
    count = lanes if settings.gru else steps * lanes

    def learn(now: Any, minibatch: Any) -> tuple[Any, dict[str, jax.Array]]:
        weights, optimizer, stopped = now
        loss = functools.partial(_loss, settings, player)
        gradient, found = jax.grad(loss, has_aux=True)(weights, minibatch)
        with jax.numpy_dtype_promotion("standard"):  # optax adds floats to integers
            change, then = _optimizer(settings).update(gradient, optimizer)
        changed = jax.tree.map(lambda leaf, by: leaf - settings.learning_rate * by, weights, change)
        found["gradient"] = jnp.isfinite(optax.tree.norm(gradient))
        if settings.target_kl is not None:
            stopped |= found["approx_kl"] > 1.5 * settings.target_kl
            kept = functools.partial(jax.tree.map, lambda old, new: jnp.where(stopped, old, new))
            changed, then = kept(weights, changed), kept(optimizer, then)
        return (changed, then, stopped), found

    def epoch(now: Any, key: jax.Array) -> tuple[Any, dict[str, jax.Array]]:
        order = experience.shuffled(key, count, experience.together(settings, player))
        order = devices.spread(order.reshape(-1, size), 1)
        parts = jax.tree.map(lambda leaf: jnp.take(leaf, order, axis=0), data)
        return jax.lax.scan(learn, now, parts)

    begun = weights, optimizer, jnp.bool_(False)
    keys = jax.random.split(key, settings.n_epochs)
    (weights, optimizer, _), found = jax.lax.scan(epoch, begun, keys)
    found |= {
        "observation": normalization.all_finite(raw),
        "value": jnp.isfinite(sample.acted.value).all(),
        "advantage": jnp.isfinite(advantage).all(),
        "weights": normalization.all_finite(weights),
    }
    flat = jax.tree.map(lambda leaf: leaf.reshape(steps * lanes, *leaf.shape[2:]), raw)
    weighty = sample.counts.astype(jnp.float32).ravel()
    return (weights, optimizer, normalization.see(moments, flat, weighty)), found


def _annealed(settings: PPO, left: jax.Array) -> PPO:
    """The settings at that time."""
    names = ("learning_rate", "clip_range")
    falling = [name for name in names if getattr(settings, f"anneal_{name}")]
    now = {name: getattr(settings, name) * left for name in falling}
    if settings.ent_coef_final is not None:
        until = settings.steps if settings.ent_coef_steps is None else settings.ent_coef_steps
        there = jnp.minimum((1 - left) * settings.steps / until, 1)
        now["ent_coef"] = settings.ent_coef + there * (settings.ent_coef_final - settings.ent_coef)
    return dataclasses.replace(settings, **now)


def _loss(
    settings: PPO,
    player: Player,
    weights: Any,
    minibatch: tuple[tuple[Sample, jax.Array, jax.Array], Any],
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The clipped objective, the error of the values and the entropy of one minibatch.

    Every leaf of it is (samples, ...), with a GRU (lanes, steps, ...).
    """
    (sample, advantage, target), memory = minibatch
    counts = sample.counts.astype(jnp.float32)
    most = jnp.maximum(counts.sum(), 1)

    def mean(each: jax.Array) -> jax.Array:
        return (each * counts).sum() / most

    outputs, values = look_again(settings, player, weights, sample.seen, memory)
    was = sample.acted
    how = player.action, outputs, log_std_of(weights), was.action
    log_prob, entropy = actions.log_prob_and_entropy(*how)
    if settings.normalize_advantage:
        advantage = advantage - mean(advantage)
        advantage = advantage / (jnp.sqrt(mean(jnp.square(advantage))) + 1e-8)
    moved = jnp.where(sample.counts, log_prob - was.log_prob, jnp.float32(0))
    ratio = jnp.exp(moved)
    clip = settings.clip_range
    within = jnp.clip(ratio, 1 - clip, 1 + clip)
    value_error = jnp.square(values - target)
    if settings.clip_range_vf is not None:
        held = jnp.clip(values - was.value, -settings.clip_range_vf, settings.clip_range_vf)
        value_error = jnp.square(was.value + held - target)
    each = {
        "policy_loss": -jnp.minimum(ratio * advantage, within * advantage),
        "value_loss": value_error,
        "entropy": entropy,
        "approx_kl": ratio - 1 - moved,
        "clip_fraction": (abs(ratio - 1) > clip).astype(jnp.float32),
    }
    loss = each["policy_loss"] + settings.vf_coef * value_error - settings.ent_coef * entropy
    stacked = jax.lax.stop_gradient(jnp.stack([*each.values()]))  # one kernel for all
    means = (stacked * counts[None]).sum(axis=tuple(range(1, stacked.ndim))) / most
    return mean(loss), dict(zip(each, means, strict=True))
