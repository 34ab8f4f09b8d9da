"""Crypto: Alice tells Bob a bit so that Eve, who listens, cannot read it; both know a key.

Action       everybody: one of four words; continuous: how loud each of them, 0 ... 1.
Observation  Eve: what Alice said. Bob: the key, what Alice said. Alice: the message, the key. Each
             of these is 4 numbers; message and key are one-hot, the first or the second.
Reward       Eve: minus the squared difference of what she said and the message. Alice and Bob: that
             difference, less the one of what Bob said. Who says nothing at all, as only continuous
             actions can, differs by 0.
Ending       truncates at `horizon` steps; nothing terminates.
Start        message and key are any of the two, nobody has spoken. Nobody stands anywhere: places
             would change nothing.
Source       Lowe et al. (2017), as in mpe2's simple_crypto_v3.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import draw
from native.core import Spec, Timestep, pytree, restart, transition

from . import interface, picture, world

EVE, BOB, ALICE = range(3)
AGENTS, BITS, WORDS = 3, 2, 4
PLACES = ((-0.3, -0.7), (-0.3, 0.0), (-0.3, 0.7))  # in the picture


@pytree
class State:
    """Everything that changes."""

    goal: jax.Array  # int32 (), the message, 0 or 1
    key: jax.Array  # int32 (), 0 or 1
    words: jax.Array  # float32 (3, 4), what Eve, Bob and Alice said
    tick: jax.Array  # int32 ()


@pytree
class Params:
    """There are no numbers to vary."""


@dataclasses.dataclass(frozen=True)
class SimpleCrypto:
    """Everything that does not change."""

    continuous_actions: bool = False
    horizon: int | None = 25
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        interface.check(self, Params)

    @property
    def spec(self) -> Spec:
        """Three groups of one, as everybody is told something else."""
        action = interface.actions(self.continuous_actions, moves=False, words=WORDS)
        told = {"eve": WORDS, "bob": 2 * WORDS, "alice": 2 * WORDS}
        groups = [interface.team(name, 1, seen, action) for name, seen in told.items()]
        return interface.spec("simple_crypto_v3", groups, self.horizon)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Choose message and key."""
        del params
        goal, secret = jax.random.randint(key, (2,), 0, BITS, jnp.int32)
        words = jnp.zeros((AGENTS, WORDS), jnp.float32)
        state = State(goal=goal, key=secret, words=words, tick=jnp.int32(0))
        return state, restart(_observe(state), AGENTS)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Speak, judge."""
        del key, params
        acting, late = world.clock(state.tick, self.horizon, AGENTS)
        said = jnp.concatenate([action["eve"], action["bob"], action["alice"]])
        words = jnp.where(acting[:, None], interface.utter(said, WORDS), 0.0)
        words = words.astype(state.words.dtype)
        after = State(goal=state.goal, key=state.key, words=words, tick=state.tick + 1)
        silent = (words[:, 0] == 0) & (words[:, 1] == 0) & (words[:, 2] == 0) & (words[:, 3] == 0)
        gap = jnp.square(words - _one_hot(state.goal, words)[None])
        wrong = jnp.where(silent, 0.0, gap[:, 0] + gap[:, 1] + gap[:, 2] + gap[:, 3])
        team = wrong[EVE] - wrong[BOB]
        return after, transition(
            self.spec,
            acting=acting,
            observation=_observe(after),
            reward=jnp.stack([-wrong[EVE], team, team]),
            terminated=jnp.zeros(AGENTS, jnp.bool_),
            truncated=late,
        )

    def global_state(self, state: State, params: Params) -> jax.Array:
        """What everybody observes, one after the other: float32 (20,)."""
        del params
        return interface.everything(_observe(state))

    def render(self, state: State, params: Params) -> jax.Array:
        """Alice above, Bob, Eve below, each beside what was said; left of Alice the message, left
        of her and Bob the key: uint8 (400, 400, 3).
        """
        del params
        hues = (*picture.HUES, draw.GOLD)
        canvas = picture.Sheet.around(jnp.zeros((1, 2), jnp.float32)).blank()
        for i, colour in enumerate((draw.RED, draw.BLUE, draw.INK)):
            canvas = picture.speech(canvas, PLACES[i], colour, state.words[i], hues)
        colours = jnp.array(picture.HUES)
        for agent in (BOB, ALICE):
            canvas = picture.key(canvas, (-0.55, PLACES[agent][1]), colours[state.key])
        return draw.pixels(picture.letter(canvas, (-0.85, PLACES[ALICE][1]), colours[state.goal]))


def _observe(state: State) -> dict[str, jax.Array]:
    key = _one_hot(state.key, state.words)[None]
    heard = state.words[ALICE:]
    return {
        "eve": heard,
        "bob": interface.rows(key, heard),
        "alice": interface.rows(_one_hot(state.goal, state.words)[None], key),
    }


def _one_hot(bit: jax.Array, like: jax.Array) -> jax.Array:
    return (bit == jnp.arange(WORDS, dtype=jnp.int32)).astype(like.dtype)
