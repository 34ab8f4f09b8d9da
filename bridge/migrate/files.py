"""Scripts as files: which there are in a folder, read in their own encoding, written whole."""

import os
import tokenize
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from bridge.errors import UnsuitableError
from bridge.files import replacing

NOT_THEIRS = ("__pycache__", "node_modules", "site-packages")


def scripts(path: Path) -> Iterator[Path]:
    """The path itself, or if it is a folder every .py in it, in alphabetical order.

    Folders that are hidden or hold other people's code, such as virtual environments, are left out.
    """
    if not path.is_dir():
        yield path
        return
    for folder, inner, names in os.walk(path):
        inner[:] = sorted(name for name in inner if _is_theirs(Path(folder, name)))
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".py"))


def read(path: Path) -> tuple[str, str]:
    """The text of a script with the ends of its lines as they are, and its encoding.

    Raises:
        UnsuitableError: It cannot be read, or is not of the encoding that it says it is of.
    """
    if not path.is_file():
        raise UnsuitableError("no file.")
    try:
        data = path.read_bytes()
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
        source = data.decode(encoding)
        same = source.encode(encoding) == data
    except OSError as error:
        raise UnsuitableError(f"cannot be read: {error.strerror}.") from None
    except (SyntaxError, LookupError, UnicodeError) as error:
        reason = str(error).partition("\n")[0]
        raise UnsuitableError(f"not of the encoding that it should be of: {reason}.") from None
    if not same:
        raise UnsuitableError(f"in {encoding}, which does not give the same bytes back.")
    return source, encoding


def write(path: Path, source: str, encoding: str) -> None:
    """Put another text into its place: the file is whole at any time, and keeps its mode.

    Raises:
        UnsuitableError: It cannot be written; nothing has changed.
    """
    try:
        with replacing(path) as beside:
            beside.write_bytes(source.encode(encoding))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnsuitableError(f"cannot be written: {reason}.") from None


def _is_theirs(folder: Path) -> bool:
    hidden = folder.name.startswith(".") or folder.name in NOT_THEIRS
    return not (hidden or (folder / "pyvenv.cfg").exists())
