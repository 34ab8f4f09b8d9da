"""How many agents of Gigastep step in a second, by their number: numbers, pictures, a grid.

python examples/gigastep_speed.py            shows that it runs
python examples/gigastep_speed.py --table    all of them; minutes
"""

import statistics
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from native import kernels
from native.batch import Autoreset, Batch
from native.registry import make
from native.rollout import collect

CASES = (
    *("identical_2_vs_2:1024", "identical_5_vs_5:1024", "identical_10_vs_10:1024"),
    *("identical_20_vs_20:1024", "swarm_500_vs_500:1:no grid", "swarm_500_vs_500:1"),
    "swarm_2500_vs_2500:1",
    *("identical_2_vs_2_pobs_rgb_maps_disc:64", "identical_5_vs_5_pobs_rgb_maps_disc:64"),
    *("identical_10_vs_10_pobs_rgb_maps_disc:64", "identical_20_vs_20_pobs_rgb_maps_disc:16"),
    "swarm_500_vs_500_pobs_rgb_maps_disc:1",
)
STEPS, ROUNDS = 16, 5
STAY = 13


def measure(name, worlds, **rules):
    """Agent-steps in a CPU-second and in a second, medians; seconds until the first result."""
    env = make(name, **rules)
    batch = Batch(env, Autoreset.DISABLED)
    action = {
        group.name: jnp.full((worlds, len(group.agents)), STAY, jnp.int32)
        for group in env.spec.groups
    }

    def play(now, key):
        now, (_, shown) = collect(batch, *now, lambda *_: action, key, STEPS)
        return now, shown.timestep.reward  # what is seen is carried on, so it is computed

    program = kernels.jit(play)
    now = jax.jit(lambda seeds: batch.init(seeds, env.params))(np.arange(worlds, dtype=np.uint32))
    key = jax.random.key(0)
    started = time.perf_counter()
    now, _ = jax.block_until_ready(program(now, key))
    first = time.perf_counter() - started
    busy, passed = [], []
    for _ in range(ROUNDS):
        cpu, wall = time.process_time(), time.perf_counter()
        now, _ = jax.block_until_ready(program(now, key))
        busy.append(time.process_time() - cpu)
        passed.append(time.perf_counter() - wall)
    count = env.spec.num_agents * worlds * STEPS
    return count / statistics.median(busy), count / statistics.median(passed), first


if __name__ == "__main__":
    print(
        f"{'scenario':45} {'worlds':>6} {'per CPU-s':>12} {'per s':>12} {'us each':>8} {'first':>6}"
    )
    for case in CASES if "--table" in sys.argv else ("identical_1_vs_1:64",):
        scenario, worlds, *no_grid = case.split(":")
        rules = {"cells": None} if no_grid else {}
        cpu, wall, first = measure(f"gigastep_{scenario}", int(worlds), **rules)
        row = f"{scenario:45} {worlds:>6} {cpu:12,.0f} {wall:12,.0f} {1e6 / cpu:8.2f} {first:5.0f}s"
        print(row, flush=True)
