"""N environments as one: keys, auto-reset and episode totals, pure and ready for `jax.jit`.

A row's randomness is `fold_in(fold_in(key(seed of the row), episode), tick)`: it depends on no
other row, on no auto-reset mode, and on nobody else's resets. A step on which no row begins again
draws no reset; on one on which some do, all rows draw one and it is selected where it is due, or,
where resets are dear, few do, see `native.starts`.

    mode       the step on which the last agent ends shows      the step after it
    NEXT_STEP  the final observation                            the reset; its action is ignored
    SAME_STEP  the reset; the final observation stands beside   an ordinary step
    DISABLED   the final observation                            zeros, until `reset` with a mask
"""

import dataclasses
import enum
import functools
from collections.abc import Mapping
from typing import Any, Protocol, cast, runtime_checkable

import jax
import jax.numpy as jnp

from .core import Environment, HasGlobalState, Masks, Spec, TakesTurns, Timestep, pytree
from .devices import by_device
from .kernels import any_at_all
from .parameters import row_axes
from .prng import implementation, row_keys
from .rules import refuse
from .starts import Rows, begin_where, is_dear


class Autoreset(enum.Enum):
    """When a row whose agents have all ended begins its next episode."""

    NEXT_STEP = "NextStep"
    SAME_STEP = "SameStep"
    DISABLED = "Disabled"


@pytree
class Carry:
    """What a batch remembers between steps; every leaf has a leading axis of rows.

    Attributes:
        state: The environment's own.
        key: Key data of the row's seed, uint32 (rows, words).
        episode: Episodes begun since that seed, less one, int32 (rows,).
        tick: Steps of the episode so far, int32 (rows,).
        acting: bool (rows, agents), who has not ended.
        returns: Reward since the last reset, float32 (rows, agents).
    """

    state: Any
    key: jax.Array
    episode: jax.Array
    tick: jax.Array
    acting: jax.Array
    returns: jax.Array


@pytree
class Transition:
    """What one step of a batch shows; every leaf has a leading axis of rows.

    Attributes:
        timestep: Observations after any reset; reward and endings of this step.
        final: SAME_STEP: (observation, info) before any reset. Other modes: None.
        acting: bool (rows, agents), whose next action counts.
        over: bool (rows,), the last agent ended on this step.
        returns: Reward of the episode up to and including this step, float32 (rows, agents).
        lengths: Steps of the episode up to and including this one, int32 (rows,).
        action_mask: Group -> bool (rows, agents of the group, actions), or None.
        turn: int32 (rows,), the agent whose action the next step reads; None: all act at once.
        global_state: (rows, *shape of `spec.global_state`) after any reset; None unless
            `Batch.global_state`.
        final_global_state: The same before any reset, as `final`.
    """

    timestep: Timestep
    final: tuple[Mapping[str, Any], Mapping[str, jax.Array]] | None
    acting: jax.Array
    over: jax.Array
    returns: jax.Array
    lengths: jax.Array
    action_mask: Mapping[str, jax.Array] | None
    turn: jax.Array | None = None
    global_state: jax.Array | None = None
    final_global_state: jax.Array | None = None

    @property
    def first(self) -> jax.Array:
        """bool (rows,), the next action is the first of an episode: where memory starts anew."""
        return (self.lengths == 0) | (self.over & self.acting.any(axis=-1))

    @property
    def reached(self) -> Mapping[str, Any]:
        """The observation that the step led to, before any reset."""
        return self.timestep.observation if self.final is None else self.final[0]


@runtime_checkable
class Vector(Protocol):
    """An `Environment` whose rows exist already and step together, so it brings a batch's methods.

    Its `init` and `step` of one environment raise; a `Batch` calls these instead. Under `jax.vmap`
    the sets share its rows.

    Attributes:
        num_envs: How many rows there are.
        takes_seeds: Whether the seeds that `init_rows` is given reach them.
        raised: What the host raised last, of which a program tells only the text.
    """

    num_envs: int
    takes_seeds: bool

    @property
    def spec(self) -> Spec:
        """As of an `Environment`."""
        ...

    @property
    def raised(self) -> BaseException | None:
        """See above."""
        ...

    def check_batch(self, batch: "Batch") -> None:
        """Raise unless a batch may be made of it."""
        ...

    def init_rows(self, autoreset: Autoreset, seeds: jax.Array) -> tuple[Carry, Transition]:
        """As `Batch.init`."""
        ...

    def reset_rows(
        self,
        carry: Carry,
        shown: Transition,
        seeds: jax.Array,
        seeded: jax.Array,
        mask: jax.Array,
    ) -> tuple[Carry, Transition]:
        """As `Batch.reset`."""
        ...

    def step_rows(
        self, autoreset: Autoreset, carry: Carry, action: Mapping[str, Any]
    ) -> tuple[Carry, Transition]:
        """As `Batch.step`."""
        ...


@dataclasses.dataclass(frozen=True)
class Batch:
    """The rules of stepping many environments at once.

    Attributes:
        env: The environment.
        autoreset: When a finished row begins again.
        rng: The generator of its random bits, one of `prng.NAMES`.
        global_state: Show `env.global_state` too, for a central critic.

    Raises:
        RuleError: There is no such mode, no such generator, or no global state.
    """

    env: Environment[Any, Any]
    autoreset: Autoreset
    rng: str = "pcg4d"
    global_state: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.autoreset, Autoreset):
            refuse("autoreset", "a member of Autoreset", self.autoreset)
        implementation(self.rng)
        if self.global_state and self.env.spec.global_state is None:
            refuse("global_state", f"False, since {self.env.spec.name} has none", True)
        if isinstance(self.env, Vector):
            self.env.check_batch(self)

    def init(self, seeds: jax.Array, params: Any) -> tuple[Carry, Transition]:
        """Begin episode 0 of every row.

        Args:
            seeds: uint32 (rows,).
            params: Numbers of the dynamics, shared or by row, see `native.parameters`.

        Raises:
            ParameterError: They do not fit the environment.
        """
        if isinstance(self.env, Vector):
            row_axes(self.env.params, params, seeds.shape[0])
            return self.env.init_rows(self.autoreset, seeds)
        return self._begin_rows(
            row_keys(seeds, self.rng), jnp.zeros(seeds.shape, jnp.int32), params
        )

    def reset(
        self,
        carry: Carry,
        shown: Transition,
        seeds: jax.Array,
        seeded: jax.Array,
        mask: jax.Array,
        params: Any,
    ) -> tuple[Carry, Transition]:
        """Begin another episode in the rows of `mask`; the others stay and show what they showed.

        Args:
            carry: Of the last call.
            shown: Of the last call.
            seeds: uint32 (rows,), read where `seeded`.
            seeded: bool (rows,): start over from that seed instead of going on to the next episode.
            mask: bool (rows,).
            params: Numbers of the dynamics, as for `init`.
        """
        rows = seeds.shape[0]
        axes = row_axes(self.env.params, params, rows)
        if isinstance(self.env, Vector):
            return self.env.reset_rows(carry, shown, seeds, seeded, mask)
        return by_device(self._reset_rows, rows, (carry, shown, seeds, seeded, mask), params, axes)

    def _reset_rows(self, given: tuple[Any, ...], params: Any) -> tuple[Carry, Transition]:
        carry, shown, seeds, seeded, mask = given

        def begin_again() -> tuple[Carry, Transition]:
            key = jnp.where(seeded[:, None], row_keys(seeds, self.rng), carry.key)
            episode = jnp.where(seeded, 0, carry.episode + 1)

            def draw(rows: Rows) -> tuple[Carry, Transition]:
                return self._begin_rows(key, episode, params, rows)

            return begin_where(mask, draw, (carry, shown), dear=self._dear_start)

        again: tuple[Carry, Transition]
        again = jax.lax.cond(any_at_all(mask), begin_again, lambda: (carry, shown))
        return again

    def step(
        self, carry: Carry, action: Mapping[str, Any], params: Any
    ) -> tuple[Carry, Transition]:
        """Advance every row by one step.

        Args:
            carry: Of the last call.
            action: Group -> (rows, agents of the group, ...).
            params: Numbers of the dynamics, as for `init`.
        """
        rows = carry.tick.shape[0]
        axes = row_axes(self.env.params, params, rows)
        if isinstance(self.env, Vector):
            return self.env.step_rows(self.autoreset, carry, action)
        return by_device(self._step_rows, rows, (carry, action), params, axes)

    def _step_rows(self, given: tuple[Any, ...], params: Any) -> tuple[Carry, Transition]:
        carry, action = given
        axes = row_axes(self.env.params, params, carry.tick.shape[0])
        stepped = jax.vmap(self._step, in_axes=(0, 0, axes))(carry, action, params)
        if self.autoreset is Autoreset.DISABLED:
            after: tuple[Carry, Transition] = stepped
            return after
        shown = stepped[1]
        due = shown.over
        if self.autoreset is Autoreset.NEXT_STEP:
            due = ~shown.over & ~shown.acting.any(axis=1)  # over before this step

        def draw(rows: Rows) -> tuple[Any, Any]:
            fresh, first = self._begin_rows(carry.key, carry.episode + 1, params, rows)
            return fresh.state, self._opening(first)

        def begin_again() -> tuple[Carry, Transition]:
            now = stepped[0]
            old = (now.state, self._opening(shown))
            state, opening = begin_where(due, draw, old, dear=self._dear_start)
            begun = Carry(
                state=state,
                key=now.key,
                episode=now.episode + due.astype(jnp.int32),
                tick=jnp.where(due, 0, now.tick),
                acting=now.acting | due[:, None],
                returns=jnp.where(due[:, None], jnp.float32(0), now.returns),
            )
            return begun, self._opened(shown, opening)

        again: tuple[Carry, Transition]
        again = jax.lax.cond(any_at_all(due), begin_again, lambda: stepped)
        return again

    def _step(
        self, carry: Carry, action: Mapping[str, Any], params: Any
    ) -> tuple[Carry, Transition]:
        tick = carry.tick + carry.acting.any().astype(jnp.int32)
        key = self._key(carry.key, carry.episode, tick)
        state, timestep = self.env.step(key, carry.state, action, params)
        acting = carry.acting & ~(timestep.terminated | timestep.truncated)
        stepped = Carry(
            state=state,
            key=carry.key,
            episode=carry.episode,
            tick=tick,
            acting=acting,
            returns=carry.returns + timestep.reward,
        )
        return stepped, self._show(stepped, timestep, carry.acting.any() & ~acting.any(), params)

    def _begin_rows(
        self, keys: jax.Array, episodes: jax.Array, params: Any, rows: Rows = None
    ) -> tuple[Carry, Transition]:
        """Begin episodes of these rows of a batch that has such keys, episodes and parameters."""
        axes = row_axes(self.env.params, params, keys.shape[0])
        if rows is not None:
            keys, episodes = keys[rows], episodes[rows]
            if axes is not None:
                own = lambda axis, leaf: leaf if axis is None else leaf[rows]  # noqa: E731
                params = jax.tree.map(own, axes, params, is_leaf=lambda axis: axis is None)
        begun: tuple[Carry, Transition]
        begun = jax.vmap(self._begin, in_axes=(0, 0, axes))(keys, episodes, params)
        return begun

    def _begin(self, key: jax.Array, episode: jax.Array, params: Any) -> tuple[Carry, Transition]:
        state, timestep = self.env.init(self._key(key, episode, jnp.int32(0)), params)
        agents = self.env.spec.num_agents
        carry = Carry(
            state=state,
            key=key,
            episode=episode,
            tick=jnp.int32(0),
            acting=jnp.ones(agents, jnp.bool_),
            returns=jnp.zeros(agents, jnp.float32),
        )
        return carry, self._show(carry, timestep, jnp.bool_(False), params)

    def _show(self, carry: Carry, timestep: Timestep, over: jax.Array, params: Any) -> Transition:
        mask = turn = world = None
        if self.env.spec.masks:
            mask = cast(Masks, self.env).action_mask(carry.state, params)
        if self.env.spec.turns:
            turn = cast(TakesTurns, self.env).current_agent(carry.state, params)
        if self.global_state:
            world = cast(HasGlobalState, self.env).global_state(carry.state, params)
        same_step = self.autoreset is Autoreset.SAME_STEP
        return Transition(
            timestep=timestep,
            final=(timestep.observation, timestep.info) if same_step else None,
            acting=carry.acting,
            over=over,
            returns=carry.returns,
            lengths=carry.tick,
            action_mask=mask,
            turn=turn,
            global_state=world,
            final_global_state=world if same_step else None,
        )

    def _key(self, data: jax.Array, episode: jax.Array, tick: jax.Array) -> jax.Array:
        base = jax.random.wrap_key_data(data, impl=implementation(self.rng))
        return jax.random.fold_in(jax.random.fold_in(base, episode), tick)

    @functools.cached_property
    def _dear_start(self) -> bool:
        key = jax.random.key(0, impl=implementation(self.rng))
        return is_dear(self.env.init, key, self.env.params)

    def _opening(self, shown: Transition) -> Any:
        """What is shown otherwise where a new episode has begun."""
        if self.autoreset is not Autoreset.SAME_STEP:
            return shown
        now, rest = shown.timestep, (shown.action_mask, shown.turn, shown.global_state)
        return now.observation, now.info, shown.acting, *rest

    def _opened(self, shown: Transition, opening: Any) -> Transition:
        if self.autoreset is not Autoreset.SAME_STEP:
            opened: Transition = opening
            return opened
        observation, info, acting, mask, turn, world = opening
        now = dataclasses.replace(shown.timestep, observation=observation, info=info)
        return dataclasses.replace(
            shown, timestep=now, acting=acting, action_mask=mask, turn=turn, global_state=world
        )
