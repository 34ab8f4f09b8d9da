"""A human's arrow keys as the actions of one agent."""

from collections.abc import Mapping
from typing import Any

from bridge.errors import MissingExtraError, UnsuitableError
from bridge.window import demand_screen
from native.core import Environment
from native.spaces import Discrete
from native.wrappers import OneTeam

ARROWS = ("left", "right", "up", "down")
LEFT_OR_RIGHT = {"left": 0, "right": 1}  # and nothing else: what was pressed last holds on
LEFT_NONE_RIGHT = {"left": 0, "none": 1, "right": 2}
MOVES = {"none": 0, "left": 1, "right": 2, "down": 3, "up": 4}
COMPASS = {"none": 0, "up": 1, "right": 2, "down": 3, "left": 4}

# By the name of the environment; agents with another number of actions have no keys.
KEYS: Mapping[str, Mapping[str, int]] = {
    "CartPole-v1": LEFT_OR_RIGHT,
    "Acrobot-v1": LEFT_NONE_RIGHT,
    "MountainCar-v0": LEFT_NONE_RIGHT,
    "causeway_v0": COMPASS,
    "simple_v3": MOVES,
    "simple_adversary_v3": MOVES,
    "simple_push_v3": MOVES,
    "simple_speaker_listener_v4": MOVES,
    "simple_spread_v3": MOVES,
    "simple_tag_v3": MOVES,
    "simple_world_comm_v3": MOVES,
}


class Keyboard:
    """Listens to the window, and acts for one agent if there is one.

    Args:
        env: The environment, or one team of a world whose other agents can be played, too.
        agent: Who is played; None: nobody, and there is no `action`.

    Attributes:
        agent: As given.
        group, number: Where it stands, if there is one.

    Raises:
        UnsuitableError: There is no such agent, or no keys for what it can do.
        MissingExtraError: pygame is not installed.
        RenderError: There is no screen.
    """

    def __init__(self, env: Environment[Any, Any], agent: str | None = None) -> None:
        try:
            import pygame
        except ImportError as error:
            raise MissingExtraError("a window", "pygame-ce", "human") from error
        demand_screen(pygame)
        self._pygame = pygame
        self.agent = agent
        self._held: list[str] = []  # the last pressed last
        self._closed = False
        if agent is None:
            return
        spec = (env.env if isinstance(env, OneTeam) else env).spec
        if agent not in spec.agents:
            raise UnsuitableError(
                f"{spec.name} has no agent {agent!r}; it has {', '.join(spec.agents[:20])}."
            )
        (self.group,) = [group for group in spec.groups if agent in group.agents]
        self.number = self.group.agents.index(agent)
        self._keys = KEYS.get(spec.name, {})
        if self.group.action != Discrete(len(self._keys)):
            raise UnsuitableError(
                f"There are no arrow keys for {agent} of {spec.name}, whose actions are "
                f"{self.group.action}. They play {', '.join(sorted(KEYS))}, where an agent only "
                "moves."
            )
        self._action = self._keys.get("none", 0)

    def closed(self) -> bool:
        """Whether the window was closed or Escape pressed."""
        self._listen()
        return self._closed

    def action(self) -> int:
        """What the arrow key held, the last of several, stands for."""
        self._listen()
        pressed = [key for key in self._held if key in self._keys]
        self._action = self._keys[pressed[-1]] if pressed else self._keys.get("none", self._action)
        return self._action

    def _listen(self) -> None:
        pygame = self._pygame
        arrows = {getattr(pygame, f"K_{key.upper()}"): key for key in ARROWS}
        for event in pygame.event.get():
            key = getattr(event, "key", None)
            if event.type == pygame.QUIT or key == pygame.K_ESCAPE:
                self._closed = True
            elif event.type == pygame.KEYDOWN and key in arrows:
                self._held.append(arrows[key])
            elif event.type == pygame.KEYUP and key in arrows:
                self._held = [held for held in self._held if held != arrows[key]]
