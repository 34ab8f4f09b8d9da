"""Fishery: boats on one stock of fish, which grows back unless they take too much of it.

Action       the effort, from 0 to 1 / `e`, with which one boat alone takes all the fish.
Observation  the efforts of the last step, its own first, then those of the boats after it in turn;
             the stock.
Step         The stock grows by `g` stock (1 - stock / `s_max`). The catch is total effort times
             stock times `e`, at most all there is, and is shared by effort.
Reward       `P` times the own catch, minus `w` times the own effort.
Ending       truncates at `horizon` steps; nothing terminates, not even when all fish are gone.
Start        a stock of `s_0`, no effort.
Source       Gordon (1954), Schaefer (1957); numbers as in Pax's Fishery. With a lasting total
             effort of E the stock becomes s_max (1 - e E / g), or dies out.
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

    effort: jax.Array  # float32 (boats,)
    stock: jax.Array  # float32 ()
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics, by the letters that Pax has for them."""

    g: rules.Share = 0.15  # growth
    e: rules.Positive = 0.009  # share of the stock that a unit of effort takes
    P: float = 200.0  # price of the catch
    w: float = 0.9  # cost of a unit of effort
    s_0: rules.AtLeast0 = 0.5  # stock at the start
    s_max: rules.Positive = 1.0  # stock that no longer grows


@dataclasses.dataclass(frozen=True)
class Fishery:
    """Everything that does not change."""

    num_agents: int = 2
    horizon: int | None = 300
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        fits = rules.params(Params)
        rules.check(self, num_agents=rules.count(), horizon=rules.time_limit, params=fits)

    @property
    def spec(self) -> Spec:
        """One group: the boats."""
        most = float(1 / self.params.e)
        high = (*self.num_agents * (most,), math.inf)
        agents = tuple(f"boat_{i}" for i in range(self.num_agents))
        group = Group("boat", agents, Box(0.0, high, (len(high),)), Box(0.0, most, (1,)))
        return Spec("fishery_v0", (group,), self.horizon, render_fps=10)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Nobody has fished yet."""
        del key
        state = State(
            effort=jnp.zeros(self.num_agents, jnp.float32),
            stock=jnp.asarray(params.s_0, jnp.float32),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(_observe(state), self.num_agents)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """The stock grows, all fish."""
        del key
        effort = jnp.clip(action["boat"][:, 0], 0.0, 1 / params.e)
        stock, total = state.stock, effort.sum()
        grown = jnp.maximum(stock + params.g * stock * (1 - stock / params.s_max), 0.0)
        catch = jnp.minimum(total * stock * params.e, grown)
        share = effort / jnp.where(total > 0, total, 1.0)  # nobody fishes: no catch to be shared
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(effort=effort, stock=grown - catch, tick=tick, over=state.over | late)
        everyone = jnp.ones(self.num_agents, jnp.bool_)
        return after, transition(
            self.spec,
            acting=everyone & ~state.over,
            observation=_observe(after),
            reward=params.P * catch * share - params.w * effort,
            terminated=~everyone,
            truncated=everyone & late,
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """Efforts as bars, the stock as a line: uint8 (240, 360, 3)."""
        return paint_market(state.effort * params.e, state.stock / params.s_max)


def _observe(state: State) -> dict[str, Any]:
    return {"boat": in_turn(state.effort, state.stock)}
