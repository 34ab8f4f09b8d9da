"""Causeway: cross a tidal flat to the lighthouse before the sea takes the sand from under you.

Board        7 rows, 11 columns. The first column is the west shore, the last the lighthouse's;
             no shore is ever flooded. Between them lie sand and rocks drawn at the start.
Turn         The walkers step. Then wet sand becomes sea; then sand that a walker has just left
             becomes wet, and other sand by chance, which grows with time and is least along the
             middle row. So wet sand is a warning of one turn, and footprints are no path.
Action       0 stays, 1 north, 2 east, 3 south, 4 west. A step off the board, onto rock or into the
             sea is illegal, and counts as staying. Walkers may share a cell.
Observation  `place`: row and column from 0 to 1. `tide`: the chance of flooding, from 0 to 1.
             `view`: kinds of the 5 by 5 cells around (`EDGE` ... `SHORE`), north up.
             `walking`: who has not ended, itself first, then those after it.
Reward       1 on reaching the lighthouse's column, -1 when swept away; `stride` for each column
             won and minus that for each lost, so that the way can be learned; `hurry` less on
             every turn.
Ending       Both of these terminate the walker; at `horizon` all who still walk are truncated.
Start        Walkers on the west shore, each in a row at random.
Information  `saved`: how many have reached the lighthouse.
Source       Original.
"""

import dataclasses
import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Dict, Discrete, MultiBinary

from .causeway_picture import paint

ROWS, COLUMNS, SIGHT = 7, 11, 2  # SIGHT: cells seen to each side
EDGE, SAND, WET, SEA, ROCK, SHORE = range(6)
DEPTH = tuple(0.5 + abs(row - ROWS // 2) / (ROWS - 1) for row in range(ROWS))  # share of the tide
MOVES = ((0, 0), (-1, 0), (0, 1), (1, 0), (0, -1))


@pytree
class State:
    """Everything that changes."""

    ground: jax.Array  # uint8 (ROWS, COLUMNS), kinds of cell
    place: jax.Array  # int32 (walkers, 2), row and column
    walking: jax.Array  # bool (walkers,)
    saved: jax.Array  # bool (walkers,)
    tick: jax.Array  # int32 ()


@pytree
class Params:
    """Numbers of the dynamics."""

    rocks: rules.Share = 0.2  # chance that a cell is rock
    rise: rules.Share = 0.003  # chance of flooding at the edges, more with each turn
    stride: float = 0.05  # reward for a column won
    hurry: float = 0.02  # price of a turn: without one, staying ashore is hard to leave


@dataclasses.dataclass(frozen=True)
class Causeway:
    """Everything that does not change."""

    walkers: int = 3
    horizon: int | None = 30
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        fits = rules.params(Params)
        rules.check(self, walkers=rules.count(), horizon=rules.time_limit, params=fits)

    @property
    def spec(self) -> Spec:
        """One group: the walkers."""
        side = 2 * SIGHT + 1
        observation = Dict(
            {
                "place": Box(0.0, 1.0, (2,)),
                "tide": Box(0.0, 1.0, (1,)),
                "view": Box(EDGE, SHORE, (side, side), "uint8"),
                "walking": MultiBinary(self.walkers),
            }
        )
        agents = tuple(f"walker_{i}" for i in range(self.walkers))
        group = Group("walker", agents, observation, Discrete(len(MOVES)))
        everything = Box(0.0, 1.0, (ROWS * COLUMNS + 3 * self.walkers + 1,))
        return Spec("causeway_v0", (group,), self.horizon, everything, masks=True, render_fps=10)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Scatter the rocks and the walkers."""
        for_rocks, for_rows = jax.random.split(key)
        rocks = jax.random.uniform(for_rocks, (ROWS, COLUMNS), jnp.float32) < params.rocks
        column = jnp.arange(COLUMNS)
        shore = (column == 0) | (column == COLUMNS - 1)
        ground = jnp.where(shore, SHORE, jnp.where(rocks, ROCK, SAND)).astype(jnp.uint8)
        row = jax.random.randint(for_rows, (self.walkers,), 0, ROWS, jnp.int32)
        state = State(
            ground=ground,
            place=jnp.stack([row, jnp.zeros_like(row)], axis=-1),
            walking=jnp.ones(self.walkers, jnp.bool_),
            saved=jnp.zeros(self.walkers, jnp.bool_),
            tick=jnp.int32(0),
        )
        return state, restart(self._observe(state, params), self.walkers, _inform(state))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Walk, flood, judge."""
        chosen = action["walker"]
        legal = self.action_mask(state, params)["walker"][jnp.arange(self.walkers), chosen]
        moves = jnp.array(MOVES, jnp.int32)[chosen]
        place = state.place + jnp.where((legal & state.walking)[:, None], moves, 0)
        tick = state.tick + 1
        left = jnp.zeros((ROWS, COLUMNS), jnp.bool_)
        left = left.at[_cells(state.place)].max((place != state.place).any(axis=-1))
        sinks = (
            jax.random.uniform(key, left.shape, jnp.float32)
            < _tide(tick, params) * jnp.array(DEPTH, jnp.float32)[:, None]
        )
        wetter = jnp.where((state.ground == SAND) & (left | sinks), WET, state.ground)
        ground = jnp.where(state.ground == WET, SEA, wetter)

        swept = state.walking & (ground[_cells(place)] == SEA)
        lands = state.walking & (place[:, 1] == COLUMNS - 1)
        late = core.late(tick, self.horizon)
        won = (place - state.place)[:, 1].astype(jnp.float32)
        after = State(
            ground=ground,
            place=place,
            walking=state.walking & ~(swept | lands | late),
            saved=state.saved | lands,
            tick=tick,
        )
        return after, transition(
            self.spec,
            acting=state.walking,
            observation=self._observe(after, params),
            reward=jnp.where(lands, 1.0, jnp.where(swept, -1.0, 0.0))
            + (params.stride * won - params.hurry),
            terminated=swept | lands,
            truncated=late,
            info=_inform(after),
        )

    def action_mask(self, state: State, params: Params) -> dict[str, jax.Array]:
        """Which of the five steps lead to sand or a shore; staying always may."""
        del params
        kinds = jnp.pad(state.ground, 1, constant_values=EDGE)
        there = state.place[:, None] + jnp.array([MOVES], jnp.int32) + 1
        kind = kinds[there[..., 0], there[..., 1]]
        legal = (kind == SAND) | (kind == WET) | (kind == SHORE)
        return {"walker": legal.at[:, 0].set(True) | ~state.walking[:, None]}

    def global_state(self, state: State, params: Params) -> jax.Array:
        """Kinds of cell, then places, then who walks, then the tide, all from 0 to 1."""
        return jnp.concatenate(
            [
                state.ground.reshape(-1).astype(jnp.float32) / SHORE,
                _fractions(state.place).reshape(-1),
                state.walking.astype(jnp.float32),
                _tide(state.tick, params)[None],
            ]
        )

    def _observe(self, state: State, params: Params) -> dict[str, dict[str, jax.Array]]:
        kinds = jnp.pad(state.ground, SIGHT, constant_values=EDGE)
        side = 2 * SIGHT + 1
        window = functools.partial(jax.lax.dynamic_slice, slice_sizes=(side, side))
        order = jnp.arange(self.walkers)
        return {
            "walker": {
                "place": _fractions(state.place),
                "tide": jnp.full((self.walkers, 1), _tide(state.tick, params)),
                "view": jax.vmap(window, in_axes=(None, 0))(kinds, state.place),
                "walking": state.walking[(order[:, None] + order[None]) % self.walkers],
            }
        }

    def render(self, state: State, params: Params) -> jax.Array:
        """The flat from above, north up: uint8 (400, 660, 3)."""
        del params
        kind = state.ground
        return paint(kind == SEA, kind == WET, kind == ROCK, state.place, state.walking)


def _tide(tick: jax.Array, params: Params) -> jax.Array:
    return jnp.clip(params.rise * tick.astype(jnp.float32), 0.0, 1.0)


def _cells(place: jax.Array) -> tuple[jax.Array, jax.Array]:
    return place[:, 0], place[:, 1]


def _fractions(place: jax.Array) -> jax.Array:
    return place.astype(jnp.float32) / jnp.array([[ROWS - 1, COLUMNS - 1]], jnp.float32)


def _inform(state: State) -> dict[str, jax.Array]:
    return {"saved": state.saved.sum(dtype=jnp.int32)}
