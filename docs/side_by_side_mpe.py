"""Write pictures/mpe.png: mpe2's pictures, and below them ours of the same states.

Run it from anywhere; it needs the extras `pettingzoo` and `cli`, mpe2, and pygame.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from side_by_side import sheet

from bridge.parity.originals import goals_of, injected, key_of, particles
from native.registry import make

OUT = Path(__file__).parent / "pictures" / "mpe.png"
GAMES = (
    *("simple_v3", "simple_spread_v3", "simple_tag_v3", "simple_adversary_v3", "simple_push_v3"),
    *("simple_reference_v3", "simple_speaker_listener_v4", "simple_crypto_v3"),
    "simple_world_comm_v3",
)
STEPS, COLUMNS = 6, 5


def both(name: str) -> tuple[np.ndarray, np.ndarray]:
    """A game after some random steps, as mpe2 and as we draw it."""
    env, theirs = make(name), particles(make(name), render_mode="rgb_array")
    theirs.reset(seed=4)
    for i, agent in enumerate(theirs.possible_agents):
        theirs.action_space(agent).seed(i)
    for _ in range(STEPS):
        theirs.step({agent: theirs.action_space(agent).sample() for agent in theirs.agents})
    world = theirs.unwrapped.world
    movers = [agent.state for agent in world.agents if agent.movable]
    found = {
        "position": np.array([mover.p_pos for mover in movers]),
        "velocity": np.array([mover.p_vel for mover in movers]),
        "landmarks": np.array([mark.state.p_pos for mark in world.landmarks]),
        "goals": np.array(goals_of(world)),
        "key": np.array(key_of(world)),
        "words": np.array([agent.state.c for agent in world.agents if not agent.silent]),
    }
    state, _ = env.init(jax.random.key(0), env.params)
    state = injected(state, jnp.float32, found)
    return theirs.render(), np.asarray(jax.jit(env.render)(state, env.params))


if __name__ == "__main__":
    sheet({name: both(name) for name in GAMES}, COLUMNS).save(OUT, optimize=True)
