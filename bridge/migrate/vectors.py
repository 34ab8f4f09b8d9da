"""Gymnasium's vector environments: `SyncVectorEnv`, `AsyncVectorEnv`, `make_vec`.

They become `gymnasium.make_vec("bridge.gymnasium:native/...")`, which finds ours by its name.
"""

from collections.abc import Iterator, Mapping

import libcst as cst

from .copies import copies
from .finding import Edit, Finding, Unclear
from .script import Script, keywords, positional, starred
from .twins import check_options, twin_of

PREFIX = "bridge.gymnasium:native/"
VECTORS = {
    "gymnasium.vector.SyncVectorEnv": "Gymnasium SyncVectorEnv",
    "gymnasium.vector.AsyncVectorEnv": "Gymnasium AsyncVectorEnv",
}
OWN = "Gymnasium CartPoleVectorEnv"  # what `make_vec` makes of CartPole, unless told a mode
PROCESSES = ("shared_memory", "context", "daemon", "worker", "max_concurrency")
WRAPPERS = (  # those that do for many what they do for one, with the same arguments
    *("RecordEpisodeStatistics", "ClipReward", "ClipAction", "RescaleAction"),
    *("FlattenObservation", "DtypeObservation", "ReshapeObservation", "RescaleObservation"),
)
ONE_BY_ONE = ("envs", "processes", "env_fns", "call_async", "parent_pipes")


def find(script: Script) -> Iterator[Finding]:
    """Every one in the script."""
    for call in script.calls:
        name = script.name(call)
        if call in script.taken or name not in (*VECTORS, "gymnasium.make_vec"):
            continue
        script.taken.add(call)
        read = _by_name if name == "gymnasium.make_vec" else _by_functions
        yield read(script, call, name)


def identifier(script: Script, environment: cst.BaseExpression, name: str) -> str:
    """Our name as an expression, for Gymnasium's `make`: a literal stays one.

    Raises:
        Unclear: It would have to be computed.
    """
    text = script.text(environment)
    if isinstance(environment, cst.SimpleString):
        return f'"{PREFIX}{name}"'
    if script.value(environment) != name or not isinstance(environment, (cst.Name, cst.Attribute)):
        raise Unclear(f"write {name!r} for {text}")
    return f'f"{PREFIX}{{{text}}}"'


def written(options: Mapping[str, object]) -> str:
    """Options as further arguments of a call."""
    return "".join(f", {name}={value}" for name, value in options.items())


def around(script: Script, call: cst.Call, text: str, wrapper: str, others: str) -> str:
    """A wrapper around what takes the place of a call: on a line of its own if there can be one."""
    target, line = script.target(call), script.statement(call)
    if not target or line is None or len(line.body) > 1:
        return f"{wrapper}({text}{others})"
    start, end = script.lines(line)[0], script.span(line)[0]
    return f"{text}\n{script.source[start:end]}{target} = {wrapper}({target}{others})"


def _by_functions(script: Script, call: cst.Call, name: str) -> Finding:
    shown, twin, worlds = "", None, None
    try:
        given, places = keywords(call), positional(call)
        functions = places[0] if places else given.pop("env_fns", None)
        if functions is None or starred(call) or len(places) > 1:
            raise Unclear("arguments that are not understood")
        found = copies(script, functions)
        made, worlds = found.made, found.worlds
        shown = str(script.value(made.environment) or script.text(made.environment))
        twin, extra = twin_of(script.value(made.environment))
        options = {**dict(made.options), **extra}
        check_options(twin, options)
        if made.seed is not None:
            raise Unclear("its functions seed: give the seed to reset() instead")
        if (used := _one_by_one(script, script.target(call))) is not None:
            raise Unclear(f"{used} is used, and ours are not one by one")
        given = {key: value for key, value in given.items() if key not in PROCESSES}
        for key in given.keys() - {"autoreset_mode", "copy"}:
            raise Unclear(f"{key} has no counterpart")
        options |= {key: script.text(value) for key, value in given.items()}
        gym = script.alias("gymnasium")
        imports = () if gym else ("import gymnasium",)
        gym = gym or "gymnasium"
        text = f"{gym}.make_vec({identifier(script, made.environment, twin)}"
        text += f", num_envs={found.count}{written(options)})"
        for wrapper, others in made.wrappers:
            short = wrapper.rpartition(".")[2]
            if not wrapper.startswith("gymnasium.wrappers.") or short not in WRAPPERS:
                raise Unclear(f"{short} around each of them")
            text = around(script, call, text, f"{gym}.wrappers.vector.{short}", others)
    except Unclear as why:
        notes = (str(why),)
        return Finding(script.line(call), name, shown, twin, VECTORS[name], worlds, notes=notes)
    edit = Edit(*script.span(call), text)
    keeps = frozenset({gym})
    known = (script.line(call), name, shown, twin, VECTORS[name], worlds)
    return Finding(*known, (edit,), imports, keeps, made.notes)


def _by_name(script: Script, call: cst.Call, name: str) -> Finding:
    shown, twin, worlds, peer = "", None, None, "Gymnasium SyncVectorEnv"
    try:
        given, places = keywords(call), positional(call)
        environment = places[0] if places else given.get("id")
        if environment is None or starred(call):
            raise Unclear("arguments that are not understood")
        count = places[1] if len(places) > 1 else given.get("num_envs")
        number = script.value(count)
        worlds = number if isinstance(number, int) else None
        value = script.value(environment)
        shown = str(value or script.text(environment))
        if str(value).startswith(PREFIX):
            raise Unclear("ours already")
        mode = script.value(places[2] if len(places) > 2 else given.get("vectorization_mode"))
        twin, extra = twin_of(value)
        if mode == "async":
            peer = "Gymnasium AsyncVectorEnv"
        elif twin == "CartPole-v1" and mode != "sync":
            peer = OWN
        named = ("id", "num_envs", "vectorization_mode", "vector_kwargs", "wrappers")
        if "wrappers" in given or "vector_kwargs" in given or len(places) > 3:
            raise Unclear("its wrappers and vector_kwargs have no counterpart")
        others = {key: script.text(v) for key, v in given.items() if key not in named}
        check_options(twin, {key: v for key, v in others.items() if key != "autoreset_mode"})
        text = identifier(script, environment, twin)
        text += f", num_envs={script.text(count)}" if count is not None else ""
        text = f"{script.text(call.func)}({text}{written({**others, **extra})})"
    except Unclear as why:
        return Finding(script.line(call), name, shown, twin, peer, worlds, notes=(str(why),))
    keeps = frozenset({script.text(call.func).partition(".")[0]})
    edit = Edit(*script.span(call), text)
    return Finding(script.line(call), name, shown, twin, peer, worlds, (edit,), (), keeps)


def _one_by_one(script: Script, variable: str) -> str | None:
    """An attribute by which the script looks into a vector environment."""
    for node in script.within(script.module, cst.Attribute):
        of = node.value.value if isinstance(node.value, cst.Name) else ""
        if variable and of == variable and node.attr.value in ONE_BY_ONE:
            return f".{node.attr.value}"
    return None
