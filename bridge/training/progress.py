"""How far a training is: a bar on a terminal, elsewhere a line at each evaluation."""

import numpy as np
from rich.console import Console, RenderableType
from rich.constrain import Constrain
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

RECENT = 100  # episodes in the mean that is shown
ECHO = len("^C")  # which a terminal writes behind the bar


class _Bar(Progress):
    """Leaves room for what a terminal writes at Ctrl-C: in a new line it would keep this one."""

    def __init__(self, *columns: ProgressColumn, console: Console) -> None:
        self._wide = console
        super().__init__(*columns, console=console)

    def get_renderable(self) -> RenderableType:
        return Constrain(super().get_renderable(), self._wide.width - ECHO)


class Progressing:
    """Shows where a training of so many agent steps is."""

    def __init__(self, steps: int, console: Console) -> None:
        self._steps = steps
        self._console = console
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._bar = _Bar(*columns, console=console) if console.is_terminal else None
        self._evaluated = ""
        if self._bar is not None:
            self._task = self._bar.add_task("", total=steps)
            self._bar.start()

    def show(self, done: int, curve: list[tuple[int, float]]) -> None:
        """After every rollout; `curve`: (agent steps, return) of the episodes that have ended."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=self._text(done, curve))

    def evaluated(self, done: int, curve: list[tuple[int, float]], score: str) -> None:
        """After every evaluation; `score`: what it found, in words."""
        self._evaluated = f", evaluated {score}"
        if self._bar is None:
            self._console.print(self._text(done, curve), soft_wrap=True, highlight=False)
        else:
            self.show(done, curve)

    def stop(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()

    def _text(self, done: int, curve: list[tuple[int, float]]) -> str:
        recent = [score for _, score in curve[-RECENT:]]
        mean = f", mean return {np.mean(recent):.2f}" if recent else ""
        return f"{done:,} of {self._steps:,} steps{mean}{self._evaluated}"
