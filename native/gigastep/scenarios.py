"""The scenarios by name: gigastep_{base}, or gigastep_{base}_{sight}_{picture}_{map}_{action}.

| suffix       | means                                                              |
| ------------ | ------------------------------------------------------------------ |
| fobs, pobs   | all is seen and heard; or only what `sight` allows, by chance      |
| rgb, vec     | pictures; or numbers                                               |
| maps, void   | all maps; or the empty one                                         |
| cont, disc   | three numbers to act with; or one of 27 actions                    |

Without suffixes: pobs, vec, maps, disc. `_against_{opponent}` after either: only the blue team
is left to control, and red is played by that one of `OPPONENTS`.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from native.core import Environment
from native.names import labelled
from native.wrappers import one_team

from .bases import AGAINST, BASES, CHOICES, PREFIX, SUFFIXES
from .builder import ScenarioBuilder
from .opponents import OPPONENTS
from .world import Gigastep


class _Scenarios(Mapping[str, Callable[..., Environment[Any, Any]]]):
    """Name -> what builds it. All but `_against_` is listed."""

    def __getitem__(self, name: str) -> Callable[..., Environment[Any, Any]]:
        world, found, opponent = name.partition(AGAINST)
        if not found:
            return labelled(Gigastep, name=name, **_rules(name))
        if opponent not in OPPONENTS:
            raise KeyError(name)
        return _one_team(self[world], opponent)

    def __iter__(self) -> Iterator[str]:
        return (PREFIX + base + suffix for base in BASES for suffix in ("", *SUFFIXES))

    def __len__(self) -> int:
        return len(BASES) * (1 + len(SUFFIXES))


SCENARIOS: Mapping[str, Callable[..., Environment[Any, Any]]] = _Scenarios()


@functools.cache
def _rules(name: str) -> Mapping[str, Any]:
    """What to build `Gigastep` with."""
    if not name.startswith(PREFIX):
        raise KeyError(name)
    base, chosen = name.removeprefix(PREFIX), "_pobs_vec_maps_disc"
    for suffix in SUFFIXES:
        if base.endswith(suffix):
            base, chosen = base.removesuffix(suffix), suffix
            break
    config: dict[str, Any] = dict(BASES[base])
    for choice, known in zip(chosen.split("_")[1:], CHOICES, strict=True):
        config.update(known[choice])
    return ScenarioBuilder.from_config(config).rules()


def _one_team(
    world: Callable[..., Environment[Any, Any]], opponent: str
) -> Callable[..., Environment[Any, Any]]:
    def build(**rules: Any) -> Environment[Any, Any]:
        env = world(**rules)
        return one_team(env, "blue", OPPONENTS[opponent], f"{env.spec.name}{AGAINST}{opponent}")

    build.__signature__ = inspect.signature(world)  # type: ignore[attr-defined]
    return build
