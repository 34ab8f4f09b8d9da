"""gymnax's `make`: its import is that of `bridge.targets.gymnax`, whose environments are gymnax's.

Their wrappers and trainers go on working. `RolloutWrapper` and `Visualizer` make and draw what they
know by name, so they are ours as well. A script that unpacks five values of a step has the face of
gymnax before 1.0, whichever is installed. What the states of theirs hold, ours do not.
"""

import re
from collections.abc import Iterator
from typing import Any

import libcst as cst

from native.registry import REGISTRY

from .faces import import_edit
from .finding import Edit, Finding, Unclear
from .script import Script, keywords, positional, starred
from .twins import check_options

THEIRS = "gymnax"
MAKE = f"{THEIRS}.make"
OURS, OURS_BEFORE_1 = "bridge.targets.gymnax", "bridge.targets.gymnax_legacy"
HELPERS = {"experimental": "RolloutWrapper", "visualize": "Visualizer"}  # module -> class
ROLLOUT = f"{THEIRS}.experimental.RolloutWrapper"
VALUES_BEFORE_1 = 5
STEP = re.compile(r"\bstep\b|_step\b")
STATES, PARAMS = ("reset", "step", "reset_env", "step_env"), ("make",)
KNOWN = {"replace", "max_steps_in_episode", "time"}  # of parameters and states, in both


def find(script: Script) -> Iterator[Finding]:
    """Every environment that is made; all share the edits of their imports."""
    calls = [call for call in script.free() if script.name(call) in (MAKE, ROLLOUT)]
    edits: tuple[Edit, ...] = ()
    left = ""
    read = [(call, *_read(script, call)) for call in calls]
    try:
        for *_, reason in read:
            if reason:
                raise Unclear(reason)
        edits = tuple(_edits(script)) if calls else ()
    except Unclear as why:
        left = str(why)
    for call, shown, twin, reason in read:
        script.taken.add(call)
        notes = tuple(dict.fromkeys(filter(None, (reason, left))))
        known = (script.line(call), script.name(call), shown, twin)
        yield Finding(*known, edits=edits, notes=notes)


def _read(script: Script, call: cst.Call) -> tuple[str, str | None, str]:
    """What a call names, our name of it, and why it is left alone."""
    made = script.name(call) == MAKE
    places, given = positional(call), keywords(call)
    word = "env_id" if made else "env_name"
    named = given.pop(word, None)
    if named is None and len(places) > (0 if made else 1):
        named = places[0 if made else 1]
    if named is None or starred(call):
        return "", None, "arguments that are not understood"
    name = script.value(named)
    if not isinstance(name, str):
        return script.text(named), None, "its name is known only when it runs"
    if name not in REGISTRY:
        return name, None, "no native twin"
    try:
        check_options(name, given if made else (), ())
    except Unclear as why:
        return name, name, str(why)
    return name, name, ""


def _edits(script: Script) -> Iterator[Edit]:
    """Of every import through which something is made or drawn.

    Raises:
        Unclear: There is one that cannot be edited, or a state is looked into.
    """
    if inside := next(_looked_into(script), ""):
        raise Unclear(f"{inside}: what states and parameters hold is named otherwise here")
    used = {script.name(call) for call in script.calls}
    if MAKE in used:
        yield import_edit(script, THEIRS, ("make",), OURS_BEFORE_1 if _old(script) else OURS)
    for module, kind in HELPERS.items():
        if f"{THEIRS}.{module}.{kind}" in used:
            yield import_edit(script, f"{THEIRS}.{module}", (kind,), f"{OURS}.{module}")


def _old(script: Script) -> bool:
    """Whether a step is five values."""
    return any(
        len(names) == VALUES_BEFORE_1 and STEP.search(script.text(value.func))
        for names, value in _unpacked(script)
    )


def _looked_into(script: Script) -> Iterator[str]:
    """Attributes of states and parameters that are gymnax's alone."""
    second: set[str] = set()
    for names, value in _unpacked(script):
        function = script.text(value.func).rpartition(".")[2]
        if len(names) > 1 and function in (*STATES, *PARAMS) and isinstance(names[1], cst.Name):
            second.add(names[1].value)
    for node in script.nodes(cst.Attribute):
        if script.text(node.value) in second and node.attr.value not in KNOWN:
            yield script.text(node)


def _unpacked(script: Script) -> Iterator[tuple[list[Any], cst.Call]]:
    """Calls whose answer is taken apart at once, with what its parts are given to."""
    for node in script.nodes(cst.Assign):
        match node:
            case cst.Assign(
                targets=[cst.AssignTarget(target=cst.Tuple(elements=elements))],
                value=cst.Call() as value,
            ):
                yield [each.value for each in elements], value
            case _:
                pass
