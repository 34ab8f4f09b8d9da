"""SuperSuit's way from a `ParallelEnv` to rows for Stable-Baselines3: one call of `bridge.sb3`.

A pipeline with other steps stays one, on top of our `ParallelEnv`: see `particles`. So does one for
Gymnasium, because SuperSuit's rows have the spaces of one row and ours those of a batch.
"""

from collections.abc import Iterator, Sequence

import libcst as cst

from native.registry import make

from .baselines import NEW, native_call
from .finding import Edit, Finding, Unclear
from .script import Script, keywords, positional, starred
from .twins import twin_of_module

CONCATENATE = "supersuit.concat_vec_envs_v1"
STEPS = ("supersuit.pettingzoo_env_to_vec_env_v1", "supersuit.black_death_v3")  # ours does both
ORIGINAL = "SuperSuit concat_vec_envs_v1 of mpe2"


def find(script: Script) -> Iterator[Finding]:
    """Every call of `concat_vec_envs_v1`."""
    for call in script.calls:
        if script.name(call) == CONCATENATE:
            script.taken.add(call)
            yield _pipeline(script, call)


def _pipeline(script: Script, call: cst.Call) -> Finding:
    twin, worlds = None, None
    try:
        given, places = keywords(call), positional(call)
        if starred(call) or len(places) > 2:
            raise Unclear("arguments that are not understood")
        rows = places[0] if places else given.get("vec_env")
        count = places[1] if len(places) > 1 else given.get("num_vec_envs")
        if rows is None or count is None:
            raise Unclear("arguments that are not understood")
        number = script.value(count)
        worlds = number if isinstance(number, int) else None
        chain = list(_chain(script, rows, script.before(call)))
        *steps, (source, _) = chain
        twin = twin_of_module(script.name(source).rpartition(".")[0])
        if script.value(given.get("base_class")) != "stable_baselines3":
            raise Unclear("SuperSuit's rows for Gymnasium have the spaces of one row: kept")
        for step, _ in steps:
            if script.name(step) not in STEPS:
                short = script.name(step).rpartition(".")[2]
                raise Unclear(f"{short} in the pipeline: kept, on our ParallelEnv")
        if len(make(twin).spec.groups) > 1:
            raise Unclear("its agents' spaces differ")
        rules = {key: script.text(value) for key, value in keywords(source).items()}
        if "max_cycles" in rules:
            rules["max_episode_steps"] = rules.pop("max_cycles")
        edits = [Edit(*script.span(call), native_call(f'"{twin}"', script.text(count), rules))]
        edits += [Edit(*script.lines(line), "") for line in _unused(script, call, chain)]
    except Unclear as why:
        shown = twin or ""
        known = (script.line(call), CONCATENATE, shown, twin, "", worlds)
        return Finding(*known, notes=(str(why),))
    known = (script.line(call), CONCATENATE, twin, twin, ORIGINAL, worlds)
    return Finding(*known, tuple(edits), (NEW,))


def _chain(
    script: Script, value: cst.BaseExpression, before: Sequence[cst.CSTNode]
) -> Iterator[tuple[cst.Call, cst.CSTNode | None]]:
    """The calls that a value has come through, the last first, with the lines they stand on."""
    line: cst.CSTNode | None = None
    statements = [*before]
    while True:
        if isinstance(value, cst.Name):
            while statements:
                line = statements.pop()
                found = _assigned(line, value.value)
                if found is not None:
                    break
            else:
                raise Unclear(f"{value.value} comes from elsewhere")
            value = found
        if not isinstance(value, cst.Call):
            raise Unclear(f"not understood: {script.text(value)}")
        yield value, line
        name = script.name(value)
        if name.endswith(".parallel_env"):
            return
        if not name.startswith("supersuit.") or not value.args:
            raise Unclear(f"not understood: {script.text(value)}")
        value = value.args[0].value


def _unused(
    script: Script, call: cst.Call, chain: Sequence[tuple[cst.Call, cst.CSTNode | None]]
) -> Iterator[cst.CSTNode]:
    """The lines of a pipeline that nothing but the rest of it needs, the last first."""
    lines = {line for _, line in chain if line is not None}
    names = {script.target(step) for step, line in chain if line is not None}
    for line in reversed(script.before(call)):
        if line in lines:
            lines.remove(line)
            yield line
        elif not lines or {name.value for name in script.within(line, cst.Name)} & names:
            return  # somebody looks at what the lines before it have made


def _assigned(line: cst.CSTNode, name: str) -> cst.BaseExpression | None:
    """What a line that does nothing else gives a name."""
    match line:
        case cst.SimpleStatementLine(
            body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=found))], value=value)]
        ) if found == name:
            return value
        case _:
            return None
