"""Imports of a library that has a face here: a module of ours with the same calls.

What is called stays as it is; ours stands in the place of their import, if that serves nothing
else.
"""

from collections.abc import Collection
from typing import Any

import libcst as cst

from .finding import Edit, Unclear
from .script import Script

IMPORTS = (cst.Import, cst.ImportFrom)


def import_edit(script: Script, package: str, names: Collection[str], ours: str) -> Edit:
    """A module of ours for the one import of `package`.

    Args:
        script: The script.
        package: Theirs: "bsuite".
        names: What of it the face has.
        ours: The face: "bridge.bsuite".

    Raises:
        Unclear: There are more imports, or something else of it is used.
    """
    nodes = (_imports(script, node, package, names) for node in script.nodes(IMPORTS))
    found = [*filter(None, nodes)]
    if len(found) != 1:
        raise Unclear(f"it is not clear which import of {package} is used")
    node, of_module = found[0], isinstance(found[0], cst.ImportFrom)
    if of_module:
        if any(script.text(alias.name) not in names for alias in node.names):
            raise Unclear("other things are imported on the same line")
        return Edit(*script.span(node.module), ours)
    if len(node.names) > 1:
        raise Unclear("other modules are imported on the same line")
    (alias,) = node.names
    called = script.text(alias.asname.name) if alias.asname else package
    for each in script.nodes(cst.Attribute):
        other = script.text(each.value) == called and each.attr.value not in names
        if other and not script.enclosing(each, IMPORTS):
            raise Unclear(f"{script.text(each)} is used too: import it on a line of its own")
    parent, _, name = ours.rpartition(".")
    renamed = f" as {called}" if alias.asname or called != name else ""
    return Edit(*script.span(node), f"from {parent} import {name}{renamed}")


def _imports(script: Script, node: Any, package: str, names: Collection[str]) -> Any:
    """The import, if it is one through which one of the names may be called; else None."""
    if isinstance(node, cst.Import):
        return node if any(script.text(alias.name) == package for alias in node.names) else None
    if node.module is None or node.relative or script.text(node.module) != package:
        return None
    if isinstance(node.names, cst.ImportStar):
        raise Unclear(f"all of {package} is imported")
    return node if any(script.text(alias.name) in names for alias in node.names) else None
