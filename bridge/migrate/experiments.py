"""`import bsuite`, for its loaders by id, is `from bridge import bsuite`."""

from collections.abc import Iterator

import libcst as cst

from native.bsuite.experiments import EXPERIMENTS

from .faces import import_edit
from .finding import ALONE, Edit, Finding, Unclear
from .script import Script, keywords, positional

THEIRS = "bsuite"
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
        edits = (import_edit(script, THEIRS, BY_ID, "bridge.bsuite"),) if calls else ()
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
