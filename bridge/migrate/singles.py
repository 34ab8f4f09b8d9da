"""One environment at a time: `gymnasium.make`, and names that are handed to an algorithm."""

from collections.abc import Iterator

import libcst as cst

from .finding import ALONE, Edit, Finding, Unclear
from .script import Script, keywords, positional, starred
from .twins import check_options, twin_of
from .vectors import PREFIX, identifier, written

IGNORED = ("disable_env_checker",)


def find(script: Script) -> Iterator[Finding]:
    """Every one that is not part of something larger."""
    for call in script.free():
        name = script.name(call)
        if name == "gymnasium.make":
            script.taken.add(call)
            yield _make(script, call)
        elif name.startswith("stable_baselines3."):
            yield from _algorithm(script, call, name)


def _make(script: Script, call: cst.Call) -> Finding:
    shown, twin = "", None
    try:
        given, places = keywords(call), positional(call)
        environment = places[0] if places else given.pop("id", None)
        if starred(call) or environment is None or len(places) > 1:
            raise Unclear("arguments that are not understood")
        value = script.value(environment)
        shown = str(value or script.text(environment))
        if shown.startswith(PREFIX):
            raise Unclear("ours already")
        twin, extra = twin_of(value)
        check_options(twin, [key for key in given if key not in IGNORED])
        text = identifier(script, environment, twin) + written(extra)
    except Unclear as why:
        return Finding(script.line(call), "gymnasium.make", shown, twin, notes=(str(why),))
    edit = Edit(*script.span(environment), text)
    known = (script.line(call), "gymnasium.make", shown, twin, ALONE, 1)
    return Finding(*known, (edit,), keeps=frozenset({script.text(call.func).partition(".")[0]}))


def _algorithm(script: Script, call: cst.Call, name: str) -> Iterator[Finding]:
    """`PPO("MlpPolicy", "CartPole-v1")` makes one environment."""
    environment = dict(enumerate(positional(call))).get(1) or keywords(call).get("env")
    value = script.value(environment)
    if isinstance(value, str) and name.rpartition(".")[2].isupper():
        script.taken.add(call)
        try:
            twin, _ = twin_of(value)
            note = "one environment: give it bridge.sb3.make_vec_env(name, n) to have n"
        except Unclear as why:
            twin, note = None, str(why)
        yield Finding(script.line(call), name, value, twin, ALONE, 1, notes=(note,))
