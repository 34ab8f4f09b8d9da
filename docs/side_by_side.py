"""Write pictures/classic_control.png: Gymnasium's pictures, and below them ours of the same states.

Run it from anywhere; it needs the extras `gymnasium` and `cli`, and pygame.
"""

import dataclasses
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw

from native.registry import make

OUT = Path(__file__).parent / "pictures" / "classic_control.png"
SIDE, GAP, LINE = 240, 8, 16
STATES: dict[str, dict[str, float]] = {  # our names, in their order
    "Acrobot-v1": {"inner": 0.9, "outer": 1.3, "inner_speed": 0.0, "outer_speed": 0.0},
    "CartPole-v1": {"x": 0.6, "x_speed": 0.0, "angle": 0.15, "angle_speed": 0.0},
    "MountainCar-v0": {"position": 0.1, "velocity": 0.0},
    "MountainCarContinuous-v0": {"position": -0.9, "velocity": 0.0},
    "Pendulum-v1": {"angle": 0.6, "speed": 0.0},
}
TORQUE = -1.5  # of the pendulum's last step


def theirs(name: str) -> np.ndarray:
    """What Gymnasium draws."""
    env: Any = gymnasium.make(name, render_mode="rgb_array")
    env.reset(seed=0)
    env.unwrapped.state = np.array([*STATES[name].values()])
    env.unwrapped.last_u = TORQUE
    return np.asarray(env.render())


def ours(name: str) -> np.ndarray:
    """What we draw."""
    env = make(name)
    state, _ = env.init(jax.random.key(0), env.params)
    fields = STATES[name] | ({"torque": TORQUE} if hasattr(state, "torque") else {})
    state = dataclasses.replace(state, **{k: jnp.float32(v) for k, v in fields.items()})
    return np.asarray(jax.jit(env.render)(state, env.params))


def sheet(pictures: dict[str, tuple[np.ndarray, np.ndarray]], columns: int) -> Image.Image:
    """By name: one above the other, so many names in a line."""
    band = 2 * (SIDE + GAP) + LINE
    lines = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * (SIDE + GAP) + GAP, lines * band), "#ccc")
    pen = ImageDraw.Draw(page)
    for place, (name, pair) in enumerate(pictures.items()):
        left, top = GAP + place % columns * (SIDE + GAP), place // columns * band
        pen.text((left, top + 3), name, "black")
        for row, picture in enumerate(pair):
            image = Image.fromarray(picture)
            height = round(image.height * SIDE / image.width)
            low = top + LINE + row * (SIDE + GAP) + (SIDE - height) // 2
            page.paste(image.resize((SIDE, height), Image.Resampling.LANCZOS), (left, low))
    return page


def main() -> None:
    """One column for each task."""
    pictures = {name: (theirs(name), ours(name)) for name in STATES}
    sheet(pictures, columns=len(STATES)).save(OUT, optimize=True)


if __name__ == "__main__":
    main()
