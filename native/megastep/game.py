"""What all of these games share: plans, agents that move with momentum, what they see, pictures.

A game of your own need not use it: it is made of the same modules as `pool`, `camera`, `physics`,
`movement`, `senses` and `spawns`, which know nothing of it.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from native import rules
from native.core import Group, Spec, pytree
from native.spaces import Box, Dict, Discrete, Space

from . import movement, physics, senses, spawns
from .agents import FPS, Agents
from .camera import Camera, View, look
from .pool import Plans, Pool, as_jax
from .rooms import Rooms

OBSERVATIONS = ("parts", "image")
PIXELS = ("float32", "uint8")
WIDE = Camera()
SMALL = Plans(Rooms(width=8.0, height=6.0, rooms=6), 8)


@pytree
class Params:
    """Numbers of the dynamics, and the plans."""

    plans: Any  # a Pool
    accel: rules.AtLeast0 = 5.0  # metres a second, every second
    turn: rules.AtLeast0 = 180.0  # degrees a second, every second
    decay: rules.Share = 0.125  # share of velocities that a step costs
    max_depth: rules.Positive = 10.0  # metres, from which on depth shows 0


@dataclasses.dataclass(frozen=True)
class Game:
    """The rules that all have.

    Attributes:
        plans: What the plans are drawn from, one for each episode.
        camera: What agents see with.
        observation: "parts", a Dict of `rgb`, `d` and numbers; or "image", one array of (pixels,
            channels): red, green, blue, depth, and each of the numbers the same in every pixel.
        pixels: "float32", 0 ... 1 and linear; or "uint8", as a screen has them. Numbers of an image
            of bytes are clipped to -1 ... 1.
        slide: Whether agents slide along what they touch. If not, they stop.
        horizon: Steps after which an episode is truncated; None: never.
    """

    name: ClassVar[str]

    plans: Plans = SMALL
    camera: Camera = WIDE
    observation: str = "parts"
    pixels: str = "float32"
    slide: bool = False
    horizon: int | None = None

    def __post_init__(self) -> None:
        rules.check(
            self,
            plans=rules.instance_of(Plans),
            camera=rules.instance_of(Camera),
            observation=rules.one_of(*OBSERVATIONS),
            pixels=rules.one_of(*PIXELS),
            slide=rules.flag,
            horizon=rules.time_limit,
        )

    @property
    def count(self) -> int:
        """How many agents there are."""
        return 1

    @property
    def teams(self) -> Mapping[str, tuple[str, ...]]:
        """Group -> names of its agents."""
        if self.count == 1:
            return {"agent": ("agent",)}
        return {"agent": tuple(f"agent_{i}" for i in range(self.count))}

    @property
    def numbers(self) -> Mapping[str, int]:
        """Part of the observation beside the picture -> how many numbers it has."""
        return {"imu": 3}

    @property
    def spec(self) -> Spec:
        """One group for each team, with the same spaces."""
        res = self.camera.res
        top = 255 if self.pixels == "uint8" else 1.0
        if self.observation == "image":
            channels = 4 + sum(self.numbers.values())
            low, high = (0, 255) if self.pixels == "uint8" else (-math.inf, math.inf)
            seen: Space = Box(low, high, (res, channels), self.pixels)
        else:
            pictures = {
                "rgb": Box(0, top, (res, 3), self.pixels),
                "d": Box(0, top, (res,), self.pixels),
            }
            others = {
                part: Box(-math.inf, math.inf, (size,)) for part, size in self.numbers.items()
            }
            seen = Dict({**pictures, **others})
        groups = (
            Group(team, who, seen, Discrete(movement.ACTIONS)) for team, who in self.teams.items()
        )
        return Spec(self.name, tuple(groups), self.horizon, render_fps=FPS)

    def numbered(self, kind: type[Any]) -> Any:
        """The usual parameters of that kind, with the plans of these rules.

        Raises:
            RuleError: The plans have no places for so many agents.
        """
        pool = self.plans.pool()
        spawns.check_places(self.count, pool)
        return kind(plans=pool)

    def begin(self, key: jax.Array, params: Params) -> tuple[Pool, jax.Array, Agents]:
        """The plans as JAX's arrays, one of them, and agents in it."""
        pool = as_jax(params.plans)
        for_plan, for_places = jax.random.split(key)
        plan = spawns.plan(for_plan, pool)
        return pool, plan, spawns.scatter(for_places, pool, plan, self.count)

    def advance(
        self,
        pool: Pool,
        plan: jax.Array,
        agents: Agents,
        action: Mapping[str, jax.Array],
        there: jax.Array,
        params: Params,
    ) -> Agents:
        """Agents after one step."""
        chosen = jnp.concatenate([action[team] for team in self.teams])
        pushed = movement.momentum(agents, chosen, params.accel, params.turn, params.decay)
        return physics.step(pool, plan, pushed, there, slide=self.slide)[0]

    def look(self, pool: Pool, plan: jax.Array, agents: Agents, there: jax.Array) -> View:
        """What they see."""
        return look(self.camera, pool, plan, agents, there)

    def observe(
        self, view: View, numbers: Mapping[str, jax.Array], params: Params
    ) -> dict[str, Any]:
        """The observation: group -> parts or image.

        Args:
            view: What agents see.
            numbers: Part -> float32 (agents, its numbers), as `numbers` names them.
            params: The parameters.
        """
        rgb, near = view.rgb, senses.depth(view, params.max_depth)
        if self.pixels == "uint8":
            rgb, near = senses.screen(rgb), senses.byte(near)
        if self.observation == "image":
            beside = jnp.concatenate([numbers[part] for part in sorted(self.numbers)], axis=1)
            if self.pixels == "uint8":
                beside = senses.byte((jnp.clip(beside, -1.0, 1.0) + 1) / 2)
            wide = jnp.broadcast_to(beside[:, None], (*near.shape, beside.shape[1]))
            seen: Any = jnp.concatenate([rgb, near[..., None], wide], axis=-1)
        else:
            seen = {"rgb": rgb, "d": near, **{part: numbers[part] for part in self.numbers}}
        parts, start = {}, 0
        for team, who in self.teams.items():
            rows = slice(start, start + len(who))
            parts[team] = jax.tree.map(lambda leaf, rows=rows: leaf[rows], seen)
            start += len(who)
        return parts
