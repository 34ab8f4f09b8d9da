"""Coin game: two players, red and blue, on a torus of 3 by 3 cells with a red and a blue coin.

Action       0 right, 1 left, 2 down, 3 up, 4 stay. Both move at once; cells may be shared.
Observation  a board of four planes: itself, the other, the coin of its own colour, the coin of the
             other's; `egocentric`: shifted so that it stands in the middle itself. uint8, (36,) or,
             if `cnn`, (3, 3, 4): row, column, plane.
Reward       `payoff`, a row for each player. Red's: for taking the red coin, for taking the blue
             one, and for blue taking the red one. Blue's: for taking the red coin, for taking the
             blue one, and for red taking the blue one. So by default any coin pays 1, and who loses
             his own to the other pays 2: to take the own colour only is to cooperate, and two who
             take all they can earn nothing. `shared_rewards`: both get the sum.
             `zero_last_reward`: nothing is paid on the last step, as in Pax and JaxMARL.
Ending       truncates at `horizon` steps; nothing terminates.
Start        all four on a cell at random.
Step         A coin that was taken appears on a cell at random, which may be where somebody stands.
Information  `own_coin` and `other_coin`: whether the player took the coin of that colour.
Source       Lerer and Peysakhovich (2017); rules as in Pax's and JaxMARL's CoinGame, whose inner
             and outer episodes are `native.wrappers.trials(env, episodes)`.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.prng import below
from native.spaces import Box, Discrete

from .coin_game_picture import paint_coins
from .tables import Table, table

SIDE = 3
CELLS = SIDE * SIDE
MOVES = np.array([(0, 1), (0, -1), (1, 0), (-1, 0), (0, 0)], np.int32)
PAYOFF: Table = ((1.0, 1.0, -2.0), (1.0, 1.0, -2.0))
_SEEN_BY = np.array([[0, 1, 2, 3], [1, 0, 3, 2]], np.int32)  # red, blue, red coin, blue coin


@pytree
class State:
    """Everything that changes."""

    player: jax.Array  # int32 (2, 2): red and blue; row and column
    coin: jax.Array  # int32 (2, 2), the same of the coins
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics."""

    payoff: np.ndarray | jax.Array  # float32 (2, 3)


@dataclasses.dataclass(frozen=True)
class CoinGame:
    """Everything that does not change; `payoff` may be lists, and is what `params` holds."""

    payoff: Table = PAYOFF
    egocentric: bool = True
    cnn: bool = False
    shared_rewards: bool = False
    zero_last_reward: bool = False
    horizon: int | None = 16

    def __post_init__(self) -> None:
        flags = ("egocentric", "cnn", "shared_rewards", "zero_last_reward")
        fits = {"payoff": table(2, 3), "horizon": rules.time_limit}
        rules.check(self, **dict.fromkeys(flags, rules.flag), **fits)
        if self.zero_last_reward and self.horizon is None:
            rules.refuse("zero_last_reward", "False where there is no horizon", True)

    @property
    def params(self) -> Params:
        """The usual ones."""
        return Params(payoff=np.array(self.payoff, np.float32))

    @property
    def spec(self) -> Spec:
        """One group of two agents, the first of them red."""
        seen = Box(0, 1, self._shape, "uint8")
        player = Group("player", ("player_0", "player_1"), seen, Discrete(len(MOVES)))
        return Spec("coin_game_v0", (player,), self.horizon, render_fps=4)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Scatter all four."""
        del params
        places = _places(jax.random.bits(key, (4,), jnp.uint32))
        state = State(player=places[:2], coin=places[2:], tick=jnp.int32(0), over=jnp.bool_(False))
        nobody = jnp.zeros(2, jnp.bool_)
        return state, restart(self._observe(state), 2, {"own_coin": nobody, "other_coin": nobody})

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Both move, take what lies there, and are paid."""
        player = moved(state.player, action["player"])
        takes = taken(player, state.coin)
        fresh = _places(jax.random.bits(key, (2,), jnp.uint32))
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(
            player=player,
            coin=jnp.where(takes.any(axis=0)[:, None], fresh, state.coin),
            tick=tick,
            over=state.over | late,
        )
        everyone = jnp.ones(2, jnp.bool_)
        reward = pay(params.payoff, takes)
        if self.shared_rewards:
            reward = jnp.broadcast_to(reward.sum(), (2,))
        own, other = by_owner(takes & ~state.over)
        return after, transition(
            self.spec,
            acting=everyone & ~state.over,
            observation=self._observe(after),
            reward=jnp.where(late, 0.0, reward) if self.zero_last_reward else reward,
            terminated=~everyone,
            truncated=everyone & late,
            info={"own_coin": own, "other_coin": other},
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The board: uint8 (340, 340, 3)."""
        del params
        return paint_coins(state.player, state.coin)

    @property
    def _shape(self) -> tuple[int, ...]:
        return (SIDE, SIDE, 4) if self.cnn else (4 * CELLS,)

    def _observe(self, state: State) -> dict[str, jax.Array]:
        things = jnp.concatenate([state.player, state.coin])[_SEEN_BY]  # (2, 4, 2)
        if self.egocentric:
            things = (things - things[:, :1] + 1) % SIDE
        cell = SIDE * things[..., 0] + things[..., 1]
        planes = jnp.arange(CELLS, dtype=jnp.int32)[None, :, None] == cell[:, None]
        return {"player": planes.astype(jnp.uint8).reshape(2, *self._shape)}


def moved(player: jax.Array, action: jax.Array) -> jax.Array:
    """Where players are then: int32 (..., 2), row and column.

    Args:
        player: int32 (..., 2).
        action: int32 (...).
    """
    place: jax.Array = (player + jnp.array(MOVES)[action]) % SIDE
    return place


def taken(player: jax.Array, coin: jax.Array) -> jax.Array:
    """Who stands on which coin: bool (..., players, coins), of int32 (..., 2, 2) each."""
    return (player[..., :, None, :] == coin[..., None, :, :]).all(axis=-1)


def by_owner(takes: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Who takes the coin of his own colour, and who that of the other's: bool (..., 2) each."""
    own = jnp.stack([takes[..., 0, 0], takes[..., 1, 1]], axis=-1)
    return own, jnp.stack([takes[..., 0, 1], takes[..., 1, 0]], axis=-1)


def pay(payoff: jax.Array | np.ndarray, takes: jax.Array) -> jax.Array:
    """What both earn: float32 (2,).

    Args:
        payoff: (2, 3).
        takes: bool (2, 2), [player, coin].
    """
    lost = jnp.stack([takes[1, 0], takes[0, 1]])
    events = jnp.concatenate([takes, lost[:, None]], axis=1).astype(jnp.float32)
    return (jnp.asarray(payoff, jnp.float32) * events).sum(axis=1)


def _places(bits: jax.Array) -> jax.Array:
    """Cells at random: int32 (n, 2), of random bits, uint32 (n,)."""
    cell = below(bits, np.uint32(CELLS)).astype(jnp.int32)
    return jnp.stack([cell // SIDE, cell % SIDE], axis=-1)
