"""A script as it stands, not run: what its names mean, what its values are, where things stand."""

import ast
import contextlib
import re
import sys
import warnings
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from bridge.errors import MissingExtraError, UnsuitableError

try:
    import libcst as cst
    from libcst import metadata
except ImportError as error:
    raise MissingExtraError("bridge.migrate", "libcst", "migrate") from error

Span = tuple[int, int]
DEPTH = 8  # names that stand for names that stand for ...
PARENTHESISED = (cst.Tuple, cst.GeneratorExp, cst.NamedExpr, cst.Yield)  # as arguments
NESTED = 100  # expressions and statements within one another; LibCST crashes far beyond
TOO_DEEP = f"nested too deeply to be read: more than {NESTED} levels."
FRAMES = 20_000  # of Python, enough for LibCST to visit so many


class Script:
    """A parsed script.

    Attributes:
        source: Its text.
        module: Its tree.
        calls: Every call, in the order of the text.
        taken: Calls that a finder has spoken for.
        gone: What edits have taken the place of.

    Raises:
        UnsuitableError: It is no Python, or nested too deeply.
    """

    def __init__(self, source: str) -> None:
        check_nesting(source)
        try:
            with _many_frames():
                wrapper = metadata.MetadataWrapper(cst.parse_module(source))
                self._names: Any = wrapper.resolve(metadata.QualifiedNameProvider)
                self._scopes: Any = wrapper.resolve(metadata.ScopeProvider)
                self._parents: Any = wrapper.resolve(metadata.ParentNodeProvider)
                self._places: Any = wrapper.resolve(metadata.PositionProvider)
        except cst.ParserSyntaxError as error:
            raise UnsuitableError(f"no Python, from line {error.raw_line} on.") from None
        self.source = source
        self.module = wrapper.module
        self._starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", source))]
        self._starts.append(len(source))
        self.calls: list[cst.Call] = self.nodes(cst.Call)
        self.taken: set[cst.CSTNode] = set()
        self.gone: list[Span] = []

    def name(self, node: cst.CSTNode) -> str:
        """What a dotted name or a call of it refers to: "gymnasium.make"; "" if nothing known."""
        names = sorted(each.name for each in self._found(node))
        return names[0] if len(names) == 1 else ""

    def imported(self, node: cst.CSTNode) -> str:
        """What a dotted name or a call of it refers to if that is imported, or in it; else ""."""
        names = node.func if isinstance(node, cst.Call) else node
        while isinstance(names, cst.Attribute):
            names = names.value
        found = self._found(node) if isinstance(names, cst.Name) else ()
        imported = [each for each in found if each.source is metadata.QualifiedNameSource.IMPORT]
        return self.name(node) if imported else ""

    def nodes(self, kind: Any) -> list[Any]:
        """Every node of a kind, or of some, in the order of the text."""
        return sorted((node for node in self._places if isinstance(node, kind)), key=self.span)

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """What it is part of."""
        found: cst.CSTNode | None = self._parents.get(node)
        return found

    def enclosing(self, node: cst.CSTNode, kind: Any) -> Any:
        """The innermost node of a kind that it stands in, or None."""
        around = self._parents.get(node)
        while around is not None and not isinstance(around, kind):
            around = self._parents.get(around)
        return around

    def text(self, node: cst.CSTNode) -> str:
        """As it is written, without the parentheses around it, unless it needs them."""
        start, end = self.span(node)
        text = self.source[start:end]
        return f"({text})" if isinstance(node, PARENTHESISED) else text

    def span(self, node: cst.CSTNode) -> Span:
        """Where it stands: offsets into the text."""
        place = self._places[node]
        ends = ((at.line, at.column) for at in (place.start, place.end))
        start, end = (self._starts[line - 1] + column for line, column in ends)
        return start, end

    def lines(self, node: cst.CSTNode) -> Span:
        """Where the whole lines begin and end on which it stands."""
        place = self._places[node]
        return self._starts[place.start.line - 1], self._starts[place.end.line]

    def line(self, node: cst.CSTNode) -> int:
        """Number of the line that it begins on, from 1."""
        number: int = self._places[node].start.line
        return number

    def statement(self, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
        """The simple statement that it is part of."""
        while not isinstance(node, cst.SimpleStatementLine):
            if node not in self._parents:
                return None
            node = self._parents[node]
        return node

    def target(self, node: cst.CSTNode) -> str:
        """The one name that a value is assigned to; "" if it is none, or not whole."""
        match self._parents[node]:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))]):
                return name
            case _:
                return ""

    def before(self, node: cst.CSTNode) -> Sequence[cst.CSTNode]:
        """The statements of its block that come before its own."""
        line = self.statement(node)
        block = self._parents[line] if line else None
        body: Sequence[cst.CSTNode] = getattr(block, "body", ())
        return body[: body.index(line)] if line in body else ()

    def definition(self, name: cst.Name) -> cst.CSTNode | None:
        """The function, or the value, that a name stands for if it is given one only once."""
        found = self._assignments(name)
        if len(found) != 1 or not isinstance(found[0], metadata.Assignment):
            return None
        node: cst.CSTNode = found[0].node
        if isinstance(node, cst.FunctionDef):
            return node
        if isinstance(node, cst.Param):
            return node.default
        parent = self._parents.get(node)
        match self._parents.get(parent), parent:
            case cst.Assign(targets=[_], value=value), cst.AssignTarget():
                return value
            case _, cst.AnnAssign(value=value):
                return value
            case _, cst.Param(default=value):
                return value
            case _:
                return None

    def value(self, node: cst.CSTNode | None, depth: int = DEPTH) -> Any:
        """What an expression is worth, as far as can be known without running it; else None.

        `args.env_id` is worth the default of the option or field called so.
        """
        if node is None or depth == 0:
            return None
        if isinstance(node, cst.Name) and node.value not in ("True", "False", "None"):
            return self.value(self.definition(node), depth - 1)
        if isinstance(node, cst.Attribute):
            found = {repr(value): value for value in self._defaults(node.attr.value)}
            return next(iter(found.values())) if len(found) == 1 else None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of escapes that mean nothing
                value = ast.literal_eval(self.text(node))
            str(value).encode()  # what cannot be written, as 10,000 digits, is not worth knowing
        except (ValueError, SyntaxError, TypeError):
            return None
        return value

    def alias(self, module: str) -> str | None:
        """The name under which the whole script knows a module."""
        for assignment in self.imports():
            if self._imported(assignment) == module:
                name: str = assignment.name
                return name
        return None

    def imports(self) -> list[Any]:
        """Names that are imported for the whole script, as libcst's `ImportAssignment`."""
        scope = self._scopes[self.module]
        return [a for a in scope.assignments if isinstance(a, metadata.ImportAssignment)]

    def globals(self) -> set[str]:
        """Every name that is given to something for the whole script."""
        return {assignment.name for assignment in self._scopes[self.module].assignments}

    def unused(self, statement: cst.CSTNode) -> bool:
        """Whether what an import gives is used only in what is `gone`."""
        accesses = [
            self.span(access.node)
            for assignment in self.imports()
            if assignment.node is statement
            for access in assignment.references
        ]
        return bool(accesses) and all(map(self._is_gone, accesses))

    def free(self) -> list[cst.Call]:
        """The calls that nobody has spoken for and that are still there."""
        return [
            call
            for call in self.calls
            if call not in self.taken and not self._is_gone(self.span(call))
        ]

    def within(self, node: cst.CSTNode, kind: Any) -> Iterator[Any]:
        """It and everything in it that is of a kind."""
        if isinstance(node, kind):
            yield node
        for child in node.children:
            yield from self.within(child, kind)

    def _found(self, node: cst.CSTNode) -> Any:
        found: Any = self._names.get(node, ())
        return found() if callable(found) else found

    def _is_gone(self, span: Span) -> bool:
        return any(start <= span[0] and span[1] <= end for start, end in self.gone)

    def _imported(self, assignment: Any) -> str:
        names = assignment.get_qualified_names_for(assignment.name)
        return next(iter(names)).name if len(names) == 1 else ""

    def _assignments(self, name: cst.Name) -> list[Any]:
        node: Any = name
        while node not in self._scopes or self._scopes[node] is None:
            node = self._parents[node]
        return list(self._scopes[node][name.value])

    def _defaults(self, field: str) -> Iterator[Any]:
        """Defaults of the fields and of the command line's options of that name."""
        for node in self.within(self.module, cst.ClassDef):
            for each in self.within(node.body, cst.AnnAssign):
                if isinstance(each.target, cst.Name) and each.target.value == field:
                    yield self.value(each.value)
        for call in self.calls:
            if isinstance(call.func, cst.Attribute) and call.func.attr.value == "add_argument":
                names = [self.value(arg.value) for arg in call.args if arg.keyword is None]
                if any(str(name).lstrip("-").replace("-", "_") == field for name in names):
                    yield self.value(keywords(call).get("default"))


def check_nesting(source: str) -> None:
    """Refuse what LibCST cannot read: its parser in Rust overflows the stack, and ends the process.

    Raises:
        UnsuitableError: It is no Python, or nested too deeply.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            level: list[ast.AST] = [ast.parse(source)]
    except SyntaxError as error:
        deep = "nested" in error.msg or "too many" in error.msg
        reason = TOO_DEEP if deep else f"no Python, from line {error.lineno or 1} on."
        raise UnsuitableError(reason) from None
    except ValueError:
        raise UnsuitableError(
            "no Python: it holds what no script can, such as a zero byte."
        ) from None
    except (RecursionError, MemoryError):
        raise UnsuitableError(TOO_DEEP) from None
    depth = 0
    while level:
        depth += 1
        if depth > NESTED:
            raise UnsuitableError(TOO_DEEP)
        level = [child for node in level for child in ast.iter_child_nodes(node)]


@contextlib.contextmanager
def _many_frames() -> Generator[None, None, None]:
    """Let LibCST's visitors, which call themselves, go as deep as `NESTED` needs."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(max(usual, FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


def keywords(call: cst.Call) -> dict[str, cst.BaseExpression]:
    """Arguments that are given by name."""
    return {arg.keyword.value: arg.value for arg in call.args if arg.keyword is not None}


def positional(call: cst.Call) -> list[cst.BaseExpression]:
    """Arguments that are given by place."""
    return [arg.value for arg in call.args if arg.keyword is None and not arg.star]


def starred(call: cst.Call) -> bool:
    """Whether some arguments are given as *these or **these."""
    return any(arg.star for arg in call.args)
