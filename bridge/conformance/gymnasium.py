"""Gymnasium: its own `check_env`, and strict ones for `Env` and `VectorEnv`.

`check_env` looks at a step or two. For a `VectorEnv` that Gymnasium did not assemble itself it has
no checker at all: `check_vector_env` is one, for all three autoreset modes.
"""

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bridge.errors import MissingExtraError
from bridge.gymnasium import make, make_vec
from native.core import Environment

from . import strict

try:
    import gymnasium
    from gymnasium.envs.registration import EnvSpec
    from gymnasium.utils.env_checker import check_env
    from gymnasium.vector.utils import batch_space
except ImportError as error:
    raise MissingExtraError("bridge.conformance.gymnasium", "gymnasium", "gymnasium") from error

WORLDS = 3
CLOSE = 1e-4  # what rounding may change in one step
MODES = ("NEXT_STEP", "SAME_STEP", "DISABLED")
HARMLESS = (
    "A Box (action|observation) space (minimum|maximum) value is -?infinity",  # no bound is known
    "For Box action spaces, we recommend",  # the range is the environment's business
    "render_modes. is None or not defined",  # Gymnasium 0.29, of an environment without a picture
)

Make = Callable[[], Any]
MakeVector = Callable[[int], Any]


def check_single_env(make: Make, *, steps: int = 100) -> None:
    """Play an `Env` and look at all it shows.

    Observations lie in the space to the dtype, the reward is a float, flags are Python's, infos
    are new. The same seed and actions give the same episodes, bit for bit, also if the caller
    writes over all it is given; nothing returned changes afterwards.

    Args:
        make: Makes a fresh environment; called several times.
        steps: How many to play.

    Raises:
        AssertionError: Says what is wrong.
    """
    env = make()
    for kind in ("observation_space", "action_space"):
        assert getattr(env, kind) is getattr(env, kind), f"{kind} is another each time"
    metadata = copy.deepcopy(gymnasium.Env.metadata)
    played = _play(env, steps)
    strict.same(played, _play(make(), steps, scribble=True), "the same seed again")
    strict.same(played, _play(env, steps), "the same seed later")
    assert gymnasium.Env.metadata == metadata, "the class's metadata has changed"
    env.close()
    env.close()


def check_vector_env(make: MakeVector, *, agents: int = 1, steps: int = 100) -> None:
    """Play a `VectorEnv` and look at all it shows.

    Shapes, dtypes and membership at every step; the layout of infos and their masks; what its
    autoreset mode promises on the step that ends an episode and on the next; options unchanged;
    seeds; no row depends on how many there are; nothing returned changes afterwards, and writing
    over it changes nothing.

    Args:
        make: Number of worlds -> a fresh environment; called several times.
        agents: Rows of each world. If several, `info["alive"]` says whose next action counts.
        steps: How many to play.

    Raises:
        AssertionError: Says what is wrong.
    """
    env = make(WORLDS)
    _check_attributes(env, WORLDS * agents)
    played = _Vector(env, agents).play(steps)
    again = _Vector(make(WORLDS), agents, scribble=True, meddle=True).play(steps)
    strict.same(played, again, "the same seed again")
    strict.same(played, _Vector(env, agents).play(steps), "the same seed later")
    alone = _Vector(make(1), agents, strict.SEED).play(steps, resets=False)
    together = _Vector(env, agents, strict.SEED).play(steps, resets=False)
    strict.same(played[0], together[0], "one seed a world, and one for all")
    first = np.arange(agents)
    check_independence(
        [list(left[:-1]) for left in alone],
        [[_at(every, first) for every in right[:-1]] for right in together],
    )
    env.close()
    env.close()
    assert env.closed, "close() leaves closed False"


def check_independence(alone: Sequence[Any], together: Sequence[Any]) -> None:
    """Compare what a row showed, step by step, alone and among others.

    Another number of rows may round otherwise, and some dynamics make that grow until these are
    two different episodes, from where on they are not compared. So what is not close must follow
    on what is close without being equal.

    Raises:
        AssertionError: A row depends on how many there are.
    """
    rounded = False
    for left, right in zip(alone, together, strict=False):  # DISABLED: until the first has ended
        pairs = [*zip(left, right, strict=True)]
        if not all(_close(one, other, CLOSE) for one, other in pairs):
            assert rounded, "a row depends on how many rows there are"
            return
        rounded = not all(_close(one, other, 0.0) for one, other in pairs)


class _Vector:
    """Plays one vector environment and keeps what is known of its rows."""

    def __init__(
        self,
        env: Any,
        agents: int,
        seed: Any = None,
        *,
        scribble: bool = False,
        meddle: bool = False,
    ) -> None:
        rows = range(env.num_envs)
        worlds = env.num_envs // agents
        self.env, self.agents, self.meddle = env, agents, meddle
        self.seed = [strict.SEED + world for world in range(worlds)] if seed is None else seed
        self.mode = env.autoreset_mode.name
        self.record = strict.Record(scribble=scribble)
        self.spaces = [copy.deepcopy(env.single_action_space) for _ in rows]
        for row, space in enumerate(self.spaces):
            space.seed(strict.SEED + row)
        self.alive = np.ones(env.num_envs, bool)
        self.over = np.zeros(env.num_envs, bool)  # every agent of the row's world has ended
        self.masks: Any = None
        self.observation: Any = None

    def play(self, steps: int, *, resets: bool = True) -> list[Any]:
        self.begin(self.seed, {})
        for step in range(steps):
            if self.mode == "DISABLED" and self.over.any():
                if not resets:
                    break
                self.begin(None, {"reset_mask": self.over.copy()})
            elif resets and step == steps // 2:
                self.begin(None, None)
            self.step()
        self.record.verify()
        return self.record.copies

    def begin(self, seed: Any, options: Any) -> None:
        """`reset`, of all rows or of some."""
        given = copy.deepcopy(options)
        before = self.observation
        returned = self.env.reset(seed=seed, options=options)
        strict.same(options, given, "the options after reset()")
        self.observation, info = copy.deepcopy(returned)
        rows = np.ones(self.env.num_envs, bool)
        if options:
            rows = options["reset_mask"]
            kept, shown = _at(before, ~rows), _at(self.observation, ~rows)
            strict.same(kept, shown, "rows that reset_mask leaves out")
        self.check_shown(self.observation, info, rows)
        self.alive = self.alive | rows
        self.over = self.over & ~rows
        if self.agents > 1:
            strict.same(info["alive"], self.alive, "info['alive'] after reset()")
        self.masks = info.get("action_mask")
        self.record.add(returned)

    def step(self) -> None:
        actions = self.draw()
        given = actions.copy()
        returned = self.env.step(actions)
        strict.same(actions, given, "the actions after step()")
        self.observation, reward, terminated, truncated, info = copy.deepcopy(returned)
        rows = self.env.num_envs
        assert isinstance(reward, np.ndarray), "the reward is no array"
        assert reward.dtype in (np.float64, np.float32), f"the reward is {reward.dtype}"
        assert reward.shape == (rows,), f"the reward has shape {reward.shape}"
        assert np.isfinite(reward).all(), f"the reward is {reward}"
        strict.has_shape(terminated, "bool", rows, "terminated")
        strict.has_shape(truncated, "bool", rows, "truncated")
        strict.flags_agree(terminated, truncated, "step()")
        self.check_shown(self.observation, info, np.ones(rows, bool))
        self.check_endings(reward, terminated | truncated, info)
        self.masks = info.get("action_mask")
        self.record.add(returned)

    def check_endings(self, reward: np.ndarray, done: np.ndarray, info: Any) -> None:
        """What the mode promises, of rows that were `alive` and worlds that were `over`."""
        idle = self.over | ~self.alive
        assert not reward[idle].any(), f"rows {np.flatnonzero(idle)} did not act, yet earn {reward}"
        assert not done[self.over].any(), "a flag on the step that resets"
        restarted = self.over if self.mode == "NEXT_STEP" else np.zeros_like(done)
        ended = (done & self.alive) | (~self.alive & ~restarted)
        worlds = ended.reshape(-1, self.agents).all(axis=1)
        over = np.repeat(worlds, self.agents) & ~restarted
        padding = ~self.alive & ~restarted
        assert not done[padding & ~over].any(), "an agent that has ended ends again"
        assert done[padding & over].all(), "an observation will jump without a flag"
        if self.mode == "SAME_STEP":
            self.check_final(done, info)
            ended, over = ended & ~over, np.zeros_like(over)
        else:
            assert "final_obs" not in info, f"final_obs in mode {self.mode}"
        self.alive, self.over = ~ended, over
        if self.agents > 1:
            strict.same(info["alive"], self.alive, "info['alive']")

    def check_final(self, done: np.ndarray, info: Any) -> None:
        """`final_obs` and `final_info` where a row is done, and nowhere else."""
        for key in ("final_obs", "final_info"):
            assert (key in info) == done.any(), f"{key!r} in info is {key in info}: done {done}"
            if done.any():
                strict.same(info[f"_{key}"], done, f"info['_{key}']")
        for row, last in enumerate(info.get("final_obs", ())):
            if done[row]:
                space = self.env.single_observation_space
                strict.belongs(space, last, f"final_obs[{row}]")
            else:
                assert last is None, f"final_obs[{row}] is {last!r}, but the row goes on"

    def check_shown(self, observation: Any, info: Any, rows: np.ndarray) -> None:
        strict.belongs(self.env.observation_space, observation, "the observation")
        assert type(info) is dict, f"info is a {type(info).__name__}"
        _check_info(info, self.env.num_envs)
        for key, mask in info.items():
            if key.startswith("_"):
                assert not mask[~rows].any(), f"info[{key!r}] claims rows that were not reset"

    def draw(self) -> np.ndarray:
        """Legal actions, each row from a space of its own; others where they must not matter."""
        chosen = []
        for row, space in enumerate(self.spaces):
            mask = None if self.masks is None else self.masks[row]
            action = space.sample(mask)
            if self.meddle and (self.over[row] or not self.alive[row]):
                action = copy.deepcopy(space).sample()
            chosen.append(action)
        return np.stack(chosen)


def _check_attributes(env: Any, rows: int) -> None:
    kind: Any = gymnasium.vector.VectorEnv
    assert isinstance(env, kind), "it is no VectorEnv"
    assert env.num_envs == rows, f"num_envs is {env.num_envs}, not {rows}"
    for name in ("observation_space", "action_space"):
        whole, single = getattr(env, name), getattr(env, f"single_{name}")
        assert whole is getattr(env, name), f"{name} is another each time"
        assert single is getattr(env, f"single_{name}"), f"single_{name} is another each time"
        assert whole == batch_space(single, rows), f"{name} is {whole}, of {single}"
    assert "metadata" in vars(env), "metadata belongs to the class, so to every environment"
    mode = env.autoreset_mode
    assert mode.name in MODES, f"autoreset_mode is {mode!r}"
    if hasattr(gymnasium.vector, "AutoresetMode"):
        known = gymnasium.vector.AutoresetMode
        assert isinstance(mode, known), f"autoreset_mode is {mode!r}, not a member of {known}"
        in_metadata = env.metadata.get("autoreset_mode")
        assert in_metadata is mode, f"metadata says {in_metadata!r}, the attribute {mode!r}"
    assert env.closed is False, f"closed is {env.closed!r} in the beginning"


def _check_info(info: Mapping[str, Any], rows: int) -> None:
    for key, value in info.items():
        if key.startswith("_"):
            assert key[1:] in info, f"info[{key!r}] masks nothing"
            continue
        if f"_{key}" in info:
            strict.has_shape(info[f"_{key}"], "bool", rows, f"info['_{key}']")
        if isinstance(value, dict):
            _check_info(value, rows)
        else:
            assert isinstance(value, np.ndarray), f"info[{key!r}] is a {type(value).__name__}"
            assert len(value) == rows, f"info[{key!r}] has {len(value)} rows, not {rows}"


def _play(env: Any, steps: int, *, scribble: bool = False) -> list[Any]:
    record = strict.Record(scribble=scribble)
    env.action_space.seed(strict.SEED)
    seed: int | None = strict.SEED
    over, mask = True, None
    for _ in range(steps):
        if over:
            options: dict[str, Any] = {}
            returned = env.reset(seed=seed, options=options)
            assert options == {}, f"reset() wrote to its options: {options}"
            observation, info = returned
            over, seed = False, None
        else:
            returned = env.step(env.action_space.sample(mask))
            observation, reward, terminated, truncated, info = returned
            assert type(reward) is float, f"the reward is a {type(reward).__name__}"
            for flag in (terminated, truncated):
                assert type(flag) is bool, f"a flag is a {type(flag).__name__}"
            strict.flags_agree(terminated, truncated, "step()")
            over = terminated or truncated
        strict.belongs(env.observation_space, observation, "the observation")
        assert type(info) is dict, f"info is a {type(info).__name__}"
        mask = copy.deepcopy(info.get("action_mask"))
        record.add(returned)
    record.verify()
    return record.copies


def _at(tree: Any, rows: np.ndarray) -> Any:
    if isinstance(tree, Mapping):
        return {key: _at(part, rows) for key, part in tree.items()}
    return tuple(_at(part, rows) for part in tree) if isinstance(tree, tuple) else tree[rows]


def _close(left: Any, right: Any, tolerance: float) -> bool:
    if isinstance(left, Mapping):
        return all(_close(left[key], right[key], tolerance) for key in left)
    if isinstance(left, tuple):
        return all(_close(*both, tolerance) for both in zip(left, right, strict=True))
    return bool(np.allclose(left, right, rtol=tolerance, atol=tolerance))


def _check_env(env: Environment[Any, Any]) -> None:
    made = make(env)
    made.spec = EnvSpec(
        "native/Checked-v0",
        entry_point=functools.partial(make, env),
        disable_env_checker=True,
    )
    with strict.ignoring(*HARMLESS), strict.no_screen():
        check_env(made)


def _strict(env: Environment[Any, Any]) -> None:
    check_single_env(functools.partial(make, env), steps=strict.rounds(env))


def _strict_vector(mode: str, env: Environment[Any, Any]) -> None:
    def worlds(num_envs: int) -> Any:
        return make_vec(env, num_envs, autoreset_mode=mode)

    check_vector_env(worlds, agents=env.spec.num_agents, steps=strict.rounds(env))


SUITES: Mapping[str, Callable[[Environment[Any, Any]], None]] = {
    "check_env": _check_env,
    "strict Env": _strict,
    **{f"strict VectorEnv {mode}": functools.partial(_strict_vector, mode) for mode in MODES},
}
