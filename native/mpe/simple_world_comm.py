"""World: slow adversaries with a leader who speaks hunt faster agents, who eat and hide in forests.

Action       stay, left, right, down, up; continuous: how hard each of these, 0 ... 1. The leader
             also says one of four words: move + 5 word; continuous: how loud each, after the moves.
Observation  own velocity and position, all landmarks relative to oneself (obstacles, food,
             forests), all others relative to oneself, then adversaries: velocities of the agents,
             for each forest 1 inside of it and -1 outside, what the leader said; agents: the same
             for the forests, velocities of the other agents. Who is not seen has zeros: all see
             those in the same forest, outside of the forests each other, and the leader everybody.
Reward       adversaries: 5 for every overlap of any adversary with any agent, less 0.1 of the own
             distance to the nearest agent. Each agent: -5 for every adversary it overlaps, 2 for
             every food, less 0.05 of the distance to the nearest food, and twice what tag takes
             near and beyond the rim.
Ending       truncates at `horizon` steps; nothing terminates.
Start        everybody uniform within -1 ... 1, landmarks within -0.9 ... 0.9, at rest and silent.
Source       Lowe et al. (2017), as in mpe2's simple_world_comm_v3.
"""

import dataclasses
import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import draw, rules
from native.core import Spec, Timestep, pytree, restart, transition

from . import interface, picture, pursuit, world

WORDS = 4
CATCH, MEAL = 5.0, 2.0
FARTHEST = 0.9  # that a landmark lies from the middle, on each axis


@pytree
class State:
    """Everything that changes; the leader stands first, then adversaries, then agents."""

    position: jax.Array  # float32 (adversaries + agents, 2)
    velocity: jax.Array  # float32 (adversaries + agents, 2)
    landmarks: jax.Array  # float32 (obstacles + food + forests, 2)
    words: jax.Array  # float32 (1, 4), what the leader said
    tick: jax.Array  # int32 ()


@pytree
class Params(pursuit.Params):
    """Numbers of the dynamics; lengths in half-widths of the arena."""

    agent_radius: rules.AtLeast0 = 0.045
    food_radius: rules.AtLeast0 = 0.03
    forest_radius: rules.AtLeast0 = 0.3


@dataclasses.dataclass(frozen=True)
class SimpleWorldComm:
    """Everything that does not change."""

    num_good: int = 2
    num_adversaries: int = 4  # the leader is one of them
    num_obstacles: int = 1
    num_food: int = 2
    num_forests: int = 2
    continuous_actions: bool = False
    horizon: int | None = 25
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        interface.check(self, Params)

    @property
    def spec(self) -> Spec:
        """Three groups: the leader, the other adversaries if there are any, the agents."""
        marks = self.num_obstacles + self.num_food + self.num_forests
        seen = 4 + 2 * (marks + self._bodies - 1 + self.num_good) + self.num_forests
        moves = interface.actions(self.continuous_actions)
        both = interface.actions(self.continuous_actions, words=WORDS)
        groups = [
            interface.team("leadadversary", 1, seen + WORDS, both),
            interface.team("adversary", self.num_adversaries - 1, seen + WORDS, moves),
            interface.team("agent", self.num_good, seen - 2, moves),
        ]
        present = [group for group in groups if group.agents]
        return interface.spec("simple_world_comm_v3", present, self.horizon)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Scatter everybody and the landmarks."""
        marks = self.num_obstacles + self.num_food + self.num_forests
        places = jax.random.uniform(
            key, (self._bodies + marks, 2), jnp.float32, minval=-1.0, maxval=1.0
        )
        state = State(
            position=places[: self._bodies],
            velocity=jnp.zeros((self._bodies, 2), jnp.float32),
            landmarks=places[self._bodies :] * FARTHEST,
            words=jnp.zeros((1, WORDS), jnp.float32),
            tick=jnp.int32(0),
        )
        return state, restart(self._observe(state, params), self._bodies)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Push, collide, move, speak, judge."""
        del key
        acting, late = world.clock(state.tick, self.horizon, self._bodies)
        moves = jnp.concatenate([interface.steer(action[g.name]) for g in self.spec.groups])
        words = interface.utter(action["leadadversary"], WORDS, moves=True)
        control = jnp.where(acting[:, None], moves, 0.0)
        obstacles, hunters = state.landmarks[: self.num_obstacles], self.num_adversaries
        position, velocity = pursuit.move(
            state.position, state.velocity, control, obstacles, hunters, params
        )
        after = State(
            position=position,
            velocity=velocity,
            landmarks=state.landmarks,
            words=jnp.where(acting[:1, None], words, 0.0).astype(state.words.dtype),
            tick=state.tick + 1,
        )
        return after, transition(
            self.spec,
            acting=acting,
            observation=self._observe(after, params),
            reward=self._reward(after, params),
            terminated=jnp.zeros(self._bodies, jnp.bool_),
            truncated=late,
        )

    def global_state(self, state: State, params: Params) -> jax.Array:
        """What everybody observes, one after the other: float32."""
        return interface.everything(self._observe(state, params))

    def render(self, state: State, params: Params) -> jax.Array:
        """The arena from above, adversaries red, the leader dark, agents green, food blue, forests
        over all of them: uint8 (400, 400, 3).
        """
        sheet = picture.Sheet.around(state.position)
        canvas = sheet.blank()
        obstacles, food, forests = self._apart(state.landmarks)
        for obstacle in obstacles:
            canvas = sheet.stone(canvas, obstacle, params.obstacle_radius)
        for meal in food:
            canvas = sheet.target(canvas, meal, params.food_radius, jnp.array(draw.BLUE))
        for i in range(self._bodies):
            hunts = i < self.num_adversaries
            radius = params.adversary_radius if hunts else params.agent_radius
            colour = draw.GREEN if not hunts else draw.RED if i else picture.LEADER
            canvas = sheet.body(canvas, state.position[i], state.velocity[i], radius, colour)
        for forest in forests:
            canvas = sheet.forest(canvas, forest, params.forest_radius)
        return draw.pixels(picture.speech(canvas, (-1.0, -1.0), picture.LEADER, state.words[0]))

    @property
    def _bodies(self) -> int:
        return self.num_adversaries + self.num_good

    def _apart(self, landmarks: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Obstacles, food, forests."""
        obstacles, rest = landmarks[: self.num_obstacles], landmarks[self.num_obstacles :]
        return obstacles, rest[: self.num_food], rest[self.num_food :]

    def _observe(self, state: State, params: Params) -> dict[str, jax.Array]:
        inside, seen = self._hidden(state, params)
        covered = jnp.where(inside, 1.0, -1.0).astype(state.position.dtype)
        found = {}
        for team, viewers in self.spec.rows.items():
            here, hunts = state.position[viewers], team != "agent"
            hunters = self.num_adversaries - hunts  # among the others
            who = interface.others(seen[viewers, :, None], viewers)
            marks = interface.to_landmarks(here, state.landmarks)
            others = jnp.where(who, interface.to_others(state.position, viewers), 0.0)
            speeds = jnp.where(who, interface.others(state.velocity[None], viewers), 0.0)
            told = [speeds[:, hunters:], covered[viewers]]
            if hunts:
                told.append(jnp.tile(state.words, (len(here), 1)))
            else:
                told.reverse()
            found[team] = interface.rows(state.velocity[viewers], here, marks, others, *told)
        return found

    def _hidden(self, state: State, params: Params) -> tuple[jax.Array, jax.Array]:
        """Who is in which forest, (bodies, forests), and who sees whom, (bodies, bodies)."""
        here = state.position
        forests = self._apart(state.landmarks)[2]
        reach = pursuit.radii(self.num_adversaries, here, params) + params.forest_radius
        inside = world.square(here[:, None] - forests[None]) < jnp.square(reach)[:, None]
        leads = jnp.arange(self._bodies, dtype=jnp.int32) == 0
        nobody = jnp.zeros(self._bodies, jnp.bool_)
        out = ~functools.reduce(jnp.logical_or, inside.T, nobody)
        together = (mine[:, None] & mine[None] for mine in (out, *inside.T))
        return inside, functools.reduce(jnp.logical_or, together, leads[:, None])

    def _reward(self, state: State, params: Params) -> jax.Array:
        hunters, prey = jnp.split(state.position, [self.num_adversaries])
        _, food, _ = self._apart(state.landmarks)
        caught = pursuit.caught(state.position, self.num_adversaries, params)
        paid = CATCH * functools.reduce(jnp.add, caught)
        meals = world.overlaps(prey, food, params.agent_radius + params.food_radius)
        kept = MEAL * meals - 0.05 * world.to_nearest(prey, food) - 2 * world.excursion(prey)
        return jnp.concatenate(
            [paid - 0.1 * world.to_nearest(hunters, prey), kept - CATCH * caught]
        )
