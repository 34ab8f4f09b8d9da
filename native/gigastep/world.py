"""Gigastep: two teams of aircraft over a square; see, hold and shoot the others, and do not crash.

Action       turn, dive, throttle, each -1 ... 1; discrete: 27, throttle * 9 + turn * 3 + dive of
             three choices each, 13 does nothing. See `flight`.
Observation  rows of numbers of oneself and of those one knows of, by eye and by radio (`features`,
             `sight`), or a picture of 84 by 84 pixels (`pixels`), or both.
Reward       for foes lost and against own losses, shared alike by a team, and for a game won; more
             terms where their coefficients are not 0. See `reward`.
Ending       leaving the map, touching a box, coming too near to anybody and losing all health
             terminate an agent; a team that is alone terminates the rest, unless
             `ends_with_a_team` is off; at `horizon` all who are left are truncated.
Start        everybody in the box of its team, at height 0, without touching anybody.
Information  `winner`: 0 blue, 1 red, -1 nobody; `blue_alive`, `red_alive`: how many.
Source       Lechner et al. (2023), "Gigastep - One Billion Steps per Second Multi-agent
             Reinforcement Learning". See docs/gigastep.md for what differs.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import FRAMES_PER_SECOND, Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Dict, Discrete, Space

from . import features, flight, maps, picture, pixels, reward, sight, start, waypoints, weapon
from .flight import Agents
from .grid import Held, Neighbours, neighbours, nobody_held
from .pairs import Everyone, Pairs, nearest
from .params import PER_AGENT, Params, each

Near: TypeAlias = Everyone | Neighbours
Tracked: TypeAlias = "jax.Array | Held"  # uint8 (agents, agents): steps one holds another; or less

TEAMS = ("blue", "red")
OBSERVATIONS = ("vector", "rgb", "rgb_vector")
OF_EACH = 10  # numbers of each agent in the global state
MOST = 2048  # agents of whom each may have to do with each
FLAGS = (
    *("continuous_actions", "stochastic_sight", "stochastic_radio"),
    *("has_waypoints", "ends_with_a_team", "divides_rewards"),
)


@pytree
class State:
    """Everything that changes."""

    agents: Agents
    tracked: Tracked
    waypoint: jax.Array  # float32 (5,): left, bottom, right, top, seconds left
    map: jax.Array  # int32 (), of the set
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@dataclasses.dataclass(frozen=True)
class Gigastep:
    """Everything that does not change."""

    blue: int = 5
    red: int = 5
    maps: str = "all"
    observation: str = "vector"
    continuous_actions: bool = False
    stochastic_sight: bool = True
    stochastic_radio: bool = True
    has_waypoints: bool = False
    ends_with_a_team: bool = True
    divides_rewards: bool = True  # by the number of all agents
    rows: int = 15  # of the observation as numbers, at most
    cells: int | None = None  # along a side, to have to do only with those near: see `grid`
    crowd: int = 16  # the most that are looked at in a row of three cells
    horizon: int | None = 500
    params: Params = dataclasses.field(default_factory=Params)
    name: str = rules.label("gigastep")

    def __post_init__(self) -> None:
        some = rules.count()
        rules.check(
            self,
            blue=some,
            red=some,
            maps=rules.one_of(*maps.SETS),
            observation=rules.one_of(*OBSERVATIONS),
            **dict.fromkeys(FLAGS, rules.flag),
            rows=some,
            cells=rules.optional(some),
            crowd=some,
            horizon=rules.time_limit,
            params=rules.params(Params),
            name=rules.text,
        )
        if self.cells is None and self.agents > MOST:
            raise rules.RuleError(
                f"{self.agents} agents are too many for everybody to have to do with everybody, "
                f"as more than {MOST} are: set `cells` to the map's side / the depth of sight."
            )
        for number in PER_AGENT:
            value = getattr(self.params, number)
            if isinstance(value, tuple) and len(value) != self.agents:
                raise rules.RuleError(
                    f"params.{number} has {len(value)} numbers for {self.agents} agents; give one "
                    "for each, blue first, or a single one for all."
                )

    @property
    def agents(self) -> int:
        """How many there are."""
        return self.blue + self.red

    @property
    def spec(self) -> Spec:
        """Two groups, the teams, with the same spaces."""
        numbers = Box(-math.inf, math.inf, (self._numbers,))
        picture = Box(0, 255, pixels.SHAPE, "uint8")
        seen: Mapping[str, Space] = {
            "vector": numbers,
            "rgb": picture,
            "rgb_vector": Dict({"rgb": picture, "vector": numbers}),
        }
        action = Box(-1.0, 1.0, (3,)) if self.continuous_actions else Discrete(flight.MOVES)
        groups = tuple(
            Group(team, tuple(f"{team}_{i}" for i in range(count)), seen[self.observation], action)
            for team, count in zip(TEAMS, (self.blue, self.red), strict=True)
        )
        size = OF_EACH * self.agents + len(waypoints.NONE) + 4 * maps.slots(self.maps) + 1
        everything = Box(-math.inf, math.inf, (size,))
        return Spec(self.name, groups, self.horizon, everything, render_fps=FRAMES_PER_SECOND)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Choose a map, scatter the teams."""
        for_map, for_places, for_sight = jax.random.split(key, 3)
        chosen = jax.random.randint(for_map, (), 0, len(maps.SETS[self.maps]), jnp.int32)
        state = State(
            agents=start.scatter(
                for_places, self.maps, chosen, self._red, lambda a: self._near(a, params), params
            ),
            tracked=self._nobody_held(),
            waypoint=jnp.array(waypoints.NONE, jnp.float32),
            map=chosen,
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        near = self._near(state.agents, params)
        pairs = near.pairs(state.agents)
        luck, _ = sight.luck(for_sight, pairs.square.shape, 0)
        detected = self._detect(near, pairs, state.agents.alive, luck, params)
        hurt = jnp.zeros(self.agents, jnp.bool_)
        seen = self._observe(state, near, pairs, detected, luck, hurt, params)
        return state, restart(seen, self.agents, self._inform(state.agents.alive))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Fly, crash, see, shoot, judge, look."""
        acting = state.agents.alive & ~state.over
        chosen = jnp.concatenate([action[team] for team in TEAMS])
        agents = flight.fly(state.agents, chosen, acting, each(params.thrust, self.agents))
        near = self._near(agents, params)
        pairs = near.pairs(agents)
        luck, more = sight.luck(key, pairs.square.shape, waypoints.DRAWS)

        waypoint, on_waypoint = state.waypoint, jnp.zeros(self.agents, jnp.bool_)
        if self.has_waypoints:
            waypoint, on_waypoint = waypoints.update(
                waypoint, agents, acting, more, jnp.asarray(params.size, jnp.float32)
            )

        outside = acting & _outside(agents, params)
        alive = acting & ~outside
        collided = alive & self._collides(near, pairs, alive, params)
        alive &= ~collided
        boxes = maps.boxes(self.maps, state.map) * params.size
        inside = alive & maps.inside(boxes, agents.x, agents.y)
        alive &= ~inside

        detected = self._detect(near, pairs, alive, luck, params)
        held = weapon.hold(pairs, detected, each(params.damage_range, self.agents), params)
        tracked = weapon.track(near.recall(state.tracked), held, params)
        levels = weapon.levels(tracked, params)
        taken = near.onto(levels)
        most = each(params.max_health, self.agents)
        health = weapon.suffer(agents.health, taken, on_waypoint, most, params)
        health = jnp.where(alive, health, 0.0)
        alive &= health > 0

        events = reward.Events(
            alive=alive,
            acting=acting,
            collided=collided,
            crashed=outside | inside,
            on_waypoint=on_waypoint,
            sees=detected.sum(axis=1, dtype=jnp.int32),
            seen=near.onto(detected.astype(jnp.int32)),
            dealt=levels.sum(axis=1, dtype=jnp.int32),
            taken=taken,
        )
        idle = each(params.idle_reward, self.agents)
        tick = state.tick + 1
        ended, late = self._judge(alive, tick)
        after = State(
            agents=dataclasses.replace(
                agents,
                health=jnp.where(state.over, agents.health, health),
                alive=jnp.where(state.over, agents.alive, alive),
            ),
            tracked=near.keep(tracked, pairs),
            waypoint=waypoint,
            map=state.map,
            tick=tick,
            over=state.over | ended | late,
        )
        return after, transition(
            self.spec,
            acting=acting,
            observation=self._observe(after, near, pairs, detected, luck, taken > 0, params),
            reward=reward.rewards(events, self.blue, idle, self.divides_rewards, params),
            terminated=~alive | ended,
            truncated=alive & late,
            info=self._inform(after.agents.alive),
        )

    def global_state(self, state: State, params: Params) -> jax.Array:
        """Of each agent: alive, x, y, z, sine and cosine of the heading, speed, health, sprite and
        team; the waypoint and its seconds; the boxes; seconds since the start. Lengths are shares
        of the side of the map, or of the ceiling.
        """
        agents, size = state.agents, jnp.asarray(params.size, jnp.float32)
        everything = features.table(agents, each(params.sprite, self.agents), self._red, size)
        of_each = jnp.concatenate(
            [
                agents.alive[:, None].astype(jnp.float32),
                everything[:, :3],
                jnp.sin(everything[:, 3:4]),
                jnp.cos(everything[:, 3:4]),
                everything[:, 4:],
            ],
            axis=1,
        )
        boxes = maps.boxes(self.maps, state.map).reshape(-1)
        seconds = state.tick.astype(jnp.float32) * flight.INTERVAL
        waypoint = jnp.concatenate([state.waypoint[:4] / size, state.waypoint[4:]])
        return jnp.concatenate([of_each.reshape(-1), waypoint, boxes, seconds[None]])

    def render(self, state: State, params: Params) -> jax.Array:
        """The whole map from above: uint8 (512, 512, 3). The scale is that of the rules' params."""
        usual = self.params
        style = picture.Style(
            size=float(usual.size),
            reach=float(usual.damage_cone_depth),
            angle=min(float(usual.damage_cone_angle), math.pi / 2),
            levels=(float(usual.min_tracking_time), float(usual.max_tracking_time)),
        )
        if isinstance(state.tracked, Held):
            target, steps = state.tracked.target[:, 0], state.tracked.steps[:, 0]
        else:
            steps = state.tracked.max(axis=1)
            target = jnp.where(steps > 0, jnp.argmax(state.tracked, axis=1), -1)
        return picture.paint(
            state.agents,
            self.blue,
            target.astype(jnp.int32),
            steps,
            each(params.max_health, self.agents),
            each(params.sprite, self.agents) > 1,
            maps.boxes(self.maps, state.map),
            jnp.concatenate([state.waypoint[:4] / params.size, state.waypoint[4:]]),
            style,
        )

    @property
    def _numbers(self) -> int:
        """Length of the observation as numbers."""
        rows = min(self.rows, self.agents) * features.COLUMNS
        return rows + 5 * self.has_waypoints + 4 * maps.slots(self.maps)

    @property
    def _red(self) -> jax.Array:
        return jnp.asarray(np.arange(self.agents) >= self.blue)

    def _near(self, agents: Agents, params: Params) -> Any:
        if self.cells is None:
            return Everyone(self.agents, self.blue)
        size = jnp.asarray(params.size, jnp.float32)
        return neighbours(agents, size, self.cells, self.crowd, self.blue)

    def _nobody_held(self) -> Tracked:
        if self.cells is None:
            return jnp.zeros((self.agents, self.agents), jnp.uint8)
        return nobody_held(self.agents)

    def _collides(self, near: Near, pairs: Pairs, alive: jax.Array, params: Params) -> jax.Array:
        touching = (pairs.square < params.collision_range**2) & near.living(alive)
        level = jnp.abs(pairs.up) < params.collision_altitude
        return (touching & level & ~pairs.itself).any(axis=1)

    def _detect(
        self, near: Near, pairs: Pairs, alive: jax.Array, luck: jax.Array, params: Params
    ) -> jax.Array:
        living = near.living(alive)
        reach = each(params.range, self.agents)
        return sight.detect(pairs, living, reach, luck, params, stochastic=self.stochastic_sight)

    def _judge(self, alive: jax.Array, tick: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Whether the rules end the game, and whether time does."""
        blue, red = alive[: self.blue].any(), alive[self.blue :].any()
        ended = ~(blue & red) if self.ends_with_a_team else ~(blue | red)
        late = core.late(tick, self.horizon)
        return ended, late

    def _inform(self, alive: jax.Array) -> dict[str, jax.Array]:
        blue = alive[: self.blue].sum(dtype=jnp.int32)
        red = alive[self.blue :].sum(dtype=jnp.int32)
        winner = jnp.where(red == 0, 0, 1).astype(jnp.int32)
        decided = (blue == 0) != (red == 0)
        return {
            "winner": jnp.where(decided, winner, -1),
            "blue_alive": blue,
            "red_alive": red,
        }

    def _observe(
        self,
        state: State,
        near: Near,
        pairs: Pairs,
        detected: jax.Array,
        luck: jax.Array,
        hurt: jax.Array,
        params: Params,
    ) -> dict[str, Any]:
        alive = state.agents.alive
        living = near.living(alive)
        heard = sight.hear(pairs, luck, params, stochastic=self.stochastic_radio)
        known = living & jnp.where(pairs.foe, near.share(heard, detected, pairs), heard)
        seen: dict[str, jax.Array] = {}
        if self.observation != "rgb":
            seen["vector"] = self._as_numbers(state, near, pairs, known, params)
        if self.observation != "vector":
            seen["rgb"] = self._as_picture(state, near, pairs, known, hurt, params)
        shown = seen if self.observation == "rgb_vector" else seen[self.observation]
        return {
            "blue": jax.tree.map(lambda leaf: leaf[: self.blue], shown),
            "red": jax.tree.map(lambda leaf: leaf[self.blue :], shown),
        }

    def _as_numbers(
        self, state: State, near: Near, pairs: Pairs, known: jax.Array, params: Params
    ) -> jax.Array:
        agents, size = state.agents, jnp.asarray(params.size, jnp.float32)
        table = features.table(agents, each(params.sprite, self.agents), self._red, size)
        rows = min(self.rows, self.agents)
        chosen, there = nearest(pairs.square, known, pairs.itself, rows)
        seen = features.relate(table, near.rows(table, chosen), there).reshape(self.agents, -1)
        parts = [seen]
        if self.has_waypoints:
            parts.append(features.guide(state.waypoint, agents, size))
        boxes = maps.boxes(self.maps, state.map).reshape(-1)
        if boxes.size:
            parts.append(jnp.broadcast_to(boxes[None], (self.agents, boxes.size)))
        whole = jnp.concatenate(parts, axis=1)
        return jnp.where(agents.alive[:, None], whole, 0.0)

    def _as_picture(
        self,
        state: State,
        near: Near,
        pairs: Pairs,
        known: jax.Array,
        hurt: jax.Array,
        params: Params,
    ) -> jax.Array:
        agents, size = state.agents, jnp.asarray(params.size, jnp.float32)
        most = each(params.max_health, self.agents)
        boxes = maps.boxes(self.maps, state.map)
        waypoint = state.waypoint if self.has_waypoints else None
        canvas = pixels.ground(agents, hurt, most, boxes, waypoint, size)
        return pixels.paint(canvas, agents, near.of, pairs, known, params.sprite, size)


def _outside(agents: Agents, params: Params) -> jax.Array:
    out = (agents.x < 0) | (agents.x > params.size)
    return out | (agents.y < 0) | (agents.y > params.size)
