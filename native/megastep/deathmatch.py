"""Deathmatch: keep others in the middle of your view; whoever is in it is hit.

Action       as in `movement`, with momentum. There is none to fire: all weapons always do.
Observation  rgb (64, 3), d (64,), imu (3,), health (1,): see `game` and `senses`.
Reward       1 for each other that the agent hits, in every step; `kill_reward` for a kill.
Ending       Without health an agent terminates, and has no body from then on. When all who are left
             are of one team, they terminate too. With `respawn` nobody ends before the horizon: who
             has no health begins the next step elsewhere, with full health.
Start        different places of one plan, health 1.
Step         Who is due begins anew; all move; then all look. Agent a hits b if b's outline is the
             nearest thing at either of the two middle pixels. A hit costs 0.05 of health, and every
             step costs 0.001, so that nobody outlives 1,000 steps.
Teams        With `sides` agents are divided in that order, and do not hit their own.
Source       megastep 0.2.4, where agents always respawn, there are no teams, and the number of
             worlds is right for four agents only: fixed. Nobody can leave a plan here, so what
             being outside costs there is left out.
"""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Timestep, pytree, restart, transition

from . import game, picture, senses, spawns
from .agents import Agents
from .camera import Camera, View
from .families import Arena
from .pool import Plans, as_jax

ARENAS = Plans(Arena(), 8)
NARROW = Camera(fov=70.0)
COLOURS = ("blue", "red", "green", "gold", "violet", "teal")  # of teams


@pytree
class State:
    """Everything that changes; every leaf but the first and last two has an axis of agents."""

    plan: jax.Array  # int32 ()
    agents: Agents
    alive: jax.Array  # bool
    health: jax.Array  # float32, 1 at first
    damage: jax.Array  # float32, health that it has taken from others
    kills: jax.Array  # int32
    deaths: jax.Array  # int32
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params(game.Params):
    """Those of all games, and more."""

    harm: rules.AtLeast0 = 0.05  # health that a hit costs
    drain: rules.AtLeast0 = 0.001  # health that a step costs
    kill_reward: rules.Number = 0.0


@dataclasses.dataclass(frozen=True)
class Deathmatch(game.Game):
    """Everything that does not change."""

    name: ClassVar[str] = "megastep_deathmatch_v0"

    plans: Plans = ARENAS
    camera: Camera = NARROW
    horizon: int | None = 1000
    agents: int = 4
    sides: int = 0  # teams; 0: everybody for themselves
    respawn: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        most = rules.count(0, len(COLOURS))
        rules.check(self, agents=rules.count(2, 1024), sides=most, respawn=rules.flag)
        if self.sides == 1 or (self.sides and self.agents % self.sides):
            raise rules.RuleError(
                f"sides must be 0, or 2 or more that divide the {self.agents} agents, got "
                f"{self.sides}."
            )

    @property
    def count(self) -> int:
        """How many agents there are."""
        return self.agents

    @property
    def teams(self) -> Mapping[str, tuple[str, ...]]:
        """One group, or one for each team."""
        if not self.sides:
            return super().teams
        each = range(self.agents // self.sides)
        return {team: tuple(f"{team}_{i}" for i in each) for team in COLOURS[: self.sides]}

    @property
    def numbers(self) -> Mapping[str, int]:
        """Beside the picture."""
        return {"imu": 3, "health": 1}

    @property
    def params(self) -> Params:
        """The usual numbers, and the plans."""
        made: Params = self.numbered(Params)
        return made

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Different places of a plan."""
        pool, plan, agents = self.begin(key, params)
        nothing = jnp.zeros(self.agents, jnp.int32)
        state = State(
            plan=plan,
            agents=agents,
            alive=jnp.ones(self.agents, jnp.bool_),
            health=jnp.ones(self.agents, jnp.float32),
            damage=jnp.zeros(self.agents, jnp.float32),
            kills=nothing,
            deaths=nothing,
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        view = self.look(pool, plan, agents, state.alive)
        return state, restart(self._seen(view, state, params), self.agents, _told(state))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Begin anew, move, look, shoot."""
        pool, acting = as_jax(params.plans), state.alive & ~state.over
        agents, health = state.agents, state.health
        if self.respawn:
            due = acting & (health <= 0)
            agents = spawns.again(key, pool, state.plan, agents, due, acting)
            health = jnp.where(due, 1.0, health)
        agents = self.advance(pool, state.plan, agents, action, acting, params)
        view = self.look(pool, state.plan, agents, acting)
        hits = self.hits(view, acting)
        dealt = hits.sum(axis=1, dtype=jnp.int32).astype(jnp.float32)
        taken = hits.sum(axis=0, dtype=jnp.int32).astype(jnp.float32)
        health = health - jnp.where(acting, params.harm * taken + params.drain, 0.0)
        dead = acting & (health <= 0)
        killed = (hits & dead[None]).sum(axis=1, dtype=jnp.int32)
        alive = state.alive if self.respawn else state.alive & ~dead
        decided = jnp.bool_(False) if self.respawn else self._decided(alive)
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(
            plan=state.plan,
            agents=agents,
            alive=alive,
            health=health,
            damage=state.damage + params.harm * dealt,
            kills=state.kills + killed,
            deaths=state.deaths + dead.astype(jnp.int32),
            tick=tick,
            over=state.over | decided | late,
        )
        return after, transition(
            self.spec,
            acting=acting,
            observation=self._seen(view, after, params),
            reward=dealt + params.kill_reward * killed.astype(jnp.float32),
            terminated=decided | ~alive,
            truncated=jnp.broadcast_to(late, acting.shape),
            info=_told(after),
        )

    def hits(self, view: View, there: jax.Array) -> jax.Array:
        """Whether each agent hits each other: bool (agents, agents)."""
        half = self.camera.res // 2
        aimed = view.agent[:, half - 1 : half + 1]
        everybody = np.arange(self.agents, dtype=np.int32)
        hits = (aimed[:, :, None] == jnp.asarray(everybody)[None, None]).any(axis=1)
        return hits & jnp.asarray(self._foes) & there[:, None] & there[None]

    def render(self, state: State, params: Params) -> jax.Array:
        """The plan from above, who hits whom, and what the first agents see: uint8."""
        pool = as_jax(params.plans)
        view = self.look(pool, state.plan, state.agents, state.alive)
        scene = picture.Scene(
            plan=state.plan,
            agents=state.agents,
            there=state.alive,
            view=view,
            hits=self.hits(view, state.alive),
            health=jnp.clip(state.health, 0.0, 1.0),
            damage=jnp.clip(state.damage / 5.0, 0.0, 1.0),
        )
        return picture.paint(self.camera, pool, scene, params.max_depth, self._side)

    @property
    def _side(self) -> np.ndarray:
        """The team of each agent, (agents,)."""
        each = np.arange(self.agents)
        side: np.ndarray = each * self.sides // self.agents if self.sides else each
        return side

    @property
    def _foes(self) -> np.ndarray:
        foes: np.ndarray = self._side[:, None] != self._side[None]
        return foes

    def _decided(self, alive: jax.Array) -> jax.Array:
        """Whether no two foes are alive: bool ()."""
        return ~(alive[:, None] & alive[None] & jnp.asarray(self._foes)).any()

    def _seen(self, view: View, state: State, params: Params) -> dict[str, jax.Array]:
        numbers = {"imu": senses.imu(state.agents), "health": state.health[:, None]}
        return self.observe(view, numbers, params)


def _told(state: State) -> dict[str, jax.Array]:
    return {"kills": state.kills, "deaths": state.deaths, "damage": state.damage}
