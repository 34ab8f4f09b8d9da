"""What an environment may have beyond `Environment`: declared in its spec, done by a method.

| the spec says        | the method                     | protocol                     |
| -------------------- | ------------------------------ | ---------------------------- |
| `masks=True`         | `action_mask(state, params)`   | `native.core.Masks`          |
| `turns=True`         | `current_agent(state, params)` | `native.core.TakesTurns`     |
| `global_state=space` | `global_state(state, params)`  | `native.core.HasGlobalState` |
| `render_fps=30`      | `render(state, params)`        | `native.core.Renders`        |
| `exact_value=True`   | `exact_value(action, params)`  | `native.core.HasExactValue`  |

Whoever uses an environment asks its spec. One that says the one and has the other is refused.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar, cast

from .core import Environment, Spec
from .rules import RuleError

MethodT = TypeVar("MethodT", bound=Callable[..., Any])

DECLARED_BY: Mapping[str, str] = MappingProxyType(
    {
        "action_mask": "masks",
        "current_agent": "turns",
        "global_state": "global_state",
        "render": "render_fps",
        "exact_value": "exact_value",
    }
)
_EXAMPLES = {"global_state": "global_state=<its space>", "render": "render_fps=30"}


def declares(spec: Spec, method: str) -> bool:
    """Whether an environment with this spec has the method."""
    return getattr(spec, DECLARED_BY[method]) not in (None, False)


def check_declared(env: Environment[Any, Any]) -> None:
    """Raise unless an environment has the methods that its spec declares, and no others.

    Raises:
        RuleError: It names the method, and what to write into the spec.
    """
    spec = env.spec
    for method, field in DECLARED_BY.items():
        there = callable(getattr(env, method, None))
        if declares(spec, method) and not there:
            raise RuleError(
                f"{spec.name}: the spec says {field}={getattr(spec, field)!r}, and "
                f"{type(env).__name__} has no method {method}, see native.abilities."
            )
        if there and not declares(spec, method):
            example = _EXAMPLES.get(method, f"{field}=True")
            raise RuleError(
                f"{spec.name}: {type(env).__name__} has a method {method}, and the spec says "
                f"{field}={getattr(spec, field)!r}. Write Spec(..., {example})."
            )


def where_declared(method: MethodT) -> MethodT:
    """Decorate one of these methods where only some environments of the class have it.

    The others have no such attribute, as if the class had not defined it.
    """
    return cast(MethodT, _WhereDeclared(method))


class _WhereDeclared:
    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    def __get__(self, env: Any, owner: type | None = None) -> Any:
        if env is None:
            return self._method
        name = self._method.__name__
        if not declares(env.spec, name):
            raise AttributeError(f"{env.spec.name} has no {name}: its spec does not declare it.")
        return self._method.__get__(env, owner)
