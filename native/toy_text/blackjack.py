"""Blackjack: take cards to come nearer to 21 than the dealer, and not beyond.

Cards        1 to 9 as often as each other, 10 four times as often; drawn as if there were no end of
             them. An ace counts 11 where that does not bust, and is then usable.
Action       0 sticks, 1 takes another card.
Observation  the sum of the hand; the dealer's first card; whether an ace is usable.
Reward       after sticking 1, 0 or -1 as the hand is better than the dealer's, who takes cards up
             to 17, equal or worse; -1 for more than 21. By the rule `sab` an ace and a ten at once,
             a natural, wins unless the dealer has one too; by the rule `natural`, if not by `sab`,
             a natural that wins pays 1.5.
Ending       terminates with sticking or a bust; truncates at `horizon` steps, if there is one.
Start        two cards each.
Source       Sutton and Barto, example 5.1, as in Gymnasium's Blackjack-v1.
"""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Discrete, MultiDiscrete

from .card_table import paint_table

STANDS = 17  # where the dealer stops
MOST = 10  # cards that the dealer can come to take: six aces, a six, five aces are the longest hand


@pytree
class State:
    """Everything that changes."""

    hand: jax.Array  # int32 (), sum of the player's cards, aces as 1
    ace: jax.Array  # bool (), the player has one
    shown: jax.Array  # int32 (), the dealer's first card
    dealer: jax.Array  # int32 (), sum of the dealer's cards, aces as 1
    dealer_ace: jax.Array  # bool ()
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """There are no numbers to be changed.

    Attributes:
        derived: Attributes of Gymnasium's that change its dynamics and are no number here.
    """

    derived: ClassVar[tuple[str, ...]] = ("player", "dealer")


@dataclasses.dataclass(frozen=True)
class Blackjack:
    """Everything that does not change."""

    natural: bool = False
    sab: bool = True
    horizon: int | None = None
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        rules.check(self, natural=rules.flag, sab=rules.flag, horizon=rules.time_limit)
        rules.check(self, params=rules.params(Params))

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        player = Group("player", ("player_0",), MultiDiscrete((32, 11, 2), True), Discrete(2))
        return Spec("Blackjack-v1", (player,), self.horizon, render_fps=4)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Deal two cards to each."""
        del params
        cards = draw_cards(key, 4)
        state = State(
            hand=cards[0] + cards[1],
            ace=(cards[0] == 1) | (cards[1] == 1),
            shown=cards[2],
            dealer=cards[2] + cards[3],
            dealer_ace=(cards[2] == 1) | (cards[3] == 1),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(_observe(state), 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Take a card, or see what the dealer gets."""
        del params
        takes = action["player"][0] == 1
        cards = draw_cards(key, MOST)
        hand = state.hand + jnp.where(takes, cards[0], 0)
        dealer, dealer_ace = state.dealer, state.dealer_ace
        for i in range(MOST):
            more = ~takes & (total(dealer, dealer_ace) < STANDS)
            dealer = dealer + jnp.where(more, cards[i], 0)
            dealer_ace = dealer_ace | (more & (cards[i] == 1))
        bust = hand > 21
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(
            hand=hand,
            ace=state.ace | (takes & (cards[0] == 1)),
            shown=state.shown,
            dealer=dealer,
            dealer_ace=dealer_ace,
            tick=tick,
            over=state.over | ~takes | bust | late,
        )
        paid = jnp.where(takes, jnp.where(bust, -1.0, 0.0), self._judge(state, after))
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=_observe(after),
            reward=paid.astype(jnp.float32)[None],
            terminated=(~takes | bust)[None],
            truncated=late[None],
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The table; the dealer's sum once it is over: uint8 (300, 360, 3)."""
        del params
        dealer = jnp.where(state.over, total(state.dealer, state.dealer_ace), -1)
        return paint_table(state.shown, dealer, total(state.hand, state.ace), _usable(state))

    def _judge(self, state: State, after: State) -> jax.Array:
        """What sticking pays; who has taken no card yet may have a natural."""
        dealer = total(after.dealer, after.dealer_ace)
        own, other = total(state.hand, state.ace), jnp.where(dealer > 21, 0, dealer)
        paid = jnp.sign(own - other).astype(jnp.float32)
        natural = (state.tick == 0) & state.ace & (state.hand == 11)
        if self.sab:
            beaten = state.dealer_ace & (state.dealer == 11)
            return jnp.where(natural & ~beaten, 1.0, paid)
        return jnp.where(natural & (paid > 0), 1.5, paid) if self.natural else paid


def draw_cards(key: jax.Array, count: int) -> jax.Array:
    """Values of so many cards: int32 (count,), an ace is 1."""
    drawn = jax.random.uniform(key, (count,), jnp.float32)
    return jnp.minimum((drawn * 13).astype(jnp.int32) + 1, 10)


def total(hand: jax.Array, ace: jax.Array) -> jax.Array:
    """What a hand counts: int32 ()."""
    return hand + jnp.where(ace & (hand <= 11), 10, 0)


def _usable(state: State) -> jax.Array:
    return state.ace & (state.hand <= 11)


def _observe(state: State) -> dict[str, jax.Array]:
    usable = _usable(state).astype(jnp.int32)
    return {"player": jnp.stack([total(state.hand, state.ace), state.shown, usable])[None]}
