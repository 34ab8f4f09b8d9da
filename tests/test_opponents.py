"""Fixed opponents by name: they play what they may, and do what they say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native import opponents
from native.mpe.simple_speaker_listener import SimpleSpeakerListener
from native.mpe.simple_tag import SimpleTag
from native.registry import make
from native.wrappers import one_team

CASES = [
    ("simple_speaker_listener_v4", "speaker", "telling"),
    ("simple_tag_v3", "adversary", "chasing"),
    ("simple_tag_v3", "agent", "fleeing"),
    ("simple_push_v3", "agent", "random"),
]


@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize(("name", "group", "opponent"), CASES)
def test_an_opponent_plays_legal_actions(name, group, opponent, continuous, key):
    world = make(name, continuous_actions=continuous)
    (played,) = [each for each in world.spec.groups if each.name == group]
    state, _ = jax.jit(world.init)(key, world.params)
    actions = opponents.of(world)[opponent](key, world, played, state, world.params)
    assert len(actions) == len(played.agents)
    assert all(played.action.contains(np.asarray(action)) for action in actions)


def test_every_environment_has_a_random_opponent(env):
    assert "random" in opponents.of(env)


def test_the_speaker_says_the_goal(key):
    world = SimpleSpeakerListener()
    env = one_team(world, "listener", opponents.of(world)["telling"])
    state, _ = jax.jit(env.init)(key, env.params)
    state, shown = jax.jit(env.step)(key, state, {"listener": jnp.zeros(1, jnp.int32)}, env.params)
    words = shown.observation["listener"][0, -3:]
    assert int(jnp.argmax(words)) == int(state.env.goal) and float(words.sum()) == 1


@pytest.mark.parametrize(
    ("team", "opponent", "sign"), [("agent", "chasing", -1), ("adversary", "fleeing", 1)]
)
def test_hunters_come_nearer_and_prey_goes_away(team, opponent, sign):
    world = SimpleTag(num_obstacles=0, num_adversaries=1)
    env = one_team(world, team, opponents.of(world)[opponent])
    still = {team: jnp.zeros(1, jnp.int32)}

    def gap(key):
        state, _ = env.init(key, env.params)
        before = jnp.linalg.norm(state.env.position[0] - state.env.position[1])
        for tick in range(5):
            state, _ = env.step(jax.random.fold_in(key, tick), state, still, env.params)
        return jnp.linalg.norm(state.env.position[0] - state.env.position[1]) - before

    changes = jax.jit(jax.vmap(gap))(jax.random.split(jax.random.key(1), 64))
    assert float((jnp.sign(changes) == sign).mean()) > 0.7  # prey turns back at the edge
