"""In the matrix (STORM): gather coins, then play a matrix game with what you gathered.

Board        8 by 8 cells with six coins of cooperation and six of defection, always in the same
             twelve cells; which are which is always the same, or drawn if not `fixed_coins`.
Action       0 turn left, 1 turn right, 2 forward, 3 interact, 4 stay.
Step         Players turn or go forward; walls hold them, and so does who stands in the way. If
             several want one cell, chance decides. Who comes to a coin takes it. Who interacts
             reaches two cells ahead and the two beside the nearer of them. Two players of which
             one reaches the other, who both have coins, interact: each is paid what `payoff`, two
             tables of 2 by 2, gives if both draw one of their own coins. Coin 0 is cooperation, 1
             is defection; rows are those of the player with the lower number, who is paid by the
             first table. Then both are frozen for `freeze_penalty` steps, after which all coins
             are back and these two begin anew elsewhere, with none.
             Of several who could interact each does so once in a step, by chance.
Observation  `observation`: 5 by 5 cells, aside from left to right and ahead; the player itself is
             at (2, 0). Planes: itself, the others, beginning with the next; coins of cooperation,
             of defection; wall; where somebody has just reached; one of four where others look,
             relative to the player. uint8 (5, 5, 8 + `num_agents`).
             `inventory`: own coins of both kinds; who has any, itself first; both kinds of each of
             the others, while they are frozen. uint8, (3 `num_agents`,).
Ending       truncates at `horizon` steps; nothing terminates. `zero_last_reward`: nothing is paid
             on the last step, as in Pax and JaxMARL.
Start        two players at opposite places of the rim, more at different ones.
Information  `interacts`: who does in this step; `cooperation`: the share of that coin in what those
             have, 0 for the others.
Source       Vezhnevets et al. (2020); rules for two as in Pax's InTheMatrix and JaxMARL's storm_2p,
             from a description, but that players may look in all four directions at first.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.prng import below
from native.spaces import Box, Dict, Discrete

from .in_the_matrix_picture import paint
from .in_the_matrix_sight import (
    COINS,
    SIDE,
    VIEW,
    ahead,
    coin_cells,
    in_reach,
    look,
    reached_cells,
    relative,
)
from .tables import Table, table

LEFT, RIGHT, FORWARD, INTERACT, STAY = range(5)
MOST = 8  # players
PAYOFF: tuple[Table, Table] = (((3.0, 0.0), (5.0, 1.0)), ((3.0, 5.0), (0.0, 1.0)))
DEFECTS = np.arange(len(COINS)) % 2 == 0  # coins of defection, where they are always the same
_RIM = ((0, 0), (1, 0), (2, 0), (0, 1), (2, 1), (7, 0), (6, 0), (5, 0), (7, 1))
STARTS = np.array([*_RIM, *((SIDE - 1 - x, SIDE - 1 - y) for x, y in _RIM)], np.int32)


@pytree
class State:
    """Everything that changes."""

    place: jax.Array  # int32 (agents, 2)
    facing: jax.Array  # int32 (agents,), 0 north, 1 east, 2 south, 3 west
    coins: jax.Array  # int32 (agents, 2), what each has, of cooperation and of defection
    frozen: jax.Array  # int32 (agents,), for how many steps yet
    reaches: jax.Array  # bool (agents,), who has just tried to interact
    lies: jax.Array  # bool (12,), which coins lie on the board
    defects: jax.Array  # bool (12,), which coins are of defection
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics."""

    payoff: np.ndarray | jax.Array  # float32 (2, 2, 2): player, row, column
    freeze_penalty: int | jax.Array  # steps, at least 1


@dataclasses.dataclass(frozen=True)
class InTheMatrix:
    """Everything that does not change; `payoff` and `freeze_penalty` are what `params` holds."""

    num_agents: int = 2
    payoff: tuple[Table, Table] = PAYOFF
    freeze_penalty: int = 5
    fixed_coins: bool = True
    zero_last_reward: bool = False
    horizon: int | None = 152

    def __post_init__(self) -> None:
        rules.check(
            self,
            num_agents=rules.count(2, MOST),
            payoff=table(2, 2, 2),
            freeze_penalty=rules.count(),
            fixed_coins=rules.flag,
            zero_last_reward=rules.flag,
            horizon=rules.time_limit,
        )
        if self.zero_last_reward and self.horizon is None:
            rules.refuse("zero_last_reward", "False where there is no horizon", True)

    @property
    def params(self) -> Params:
        """The usual ones."""
        payoff = np.array(self.payoff, np.float32)
        return Params(payoff=payoff, freeze_penalty=self.freeze_penalty)

    @property
    def spec(self) -> Spec:
        """One group: the players."""
        seen = Dict(
            {
                "observation": Box(0, 1, (VIEW, VIEW, self.num_agents + 8), "uint8"),
                "inventory": Box(0, 255, (3 * self.num_agents,), "uint8"),
            }
        )
        agents = tuple(f"player_{i}" for i in range(self.num_agents))
        group = Group("player", agents, seen, Discrete(5))
        return Spec("in_the_matrix_v0", (group,), self.horizon, render_fps=8)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Lay the coins out and place the players."""
        del params
        for_coins, for_players = jax.random.split(key)
        defects = jnp.array(DEFECTS)
        if not self.fixed_coins:
            drawn = jax.random.bits(for_coins, (len(COINS),), jnp.uint32)
            defects = _order(drawn) < len(COINS) // 2
        nobody = jnp.zeros(self.num_agents, jnp.bool_)
        nothing = jnp.zeros(self.num_agents, jnp.int32)
        place, facing = self._draw_starts(for_players, jnp.zeros(len(STARTS), jnp.bool_))
        state = State(
            place=place,
            facing=facing,
            coins=jnp.zeros((self.num_agents, 2), jnp.int32),
            frozen=nothing,
            reaches=nobody,
            lies=_not_under(place),
            defects=defects,
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        info = {"interacts": nobody, "cooperation": nothing.astype(jnp.float32)}
        return state, restart(self._observe(state), self.num_agents, info)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Move, gather, interact, and begin anew after a freeze."""
        for_order, for_pairs, for_starts = jax.random.split(key, 3)
        free = state.frozen == 0
        chosen = jnp.where(free, action["player"], STAY)
        turn = (chosen == LEFT).astype(jnp.int32) - (chosen == RIGHT).astype(jnp.int32)
        facing = (state.facing + turn) % 4
        place = self._move(for_order, state, chosen == FORWARD)

        takes = (place[:, None] == jnp.array(COINS)[None]).all(axis=-1) & state.lies[None]
        kinds = jnp.stack([~state.defects, state.defects], axis=-1)
        coins = state.coins + (takes[..., None] & kinds[None]).sum(axis=1, dtype=jnp.int32)

        reaches = chosen == INTERACT
        away = place[None] - place[:, None]
        hits = in_reach(*relative(facing[:, None], away[..., 0], away[..., 1])) & reaches[:, None]
        able = free & (coins.sum(axis=1) > 0)
        could = (hits | hits.T) & able[:, None] & able[None]
        pairs = self._pair_up(for_pairs, could)
        interacts = pairs.any(axis=1)
        reward, share = _pay(params.payoff, coins, pairs)

        left = jnp.maximum(state.frozen - 1, 0)
        anew = ~free & (left == 0)
        stand = (place[:, None] == jnp.array(STARTS)[None]).all(axis=-1) & ~anew[:, None]
        fresh, looks = self._draw_starts(for_starts, stand.any(axis=0))
        place = jnp.where(anew[:, None], fresh, place)
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(
            place=place,
            facing=jnp.where(anew, looks, facing),
            coins=jnp.where(anew[:, None], 0, coins),
            frozen=jnp.where(interacts, jnp.asarray(params.freeze_penalty, jnp.int32), left),
            reaches=reaches,
            lies=(state.lies | anew.any()) & _not_under(place),
            defects=state.defects,
            tick=tick,
            over=state.over | late,
        )
        everyone = jnp.ones(self.num_agents, jnp.bool_)
        interacts &= ~state.over
        return after, transition(
            self.spec,
            acting=everyone & ~state.over,
            observation=self._observe(after),
            reward=jnp.where(late, 0.0, reward) if self.zero_last_reward else reward,
            terminated=~everyone,
            truncated=everyone & late,
            info={"interacts": interacts, "cooperation": jnp.where(interacts, share, 0.0)},
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The board from above: uint8 (416, 416, 3)."""
        del params
        return paint(
            state.place,
            state.facing,
            state.coins,
            state.frozen,
            state.reaches,
            state.lies,
            state.defects,
        )

    def _move(self, key: jax.Array, state: State, forward: jax.Array) -> jax.Array:
        """Where all are then: int32 (agents, 2); `forward`: bool (agents,), who wants to go."""
        here = state.place
        there = jnp.clip(here + jnp.stack(ahead(state.facing), axis=-1), 0, SIDE - 1)
        goes = forward & (there != here).any(axis=-1)
        order = _order(jax.random.bits(key, (self.num_agents,), jnp.uint32))
        before = order[:, None] > order[None]  # [i, j]: where both want to go to, j may
        for _ in range(self.num_agents - 1):  # who stays because of one may be in another's way
            wants = jnp.where(goes[:, None], there, here)
            same = (wants[:, None] == wants[None]).all(axis=-1) & _others(self.num_agents)
            goes &= ~(same & (before | ~goes[None])).any(axis=1)
        return jnp.where(goes[:, None], there, here)

    def _pair_up(self, key: jax.Array, could: jax.Array) -> jax.Array:
        """Each has at most one partner, by chance: bool (agents, agents), of the same form."""
        others = could & _others(self.num_agents)
        if self.num_agents == 2:
            return others
        drawn = jax.random.bits(key, others.shape, jnp.uint32) >> 1
        worth = jnp.where(others, jnp.maximum(drawn, drawn.T) + 1, 0).astype(jnp.uint32)
        pairs = jnp.zeros_like(others)
        for _ in range(self.num_agents // 2):
            best = (worth > 0) & (worth == worth.max())
            pairs |= best
            taken = best.any(axis=1)
            worth = jnp.where(taken[:, None] | taken[None], 0, worth)
        return pairs

    def _draw_starts(self, key: jax.Array, taken: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Other places for all: int32 (agents, 2), and where they look, int32 (agents,).

        Args:
            key: The randomness.
            taken: bool (starts,), where somebody stays.
        """
        for_places, for_looks = jax.random.split(key)
        looks = below(jax.random.bits(for_looks, (self.num_agents,), jnp.uint32), np.uint32(4))
        starts = jnp.array(STARTS)
        if self.num_agents == 2:
            drawn = jax.random.bits(for_places, (), jnp.uint32)
            place = starts[below(drawn, np.uint32(len(STARTS))).astype(jnp.int32)]
            return jnp.stack([place, SIDE - 1 - place]), looks.astype(jnp.int32)
        drawn = jax.random.bits(for_places, (len(STARTS),), jnp.uint32)
        order = _order(jnp.where(taken, np.uint32(2**32 - 1), drawn >> 1))
        which = jnp.arange(self.num_agents, dtype=jnp.int32)[:, None] == order[None]
        places = jnp.where(which[..., None], starts[None], 0).sum(axis=1, dtype=jnp.int32)
        return places, looks.astype(jnp.int32)

    def _observe(self, state: State) -> dict[str, dict[str, jax.Array]]:
        shown = jnp.where(state.frozen[:, None] > 0, state.coins, 0)
        ready = state.coins.sum(axis=1) > 0
        turn = np.arange(self.num_agents)
        order = jnp.array((turn[:, None] + turn[None]) % self.num_agents, jnp.int32)  # self first
        others = shown[order[:, 1:]].reshape(self.num_agents, -1)
        inventory = [state.coins, ready[order].astype(jnp.int32), others]
        good, bad = (coin_cells(state.lies & each) for each in (~state.defects, state.defects))
        reached = reached_cells(state.place, state.facing, state.reaches)
        all_look = jax.vmap(look, (0, 0, None, None, None))
        seen = all_look(state.place[order], state.facing[order], good, bad, reached)
        counts = jnp.minimum(jnp.concatenate(inventory, axis=1), 255).astype(jnp.uint8)
        return {"player": {"observation": seen, "inventory": counts}}


def _pay(
    payoff: jax.Array | np.ndarray, coins: jax.Array, pairs: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """What each earns, float32 (agents,), and its share of cooperation, float32 (agents,).

    Args:
        payoff: (2, 2, 2): player, row, column.
        coins: int32 (agents, 2).
        pairs: bool (agents, agents), symmetric.
    """
    total = jnp.maximum(coins.sum(axis=1), 1).astype(jnp.float32)
    mix = coins.astype(jnp.float32) / total[:, None]
    # [i, j]: what i earns with j as rows and columns of the first table, and of the second
    both = mix[:, None, :, None] * mix[None, :, None, :]
    as_row, as_column = (
        (both * table[None, None]).sum(axis=(2, 3)) for table in jnp.asarray(payoff, jnp.float32)
    )
    upper = jnp.array(np.triu(np.ones(pairs.shape, np.bool_)))
    earned = jnp.where(upper, as_row, as_column.T)
    return jnp.where(pairs, earned, 0.0).sum(axis=1), mix[:, 0]


def _not_under(place: jax.Array) -> jax.Array:
    """Where coins can lie, bool (12,): not where somebody is; `place`: int32 (agents, 2)."""
    free: jax.Array = ~(place[:, None] == jnp.array(COINS)[None]).all(axis=-1).any(axis=0)
    return free


def _order(drawn: jax.Array) -> jax.Array:
    """The place of each among all, from 0: int32 of the same shape; `drawn`: uint32 (n,)."""
    earlier = np.tri(len(drawn), k=-1, dtype=np.bool_)  # of equals the first comes first
    before = (drawn[None] < drawn[:, None]) | ((drawn[None] == drawn[:, None]) & earlier)
    return before.sum(axis=1, dtype=jnp.int32)


def _others(count: int) -> jax.Array:
    """bool (count, count), whether it is another."""
    return jnp.array(~np.eye(count, dtype=np.bool_))
