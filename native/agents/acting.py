"""How the players of a game act by their weights."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from native import rules
from native.batch import Transition
from native.core import Environment, Spec, pytree
from native.rollout import Actions, Choice, Policy, random_policy
from native.rules import RuleError
from native.spaces import Box
from native.wrappers.base import Wrapper

from . import actions, mfos
from .networks import ACTIVATIONS, ActorCritic, log_std_of
from .normalization import normalize
from .players import SHARING, Player, players_of
from .shaper import MIXINGS, Mixing

Weights = Mapping[str, Any]  # player -> what its network is made of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shape:
    """What the settings of every algorithm say of networks.

    Attributes:
        net_arch: Widths of the layers of each tower; or a pair of such, policy and value.
        activation: "tanh", "relu", "elu" or "silu".
        gru: Numbers that the policy remembers; 0: it has no memory.
        mixing: "none", "average" or "attention": what agents of a world remember is mixed before
            each step, see `native.agents.shaper`.
        inner_steps: The policy is that of `native.agents.mfos`, for inner episodes of so many
            steps, which divide those of the world; 0: it is not.
        image_size: Numbers that an image becomes.
        sharing: Who shares weights, see `native.agents.players`.
    """

    net_arch: tuple[Any, ...] = (64, 64)
    activation: str = "tanh"
    gru: int = 0
    mixing: str = "none"
    inner_steps: int = 0
    image_size: int = 256
    sharing: str = "group"


@pytree
class Seen:
    """What a player is shown, in lanes.

    Attributes:
        observation: Of its space.
        first: bool, an episode begins: where memory starts anew.
        mask: bool (..., actions), what is legal; None: everything.
        world: The global state, flat, for a central critic; or None.
    """

    observation: Any
    first: jax.Array
    mask: jax.Array | None
    world: jax.Array | None


@pytree
class Acted:
    """What a player chose, in lanes.

    Attributes:
        action: As it was drawn; one beyond the bounds of its space is clipped where it is played.
        log_prob: float32, the logarithm of its probability.
        value: float32, what the critic expects.
        memory: What is remembered then.
    """

    action: jax.Array
    log_prob: jax.Array
    value: jax.Array
    memory: Any


def network(settings: Shape, player: Player) -> ActorCritic | mfos.MFOS:
    """The network of a player."""
    layers: Any = settings.net_arch
    pair = len(layers) == 2 and all(isinstance(tower, tuple) for tower in layers)
    policy, value = layers if pair else (layers, layers)
    if not isinstance(layers, tuple) or not all(
        type(width) is int and width > 0 for width in (*policy, *value)
    ):
        raise RuleError(
            "net_arch must be widths of layers, such as (64, 64), or a pair of them for policy and "
            f"value, such as ((64,), (256,)), got {layers!r}."
        )
    mixes = settings.mixing != "none"
    common: dict[str, Any] = {
        "observation": player.observation,
        "num_outputs": actions.num_outputs(player.action),
        "gru": settings.gru,
        "image_size": settings.image_size,
        "has_log_std": isinstance(player.action, Box),
        "mixing": Mixing(settings.mixing, player.num_agents) if mixes else None,
    }
    if settings.inner_steps:
        return mfos.MFOS(inner_steps=settings.inner_steps, **common)
    return ActorCritic(
        policy_layers=tuple(policy),
        value_layers=tuple(value),
        activation=settings.activation,
        **common,
    )


def check_network(settings: Shape, player: Player) -> None:
    """Refuse what a player's network cannot be made of.

    Raises:
        RuleError: Layers do not fit the settings, or nobody is there to mix memories with.
    """
    network(settings, player)
    if settings.mixing != "none" and (player.own or player.num_agents == 1):
        alone = "learns by itself with sharing='agent'" if player.own else "is one agent alone"
        raise RuleError(
            f"mixing must be 'none' for {player.name!r}, which {alone}, got {settings.mixing!r}: "
            "memories are mixed among agents of a world that share weights."
        )


def check_shape(settings: Shape, *, value_tower: bool) -> None:
    """Refuse what says nothing of a network, but for `net_arch`, see `network`.

    Args:
        settings: Any algorithm's.
        value_tower: It learns with one.

    Raises:
        RuleError: A setting does not fit.
    """
    rules.check(
        dataclasses.replace(settings),
        gru=rules.count(0),
        image_size=rules.count(),
        activation=rules.one_of(*ACTIVATIONS),
        sharing=rules.one_of(*SHARING),
        mixing=rules.one_of(*MIXINGS),
        inner_steps=rules.count(0),
    )
    for name in ("mixing", "inner_steps"):
        if getattr(settings, name) != getattr(Shape, name) and not settings.gru:
            raise RuleError(
                f"{name} must be {getattr(Shape, name)!r} without a memory, got "
                f"{getattr(settings, name)!r}. Set gru, the numbers that are remembered."
            )
    if settings.inner_steps and settings.net_arch != ():
        raise RuleError(
            f"net_arch must be () with inner_steps, since M-FOS has no further layers, got "
            f"{settings.net_arch!r}."
        )
    layers: Any = settings.net_arch
    pair = isinstance(layers, tuple) and any(isinstance(tower, tuple) for tower in layers)
    if pair and not value_tower:
        raise RuleError(
            f"net_arch must be widths of layers, such as (64, 64), since "
            f"{type(settings).__name__} has no value tower, got {layers!r}."
        )


def check_inner_steps(settings: Shape, env: Environment[Any, Any]) -> None:
    """Refuse inner episodes of M-FOS that begin inside of those of the world.

    Raises:
        RuleError: `inner_steps` does not divide them.
    """
    inside: Any = env
    while isinstance(inside, Wrapper) and not hasattr(inside, "episodes"):
        inside = inside.env
    horizon = (inside.env if hasattr(inside, "episodes") else env).spec.horizon
    if settings.inner_steps and horizon is not None and horizon % settings.inner_steps:
        raise RuleError(
            f"inner_steps must divide the {horizon} steps of an inner episode of {env.spec.name}, "
            f"or its gate changes in the middle of one, got {settings.inner_steps}. Use {horizon}."
        )


def first_weights(settings: Shape, player: Player, key: jax.Array, seen: Seen) -> Any:
    """One set of weights before it has learned."""
    memory = blank(settings, seen.first.shape)
    net: Any = network(settings, player)
    return net.init(key, seen.observation, seen.first, memory, seen.world)


def no_memory(settings: Shape, player: Player, rows: int) -> Any:
    """What the agents of a player remember before their first step: lanes, or () for nothing."""
    lanes = (player.num_agents, rows) if player.own else (player.num_agents * rows,)
    return blank(settings, lanes)


def blank(settings: Shape, lanes: tuple[int, ...]) -> Any:
    """Memories before the first step, (*lanes, numbers), or () for nothing."""
    if not settings.gru:
        return ()
    size = mfos.memory_size(settings.gru) if settings.inner_steps else settings.gru
    return jnp.zeros((*lanes, size), jnp.float32)


def seen_by(player: Player, shown: Transition) -> Seen:
    """What a batch shows to a player."""
    mask, world = shown.action_mask, shown.global_state
    if world is not None:
        world = player.rows(world.reshape(world.shape[0], -1).astype(jnp.float32))
    masked = mask is not None and all(name in mask for name, _ in player.groups)
    return Seen(
        observation=player.lanes(shown.timestep.observation),
        first=player.rows(shown.first),
        mask=player.lanes(mask) if mask is not None and masked else None,
        world=world,
    )


def keys_of(player: Player, key: jax.Array) -> jax.Array:
    """A key for each set of weights."""
    return jax.random.split(key, player.num_agents) if player.own else key


def look(
    settings: Shape, player: Player, weights: Any, moments: Any, seen: Seen, memory: Any
) -> tuple[jax.Array, jax.Array, Any]:
    """Outputs for actions, values and the memory after it, of one set of weights."""
    observation = normalize(moments, seen.observation)
    net: Any = network(settings, player)
    outputs, values, memory = net.apply(weights, observation, seen.first, memory, seen.world)
    return actions.masked(outputs, seen.mask), values, memory


def look_again(
    settings: Shape, player: Player, weights: Any, seen: Seen, memory: Any
) -> tuple[jax.Array, jax.Array]:
    """Outputs and values of what was seen before and is normalised: leaves (samples, ...).

    With a GRU it is (lanes, steps, ...), and `memory` that before the first step: (lanes, ...).
    """

    def advance(memory: Any, seen: Seen) -> tuple[Any, tuple[jax.Array, jax.Array]]:
        outputs, values, memory = look(settings, player, weights, None, seen, memory)
        return memory, (outputs, values)

    if not settings.gru:
        return advance((), seen)[1]
    in_time = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0), seen)
    outputs, values = jax.lax.scan(advance, memory, in_time)[1]
    return jnp.moveaxis(outputs, 0, 1), jnp.moveaxis(values, 0, 1)


def choose(
    settings: Shape,
    player: Player,
    key: jax.Array,
    weights: Any,
    moments: Any,
    seen: Seen,
    memory: Any,
    *,
    deterministic: bool = False,
) -> Acted:
    """Act by one set of weights: draw an action, or take the likeliest."""
    outputs, values, memory = look(settings, player, weights, moments, seen, memory)
    log_std = log_std_of(weights)
    if deterministic:
        action = actions.mode(player.action, outputs)
    else:
        action = actions.sample(player.action, key, outputs, log_std)
    log_prob, _ = actions.log_prob_and_entropy(player.action, outputs, log_std, action)
    return Acted(action=action, log_prob=log_prob, value=values, memory=memory)


def policy_of(
    settings: Shape, spec: Spec, weights: Weights, moments: Weights, *, deterministic: bool = False
) -> Policy:
    """A policy for `native.rollout.collect`, whose memory is player -> `no_memory`.

    Args:
        settings: Shape of the networks, and who shares one.
        spec: Of the environment.
        weights: Player -> its network's.
        moments: Player -> those of its observations, or None.
        deterministic: Play the likeliest action.

    Returns:
        The policy. What it returns beside its action is player -> `Acted`.
    """

    def policy(key: jax.Array, shown: Transition, memory: Any) -> Choice:
        chosen: dict[str, jax.Array] = {}
        acted: dict[str, Acted] = {}
        for i, player in enumerate(players_of(spec, settings.sharing)):
            name, own = player.name, keys_of(player, jax.random.fold_in(key, i))
            act = player.each(
                functools.partial(choose, settings, player, deterministic=deterministic)
            )
            now = seen_by(player, shown), memory[name]
            acted[name] = act(own, weights[name], moments[name], *now)
            chosen |= player.by_group(actions.playable(player.action, acted[name].action))
        then = {name: each.memory for name, each in acted.items()}
        return Choice(chosen, memory=then, beside=acted)

    return policy


def epsilon_greedy(
    settings: Shape, env: Environment[Any, Any], weights: Weights, chance: jax.Array
) -> Policy:
    """A policy for `native.rollout.collect` that plays the likeliest action, or any legal one.

    Args:
        settings: Shape of the networks, which have no memory.
        env: What is played.
        weights: Player -> its network's.
        chance: float32 (), that of an agent's action to be drawn from all.
    """
    moments, memory = dict.fromkeys(weights), dict.fromkeys(weights, ())
    best_of = policy_of(settings, env.spec, weights, moments, deterministic=True)

    def policy(key: jax.Array, shown: Transition) -> Actions:
        of_coins, of_actions = jax.random.split(key)
        coins = env.spec.by_group(jax.random.uniform(of_coins, shown.acting.shape) < chance)
        best: Any = best_of(key, shown, memory)
        any_legal: Any = random_policy(env)(of_actions, shown)
        return {name: jnp.where(coins[name], any_legal[name], best.action[name]) for name in coins}

    return policy
