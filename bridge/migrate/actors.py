"""dm_env: a Gymnasium environment in dm_env's clothes is `bridge.dm_env`'s."""

from collections.abc import Iterator

import libcst as cst

from .finding import ALONE, Edit, Finding, Unclear
from .script import Script, keywords, positional, starred
from .twins import check_options, twin_of
from .vectors import written

CLOTHES = "GymWrapper"  # Acme's name, and that of those who wrote it again


def find(script: Script) -> Iterator[Finding]:
    """Every such wrapper around a call of `gymnasium.make`."""
    for call in script.free():
        name = script.name(call)
        inner = positional(call)[0] if positional(call) else None
        if name.rpartition(".")[2] != CLOTHES or not isinstance(inner, cst.Call):
            continue
        if script.name(inner) == "gymnasium.make":
            script.taken |= {call, inner}
            yield _wrapper(script, call, inner)


def _wrapper(script: Script, call: cst.Call, inner: cst.Call) -> Finding:
    shown, twin = "", None
    try:
        places = positional(inner)
        if starred(call) or starred(inner) or len(places) != 1 or len(positional(call)) > 1:
            raise Unclear("arguments that are not understood")
        value = script.value(places[0])
        shown = str(value or script.text(places[0]))
        twin, extra = twin_of(value)
        options = {key: script.text(given) for key, given in keywords(inner).items()} | extra
        check_options(twin, options, ("max_episode_steps",))
        if "max_episode_steps" in options:
            options["horizon"] = options.pop("max_episode_steps")
        given = keywords(call)
        if given.keys() - {"seed"}:
            raise Unclear(f"{CLOTHES} is told more than a seed")
        seed = {"seed": script.text(given["seed"])} if given else {}
        environment = script.text(places[0]) if twin == value else f'"{twin}"'
    except Unclear as why:
        return Finding(script.line(call), CLOTHES, shown, twin, notes=(str(why),))
    edit = Edit(*script.span(call), f"bridge.dm_env.make({environment}{written(seed | options)})")
    known = (script.line(call), CLOTHES, shown, twin, ALONE, 1)
    return Finding(*known, (edit,), ("import bridge.dm_env",))
