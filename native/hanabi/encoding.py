"""What players of Hanabi observe: the canonical encoding of hanabi-learning-environment.

| part      | zeros and ones, in this order                                                      |
| --------- | ---------------------------------------------------------------------------------- |
| hands     | which card each of the others holds in each place, the next player first; who      |
|           | lacks a card, oneself first                                                        |
| board     | cards left in the deck, a 1 each; to which rank each colour is built; tokens       |
| discards  | of each colour and rank, a 1 for each card                                         |
| last move | who made it; whether it plays, discards, tells a colour or a rank; whom it tells;  |
|           | which colour; which rank; of which cards; the place played or discarded; its card; |
|           | whether that was built, and brought a token                                        |
| knowledge | of each card, one's own first: what it can be as hints tell; the colour and the    |
|           | rank that it was told to have                                                      |

With beliefs, what a card can be is told as by JaxMARL: the chance of each, by how many of it are
neither discarded nor built.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native.core import pytree

NO_MOVE = -1
KINDS_OF_MOVES = 4  # play, discard, colour, rank


@pytree
class Last:
    """The last move."""

    player: jax.Array  # int32 ()
    move: jax.Array  # int32 (), NO_MOVE: none, or it was not legal
    card: jax.Array  # int32 (), -1: none
    touched: jax.Array  # bool (hand,), the cards that a hint told of
    built: jax.Array  # bool ()
    gained: jax.Array  # bool (), an information token by a play


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How many there are of everything, and which numbers are which moves."""

    players: int
    colors: int
    ranks: int
    copies: tuple[int, ...]
    hand: int
    information: int
    lives: int

    @property
    def kinds(self) -> int:
        """Of cards that differ."""
        return self.colors * self.ranks

    @property
    def cards(self) -> int:
        """In the deck, before they are dealt."""
        return self.colors * sum(self.copies)

    @property
    def moves(self) -> int:
        """What a player can do."""
        return 2 * self.hand + (self.players - 1) * (self.colors + self.ranks)

    @property
    def observed(self) -> int:
        """Length of the observation."""
        hands = (self.players - 1) * self.hand * self.kinds + self.players
        board = self.cards - self.players * self.hand + self.kinds + self.information + self.lives
        value = self.colors + self.ranks
        last = 2 * self.players + KINDS_OF_MOVES + value + 2 * self.hand + self.kinds + 2
        known = self.players * self.hand * (self.kinds + value)
        return hands + board + self.cards + last + known

    def split(self, card: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Colour and rank of a card; of none, -1, nothing that counts."""
        return card // self.ranks, card % self.ranks

    def is_discard(self, move: jax.Array) -> jax.Array:
        """bool, of the shape of the move."""
        return (move >= 0) & (move < self.hand)

    def is_play(self, move: jax.Array) -> jax.Array:
        """bool, of the shape of the move."""
        return (move >= self.hand) & (move < 2 * self.hand)

    def hint(
        self, move: jax.Array, player: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        """Whether it tells a colour, whether a rank, whom, and which; `player`: who tells."""
        color = move - 2 * self.hand
        rank = color - (self.players - 1) * self.colors
        of_rank = rank >= 0
        of_color = (color >= 0) & ~of_rank
        offset = jnp.where(of_rank, rank // self.ranks, color // self.colors)
        value = jnp.where(of_rank, rank % self.ranks, color % self.colors)
        return of_color, of_rank, (player + 1 + offset) % self.players, value


def nothing(size: Sizes) -> Last:
    """Nobody has moved."""
    return Last(
        player=jnp.int32(0),
        move=jnp.int32(NO_MOVE),
        card=jnp.int32(-1),
        touched=jnp.zeros(size.hand, jnp.bool_),
        built=jnp.bool_(False),
        gained=jnp.bool_(False),
    )


def one_of(values: jax.Array, count: int) -> jax.Array:
    """Which of `count` each is: bool (*shape, count), all False for -1."""
    each = jnp.arange(count, dtype=jnp.int32).reshape((1,) * values.ndim + (count,))
    found: jax.Array = values[..., None] == each
    return found


def encode(state: Any, size: Sizes, *, beliefs: bool) -> jax.Array:
    """What all players observe: float32 (players, numbers)."""
    hands = one_of(state.hands, size.kinds)
    lacks = (state.hands < 0).any(axis=1)
    known = _known(state, size, beliefs=beliefs)
    shared = _flat([*_board(state, size), _discarded(state, size)])
    rows = []
    for viewer in range(size.players):
        own_first = [jnp.roll(each, -viewer, axis=0) for each in (hands, lacks, known)]
        last = _last(state.last, size, viewer)
        parts = [own_first[0][1:], own_first[1]]
        rows.append(jnp.concatenate([_flat(parts), shared, _flat(last), own_first[2].reshape(-1)]))
    return jnp.stack(rows)


def _board(state: Any, size: Sizes) -> list[jax.Array]:
    left = size.cards - state.dealt
    return [
        jnp.arange(size.cards - size.players * size.hand, dtype=jnp.int32) < left,
        one_of(state.fireworks - 1, size.ranks),
        jnp.arange(size.information, dtype=jnp.int32) < state.information,
        jnp.arange(size.lives, dtype=jnp.int32) < state.lives,
    ]


def _discarded(state: Any, size: Sizes) -> jax.Array:
    copies = np.tile(size.copies, size.colors)
    kind = np.repeat(np.arange(size.kinds), copies)
    number = np.concatenate([np.arange(count, dtype=np.int32) for count in copies])
    there: jax.Array = jnp.asarray(number) < state.discards[kind]
    return there


def _last(last: Last, size: Sizes, viewer: int) -> list[jax.Array]:
    of_color, of_rank, player, value = size.hint(last.move, last.player)
    discards, plays = size.is_discard(last.move), size.is_play(last.move)
    tells = of_color | of_rank

    def seen(who: jax.Array) -> jax.Array:
        return one_of((who - viewer) % size.players, size.players)

    place = jnp.where(plays, last.move - size.hand, last.move)
    return [
        seen(last.player) & (last.move != NO_MOVE),
        jnp.stack([plays, discards, of_color, of_rank]),
        seen(player) & tells,
        one_of(value, size.colors) & of_color,
        one_of(value, size.ranks) & of_rank,
        last.touched,
        one_of(place, size.hand) & (discards | plays),
        one_of(last.card, size.kinds),
        last.built[None],
        last.gained[None],
    ]


def _known(state: Any, size: Sizes, *, beliefs: bool) -> jax.Array:
    """Of each card: float32 (players, hand, kinds + colours + ranks)."""
    holds = (state.hands >= 0)[..., None]
    can_be = (state.colors[..., :, None] & state.ranks[..., None, :]).reshape(*holds.shape[:2], -1)
    what = (can_be & holds).astype(jnp.float32)
    if beliefs:
        copies = jnp.asarray(np.tile(size.copies, size.colors), jnp.int32)
        built = jnp.arange(size.ranks, dtype=jnp.int32)[None] < state.fireworks[:, None]
        left = copies - state.discards - built.reshape(-1).astype(jnp.int32)
        counted = what * left.astype(jnp.float32)[None, None]
        what = counted / jnp.maximum(counted.sum(axis=-1, keepdims=True), 1.0)
    color = state.colors & state.color_told[..., None] & holds
    rank = state.ranks & state.rank_told[..., None] & holds
    return jnp.concatenate([what, color.astype(jnp.float32), rank.astype(jnp.float32)], axis=-1)


def _flat(parts: list[jax.Array]) -> jax.Array:
    """bool, end to end, as float32."""
    return jnp.concatenate([part.reshape(-1) for part in parts]).astype(jnp.float32)
