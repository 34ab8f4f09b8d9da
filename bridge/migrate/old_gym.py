"""`import gym`: `bridge.legacy` where steps give four values, Gymnasium where they give five."""

from collections.abc import Iterator

import libcst as cst

from .finding import Edit, Finding, Unclear
from .script import Script, keywords, positional, starred
from .twins import check_options, twin_of
from .vectors import identifier, written

NAMES = (  # of gym, that bridge.legacy has
    *("make", "Env", "Wrapper", "ObservationWrapper", "RewardWrapper", "ActionWrapper"),
    "spaces",
)
NOTE = "gym itself is no longer maintained and needs old versions of NumPy and Python"


def find(script: Script) -> Iterator[Finding]:
    """Every environment that gym makes; they share the edit of the import."""
    made = [call for call in script.calls if script.name(call) == "gym.make"]
    script.taken |= set(made)
    imports = [
        node
        for node in script.within(script.module, cst.Import)
        if [script.text(alias.name) for alias in node.names] == ["gym"]
    ]
    values = _values(script)
    edits: list[Edit] = []
    notes: tuple[str, ...] = (NOTE,)
    known = [_unread(script, call) for call in made]
    try:
        known = [_make(script, call, values) for call in made]
        if len(imports) != 1:
            raise Unclear("gym is not imported as a whole, once")
        edits = [_import(script, imports[0], values)]
    except Unclear as why:
        notes = (str(why),)
    for call, (shown, twin, edit) in zip(made, known, strict=True):
        own = (edit,) if edit and edits else ()
        found = (script.line(call), "gym.make", shown, twin, "", 1, (*edits, *own))
        yield Finding(*found, notes=notes)


def _values(script: Script) -> int:
    """How many values a step gives; 0 if that is not seen."""
    for node in script.within(script.module, cst.Assign):
        match node:
            case cst.Assign(
                targets=[cst.AssignTarget(target=cst.Tuple(elements=elements))],
                value=cst.Call(func=cst.Attribute(attr=cst.Name(value="step"))),
            ):
                return len(elements)
            case _:
                pass
    return 0


def _import(script: Script, node: cst.Import, values: int) -> Edit:
    (alias,) = node.names
    name = "gym" if alias.asname is None else script.text(alias.asname.name)
    if values == 5:
        return Edit(*script.span(node), f"import gymnasium as {name}")
    if values != 4:
        raise Unclear("whether steps give four values or five is not seen")
    used = {script.name(each) for each in script.within(script.module, cst.Attribute)}
    for each in sorted(used):
        package, _, rest = each.partition(".")
        if package == "gym" and rest.partition(".")[0] not in NAMES:
            raise Unclear(f"{each} is used, which bridge.legacy has not")
    return Edit(*script.span(node), f"from bridge import legacy as {name}")


def _make(script: Script, call: cst.Call, values: int) -> tuple[str, str | None, Edit | None]:
    """The name there, ours, and the edit of the call, if it needs one."""
    places = positional(call)
    if starred(call) or len(places) != 1:
        raise Unclear("arguments that are not understood")
    (environment,) = places
    value = script.value(environment)
    twin, extra = twin_of(value)
    given = {key: script.text(each) for key, each in keywords(call).items()}
    check_options(twin, given)
    shown = str(value)
    if values == 5:
        text = f"{identifier(script, environment, twin)}{written(extra)}"
    elif twin != value:
        if not isinstance(environment, cst.SimpleString):
            raise Unclear(f"write {twin!r} and max_episode_steps for {script.text(environment)}")
        text = f'"{twin}"{written(extra)}'
    else:
        return shown, twin, None
    return shown, twin, Edit(*script.span(environment), text)


def _unread(script: Script, call: cst.Call) -> tuple[str, str | None, Edit | None]:
    places = positional(call)
    shown = str(script.value(places[0]) or script.text(places[0])) if places else ""
    return shown, None, None
