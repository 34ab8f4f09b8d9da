"""Who wins at Gigastep: teams that play by fixed rules, and a policy that was trained.

python examples/gigastep_duel.py                            the fixed ones
python examples/gigastep_duel.py runs/NAME/model.zip        and what `python -m bridge train` wrote
python examples/gigastep_duel.py runs/NAME/policy.npz --world ID       or wrote on the device
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

from native.batch import Autoreset, Batch
from native.gigastep.opponents import OPPONENTS
from native.registry import make
from native.wrappers import Random, View, one_team

WORLD = "gigastep_identical_2_vs_2_pobs_vec_void_disc"
REDS = ("random", "circling", "greedy")
GAMES, FIRST_SEED = 200, 1_000_000  # seeds that training has not seen


def scripted(world, group, name):
    """(key, carry, observation) -> actions of every game, for the team of that name."""

    def one(key, state):
        return OPPONENTS[name](key, world, group, state, world.params)

    batched = jax.jit(jax.vmap(one))
    return lambda key, carry, _: batched(jax.random.split(key, GAMES), carry.state)


def trained(world, path):
    """The same for a policy of Stable-Baselines3 that all agents of the team share."""
    from stable_baselines3 import PPO

    model = PPO.load(path, device="cpu")
    seen = world.spec.groups[0].observation.shape
    if model.observation_space.shape != seen:
        raise ValueError(f"it sees {model.observation_space.shape}, and blue {seen}")

    def act(_, __, observation):
        observation = np.asarray(observation)
        rows = observation.reshape(-1, observation.shape[-1])
        return model.predict(rows, deterministic=True)[0].reshape(observation.shape[:2])

    return act


def learned(world, path):
    """The same for a policy that was trained on the device, on blue of that world."""
    from bridge import policy_file
    from native.agents import LearnedOpponent

    env = one_team(world, "blue", Random())
    player = LearnedOpponent(policy_file.load(path, env))
    (blue,) = env.spec.groups
    if player.learned.settings.gru:
        raise SystemExit(f"{path} remembers what it has seen, which is not kept here.")

    def one(key, observation):
        view = View(
            observation=observation, action_mask=None, acts=jnp.ones(len(blue.agents), bool)
        )
        memory = player.init(key, blue, player.params)  # nothing, where it has no GRU
        return player.act(key, blue, view, memory, player.params)[0]

    batched = jax.jit(jax.vmap(one))
    return lambda key, _, observation: batched(jax.random.split(key, GAMES), observation)


def duel(world, blue, red):
    """Return of a blue agent in every game, and who won: 0 blue, 1 red, -1 nobody."""
    batch = Batch(world, Autoreset.DISABLED)
    seeds = np.arange(FIRST_SEED, FIRST_SEED + GAMES, dtype=np.uint32)
    carry, shown = jax.jit(batch.init)(seeds, world.params)
    step = jax.jit(batch.step)
    returns, winner = np.zeros(GAMES), np.full(GAMES, -1)
    going = np.ones(GAMES, bool)
    for key in jax.random.split(jax.random.key(0), world.horizon):
        keys, seen = jax.random.split(key), shown.timestep.observation
        action = {
            "blue": blue(keys[0], carry, seen["blue"]),
            "red": red(keys[1], carry, seen["red"]),
        }
        carry, shown = step(carry, action, world.params)
        over = going & np.asarray(shown.over)
        returns[over] = np.asarray(shown.returns)[over, : world.blue].mean(axis=1)
        winner[over] = np.asarray(shown.timestep.info["winner"])[over]
        going &= ~over
        if not going.any():
            break
    return returns, winner


def main():
    """Print a line for each pair of teams."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--world", default=WORLD, metavar="ID", help="What is played.")
    parser.add_argument("models", nargs="*", metavar="FILE", help="Of blue: a .zip or .npz.")
    asked = parser.parse_args()
    try:
        world = make(asked.world)
    except LookupError as error:
        parser.error(str(error))
    groups = {group.name: group for group in world.spec.groups}
    if groups.keys() != {"blue", "red"}:
        parser.error(f"{asked.world} has the groups {', '.join(groups)}, not blue and red.")
    blue, red = groups["blue"], groups["red"]
    teams = {}
    for path in asked.models:
        try:
            read = trained if path.endswith(".zip") else learned
            teams[path] = read(world, path)
        except (OSError, ValueError) as error:
            parser.error(f"{path} is no model of blue: {error}")
    teams |= {name: scripted(world, blue, name) for name in OPPONENTS}
    print(f"{'blue':40} {'red':10} {'return':>7} {'std':>6} {'won':>6} {'lost':>6}")
    for title, policy in teams.items():
        for name in REDS:
            returns, winner = duel(world, policy, scripted(world, red, name))
            won, lost = (winner == 0).mean(), (winner == 1).mean()
            print(
                f"{title[-40:]:40} {name:10} {returns.mean():7.2f} {returns.std():6.2f}"
                f" {won:6.1%} {lost:6.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
