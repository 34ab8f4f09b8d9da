"""Cournot's market: firms choose how much to make, and what all make lowers the price for all.

Action       the quantity, from 0 to `a` / `b`, at which the price is 0 if nobody else sells.
Observation  the quantities of the last step, its own first, then those of the firms after it in
             turn; the price.
Reward       (price - `marginal_cost`) times the own quantity; the price is `a` less `b` times the
             sum of all quantities, and can be negative.
Ending       truncates at `horizon` steps; nothing terminates. Cournot's own game is one step, which
             is also Pax's.
Start        nothing was made: quantities are 0, and the price is `a`.
Source       Cournot (1838); numbers as in Pax. Where n firms play best responses they make
             (a - marginal_cost) n / (b (n + 1)) together; half of (a - marginal_cost) / b would
             earn them most.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box

from .markets import in_turn, paint_market


@pytree
class State:
    """Everything that changes."""

    quantity: jax.Array  # float32 (firms,)
    price: jax.Array  # float32 ()
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics."""

    a: rules.Positive = 100.0  # the price if nothing is sold
    b: rules.Positive = 1.0  # by how much one more lowers it
    marginal_cost: float = 10.0  # of one more


@dataclasses.dataclass(frozen=True)
class Cournot:
    """Everything that does not change."""

    num_agents: int = 2
    horizon: int | None = 100
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        fits = rules.params(Params)
        rules.check(self, num_agents=rules.count(), horizon=rules.time_limit, params=fits)

    @property
    def spec(self) -> Spec:
        """One group: the firms."""
        most = float(self.params.a / self.params.b)
        low = (*self.num_agents * (0.0,), -math.inf)
        high = (*self.num_agents * (most,), float(self.params.a))
        agents = tuple(f"firm_{i}" for i in range(self.num_agents))
        group = Group("firm", agents, Box(low, high, (len(low),)), Box(0.0, most, (1,)))
        return Spec("cournot_v0", (group,), self.horizon, render_fps=4, exact_value=True)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Nothing was made yet."""
        del key
        state = State(
            quantity=jnp.zeros(self.num_agents, jnp.float32),
            price=jnp.asarray(params.a, jnp.float32),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(_observe(state), self.num_agents)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """All sell what they made."""
        del key
        sold = jnp.clip(action["firm"], 0.0, params.a / params.b)
        quantity, price = sold[:, 0], _price(sold, params)
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(quantity=quantity, price=price, tick=tick, over=state.over | late)
        everyone = jnp.ones(self.num_agents, jnp.bool_)
        return after, transition(
            self.spec,
            acting=everyone & ~state.over,
            observation=_observe(after),
            reward=self.exact_value({"firm": sold}, params),
            terminated=~everyone,
            truncated=everyone & late,
        )

    def exact_value(self, action: Mapping[str, jax.Array], params: Params) -> jax.Array:
        """What these quantities earn: float32 (firms,), differentiable in them."""
        quantity = action["firm"]
        return (_price(quantity, params) - params.marginal_cost) * quantity[:, 0]

    def render(self, state: State, params: Params) -> jax.Array:
        """What each makes as bars, the price as a line: uint8 (240, 360, 3)."""
        most = params.a / params.b
        return paint_market(state.quantity / most, jnp.maximum(state.price, 0.0) / params.a)


def _price(quantity: jax.Array, params: Params) -> jax.Array:
    price: jax.Array = jnp.float32(params.a) - params.b * quantity.sum()
    return price


def _observe(state: State) -> dict[str, Any]:
    return {"firm": in_turn(state.quantity, state.price)}
