"""The `EnvSpec` with which Gymnasium makes an environment once more."""

from copy import copy
from typing import Any

import gymnasium

from native import registry
from native.core import Environment

from .environments import rules_of
from .identity import identity


def spec_of(env: Environment[Any, Any], params: Any) -> Any:
    """That of the registered environment, with the rules of this one and these parameters.

    None if `gymnasium.make` could not make this one: no environment of one agent is registered
    under its name, or that is another, such as the one inside of a wrapper.
    """
    registered = gymnasium.registry.get(f"native/{env.spec.name}")
    if registered is None:
        return None
    usual = registry.make(env.spec.name)
    if type(env) is not type(usual):
        return None
    now = {rule: getattr(env, rule) for rule in rules_of(env) if rule != "horizon"}
    now["params"] = params
    changed = {
        name: value
        for name, value in now.items()
        if identity(value) != identity(getattr(usual, name))
    }
    spec = copy(registered)
    spec.kwargs = {**spec.kwargs, **changed}
    return spec
