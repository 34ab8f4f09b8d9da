"""Infinite matrix game: two players choose whole strategies and earn their exact value.

Action       five logits, of the chances to cooperate after CC, CD, DC, DD and at the start, as the
             player itself sees it, its own action first; a large one cooperates.
Observation  own five chances, then the other's five as the other sees them.
Reward       what the strategies earn in an iterated matrix game without end, discounted by `gamma`
             and times 1 - `gamma`: a mean of `payoff`'s rows, which are those of
             `iterated_matrix_v0`. It is the exact value, differentiable in the actions.
Ending       truncates at `horizon` steps; nothing terminates.
Start        all chances are equal for both, each drawn from 0.5 ... 0.73.
Source       Foerster et al. (2018), the exact form; as in Pax's InfiniteMatrixGame.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box

from .iterated_matrix import PAYOFFS, Payoff, matrix, mixed
from .picture import paint_strategies

BOUND = 20.0  # of a logit: the chance is then within 2e-9 of 0 or 1
BELOW_1 = rules.number_in(0.0, 1 - 2.0**-24, "a number of at least 0 and at most 1 - 2**-24")
STATES = 5  # CC, CD, DC, DD, start
_AS_OTHER = (0, 2, 1, 3, 4)  # what the other calls CC, DC, CD, DD, start


@pytree
class State:
    """Everything that changes."""

    chances: jax.Array  # float32 (2, 5), of each player, to cooperate
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics."""

    payoff: np.ndarray | jax.Array  # float32 (4, 2)
    gamma: float | jax.Array  # discount of a step, below 1


@dataclasses.dataclass(frozen=True)
class InfiniteMatrix:
    """Everything that does not change; `payoff` and `gamma` are what `params` holds."""

    payoff: Payoff = PAYOFFS["prisoners_dilemma"]
    gamma: float = 0.96
    horizon: int | None = 100

    def __post_init__(self) -> None:
        rules.check(self, payoff=matrix, gamma=BELOW_1, horizon=rules.time_limit)

    @property
    def params(self) -> Params:
        """The usual ones."""
        return Params(payoff=np.array(self.payoff, np.float32), gamma=self.gamma)

    @property
    def spec(self) -> Spec:
        """One group of two agents."""
        agents = ("player_0", "player_1")
        action = Box(-BOUND, BOUND, (STATES,))
        player = Group("player", agents, Box(0.0, 1.0, (2 * STATES,)), action)
        return Spec("infinite_matrix_v0", (player,), self.horizon, render_fps=4, exact_value=True)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Draw one strategy for both."""
        del params
        drawn = jax.nn.sigmoid(jax.random.uniform(key, (STATES,), jnp.float32))
        state = State(chances=jnp.stack([drawn, drawn]), tick=jnp.int32(0), over=jnp.bool_(False))
        return state, restart(_observe(state.chances), 2)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Both strategies play for ever."""
        del key
        chances = jax.nn.sigmoid(action["player"])
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        everyone = jnp.ones(2, jnp.bool_)
        return State(chances=chances, tick=tick, over=state.over | late), transition(
            self.spec,
            acting=everyone & ~state.over,
            observation=_observe(chances),
            reward=self.exact_value(action, params),
            terminated=~everyone,
            truncated=everyone & late,
        )

    def exact_value(self, action: Mapping[str, jax.Array], params: Params) -> jax.Array:
        """What both strategies earn: float32 (2,), differentiable in the logits."""
        one, two = jax.nn.sigmoid(action["player"])
        return values(params.payoff, params.gamma, one, two)

    def render(self, state: State, params: Params) -> jax.Array:
        """The chances of both to cooperate, in each state: uint8 (100, 400, 3)."""
        del params
        return paint_strategies(state.chances)


def values(payoff: Any, gamma: Any, one: jax.Array, two: jax.Array) -> jax.Array:
    """What two strategies earn, discounted and normalised: float32 (2,), differentiable.

    Args:
        payoff: (4, 2), CC, CD, DC, DD as the first player sees them.
        gamma: Discount, 0 ... below 1. One that is Python's is taken from 1 before it is rounded.
        one, two: (5,), chances to cooperate as each sees it: CC, CD, DC, DD, start.
    """
    two = two[jnp.array(_AS_OTHER)]
    rows = jnp.stack([one * two, one * (1 - two), (1 - one) * two, (1 - one) * (1 - two)])
    visits = _visits(rows, gamma)
    earned: jax.Array = mixed(jnp.asarray(payoff, jnp.float32), visits)
    return earned


def of_logits(payoff: Any, gamma: Any) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """The game of two actions, (5,) each, as a function of them: see `values`.

    Raises:
        RuleError: A payoff or a discount that JAX does not trace does not fit, as in the game.
    """
    if not isinstance(payoff, jax.Array):
        payoff = np.array(matrix("payoff", payoff), np.float32)
    if not isinstance(gamma, jax.Array):
        gamma = BELOW_1("gamma", gamma)

    def game(one: jax.Array, two: jax.Array) -> jax.Array:
        return values(payoff, gamma, jax.nn.sigmoid(one), jax.nn.sigmoid(two))

    return game


def _visits(rows: jax.Array, gamma: Any) -> jax.Array:
    """How often each outcome is visited, discounted, as shares of 1: (4,).

    They solve visits = (1 - gamma) * first + gamma * moves @ visits. One outcome after the other is
    taken out, and whatever went through it goes where it leads (Grassmann, Taksar and Heyman 1985):
    nothing is subtracted, so that no digit is lost where hardly anything ever ends.

    Args:
        rows: (4, 5), chances of the outcomes after each, and at the start.
        gamma: As in `values`.
    """
    rest = 1 - gamma
    moves = [[gamma * rows[i, j] for j in range(4)] for i in range(4)]  # to i from j
    begun = [rest * rows[i, 4] for i in range(4)]
    ends = [jnp.asarray(rest, rows.dtype)] * 4
    leaves = {}  # of each the chance to go to one that is left, or to end
    for last in (3, 2, 1):
        onwards = [moves[i][last] for i in range(last)]
        leaves[last] = functools.reduce(jnp.add, onwards, ends[last])
        for j in range(last):
            through = moves[last][j] / leaves[last]
            ends[j] = ends[j] + ends[last] * through
            for i in range(last):
                moves[i][j] = moves[i][j] + onwards[i] * through
            begun[j] = begun[j] + onwards[j] * begun[last] / leaves[last]
    visits = [begun[0] / ends[0]]
    for i in (1, 2, 3):
        into = [moves[i][j] * visits[j] for j in range(i)]
        visits.append(functools.reduce(jnp.add, into, begun[i]) / leaves[i])
    return jnp.stack(visits)


def _observe(chances: jax.Array) -> dict[str, jax.Array]:
    return {"player": jnp.concatenate([chances, chances[::-1]], axis=1)}
