"""What `reset` is given, checked before anything is begun.

A seed is a non-negative integer of any size and type that counts as one: also NumPy's, and arrays
of shape (). A bool is none, nor is a whole float.
"""

import operator
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from .errors import OptionError, OptionTypeError, SeedError
from .wording import brief

WORD = 1 << 32


def one_seed(seed: Any, where: str = "") -> int | None:
    """The seed of one world as an int; None stays None. `where`: words for the message.

    Raises:
        SeedError: It is no non-negative integer.
    """
    if seed is None:
        return None
    try:
        whole = -1 if isinstance(seed, (bool, np.bool_)) else operator.index(seed)
    except Exception:  # whatever an object raises that is asked for its value
        whole = -1
    if whole < 0:
        raise SeedError(f"a seed must be a non-negative integer, got {brief(seed)}{where}.")
    return whole


def seed_word(seed: Any, where: str = "") -> int:
    """A seed as 32 bits: itself if it fits, else a hash of it.

    Raises:
        SeedError: It is no non-negative integer.
    """
    whole = one_seed(-1 if seed is None else seed, where)
    assert whole is not None
    return whole if whole < WORD else int(np.random.SeedSequence(whole).generate_state(1)[0])


def row_words(seeds: Any, rows: int) -> list[int | None]:
    """A word for each row: of `seeds` + row if that is one seed, else of `seeds[row]`.

    Raises:
        SeedError: A seed is no non-negative integer, or their number is not that of the rows.
    """
    is_array = isinstance(seeds, np.ndarray) and seeds.ndim > 0
    if not is_array and (isinstance(seeds, (str, bytes)) or not isinstance(seeds, Sequence)):
        first = one_seed(seeds)
        return [None if first is None else seed_word(first + row) for row in range(rows)]
    if len(seeds) != rows:
        raise SeedError(f"expected {rows} seeds, one a row, got {len(seeds)}: {brief(seeds)}.")
    return [
        None if seed is None else seed_word(seed, f" for row {row}")
        for row, seed in enumerate(seeds)
    ]


def given_options(options: Any) -> Mapping[str, Any]:
    """The options of a reset, an empty dict for None.

    Raises:
        OptionTypeError: They are no dict.
    """
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise OptionTypeError(
            f"options of reset() must be a dict from name to value, got {brief(options)}."
        )
    return options


def refuse_options(options: Any, known: Collection[str] = ()) -> None:
    """Raise unless a reset is given no options but those that are `known`.

    Raises:
        OptionError: There is another one; if they are no dict, it is a TypeError too.
    """
    for option in given_options(options):
        if option not in known:
            there = f"there is only {', '.join(map(repr, known))}" if known else "there is none"
            raise OptionError(f"unknown reset option {option!r}: {there}.")
