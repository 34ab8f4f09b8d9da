"""Moving pictures of an environment: played by chance, written as .gif, .mp4 or .png."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from native.batch import Autoreset, Transition
from native.core import FRAMES_PER_SECOND, Environment
from native.rollout import random_policy

from .arrays import to_numpy
from .errors import MissingExtraError, RenderError
from .files import replacing
from .session import Session

SUFFIXES = (".gif", ".mp4", ".png")


def played_by_chance(env: Environment[Any, Any], *, seed: int, steps: int) -> Iterator[np.ndarray]:
    """`steps` + 1 pictures, uint8 (height, width, 3), under uniformly drawn legal actions.

    Raises:
        RenderError: The environment has no picture.
    """
    session = Session(env, 1, Autoreset.NEXT_STEP)
    policy = jax.jit(random_policy(env))
    keys = jax.random.split(jax.random.key(seed), max(steps, 1))
    session.reset(seed)
    yield session.render()
    for step in range(steps):
        session.step(to_numpy(policy(keys[step], session.read(Transition))))
        yield session.render()


def check_suffix(path: str | os.PathLike[str]) -> None:
    """Refuse what `write` cannot write.

    Raises:
        RenderError: The suffix is none of `SUFFIXES`.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise RenderError(f"cannot write {path.name!r}: it must end in {', '.join(SUFFIXES)}.")


def write(
    path: str | os.PathLike[str],
    frames: Sequence[np.ndarray],
    *,
    frames_per_second: int = FRAMES_PER_SECOND,
) -> None:
    """Write the frames; a .png holds the last one only. A file is there whole or as it was.

    Args:
        path: Where to; the suffix chooses the format.
        frames: uint8 (height, width, 3) each; one at least.
        frames_per_second: How fast to show them; `bridge.window.frames_per_second` knows.

    Raises:
        MissingExtraError: pillow, or for .mp4 imageio-ffmpeg, is not installed.
        RenderError: The suffix is none of `SUFFIXES`, there are no frames, or the file cannot be
            written.
    """
    check_suffix(path)
    if not len(frames):
        raise RenderError(f"cannot write {os.fspath(path)!r}: there are no frames.")
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("bridge.film", "pillow", "cli") from error
    try:
        with replacing(path) as beside:
            match beside.suffix.lower():
                case ".png":
                    Image.fromarray(frames[-1]).save(beside)
                case ".gif":
                    first, *others = map(Image.fromarray, frames)
                    pause = 1000 // frames_per_second  # milliseconds
                    first.save(beside, save_all=True, append_images=others, duration=pause, loop=0)
                case _:
                    _write_mp4(beside, np.stack(frames), frames_per_second)
    except OSError as error:
        reason = error.strerror or error
        raise RenderError(f"cannot write {os.fspath(path)!r}: {reason}.") from error


def _write_mp4(path: Path, frames: np.ndarray, frames_per_second: int) -> None:
    """imageio's own writer forks, which JAX warns about; a plain child process does not."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError("bridge.film", "imageio-ffmpeg", "cli") from error
    height, width = frames.shape[1:3]
    even = ((0, 0), (0, height % 2), (0, width % 2), (0, 0))  # the codec halves the colours' size
    frames = np.pad(frames, even, mode="edge")
    size = f"{frames.shape[2]}x{frames.shape[1]}"
    source = f"-f rawvideo -pix_fmt rgb24 -s {size} -r {frames_per_second} -i -"
    command = f"-loglevel error -y {source} -pix_fmt yuv420p"
    # a path is a path, not an option or an address, whatever it begins with
    arguments = [get_ffmpeg_exe(), *command.split(), f"file:{path}"]
    done = subprocess.run(arguments, input=frames.tobytes(), capture_output=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.decode(errors="replace").strip() or f"ffmpeg: {done.returncode}")
