"""Files that are whole or not there: written beside, then renamed."""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Generator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Generator[Path, None, None]:
    """Where to write what then takes the place of `path` in one go, with its mode.

    If it is not written to the end, or an error is raised, what was there is there as before. A
    link is followed. The name to write to is absolute and ends as that of `path` does.

    Raises:
        OSError: It cannot be put there.
    """
    place = Path(path).resolve()
    if not place.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path))
    beside = place.with_name(f".{secrets.token_hex(8)}{Path(path).suffix}")
    try:
        yield beside
        if place.exists():
            shutil.copymode(place, beside)
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)
