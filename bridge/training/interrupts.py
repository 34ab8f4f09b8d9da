"""Ctrl-C that is not lost: Python drops an exception that is raised in a callback of JAX."""

import signal
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """Remembers within a `with` that Ctrl-C was pressed, and raises KeyboardInterrupt as ever.

    Attributes:
        came: It was pressed.
    """

    def __init__(self) -> None:
        self.came = False
        self._before: Any = None

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        signal.default_int_handler(number, frame)
