"""Render modes, and a window on the screen for "human"."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from native.core import FRAMES_PER_SECOND, Environment

from .errors import MissingExtraError, RenderError


def frames_per_second(env: Environment[Any, Any]) -> int:
    """How many steps are shown in a second, in films, windows and `metadata` alike."""
    return env.spec.render_fps or FRAMES_PER_SECOND


def check_render_mode(
    env: Environment[Any, Any], render_mode: str | None, modes: Sequence[str]
) -> None:
    """Raise unless `render_mode` is None, or one of `modes` and the environment has a picture.

    Raises:
        RenderError: Says which.
    """
    if render_mode is not None and render_mode not in modes:
        raise RenderError(f"There is no render mode {render_mode!r} here; there is {[*modes]}.")
    if render_mode is not None and env.spec.render_fps is None:
        raise RenderError(f"{env.spec.name} has no render() and so no picture.")


class Window:
    """Shows one picture after another, at a steady rate."""

    def __init__(self, title: str, frames_per_second: int) -> None:
        try:
            import pygame
        except ImportError as error:
            raise MissingExtraError("render_mode='human'", "pygame-ce", "human") from error
        self._pygame = pygame
        self._title = title
        self._rate = frames_per_second
        self._clock = pygame.time.Clock()
        self._screen: pygame.Surface | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy elsewhere opens a window of its own."""
        return Window, (self._title, self._rate)

    def show(self, picture: np.ndarray) -> None:
        """Show a picture, uint8 (height, width, 3), and wait until the next is due."""
        pygame = self._pygame
        if self._screen is None:
            pygame.display.init()
            pygame.display.set_caption(self._title)
            self._screen = pygame.display.set_mode((picture.shape[1], picture.shape[0]))
        pygame.event.pump()
        pygame.surfarray.blit_array(self._screen, picture.swapaxes(0, 1))
        pygame.display.flip()
        self._clock.tick(self._rate)

    def close(self) -> None:
        """Close the window; another `show` opens it again."""
        if self._screen is not None:
            self._pygame.display.quit()
            self._screen = None
