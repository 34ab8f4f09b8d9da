"""Files of saved state: an .npz without pickle, written beside and renamed, compared before use.

| member       | holds                                                                       |
| ------------ | --------------------------------------------------------------------------- |
| `about.json` | format, environment, rules, rows, mode, and for every array its name, shape |
|              | and dtype; what an adapter remembers besides the state                      |
| `leaf_N.npy` | the array of that number                                                    |

Arrays stand as the rules know them, whatever way they are laid out on the device.
"""

import contextlib
import dataclasses
import io
import json
import math
import os
import re
import zipfile
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .errors import RulesError, StateFileError
from .files import replacing
from .parameters import with_given

FORMAT = 2
_HEAD = "about.json"
_MOST_TEXT = 1 << 26  # bytes of `about.json`
_RULE = re.compile(r"(\b\w+)=([^,()=]+)(?=[,)])")  # and its value, if that holds nothing
_ARRAY, _SCALAR = "array", "scalar"  # {"array": N} stands for one that an adapter remembers


@dataclasses.dataclass(frozen=True)
class Leaf:
    """Name, shape and dtype of an array."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @classmethod
    def of(cls, name: str, array: Any) -> "Leaf":
        """That of an array, or of anything with a shape and a dtype."""
        return cls(name, tuple(array.shape), np.dtype(array.dtype).name)

    @property
    def size(self) -> int:
        """In bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclasses.dataclass(frozen=True)
class Saved:
    """What a file holds.

    Attributes:
        about: What it is of; JSON.
        arrays: Name -> array.
        memory: What the adapter remembered: dicts and lists of numbers, text, None and arrays.
    """

    about: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    memory: Any


def write(path: str | os.PathLike[str], saved: Saved) -> None:
    """Write a file; if that fails, what was there before is still there.

    Raises:
        OSError: The disk is full, or the folder does not exist.
    """
    remembered: list[np.ndarray] = []
    memory = _without_arrays(saved.memory, remembered)
    head = {
        **saved.about,
        "format": FORMAT,
        "leaves": [dataclasses.astuple(Leaf.of(*named)) for named in saved.arrays.items()],
        "remembered": [dataclasses.astuple(Leaf.of("", array)) for array in remembered],
        "memory": memory,
    }
    with replacing(path) as beside, beside.open("xb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_HEAD, json.dumps(head))
            for number, array in enumerate([*saved.arrays.values(), *remembered]):
                with archive.open(f"leaf_{number}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def head_of(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """What a file says of itself: `Saved.about` and what else stands in its `about.json`.

    Raises:
        StateFileError: It is no such file.
        OSError: It cannot be opened.
    """
    with _opened(path) as archive:
        return _head(archive, os.fspath(path))


def read(path: str | os.PathLike[str], about: Mapping[str, Any], leaves: Sequence[Leaf]) -> Saved:
    """Read a file, if it is of what `about` says and holds these leaves; nothing else is touched.

    Leaves whose names begin with "params" may be there or not.

    Raises:
        StateFileError: It is no such file, or of something else; the message says what differs.
        OSError: It cannot be opened.
    """
    name = os.fspath(path)
    with _opened(path) as archive:
        head = _head(archive, name)
        found = [_leaf(part) for part in head["leaves"]]
        remembered = [_leaf(part) for part in head["remembered"]]
        _compare(name, head, about)
        _compare_leaves(name, found, leaves)
        arrays = [
            _array(archive, archive.getinfo(f"leaf_{number}.npy"), leaf)
            for number, leaf in enumerate([*found, *remembered])
        ]
        memory = _with_arrays(head["memory"], arrays[len(found) :])
    named = {leaf.name: array for leaf, array in zip(found, arrays, strict=False)}
    return Saved({key: head[key] for key in about}, named, memory)


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Generator[zipfile.ZipFile, None, None]:
    """The file, for as long as it is read: whatever goes wrong with it is named."""
    with Path(path).open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                yield archive
        except StateFileError:
            raise
        except Exception as error:  # a damaged file may raise anything
            raise StateFileError(
                f"{os.fspath(path)} is not a file of saved state, or is damaged "
                f"({type(error).__name__})."
            ) from error


def _head(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    head: dict[str, Any] = json.loads(_bytes(archive, archive.getinfo(_HEAD), _MOST_TEXT))
    if (version := head["format"]) != FORMAT:
        raise StateFileError(f"{name} has format {version} of saved states; {FORMAT} is read here.")
    return head


def _compare(name: str, head: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    different = {
        key: (head.get(key), value) for key, value in about.items() if head.get(key) != value
    }
    if not different:
        return
    rules = _unlike_rules(*map(str, different["rules"])) if "rules" in different else {}
    if rules:
        del different["rules"]
    lines = [
        *(
            f"  {key}: {there!r} in the file, {here!r} here"
            for key, (there, here) in different.items()
        ),
        *(
            f"  rule {key!r}: {there} in the file, {here} here"
            for key, (there, here) in rules.items()
        ),
    ]
    if rules and not different:
        lines.append("Set them as in the file, or make the environment with them, and load then.")
    raise StateFileError(f"{name} does not fit what it is loaded for:\n" + "\n".join(lines))


def _unlike_rules(there: str, here: str) -> dict[str, tuple[str, str]]:
    """Rules whose values differ, of two descriptions by `identity`; none if more than they do."""
    found = [_RULE.findall(text) for text in (there, here)]
    if len({_RULE.sub(r"\1", text) for text in (there, here)}) > 1:
        return {}
    return {one[0]: (one[1], two[1]) for one, two in zip(*found, strict=True) if one != two}


def _compare_leaves(name: str, found: Sequence[Leaf], wanted: Sequence[Leaf]) -> None:
    here = {leaf.name: leaf for leaf in wanted}
    there = {leaf.name: leaf for leaf in found if not leaf.name.startswith("params")}
    if len({leaf.name for leaf in found}) != len(found):
        raise StateFileError(f"{name} holds an array twice.")
    different = [
        f"  {leaf}: {there.get(leaf, 'missing')} in the file, {here.get(leaf, 'unknown')} here"
        for leaf in (*here, *(there.keys() - here.keys()))
        if here.get(leaf) != there.get(leaf)
    ]
    if different:
        raise StateFileError(f"{name} is of another version:\n" + "\n".join(different))


def _leaf(part: Any) -> Leaf:
    name, shape, dtype = part
    if not all(isinstance(size, int) and 0 <= size < 1 << 40 for size in shape):
        raise ValueError(shape)
    return Leaf(str(name), tuple(shape), np.dtype(dtype).name)


def _bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    if member.compress_type != zipfile.ZIP_STORED or member.file_size > most:
        raise ValueError(member.filename)
    return archive.read(member)


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, leaf: Leaf) -> np.ndarray:
    data = _bytes(archive, member, leaf.size + 4096)
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(leaf)
    shape, in_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    rest = data[stream.tell() :]
    if (shape, in_columns, dtype.name) != (leaf.shape, False, leaf.dtype):
        raise ValueError(leaf)
    return np.frombuffer(rest, dtype, count=math.prod(shape)).reshape(shape).copy()


def _without_arrays(tree: Any, arrays: list[np.ndarray]) -> Any:
    """JSON for a tree of what an adapter remembers; its arrays are added to `arrays`."""
    if isinstance(tree, (np.ndarray, np.generic)):
        arrays.append(np.asarray(tree))
        return {_ARRAY if isinstance(tree, np.ndarray) else _SCALAR: len(arrays) - 1}
    if isinstance(tree, Mapping):
        return {"dict": [[key, _without_arrays(part, arrays)] for key, part in tree.items()]}
    if isinstance(tree, (list, tuple)):
        return [_without_arrays(part, arrays) for part in tree]
    return tree


def _with_arrays(tree: Any, arrays: Sequence[np.ndarray]) -> Any:
    if isinstance(tree, dict) and _ARRAY in tree:
        return arrays[tree[_ARRAY]]
    if isinstance(tree, dict) and _SCALAR in tree:
        return arrays[tree[_SCALAR]][()]
    if isinstance(tree, dict):
        return {key: _with_arrays(part, arrays) for key, part in tree["dict"]}
    if isinstance(tree, list):
        return [_with_arrays(part, arrays) for part in tree]
    return tree


def named_params(params: Any) -> dict[str, Any]:
    """Parameters as arrays of a file: the name that each has there -> it."""
    leaves = jax.tree.leaves_with_path(params)
    return {f"params{jax.tree_util.keystr(path)}": leaf for path, leaf in leaves}


def saved_params(path: str | os.PathLike[str], saved: Saved, env: Any, num_envs: int) -> Any:
    """The parameters in a file; None: it was saved with the environment's own.

    Args:
        path: Where it lies, for messages.
        saved: What was read.
        env: The environment that they are for.
        num_envs: How many worlds there are.

    Raises:
        StateFileError: They are those of another environment.
    """
    found = {name: a for name, a in saved.arrays.items() if name.startswith("params")}
    if not found:
        return None
    structure: Any = jax.tree.structure(env.params)
    try:
        whole = structure.unflatten([found.pop(name) for name in named_params(env.params)])
        params = with_given(env, env.params, whole, num_envs)
    except (KeyError, RulesError) as error:
        raise StateFileError(f"{os.fspath(path)} holds other parameters: {error}") from error
    if found:
        raise StateFileError(f"{os.fspath(path)} holds unknown parameters: {', '.join(found)}.")
    return params
