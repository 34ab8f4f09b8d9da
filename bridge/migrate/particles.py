"""`from mpe2 import simple_tag_v3`, and PettingZoo's modules of those names, are `bridge.mpe`'s."""

from collections.abc import Iterator
from typing import Any

import libcst as cst

from .finding import Edit, Finding, Unclear
from .script import Script, keywords, starred
from .twins import PACKAGES, check_options, twin_of_module

OURS = "bridge.mpe"
PEER = "mpe2 parallel_env"
MAKERS = ("parallel_env", "env", "raw_env")
OPTIONS = ("render_mode", "max_cycles")


def find(script: Script) -> Iterator[Finding]:
    """Every import of particle games, unless nothing is left that uses it."""
    for node in script.within(script.module, (cst.Import, cst.ImportFrom)):
        if isinstance(node.names, cst.ImportStar):
            continue
        modules = [module for alias in node.names if (module := _module(script, node, alias))]
        if modules and not script.unused(node):
            yield from _import(script, node, modules)
    for call in script.calls:
        if call not in script.taken and _is_made(script.name(call)):
            script.taken.add(call)


def _import(script: Script, node: Any, modules: list[str]) -> Iterator[Finding]:
    """A finding for each module that a statement imports; they share its edit."""
    twins: list[str] = []
    notes: list[str] = []
    try:
        twins = [twin_of_module(module) for module in modules]
        if len(modules) < len(node.names):
            raise Unclear("other things are imported on the same line")
        for call in script.calls:
            notes += _check(script, call, modules)
        edits = [_edit(script, node)]
    except Unclear as why:
        edits, notes = [], [str(why)]
    for index, module in enumerate(modules):
        twin = twins[index] if index < len(twins) else None
        shown = module.rpartition(".")[2]
        known = (script.line(node), module, shown, twin, PEER, 1)
        yield Finding(*known, tuple(edits), notes=tuple(notes))


def _module(script: Script, node: Any, alias: cst.ImportAlias) -> str:
    """The module of a game that an alias imports, or imports from; "" if it is none."""
    whole = script.text(alias.name)
    if isinstance(node, cst.ImportFrom):
        if node.module is None or node.relative:
            return ""
        whole = f"{script.text(node.module)}.{whole}"
    package, _, last = whole.rpartition(".")
    if package in PACKAGES:
        return whole
    return package if last in MAKERS and package.rpartition(".")[0] in PACKAGES else ""


def _check(script: Script, call: cst.Call, modules: list[str]) -> Iterator[str]:
    """See that ours takes what one of these modules is told."""
    module, _, maker = script.name(call).rpartition(".")
    if module in modules and maker in MAKERS:
        check_options(twin_of_module(module), keywords(call), OPTIONS)
        if starred(call):
            yield "some of its arguments are known only when it runs"


def _edit(script: Script, node: Any) -> Edit:
    """Another package in the place of theirs."""
    if isinstance(node, cst.ImportFrom):
        assert node.module is not None  # `_module` has read it
        theirs = script.text(node.module)
        (rest,) = [theirs.removeprefix(each) for each in PACKAGES if theirs.startswith(each)]
        return Edit(*script.span(node.module), OURS + rest)
    (alias,) = node.names
    if alias.asname is None:
        raise Unclear(f"write `from {OURS} import {script.text(alias.name).rpartition('.')[2]}`")
    name = script.text(alias.name).rpartition(".")[2]
    return Edit(*script.span(alias.name), f"{OURS}.{name}")


def _is_made(name: str) -> bool:
    module, _, maker = name.rpartition(".")
    return maker in MAKERS and module.rpartition(".")[0] in PACKAGES
