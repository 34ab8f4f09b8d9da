"""What is trained: an environment, or one team of it while a fixed policy plays the rest.

Opponents are known by name (`native.opponents`) or lie at module:attribute.
"""

import dataclasses
import pkgutil
import sys
from pathlib import Path
from typing import Any

import jax

from bridge.errors import BridgeError, UnknownNameError, UnsuitableError
from native.core import Environment, Group
from native.opponents import of
from native.rules import RuleError
from native.wrappers import AnyOpponent, Mixture, OneTeam, Opponent, one_team


@dataclasses.dataclass(frozen=True)
class Game:
    """What is trained, and how to find it again.

    Attributes:
        env: What the learner plays.
        identifier: What the environment, or the world that `env` is a team of, is found by.
        team: The group that is trained; None: there is one.
        opponent: What the other groups are played by, as it was named.
    """

    env: Environment[Any, Any]
    identifier: str
    team: str | None = None
    opponent: str | None = None

    def about(self) -> dict[str, Any]:
        """What it is, for what is written of it."""
        # The name last, which team and opponent are in: what differs first is what is told.
        return {"team": self.team, "opponent": self.opponent, "environment": self.env.spec.name}

    def command(self, what: str) -> str:
        """How the command line is told to do something with it."""
        team = f" --team {self.team} --opponent {self.opponent}" if self.team else ""
        return f"python -m bridge {what} {self.identifier}{team}"


def game(
    identifier: str,
    world: Environment[Any, Any],
    team: str | None = None,
    opponent: str | None = None,
    *,
    together: bool = False,
) -> Game:
    """The game that can be trained.

    Args:
        identifier: What `world` is found by.
        world: The environment.
        team: Name of the group to train, of several.
        opponent: Name of a policy, or module:attribute, that plays the other groups; of several, a
            comma between them, each episode draws one.
        together: Several groups, and players who take turns, can learn at once.

    Raises:
        UnsuitableError: The environment plays in turns, has groups and no team is named, has no
            such group, or the opponent cannot play it. The message says the command that trains it.
        UnknownNameError: There is no such opponent.
    """
    name, groups = world.spec.name, world.spec.groups
    if world.spec.turns and not (together and team is None and opponent is None):
        raise UnsuitableError(
            f"{name} plays in turns; a model of SB3 learns only where all act at once. All players "
            f"learn with: python -m bridge train {identifier} --learner device"
        )
    if team is None and opponent is None:
        if len(groups) == 1 or together:
            return Game(world, identifier)
        raise UnsuitableError(
            f"{name} has groups apart, {_listed(groups)}, and one model of SB3 cannot play them "
            "all. With --learner device each learns its own policy. Or train one of them while a "
            f"fixed policy plays the rest: {_way_out(identifier, world)}"
        )
    if len(groups) == 1:
        raise UnsuitableError(
            f"{name} has one group, {_listed(groups)}, and nobody else: "
            "train it without --team and --opponent."
        )
    if team not in [group.name for group in groups]:
        given = "no --team is given" if team is None else f"--team {team} is none of them"
        raise UnsuitableError(
            f"{name} has the groups {_listed(groups)}; {given}. "
            f"For example: {_way_out(identifier, world)}"
        )
    if opponent is None:
        raise UnsuitableError(
            f"Who plays against {team}? --opponent is one of {', '.join(of(world))}, or "
            f"module:attribute. For example: {_way_out(identifier, world, team)}"
        )
    assert team is not None
    policy = _opponent(world, opponent)
    left = one_team(world, team, policy, name_of(world, team, opponent))
    _try(left, opponent)
    return Game(left, identifier, team, opponent)


def name_of(world: Environment[Any, Any], team: str | None, opponent: str | None) -> str:
    """What to call a game."""
    if team is None or opponent is None:
        return world.spec.name
    called = "_and_".join(one.rpartition(":")[2].strip() for one in opponent.split(","))
    return f"{world.spec.name}_{team}_against_{called}"


def _listed(groups: tuple[Group, ...]) -> str:
    counts = [(group.name, len(group.agents)) for group in groups]
    return " and ".join(f"{name} ({n} agent{'s' * (n > 1)})" for name, n in counts)


def _way_out(identifier: str, world: Environment[Any, Any], team: str | None = None) -> str:
    largest = max(world.spec.groups, key=lambda group: len(group.agents))
    return Game(world, identifier, team or largest.name, "random").command("train")


def _opponent(world: Environment[Any, Any], name: str) -> AnyOpponent:
    known = of(world)
    if "," in name:
        several = [one.strip() for one in name.split(",")]
        if not all(several):
            raise UnknownNameError(f"--opponent {name!r} has a comma without a name beside it.")
        return Mixture(tuple(_opponent(world, one) for one in several))
    if name in known:
        return known[name]
    if ":" not in name:
        raise UnknownNameError(
            f"{world.spec.name} has no opponent {name!r}: it has {', '.join(known)}, and "
            "module:attribute names one of yours."
        )
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, folder)
    try:
        found: Any = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UnknownNameError(f"--opponent {name}: {error}.") from error
    if isinstance(found, type):
        found = found()
    policy: AnyOpponent = found
    if not (isinstance(found, Opponent | Mixture) or callable(found)):
        raise UnsuitableError(f"--opponent {name} is no policy but {found!r}.")
    return policy


def _try(env: OneTeam, name: str) -> None:
    """Raise unless the opponent can play, as far as shapes tell.

    Raises:
        UnsuitableError: It cannot.
    """

    def begin_and_step(key: jax.Array) -> Any:
        action = {group.name: group.zero_action() for group in env.spec.groups}
        return env.step(key, env.init(key, env.params)[0], action, env.params)

    try:
        jax.eval_shape(begin_and_step, jax.random.key(0))
    except BridgeError:
        raise
    except RuleError as error:
        raise UnsuitableError(f"--opponent {name}: {error}") from error
    except Exception as error:
        played = " and ".join(part.group.name for part in env.theirs)
        raise UnsuitableError(
            f"--opponent {name} cannot play {played} of {env.env.spec.name}: "
            f"{type(error).__name__}: {str(error).splitlines()[0]}"
        ) from error
