"""What a script does to an environment beyond what every environment has.

Ours need not answer to it in the same way, so a script that does any of it is left alone:

| written                                                      | what it reaches for             |
| ------------------------------------------------------------ | ------------------------------- |
| `env.unwrapped.gravity = 9`, `env.env.state`                 | an attribute of the simulator   |
| `setattr(env, name, 9)`, `vars(env)`                         | the same, by its name           |
| `envs.set_attr("gravity", 9)`, `env_method`, `call`          | the same, of many               |
| `env.reset(options={"low": -1})`                             | where episodes begin            |
| `CartPoleEnv.step = mine`, `gymnasium.register("CartPole-v1")` | the original's class or entry |
"""

import builtins
import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import libcst as cst

from native.registry import REGISTRY

from .holding import INNER, Environments
from .script import Script, keywords, positional, starred
from .twins import RENAMED

STANDARD = {  # of environments, and of the wrappers that ours take as any other
    *("action_space", "close", "metadata", "np_random_seed", "observation_space", "render"),
    *("render_mode", "reset", "seed", "single_action_space", "single_observation_space"),
    *("num_envs", "spec", "step", "step_async", "step_wait", "close_extras", "closed"),
    *("reset_async", "reset_wait", "reward_range", "_max_episode_steps"),
    # PettingZoo
    *("agents", "possible_agents", "num_agents", "max_num_agents", "agent_iter", "last"),
    *("agent_selection", "observe", "rewards", "terminations", "truncations", "infos"),
    *("action_spaces", "observation_spaces", "state_space", "parallel_env"),
    # dm_env
    *("action_spec", "observation_spec", "reward_spec", "discount_spec"),
    # bsuite's
    *("bsuite_info", "bsuite_num_episodes", "flush"),
    # MinAtar's
    *("act", "num_actions", "minimal_action_set", "state_shape", "game_name"),
    *("display_state", "close_display"),
    # Gymnasium's wrappers
    *("episode_count", "return_queue", "length_queue", "time_queue", "episode_returns"),
    *("episode_lengths", "obs_rms", "return_rms", "update_running_mean", "video_folder"),
    *("start_recording", "stop_recording", "recording", "recorded_frames", "episode_id"),
    # Stable-Baselines3's
    *("get_images", "reset_infos", "ret_rms", "training", "norm_obs", "norm_reward", "save"),
    *("load", "set_venv", "normalize_obs", "normalize_reward", "unnormalize_obs"),
    *("unnormalize_reward", "get_original_obs", "get_original_reward", "get_total_steps"),
    *("get_episode_rewards", "get_episode_lengths", "get_episode_times", "results_writer"),
    *("__class__", "__doc__", "__enter__", "__exit__", "__repr__", "__str__"),
}
FUNCTIONAL = {  # of gymnax's, whose functions are handed on
    *("default_params", "is_terminal", "is_terminated", "is_truncated", "name", "num_actions"),
    *("reset_env", "step_env"),
}
SETTINGS = {"training", "norm_obs", "norm_reward", "update_running_mean"}  # a script may set them
PLAIN = {*dir(str), *dir(list), *dir(dict)} - {*dir(object)}  # it is no environment after all
BY_NAME = {
    *("call", "call_async", "env_method", "get_attr", "get_wrapper_attr", "has_attr"),
    *("has_wrapper_attr", "set_attr", "set_wrapper_attr"),
}
SURE = BY_NAME - {"call", "call_async", "has_attr"}  # nothing else has methods so called
SAME = {"render", "render_mode"}  # what ours answer alike if asked by name
BUILTINS = ("setattr", "getattr", "delattr", "hasattr", "vars")
OPTIONS = {"reset_mask"}  # of `reset`, that ours have as well
INTERNALS = re.compile(
    r"(gymnasium|gym)\.envs\.(?!registration\b|registry\b|.*\.generate_random_map$)\w+\..+"
    r"|(mpe2|pettingzoo\.mpe)(\._\w+|\.\w+\.(?!parallel_env|env$|raw_env$)\w+).*"
)
REGISTER = re.compile(r"(gymnasium|gym)\.(envs\.registration\.)?register")
ENTRIES = re.compile(r"(gymnasium|gym)\.(envs\.)?(registration\.)?registry")
SPEC = re.compile(r"(gymnasium|gym)\.(envs\.registration\.)?spec")
READ = ("keys", "values", "items")
IMPORTS = (cst.Import, cst.ImportFrom)
LIBRARIES = ("gymnasium.", "gym.", "stable_baselines3.", "pettingzoo.", "supersuit.", "bridge.")
LOOKING = ("isinstance", "type", "str", "repr", "print", "id", "len")  # at an environment, no more
SHOWN = 3  # reaches that a note tells; the rest are counted


@dataclasses.dataclass(frozen=True, order=True)
class Reach:
    """Something that is beyond what every environment has, and the line where it stands."""

    line: int
    what: str


def reaches(script: Script) -> list[Reach]:
    """All of a script, in the order of its lines."""
    reader = _Reader(script)
    told: list[tuple[cst.CSTNode, str]] = []
    told += [(node, reader.attribute(node)) for node in script.nodes(cst.Attribute)]
    told += [(call, reader.call(call)) for call in script.calls]
    told += [(node, reader.imported(node)) for node in script.nodes((cst.Name, cst.Attribute))]
    return sorted({Reach(script.line(node), what) for node, what in told if what})


def notes(found: list[Reach]) -> Iterator[str]:
    """What to tell the user of it."""
    for reach in found[:SHOWN]:
        yield f"line {reach.line}: {reach.what} is not of every environment; ours may differ"
    if len(found) > SHOWN:
        yield f"and {len(found) - SHOWN} more of that kind"


class _Reader:
    """Looks at nodes one by one; what a method returns is what the node does, "" for nothing."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._environments = Environments(script)
        self._old = any(script.name(call).startswith("gym.") for call in script.calls)
        self._functional = any(script.name(call) == "gymnax.make" for call in script.calls)
        self._own = set(_defined(script))
        self._targets = set(_targets(script))

    def attribute(self, node: cst.Attribute) -> str:
        """`env.gravity`, read or set."""
        base, name = node.value, node.attr.value
        if self._script.imported(node) or self._script.enclosing(node, IMPORTS):
            return ""
        if name == "spec" or self._is_entry(base):
            return ""
        if node in self._targets and self._is_spec(base):
            return f"setting {self._script.text(node)}"
        if not self._environments.hold(base):
            return self._by_name(node) if name in SURE else ""
        return self._of_environment(node, base, name)

    def _of_environment(self, node: cst.Attribute, base: cst.BaseExpression, name: str) -> str:
        text = self._short(node)
        is_self = isinstance(base, cst.Name) and base.value == "self"
        if name in BY_NAME:
            return self._by_name(node)
        if node in self._targets and not is_self and name not in SETTINGS:
            return f"setting {text}"
        if name in INNER:
            return self._inner(node, text, is_self)
        call = self._parent(node)
        arguments = len(call.args) if isinstance(call, cst.Call) and call.func is node else None
        if self._functional and name in FUNCTIONAL:
            return ""
        if name == "reset" and arguments is None and not self._functional:
            return f"{text}, not called,"
        if name == "state" and arguments == 0:  # PettingZoo's; Gymnasium's is an array
            return ""
        own = name in self._own and ".unwrapped" not in text
        return "" if own or name in STANDARD or name in PLAIN else text

    def _inner(self, node: cst.Attribute, text: str, is_self: bool) -> str:
        """`env.unwrapped` itself: whose attributes are used is looked at elsewhere."""
        parent = self._parent(node)
        if self._old and not is_self and not isinstance(parent, cst.Attribute):
            return f"{text}, which in bridge.legacy has a time limit,"
        call = self._parent(parent) if isinstance(parent, cst.Arg) else None
        if isinstance(call, cst.Call) and node.attr.value == "unwrapped":
            callee = self._script.text(call.func)
            looks = callee in LOOKING or self._script.imported(call).startswith(LIBRARIES)
            followed = isinstance(call.func, cst.Name) and callee not in dir(builtins)
            return "" if looks or followed else f"{self._short(call)}"
        return ""

    def _by_name(self, node: cst.Attribute) -> str:
        call, method = self._parent(node), node.attr.value
        if not (isinstance(call, cst.Call) and call.func is node):
            return f".{method}"
        places = positional(call)
        name = self._name(places[0]) if places else None
        if name in SAME and not method.startswith("set"):
            return ""
        told = [self._script.text(place) for place in places[:1]]
        return f"{method}({', '.join([repr(name)] if name else told)})"

    def call(self, node: cst.Call) -> str:
        """`setattr(env, ...)`, `env.reset(options=...)`, `gymnasium.register(...)`."""
        name, places = self._script.imported(node), positional(node)
        if REGISTER.fullmatch(name):
            entry = self._script.value(places[0] if places else keywords(node).get("id"))
            harmless = isinstance(entry, str) and entry not in (*REGISTRY, *RENAMED, "CartPole-v0")
            return "" if harmless else f"registering {entry or 'an environment'} anew"
        match node.func:
            case cst.Name(value=builtin) if builtin in BUILTINS and places:
                return self._builtin(builtin, places)
            case cst.Attribute(value=base, attr=cst.Name(value="reset")):
                return self._reset(node) if self._environments.hold(base) else ""
            case _:
                return ""

    def _builtin(self, builtin: str, places: list[cst.BaseExpression]) -> str:
        if not self._environments.hold(places[0]):
            return ""
        name = self._name(places[1]) if len(places) > 1 else None
        known = name in STANDARD or name in INNER
        if builtin in ("getattr", "hasattr") and (known or name in self._own):
            return ""
        return f"{builtin}({', '.join(map(self._short, places[:2]))})"

    def _reset(self, call: cst.Call) -> str:
        within = self._script.enclosing(call, cst.FunctionDef)
        if self._functional:
            return ""  # it takes a key and parameters
        if within is not None and within.name.value == "reset":
            return ""  # hands on what it is given, and who calls it is looked at
        places = positional(call)
        options: cst.CSTNode | None = keywords(call).get("options")
        if options is None and len(places) > 1:
            options = places[1]
        if starred(call):
            return "reset() with arguments known only when it runs"
        if isinstance(options, cst.Name) and options.value != "None":
            options = self._script.definition(options) or options
        match options:
            case None | cst.Name(value="None"):
                return ""
            case cst.Dict(elements=elements):
                keys = [each.key for each in elements if isinstance(each, cst.DictElement)]
                names = [self._name(key) for key in keys]
                if len(keys) == len(elements) and set(names) <= OPTIONS:
                    return ""
            case _:
                pass
        return f"reset(options={self._short(options)})"

    def imported(self, node: cst.Name | cst.Attribute) -> str:
        """Classes of the original's, Gymnasium's table of entries, and `getattr` itself."""
        name = self._script.imported(node)
        parent = self._parent(node)
        if isinstance(parent, cst.Arg) and self._script.text(node) in BUILTINS:
            return f"handing on {self._script.text(node)}"
        if not name or self._script.enclosing(node, IMPORTS):
            return ""
        if INTERNALS.fullmatch(name) and not isinstance(parent, cst.Attribute):
            return name
        if ENTRIES.fullmatch(name) and isinstance(parent, (cst.Subscript, cst.Attribute)):
            reads = isinstance(parent, cst.Attribute) and parent.attr.value in READ
            return "" if reads else name
        return ""

    def _is_entry(self, base: cst.CSTNode) -> bool:
        return bool(ENTRIES.fullmatch(self._script.imported(base)))

    def _is_spec(self, base: cst.CSTNode) -> bool:
        """Whether it is the entry of an environment: `env.spec`, `gymnasium.spec(name)`."""
        if isinstance(base, cst.Attribute) and base.attr.value == "spec":
            return True
        if isinstance(base, cst.Name):
            base = self._script.definition(base) or base
        return isinstance(base, cst.Call) and bool(SPEC.fullmatch(self._script.imported(base)))

    def _name(self, node: cst.CSTNode) -> str | None:
        """What it says, if it is a text and that is known."""
        value = self._script.value(node)
        return value if isinstance(value, str) else None

    def _parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        return self._script.parent(node)

    def _short(self, node: cst.CSTNode) -> str:
        return re.sub(r"\s+", " ", self._script.text(node))


def _defined(script: Script) -> Iterator[str]:
    """Attributes and methods that the script's own classes have."""
    for kind in script.nodes(cst.ClassDef):
        for node in script.within(kind.body, (cst.FunctionDef, cst.AssignTarget, cst.AnnAssign)):
            match node.name if isinstance(node, cst.FunctionDef) else node.target:
                case cst.Name(value=name):
                    yield name
                case cst.Attribute(value=cst.Name(value="self"), attr=attr):
                    yield attr.value
                case _:
                    pass


def _targets(script: Script) -> Iterator[cst.Attribute]:
    """Attributes that are given a value, or deleted."""
    kinds = (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.Del)
    for node in script.nodes(kinds):
        todo: list[Any] = [node.target]
        while todo:
            match todo.pop():
                case cst.Attribute() as target:
                    yield target
                case cst.Tuple(elements=elements) | cst.List(elements=elements):
                    todo += [each.value for each in elements]
                case _:
                    pass
