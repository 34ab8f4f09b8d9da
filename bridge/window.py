"""A window on the screen for `render_mode="human"`."""

from typing import Any

import numpy as np

from .errors import MissingExtraError

FRAMES_PER_SECOND = 30


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
