"""One player of a game of turns, or one team: the opponent moves until it is their turn again."""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp

from native.abilities import where_declared
from native.core import Spec, TakesTurns, Timestep
from native.rules import RuleError

from .base import mover, own_key
from .one_team import Change, OneTeam, State


@dataclasses.dataclass(frozen=True)
class OneOfTurns(OneTeam):
    """What `one_team` returns of a game of turns.

    A step is a move of ours and those of the opponent until we are to move again; what is earned in
    all of them is its reward. If the opponent ends the game, the step ends it. If it ends the game
    before our first turn, the first step does, whatever we choose. In `State.seen` stands what is
    still to be shown: a `Timestep` of everybody in the world.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        spec = self.env.spec
        if spec.horizon is not None:
            raise RuleError(
                f"{spec.name} has a horizon of {spec.horizon} moves, of which a step here is "
                "several. Make it with horizon=None, and put `time_limit` around what is left."
            )

    @property
    def spec(self) -> Spec:
        """The world's, with one group; we take turns among ourselves, if we are several."""
        return dataclasses.replace(super().spec, turns=len(self.ours.rows) > 1)

    def begin(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        """`init`, with what everybody in the world is shown, up to our first turn."""
        env, shown = self.env.init(key, self.inner_params(params))
        everyone = jnp.ones(self.env.spec.num_agents, jnp.bool_)
        memory = self._memory(key, params)
        state = State(env=env, memory=memory, seen=shown, acting=everyone)
        state = self._until_ours(own_key(key, "turns"), state, params)
        return state, _unended(state.seen)

    def advance(
        self,
        key: jax.Array,
        state: State,
        action: Mapping[str, Any],
        params: Any,
        change: Change = lambda joint: joint,
    ) -> tuple[State, Timestep]:
        """`step`, with what everybody in the world is shown."""
        chosen = {part.group.name: part.group.zero_action() for part in self.theirs}
        joint = change(self.joint(action[self.ours.group.name], chosen))
        state = self._move(jax.random.fold_in(key, 0), state, joint, params)
        state = self._until_ours(own_key(key, "turns"), state, params)
        shown = state.seen
        after = _unended(_blind(self.env.spec, state.acting, shown))
        return dataclasses.replace(state, seen=after), shown

    @where_declared
    def current_agent(self, state: State, params: Any) -> jax.Array:
        """Which of us is to move: int32 ()."""
        return self._turn(
            cast(TakesTurns, self.env).current_agent(state.env, self.inner_params(params))
        )

    def _turn(self, turn: jax.Array) -> jax.Array:
        first, last = int(self.ours.rows[0]), int(self.ours.rows[-1])
        return jnp.clip(turn - first, 0, last - first).astype(jnp.int32)

    def _left(self, shown: Timestep) -> Timestep:
        left = super()._left(shown)
        info = dict(left.info)
        turn = info.pop("current_agent")
        if self.spec.turns:
            info["current_agent"] = self._turn(turn)
        return dataclasses.replace(left, info=info)

    def _until_ours(self, key: jax.Array, state: State, params: Any) -> State:
        """Let the opponent move until it is our turn, or all of ours have ended."""
        inner = self.inner_params(params)
        rows = self.ours.rows

        def waits(now: tuple[jax.Array, State]) -> jax.Array:
            state = now[1]
            moves = jnp.asarray(mover(self.env, state.env, inner))
            waiting: jax.Array = state.acting[rows].any() & ~moves[rows].any()
            return waiting

        def move(now: tuple[jax.Array, State]) -> tuple[jax.Array, State]:
            count, state = now
            mine = jax.random.fold_in(key, count)
            seeing = dataclasses.replace(state, seen=state.seen.observation)
            chosen, memory = self._chosen(mine, seeing, params)
            moves = jnp.asarray(mover(self.env, state.env, inner))
            memory = {
                part.group.name: jax.tree.map(
                    lambda new, old, part=part: jnp.where(moves[part.rows].any(), new, old),
                    memory[part.group.name],
                    state.memory[part.group.name],
                )
                for part in self.theirs
                if part.group.name in memory
            }
            joint = self.joint(self.ours.group.zero_action(), chosen)
            after = self._move(jax.random.fold_in(mine, 0), state, joint, params)
            return count + 1, dataclasses.replace(after, memory=memory)

        found: State = jax.lax.while_loop(waits, move, (jnp.int32(0), state))[1]
        return found

    def _move(self, key: jax.Array, state: State, joint: Mapping[str, Any], params: Any) -> State:
        """One move in the world, added to what is still to be shown."""
        env, shown = self.env.step(key, state.env, joint, self.inner_params(params))
        before, seen = state.acting, state.seen
        return dataclasses.replace(
            state,
            env=env,
            acting=before & ~(shown.terminated | shown.truncated),
            seen=Timestep(
                observation=_select(self.env.spec, before, shown.observation, seen.observation),
                reward=seen.reward + shown.reward,
                terminated=seen.terminated | shown.terminated,
                truncated=seen.truncated | shown.truncated,
                info=shown.info,
            ),
        )


def _unended(shown: Timestep) -> Timestep:
    """The same observation, with nothing earned and nobody ended."""
    return dataclasses.replace(
        shown,
        reward=jnp.zeros_like(shown.reward),
        terminated=jnp.zeros_like(shown.terminated),
        truncated=jnp.zeros_like(shown.truncated),
    )


def _blind(spec: Spec, acting: jax.Array, shown: Timestep) -> Timestep:
    """Zeros for the agents that have ended."""
    nothing = jax.tree.map(jnp.zeros_like, shown.observation)
    seen = _select(spec, acting, shown.observation, nothing)
    return dataclasses.replace(shown, observation=seen)


def _select(spec: Spec, condition: jax.Array, yes: Any, no: Any) -> Any:
    """Observations of these agents from the one, of the others from the other."""

    def chosen(rows: slice, a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.where(condition[rows].reshape((-1,) + (1,) * (a.ndim - 1)), a, b)

    return {
        name: jax.tree.map(lambda a, b, rows=rows: chosen(rows, a, b), yes[name], no[name])
        for name, rows in spec.rows.items()
    }
