"""Explorer: see as much of the walls of a home as one can; what is new buys time.

Action       as in `movement`, with momentum.
Observation  rgb (64, 3), d (64,), imu (3,): see `game` and `senses`.
Reward       texels, of 5 cm, that are seen for the first time, / 64.
Ending       terminates when the episode has lasted 200 steps more than texels have been seen.
Start        one of the plans, somewhere, with what is seen there marked as seen.
Step         The agent moves; the texel that each ray hits is marked.
Source       megastep 0.2.4, whose rays that miss mark the last texel of the last world: fixed.
"""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Timestep, pytree, restart, transition

from . import game, picture, senses
from .agents import Agents
from .camera import View
from .pool import Pool, as_jax

PER_TEXEL = np.float32(1 / 64)  # reward
AT_ONCE = 16  # texels marked in one pass of the loop


@pytree
class State:
    """Everything that changes."""

    plan: jax.Array  # int32 ()
    agents: Agents
    seen: jax.Array  # uint32 (words,), a bit for each texel
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params(game.Params):
    """Those of all games, and one more."""

    patience: rules.Reach = 200.0  # steps beside those that seeing buys


@dataclasses.dataclass(frozen=True)
class Explorer(game.Game):
    """Everything that does not change."""

    name: ClassVar[str] = "megastep_explorer_v0"

    @property
    def params(self) -> Params:
        """The usual numbers, and the plans."""
        made: Params = self.numbered(Params)
        return made

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Somewhere in a plan."""
        pool, plan, agents = self.begin(key, params)
        view = self.look(pool, plan, agents, jnp.ones(1, jnp.bool_))
        nothing = jnp.zeros(-(-pool.texels.shape[1] // 32), jnp.uint32)
        state = State(
            plan=plan,
            agents=agents,
            seen=mark(nothing, hit_texels(pool, plan, view)[0]),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(self._seen(view, agents, params), 1, _told(state))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Move, look, mark."""
        del key  # nothing is by chance
        pool, there = as_jax(params.plans), ~state.over[None]
        agents = self.advance(pool, state.plan, state.agents, action, there, params)
        view = self.look(pool, state.plan, agents, there)
        seen = mark(state.seen, hit_texels(pool, state.plan, view)[0])
        tick = state.tick + 1
        found = known(seen)
        bored = tick.astype(jnp.float32) >= found.astype(jnp.float32) + params.patience
        late = core.late(tick, self.horizon)
        after = State(
            plan=state.plan,
            agents=agents,
            seen=jnp.where(state.over, state.seen, seen),
            tick=jnp.where(state.over, state.tick, tick),
            over=state.over | bored | late,
        )
        return after, transition(
            self.spec,
            acting=there,
            observation=self._seen(view, agents, params),
            reward=((found - known(state.seen)).astype(jnp.float32) * PER_TEXEL)[None],
            terminated=bored[None],
            truncated=late[None],
            info=_told(after),
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The plan, with what was not seen yet faint, and what the agent sees: uint8."""
        pool, there = as_jax(params.plans), jnp.ones(1, jnp.bool_)
        view = self.look(pool, state.plan, state.agents, there)
        scene = picture.Scene(
            plan=state.plan, agents=state.agents, there=there, view=view, seen=state.seen
        )
        return picture.paint(self.camera, pool, scene, params.max_depth)

    def _seen(self, view: View, agents: Agents, params: Params) -> dict[str, jax.Array]:
        return self.observe(view, {"imu": senses.imu(agents)}, params)


def hit_texels(pool: Pool, plan: jax.Array, view: View) -> jax.Array:
    """The texel that each ray hits, int32 (agents, rays); -1: none."""
    wall = jnp.maximum(view.wall, 0)
    count = pool.count[plan, wall]
    along = (view.along * count.astype(jnp.float32)).astype(jnp.int32)
    texel = pool.first[plan, wall] + jnp.minimum(along, count - 1)
    return jnp.where(view.wall >= 0, texel, -1)


def mark(seen: jax.Array, texels: jax.Array) -> jax.Array:
    """Set the bits of these texels; -1 is none, and the same may be there twice.

    Every word looks at every texel, which is quicker than to scatter: with a scatter in it XLA
    cannot make one kernel of a step.
    """
    passes = -(-len(texels) // AT_ONCE)
    room = (0, passes * AT_ONCE - len(texels))
    texels = jnp.pad(texels, room, constant_values=-1).reshape(passes, AT_ONCE)
    places, bits = texels >> 5, jnp.uint32(1) << (texels & 31).astype(jnp.uint32)
    words = jnp.arange(len(seen), dtype=jnp.int32)

    def some(i: jax.Array, seen: jax.Array) -> jax.Array:
        for place, bit in zip(places[i], bits[i], strict=True):
            seen = seen | jnp.where(words == place, bit, jnp.uint32(0))
        return seen

    marked: jax.Array = jax.lax.fori_loop(np.int32(0), np.int32(passes), some, seen)
    return marked


def known(seen: jax.Array) -> jax.Array:
    """How many bits are set: int32 ()."""
    return jax.lax.population_count(seen).sum(dtype=jnp.uint32).astype(jnp.int32)


def _told(state: State) -> dict[str, jax.Array]:
    return {"texels": known(state.seen), "plan": state.plan}
