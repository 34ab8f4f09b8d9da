"""Stable-Baselines3: `make_vec_env`, `DummyVecEnv` and `SubprocVecEnv` become `bridge.sb3`'s."""

import ast
from collections.abc import Iterator

import libcst as cst

from .copies import copies
from .finding import ALONE, Edit, Finding, Unclear
from .script import Script, keywords, positional, starred
from .twins import check_options, twin_of
from .vectors import written

PACKAGE = "stable_baselines3.common.vec_env"
MAKE = ("stable_baselines3.common.env_util.make_vec_env",)
DUMMY, SUBPROC = "SB3 DummyVecEnv", "SB3 SubprocVecEnv"
LISTS = {
    f"{PACKAGE}.DummyVecEnv": DUMMY,
    f"{PACKAGE}.SubprocVecEnv": SUBPROC,
    f"{PACKAGE}.dummy_vec_env.DummyVecEnv": DUMMY,
    f"{PACKAGE}.subproc_vec_env.SubprocVecEnv": SUBPROC,
}
DROPPED = ("vec_env_cls", "vec_env_kwargs")  # how theirs are run
OURS = ("seed", "n_envs", "env_kwargs", *DROPPED)
PLACES = ("env_id", "n_envs", "seed")
NEW = "from bridge.sb3 import make_vec_env"


def find(script: Script) -> Iterator[Finding]:
    """Every one in the script."""
    for call in script.calls:
        name = script.name(call)
        if call not in script.taken and name in (*MAKE, *LISTS):
            script.taken.add(call)
            yield (_make if name in MAKE else _list)(script, call, name)


def native_call(environment: str, worlds: str, options: dict[str, str]) -> str:
    """How ours are made; a time limit is one of the rules there."""
    if "max_episode_steps" in options:
        options = {**options, "horizon": options["max_episode_steps"]}
        del options["max_episode_steps"]
    return f"make_vec_env({environment}, {worlds}{written(options)})"


def environment_text(script: Script, environment: cst.BaseExpression, twin: str) -> str:
    """Our name as an expression."""
    return script.text(environment) if script.value(environment) == twin else f'"{twin}"'


def _make(script: Script, call: cst.Call, name: str) -> Finding:
    shown, twin, peer = "", None, DUMMY
    worlds: int | None = None
    try:
        given = keywords(call) | dict(zip(PLACES, positional(call), strict=False))
        if starred(call) or len(positional(call)) > len(PLACES) or "env_id" not in given:
            raise Unclear("arguments that are not understood")
        environment = given.pop("env_id")
        count = given.get("n_envs")
        number = 1 if count is None else script.value(count)
        worlds = number if isinstance(number, int) else None
        if "vec_env_cls" in given:
            kind = script.name(given["vec_env_cls"])
            if kind not in LISTS:
                raise Unclear(f"{script.text(given['vec_env_cls'])} has no counterpart")
            peer = LISTS[kind]
        shown = str(script.value(environment) or script.text(environment))
        twin, extra = twin_of(script.value(environment))
        for key in given.keys() - set(OURS):
            raise Unclear(f"{key} has no counterpart")
        options: dict[str, str] = {**_rules(script, given.get("env_kwargs")), **extra}
        check_options(twin, options)
        seed = {"seed": script.text(given["seed"])} if "seed" in given else {}
        text = native_call(
            environment_text(script, environment, twin),
            "1" if count is None else script.text(count),
            {**seed, **options},
        )
    except Unclear as why:
        return Finding(script.line(call), name, shown, twin, peer, worlds, notes=(str(why),))
    edit = Edit(*script.span(call), text)
    peer = ALONE if worlds == 1 else peer
    return Finding(script.line(call), name, shown, twin, peer, worlds, (edit,), (NEW,))


def _rules(script: Script, given: cst.BaseExpression | None) -> dict[str, str]:
    """The arguments in a dict that is written out."""
    match given:
        case None:
            return {}
        case cst.Dict(elements=elements) if all(
            isinstance(each, cst.DictElement) and isinstance(each.key, cst.SimpleString)
            for each in elements
        ):
            pairs = [
                (each.key, each.value) for each in elements if isinstance(each, cst.DictElement)
            ]
            return {str(ast.literal_eval(script.text(k))): script.text(v) for k, v in pairs}
        case cst.Call() if script.text(given.func) == "dict" and not starred(given):
            return {key: script.text(value) for key, value in keywords(given).items()}
        case _:
            raise Unclear(f"env_kwargs that are not understood: {script.text(given)}")


def _list(script: Script, call: cst.Call, name: str) -> Finding:
    shown, twin, worlds = "", None, None
    try:
        given, places = keywords(call), positional(call)
        functions = places[0] if places else given.get("env_fns")
        if functions is None or starred(call):
            raise Unclear("arguments that are not understood")
        found = copies(script, functions)
        made, worlds = found.made, found.worlds
        shown = str(script.value(made.environment) or script.text(made.environment))
        twin, extra = twin_of(script.value(made.environment))
        options = {**dict(made.options), **extra}
        check_options(twin, options)
        for wrapper, others in made.wrappers:
            if not wrapper.endswith(".Monitor") or others:  # ours know how episodes went
                raise Unclear(f"{wrapper.rpartition('.')[2]} around each of them")
        seed = {} if made.seed is None else {"seed": made.seed}
        environment = environment_text(script, made.environment, twin)
        text = native_call(environment, found.count, {**seed, **options})
    except Unclear as why:
        notes = (str(why),)
        return Finding(script.line(call), name, shown, twin, LISTS[name], worlds, notes=notes)
    edit = Edit(*script.span(call), text)
    peer = ALONE if worlds == 1 else LISTS[name]
    known = (script.line(call), name, shown, twin, peer, worlds)
    return Finding(*known, (edit,), (NEW,), notes=made.notes)
