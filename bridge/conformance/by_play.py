"""A suite for every interface: through it a session plays what the bare batch plays.

It is all that an interface is judged by that has no module of suites of its own here.
"""

from typing import Any

from bridge.adapters import Interface
from bridge.errors import UnsuitableError
from native.core import Environment

WORLDS = 2


def plays_the_same(interface: Interface, env: Environment[Any, Any]) -> None:
    """Rewards and endings of some episodes are those of the batch, from the same actions.

    Raises:
        UnsuitableError: The interface cannot show this environment.
        UnfairError: They differ; the message says in which step.
    """
    from bridge.bench import interfaces, play

    worlds = WORLDS if interface.many else 1
    if not interface.suits(env, worlds):
        raise UnsuitableError(f"{interface.name} cannot show the agents of {env.spec.name}.")
    joint = play.joint_actions(env, worlds)
    actions = interfaces.spelled(interface, env, worlds, joint)
    played = interfaces.through(interface, env, worlds, actions)
    batch = play.Bare(env, interface.autoreset, worlds)
    try:
        play.see_the_same(interface.name, played, play.bare(batch, joint))
    finally:
        if played.close is not None:
            played.close()
