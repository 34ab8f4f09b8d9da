"""`train` and `evaluate`: a policy is learned, and judged beside chance."""

import enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bridge.errors import OptionError

from .app import (
    INTERRUPTED,
    Identifier,
    app,
    console,
    find_environment,
    interrupted,
    print_table,
    say,
)
from .playing import Model, Opponent, Played, Team


class Learners(enum.Enum):
    """What learns."""

    SB3 = "sb3"
    DEVICE = "device"


class Algorithms(enum.Enum):
    """How it learns on the device."""

    PPO = "ppo"
    DQN = "dqn"
    ES = "es"


@app.command()
def train(
    environment: Identifier,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write, made if need be; None: runs/NAME.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Everything random follows from it; None: 0.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Agent steps in all; None: what the recipe says.")
    ] = None,
    num_envs: Annotated[
        int | None, typer.Option(min=1, help="Environments at once; None: what the recipe says.")
    ] = None,
    team: Team = None,
    opponent: Opponent = None,
    eval_every: Annotated[
        int | None,
        typer.Option(
            min=1, help="Agent steps between evaluations; None: a twentieth of the recipe's."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint in the folder.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Results in the folder may go.")
    ] = False,
    learner: Annotated[
        Learners | None,
        typer.Option(
            help="device: one compiled program; sb3: Stable-Baselines3. None: the device "
            "where it can, or who began."
        ),
    ] = None,
    algorithm: Annotated[
        Algorithms | None, typer.Option(help="On the device; None: what the recipe says.")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Trainings at once, on the device; the best is kept. None: 1."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE of a setting, on the device; repeatable."),
    ] = None,
    swept: Annotated[
        list[str] | None,
        typer.Option("--sweep", help="NAME=VALUE,VALUE: train with each, on the device."),
    ] = None,
) -> None:
    """Train on the device or with SB3, evaluate beside a random policy, draw the curve, film it.

    Ctrl-C saves and reports what there is. Exit code 1: somebody is no better than random; 130:
    interrupted.
    """
    if resume and overwrite:
        raise OptionError("--resume goes on with the results that --overwrite gives up: name one.")
    try:
        from bridge.training import evaluation, games, learning

        world = find_environment(environment)
        if out is None:
            out = Path("runs", games.name_of(world, team, opponent))
        outcome = learning.train(
            world,
            out,
            console=console(),
            identifier=environment,
            team=team,
            opponent=opponent,
            seed=seed,
            steps=steps,
            num_envs=num_envs,
            eval_every=eval_every,
            resume=resume,
            overwrite=overwrite,
            learner=None if learner is None else learner.value,
            algorithm=None if algorithm is None else algorithm.name,
            seeds=seeds,
            changes=_assignments("--set", changes),
            swept={
                name: values.split(",") for name, values in _assignments("--sweep", swept).items()
            },
        )
    except KeyboardInterrupt:  # before training began, or after it
        raise interrupted(out) from None
    found = outcome.evaluation
    _table(found)
    if outcome.interrupted:
        say(f"Interrupted after {found['steps']:,} steps; --resume goes on.")
    goal = found["recipe"]["solved"]
    if outcome.stopped:
        say(f"Solved: an evaluation after {found['steps']:,} steps reached {goal:g}.")
    elif goal is not None and "trained" in found:
        reached = "Solved" if found["trained"]["mean"] >= goal else "Not solved"
        say(f"{reached}: the recipe asks for a mean return of {goal:g}.")
    for verdict in evaluation.verdicts(outcome.sides):
        say(verdict)
    if found.get("no_model") is not None:
        say(f"No model.zip: {found['no_model']}. policy.npz holds what was learned.")
    written = ", ".join(sorted(path.name for path in out.iterdir()))
    say(f"{out}: {written}")
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not outcome.is_better:
        raise typer.Exit(1)


@app.command()
def evaluate(
    model: Model,
    env: Played = None,
    team: Team = None,
    opponent: Opponent = None,
    episodes: Annotated[int, typer.Option(min=2, help="How many, all at once.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of the first states.")] = 1_000_000,
) -> None:
    """Play a model and a random policy from the same first states, and compare their returns.

    Exit code 1: somebody is no better than random.
    """
    from bridge.training import evaluation
    from bridge.training.trained import find

    found = find(model, env, team, opponent, find_environment)
    sides = found.beside_chance(episodes, seed)
    _table(evaluation.found(sides))
    for verdict in evaluation.verdicts(sides):
        say(verdict)
    if not all(side.is_better for side in sides):
        raise typer.Exit(1)


def _assignments(option: str, given: list[str] | None) -> dict[str, str]:
    made: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise OptionError(f"{option} {text}: write NAME=VALUE, such as learning_rate=3e-4.")
        if name in made:
            raise OptionError(f"{option} {name} is given twice: {made[name]} and {value}.")
        made[name] = value
    return made


def _table(found: dict[str, Any]) -> None:
    """Mean returns; of several sides while others play by chance, and while they are trained."""
    if "sides" in found:
        table = Table("side", "others", "trained", "random", "episodes")
        for name, told in found["sides"].items():
            for others, each in (("by chance", told), ("trained", told["among_trained"])):
                trained, random = each["trained"], each["random"]
                means = f"{trained['mean']:.2f}", f"{random['mean']:.2f}"
                table.add_row(name, others, *means, str(trained["episodes"]))
    else:
        table = Table("policy", "mean return", "std", "episodes")
        for policy in ("trained", "random"):
            scores = found[policy]
            table.add_row(
                policy, f"{scores['mean']:.2f}", f"{scores['std']:.2f}", str(scores["episodes"])
            )
    print_table(table)
