"""MinAtar's own class: `from minatar import Environment` is `from bridge.minatar import ...`."""

from collections.abc import Iterator

import libcst as cst

from bridge.minatar import GAMES

from .faces import import_edit
from .finding import ALONE, Edit, Finding, Unclear
from .script import Script, keywords, positional, starred

THEIRS, CLASS = "minatar", "Environment"
WORDS = ("env_name", "sticky_action_prob", "difficulty_ramping")
LATER = "its name is known only when it runs: bridge.minatar has all five"


def find(script: Script) -> Iterator[Finding]:
    """Every game that is made; all share the edit of the one import that they go through."""
    names = (f"{THEIRS}.{CLASS}", f"{THEIRS}.environment.{CLASS}")
    calls = [call for call in script.free() if script.name(call) in names]
    edits: tuple[Edit, ...] = ()
    read = [(*_read(script, call), call) for call in calls]
    try:
        for _, _, note, _ in read:
            if note not in ("", LATER):
                raise Unclear(note)
        edits = (import_edit(script, THEIRS, (CLASS,), "bridge.minatar"),) if calls else ()
        left = ""
    except Unclear as why:
        left = str(why)
    for shown, twin, note, call in read:
        script.taken.add(call)
        notes = dict.fromkeys(filter(None, (note, left)))
        known = (script.line(call), script.name(call), shown, twin, ALONE, 1)
        yield Finding(*known, edits, notes=tuple(notes))


def _read(script: Script, call: cst.Call) -> tuple[str, str | None, str]:
    """The game that a call is told, ours, and what to know of it or why it is left alone."""
    places, given = positional(call), keywords(call)
    game = places[0] if places else given.get(WORDS[0])
    if game is None or starred(call) or len(places) > len(WORDS) or given.keys() - {*WORDS}:
        return "", None, "arguments that are not understood"
    value = script.value(game)
    if value is None:
        return script.text(game), None, LATER
    if value not in [*GAMES]:
        return str(value), None, f"no native twin: bridge.minatar has {', '.join(GAMES)}"
    return value, GAMES[value], ""
