"""The same episodes in mpe2 and in our particle games, from injected states."""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np
import pytest
from parity import Shown

from bridge.parity.originals import goals_of, injected, key_of, particles
from native.core import Spec
from native.mpe.simple_adversary import SimpleAdversary
from native.mpe.simple_crypto import SimpleCrypto
from native.mpe.simple_reference import SimpleReference
from native.mpe.simple_speaker_listener import SimpleSpeakerListener
from native.mpe.simple_spread import SimpleSpread
from native.mpe.simple_tag import SimpleTag
from native.mpe.simple_world_comm import SimpleWorldComm
from native.spaces import Discrete

SEEDS, STEPS = 24, 25

SIZES = [
    SimpleAdversary(N=1),
    SimpleReference(continuous_actions=True),
    SimpleSpeakerListener(continuous_actions=True),
    SimpleCrypto(continuous_actions=True),
    SimpleWorldComm(continuous_actions=True),
    SimpleWorldComm(num_good=3, num_adversaries=1, num_obstacles=2, num_food=1, num_forests=0),
    SimpleSpread(),
    SimpleSpread(N=1, continuous_actions=True),
    SimpleSpread(N=6),
    SimpleTag(continuous_actions=True),
    SimpleTag(num_good=1, num_adversaries=1, num_obstacles=0),
    SimpleTag(num_good=3, num_adversaries=4, num_obstacles=1),
    SimpleTag(num_good=3, num_adversaries=4, num_obstacles=0, num_landmark_neighbors=2),
]


def short(env: Any) -> str:
    """A readable test id: the rules without the parameters."""
    return repr(env).split(", horizon")[0].replace("(", " ")


@dataclasses.dataclass
class Play:
    """Episodes, (seeds, steps or steps + 1, ...), numbers as float64 wherever mpe2 has them.

    Attributes:
        actions: As `step` wants them.
        position, velocity: Of those who can move.
        landmarks: (seeds, landmarks, 2).
        goals: int (seeds, n), landmarks that somebody knows to be a goal.
        key: int (seeds,), of the game that has one, else -1.
        everything: All observations, one after the other.
        acting: bool (seeds, steps), whether the episode went on; what else is shown of a step that
            did not happen means nothing.
    """

    actions: dict[str, np.ndarray]
    position: np.ndarray
    velocity: np.ndarray
    landmarks: np.ndarray
    goals: np.ndarray
    key: np.ndarray
    everything: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    acting: np.ndarray

    @property
    def shown(self) -> Shown:
        """What the steps that happened showed."""
        parts = (self.everything[:, 1:], self.reward, self.terminated, self.truncated)
        return Shown(*(part[self.acting] for part in parts))


def reference(env: Any, **options: Any) -> Any:
    """mpe2's environment with the same rules."""
    pytest.importorskip("mpe2", minversion="1.1", reason="the implementation to compare with")
    return particles(env, **options)


@functools.cache
def mpe2_plays(env: Any) -> Play:
    """Every other episode begins in a crowd; many agents are too fast, or outside the arena."""
    rng = np.random.default_rng(7)
    theirs = reference(env)
    world = theirs.unwrapped.world
    assert tuple(theirs.possible_agents) == env.spec.agents
    movers = [agent for agent in world.agents if agent.movable]
    spread = np.where(np.arange(SEEDS) % 2, 1.3, 0.3)[:, None, None]
    position = (rng.uniform(-1, 1, (SEEDS, len(movers), 2)) * spread).astype(np.float32)
    velocity = rng.uniform(-2, 2, (SEEDS, len(movers), 2)).astype(np.float32)
    landmarks = rng.uniform(-0.9, 0.9, (SEEDS, len(world.landmarks), 2)).astype(np.float32)
    actions = _draw(env.spec, rng)
    names = ("position", "velocity", "goals", "key", "everything", "reward")
    log: dict[str, list[Any]] = {name: [] for name in (*names, "terminated", "truncated", "acting")}

    def look() -> None:
        log["position"].append([agent.state.p_pos.copy() for agent in movers])
        log["velocity"].append([agent.state.p_vel.copy() for agent in movers])
        log["everything"].append(theirs.state())

    for seed in range(SEEDS):
        theirs.reset(seed=seed)
        for i, agent in enumerate(movers):
            agent.state.p_pos = position[seed, i].astype(np.float64)
            agent.state.p_vel = velocity[seed, i].astype(np.float64)
        for i, landmark in enumerate(world.landmarks):
            landmark.state.p_pos = landmarks[seed, i].astype(np.float64)
        log["goals"].append(goals_of(world))
        log["key"].append(key_of(world))
        look()
        for step in range(STEPS):
            log["acting"].append(bool(theirs.agents))
            seen, *rest, _ = theirs.step(_by_agent(env.spec, actions, (seed, step)))
            look()
            flat = np.concatenate([*seen.values()]) if seen else log["everything"][-1]
            assert np.array_equal(flat, log["everything"][-1])
            for name, given in zip(("reward", "terminated", "truncated"), rest, strict=True):
                log[name].append([given.get(agent, 0) for agent in env.spec.agents])

    def rows(name: str) -> np.ndarray:
        flat = np.array(log[name])
        return flat.reshape(SEEDS, len(flat) // SEEDS, *flat.shape[1:])

    found = {name: rows(name) for name in log}
    found["goals"], found["key"] = found["goals"][:, 0], found["key"][:, 0]
    found["terminated"], found["truncated"] = found["terminated"] > 0, found["truncated"] > 0
    return Play(actions, landmarks=landmarks, **found)


def our_plays(env: Any, theirs: Play, dtype: Any) -> Play:
    """The same episodes, from the same first states, by the same actions."""
    key = jax.random.key(0)

    def tick(state: Any, action: Any) -> Any:
        state, timestep = env.step(key, state, action, env.params)
        return state, (state, timestep, env.global_state(state, env.params))

    def play(state: Any, actions: Any) -> Any:
        return env.global_state(state, env.params), jax.lax.scan(tick, state, actions)[1]

    start, _ = jax.vmap(lambda k: env.init(k, env.params))(jax.random.split(key, SEEDS))
    found = {"position": theirs.position[:, 0], "velocity": theirs.velocity[:, 0]}
    same = {name: getattr(theirs, name) for name in ("landmarks", "goals", "key")}
    start = injected(start, dtype, found | same)
    first, (states, timesteps, everything) = jax.jit(jax.vmap(play))(start, theirs.actions)
    seen = [timesteps.observation[group.name] for group in env.spec.groups]
    flat = np.concatenate([np.asarray(x).reshape(SEEDS, STEPS, -1) for x in seen], axis=-1)
    np.testing.assert_allclose(flat[theirs.acting], everything[theirs.acting], atol=1e-6)

    def behind(name: str) -> Any:
        if not hasattr(start, name):
            return getattr(theirs, name)  # nobody moves
        return np.concatenate([getattr(start, name)[:, None], getattr(states, name)], axis=1)

    return dataclasses.replace(
        theirs,
        position=behind("position"),
        velocity=behind("velocity"),
        everything=np.concatenate([first[:, None], everything], axis=1),
        reward=np.asarray(timesteps.reward),
        terminated=np.asarray(timesteps.terminated),
        truncated=np.asarray(timesteps.truncated),
    )


def _draw(spec: Spec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    actions = {}
    for group in spec.groups:
        shape = (SEEDS, STEPS, len(group.agents))
        if isinstance(group.action, Discrete):
            actions[group.name] = rng.integers(0, group.action.n, shape).astype(np.int32)
        else:  # sixteenths, some out of bounds: their differences are exact in float32
            numbers = rng.integers(-4, 21, (*shape, *group.action.shape))
            actions[group.name] = numbers.astype(np.float32) / 16
    return actions


def _by_agent(spec: Spec, actions: dict[str, np.ndarray], at: tuple[int, int]) -> dict[str, Any]:
    return {
        agent: actions[group.name][at][i]
        for group in spec.groups
        for i, agent in enumerate(group.agents)
    }
