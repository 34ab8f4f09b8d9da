"""Ctrl-C that is not lost: Python drops an exception that is raised in a callback of JAX."""

import signal
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """Remembers within a `with` that Ctrl-C was pressed, and raises KeyboardInterrupt as ever.

    One within another raises it when it begins, if it was pressed before and got lost.

    Attributes:
        came: It was pressed.
    """

    def __init__(self) -> None:
        self.came = False
        self._before: Any = None

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            around = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
            if isinstance(around, Interrupts) and around.came:
                raise KeyboardInterrupt
            self._before = signal.signal(signal.SIGINT, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        signal.default_int_handler(number, frame)


class Held(Interrupts):
    """Remembers that Ctrl-C was pressed, and raises nothing: for imports.

    One that is interrupted may drop the exception, fail in words of its own, or crash.
    """

    def _take(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.came = True
