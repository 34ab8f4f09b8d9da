"""Hanabi: build each colour from rank 1 up together, holding cards that only the others see.

Cards        of `colors` colours and `ranks` ranks, of each rank so many in every colour as `copies`
             says. A card is a number, colour * ranks + rank.
Action       discard the card in each place of the own hand, then play it, then tell another player,
             the next one first, all cards of a colour, then all of a rank. By the rule `noop` there
             is one more, which does nothing and is the only legal one for those who wait.
             A discard wants an information token to be gone, and brings one back; a hint takes one
             and wants a card that it tells of. What is not legal does nothing, and the turn passes.
             A card that does not come next in its colour costs a life. A colour that is complete
             brings an information token back.
Observation  zeros and ones, see `encoding`; by the rule `beliefs` some are chances.
Reward       1 for each card that is built, to all; who loses the last life pays all of it back.
Ending       terminates with the last life, with all colours complete, or when everybody had one
             more turn after the last card was drawn; truncates at `horizon` moves, if there is one.
Start        `hand_size` cards each: 5, or 4 from four players on. player_0 begins.
Information  `score`, 0 without lives; `information_tokens`, `life_tokens`, `deck`: what is left.
Source       Bard et al. (2020), "The Hanabi Challenge", as in hanabi-learning-environment.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

from . import encoding, picture
from .encoding import NO_MOVE, Last, Sizes

KEPT_RANKS = (3, 2, 1)  # how many there are of the first, of those between, of the last


@pytree
class State:
    """Everything that changes."""

    deck: jax.Array  # uint8 (cards,), in the order in which they are dealt
    dealt: jax.Array  # int32 ()
    hands: jax.Array  # int32 (players, hand), oldest first; -1: no card
    colors: jax.Array  # bool (players, hand, colours), which it can have as hints tell
    ranks: jax.Array  # bool (players, hand, ranks)
    color_told: jax.Array  # bool (players, hand)
    rank_told: jax.Array
    discards: jax.Array  # int32 (kinds,), of each card so many
    fireworks: jax.Array  # int32 (colours,), cards built
    information: jax.Array  # int32 (), tokens
    lives: jax.Array
    turns_left: jax.Array  # int32 (), once the deck is empty
    turn: jax.Array  # int32 ()
    last: Last
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """There are no numbers to be changed."""


@dataclasses.dataclass(frozen=True)
class Hanabi:
    """Everything that does not change."""

    players: int = 2
    colors: int = 5
    ranks: int = 5
    copies: tuple[int, ...] | None = None  # of each rank; None: 3, 2, ..., 2, 1
    hand_size: int | None = None
    max_information_tokens: int = 8
    max_life_tokens: int = 3
    beliefs: bool = False
    noop: bool = False
    horizon: int | None = None
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        some = rules.count()
        rules.check(
            self,
            players=rules.count(2, 5),
            colors=some,
            ranks=some,
            hand_size=rules.optional(some),
            max_information_tokens=rules.count(0),
            max_life_tokens=some,
            beliefs=rules.flag,
            noop=rules.flag,
            horizon=rules.time_limit,
            params=rules.params(Params),
        )
        rules.check(self, copies=rules.optional(self._one_for_each_rank))
        dealt = self.players * self.sizes.hand
        if self.sizes.cards <= dealt or self.sizes.kinds > 255:
            raise rules.RuleError(
                f"{self.colors} colors, {self.ranks} ranks and copies {self.sizes.copies} make "
                f"{self.sizes.cards} cards of {self.sizes.kinds} kinds; there must be more than "
                f"the {dealt} cards of all hands, and at most 255 kinds."
            )

    @property
    def sizes(self) -> Sizes:
        """How many there are of everything."""
        usual = self.ranks - 2
        first, between, last = KEPT_RANKS
        copies = (first, *(between,) * usual, last) if usual >= 0 else (first,)
        return Sizes(
            players=self.players,
            colors=self.colors,
            ranks=self.ranks,
            copies=copies if self.copies is None else self.copies,
            hand=(5 if self.players < 4 else 4) if self.hand_size is None else self.hand_size,
            information=self.max_information_tokens,
            lives=self.max_life_tokens,
        )

    @property
    def spec(self) -> Spec:
        """One group of all players."""
        size, moves = self.sizes, self.sizes.moves + self.noop
        agents = tuple(f"player_{i}" for i in range(self.players))
        everything = Box(0.0, 1.0, (size.observed + size.hand * size.kinds + size.players,))
        players = Group("player", agents, Box(0.0, 1.0, (size.observed,)), Discrete(moves))
        return Spec("hanabi_v1", (players,), self.horizon, everything, True, True, render_fps=2)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Shuffle and deal."""
        del params
        size = self.sizes
        kinds = np.repeat(np.arange(size.kinds), np.tile(size.copies, size.colors))
        return self.deal(jax.random.permutation(key, jnp.asarray(kinds, jnp.uint8)))

    def deal(self, deck: jax.Array) -> tuple[State, Timestep]:
        """Begin with a deck, uint8 (cards,), in the order in which it is dealt, hand by hand."""
        size = self.sizes
        everyone = (size.players, size.hand)
        dealt = size.players * size.hand
        state = State(
            deck=deck,
            dealt=jnp.int32(dealt),
            hands=deck[:dealt].reshape(everyone).astype(jnp.int32),
            colors=jnp.ones((*everyone, size.colors), jnp.bool_),
            ranks=jnp.ones((*everyone, size.ranks), jnp.bool_),
            color_told=jnp.zeros(everyone, jnp.bool_),
            rank_told=jnp.zeros(everyone, jnp.bool_),
            discards=jnp.zeros(size.kinds, jnp.int32),
            fireworks=jnp.zeros(size.colors, jnp.int32),
            information=jnp.int32(size.information),
            lives=jnp.int32(size.lives),
            turns_left=jnp.int32(size.players),
            turn=jnp.int32(0),
            last=encoding.nothing(size),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(self._observe(state), size.players, self._inform(state))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Whose turn it is moves."""
        del key, params
        size = self.sizes
        me = encoding.one_of(state.turn, size.players)
        chosen = jnp.where(me, action["player"], 0).sum(dtype=jnp.int32)
        legal = (self._legal(state) & me[:, None]).any(axis=0) & ~state.over
        is_legal = (legal & encoding.one_of(chosen, size.moves)).any()
        move = jnp.where(is_legal, chosen, NO_MOVE)
        after = self._hint(self._use_card(state, move, me), move)
        ended = (
            (after.lives == 0)
            | (after.fireworks == size.ranks).all()
            | ((state.dealt == size.cards) & (state.turns_left == 1))
        )
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = dataclasses.replace(
            after,
            turns_left=state.turns_left - (state.dealt == size.cards).astype(jnp.int32),
            turn=jnp.where(state.turn + 1 == size.players, 0, state.turn + 1),
            tick=tick,
            over=state.over | ended | late,
        )
        everyone = jnp.ones(size.players, jnp.bool_)
        return after, transition(
            self.spec,
            acting=~state.over & everyone,
            observation=self._observe(after),
            reward=jnp.where(everyone, (_score(after) - _score(state)).astype(jnp.float32), 0),
            terminated=ended & everyone,
            truncated=late & everyone,
            info=self._inform(after),
        )

    def action_mask(self, state: State, params: Params) -> dict[str, jax.Array]:
        """What is legal in the turn of each; who waits may choose anything, or only `noop`."""
        del params
        size = self.sizes
        waits = ~encoding.one_of(state.turn, size.players)[:, None]
        legal = self._legal(state)
        if not self.noop:
            return {"player": legal | waits | state.over}
        legal = jnp.concatenate([legal & ~waits, waits], axis=1)
        return {"player": legal | state.over}

    def current_agent(self, state: State, params: Params) -> jax.Array:
        """Whose turn it is: int32 ()."""
        del params
        return state.turn

    def global_state(self, state: State, params: Params) -> jax.Array:
        """The hand of player_0, what player_0 observes, and whose turn it is."""
        del params
        size = self.sizes
        own = encoding.one_of(state.hands[0], size.kinds).reshape(-1)
        turn = encoding.one_of(state.turn, size.players)
        seen = self._observe(state)["player"][0]
        return jnp.concatenate([own.astype(jnp.float32), seen, turn.astype(jnp.float32)])

    def render(self, state: State, params: Params) -> jax.Array:
        """The table, with all hands open: uint8 (height, 480, 3)."""
        del params
        return picture.paint(state, self.sizes)

    def _legal(self, state: State) -> jax.Array:
        """What would be legal if it were a player's turn: bool (players, moves)."""
        size = self.sizes
        holds = state.hands >= 0
        colors, ranks = size.split(state.hands)
        can_tell = state.information > 0
        discards = holds & (state.information < size.information)
        has_color = (encoding.one_of(colors, size.colors) & holds[..., None]).any(axis=1)
        has_rank = (encoding.one_of(ranks, size.ranks) & holds[..., None]).any(axis=1)

        def of_others(has: jax.Array) -> jax.Array:
            rows = [jnp.roll(has, -1 - i, axis=0)[:-1].reshape(-1) for i in range(size.players)]
            return jnp.stack(rows) & can_tell

        return jnp.concatenate([discards, holds, of_others(has_color), of_others(has_rank)], axis=1)

    def _use_card(self, state: State, move: jax.Array, me: jax.Array) -> State:
        """A card is discarded or played, and the next one drawn; nothing if `move` is another."""
        size = self.sizes
        discards, plays = size.is_discard(move), size.is_play(move)
        uses = discards | plays
        places = jnp.arange(size.hand, dtype=jnp.int32)[None]
        place = jnp.where(uses, move - jnp.where(plays, size.hand, 0), size.hand)
        mine = me[:, None] & (places == place)
        card = jnp.where(mine, state.hands, 0).sum(dtype=jnp.int32)
        color, rank = size.split(card)
        is_color = encoding.one_of(color, size.colors)
        builds = plays & (is_color & (state.fireworks == rank)).any()
        completes = builds & (rank == size.ranks - 1)
        gains = (discards | completes) & (state.information < size.information)
        thrown = (uses & ~builds) & encoding.one_of(card, size.kinds)
        draws = uses & (state.dealt < size.cards)
        top = encoding.one_of(state.dealt, size.cards)
        drawn = jnp.where(top, state.deck, jnp.uint8(0)).sum(dtype=jnp.int32)

        def moved(values: jax.Array, new: Any) -> jax.Array:
            """The hand without that card, closed up, with the new one at its end."""
            new = jnp.broadcast_to(jnp.asarray(new, values.dtype), values[:, :1].shape)
            others = jnp.concatenate([values[:, 1:], new], axis=1)
            left = me[:, None] & (places >= place)
            return jnp.where(left.reshape(left.shape + (1,) * (values.ndim - 2)), others, values)

        return dataclasses.replace(
            state,
            dealt=state.dealt + draws.astype(jnp.int32),
            hands=moved(state.hands, jnp.where(draws, drawn, -1)),
            colors=moved(state.colors, True),
            ranks=moved(state.ranks, True),
            color_told=moved(state.color_told, False),
            rank_told=moved(state.rank_told, False),
            discards=state.discards + thrown.astype(jnp.int32),
            fireworks=state.fireworks + (is_color & builds).astype(jnp.int32),
            information=state.information + gains.astype(jnp.int32),
            lives=state.lives - (plays & ~builds).astype(jnp.int32),
            last=Last(
                player=state.turn,
                move=move,
                card=jnp.where(uses, card, -1),
                touched=jnp.zeros(size.hand, jnp.bool_),
                built=builds,
                gained=plays & gains,
            ),
        )

    def _hint(self, state: State, move: jax.Array) -> State:
        """A player is told of some cards; nothing if `move` is another."""
        size = self.sizes
        of_color, of_rank, player, value = size.hint(move, state.turn)
        colors, ranks = size.split(state.hands)
        them = encoding.one_of(player, size.players)[:, None]
        them &= of_color | of_rank
        alike = (state.hands >= 0) & jnp.where(of_color, colors == value, ranks == value)

        def told(possible: jax.Array, hinted: jax.Array) -> jax.Array:
            it = encoding.one_of(value, possible.shape[-1])[None, None]
            left = possible & (it == alike[..., None])
            return jnp.where((them & hinted)[..., None], left, possible)

        touched = them & alike
        return dataclasses.replace(
            state,
            colors=told(state.colors, of_color),
            ranks=told(state.ranks, of_rank),
            color_told=state.color_told | (touched & of_color),
            rank_told=state.rank_told | (touched & of_rank),
            information=state.information - (of_color | of_rank).astype(jnp.int32),
            last=dataclasses.replace(state.last, touched=touched.any(axis=0)),
        )

    def _observe(self, state: State) -> dict[str, jax.Array]:
        return {"player": encoding.encode(state, self.sizes, beliefs=self.beliefs)}

    def _inform(self, state: State) -> dict[str, jax.Array]:
        return {
            "current_agent": state.turn,
            "score": _score(state),
            "information_tokens": state.information,
            "life_tokens": state.lives,
            "deck": self.sizes.cards - state.dealt,
        }

    def _one_for_each_rank(self, rule: str, value: Any) -> tuple[int, ...]:
        if not isinstance(value, (tuple, list)) or len(value) != self.ranks:
            rules.refuse(rule, f"{self.ranks} numbers, one for each rank", value)
        return tuple(rules.count()(f"{rule}[{i}]", number) for i, number in enumerate(value))


def _score(state: State) -> jax.Array:
    """int32 ()."""
    return jnp.where(state.lives > 0, state.fireworks.sum(dtype=jnp.int32), 0)
