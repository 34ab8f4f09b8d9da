"""Moving pictures of an environment: played by chance, written as .gif, .mp4 or .png."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from native.batch import Autoreset
from native.core import Environment
from native.rollout import random_policy

from .arrays import to_numpy
from .errors import MissingExtraError, RenderError
from .session import Session
from .window import FRAMES_PER_SECOND

SUFFIXES = (".gif", ".mp4", ".png")


def played_by_chance(env: Environment[Any, Any], *, seed: int, steps: int) -> Iterator[np.ndarray]:
    """`steps` + 1 pictures, uint8 (height, width, 3), under uniformly drawn legal actions.

    Raises:
        RenderError: The environment has no picture.
    """
    session = Session(env, 1, Autoreset.NEXT_STEP)
    policy = jax.jit(random_policy(env))
    keys = jax.random.split(jax.random.key(seed), max(steps, 1))
    shown = session.reset(seed)
    yield session.render()
    for step in range(steps):
        shown = session.step(to_numpy(policy(keys[step], shown)))
        yield session.render()


def check_suffix(path: Path) -> None:
    """Refuse what `write` cannot write.

    Raises:
        RenderError: The suffix is none of `SUFFIXES`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise RenderError(f"cannot write {path.name!r}: it must end in {', '.join(SUFFIXES)}.")


def write(path: Path, frames: Sequence[np.ndarray]) -> None:
    """Write the frames; a .png holds the last one only.

    Args:
        path: Where to; the suffix chooses the format.
        frames: uint8 (height, width, 3) each.

    Raises:
        MissingExtraError: pillow, or for .mp4 imageio-ffmpeg, is not installed.
        RenderError: The suffix is none of `SUFFIXES`.
    """
    check_suffix(path)
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("bridge.film", "pillow", "cli") from error
    match path.suffix.lower():
        case ".png":
            Image.fromarray(frames[-1]).save(path)
        case ".gif":
            first, *others = map(Image.fromarray, frames)
            milliseconds = 1000 // FRAMES_PER_SECOND
            first.save(path, save_all=True, append_images=others, duration=milliseconds, loop=0)
        case _:
            _write_mp4(path, np.stack(frames))


def _write_mp4(path: Path, frames: np.ndarray) -> None:
    """imageio's own writer forks, which JAX warns about; a plain child process does not."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError("bridge.film", "imageio-ffmpeg", "cli") from error
    height, width = frames.shape[1:3]
    even = ((0, 0), (0, height % 2), (0, width % 2), (0, 0))  # the codec halves the colours' size
    frames = np.pad(frames, even, mode="edge")
    size = f"{frames.shape[2]}x{frames.shape[1]}"
    source = f"-f rawvideo -pix_fmt rgb24 -s {size} -r {FRAMES_PER_SECOND} -i -"
    command = f"-loglevel error -y {source} -pix_fmt yuv420p"
    subprocess.run([get_ffmpeg_exe(), *command.split(), path], input=frames.tobytes(), check=True)
