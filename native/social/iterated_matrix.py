"""Iterated matrix game: two players cooperate or defect, again and again.

Action       0 cooperates, 1 defects.
Observation  what both did last, as the player itself sees it, its own action first:
             0 CC, 1 CD, 2 DC, 3 DD; 4 at the start. What is CD to the one is DC to the other.
Reward       `payoff`: four rows, CC, CD, DC, DD as `player_0` sees them, of what `player_0` and
             `player_1` earn. By default the prisoner's dilemma; see `PAYOFFS` for others.
Ending       truncates at `horizon` steps; nothing terminates.
Start        at the start.
Source       Axelrod (1980); payoffs, states and observations as in Pax (Willi et al., 2022), whose
             inner and outer episodes are `native.wrappers.trials(env, episodes)`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Discrete

from .picture import paint_matrix

COOPERATE, DEFECT = 0, 1
CC, CD, DC, DD, START = range(5)  # what is observed

Payoff: TypeAlias = tuple[tuple[float, float], ...]

PAYOFFS: Mapping[str, Payoff] = MappingProxyType(
    {
        "prisoners_dilemma": ((-1.0, -1.0), (-3.0, 0.0), (0.0, -3.0), (-2.0, -2.0)),
        "stag_hunt": ((4.0, 4.0), (1.0, 3.0), (3.0, 1.0), (2.0, 2.0)),
        "chicken": ((0.0, 0.0), (-1.0, 1.0), (1.0, -1.0), (-2.0, -2.0)),
        "battle_of_the_sexes": ((3.0, 2.0), (0.0, 0.0), (0.0, 0.0), (2.0, 3.0)),
        "matching_pennies": ((1.0, -1.0), (-1.0, 1.0), (-1.0, 1.0), (1.0, -1.0)),
    }
)


@pytree
class State:
    """Everything that changes."""

    outcome: jax.Array  # int32 (), what `player_0` observes
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics."""

    payoff: np.ndarray | jax.Array  # float32 (4, 2)


@dataclasses.dataclass(frozen=True)
class IteratedMatrix:
    """Everything that does not change; `payoff` may be lists, and is what `params` holds."""

    payoff: Payoff = PAYOFFS["prisoners_dilemma"]
    horizon: int | None = 100

    def __post_init__(self) -> None:
        rules.check(self, payoff=matrix, horizon=rules.time_limit)

    @property
    def params(self) -> Params:
        """The usual ones."""
        return Params(payoff=np.array(self.payoff, np.float32))

    @property
    def spec(self) -> Spec:
        """One group of two agents."""
        agents = ("player_0", "player_1")
        player = Group("player", agents, Discrete(5), Discrete(2))
        return Spec("iterated_matrix_v0", (player,), self.horizon, render_fps=4)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Nothing was done yet."""
        del key, params
        state = State(outcome=jnp.int32(START), tick=jnp.int32(0), over=jnp.bool_(False))
        return state, restart(_observe(state.outcome), 2)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Both act, and are paid."""
        del key
        one, two = action["player"][0], action["player"][1]
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(outcome=2 * one + two, tick=tick, over=state.over | late)
        everyone = jnp.ones(2, jnp.bool_)
        return after, transition(
            self.spec,
            acting=everyone & ~state.over,
            observation=_observe(after.outcome),
            reward=pay(params.payoff, one, two),
            terminated=~everyone,
            truncated=everyone & late,
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The matrix, what was done last in a golden frame: uint8 (320, 320, 3)."""
        return paint_matrix(jnp.asarray(params.payoff), state.outcome)


def pay(payoff: Any, one: jax.Array, two: jax.Array) -> jax.Array:
    """What both earn: float32 (2,).

    Args:
        payoff: (4, 2).
        one, two: What each does; a number between 0 and 1 is the chance to defect.
    """
    d1, d2 = jnp.float32(one), jnp.float32(two)
    c1, c2 = 1 - d1, 1 - d2
    payoff = jnp.asarray(payoff, jnp.float32)
    # Not by an index: a gather in every row is slower than four products.
    return mixed(payoff, (c1 * c2, c1 * d2, d1 * c2, d1 * d2))


def mixed(payoff: jax.Array, shares: Sequence[jax.Array] | jax.Array) -> jax.Array:
    """The rows of a payoff (4, 2), each so many times, added up: (2,)."""
    total = shares[0] * payoff[0]
    for number in (1, 2, 3):
        total = total + shares[number] * payoff[number]
    return total


def mirrored(outcome: jax.Array) -> jax.Array:
    """What the other player sees of the same: int32 of the same shape."""
    swapped = jnp.where(outcome == DC, CD, outcome)
    return jnp.where(outcome == CD, DC, swapped).astype(jnp.int32)


def matrix(rule: str, value: Any) -> Payoff:
    """A check of rules: four rows of two numbers, CC, CD, DC, DD."""
    fits = "four rows (CC, CD, DC, DD) of two numbers, what each player earns"
    try:
        rows = [list(row) for row in value]
    except TypeError:
        rules.refuse(rule, fits, value)
    if [len(row) for row in rows] != [2, 2, 2, 2]:
        rules.refuse(rule, fits, value)
    finite = rules.number_in(-rules.LARGEST, rules.LARGEST, "a finite number")
    names = ("CC", "CD", "DC", "DD")
    one, two, three, four = (
        (finite(f"{rule}[{name}]", float(row[0])), finite(f"{rule}[{name}]", float(row[1])))
        for name, row in zip(names, rows, strict=True)
    )
    return one, two, three, four


def _observe(outcome: jax.Array) -> dict[str, jax.Array]:
    return {"player": jnp.stack([outcome, mirrored(outcome)])}
