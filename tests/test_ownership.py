"""What is handed out is the caller's own: whoever writes to it changes nothing else, ever."""

import copy
import importlib.util
import itertools
from typing import Any

import numpy as np
import pytest
from drivers import draw, of_known_form, same
from fuses import Fuses
from relay import Relay

from bridge.adapters import Interface
from bridge.driving import Gymnasium
from native.registry import make

STEPS = 12  # several episodes of each


class Legacy(Gymnasium):
    """The API of gym 0.21, which has no files of state."""

    def __init__(self):
        super().__init__(Interface("legacy.make", "", one_agent=True))


ENVIRONMENTS = {
    "one": Fuses(fuses=(3,), late=(True,)),  # scalars and arrays in `info`
    "one, masked": make("causeway_v0", walkers=1, horizon=4),
    "team": Fuses(parts=True),
    "team, masked": make("causeway_v0", horizon=4),
    "two teams": Fuses(groups=2),
    "unlike teams": Relay(horizon=3),
}
LEGACY = [Legacy()] if importlib.util.find_spec("gymnasium") else []
CASES = [
    pytest.param(driver, env, id=f"{type(driver).__name__}-{name}")
    for driver in [*of_known_form(), *LEGACY]
    for name, env in ENVIRONMENTS.items()
    if driver.suits(env) and (name != "one" or not isinstance(driver, Legacy))
]


def reset(driver: Any, adapter: Any, seed: int | None) -> Any:
    """What `reset` hands out, and no copy of it."""
    match type(driver).__name__:
        case "DeepMind":
            return tuple(adapter.reset())
        case "StableBaselines":
            if seed is not None:
                adapter.seed(seed)
            return adapter.reset(), [*adapter.reset_infos]
        case "Legacy":
            return adapter.reset(seed=seed, return_info=True)
        case _:
            return adapter.reset(seed=seed)


def step(driver: Any, adapter: Any, joint: Any, spec: Any) -> Any:
    """What `step` hands out, and no copy of it."""
    shown = adapter.step(driver.spell(joint, spec))
    if type(driver).__name__ == "StableBaselines":
        for info in shown[3]:
            info.get("episode", {}).pop("t", None)  # seconds since the start
    return tuple(shown)


def asked(driver: Any, adapter: Any) -> Any:
    """What there is to ask for between steps."""
    match type(driver).__name__:
        case "StableBaselines" if adapter.has_attr("action_masks"):
            return adapter.env_method("action_masks")
        case "Parallel" if adapter.agents and hasattr(adapter, "state_space"):
            return [adapter.state()]
        case "Gymnasium" if hasattr(adapter, "action_masks"):
            return [adapter.action_masks()]
        case _:
            return []


def is_over(driver: Any, adapter: Any, shown: Any) -> bool:
    """Whether nothing goes on before a reset."""
    match type(driver).__name__:
        case "Parallel":
            return not adapter.agents
        case "Gymnasium":
            return len(shown) == 5 and (shown[2] or shown[3])
        case "Legacy":
            return len(shown) == 4 and shown[2]
        case _:
            return False


def parts(tree: Any) -> Any:
    """Every array and every dict in it, once for each place where it stands."""
    if isinstance(tree, np.ndarray) and tree.dtype.kind != "O":
        yield tree
    elif isinstance(tree, (dict, list, tuple, np.ndarray)):
        if isinstance(tree, dict):
            yield tree
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from parts(part)


def scribble(tree: Any) -> None:
    for part in [*parts(tree)]:
        if isinstance(part, dict):
            part["scribbled"] = True
        else:
            part[...] = 77


def share_nothing(tree: Any) -> None:
    places = [*parts(tree)]
    for one, other in itertools.combinations(places, 2):
        if one is other:  # an agent's action mask, in its observation and in its info
            assert one.dtype == np.int8
        elif isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
            assert not np.shares_memory(one, other)


@pytest.mark.parametrize(("driver", "env"), CASES)
def test_whoever_writes_to_what_was_handed_out_changes_nothing_else(driver, env, tmp_path):
    writer, twin = driver.make(env), driver.make(env)
    rng, kept = np.random.default_rng(0), []
    shown = [reset(driver, each, 0) for each in (writer, twin)]
    for tick in range(STEPS):
        same(*shown)
        share_nothing(shown[0])
        handed_out = (shown[0], asked(driver, writer))
        scribble(handed_out)
        kept.append((handed_out, copy.deepcopy(handed_out)))
        same(*(asked(driver, each) for each in (writer, twin)))
        if hasattr(writer, "save_state") and tick % 4 == 1:
            for each, file in ((writer, "scribbled"), (twin, "clean")):
                each.save_state(tmp_path / f"{file}.npz")
            same(writer.load_state(tmp_path / "clean.npz"), twin.load_state(tmp_path / "clean.npz"))
            loaded = [each.load_state(tmp_path / "scribbled.npz") for each in (writer, twin)]
            same(*loaded)
            scribble(loaded)
        if is_over(driver, writer, shown[0]):
            shown = [reset(driver, each, None) for each in (writer, twin)]
            continue
        joint = draw(env, rng, driver.worlds)
        shown = [step(driver, each, joint, env.spec) for each in (writer, twin)]
    same(*shown)
    for then, copied in kept:
        same(then, copied)
