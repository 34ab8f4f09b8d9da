"""Many copies of one environment, as scripts write them: a list of functions that make one each.

| written                                                  | read as                             |
| -------------------------------------------------------- | ----------------------------------- |
| `[lambda: gym.make(id) for _ in range(n)]`               | n of id                             |
| `[make_env] * n`, `[make_env, make_env]`                 | what the body of `make_env` makes   |
| `[make_env(id, i, ...) for i in range(n)]`               | what the function in its body makes |
| `env = Wrapper(env, ...)` in such a body                 | a wrapper                           |
| `env.reset(seed=seed + i)`, `env.action_space.seed(...)` | seeds                               |
| `if capture_video ...: env = RecordVideo(env, ...)`      | not carried over, and said          |
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import libcst as cst

from .finding import Unclear
from .script import Script, keywords, positional, starred

MAKE = "gymnasium.make"
IGNORED = ("disable_env_checker", "autoreset")  # options of `make` about `make` itself
VIDEO = "RecordVideo"

Bound = dict[str, cst.BaseExpression]  # names in a function, with what the caller gave for them


@dataclasses.dataclass(frozen=True)
class Made:
    """What one function makes.

    Attributes:
        environment: The expression of its name.
        options: Further arguments by name, as they are written.
        wrappers: Qualified names and further arguments, the innermost first.
        seed: What the index of the copy is added to for a seed, as it is written.
        notes: What to know of it.
    """

    environment: cst.BaseExpression
    options: tuple[tuple[str, str], ...] = ()
    wrappers: tuple[tuple[str, str], ...] = ()
    seed: str | None = None
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Copies:
    """So many of it."""

    made: Made
    count: str
    worlds: int | None


def copies(script: Script, functions: cst.BaseExpression) -> Copies:
    """Read a list of functions.

    Raises:
        Unclear: It is not one of the forms above; says what is not.
    """
    value: Any = functions
    if isinstance(functions, cst.Name):
        value = script.definition(functions)
    for call in _reachable(script, value if value is not None else functions):
        script.taken.add(call)
    match value:
        case cst.ListComp(
            elt=elt,
            for_in=cst.CompFor(
                target=cst.Name(value=index), iter=cst.Call() as span, ifs=[], inner_for_in=None
            ),
        ) if script.text(span.func) == "range" and len(span.args) == 1:
            return _counted(script, elt, span.args[0].value, index)
        case cst.BinaryOperation(
            left=cst.List(elements=[cst.Element(value=elt)]), operator=cst.Multiply(), right=count
        ):
            return _counted(script, elt, count, "")
        case cst.List(elements=[cst.Element(value=elt), *others]):
            if {script.text(other.value) for other in others} - {script.text(elt)}:
                raise Unclear("its functions differ")
            number = len(others) + 1
            return Copies(_Reader(script, "").made_by(elt), str(number), number)
        case _:
            raise Unclear(f"not a list of functions: {_short(script, functions)}")


def _counted(
    script: Script, function: cst.BaseExpression, count: cst.BaseExpression, index: str
) -> Copies:
    number = script.value(count)
    worlds = number if isinstance(number, int) else None
    return Copies(_Reader(script, index).made_by(function), script.text(count), worlds)


def _reachable(script: Script, node: cst.CSTNode) -> Iterator[cst.Call]:
    """Every call in an expression and in the functions of the script that it names."""
    seen: set[cst.CSTNode] = set()
    todo = [node]
    while todo:
        for each in script.within(todo.pop(), (cst.Call, cst.Name)):
            if isinstance(each, cst.Call):
                yield each
                continue
            found = script.definition(each)
            if isinstance(found, cst.FunctionDef) and found not in seen:
                seen.add(found)
                todo.append(found.body)


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Reads functions; `index` is the variable that counts the copies."""

    script: Script
    index: str

    def made_by(self, function: cst.BaseExpression) -> Made:
        """What calling `function` with no arguments makes."""
        match function:
            case cst.Lambda(params=cst.Parameters(params=[]), body=body):
                return self._made(body, {})
            case cst.Name():
                found = self.script.definition(function)
                if isinstance(found, cst.FunctionDef):
                    return self._run(found, {})
                if isinstance(found, cst.BaseExpression):
                    return self.made_by(found)
            case cst.Call() if self.script.name(function) == "functools.partial":
                first, *others = function.args
                if self.script.name(first.value) == MAKE:
                    return self._make(function.with_changes(args=others), {}, function)
            case cst.Call(func=cst.Name() as name):
                found = self.script.definition(name)
                if isinstance(found, cst.FunctionDef):
                    return self._run(found, self._bound(found, function), calls=2)
            case _:
                pass
        raise Unclear(f"a function that is not understood: {_short(self.script, function)}")

    def _made(
        self, expression: cst.CSTNode, bound: Bound, known: dict[str, Made] | None = None
    ) -> Made:
        """What an expression makes: an environment, perhaps wrapped."""
        match expression:
            case cst.Name(value=name) if known and name in known:
                return known[name]
            case cst.Call():
                pass
            case _:
                raise Unclear(f"not an environment: {_short(self.script, expression)}")
        name = self.script.name(expression)
        if name == MAKE:
            return self._make(expression, bound, expression)
        found = isinstance(expression.func, cst.Name) and self.script.definition(expression.func)
        if isinstance(found, cst.FunctionDef):
            return self._run(found, self._bound(found, expression))
        if not name or not expression.args or starred(expression):
            raise Unclear(f"not understood: {_short(self.script, expression)}")
        inner = self._made(expression.args[0].value, bound, known)
        written = [self._term(arg.value, bound) for arg in expression.args[1:]]
        names = [arg.keyword and arg.keyword.value for arg in expression.args[1:]]
        others = [f"{n}={text}" if n else text for n, text in zip(names, written, strict=True)]
        wrapper = (name, "".join(f", {text}" for text in others))
        return dataclasses.replace(inner, wrappers=(*inner.wrappers, wrapper))

    def _make(self, call: cst.Call, bound: Bound, at: cst.CSTNode) -> Made:
        """A call of `gymnasium.make`, which stands at `at`."""
        given = keywords(call)
        places = positional(call)
        environment = places[0] if places else given.pop("id", None)
        if starred(call) or environment is None or len(places) > 1:
            raise Unclear(f"arguments that are not understood: {_short(self.script, at)}")
        if isinstance(environment, cst.Name):
            environment = bound.get(environment.value, environment)
        options = {
            name: self._term(value, bound) for name, value in given.items() if name not in IGNORED
        }
        return Made(environment, tuple((n, t) for n, t in options.items() if t != "None"))

    def _run(self, function: cst.FunctionDef, bound: Bound, calls: int = 1) -> Made:
        """What a function returns, or, for two calls, what the function that it returns does."""
        known: dict[str, Made] = {}
        inner: dict[str, cst.FunctionDef] = {}
        notes: list[str] = []
        for statement in _statements(function.body):
            match statement:
                case cst.FunctionDef(name=cst.Name(value=name)):
                    inner[name] = statement
                case cst.Return(value=cst.Name(value=name)) if calls == 2 and name in inner:
                    return self._run(inner[name], bound)
                case cst.Return(value=cst.Lambda(body=body)) if calls == 2:
                    return self._made(body, bound)
                case cst.Return(value=cst.CSTNode() as value) if calls == 1:
                    made = self._made(value, bound, known)
                    return dataclasses.replace(made, notes=(*made.notes, *notes))
                case cst.Assign(
                    targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value
                ):
                    known[name] = self._made(value, bound, known)
                case cst.Expr(value=cst.Call() as call):
                    known |= self._said(call, bound, known)
                case cst.Expr(value=cst.BaseString() | cst.ConcatenatedString()):
                    pass  # its docstring
                case cst.If() if VIDEO in self.script.text(statement):
                    notes.append(f"{VIDEO} is not carried over")
                    otherwise = statement.orelse
                    if isinstance(otherwise, cst.Else):
                        for each in _statements(otherwise.body):
                            match each:
                                case cst.Assign(
                                    targets=[cst.AssignTarget(target=cst.Name(value=name))],
                                    value=value,
                                ):
                                    known[name] = self._made(value, bound, known)
                                case _:
                                    raise Unclear(f"not understood: {_short(self.script, each)}")
                case _:
                    raise Unclear(f"not understood: {_short(self.script, statement)}")
        raise Unclear(f"{function.name.value}() is not understood: it returns no environment")

    def _said(self, call: cst.Call, bound: Bound, known: dict[str, Made]) -> dict[str, Made]:
        """A call whose answer nobody looks at: one that seeds."""
        text = self.script.text(call.func)
        variable, _, method = text.partition(".")
        if text.rpartition(".")[2] == "set_random_seed":
            return {}
        if variable in known and method in ("action_space.seed", "observation_space.seed", "seed"):
            return {}
        if variable in known and method == "reset" and (seed := keywords(call).get("seed")):
            return {variable: dataclasses.replace(known[variable], seed=self._seed(seed, bound))}
        raise Unclear(f"not understood: {_short(self.script, call)}")

    def _seed(self, seed: cst.BaseExpression, bound: Bound) -> str:
        """The other part of a sum with the index."""
        match seed:
            case cst.BinaryOperation(left=left, operator=cst.Add(), right=right):
                texts = [self._term(left, bound), self._term(right, bound)]
                if self.index and self.index in texts:
                    texts.remove(self.index)
                    return texts[0]
            case _:
                pass
        raise Unclear(f"seeds that are not understood: {self.script.text(seed)}")

    def _term(self, expression: cst.BaseExpression, bound: Bound) -> str:
        """An expression in a function's body as its caller would write it."""
        if isinstance(expression, cst.Name) and expression.value in bound:
            return self.script.text(bound[expression.value])
        names = {name.value for name in self.script.within(expression, cst.Name)}
        if names & bound.keys():
            raise Unclear(f"not understood: {self.script.text(expression)}")
        return self.script.text(expression)

    def _bound(self, function: cst.FunctionDef, call: cst.Call) -> Bound:
        """The parameters of a function, with what a call gives for them."""
        parameters = function.params
        if starred(call) or parameters.kwonly_params or parameters.star_kwarg:
            raise Unclear(f"arguments that are not understood: {_short(self.script, call)}")
        bound = {p.name.value: p.default for p in parameters.params if p.default is not None}
        names = [parameter.name.value for parameter in parameters.params]
        return bound | dict(zip(names, positional(call), strict=False)) | keywords(call)


def _statements(body: cst.BaseSuite) -> Iterator[Any]:
    """Small statements one by one, and compound ones whole."""
    lines: Sequence[Any] = body.body
    for line in lines:
        if isinstance(line, cst.SimpleStatementLine):
            yield from line.body
        else:
            yield line


def _short(script: Script, node: cst.CSTNode) -> str:
    """The first line of it."""
    first, _, rest = script.text(node).partition("\n")
    return f"{first} ..." if rest else first
