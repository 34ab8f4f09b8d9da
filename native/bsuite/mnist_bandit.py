"""MNISTBandit: say which digit a picture shows.

Action       0 to 9.
Observation  the picture, its pixels from 0 to 1; after the step nothing but zeros.
Reward       1 for the right digit, -1 for another.
Ending       terminates after the one step.
Start        one of the first `fraction` of the pictures, uniform.
Information  `regret`: 2 if it was wrong, else 0.
Data         Whoever plays brings the pictures, see `native.bsuite.digits`.
Parameters   `images`, uint8 (n, height, width), and `labels`, uint8 (n,). All 60,000 as constants
             take a program tens of seconds to compile: a factory that is given
             `params=env.params` hands them over as data.
Source       bsuite 0.3.6 (Osband et al., 2020). That reads pixels as signed bytes, so that white is
             -0.004 and middle grey -0.5; here a pixel is its byte divided by 255.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

from .digits import Source, load, shape, source
from .picture import mnist_bandit

NOTHING = -1
FRACTION = rules.number_in(rules.SMALLEST, 1.0, "a number above 0 and at most 1")


@pytree
class State:
    """Everything that changes."""

    index: jax.Array  # int32 (), which picture
    said: jax.Array  # int32 (), a digit, or NOTHING


@pytree
class Params:
    """Pictures and what they show."""

    images: np.ndarray | jax.Array  # uint8 (n, height, width)
    labels: np.ndarray | jax.Array  # uint8 (n,)


@dataclasses.dataclass(frozen=True)
class MNISTBandit:
    """Everything that does not change."""

    data: Source | None = None
    fraction: float = 1.0

    def __post_init__(self) -> None:
        rules.check(self, data=source, fraction=FRACTION)

    @property
    def params(self) -> Params:
        """The usual ones; they are read when they are first asked for.

        Raises:
            RuleError: There are no pictures where they should be, or too few for `fraction`.
        """
        digits = load(self.data)
        count = int(self.fraction * len(digits.labels))
        if not count:
            rules.refuse("fraction", f"at least 1 / {len(digits.labels)}", self.fraction)
        return Params(images=digits.images[:count], labels=digits.labels[:count])

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        seen = Box(0.0, 1.0, shape(self.data))
        reader = Group("reader", ("reader_0",), seen, Discrete(10))
        return Spec("MNISTBandit-bsuite", (reader,), render_fps=2)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Show a picture."""
        count = len(params.labels)
        state = State(index=Discrete(count).sample(key), said=jnp.int32(NOTHING))
        pixels = jnp.asarray(params.images)[state.index].astype(jnp.float32)
        # Divided by 255. XLA would multiply by 1 / 255, which rounds another way; this does not.
        picture = pixels * np.float32(1 / 256) + pixels * np.float32(1 / 255 / 256)
        return state, restart({"reader": picture[None]}, 1, {"regret": jnp.float32(0)})

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Judge what is said."""
        del key
        asks = state.said == NOTHING
        said = jnp.where(asks, action["reader"][0], state.said)
        right = said == jnp.asarray(params.labels)[state.index].astype(jnp.int32)
        earned = jnp.where(right, jnp.float32(1), jnp.float32(-1))
        nothing = jnp.zeros((1, *params.images.shape[1:]), jnp.float32)
        return State(index=state.index, said=said), transition(
            self.spec,
            acting=asks[None],
            observation={"reader": nothing},
            reward=earned[None],
            terminated=asks[None],
            truncated=jnp.zeros(1, jnp.bool_),
            info={"regret": jnp.where(asks, 1 - earned, jnp.float32(0))},
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The picture, and the ten digits, of which the one that was said is marked."""
        image = jnp.asarray(params.images)[state.index]
        return mnist_bandit(image, jnp.asarray(params.labels)[state.index], state.said)
