"""A kitchen: its plan as text, and how cooks walk in it.

One letter is one cell: "W" a counter, "P" a pot, "B" plates, "X" where soup is served, a digit
where that ingredient lies, "R" what shows the recipe, "L" a button that shows it, " " the floor.
Cooks start at the "A"s, in reading order.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import rules

COUNTER, POT, PLATES, SERVING, FLOOR, START, RECIPE, BUTTON = "WPBX ARL"
UP, DOWN, RIGHT, LEFT = range(4)  # which way a cook faces

Grid = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Kitchen:
    """A plan that was read.

    Attributes:
        rows: Its text, as wide in each row, floor where cooks start.
        starts: The cell of each cook; cells are numbered row by row.
    """

    rows: tuple[str, ...]
    starts: tuple[int, ...]

    @property
    def height(self) -> int:
        """Rows."""
        return len(self.rows)

    @property
    def width(self) -> int:
        """Cells of a row."""
        return len(self.rows[0])

    def cells(self, letters: str) -> Grid:
        """The cells with one of these letters, int32 (number,)."""
        return np.flatnonzero(self.marked(letters)).astype(np.int32)

    def marked(self, letters: str) -> Grid:
        """Which cells have one of these letters, bool (cells,)."""
        return np.isin([*"".join(self.rows)], [*letters])

    def room(self, cell: int) -> Grid:
        """Which cells can be walked to from that one, bool (cells,)."""
        free, found = self.marked(FLOOR), {cell}
        edge = [cell]
        while edge:
            here = edge.pop()
            near = (here - self.width, here + self.width, here - 1, here + 1)
            new = [there for there in near if free[there] and there not in found]
            found |= {*new}
            edge += new
        return np.isin(np.arange(len(free)), [*found])

    def ahead(self, place: jax.Array, facing: jax.Array) -> jax.Array:
        """The cell before each cook, int32 of the shape of `place`."""
        down = (facing == DOWN).astype(jnp.int32) - (facing == UP).astype(jnp.int32)
        right = (facing == RIGHT).astype(jnp.int32) - (facing == LEFT).astype(jnp.int32)
        return place + self.width * down + right

    def walk(self, place: jax.Array, facing: jax.Array, goes: jax.Array) -> jax.Array:
        """Where cooks are who all walk at once: int32 (cooks,).

        Who would share a cell, or change places, stays, and so does who wanted to go there.

        Args:
            place, facing: int32 (cooks,).
            goes: bool (cooks,), who takes a step ahead.
        """
        cooks = range(len(self.starts))
        target = self.ahead(place, facing)
        free = jnp.asarray(self.marked(FLOOR))[target]
        wanted = [jnp.where(goes[i] & free[i], target[i], place[i]) for i in cooks]
        stays = [jnp.bool_(False) for _ in cooks]
        for _ in cooks[1:]:  # who stays may be in another's way
            now = [jnp.where(stays[i], place[i], wanted[i]) for i in cooks]
            stays = [
                functools.reduce(jnp.logical_or, [now[i] == now[j] for j in cooks if j != i], mine)
                for i, mine in enumerate(stays)
            ]
        now = [jnp.where(stays[i], place[i], wanted[i]) for i in cooks]
        swaps = [
            functools.reduce(
                jnp.logical_or,
                [(now[i] == place[j]) & (now[j] == place[i]) for j in cooks if j != i],
                jnp.bool_(False),
            )
            for i in cooks
        ]
        return jnp.stack([jnp.where(swaps[i], place[i], now[i]) for i in cooks])


@functools.cache
def read(
    rule: str, text: str, letters: str, needed: str, spelling: tuple[str, str] = ("", "")
) -> Kitchen:
    """A kitchen from its plan.

    Args:
        rule: What the plan is called where it was given, for messages.
        text: Rows of letters, all as long; blanks around a row and empty rows do not count.
        letters: Those that may be in it, beside floor and starts.
        needed: Those of which there must be one.
        spelling: Letters that may be written, and those of `letters` and START that they mean.

    Raises:
        RuleError: It is no plan; the message says what is wrong.
    """
    written = dict.fromkeys(spelling[1], "")
    for letter, meant in zip(*spelling, strict=True):
        written[meant] += letter

    def spelled(letter: str) -> str:
        return written.get(letter, letter)

    table = str.maketrans(*spelling)
    rows = tuple(row.strip().translate(table) for row in text.splitlines() if row.strip())
    drawn = "".join(rows)
    if not rows or len({*map(len, rows)}) > 1:
        rules.refuse(rule, "a known name or a plan whose rows are all as long", text)
    if unknown := sorted({*drawn} - {*letters, FLOOR, START}):
        known = "".join(map(spelled, letters + START))
        rules.refuse(rule, f"a plan of the letters {known} and blanks", unknown[0])
    if missing := [letter for letter in needed + START if letter not in drawn]:
        ways = " or ".join(map(repr, spelled(missing[0])))
        rules.refuse(rule, f"a plan with at least one {ways}", text)
    border = rows[0] + rows[-1] + "".join(row[0] + row[-1] for row in rows)
    if FLOOR in border or START in border:
        rules.refuse(rule, "a plan without floor at its border", text)
    starts = tuple(i for i, letter in enumerate(drawn) if letter == START)
    return Kitchen(tuple(row.replace(START, FLOOR) for row in rows), starts)
