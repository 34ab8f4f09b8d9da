"""What was found in a script, and what is to become of it."""

import dataclasses

from bridge import figures

USUAL = 16  # worlds, where their number is not known
ALONE = "Gymnasium, one environment"  # a peer that no table has: it is faster than ours


class Unclear(Exception):
    """Something is not understood, or has no counterpart, and is left alone; says what."""


@dataclasses.dataclass(frozen=True)
class Edit:
    """Put `text` in the place of what stands from `start` up to `end`."""

    start: int
    end: int
    text: str


@dataclasses.dataclass(frozen=True)
class Finding:
    """An environment, or many, as a script makes them.

    Attributes:
        line: Where, from 1.
        what: The callable that makes it: "gymnasium.vector.SyncVectorEnv".
        environment: The name there, or the expression, if its value is not known.
        twin: The registered name of ours, or None.
        peer: What it is measured against in docs/performance.md; "": nothing.
        worlds: How many, if that is known.
        edits: What to change.
        imports: Lines that the edits need.
        keeps: Imported names that the edits go on using.
        notes: Why it is left alone, or what to know about the change.
    """

    line: int
    what: str
    environment: str
    twin: str | None = None
    peer: str = ""
    worlds: int | None = None
    edits: tuple[Edit, ...] = ()
    imports: tuple[str, ...] = ()
    keeps: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def left_alone(self, *notes: str) -> "Finding":
        """The same without its edits, if it has some, and why."""
        if not self.edits:
            return self
        return dataclasses.replace(self, edits=(), imports=(), notes=(*self.notes, *notes))

    @property
    def parity(self) -> str:
        """How near the twin is to the original, in words; docs/parity.md has all."""
        rows = figures.errors(self.twin) if self.twin else []
        row = next((row for row in rows if row.dtype == "float32"), None)
        if row is None:
            return "not measured" if self.twin else ""
        worst = max(row.observation, row.reward)
        endings = f"{row.endings} other endings" if row.endings else "same endings"
        return f"{row.compared}: off by {worst:.0e} at most, {endings}"

    @property
    def slower(self) -> bool:
        """Whether the twin is known to be slower here."""
        row = self._measured
        return self.peer == ALONE or (row is not None and row.ratio < 1)

    @property
    def speed(self) -> str:
        """What to expect, in words; docs/performance.md has all."""
        if not self.twin or not self.peer:
            return ""
        if self.peer == ALONE:
            return "slower: one world of so little work is faster in plain Python"
        row = self._measured
        if row is None:
            return "not measured"
        task = "" if row.task == self.twin else f" of {row.task}"
        ratio = f"{row.ratio:.0f}" if row.ratio >= 10 else f"{row.ratio:.1f}"
        worlds = "one world" if row.worlds == 1 else f"{row.worlds} worlds"
        return f"about {ratio} times ({worlds}{task})"

    @property
    def _measured(self) -> figures.Speed | None:
        worlds = self.worlds if self.worlds and self.worlds > 0 else USUAL
        return figures.speed(self.twin or "", self.peer, worlds)
