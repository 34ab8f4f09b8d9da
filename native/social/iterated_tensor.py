"""Iterated tensor game: several players cooperate or defect, and are paid by how many defect.

Action       0 cooperates, 1 defects.
Observation  what all did last, as a number with a bit for each player, itself the highest, then
             those after it in turn; 2 to the power of the players at the start.
Reward       `payoff`: a row for each number of defectors, from none to all, of what a cooperator
             and what a defector earns. There are as many players as rows, less one. Nobody is paid
             by the second number of the first row, nor by the first of the last, so they may be
             anything, also nan.
Ending       truncates at `horizon` steps; nothing terminates.
Start        at the start.
Source       rules as in Pax's IteratedTensorGameNPlayer (Willi et al., 2022), whose inner and outer
             episodes are `native.wrappers.trials(env, episodes)`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Discrete

from .iterated_tensor_picture import paint_players
from .tables import Table, table

FEWEST, MOST = 2, 10  # players; an observation is one of 2 ** MOST + 1
PAYOFF: Table = ((4.0, 0.0), (2.0, 5.0), (0.0, 3.0), (0.0, 1.0))  # Pax's, of three players


@pytree
class State:
    """Everything that changes."""

    action: jax.Array  # int32 (agents,), what each did last
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics."""

    payoff: np.ndarray | jax.Array  # float32 (agents + 1, 2)


@dataclasses.dataclass(frozen=True)
class IteratedTensor:
    """Everything that does not change; `payoff` may be lists, and is what `params` holds."""

    payoff: Table = PAYOFF
    horizon: int | None = 100

    def __post_init__(self) -> None:
        rules.check(self, payoff=_by_defectors, horizon=rules.time_limit)

    @property
    def num_agents(self) -> int:
        """How many play."""
        return len(self.payoff) - 1

    @property
    def params(self) -> Params:
        """The usual ones."""
        return Params(payoff=np.array(self.payoff, np.float32))

    @property
    def spec(self) -> Spec:
        """One group: the players."""
        agents = tuple(f"player_{i}" for i in range(self.num_agents))
        player = Group("player", agents, Discrete(2**self.num_agents + 1), Discrete(2))
        return Spec("iterated_tensor_v0", (player,), self.horizon, render_fps=4)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Nothing was done yet."""
        del key, params
        nothing = jnp.zeros(self.num_agents, jnp.int32)
        state = State(action=nothing, tick=jnp.int32(0), over=jnp.bool_(False))
        return state, restart(self._observe(state), self.num_agents)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """All act, and are paid."""
        del key
        chosen = action["player"]
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(action=chosen, tick=tick, over=state.over | late)
        everyone = jnp.ones(self.num_agents, jnp.bool_)
        return after, transition(
            self.spec,
            acting=everyone & ~state.over,
            observation=self._observe(after),
            reward=pay(params.payoff, chosen),
            terminated=~everyone,
            truncated=everyone & late,
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """All in a circle, with what each earned: uint8 (320, 320, 3)."""
        payoff = jnp.asarray(params.payoff)
        return paint_players(state.action, payoff, pay(payoff, state.action), state.tick > 0)

    def _observe(self, state: State) -> dict[str, jax.Array]:
        turn = np.arange(self.num_agents)
        order = jnp.array((turn[:, None] + turn[None]) % self.num_agents, jnp.int32)
        weight = jnp.array(2 ** turn[::-1], jnp.int32)
        number = (state.action[order] * weight[None]).sum(axis=1, dtype=jnp.int32)
        return {"player": jnp.where(state.tick > 0, number, 2**self.num_agents)}


def pay(payoff: Any, action: jax.Array) -> jax.Array:
    """What all earn: float32 (agents,).

    Args:
        payoff: (agents + 1, 2).
        action: int32 (agents,).
    """
    payoff = jnp.asarray(payoff, jnp.float32)
    here = jnp.arange(len(payoff), dtype=jnp.int32) == action.sum(dtype=jnp.int32)
    row = jnp.where(here[:, None], payoff, 0.0).sum(axis=0)  # one row, whatever the others hold
    return jnp.where(action == 1, row[1], row[0])


def _by_defectors(rule: str, value: Any) -> Table:
    """A check of rules: two numbers for each number of defectors, 0 where nobody is paid so."""
    fits = f"{FEWEST + 1} to {MOST + 1} rows of two numbers, for cooperators and defectors"
    try:
        numbers = np.array(value, np.float64)
    except (TypeError, ValueError):
        rules.refuse(rule, fits, value)
    if numbers.ndim != 2 or not FEWEST < len(numbers) <= MOST + 1 or numbers.shape[1] != 2:
        rules.refuse(rule, fits, value)
    numbers[0, 1] = numbers[-1, 0] = 0.0
    found: Table = table(*numbers.shape)(rule, numbers)
    return found
