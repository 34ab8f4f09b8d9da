"""JaxNav: square robots on two wheels drive to their goals through a maze that is drawn anew.

Action       the speed and the turning speed that are wanted, 0 ... 1 m/s and -pi/6 ... pi/6 rad/s;
             without `continuous_actions` one of fifteen, see `CHOICES`.
Drive        Speeds go to what is wanted by at most 0.1 a step, which takes 0.1 s; turning stays
             within 0.6 rad/s. A robot moves ahead by its new speed, then turns.
Crash        A robot that touches a wall or another one has crashed, and stays there for good. One
             that has reached its goal drives on.
Observation  `BEAMS` distances by lidar, all around from behind, 6 m at most, in steps of 6 / 119 m;
             speed, turning speed; distance of the goal, at most 6 m, and its direction from where
             the robot faces; `share`. All scaled to -1 ... 1: (BEAMS + 5,).
Reward       Until a robot has reached its goal or crashed: `goal` for coming within 0.5 m of it,
             before that `progress` for each metre nearer; `crash`; `hurry` in each step. Always
             `near` where a beam is no longer than 0.4 m. It earns `share` times its own and the
             rest of the mean of all.
Ending       terminates when all have reached their goal or crashed; truncates at `horizon` steps.
Start        A wall around 11 by 11 cells of a metre, and in up to `fill` of those inside; robots,
             and their goals, apart from the walls and from each other.
Information  `reached` and `crashed`, of each robot.
Source       Rutherford et al. (2024), as in JaxMARL's JaxNav.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from native import core, draw, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete
from native.trig import sincos

from . import space
from .space import SIDE

BEAMS = 200
SIGHT = 6.0  # m, of the lidar
STEP = 0.1  # s
FASTEST, TURNING = 1.0, 0.6  # m/s, rad/s
GAIN = 1.0  # m/s^2 and rad/s^2, at most
GOAL = 0.5  # m, so near is there
NEAR = 0.1 + space.RADIUS  # m
CHOICES = tuple((v, w) for v in (0.0, 0.5, 1.0) for w in (0.5, 0.25, 0.0, -0.25, -0.5))
PIXELS = 40  # side of a cell in pictures
SMALL = np.pi / 6  # bound of the turning speed that can be wanted


@pytree
class State:
    """Everything that changes; metres and radians, against the clock from the x axis."""

    place: jax.Array  # float32 (agents, 2)
    facing: jax.Array  # float32 (agents,), -pi ... pi
    speed: jax.Array  # float32 (agents, 2), ahead and turning
    goal: jax.Array  # float32 (agents, 2)
    walls: jax.Array  # bool (SIDE, SIDE), row y, column x
    reached: jax.Array  # bool (agents,)
    crashed: jax.Array  # bool (agents,)
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics.

    Attributes:
        fill: Largest share of the inner cells that are walls.
        goal, crash, hurry, near, progress: See the module.
        share: Of a robot's own reward in what it earns.
    """

    fill: Annotated[float, rules.number_in(0.0, 0.5, "a number in 0 ... 0.5")] = 0.3
    goal: float = 4.0
    crash: float = -4.0
    hurry: float = -0.01
    near: float = -0.1
    progress: float = 0.25
    share: rules.Share = 0.5


@dataclasses.dataclass(frozen=True)
class JaxNav:
    """Everything that does not change."""

    num_agents: int = 2
    continuous_actions: bool = True
    horizon: int | None = 500
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        rules.check(
            self,
            num_agents=rules.count(1, 8),
            continuous_actions=rules.flag,
            horizon=rules.time_limit,
            params=rules.params(Params),
        )

    @property
    def spec(self) -> Spec:
        """One group: the robots."""
        agents = tuple(f"agent_{i}" for i in range(self.num_agents))
        wanted = Box((0.0, -SMALL), (1.0, SMALL), (2,))
        action = wanted if self.continuous_actions else Discrete(len(CHOICES))
        robots = Group("agent", agents, Box(-1.0, 1.0, (BEAMS + 5,)), action)
        return Spec("jaxnav_v1", (robots,), self.horizon, render_fps=10)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Build a maze, put robots and goals into it."""
        for_walls, for_pairs, for_facing = jax.random.split(key, 3)
        walls = space.maze(for_walls, params.fill)
        place, goal = space.pairs(for_pairs, walls, self.num_agents)
        around = (self.num_agents,)
        none = jnp.zeros(around, jnp.bool_)
        state = State(
            place=place,
            facing=jax.random.uniform(for_facing, around, jnp.float32, -math.pi, math.pi),
            speed=jnp.zeros((self.num_agents, 2), jnp.float32),
            goal=goal,
            walls=walls,
            reached=none,
            crashed=none,
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        seen, _ = self._look(state, params)
        return state, restart(seen, self.num_agents, _inform(state))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Drive, crash, arrive, judge."""
        del key
        wanted = action["agent"]
        if not self.continuous_actions:
            wanted = jnp.array(CHOICES, jnp.float32)[wanted]
        gain = jnp.clip((wanted - state.speed) / STEP, -GAIN, GAIN)
        least = np.array([[0.0, -TURNING]], np.float32)
        most = np.array([[FASTEST, TURNING]], np.float32)
        speed = jnp.clip(state.speed + gain * STEP, least, most)
        sine, cosine = sincos(state.facing)
        ahead = jnp.stack([cosine, sine], axis=-1) * speed[:, :1] * STEP
        stands = state.crashed[:, None]
        place = jnp.where(stands, state.place, state.place + ahead)
        facing = space.wrapped(state.facing + speed[:, 1] * STEP)
        facing = jnp.where(state.crashed, state.facing, facing)

        hits = space.touches_wall(place, facing, state.walls) | space.touches_other(place, facing)
        before, after = (_length(where - state.goal) for where in (state.place, place))
        arrives = after <= GOAL
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        now = State(
            place=place,
            facing=facing,
            speed=jnp.where(stands, 0.0, speed),
            goal=state.goal,
            walls=state.walls,
            reached=state.reached | arrives,
            crashed=state.crashed | hits,
            tick=tick,
            over=state.over,
        )
        ended = (now.reached | now.crashed).all()
        now = dataclasses.replace(now, over=state.over | ended | late)
        seen, lidar = self._look(now, params)
        own = jnp.where(arrives, params.goal, params.progress * (before - after))
        own = jnp.where(state.reached, 0.0, own)
        own = own + jnp.where(hits & ~state.crashed, params.crash, 0.0)
        own = own + jnp.where(state.reached | state.crashed, 0.0, params.hurry)
        own = own + jnp.where((lidar <= NEAR).any(axis=-1), params.near, 0.0)
        everybody = jnp.ones(self.num_agents, jnp.bool_)
        return now, transition(
            self.spec,
            acting=everybody & ~state.over,
            observation=seen,
            reward=params.share * own + (1.0 - params.share) * own.mean(),
            terminated=everybody & ended,
            truncated=everybody & late,
            info=_inform(now),
        )

    def _look(self, state: State, params: Params) -> tuple[dict[str, jax.Array], jax.Array]:
        """What each sees, and its lidar in metres: float32 (agents, BEAMS)."""
        lidar = space.lidar(state.place, state.facing, state.walls, BEAMS, SIGHT)
        way = state.goal - state.place
        distance = jnp.minimum(_length(way), SIGHT)
        towards = space.wrapped(jnp.arctan2(way[:, 1], way[:, 0]) - state.facing)
        share = jnp.broadcast_to(jnp.asarray(params.share, jnp.float32), towards.shape)
        rest = (
            state.speed[:, 0] / FASTEST - 0.5,
            state.speed[:, 1] / TURNING,
            distance / SIGHT - 0.5,
            towards / math.pi,
            share - 0.5,
        )
        seen = jnp.concatenate([lidar / SIGHT - 0.5, jnp.stack(rest, axis=-1)], axis=-1)
        return {"agent": jnp.clip(seen, -1.0, 1.0)}, lidar

    def render(self, state: State, params: Params) -> jax.Array:
        """The maze from above, rings around the goals: uint8 (440, 440, 3)."""
        del params
        view = draw.View(0.0, 0.0, float(SIDE), float(SIDE), PIXELS * SIDE)
        solid = state.walls[::-1].repeat(PIXELS, axis=0).repeat(PIXELS, axis=1)
        canvas = view.fill(view.blank(), jnp.where(solid, -1.0, 1.0), draw.INK)
        coats = (draw.BLUE, draw.GOLD, draw.GREEN, draw.RED)
        corners = space.corners(state.place, state.facing)
        beams = space.ends(state.place, state.facing, state.walls, 20, SIGHT)
        for i in range(self.num_agents):
            coat = coats[i % len(coats)]
            for end in beams[i]:
                canvas = view.fill(canvas, view.disc(end, 0.05), coat, 0.6)
            ring = jnp.abs(view.disc(state.goal[i], GOAL)) - 0.04
            canvas = view.fill(canvas, ring, coat, jnp.where(state.reached[i], 1.0, 0.6))
            faint = jnp.where(state.crashed[i], 0.5, 1.0)
            canvas = view.fill(canvas, view.polygon(corners[i]), coat, faint)
            sine, cosine = sincos(state.facing[i])
            nose = state.place[i] + 0.17 * jnp.stack([cosine, sine])
            canvas = view.fill(canvas, view.disc(nose, 0.07), draw.PAPER)
        return draw.pixels(canvas)


def _length(vector: jax.Array) -> jax.Array:
    return jnp.sqrt(vector[:, 0] ** 2 + vector[:, 1] ** 2)


def _inform(state: State) -> dict[str, jax.Array]:
    return {"reached": state.reached, "crashed": state.crashed}
