"""Ours and the original of the same name, side by side: from the same states, by the same actions.

| module        | the original                                                              |
| ------------- | ------------------------------------------------------------------------- |
| `comparing`   | what two plays differ in, as the page of parity counts it                 |
| `originals`   | the environments ours are named after, with their states put into ours    |
| `playing`     | both played, step by step; a picture of how the difference grows          |
"""

from .comparing import Shown, compare
from .originals import Original, original_of
from .playing import Played, picture, play

__all__ = ["Original", "Played", "Shown", "compare", "original_of", "picture", "play"]
