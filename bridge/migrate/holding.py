"""Which expressions of a script hold an environment.

Known from what makes one, followed by name through assignments, loops, arguments and returns,
wherever in the script the name stands; failing that, from what it is called: `env`, `train_envs`.
Where that is not sure, it holds one: to leave a script alone is the lesser harm.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import libcst as cst

from .script import Script, positional

INNER = ("unwrapped", "env", "venv")  # what a wrapper is around
NAMED = re.compile(r"(?i)(?!(num|n|nb|make|create|build)_).*(envs?|environments?)[_\d]*")
SETTINGS = re.compile(
    r"(?i)_?(self\.)?_?(args?|cfg|config|conf|opts?|options?|flags|hp|hparams|params)"
)
MAKERS = re.compile(
    r"gym(nasium)?\.(make|make_vec|vector\.\w+|vector\.make|wrappers\..+|\w*Wrapper)"
    r"|stable_baselines3\.common\.(env_util\.make_\w+|vec_env\..+|monitor\..+|atari_wrappers\..+)"
    r"|(supersuit|shimmy)\..+"
    r"|(pettingzoo|mpe2)\.utils\..+"
    r"|(.*\.)?(parallel_env|raw_env|GymWrapper|GymEnv|PettingZooEnv)"
    r"|(mpe2|pettingzoo)\..+\.env"
    r"|minatar\.(environment\.)?Environment|gymnax\.make"
    r"|copy\.(copy|deepcopy)|bridge\..+"
)
PASSING = ("list", "tuple", "iter", "next", "reversed", "sorted", "enumerate", "zip")
WRAPPERS = re.compile(r"\w*(Wrapper|Monitor)")
ROUNDS = 16  # assignments that follow from one another


class Environments:
    """The names and attributes of a script that hold environments."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._names: set[str] = set()
        self._attributes: set[str] = set()
        self._functions = {each.name.value: each for each in script.nodes(cst.FunctionDef)}
        self._classes = {each.name.value: each for each in script.nodes(cst.ClassDef)}
        self._returned: dict[cst.FunctionDef, list[cst.BaseExpression]] = {}
        for each in script.nodes(cst.Return):
            function = script.enclosing(each, cst.FunctionDef)
            if function is not None and each.value is not None:
                self._returned.setdefault(function, []).append(each.value)
        given = list(self._given())
        for _ in range(ROUNDS):
            before = len(self._names), len(self._attributes)
            for target, value in given:
                self._give(target, value)
            if before == (len(self._names), len(self._attributes)):
                break

    def hold(self, node: cst.CSTNode) -> bool:
        """Whether an expression is worth an environment, or some of them."""
        match node:
            case cst.Name(value="self"):
                return wrapper_of(self._script, node)
            case cst.Name(value=name):
                return name in self._names or (self._is_called_so(name) and not self._else(node))
            case cst.Attribute(value=base, attr=cst.Name(value=name)):
                if self._script.imported(node):
                    return False
                if name == "unwrapped" or name in self._attributes:
                    return True
                named = name in INNER or self._is_called_so(name)
                return named and not SETTINGS.fullmatch(self._script.text(base))
            case cst.Subscript(value=base):
                return self.hold(base)
            case cst.Call():
                return self._made(node)
            case cst.Tuple(elements=each) | cst.List(elements=each) | cst.Dict(elements=each):
                return any(self.hold(element.value) for element in each)
            case cst.IfExp(body=one, orelse=other) | cst.BooleanOperation(left=one, right=other):
                return self.hold(one) or self.hold(other)
            case cst.BinaryOperation(left=one, operator=cst.Multiply() | cst.Add()):
                return self.hold(one)
            case cst.NamedExpr(value=value) | cst.Lambda(body=value) | cst.DictComp(value=value):
                return self.hold(value)
            case cst.ListComp(elt=value) | cst.GeneratorExp(elt=value):
                return self.hold(value)
            case _:
                return False

    def _made(self, call: cst.Call) -> bool:
        places = positional(call)
        if MAKERS.fullmatch(self._script.name(call)):
            return True
        match call.func:
            case cst.Name(value="super"):
                return wrapper_of(self._script, call)
            case cst.Name(value="getattr") if len(places) > 1:
                inner = self._script.value(places[1])
                return inner in INNER and self.hold(places[0])
            case cst.Name(value=name) if name in PASSING:
                return any(map(self.hold, places))
            case cst.Name(value=name) if name in self._classes:
                return _is_wrapper(self._script, self._classes[name])
            case cst.Name(value=name) if name in self._functions:
                return any(map(self.hold, self._returned.get(self._functions[name], ())))
            case cst.Name(value=name):
                return name in self._names
            case cst.Attribute(attr=cst.Name(value="get_env")):  # of a model of SB3's
                return True
            case cst.Attribute(value=base, attr=cst.Name(value="items" | "values" | "get" | "pop")):
                return self.hold(base)
            case cst.Call() as function:  # `make_env(name)()`
                return self._made(function)
            case _:
                return False

    def _is_called_so(self, name: str) -> bool:
        return NAMED.fullmatch(name) is not None

    def _else(self, name: cst.Name) -> bool:
        """Whether a name that sounds like an environment's is another thing's."""
        known = self._script.definition(name)
        other = isinstance(known, (cst.FunctionDef, cst.Dict)) or name.value in self._classes
        text = isinstance(self._script.value(name), (str, int, float))
        return other or text or bool(self._script.imported(name))

    def _given(self) -> Iterator[tuple[Any, Any]]:
        """Targets, each with the value that it is given."""
        for node in self._script.nodes((cst.Assign, cst.AnnAssign, cst.NamedExpr)):
            targets = [each.target for each in getattr(node, "targets", [node])]
            yield from ((target, node.value) for target in targets if node.value is not None)
        for node in self._script.nodes((cst.For, cst.CompFor)):
            yield node.target, node.iter
        for node in self._script.nodes(cst.WithItem):
            if node.asname is not None:
                yield node.asname.name, node.item
        for call in self._script.calls:
            yield from self._arguments(call)

    def _arguments(self, call: cst.Call) -> Iterator[tuple[cst.Name, cst.BaseExpression]]:
        """Parameters of the script's own functions, and what a call gives for them."""
        name = call.func.value if isinstance(call.func, cst.Name) else ""
        if isinstance(call.func, cst.Attribute):
            name = call.func.attr.value
        functions = [self._functions.get(name)] if isinstance(name, str) else []
        if name in self._classes:
            within = self._script.within(self._classes[name].body, cst.FunctionDef)
            functions = [each for each in within if each.name.value == "__init__"]
        for function in functions:
            if function is None:
                continue
            known = [*function.params.params, *function.params.kwonly_params]
            names = [each.name for each in known]
            places = names[1:] if names and names[0].value in ("self", "cls") else names
            yield from zip(places, positional(call), strict=False)
            given = {arg.keyword.value: arg.value for arg in call.args if arg.keyword}
            yield from ((each, given[each.value]) for each in names if each.value in given)

    def _give(self, target: Any, value: Any) -> None:
        match target:
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                for each, part in zip(elements, self._parts(value, len(elements)), strict=False):
                    self._give(each.value, part)
            case cst.Name(value=name) if self.hold(value):
                self._names.add(name)
            case cst.Attribute(attr=cst.Name(value=name)) if self.hold(value):
                self._attributes.add(name)
            case _:
                pass

    def _parts(self, value: Any, number: int) -> Sequence[Any]:
        """What each of so many targets is given."""
        match value:
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                return [each.value for each in elements]
            case cst.Call() if self._script.name(value) == "gymnax.make":
                return [value, cst.Name("None")]  # the environment, and its parameters
            case cst.Call(func=cst.Name(value="enumerate"), args=[first, *_]):
                return [cst.Integer("0"), first.value]
            case cst.Call(func=cst.Name(value="zip"), args=args):
                return [each.value for each in args]
            case cst.Call(func=cst.Name(value=name)) if name in self._functions:
                answers = self._returned.get(self._functions[name], ())
                tuples = [each for each in answers if isinstance(each, cst.Tuple)]
                return [each.value for each in tuples[0].elements] if tuples else [value] * number
            case _:
                return [value] * number


def wrapper_of(script: Script, node: cst.CSTNode) -> bool:
    """Whether a node stands in a class that wraps environments, where `self` is one."""
    around = script.enclosing(node, cst.ClassDef)
    return around is not None and _is_wrapper(script, around)


def _is_wrapper(script: Script, kind: cst.ClassDef) -> bool:
    bases = (script.text(base.value).rpartition(".")[2] for base in kind.bases)
    return any(WRAPPERS.fullmatch(base) for base in bases)
