"""What other libraries' factories call their arguments, so that ours take these words too.

| word of the library           | here                                                          |
| ----------------------------- | ------------------------------------------------------------- |
| one whose value has keywords  | these keywords, as if they had been given by themselves       |
| one left empty, or None       | as if it had not been given                                   |
| one that could have no effect | refused; the message says what to do instead                  |
| any other                     | left to the factory                                           |
"""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from .errors import RulesError


@dataclasses.dataclass(frozen=True)
class Words:
    """Those of one factory.

    Attributes:
        nested: Words whose value is a mapping of more keywords.
        synonyms: Word -> ours.
        refused: Word -> why, and what to do instead.
        silent: Word -> values that ask for what is done anyway.
    """

    nested: Collection[str] = ()
    synonyms: Mapping[str, str] = dataclasses.field(default_factory=dict)
    refused: Mapping[str, str] = dataclasses.field(default_factory=dict)
    silent: Mapping[str, Collection[Any]] = dataclasses.field(default_factory=dict)

    def ours(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Keywords in our words.

        Raises:
            RulesError: One cannot have an effect, has no keywords in it, or is given twice.
        """
        taken: dict[str, Any] = {}
        for word, value in given.items():
            if word in self.nested:
                if not isinstance(value, Mapping | None):
                    raise RulesError(f"{word} must be a dict of keywords, got {value!r}.")
                parts = self.ours(value or {})
            elif word in self.refused:
                plain = getattr(value, "value", value)  # of a member of an enumeration
                if not _says_nothing(plain, self.silent.get(word, ())):
                    raise RulesError(f"{word} has no effect here: {self.refused[word]}")
                parts = {}
            else:
                parts = {self.synonyms.get(word, word): value}
            for name in parts:
                if name in taken:
                    raise RulesError(f"{name} is given twice, once by {word}: give it once.")
            taken |= parts
        return taken


def _says_nothing(value: Any, silent: Collection[Any]) -> bool:
    """Whether a value is one of those that ask for nothing, or for what is done anyway."""
    return any(type(value) is type(one) and value == one for one in (None, (), [], {}, *silent))


# Words that other factories here have, and why a factory has not.
_SEED = {"seed": "the interface has reset(seed=...) for it."}
_COPY = {"copy": "everything that is handed out is the caller's own."}
_DEVICES = {"devices": "one world is on one device, JAX's default; a batch can be shared."}
_COPIES = {"copy": (True,)}

PETTINGZOO = Words(refused={**_SEED, **_DEVICES})
PETTINGZOO_VEC = Words(refused=_SEED)
DM_ENV = Words(
    refused={
        **_COPY,
        **_DEVICES,
        "render_mode": "the interface has none; render() gives a picture at any time.",
    },
    silent=_COPIES,
)
TORCHRL = Words(
    refused={
        **_COPY,
        "render_mode": "it draws nothing. bridge.pettingzoo and bridge.gymnasium do.",
    },
    silent=_COPIES,
)
RLLIB = Words(refused={**_SEED, **_COPY}, silent=_COPIES)
RLLIB_ONE = Words(refused={**_SEED, **_COPY, **_DEVICES}, silent=_COPIES)
LEGACY = Words(
    refused={
        **_SEED,
        **_COPY,
        **_DEVICES,
        "render_mode": "gym 0.21 has render(mode=...) for it.",
    },
    silent=_COPIES,
)

_BY_THE_LIBRARY = 'or let the library do it: gymnasium.{}("bridge.gymnasium:native/...", ...).'

GYMNASIUM_MAKE = Words(
    refused={
        **_SEED,
        **_COPY,
        **_DEVICES,
        "disable_env_checker": "no wrapper is added here. Wrap it in gymnasium.wrappers."
        f"PassiveEnvChecker, {_BY_THE_LIBRARY.format('make')}",
    },
    silent={"disable_env_checker": (True,), **_COPIES},
)
GYMNASIUM_MAKE_VEC = Words(
    refused={
        **_SEED,
        "vectorization_mode": "one compiled program steps all. Leave it out, "
        f"{_BY_THE_LIBRARY.format('make_vec')}",
        "wrappers": "no row is an Env that could be wrapped. Put wrappers of "
        f"gymnasium.wrappers.vector around it, {_BY_THE_LIBRARY.format('make_vec')}",
        "vector_kwargs": "give its keywords by themselves, such as autoreset_mode.",
        "disable_env_checker": "no wrapper is added here.",
    },
    silent={
        "vectorization_mode": ("vector_entry_point", "custom"),
        "disable_env_checker": (True,),
    },
)
