"""What bandits with two arms have in common: all but what the arms pay."""

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from native import core, draw, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

from .past import CENTRED, time, time_bounds

ARMS = 2
VIEW = draw.View(left=-1.5, bottom=-1.9, right=1.5, top=1.5, width=300)


@pytree
class State:
    """Everything that changes."""

    value: jax.Array  # float32 (2,), of each arm, what it pays in the mean
    pulls: jax.Array  # float32 (2,), how often each was pulled
    gained: jax.Array  # float32 (2,), what each has paid
    last: jax.Array  # int32 (), the last action, -1: none yet
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@dataclasses.dataclass(frozen=True)
class TwoArms(abc.ABC):
    """Rules of both; a game says what its arms pay."""

    normalized_time: bool = True
    horizon: int | None = 100

    name: ClassVar[str]
    bounds: ClassVar[tuple[float, float]]  # of a reward
    scale: ClassVar[float]  # how much fills the picture, up or down

    def __post_init__(self) -> None:
        rules.check(self, normalized_time=rules.flag, horizon=rules.time_limit)

    @abc.abstractmethod
    def draw_values(self, key: jax.Array, params: Any) -> jax.Array:
        """What the arms pay in the mean: float32 (2,)."""

    @abc.abstractmethod
    def pay(self, key: jax.Array, value: jax.Array, action: jax.Array, params: Any) -> jax.Array:
        """The reward of a pull: float32 (); `value`: of the arm that is pulled."""

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        first, last = time_bounds(self.horizon, self._span)
        low, high = self.bounds
        seen = Box((low, 0.0, 0.0, first), (high, 1.0, 1.0, last), (ARMS + 2,))
        player = Group("player", ("player_0",), seen, Discrete(ARMS))
        return Spec(self.name, (player,), self.horizon, render_fps=10)

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        """Draw what the arms pay."""
        state = State(
            value=self.draw_values(key, params),
            pulls=jnp.zeros(ARMS, jnp.float32),
            gained=jnp.zeros(ARMS, jnp.float32),
            last=jnp.int32(-1),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(self._observe(state, jnp.float32(0)), 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Any
    ) -> tuple[State, Timestep]:
        """Pull."""
        chosen = action["player"][0]
        value = jnp.where(chosen == 0, state.value[0], state.value[1])
        reward = self.pay(key, value, chosen, params)
        own = jnp.arange(ARMS, dtype=jnp.int32) == chosen
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(
            value=state.value,
            pulls=state.pulls + jnp.where(own, jnp.float32(1), 0.0),
            gained=state.gained + jnp.where(own, reward, 0.0),
            last=chosen,
            tick=tick,
            over=state.over | late,
        )
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=self._observe(after, reward),
            reward=reward[None],
            terminated=jnp.zeros(1, jnp.bool_),
            truncated=late[None],
        )

    def render(self, state: State, params: Any) -> jax.Array:
        """A column for each arm: uint8 (340, 300, 3).

        The bar is what it has paid in the mean, the line across what it pays; the disc below
        is its share of the pulls; the ring is around the arm that was pulled last.
        """
        del params
        share = state.pulls / jnp.maximum(state.pulls.sum(), 1.0)
        mean = jnp.clip(state.gained / jnp.maximum(state.pulls, 1.0) / self.scale, -1.4, 1.4)
        value = jnp.clip(state.value / self.scale, -1.4, 1.4)
        ground = VIEW.capsule(_to(-1.3, 0.0), _to(1.3, 0.0), 0.008)
        canvas = VIEW.fill(VIEW.blank(), ground, draw.MIST)
        for arm, x in enumerate((-0.7, 0.7)):
            middle, half = jnp.stack([jnp.float32(x), mean[arm] / 2]), jnp.abs(mean[arm]) / 2
            colour = jnp.where(mean[arm] < 0, jnp.array(draw.RED), jnp.array(draw.GREEN))
            canvas = VIEW.fill(canvas, VIEW.box(middle, (0.3, half)), colour, 0.85)
            left, right = (jnp.stack([jnp.float32(x + side), value[arm]]) for side in (-0.45, 0.45))
            canvas = VIEW.fill(canvas, VIEW.capsule(left, right, 0.02), draw.INK)
            foot = _to(x, -1.6)
            canvas = VIEW.fill(canvas, VIEW.disc(foot, 0.2), draw.MIST)
            canvas = VIEW.fill(canvas, VIEW.disc(foot, 0.2 * jnp.sqrt(share[arm])), draw.BLUE)
            ring = jnp.abs(VIEW.disc(foot, 0.24)) - 0.02
            pulled = (state.last == arm).astype(jnp.float32)
            canvas = VIEW.fill(canvas, ring, draw.GOLD, pulled)
        return draw.pixels(canvas)

    @property
    def _span(self) -> tuple[float, float] | None:
        return CENTRED if self.normalized_time else None

    def _observe(self, state: State, reward: jax.Array) -> dict[str, jax.Array]:
        number = jnp.arange(ARMS + 2, dtype=jnp.int32)
        seen = jnp.where(number - 1 == state.last, jnp.float32(1), 0.0)
        seen = jnp.where(number == ARMS + 1, time(state.tick, self.horizon, self._span), seen)
        return {"player": jnp.where(number == 0, reward, seen)[None]}


def _to(x: float, y: float) -> jax.Array:
    return jnp.array([x, y], jnp.float32)
