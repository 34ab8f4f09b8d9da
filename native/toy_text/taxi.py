"""Taxi: fetch a passenger at one of four places and bring him to another.

Board        5 rows, 5 columns, some walls between neighbours in a row; `PLACES` red, green, yellow,
             blue.
Action       0 south, 1 north, 2 east, 3 west, 4 picks up, 5 drops off. If `is_rainy` a way that is
             free is taken with `rainy_probability`, else the one to its left or its right.
Observation  ((row * 5 + column) * 5 + passenger) * 4 + destination; passenger: number of the place,
             or 4 in the taxi.
Mask         what changes the state: ways that are free, picking up where the passenger waits,
             dropping off at any of the places.
Reward       -1 a step; 20 for a drop at the destination; -10 for a pick or a drop where there is
             nothing to do so.
Ending       terminates with the drop at the destination; truncates at `horizon` steps.
Start        the taxi anywhere, the passenger at any place, for another. If `fickle_passenger` he
             will, with `fickle_probability`, want to go elsewhere at the first move with him.
Information  `prob`: how likely this step was, given the action.
Source       Dietterich (2000), as in Gymnasium's Taxi-v4. Taxi-v3 is the same in dry weather.
"""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Discrete

from .picture import paint_taxi

SIDE = 5
PLACES = ((0, 0), (0, 4), (4, 0), (4, 3))
ABOARD = len(PLACES)
MOVES = ((1, 0), (-1, 0), (0, 1), (0, -1))
LEFT, RIGHT = (2, 3, 1, 0), (3, 2, 0, 1)  # of each way


@pytree
class State:
    """Everything that changes."""

    row: jax.Array  # int32 ()
    column: jax.Array
    passenger: jax.Array  # int32 (), number of a place, or ABOARD
    destination: jax.Array  # int32 (), number of a place
    fickle: jax.Array  # bool (), he will change his mind
    chosen: jax.Array  # int32 (), the last action, -1: none yet; only the picture shows it
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics.

    Attributes:
        derived: Attributes of Gymnasium's that change its dynamics and are no number here.
        arguments: Those that Gymnasium's constructor takes; our factories take them too.
    """

    derived: ClassVar[tuple[str, ...]] = ("P", "s", "initial_state_distrib", "fickle_step", "locs")
    arguments: ClassVar[tuple[str, ...]] = ("rainy_probability", "fickle_probability")

    rainy_probability: rules.Share = 0.8
    fickle_probability: rules.Share = 0.3


@dataclasses.dataclass(frozen=True)
class Taxi:
    """Everything that does not change."""

    is_rainy: bool = False
    fickle_passenger: bool = False
    horizon: int | None = 200
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        rules.check(self, is_rainy=rules.flag, fickle_passenger=rules.flag)
        rules.check(self, horizon=rules.time_limit, params=rules.params(Params))

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        seen = Discrete(SIDE * SIDE * (ABOARD + 1) * len(PLACES))
        taxi = Group("taxi", ("taxi_0",), seen, Discrete(6))
        return Spec("Taxi-v4", (taxi,), self.horizon, masks=True, render_fps=4)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Any cell, any place, any other place."""
        bounds = jnp.array([SIDE, SIDE, len(PLACES), len(PLACES) - 1, 1], jnp.float32)
        drawn = jax.random.uniform(key, (5,), jnp.float32) * bounds
        row, column, passenger, other = (drawn[i].astype(jnp.int32) for i in range(4))
        fickle = drawn[4] < params.fickle_probability if self.fickle_passenger else False
        state = State(
            row=row,
            column=column,
            passenger=passenger,
            destination=other + (other >= passenger).astype(jnp.int32),
            fickle=jnp.bool_(fickle),
            chosen=jnp.int32(-1),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(_observe(state), 1, {"prob": jnp.float32(1)})

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Drive, pick up or drop off; change one's mind."""
        chosen, prob = action["taxi"][0], jnp.float32(1)
        drawn = jax.random.uniform(key, (2,), jnp.float32)
        taken = jnp.where(_is_free(state.row, state.column, chosen), chosen, -1)
        if self.is_rainy:
            sure, aside = params.rainy_probability, (1 - params.rainy_probability) / 2
            turned = jnp.where(drawn[0] < sure + aside, _of(LEFT, chosen), _of(RIGHT, chosen))
            drifts = (chosen < 4) & (drawn[0] >= sure)
            prob = jnp.where(chosen < 4, jnp.where(drifts, aside, sure), 1.0)
            free = (taken >= 0) & _is_free(state.row, state.column, turned)
            taken = jnp.where(drifts, jnp.where(free, turned, -1), taken)
        down, across = (_of(tuple(move[i] for move in MOVES), taken) for i in (0, 1))
        row, column = state.row + down, state.column + across

        here, aboard = _place(state.row, state.column), state.passenger == ABOARD
        picks = (chosen == 4) & (here == state.passenger)
        drops = (chosen == 5) & aboard & (here >= 0)
        brought = drops & (here == state.destination)
        vain = (chosen >= 4) & ~picks & ~drops
        destination, fickle = state.destination, state.fickle
        if self.fickle_passenger:
            changes = fickle & aboard & (taken >= 0)
            other = (destination + 1 + (drawn[1] * 3).astype(jnp.int32)) & 3
            destination, fickle = jnp.where(changes, other, destination), fickle & ~changes
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(
            row=row,
            column=column,
            passenger=jnp.where(picks, ABOARD, jnp.where(drops, here, state.passenger)),
            destination=destination,
            fickle=fickle,
            chosen=chosen,
            tick=tick,
            over=state.over | brought | late,
        )
        reward = jnp.where(brought, 20.0, jnp.where(vain, -10.0, -1.0)).astype(jnp.float32)
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=_observe(after),
            reward=reward[None],
            terminated=brought[None],
            truncated=late[None],
            info={"prob": prob.astype(jnp.float32)},
        )

    def action_mask(self, state: State, params: Params) -> dict[str, jax.Array]:
        """Which of the six would change anything."""
        del params
        here = _place(state.row, state.column)
        ways = [_is_free(state.row, state.column, jnp.int32(way)) for way in range(4)]
        picks = here == state.passenger
        drops = (state.passenger == ABOARD) & (here >= 0)
        return {"taxi": (jnp.stack([*ways, picks, drops]) | state.over)[None]}

    def render(self, state: State, params: Params) -> jax.Array:
        """The streets from above: uint8 (320, 320, 3)."""
        del params
        cells = jnp.arange(SIDE, dtype=jnp.int32)
        walls = ~_is_free(cells[:, None], cells[None], jnp.int32(2))
        places = jnp.array(PLACES, jnp.int32)
        aim = [_of(tuple(move[i] for move in MOVES), state.chosen) for i in (0, 1)]
        return paint_taxi(walls, places, state, jnp.stack([aim[1], -aim[0]]).astype(jnp.float32))


def _is_free(row: jax.Array, column: jax.Array, way: jax.Array) -> jax.Array:
    """Whether one can drive from a cell that way: bool; from nowhere by what is no way."""
    west = column - (way == 3).astype(jnp.int32)  # the western of the two cells
    upper, lower = (row < 2) & (west == 1), (row > 2) & ((west == 0) | (west == 2))
    aside = (west >= 0) & (west < SIDE - 1) & ~upper & ~lower
    along = jnp.where(way == 0, row < SIDE - 1, (way == 1) & (row > 0))
    return jnp.where((way == 2) | (way == 3), aside, along)


def _place(row: jax.Array, column: jax.Array) -> jax.Array:
    """Number of the place at a cell: int32 (), -1: none."""
    found = jnp.full((), -1, jnp.int32)
    for i, (own_row, own_column) in enumerate(PLACES):
        found = jnp.where((row == own_row) & (column == own_column), i, found)
    return found


def _of(table: tuple[int, ...], number: jax.Array) -> jax.Array:
    """What a short table has for a number; 0 beyond it."""
    found = jnp.zeros((), jnp.int32)
    for i, value in enumerate(table):
        found = jnp.where(number == i, value, found)
    return found


def _observe(state: State) -> dict[str, jax.Array]:
    cell = state.row * SIDE + state.column
    return {
        "taxi": ((cell * (ABOARD + 1) + state.passenger) * len(PLACES) + state.destination)[None]
    }
