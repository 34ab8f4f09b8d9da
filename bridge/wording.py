"""Values and names as messages show them: short, whatever they are."""

import difflib
import reprlib
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any

NAMES = 6  # of a longer list a message shows so many

_SHORT = reprlib.Repr()
_SHORT.maxlevel = 3
_SHORT.maxstring = _SHORT.maxother = 120


def brief(value: Any) -> str:
    """Its `repr` on one line, cut where it is long; never an error, whatever the value does."""
    try:
        return " ".join(_SHORT.repr(value).split())
    except Exception:  # such as an integer of more digits than Python prints
        return f"<{type(value).__name__}>"


def listed(names: Collection[Any]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(map(str, islice(names, NAMES)))
    rest = len(names) - NAMES
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def nearest(name: Any, names: Iterable[Any]) -> str | None:
    """That of `names` which is spelt most like `name`, if any is."""
    words = [known for known in names if isinstance(known, str)]
    found = difflib.get_close_matches(name, words, 1) if isinstance(name, str) else []
    return found[0] if found else None
