"""One policy that plays both teams of Gigastep against itself; later copies meet earlier ones.

python examples/gigastep_self_play.py [--steps 8000000] [--copies 4] [--quick]
"""

import argparse
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from native.agents import PPO, LearnedOpponent, LearnedPolicy, Learner
from native.agents.training import run
from native.batch import Autoreset, Batch
from native.registry import make
from native.wrappers import one_team

WORLD = "gigastep_identical_5_vs_5_fobs_vec_void_disc"
SHAPED = {"reward_agent_disabled": 10.0, "reward_damage": 20.0}  # a team's reward tells late
GAMES, FIRST_SEED = 200, 1_000_000  # seeds that training has not seen


def settings(steps):
    """Of PPO, with so many steps of an agent in all."""
    return PPO(
        num_envs=128,
        n_steps=64,
        batch_size=4096,
        n_epochs=4,
        learning_rate=1e-3,
        anneal_learning_rate=True,
        ent_coef=0.002,
        normalize_reward=True,
        net_arch=(128, 128),
        activation="relu",
        sharing="all",
        steps=steps,
    )


def duels(world, some):
    """(blue, red) -> shares of games that they win; one program for all policies like `some`."""
    env = one_team(world, "blue", LearnedOpponent(some))
    batch = Batch(env, Autoreset.DISABLED)

    @jax.jit
    def winners(blue, red, key):
        policy = dataclasses.replace(some, spec=env.spec, weights=blue)
        params = dataclasses.replace(env.params, own={"opponent": red})
        seeds = jnp.arange(FIRST_SEED, FIRST_SEED + GAMES, dtype=jnp.uint32)
        carry, shown = batch.init(seeds, params)

        def step(now, key):
            carry, shown, winner, going = now
            carry, shown = batch.step(carry, policy(key, shown).action, params)
            winner = jnp.where(going, shown.timestep.info["winner"], winner)
            return (carry, shown, winner, going & ~shown.over), None

        begun = (carry, shown, jnp.full(GAMES, -1, jnp.int32), jnp.ones(GAMES, bool))
        return jax.lax.scan(step, begun, jax.random.split(key, world.horizon))[0][2]

    def duel(blue, red):
        winner = np.asarray(winners(blue.weights, LearnedOpponent(red).params, jax.random.key(0)))
        return (winner == 0).mean(), (winner == 1).mean()

    return duel


def main():
    """Train, keep copies, let each meet those before it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=8_000_000, help="Of an agent, in all.")
    parser.add_argument("--copies", type=int, default=4, help="Kept on the way.")
    parser.add_argument("--quick", action="store_true", help="A moment: to see that it runs.")
    asked = parser.parse_args()
    if min(asked.copies, asked.steps) < 1:
        parser.error("--steps and --copies are one or more.")
    world = make(WORLD, horizon=20) if asked.quick else make(WORLD)
    ppo = settings(asked.steps)
    if asked.quick:
        asked.copies = 2
        ppo = dataclasses.replace(ppo, num_envs=2, n_steps=8, batch_size=160, n_epochs=1)
    one = Learner([ppo], world, 1).steps
    updates = 1 if asked.quick else max(1, round(asked.steps / asked.copies / one))
    learner = Learner([ppo], world, updates, dataclasses.replace(world.params, **SHAPED))
    training, copies, duel = learner.begin([0]), [], None
    for number in range(1, 1 + asked.copies):
        training, _ = learner.advance(training)
        now = run(training, 0)
        copies.append(LearnedPolicy(ppo, world.spec, now.weights, now.moments, deterministic=False))
        print(f"{number * learner.steps:,} steps", flush=True)
        duel = duel or duels(world, copies[0])
        for earlier, copy in enumerate(copies[:-1], start=1):
            won, lost = duel(copies[-1], copy)
            print(f"  won {won:.1%}, lost {lost:.1%} to {earlier * learner.steps:,}", flush=True)


if __name__ == "__main__":
    main()
