"""FrozenLake: cross a frozen lake to the goal without falling into a hole, on slippery ice.

Board        cells of `desc`, a text for each row: S start, F ice, H hole, G goal; by default the
             map called `map_name`.
Action       0 left, 1 down, 2 right, 3 up. If `is_slippery` the step goes that way with
             `success_rate`, else to one of the two sides. A step off the board stays.
Observation  number of the cell, row by row from the top left.
Reward       `reward_schedule`: what reaching a goal, a hole and any other cell pays.
Ending       terminates at a goal and in a hole; truncates at `horizon` steps.
Start        a start cell, at random if there are several.
Information  `prob`: how likely this step was, given the action.
Source       Gymnasium's FrozenLake-v1 and FrozenLake8x8-v1.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Discrete

from .picture import paint_lake

MAPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "4x4": ("SFFF", "FHFH", "FFFH", "HFFG"),
        "8x8": (
            "SFFFFFFF",
            "FFFFFFFF",
            "FFFHFFFF",
            "FFFFFHFF",
            "FFFHFFFF",
            "FHHFFFHF",
            "FHFFHFHF",
            "FFFHFFFG",
        ),
    }
)


@pytree
class State:
    """Everything that changes."""

    row: jax.Array  # int32 ()
    column: jax.Array
    chosen: jax.Array  # int32 (), the last action, -1: none yet; only the picture shows it
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


def _rewards(rule: str, value: Any) -> tuple[float, ...]:
    """What the three kinds of cells pay."""
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        rules.refuse(rule, "a number each for goal, hole and other cells", value)
    return tuple(rules.number(f"{rule}[{i}]", one) for i, one in enumerate(value))


Rewards: TypeAlias = Annotated[tuple[float, float, float], _rewards]


@pytree
class Params:
    """Numbers of the dynamics.

    Attributes:
        derived: Attributes of Gymnasium's that change its dynamics and are no number here.
        arguments: Those that Gymnasium's constructor takes; our factories take them too.
    """

    derived: ClassVar[tuple[str, ...]] = ("P", "s", "initial_state_distrib")
    arguments: ClassVar[tuple[str, ...]] = ("success_rate", "reward_schedule")

    success_rate: rules.Share = 1 / 3
    reward_schedule: Rewards = (1.0, 0.0, 0.0)  # goal, hole, other cells


@dataclasses.dataclass(frozen=True)
class FrozenLake:
    """Everything that does not change; `desc` may be a list, and wins over `map_name`."""

    desc: tuple[str, ...] | None = None
    map_name: str | None = "4x4"
    is_slippery: bool = True
    horizon: int | None = 100
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        known = rules.one_of(*MAPS)
        rules.check(self, desc=rules.optional(_map), is_slippery=rules.flag)
        rules.check(self, map_name=known if self.desc is None else rules.optional(known))
        rules.check(self, horizon=rules.time_limit, params=rules.params(Params))

    @property
    def map(self) -> tuple[str, ...]:
        """The board that is played."""
        return MAPS[self.map_name or ""] if self.desc is None else self.desc

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        large = self.map == MAPS["8x8"] and self.horizon == 200
        name = "FrozenLake8x8-v1" if large else "FrozenLake-v1"
        walker = Group("walker", ("walker_0",), Discrete(len("".join(self.map))), Discrete(4))
        return Spec(name, (walker,), self.horizon, render_fps=4)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Stand on a start cell."""
        del params
        starts = np.argwhere(self._are("S")).astype(np.int32)
        place = jnp.asarray(starts[0])
        if len(starts) > 1:
            place = jnp.asarray(starts)[Discrete(len(starts)).sample(key)]
        state = State(
            row=place[0],
            column=place[1],
            chosen=jnp.int32(-1),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(self._observe(state), 1, {"prob": jnp.float32(1)})

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Slide or not, walk, judge."""
        chosen, prob = action["walker"][0], jnp.float32(1)
        taken = chosen
        if self.is_slippery:
            aside = jnp.float32((1 - params.success_rate) / 2)
            drawn = jax.random.uniform(key, (), jnp.float32)
            left, right = drawn < aside, drawn >= 1 - aside
            taken = (taken + right.astype(jnp.int32) - left.astype(jnp.int32)) & 3
            prob = jnp.where(left | right, aside, params.success_rate)
        down = (taken == 1).astype(jnp.int32) - (taken == 3).astype(jnp.int32)
        across = (taken == 2).astype(jnp.int32) - (taken == 0).astype(jnp.int32)
        rows, columns = self._are("H").shape
        row = jnp.clip(state.row + down, 0, rows - 1)
        column = jnp.clip(state.column + across, 0, columns - 1)
        tick = state.tick + 1
        home, fallen = self._is("G", row, column), self._is("H", row, column)
        late = core.late(tick, self.horizon)
        over = state.over | home | fallen | late
        after = State(row=row, column=column, chosen=chosen, tick=tick, over=over)
        goal, hole, other = params.reward_schedule
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=self._observe(after),
            reward=jnp.where(home, goal, jnp.where(fallen, hole, other)).astype(jnp.float32)[None],
            terminated=(home | fallen)[None],
            truncated=late[None],
            info={"prob": prob.astype(jnp.float32)},
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The lake from above, with all that is on it: uint8 (rows * 64, columns * 64, 3)."""
        del params
        boards = self._are("H"), self._are("G"), self._are("S")
        return paint_lake(*boards, state.row, state.column, state.chosen + 1)

    def _are(self, letter: str) -> np.ndarray:
        """Which cells have this letter: bool (rows, columns)."""
        return np.array([[cell == letter for cell in row] for row in self.map])

    def _is(self, letter: str, row: jax.Array, column: jax.Array) -> jax.Array:
        """Whether a cell has this letter: bool (). The board is in words of 32 flags."""
        flags = self._are(letter).ravel()
        number = row * len(self.map[0]) + column
        word = jnp.uint32(0)
        for first in range(0, len(flags), 32):
            own = sum(1 << int(bit) for bit in np.flatnonzero(flags[first : first + 32]))
            word = jnp.where(number >= first, jnp.uint32(own), word)
        there: jax.Array = (word >> (number & 31).astype(jnp.uint32)) & 1 == 1
        return there

    def _observe(self, state: State) -> dict[str, jax.Array]:
        return {"walker": (state.row * len(self.map[0]) + state.column)[None]}


def random_map(key: jax.Array, size: int = 8, frozen: float = 0.8) -> tuple[str, ...]:
    """A map for `FrozenLake(desc=...)` with a way from its start to its goal, in the corners.

    Args:
        key: Of the draws.
        size: Rows, and columns.
        frozen: How likely a cell is ice.

    Raises:
        RuleError: A size below 2, or a share that is none or 0.
    """
    size = rules.count(2, 1000)("size", size)
    if not rules.share("frozen", frozen):
        rules.refuse("frozen", "above 0, or there is no way", frozen)
    while True:
        key, now = jax.random.split(key)
        ice = np.array(jax.random.uniform(now, (size, size), jnp.float32) < frozen)
        ice[0, 0] = ice[-1, -1] = True
        reached = np.zeros_like(ice)
        reached[0, 0] = True
        for _ in range(size * size):
            wider = np.pad(reached, 1)
            near = wider[:-2, 1:-1] | wider[2:, 1:-1] | wider[1:-1, :-2] | wider[1:-1, 2:]
            wider = (reached | near) & ice
            if (wider == reached).all():
                break
            reached = wider
        if reached[-1, -1]:
            letters = np.where(ice, "F", "H")
            letters[0, 0], letters[-1, -1] = "S", "G"
            return tuple("".join(row) for row in letters)


def _map(rule: str, value: Any) -> tuple[str, ...]:
    """A board, of texts of one length with a start among them."""
    if not isinstance(value, (tuple, list)) or not all(isinstance(row, str) for row in value):
        rules.refuse(rule, "a text for each row", value)
    if not value or not value[0] or len({*map(len, value)}) > 1:
        rules.refuse(rule, "rows of one length", value)
    if not {*"".join(value)} <= {*"SFHG"} or "S" not in "".join(value):
        rules.refuse(rule, "made of S, F, H and G, with an S", value)
    return tuple(map(str, value))
