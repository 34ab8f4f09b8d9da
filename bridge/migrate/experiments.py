"""`import bsuite`, for its loaders by id, is `from bridge import bsuite`."""

from collections.abc import Iterator
from typing import Any

import libcst as cst

from native.bsuite.experiments import EXPERIMENTS

from .finding import ALONE, Edit, Finding, Unclear
from .script import Script, keywords, positional

THEIRS, OURS = "bsuite", "bridge.bsuite"
IMPORTS = (cst.Import, cst.ImportFrom)
BY_ID = (
    *("load_from_id", "load_and_record", "load_and_record_to_csv"),
    "load_and_record_to_terminal",
)


def find(script: Script) -> Iterator[Finding]:
    """Every call of a loader; all of them share the edit of the one import that they go through."""
    calls = [call for call in script.free() if _loader(script.name(call))]
    edits: tuple[Edit, ...] = ()
    notes: tuple[str, ...] = ()
    try:
        for call in calls:
            _twin(script, call)
        edits = (_edit(script),) if calls else ()
    except Unclear as why:
        notes = (str(why),)
    for call in calls:
        script.taken.add(call)
        shown, twin = _first(script, call), None
        try:
            shown, twin = _twin(script, call)
        except Unclear as why:
            notes = (str(why),)
        known = (script.line(call), script.name(call), shown, twin, ALONE, 1)
        yield Finding(*known, edits, notes=notes)


def _loader(name: str) -> bool:
    package, _, function = name.rpartition(".")
    return package == THEIRS and function in BY_ID


def _first(script: Script, call: cst.Call) -> str:
    given = dict(enumerate(positional(call))).get(0) or keywords(call).get("bsuite_id")
    return "" if given is None else str(script.value(given) or script.text(given))


def _twin(script: Script, call: cst.Call) -> tuple[str, str]:
    """The id that a call is told, and the environment here."""
    given = dict(enumerate(positional(call))).get(0) or keywords(call).get("bsuite_id")
    value = None if given is None else script.value(given)
    if not isinstance(value, str):
        raise Unclear("an id that is known only when it runs: bridge.bsuite has not all of them")
    experiment, _, number = value.partition("/")
    if experiment not in EXPERIMENTS:
        raise Unclear(f"no native twin: bridge.bsuite has {', '.join(EXPERIMENTS)}")
    if not number.isdecimal() or int(number) >= len(EXPERIMENTS[experiment].settings):
        raise Unclear("there is no such id")
    return value, EXPERIMENTS[experiment].name


def _edit(script: Script) -> Edit:
    """Ours in the place of their import, if it serves nothing else."""
    found = [*filter(None, (_imports(script, node) for node in script.nodes(IMPORTS)))]
    if len(found) != 1:
        raise Unclear("it is not clear which import of bsuite is used")
    node, of_module = found[0], isinstance(found[0], cst.ImportFrom)
    if of_module:
        if any(script.text(alias.name) not in BY_ID for alias in node.names):
            raise Unclear("other things are imported on the same line")
        return Edit(*script.span(node.module), OURS)
    if len(node.names) > 1:
        raise Unclear("other modules are imported on the same line")
    (alias,) = node.names
    called = script.text(alias.asname.name) if alias.asname else THEIRS
    for each in script.nodes(cst.Attribute):
        if script.text(each.value) == called and each.attr.value not in BY_ID:
            raise Unclear(f"{script.text(each)} is used too: import it on a line of its own")
    renamed = f" as {called}" if alias.asname else ""
    return Edit(*script.span(node), f"from bridge import {THEIRS}{renamed}")


def _imports(script: Script, node: Any) -> Any:
    """The import, if it is one through which a loader may be called; else None."""
    if isinstance(node, cst.Import):
        return node if any(script.text(alias.name) == THEIRS for alias in node.names) else None
    if node.module is None or node.relative or script.text(node.module) != THEIRS:
        return None
    if isinstance(node.names, cst.ImportStar):
        raise Unclear("all of bsuite is imported")
    return node if any(script.text(alias.name) in BY_ID for alias in node.names) else None
