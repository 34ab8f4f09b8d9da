"""What the five games have in common: a board, six keys, an ending, and how it looks.

A row of the board is an int32 whose bit x is the cell in column x. So to place something is a
shift, to move a whole row is one, and all that is seen is unpacked in one pass.
"""

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.kernels import apart
from native.spaces import Box, Discrete

from .picture import paint

SIDE = 10  # rows, and columns
LAST = SIDE - 1
ALL = (1 << SIDE) - 1  # a row with something in each cell
ROWS = np.arange(SIDE, dtype=np.int32)
KEYS = ("none", "left", "up", "right", "down", "fire")


@pytree
class State:
    """Everything that changes."""

    game: Any  # of that game
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@dataclasses.dataclass(frozen=True)
class MinAtar(abc.ABC):
    """Everything that does not change.

    A game says how a state begins and goes on, by a key or (for tests) by what `chance` drew with
    it, and what there is to see in it.

    Attributes:
        horizon: Steps after which an episode is truncated; None: never, as in the original.
        minimal_actions: The actions are the keys that the game uses; otherwise all six of them.
    """

    name: ClassVar[str]
    channels: ClassVar[tuple[str, ...]]
    minimal: ClassVar[tuple[str, ...]]

    horizon: int | None = None
    minimal_actions: bool = True

    def __post_init__(self) -> None:
        rules.check(self, horizon=rules.time_limit, minimal_actions=rules.flag)

    @property
    def keys(self) -> tuple[str, ...]:
        """What each action presses."""
        return self.minimal if self.minimal_actions else KEYS

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        seen = Box(0, 1, (SIDE, SIDE, len(self.channels)), "uint8")
        player = Group("player", ("player_0",), seen, Discrete(len(self.keys)))
        return Spec(self.name, (player,), self.horizon, render_fps=10)

    @abc.abstractmethod
    def begin(self, key: jax.Array, params: Any) -> Any:
        """The state at the start."""

    @abc.abstractmethod
    def chance(self, key: jax.Array) -> Any:
        """What one step draws, whether or not it needs it; None: nothing."""

    @abc.abstractmethod
    def advance(
        self, game: Any, pressed: Mapping[str, jax.Array], chance: Any, params: Any
    ) -> tuple[Any, jax.Array, jax.Array]:
        """The state after a step, the reward, int32 (), and whether the game is lost, bool ().

        Args:
            game: The state.
            pressed: Key -> bool (), of all six.
            chance: What `chance` drew.
            params: Numbers of the dynamics.
        """

    @abc.abstractmethod
    def look(self, game: Any, params: Any) -> tuple[jax.Array, ...]:
        """The rows of each channel, int32 (SIDE,)."""

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        """Begin."""
        game = self.begin(key, params)
        state = State(game=game, tick=jnp.int32(0), over=jnp.bool_(False))
        return state, restart(self.observe(game, params), 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Any
    ) -> tuple[State, Timestep]:
        """Press a key, let the game go on, judge."""
        chosen = action["player"][0]
        pressed = {
            each: chosen == self.keys.index(each) if each in self.keys else jnp.bool_(False)
            for each in KEYS
        }
        game, reward, lost = self.advance(state.game, pressed, self.chance(key), params)
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(game=game, tick=tick, over=state.over | lost | late)
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=self.observe(game, params),
            reward=reward.astype(jnp.float32)[None],
            terminated=lost[None],
            truncated=late[None],
        )

    def render(self, state: State, params: Any) -> jax.Array:
        """The board in MinAtar's colours: uint8 (240, 240, 3)."""
        return paint(self.observe(state.game, params)["player"][0])

    def observe(self, game: Any, params: Any) -> dict[str, jax.Array]:
        """What is seen of a state: group -> uint8 (1, SIDE, SIDE, channels), 0 or 1."""
        rows = apart(lambda *seen: jnp.stack(self.look(*seen), axis=-1), game, params)
        cells = (rows[:, None] >> ROWS[None, :, None]) & jnp.int32(1)
        return {"player": cells.astype(jnp.uint8)[None]}


def cell(x: jax.Array) -> jax.Array:
    """A row with something in column x; nothing, if x is one beyond the board."""
    return ((1 << (x + 1)) >> 1) & ALL


def at(y: jax.Array, row: jax.Array) -> jax.Array:
    """A board, int32 (SIDE,), whose row y is `row`, and nothing else."""
    return jnp.where(y == ROWS, row, 0)


def number(value: Any) -> jax.Array:
    """A parameter as an int32."""
    return jnp.asarray(value, jnp.int32)


def whole(flag: jax.Array) -> jax.Array:
    """0 or 1, int32."""
    return flag.astype(jnp.int32)
