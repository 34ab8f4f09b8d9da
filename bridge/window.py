"""Render modes, and a window on the screen for "human"."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from native.core import FRAMES_PER_SECOND, Environment

from .errors import MissingExtraError, RenderError

BLIND = ("dummy", "offscreen")  # what SDL takes where there is no screen


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
        known = ", ".join(map(repr, (*modes, None)))
        raise RenderError(f"There is no render mode {render_mode!r} here; there are {known}.")
    if render_mode is not None and env.spec.render_fps is None:
        raise RenderError(f"{env.spec.name} has no render() and so no picture.")


def demand_screen(pygame: Any) -> None:
    """Open pygame's display, which without a screen would show nothing and go on.

    Whoever names such a driver in SDL_VIDEODRIVER gets it.

    Raises:
        RenderError: There is no screen.
    """
    pygame.display.init()
    if pygame.display.get_driver() not in BLIND or os.environ.get("SDL_VIDEODRIVER"):
        return
    pygame.display.quit()
    display = os.environ.get("DISPLAY")
    found = f"DISPLAY={display} leads to none" if display else "DISPLAY is not set"
    raise RenderError(
        f"There is no screen to open a window on: {found}. Write a film instead, with "
        "`python -m bridge render ID|MODEL --out film.mp4`, or ask for render_mode='rgb_array'."
    )


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
        """Show a picture, uint8 (height, width, 3), and wait until the next is due.

        Raises:
            RenderError: There is no screen.
        """
        pygame = self._pygame
        if self._screen is None:
            demand_screen(pygame)
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
