"""Fixed strategies, to be played against by `native.wrappers.one_team` or in a tournament.

A strategy that remembers one step is a table: for each observation of a matrix game, the chance to
cooperate. So is one of three players or more, whose observations are 2^n outcomes, the own action
first, then those of the next players in turn (`iterated_tensor_v0`).

| two players   | CC, CD, DC, DD, start                                                         |
| ------------- | ----------------------------------------------------------------------------- |
| `altruistic`  | always cooperates                                                             |
| `defect`      | always defects                                                                |
| `tit_for_tat` | does what the other did last                                                  |
| `grim`        | defects for ever once anybody has                                             |
| `pavlov`      | repeats what paid: cooperates where both did the same (Nowak, Sigmund, 1993)  |
| `extortion`   | earns three times what the other has above mutual defection, in the usual     |
|               | dilemma (Press, Dyson, 2012)                                                  |

| three players         | begins by cooperating, and does as the two others if these did the same; |
|                       | if they did not                                                          |
| --------------------- | ------------------------------------------------------------------------ |
| `strict_stay`         | does what it did                                                         |
| `strict_switch`       | does what it did not                                                     |
| `lenient`             | cooperates                                                               |
| `harsh`               | defects                                                                  |

Among any number, `harsh` and `soft` ask whether one of the others defected, or more than half.
"""

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import Group
from native.rules import RuleError
from native.spaces import Discrete
from native.wrappers.opponent import Opponent, View

from .infinite_matrix import BOUND

Table = tuple[float, ...]


def act(chances: Any, key: jax.Array, observation: jax.Array) -> jax.Array:
    """What a table does: int32 of the shape of `observation`, 0 cooperates, 1 defects.

    Args:
        chances: (observations,), to cooperate.
        key: For chances other than 0 and 1.
        observation: int32 of any shape.
    """
    known = jax.nn.one_hot(observation, len(chances), dtype=jnp.float32)
    chance = known @ jnp.asarray(chances, jnp.float32)
    drawn = jax.random.uniform(key, observation.shape, jnp.float32)
    return (drawn >= chance).astype(jnp.int32)


@dataclasses.dataclass(frozen=True)
class Memory(Opponent):
    """A strategy that remembers one step.

    Attributes:
        chances: To cooperate, for each observation. They are the parameter "opponent" of the
            environment, (observations,), of which every world may be given its own.
    """

    chances: Table

    def __post_init__(self) -> None:
        rules.check(self, chances=_table)

    @property
    def params(self) -> np.ndarray:
        """The chances: float32 (observations,)."""
        return np.array(self.chances, np.float32)

    def act(
        self, key: jax.Array, group: Group, view: View, memory: Any, params: Any
    ) -> tuple[jax.Array, Any]:
        """By the table.

        Raises:
            RuleError: The game has other observations than the table.
        """
        if group.observation != Discrete(len(self.chances)):
            raise RuleError(
                f"A table of {len(self.chances)} chances plays where Discrete({len(self.chances)}) "
                f"is observed; {group.name} observes {group.observation}."
            )
        return act(params, key, view.observation), memory


@dataclasses.dataclass(frozen=True)
class Always(Opponent):
    """One that does the same in every step.

    Attributes:
        action: One of the action space: an integer, or a tuple of numbers.
    """

    action: Any

    def act(
        self, key: jax.Array, group: Group, view: View, memory: Any, params: Any
    ) -> tuple[jax.Array, Any]:
        """The action, in each row."""
        del key, view, params
        one = jnp.asarray(self.action, group.action.dtype)
        return jnp.broadcast_to(one, (len(group.agents), *one.shape)), memory


def _table(rule: str, value: Any) -> Table:
    if not isinstance(value, (tuple, list, np.ndarray)) or not len(value):
        rules.refuse(rule, "a tuple of chances, one for each observation", value)
    return tuple(rules.share(f"{rule}[{i}]", one) for i, one in enumerate(value))


def of_others(size: int, cooperates: Callable[[bool, Sequence[bool]], bool]) -> Table:
    """The table of a strategy that never draws, among `size` players; it begins by cooperating.

    Args:
        size: Players, itself included.
        cooperates: Of whether it defected and whether each of the others did: what it does next.
    """
    outcomes = itertools.product((False, True), repeat=size)
    return (*(float(cooperates(own, others)) for own, *others in outcomes), 1.0)


def logits(chances: Table) -> Table:
    """A table as an action of `infinite_matrix_v0`, within its bounds."""
    with np.errstate(divide="ignore"):
        odds = np.log(chances) - np.log1p(-np.array(chances))
    return tuple(np.clip(odds, -BOUND, BOUND).tolist())


def harsh(size: int) -> Table:
    """Cooperates only if all others did."""
    return of_others(size, lambda _, others: not any(others))


def soft(size: int) -> Table:
    """Defects if more than half of the others did."""
    return of_others(size, lambda _, others: 2 * sum(others) <= len(others))


TWO_PLAYERS: Mapping[str, Table] = MappingProxyType(
    {
        "altruistic": (1.0, 1.0, 1.0, 1.0, 1.0),
        "defect": (0.0, 0.0, 0.0, 0.0, 0.0),
        "tit_for_tat": (1.0, 0.0, 1.0, 0.0, 1.0),
        "grim": (1.0, 0.0, 0.0, 0.0, 1.0),
        "pavlov": (1.0, 0.0, 0.0, 1.0, 1.0),
        "extortion": (6 / 7, 1 / 2, 5 / 14, 0.0, 1.0),
    }
)

THREE_PLAYERS: Mapping[str, Table] = MappingProxyType(
    {
        "altruistic": of_others(3, lambda *_: True),
        "defect": (0.0,) * 9,
        "strict_stay": of_others(3, lambda own, others: own + sum(others) < 2),
        "strict_switch": of_others(3, lambda own, others: sum(others) <= own),
        "lenient": of_others(3, lambda _, others: sum(others) < 2),
        "harsh": harsh(3),
    }
)

IN_THE_ITERATED: Mapping[str, Opponent] = MappingProxyType(
    {name: Memory(table) for name, table in TWO_PLAYERS.items()}
)
IN_THE_INFINITE: Mapping[str, Opponent] = MappingProxyType(
    {name: Always(logits(table)) for name, table in TWO_PLAYERS.items()}
)
