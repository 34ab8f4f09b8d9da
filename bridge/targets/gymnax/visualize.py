"""Films of what was played, as `gymnax.visualize` makes them.

| gymnax.visualize                              | here                                         |
| --------------------------------------------- | -------------------------------------------- |
| `Visualizer(env, params, state_seq, rewards)` | the same; every environment draws itself     |
| `animate(save_fname, view)`                   | the same; .gif, .mp4 or .png; a window plays |
|                                               | at the speed of the film                     |
| an environment without a picture: empty film  | refused by name                              |
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any, cast

import jax
import numpy as np

from bridge import film
from bridge.arrays import to_numpy
from bridge.errors import MissingExtraError, RenderError, UnsuitableError
from bridge.window import Window, check_render_mode, frames_per_second
from native.core import Renders

from . import GymnaxBridge

__all__ = ["Visualizer"]

STRIP = 20  # pixels above the picture, for the words


class Visualizer:
    """A film of states, each under its number and the reward given for it."""

    def __init__(
        self,
        env: GymnaxBridge,
        env_params: Any,
        state_seq: Sequence[Any],
        reward_seq: Sequence[Any] | None = None,
    ) -> None:
        """Take what was played.

        Args:
            env: One of `bridge.targets.gymnax`.
            env_params: Its parameters.
            state_seq: The states, in order.
            reward_seq: For each of them the return so far, which is shown with it; None: none is.

        Raises:
            UnsuitableError: The environment is gymnax's own, which its own `Visualizer` draws.
            RenderError: It has no picture, there are no states, or not a return for each.
        """
        if not isinstance(env, GymnaxBridge):
            raise UnsuitableError(f"{env!r} is not ours: gymnax.visualize draws gymnax's own.")
        check_render_mode(env.env, "rgb_array", ("rgb_array",))
        if not len(state_seq):
            raise RenderError("There are no states to show.")
        if reward_seq is not None and len(reward_seq) != len(state_seq):
            raise RenderError(
                f"There are {len(reward_seq)} rewards for {len(state_seq)} states; give one each."
            )
        self.env = env
        self.env_params = env_params
        self.state_seq = state_seq
        self.reward_seq = reward_seq

    def animate(
        self, save_fname: "str | os.PathLike[str] | None" = "test.gif", view: bool = False
    ) -> None:
        """Write the film, and show it in a window if asked.

        Args:
            save_fname: It ends in .gif, .mp4 or .png, which holds the last picture; None: no file.
            view: Open a window.

        Raises:
            MissingExtraError: pillow is not installed, or what a .mp4 or a window needs.
            RenderError: The file cannot be written.
        """
        if save_fname is not None:
            film.check_suffix(save_fname)
        frames, rate = [*self._frames()], frames_per_second(self.env.env)
        if save_fname is not None:
            film.write(save_fname, frames, frames_per_second=rate)
        if view:
            window = Window(self.env.name, rate)
            for frame in frames:
                window.show(frame)
            window.close()

    def _frames(self) -> Iterator[np.ndarray]:
        render = jax.jit(cast(Renders, self.env.env).render)
        for i, state in enumerate(self.state_seq):
            words = f"Step {i + 1}"
            if self.reward_seq is not None:
                words += f"   Return {float(self.reward_seq[i]):.2f}"
            yield captioned(to_numpy(render(state.world, self.env_params.rules)), words)


def captioned(picture: np.ndarray, words: str) -> np.ndarray:
    """A picture, uint8 (height, width, 3), under a strip of `STRIP` pixels with words on it.

    Raises:
        MissingExtraError: pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise MissingExtraError("bridge.targets.gymnax.visualize", "pillow", "cli") from error
    strip = Image.new("RGB", (picture.shape[1], STRIP), "white")
    ImageDraw.Draw(strip).text((6, 4), words, fill="black")
    return np.concatenate([np.asarray(strip), picture])
