"""A tournament: everybody plays everybody, itself included, in one compiled program.

table = tournament(make("iterated_matrix_v0"), contestants, jax.random.key(0), games=32)
print(table.earned.mean(axis=1))  # of each, the mean against all
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from native.core import Environment, Timestep, pytree
from native.rules import RuleError
from native.wrappers.opponent import Opponent, View


@pytree
class Table:
    """What came of it; row and column i are the i-th contestant.

    Attributes:
        earned: float32 (n, n), what the row earned against the column, of each step.
        error: float32 (n, n), standard error of that, of the games.
    """

    earned: jax.Array
    error: jax.Array


def tournament(
    world: Environment[Any, Any],
    contestants: Mapping[str, Opponent],
    key: jax.Array,
    games: int,
    params: Any = None,
) -> Table:
    """Let everybody play everybody as both players; the two places count alike.

    Put it under `jax.jit`, with what is no array bound by `functools.partial`.

    Args:
        world: Two agents of one group that act at once, for a known time, without masks.
        contestants: Name -> who plays: a strategy, or a learned policy as an `Opponent`.
        key: All randomness.
        games: Episodes of each pair in each place.
        params: Numbers of the dynamics; None: the world's own.

    Raises:
        RuleError: It is another world, or there are no contestants or games.
    """
    spec = world.spec
    if spec.num_agents != 2 or len(spec.groups) != 1 or spec.turns or spec.masks:
        raise RuleError(
            f"A tournament is for two agents of one group that act at once; {spec.name} has "
            f"{spec.num_agents} agents, {len(spec.groups)} groups."
        )
    if spec.horizon is None or not contestants or games < 1:
        raise RuleError(
            f"A tournament needs contestants, games and an end; got {len(contestants)} "
            f"contestants, {games} games and {spec.name} with horizon {spec.horizon}."
        )
    params = world.params if params is None else params
    (group,) = spec.groups
    count, players = len(contestants), list(contestants.values())
    pairs = (count, count, games)  # who is first, who is second, in which game
    # To a contestant all that it plays at once are agents of one group.
    names = tuple(f"{group.name}_{i}" for i in range(2 * count * games))
    lanes = dataclasses.replace(group, agents=names)

    def both(leaf: jax.Array, i: int) -> jax.Array:
        """What contestant i is told: in its row as the first agent, in its column as the second."""
        mine = jnp.concatenate([leaf[i, :, :, 0], leaf[:, i, :, 1]])
        return mine.reshape(-1, *leaf.shape[4:])

    def begin(key: jax.Array) -> tuple[Any, Timestep]:
        return world.init(key, params)

    def each(function: Any) -> Any:
        return jax.vmap(jax.vmap(jax.vmap(function)))

    state, shown = each(begin)(jax.random.split(jax.random.fold_in(key, 0), pairs))
    memory = [
        player.init(jax.random.fold_in(key, i), lanes, player.params)
        for i, player in enumerate(players)
    ]

    def step(now: Any, tick: jax.Array) -> tuple[Any, jax.Array]:
        state, seen, acting, memory = now
        key_now = jax.random.fold_in(key, tick)
        firsts, seconds, after = [], [], []
        for i, player in enumerate(players):
            view = View(
                observation=jax.tree.map(lambda leaf, i=i: both(leaf, i), seen),
                action_mask=None,
                acts=both(acting, i),
            )
            own = jax.random.fold_in(key_now, i)
            action, then = player.act(own, lanes, view, memory[i], player.params)
            halves = action.reshape(2, count, games, *action.shape[1:])
            firsts.append(halves[0])
            seconds.append(halves[1])
            after.append(then)
        joint = jnp.stack([jnp.stack(firsts), jnp.stack(seconds, axis=1)], axis=3)

        def one(key: jax.Array, state: Any, action: jax.Array) -> tuple[Any, Timestep]:
            return world.step(key, state, {group.name: action}, params)

        keys = jax.random.split(jax.random.fold_in(key_now, count), pairs)
        state, shown = each(one)(keys, state, joint)
        acting = acting & ~(shown.terminated | shown.truncated)
        return (state, shown.observation[group.name], acting, after), shown.reward

    acting = jnp.ones((*pairs, 2), jnp.bool_)
    begun = state, shown.observation[group.name], acting, memory
    ticks = jnp.arange(1, spec.horizon + 1, dtype=jnp.int32)
    rewards = jax.lax.scan(step, begun, ticks)[1].mean(axis=0)
    # (row, column, games in both places): what the row earned against the column
    earned = jnp.concatenate([rewards[..., 0], rewards[..., 1].swapaxes(0, 1)], axis=2)
    error = earned.std(axis=2) / jnp.sqrt(jnp.float32(2 * games))
    return Table(earned=earned.mean(axis=2), error=error)
