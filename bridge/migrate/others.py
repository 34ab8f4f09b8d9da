"""What else makes environments: named, and left alone."""

import re
from collections.abc import Iterator

import libcst as cst

from .finding import Finding
from .script import Script, positional

JAX = "a JAX environment: bridge.sources shows it through every interface"
WRAPPER = "SuperSuit works on our environments as on any"
KNOWN = {  # pattern of a qualified name -> why it is left alone
    r"(jaxmarl|pgx|jumanji)\.make": JAX,
    r"brax\.envs\.(create|get_environment)": JAX,
    r"envpool\.make(_\w+)?": "EnvPool: write bridge.gymnasium.make_vec by hand",
    r"dm_control\.(suite\.load|composer\.Environment)": "no native twin",
    r"gym\.(vector|wrappers)\..*": "old gym: move to Gymnasium first",
    r"gymnasium\.vector\.make": "Gymnasium before 1.0: write gymnasium.make_vec first",
    r"importlib\.import_module": "a module whose name is known only when it runs",
    r"tianshou\.env\.\w*VectorEnv": "tianshou's vectors: not understood",
    r"pufferlib\.vector\.make": "PufferLib: not understood",
    r"torchrl\.envs\..*(Gym|PettingZoo)\w*": "TorchRL: write bridge.torchrl.make by hand",
    r"ray\.rllib\..*PettingZooEnv": "RLlib: it wraps whatever environment it is given",
    r"(.*\.)?GymWrapper": "a dm_env of a Gymnasium one: bridge.dm_env.make(name, seed=...)",
    r"(pettingzoo|momaland|vmas|mpe2)\..*\.(parallel_env|env|raw_env)": "no native twin",
    r"supersuit\.\w+_v\d": WRAPPER,
}
PETTINGZOO = re.compile(r"pettingzoo|mpe2")


def find(script: Script) -> Iterator[Finding]:
    """Every one that nobody has spoken for."""
    for call in script.free():
        name = script.name(call)
        for pattern, why in KNOWN.items():
            if re.fullmatch(pattern, name):
                shown = "" if why == WRAPPER else _first(script, call)
                if name != "importlib.import_module" or PETTINGZOO.search(shown):
                    yield Finding(script.line(call), name, shown, notes=(why,))
                break


def _first(script: Script, call: cst.Call) -> str:
    """What it is told first, on one line: a name, as a rule."""
    places = positional(call)
    value = script.value(places[0]) if places else None
    return str(value or script.text(places[0]).partition("\n")[0]) if places else ""
