"""Edits put into a text, and the imports that they need and leave over."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import libcst as cst

from .finding import Edit, Finding
from .script import Script


def rewritten(script: Script, findings: Sequence[Finding]) -> str:
    """The text of a script with the edits of all findings."""
    edits = list(dict.fromkeys(edit for finding in findings for edit in finding.edits))
    if not edits:
        return script.source
    keeps = {name for finding in findings for name in finding.keeps}
    wanted = list(dict.fromkeys(line for finding in findings for line in finding.imports))
    wanted = [line for line in wanted if line not in script.source.splitlines()]
    over = {a.name for a in script.imports() if _is_over(script, a, edits)} - keeps
    edits, wanted = _apart(script, edits, wanted, over)
    edits += _imports(script, over, wanted)
    text = script.source
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _apart(
    script: Script, edits: list[Edit], wanted: list[str], over: set[str]
) -> tuple[list[Edit], list[str]]:
    """Our names, and others where theirs of the same name go on being used."""
    clash = script.globals() - over
    for line in wanted:
        name = line.rpartition(" ")[2]
        if name in clash:
            new = f"native_{name}"
            edits = [replace(edit, text=edit.text.replace(f"{name}(", f"{new}(")) for edit in edits]
            wanted = [each if each != line else f"{line} as {new}" for each in wanted]
    return edits, wanted


def _imports(script: Script, over: set[str], wanted: list[str]) -> list[Edit]:
    """Take away the imported names that are `over`; put in the `wanted` lines."""
    found: list[Edit] = []
    whole: list[cst.SimpleStatementLine] = []
    for statement in script.module.body:
        if not isinstance(statement, cst.SimpleStatementLine):
            continue
        for node in statement.body:
            if not isinstance(node, (cst.Import, cst.ImportFrom)):
                continue
            if isinstance(node.names, cst.ImportStar):
                continue
            kept = [alias for alias in node.names if _local(script, alias) not in over]
            if not kept and len(statement.body) == 1:
                whole.append(statement)
            elif kept and len(kept) < len(node.names):
                last = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
                names = [*kept[:-1], last]
                text = script.module.code_for_node(node.with_changes(names=names))
                found.append(Edit(*script.span(node), text))
    lines = "".join(f"{line}\n" for line in wanted)
    at = _after_imports(script)
    new = Edit(*script.lines(whole.pop()), lines) if whole else Edit(at, at, lines)
    return [*found, new, *(Edit(*script.lines(statement), "") for statement in whole)]


def _is_over(script: Script, assignment: Any, edits: Sequence[Edit]) -> bool:
    """Whether an imported name is used only where edits stand, and is used there."""
    spans = [script.span(access.node) for access in assignment.references]
    return bool(spans) and all(
        any(edit.start <= start and end <= edit.end for edit in edits) for start, end in spans
    )


def _local(script: Script, alias: cst.ImportAlias) -> str:
    """The name that an import gives."""
    if alias.asname is not None:
        return script.text(alias.asname.name)
    return script.text(alias.name).partition(".")[0]


def _after_imports(script: Script) -> int:
    """Where the first run of imports of the whole script ends; else where its statements begin."""
    place = 0
    for statement in script.module.body:
        small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        if isinstance(small, (cst.Import, cst.ImportFrom)):
            place = script.lines(statement)[1]
        elif place or not (
            isinstance(small, cst.Expr) and isinstance(small.value, cst.SimpleString)
        ):
            break
        else:
            place = script.lines(statement)[1]  # its docstring
    return place
