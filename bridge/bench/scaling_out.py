"""Suite `scaling_out`: processes of JAX, and RLlib's runners on nodes of Ray, against one.

Each figure is of a process of its own, `python -m bridge.bench.scaling_out WHAT`, since JAX and Ray
must be told of the others before they start. All of them are on this machine.
"""

import functools
import importlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import jax

from bridge.errors import MissingExtraError
from bridge.session import Session
from native.batch import Autoreset, Batch, Carry, Transition
from native.prng import implementation
from native.registry import make
from native.rollout import collect, random_policy

from .report import Plot, Report, machine
from .timing import Progress

COLUMNS = (
    *("against", "number", "environment", "how", "worlds each"),
    *("env-steps/s", "env-steps/CPU-s", "learner-steps/s", "against one"),
)
NOTES = (
    "processes: trajectories and native.agents' PPO, the worlds shared among all devices, as many "
    "for each process. "
    "runners, nodes: RLlib's PPO on Ray, one node's runners, or one runner on each node. env-steps "
    "of sampling alone, learner-steps of sampling and learning; by wall time, on one machine whose "
    "cores all of them share.",
    "runner: RLlib's runner in this process, without Ray. actor: the same in this process, and as "
    "an actor of Ray's that counts its steps or hands its episodes over; CPU-s are those of this "
    "process and the actor's, the rest of Ray is not counted.",
    "against one: per runner, node or process, of env-steps/s; of a runner, of the library's own "
    "environment in RLlib's own runner, by CPU-s; of an actor, of the runner in this process.",
)
ENVIRONMENTS = {"CartPole-v1": 64, "simple_spread_v3": 16}  # worlds of a runner
ARRAYS, LOOP, THEIRS = "in arrays", "RLlib's loop", "the library's own"
HERE, COUNTING, HANDING = "in this process", "on Ray", "on Ray, episodes handed over"
ROUNDS, ALTERNATIONS = 3, 7
STEPS = 128  # of a trajectory


def suite(quick: bool, progress: Progress) -> Report:
    """All that can run here; quick: one of each."""
    numbers = (1,) if quick else (1, 2)
    wanted: list[dict[str, Any]] = [{"against": "processes", "number": n} for n in numbers]
    wanted += [{"against": "runner", "number": 1, "environment": name} for name in ENVIRONMENTS]
    wanted += [{"against": "actor", "number": 1}]
    if not quick:
        wanted += [{"against": what, "number": n} for what in ("runners", "nodes") for n in numbers]
    found: list[dict[str, Any]] = []
    absent: list[str] = []
    for what in wanted:
        progress(", ".join(map(str, what.values())))
        asked = {"environment": "CartPole-v1", "how": ARRAYS, **what, "quick": quick}
        measured = _apart(asked)
        if isinstance(measured, str):
            absent.append(f"Left out: {what['against']}. {measured}")
        else:
            found += measured
    return Report(
        suite="scaling_out",
        title="More processes, runners and nodes",
        columns=COLUMNS,
        rows=[_row(one, found) for one in found],
        notes=(*NOTES, *dict.fromkeys(absent)),
        machine=machine("ray", "torch", "gymnasium", "mpe2"),
        plot=Plot("env-steps/s", series=("against", "number", "environment", "how")),
    )


def _row(one: dict[str, Any], found: list[dict[str, Any]]) -> tuple[Any, ...]:
    alike = [each for each in found if each["against"] == one["against"]]
    if one["against"] == "runner":
        theirs = [e for e in alike if (e["environment"], e["how"]) == (one["environment"], THEIRS)]
        against = one["cpu"] / theirs[0]["cpu"] if theirs else 1.0
    elif one["against"] == "actor":
        (here,) = (each for each in alike if each["how"] == HERE)
        against = one["wall"] / here["wall"]
    else:
        (alone,) = (each for each in alike if each["number"] == 1)
        against = one["wall"] / alone["wall"] / one["number"]
    first = (one[name] for name in ("against", "number", "environment", "how", "worlds"))
    return (*first, one["wall"], one["cpu"], one["learner"], against)


def _apart(asked: dict[str, Any]) -> list[dict[str, Any]] | str:
    """What another process measures, or which library it misses."""
    command = [sys.executable, "-W", "ignore", "-m", "bridge.bench.scaling_out", json.dumps(asked)]
    settings = {"JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1", "RAY_DISABLE_IMPORT_WARNING": "1"}
    done = subprocess.run(
        command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True, check=True
    )
    found: list[dict[str, Any]] | str = json.loads(done.stdout.splitlines()[-1])
    return found


def _timed(play: Callable[[], int], rounds: int) -> tuple[float, float]:
    """Median steps a second and a second of processor time, after one call for warmth."""
    play()
    wall: list[float] = []
    cpu: list[float] = []
    for _ in range(rounds):
        now, used = time.perf_counter(), time.process_time()
        steps = play()
        wall.append(steps / (time.perf_counter() - now))
        cpu.append(steps / (time.process_time() - used))
    return _median(wall), _median(cpu)


def _median(values: Iterable[float]) -> float:
    each = sorted(values)
    return each[len(each) // 2]


def _processes(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """One of them starts the others."""
    from native.agents import PPO, Learner

    number: int = asked["number"]
    mine = asked.get("mine", 0)
    if hasattr(os, "sched_setaffinity"):  # a core each, or one alone would have them all
        cores = sorted(os.sched_getaffinity(0))
        asked = {"cores": cores, **asked}
        os.sched_setaffinity(0, {asked["cores"][mine % len(asked["cores"])]})
    worlds = 16 if asked["quick"] else 512
    others: list[subprocess.Popen[str]] = []
    if number > 1:
        if mine == 0:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                asked = {**asked, "port": free.getsockname()[1]}
            for their in range(1, number):
                told = json.dumps({**asked, "mine": their})
                command = [sys.executable, "-m", "bridge.bench.scaling_out", told]
                others.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, text=True))
        config: Any = jax.config
        config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(f"127.0.0.1:{asked['port']}", number, mine)
    env, devices = make("CartPole-v1"), jax.devices()
    session = Session(env, worlds * number, Autoreset.SAME_STEP, devices=devices)
    session.reset(0)

    def play() -> int:
        jax.block_until_ready(session.play(_trajectory))  # type: ignore[no-untyped-call]
        return int(worlds * number * STEPS)

    rows = worlds * number
    settings = PPO(num_envs=rows, n_steps=STEPS, batch_size=rows * STEPS // 4, n_epochs=2)
    learner = Learner([settings], env, 1, devices=devices)
    training = learner.begin([0])

    def learn() -> int:
        nonlocal training
        training, metrics = learner.advance(training)
        jax.block_until_ready(metrics)  # type: ignore[no-untyped-call]
        played: int = learner.steps
        return played

    rounds = 1 if asked["quick"] else ROUNDS
    wall, cpu = _timed(play, rounds)
    learned, _ = _timed(learn, rounds)
    if number > 1:
        jax.distributed.shutdown()  # type: ignore[no-untyped-call]  # waits for all
    for other in others:
        other.wait(timeout=60)
    return [{**asked, "worlds": worlds, "wall": wall, "cpu": cpu, "learner": learned}]


def _trajectory(batch: Batch, carry: Carry, shown: Transition, params: Any) -> Any:
    """Some steps with random actions, for `Session.play`; the sum of rewards.

    A sum in each step would ask all devices in each.
    """
    policy = random_policy(batch.env)
    key = jax.random.key(0, impl=implementation("pcg4d"))
    now, rewards = collect(batch, carry, shown, policy, key, STEPS, params, record=_reward)
    return now, rewards.sum()


def _reward(step: Any) -> Any:
    return step.after.timestep.reward


def _runner(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Runners in this process, in alternation: ours, and RLlib's with the library's environment."""
    ways = (ARRAYS,) if asked["quick"] else (THEIRS, LOOP, ARRAYS)
    plays: dict[str, Callable[[], int]] = {}
    for how in ways:
        config = _config({**asked, "how": how})
        kind = config.env_runner_cls
        if how == LOOP:
            kind = type("Loop", (kind,), {"plays_in_arrays": False})
        plays[how] = functools.partial(_sampled, kind(config=config))
    return _in_turn(asked, plays, time.process_time)


def _actor(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """One runner in this process and one as an actor, in alternation: what Ray adds."""
    import ray  # type: ignore[import-not-found, import-untyped]

    config = _config(asked)
    kind = config.env_runner_cls
    few = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 200_000_000}
    ray.init(**few, log_to_driver=False, runtime_env={"env_vars": {"OMP_NUM_THREADS": "1"}})
    try:
        actor = ray.remote(num_cpus=1)(kind).remote(config=config)

        def clock() -> float:
            used: float = ray.get(actor.apply.remote(lambda _: time.process_time()))
            return used + time.process_time()

        plays: dict[str, Callable[[], int]] = {
            HERE: functools.partial(_sampled, kind(config=config)),
            COUNTING: lambda: int(ray.get(actor.apply.remote(_sampled))),
            HANDING: lambda: sum(map(len, ray.get(actor.sample.remote()))),
        }
        return _in_turn(asked, plays, clock)
    finally:
        ray.shutdown()


def _sampled(runner: Any) -> int:
    """How many steps it has played."""
    return sum(len(episode) for episode in runner.sample())


def _in_turn(
    asked: dict[str, Any], plays: dict[str, Callable[[], int]], clock: Callable[[], float]
) -> list[dict[str, Any]]:
    """Medians of what plays some steps in several ways; `clock`: seconds of processor time."""
    rates: dict[str, list[tuple[float, float]]] = {how: [] for how in plays}
    for play in plays.values():
        play()
    for _ in range(1 if asked["quick"] else ALTERNATIONS):
        for how, play in plays.items():
            used, now = clock(), time.perf_counter()
            steps = play()
            took = time.perf_counter() - now
            rates[how].append((steps / took, steps / (clock() - used)))
    return [
        {**asked, "how": how, "worlds": ENVIRONMENTS[asked["environment"]], "learner": None}
        | {"wall": _median(wall), "cpu": _median(cpu)}
        for how, (wall, cpu) in ((how, zip(*each, strict=True)) for how, each in rates.items())
    ]


def _on_ray(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Runners on one node, or one on each of several, and the learner in this process."""
    import ray  # type: ignore[import-not-found, import-untyped]
    from ray.cluster_utils import Cluster  # type: ignore[import-not-found, import-untyped]

    number = asked["number"]
    node = {"num_cpus": number + 1, "object_store_memory": 100_000_000}
    head = {**node, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head, connect=False)
    for _ in range(number - 1 if asked["against"] == "nodes" else 0):
        cluster.add_node(**{**node, "num_cpus": 1})
    threads = {"OMP_NUM_THREADS": "1"}
    ray.init(address=cluster.address, log_to_driver=False, runtime_env={"env_vars": threads})
    config = _config(asked).env_runners(num_env_runners=number, rollout_fragment_length="auto")
    config.training(train_batch_size_per_learner=64 * 64 * number, minibatch_size=512, num_epochs=2)
    algorithm = config.build_algo()
    try:
        group = algorithm.env_runner_group

        def sample() -> int:
            return sum(group.foreach_env_runner(_sampled, local_env_runner=False))

        wall, cpu = _timed(sample, ROUNDS)
        learner, _ = _timed(lambda: algorithm.train() and 64 * 64 * number, 3)
    finally:
        algorithm.stop()
        ray.shutdown()
        cluster.shutdown()
    worlds = config.num_envs_per_env_runner
    return [{**asked, "worlds": worlds, "wall": wall, "cpu": cpu, "learner": learner}]


def _config(asked: dict[str, Any]) -> Any:
    from bridge import rllib

    try:
        import torch
        from ray.rllib.algorithms.ppo import (  # type: ignore[import-not-found, import-untyped]
            PPOConfig,
        )
    except ImportError as error:
        raise MissingExtraError("bridge.bench.scaling_out", "ray", "rllib") from error
    torch.set_num_threads(1)  # small networks are slower on several
    name = asked["environment"]
    if asked["how"] == THEIRS:
        config = _theirs(PPOConfig(), name)
    else:
        config = rllib.configure(PPOConfig(), name, shared=name != "CartPole-v1")
    return config.env_runners(
        num_env_runners=0,
        num_envs_per_env_runner=ENVIRONMENTS[name],
        rollout_fragment_length=8 if asked["quick"] else 32,
    ).debugging(seed=0)


def _theirs(config: Any, name: str) -> Any:
    """RLlib's own runner of Gymnasium's, or of mpe2's, environment of that name."""
    from ray.rllib.env.multi_agent_env_runner import (  # type: ignore[import-not-found, import-untyped]
        MultiAgentEnvRunner,
    )
    from ray.rllib.env.single_agent_env_runner import (  # type: ignore[import-not-found, import-untyped]
        SingleAgentEnvRunner,
    )
    from ray.rllib.env.wrappers.pettingzoo_env import (  # type: ignore[import-not-found, import-untyped]
        ParallelPettingZooEnv,
    )

    if name == "CartPole-v1":
        return config.environment(name).env_runners(env_runner_cls=SingleAgentEnvRunner)

    from ray.tune.registry import (  # type: ignore[import-not-found, import-untyped]
        register_env,
    )

    def world(context: Any) -> Any:
        del context  # has no rules
        return ParallelPettingZooEnv(importlib.import_module(f"mpe2.{name}").parallel_env())

    register_env("theirs", world)
    config.environment("theirs").env_runners(env_runner_cls=MultiAgentEnvRunner)
    return config.multi_agent(policies={"shared"}, policy_mapping_fn=lambda *_, **__: "shared")


MEASURES = {
    "processes": _processes,
    "runner": _runner,
    "actor": _actor,
    "runners": _on_ray,
    "nodes": _on_ray,
}


def _main(asked: dict[str, Any]) -> None:
    found: list[dict[str, Any]] | str
    try:
        found = MEASURES[asked["against"]](asked)
    except (ModuleNotFoundError, MissingExtraError) as error:
        found = str(error)
    sys.stdout.write(f"\n{json.dumps(found)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
