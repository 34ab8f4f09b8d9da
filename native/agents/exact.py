"""Learners that follow exact gradients of a game in which both players know both strategies.

    game = of_logits(payoff, 0.96)  # of native.social.infinite_matrix
    path = learn(game, LOLA(), LOLA(), strategies, steps=200)

| learner         | climbs                                                                       |
| --------------- | ---------------------------------------------------------------------------- |
| `Naive`         | its value against the other as it is                                         |
| `LOLA`          | that, and what its value gains by the other's naive step, which its own      |
|                 | strategy turns (Foerster et al., 2018, to first order as there)              |
| `GoodShepherd`  | its mean value while the other, from a beginning, learns naively against it, |
|                 | with the gradient through all of that (Balaguer et al., 2022)                |
| `BestResponse`  | nothing: it takes the best of what it may choose from                        |

A game is a function of what both do; strategies are any arrays. All is pure: `jax.vmap` over first
strategies, or over the rates of learners, learns many at once.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, cast

import jax
import jax.numpy as jnp

from native import rules
from native.abilities import declares
from native.core import Environment, HasExactValue, pytree
from native.rules import RuleError

Game: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]  # own, other's -> values (2,)


class Exact(Protocol):
    """A learner."""

    def update(self, game: Game, own: jax.Array, other: jax.Array) -> jax.Array:
        """What it plays next.

        Args:
            game: As the learner sees it: of its own strategy and the other's, its value first.
            own, other: Both strategies now.
        """
        ...


def _learner(kind: type, numbers: tuple[str, ...]) -> None:
    """Let JAX look into a learner: these are data, the other fields its form."""
    form = [field.name for field in dataclasses.fields(kind) if field.name not in numbers]
    jax.tree_util.register_dataclass(kind, data_fields=list(numbers), meta_fields=form)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Naive:
    """One that climbs its value against the other as it is.

    Attributes:
        learning_rate: Of a step along the gradient.
    """

    learning_rate: Any = 1.0

    def update(self, game: Game, own: jax.Array, other: jax.Array) -> jax.Array:
        """A step upwards."""
        after: jax.Array = own + self.learning_rate * jax.grad(lambda mine: game(mine, other)[0])(
            own
        )
        return after


@dataclasses.dataclass(frozen=True, kw_only=True)
class LOLA:
    """One that also climbs what the other's next step will bring it.

    Attributes:
        learning_rate: Of a step along the gradient.
        other_rate: That of the other, as this one believes.
    """

    learning_rate: Any = 10.0
    other_rate: Any = 25.0

    def update(self, game: Game, own: jax.Array, other: jax.Array) -> jax.Array:
        """A step upwards of its value and of where it turns the other."""
        wished = jax.grad(lambda theirs: game(own, theirs)[0])(other)

        def worth(mine: jax.Array) -> jax.Array:
            step = self.other_rate * jax.grad(lambda theirs: game(mine, theirs)[1])(other)
            return game(mine, other)[0] + jnp.vdot(step, wished)

        after: jax.Array = own + self.learning_rate * jax.grad(worth)(own)
        return after


@dataclasses.dataclass(frozen=True, kw_only=True)
class GoodShepherd:
    """One that climbs what it earns while the other learns.

    Attributes:
        learning_rate: Of a step along the gradient.
        other_rate: That of the other.
        steps: Naive steps of the other in the mean that is climbed.
        beginning: What the other begins with, as every element of its strategy.
    """

    learning_rate: Any = 1.0
    other_rate: Any = 1.0
    beginning: Any = 0.0
    steps: int = 20

    def __post_init__(self) -> None:
        rules.check(self, steps=rules.count())

    def update(self, game: Game, own: jax.Array, other: jax.Array) -> jax.Array:
        """A step upwards of the whole lesson."""
        begun = jnp.full_like(other, self.beginning)

        def lesson(mine: jax.Array) -> jax.Array:
            others = taught(game, mine, begun, self.other_rate, self.steps)
            return jax.vmap(lambda each: game(mine, each)[0])(others).mean()

        after: jax.Array = own + self.learning_rate * jax.grad(lesson)(own)
        return after


@dataclasses.dataclass(frozen=True, kw_only=True)
class BestResponse:
    """One that takes the best of some strategies.

    Attributes:
        choices: (choices, *strategy), what it may choose from.
    """

    choices: Any

    def update(self, game: Game, own: jax.Array, other: jax.Array) -> jax.Array:
        """The best of them; of equal ones the first."""
        del own
        worth = jax.vmap(lambda mine: game(mine, other)[0])(self.choices)
        best: jax.Array = jnp.asarray(self.choices)[jnp.argmax(worth)]
        return best


_learner(Naive, ("learning_rate",))
_learner(LOLA, ("learning_rate", "other_rate"))
_learner(GoodShepherd, ("learning_rate", "other_rate", "beginning"))
_learner(BestResponse, ("choices",))


def of_other(game: Game) -> Game:
    """The same game as the other player sees it."""
    return lambda own, other: game(other, own)[::-1]


@dataclasses.dataclass(frozen=True)
class AsSecond:
    """What makes the game of an environment's parameters, as the second of its two agents sees it.

    Attributes:
        env: One with an `exact_value`, of two agents of one group.

    Raises:
        RuleError: The environment is no such one; the message says what it lacks.
    """

    env: Environment[Any, Any]

    def __post_init__(self) -> None:
        spec = self.env.spec
        if not declares(spec, "exact_value"):
            raise RuleError(
                f"{spec.name} has no exact gradient: its spec does not declare exact_value."
            )
        if spec.num_agents != 2 or len(spec.groups) != 1:
            raise RuleError(f"{spec.name} is no world of two agents of one group.")

    def __call__(self, params: Any) -> Game:
        """The game with these parameters."""
        world, name = cast(HasExactValue, self.env), self.env.spec.groups[0].name
        return lambda own, other: world.exact_value({name: jnp.stack([other, own])}, params)[::-1]


def taught(game: Game, own: jax.Array, other: jax.Array, rate: Any, steps: int) -> jax.Array:
    """What the other plays while it learns naively: (1 + steps, *strategy), differentiable.

    Args:
        game: As in `Exact.update`.
        own: What is played against it all the time.
        other: What it begins with.
        rate, steps: Of its steps.
    """

    def step(now: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        after = now + rate * jax.grad(lambda theirs: game(own, theirs)[1])(now)
        return after, after

    after: jax.Array = jax.lax.scan(step, other, None, length=steps)[1]
    return jnp.concatenate([other[None], after])


def _check(game: Any, learners: Mapping[str, Any], strategies: Any) -> None:
    """Raise unless these can play."""
    for name, learner in learners.items():
        if isinstance(learner, type) or not callable(getattr(learner, "update", None)):
            rules.refuse(name, "a learner, such as Naive()", learner)
        for field in dataclasses.fields(learner) if dataclasses.is_dataclass(learner) else ():
            value = getattr(learner, field.name)
            if field.name.endswith("rate") and not isinstance(value, jax.Array):
                rules.at_least_0(f"{field.name} of {name}", value)
    if isinstance(game, Environment) or not callable(game):
        wanted = "a function of both strategies, such as `of_logits` or `AsSecond` makes"
        rules.refuse("game", wanted, game)
    shape, kind = jnp.shape(strategies), jnp.result_type(strategies)
    if not shape or shape[0] != 2 or not jnp.issubdtype(kind, jnp.floating):
        raise RuleError(f"strategies must be two of float, one of each, got {kind}{[*shape]}.")
    one = jnp.zeros(shape[1:], kind)
    try:
        values = jax.eval_shape(game, one, one)
    except (TypeError, ValueError) as error:
        raise RuleError(f"The game takes no strategies {kind}{[*shape[1:]]}: {error}") from error
    if getattr(values, "shape", None) != (2,):
        raise RuleError(f"The game must return the values of both, float32[2], got {values}.")


@pytree
class Path:
    """How two learners went, before every step and after the last.

    Attributes:
        strategies: (1 + steps, 2, *strategy).
        values: float32 (1 + steps, 2).
    """

    strategies: jax.Array
    values: jax.Array


def learn(game: Game, one: Exact, two: Exact, strategies: jax.Array, steps: int) -> Path:
    """Let two learners learn at the same time, each from where both are.

    Args:
        game: As the first one sees it.
        one, two: The learners.
        strategies: float (2, *strategy), what they begin with.
        steps: Of each.

    Raises:
        RuleError: One of them does not fit the others.
    """
    steps = rules.count(0)("steps", steps)
    _check(game, {"one": one, "two": two}, strategies)
    others = of_other(game)

    def step(now: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        after = jnp.stack([one.update(game, now[0], now[1]), two.update(others, now[1], now[0])])
        return after, after

    rest = jax.lax.scan(step, strategies, None, length=steps)[1]
    all_of_them = jnp.concatenate([strategies[None], rest])
    values = jax.vmap(lambda both: game(both[0], both[1]))(all_of_them)
    return Path(strategies=all_of_them, values=values)
