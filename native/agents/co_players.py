"""Co-players: who learns while others are trained, in `native.agents.against_learner`.

| co-player       | acts                         | learns                                   |
| --------------- | ---------------------------- | ---------------------------------------- |
| `PPOCoPlayer`   | by a table, a network, a GRU | by PPO, from what was played             |
| `NaiveCoPlayer` | with a whole strategy        | along its exact gradient                 |
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import Environment, pytree
from native.rules import RuleError
from native.spaces import Box

from . import acting, experience, ppo
from .acting import Acted, Seen
from .exact import Game, Naive
from .experience import Sample
from .players import Player
from .ppo import PPO


@pytree
class Kept:
    """What a co-player learns from; every leaf (steps, games, ...).

    Attributes:
        seen, acted: Before each step.
        other: What the other player did.
        reward: float32, the co-player's.
        counts: bool, it was still in the game.
    """

    seen: Seen
    acted: Acted
    other: jax.Array
    reward: jax.Array
    counts: jax.Array


class CoPlayer(Protocol):
    """One that learns; make a frozen dataclass of every class. Its mind is a pytree of arrays."""

    @property
    def numbers(self) -> Mapping[str, Any]:
        """Numbers by which it learns, which become parameters of the environment."""
        ...

    def check(self, alone: Environment[Any, Any], games: int) -> None:
        """Raise RuleError where it cannot learn; `alone`: the world with its agent alone."""

    def begin(self, key: jax.Array, player: Player, seen: Seen) -> Any:
        """Its mind before the first step of a trial."""

    def act(self, key: jax.Array, player: Player, mind: Any, seen: Seen, memory: Any) -> Acted:
        """What it does in each game, and what it then remembers."""
        ...

    def no_memory(self, player: Player, games: int) -> Any:
        """What it remembers at the beginning of an inner episode."""

    def learn(
        self,
        key: jax.Array,
        player: Player,
        mind: Any,
        kept: Kept,
        last: tuple[Seen, Any],
        numbers: Mapping[str, Any],
        params: Any,
    ) -> Any:
        """Its mind after an inner episode.

        Args:
            key, player, mind: As in `act`.
            kept: What was played.
            last: What it saw and remembered at the end.
            numbers: Values of its `numbers`.
            params: The world's.
        """


@dataclasses.dataclass(frozen=True)
class PPOCoPlayer:
    """One that learns by PPO, with or without memory; with `net_arch=()` by a table.

    Attributes:
        settings: Of its learning; how much it plays follows from the world. `anneal_*` and
            `ent_coef_final` are refused, since it begins anew and has no end to fall to.
    """

    settings: PPO

    @property
    def numbers(self) -> Mapping[str, Any]:
        """The learning rate."""
        return {"learning_rate": self.settings.learning_rate}

    def check(self, alone: Environment[Any, Any], games: int) -> None:
        """As `native.agents.ppo.check`; and nothing is annealed."""
        for name in ("anneal_learning_rate", "anneal_clip_range"):
            if getattr(self.settings, name):
                raise RuleError(
                    f"{name} must be False of a co-player, which begins anew, got True."
                )
        if self.settings.ent_coef_final is not None:
            raise RuleError(
                "ent_coef_final must be None of a co-player, which begins anew, got "
                f"{self.settings.ent_coef_final}."
            )
        ppo.check(self._fitted(alone.spec.horizon or 1, games), alone)

    def begin(self, key: jax.Array, player: Player, seen: Seen) -> Any:
        """New weights."""
        return ppo.begin_player(self.settings, player, key, seen)

    def act(self, key: jax.Array, player: Player, mind: Any, seen: Seen, memory: Any) -> Acted:
        """By its weights; it draws."""
        weights, _, moments = mind
        return acting.choose(self.settings, player, key, weights, moments, seen, memory)

    def no_memory(self, player: Player, games: int) -> Any:
        """Zeros, or () without a GRU."""
        return acting.no_memory(self.settings, player, games)

    def learn(
        self,
        key: jax.Array,
        player: Player,
        mind: Any,
        kept: Kept,
        last: tuple[Seen, Any],
        numbers: Mapping[str, Any],
        params: Any,
    ) -> Any:
        """All epochs, once."""
        del params
        steps, games = kept.reward.shape
        settings = dataclasses.replace(self._fitted(steps, games), **numbers)
        value = acting.look(settings, player, mind[0], mind[2], *last)[1]
        sample = Sample(
            seen=kept.seen,
            acted=dataclasses.replace(kept.acted, memory=()),
            onward=jnp.zeros_like(kept.reward),
            counts=kept.counts,
        )
        told = kept.reward, jnp.zeros_like(kept.counts), value
        advantage = experience.advantages(settings.gamma, settings.gae_lambda, sample, *told)
        memory = self.no_memory(player, games)
        weights, optimizer, moments = mind
        rate = jnp.float32(1)  # of what is annealed
        own = weights, optimizer, moments, sample, advantage
        return ppo.learn_player(settings, player, rate, *own, memory, key)[0]

    def _fitted(self, steps: int, games: int) -> PPO:
        return dataclasses.replace(self.settings, n_steps=steps, num_envs=games)


@dataclasses.dataclass(frozen=True)
class NaiveCoPlayer:
    """One that follows its exact gradient, in a world whose actions are whole strategies.

    Where a step leads out of the actions' bounds it stays at them.

    Attributes:
        game: What makes the game, as the co-player sees it, of the world's parameters: of a world
            with an exact value `AsSecond(world)`.
        rate: Of its steps.
        beginning: Its first action, in every element.

    Raises:
        RuleError: One of them does not fit.
    """

    game: Callable[[Any], Game]
    rate: float = 1.0
    beginning: float = 0.0

    def __post_init__(self) -> None:
        rules.check(self, rate=rules.at_least_0, beginning=rules.number)
        game: Any = self.game
        if not callable(game):
            wanted = "a function of the world's parameters, such as `AsSecond(world)`"
            rules.refuse("game", wanted, game)

    @property
    def numbers(self) -> Mapping[str, Any]:
        """The learning rate."""
        return {"learning_rate": self.rate}

    def check(self, alone: Environment[Any, Any], games: int) -> None:
        """Refuse what has no gradient."""
        del games
        (group,) = alone.spec.groups
        if not isinstance(group.action, Box):
            raise RuleError(
                f"A naive co-player acts with numbers; in {alone.spec.name} {group.name} chooses "
                f"one of {group.action}. Use a `PPOCoPlayer`."
            )
        if not group.action.contains(np.full(group.action.shape, self.beginning, np.float32)):
            rules.refuse("beginning", f"an action of {group.action}", self.beginning)

    def begin(self, key: jax.Array, player: Player, seen: Seen) -> Any:
        """Its first strategy."""
        del key, seen
        return jnp.full(player.action.shape, self.beginning, jnp.float32)

    def act(self, key: jax.Array, player: Player, mind: Any, seen: Seen, memory: Any) -> Acted:
        """The strategy, in each game."""
        del key, player
        games = seen.first.shape[0]
        nothing = jnp.zeros(games, jnp.float32)
        action = jnp.broadcast_to(mind[None], (games, *mind.shape))
        return Acted(action=action, log_prob=nothing, value=nothing, memory=memory)

    def no_memory(self, player: Player, games: int) -> Any:
        """Nothing."""
        del player, games
        return ()

    def learn(
        self,
        key: jax.Array,
        player: Player,
        mind: Any,
        kept: Kept,
        last: tuple[Seen, Any],
        numbers: Mapping[str, Any],
        params: Any,
    ) -> Any:
        """A step upwards of its mean value against what the other did last in each game."""
        del key, last
        assert isinstance(player.action, Box)
        learner = Naive(learning_rate=numbers["learning_rate"])
        step = functools.partial(learner.update, self.game(params), mind)
        after = jax.vmap(step)(kept.other[-1]).mean(axis=0)
        return jnp.clip(after, *player.action.bounds)
