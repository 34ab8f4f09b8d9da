"""Stable-Baselines3: many copies of a native environment as one `VecEnv`.

| native                          | Stable-Baselines3                                            |
| ------------------------------- | ------------------------------------------------------------ |
| world w, agent a                | row w * num_agents + a; a team shares one policy             |
| seed + w                        | `seed(seed)`: every agent of world w                         |
| terminated or truncated         | `dones`, bool                                                |
| info, and how an episode went   | `infos`: see `bridge.sb3_infos`; `reset_infos`               |
| action mask                     | `env_method("action_masks")`, for sb3-contrib's `MaskablePPO` |

A world begins again on the step on which its last agent ends. The row of an agent that has ended
before that is padding: its observation is zeros, its reward 0, its action ignored and
`infos[row]["alive"]` False. When the world begins again the padding is done as well, terminated, so
that it is an episode of its own which is worth nothing: no value leaks into or out of it, stacked
frames and recurrent state start over. It has no "episode" entry and so enters no statistics.

Every array handed out is the caller's own: torch warns of arrays that it may not write to.
"""

import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from native.batch import Autoreset, Transition
from native.core import Environment, Renders

from .actions import mask_size
from .adapter import Adapter, all_or_nothing
from .arrays import to_numpy
from .attributes import RowAttributes
from .environments import Source, as_limited
from .errors import CallOrderError, MissingExtraError, OptionError, RenderError
from .programs import Device, Sight
from .resets import given_options, one_seed
from .rows import Intake, at, blanked, only_kind, split, to_rows
from .sb3_infos import Infos, Notebook
from .session import Session
from .window import Window, check_render_mode, frames_per_second

try:
    from stable_baselines3.common.vec_env import VecEnv, VecMonitor
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvWrapper, tile_images
except ImportError as error:
    raise MissingExtraError("bridge.sb3", "stable_baselines3", "sb3") from error

from . import spaces  # which needs Gymnasium, which SB3 brings
from .sb3_words import EpisodeFile, ours

RENDER_MODES = ("rgb_array", "human")
TILES = 16  # worlds in one picture

Observations: TypeAlias = Any  # (rows, *space shape), or a dict of those
Indices: TypeAlias = "int | Iterable[int] | None"


def make_vec_env(
    id_or_env: Source,
    num_envs: int | None = None,
    seed: int | None = None,
    *,
    render_mode: str | None = None,
    params: Any = None,
    devices: Sequence[Device] | None = None,
    **rules: Any,
) -> VecEnvWrapper:
    """`num_envs` copies of an environment, ready for an algorithm of Stable-Baselines3.

    Args:
        id_or_env: A registered name or a native environment.
        num_envs: How many worlds, 1 if none are given; the `VecEnv` has a row for each agent.
        seed: World w is seeded with `seed` + w. None: by the algorithm, or the operating system.
        render_mode: "rgb_array" or "human": the first worlds, side by side.
        params: Numbers of the dynamics by name, for all worlds or one for each, see
            `bridge.parameters`.
        devices: Share the worlds among these.
        **rules: Rules of the environment, by name, and what Stable-Baselines3 calls its own, see
            `bridge.sb3_words`.

    Raises:
        UnknownNameError, RulesError: See `bridge.environments.as_environment`.
        UnsuitableError: The agents' spaces differ, so that they cannot share one policy.
        RenderError: No such render mode, or the environment has no picture.
        SeedError: `seed` is no non-negative integer.
    """
    named = {"num_envs": num_envs, "render_mode": render_mode}
    given, monitor = ours(
        {word: value for word, value in named.items() if value is not None} | rules
    )
    worlds, mode = given.pop("num_envs", 1), given.pop("render_mode", None)
    if given.get("max_episode_steps") is None:
        given.pop("max_episode_steps", None)
    env = as_limited(id_or_env, "max_episode_steps", given)
    venv = VecBridge(Rows(env, worlds, render_mode=mode, params=params, devices=devices))
    if seed is not None:
        venv.seed(seed)
    return venv if monitor is None else EpisodeFile(venv, env.spec.name, monitor)


class VecBridge(Adapter, VecMonitor):
    """A `VecMonitor` that need not count, because its `Rows` know how each episode went.

    Being one tells `evaluate_policy` and its like to trust the "episode" entries. Attributes and
    methods of `Rows` can be used on it, and through any wrapper above it.
    """

    def __init__(self, rows: "Rows") -> None:
        VecEnvWrapper.__init__(self, rows)
        self._session = rows._session
        self.metadata, self.reset_infos = rows.metadata, rows.reset_infos

    def reset(self) -> Observations:
        return self.venv.reset()

    def step_wait(self) -> tuple[Observations, np.ndarray, np.ndarray, Infos]:
        return self.venv.step_wait()

    def close(self) -> None:
        self.venv.close()

    def _memory(self) -> dict[str, Any]:
        rows: Any = self.venv
        memory: dict[str, Any] = rows._memory()
        return memory

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.venv,)


class Rows(Adapter, VecEnv):
    """The rows themselves.

    Attributes:
        num_worlds: Copies of the environment.
        num_agents: Agents, and so rows, of each.
        alive: bool (rows,), whose next action counts.
    """

    def __init__(
        self,
        env: Environment[Any, Any],
        num_worlds: int,
        *,
        render_mode: str | None = None,
        params: Any = None,
        devices: Sequence[Device] | None = None,
    ) -> None:
        only_kind(env.spec)
        check_render_mode(env, render_mode, RENDER_MODES)
        self._session = Session(
            env, num_worlds, Autoreset.SAME_STEP, params=params, devices=devices
        )
        self._spec = spec = self._session.spec
        group = only_kind(spec)
        self._intake = Intake(spec, num_worlds)
        self._notebook = Notebook(num_worlds, spec.num_agents)
        self._stepping = False
        self._before: Any = None  # the session before the step that has begun
        self._window: Window | None = None
        self._masks: Any = None
        self.num_worlds = num_worlds = self._session.num_envs
        self.num_agents = spec.num_agents
        self._attributes = RowAttributes(self._session, spec.num_agents)
        self.num_envs = num_worlds * self.num_agents
        self.render_mode = render_mode
        self.alive = np.ones(self.num_envs, bool)
        observation_space = spaces.observation_space(group.observation)
        super().__init__(self.num_envs, observation_space, spaces.action_space(group.action))
        modes = [*RENDER_MODES] if isinstance(env, Renders) else []
        self.metadata: dict[str, Any] = {
            "render_modes": modes,
            "render_fps": frames_per_second(env),
        }

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the next `reset`; all agents of a world have its seed.

        Raises:
            SeedError: `seed` is no non-negative integer.
        """
        worlds = super().seed(one_seed(seed))
        self._seeds = [worlds[row // self.num_agents] for row in range(self.num_envs)]
        return self._seeds

    def set_options(self, options: list[dict[str, Any]] | dict[str, Any] | None = None) -> None:
        """Refuse any option: there is none.

        Raises:
            OptionError: An option was given; what is no dict is a TypeError too.
        """
        for given in options if isinstance(options, list) else [options]:
            for option in given_options(given):
                raise OptionError(f"unknown reset option {option!r}: this VecEnv has no options.")

    @all_or_nothing
    def reset(self) -> Observations:
        shown = self._session.reset(self._seeds[:: self.num_agents])
        self._reset_seeds()
        info = to_numpy(shown.timestep.info)
        self.reset_infos[:] = self._notebook.of_reset(info, np.arange(self.num_worlds))
        return self._begun(shown)

    @all_or_nothing
    def step_async(self, actions: np.ndarray) -> None:
        """Begin a step; the device works while Python goes on.

        As in `DummyVecEnv` a step that was begun and not waited for is not taken: a wrapper that
        was interrupted between both halves begins again.

        Raises:
            NotResetError, ClosedError: Before `reset`, after `close`.
            ActionError: The actions do not fit the action space; nothing is stepped.
        """
        self._session.require("step")
        joint = self._intake(actions)
        if self._stepping:
            self._session.go_back(self._before)
        self._before = self._session.moment()
        self._session.dispatch(joint)
        self._stepping = True

    @all_or_nothing
    def step_wait(self) -> tuple[Observations, np.ndarray, np.ndarray, Infos]:
        """Observations, rewards float32 (rows,), dones bool (rows,) and an info for each row.

        Raises:
            ClosedError: After `close`.
            CallOrderError: No step has begun.
        """
        self._session.require("step_wait", running=False)
        if not self._stepping:
            raise CallOrderError("step_wait() was called before step_async().")
        self._stepping, self._before = False, None
        infos = self._notebook.empty()  # while the device works
        now: Any
        now, self._masks = self._session.look(own=True)
        dones = (now.terminated | now.truncated).reshape(-1)
        if dones.any():
            infos, dones = self._end(infos, dones, now)
        else:
            infos = self._notebook.of_step(infos, now.info, self.alive)
        if self.render_mode == "human":
            self.render()
        return self._observe(now.observation), now.reward.reshape(-1), dones, infos

    def close(self) -> None:
        self._session.close()
        if self._window is not None:
            self._window.close()

    @all_or_nothing
    def load_state(self, path: str | os.PathLike[str]) -> Observations:
        """Go on from a file that `save_state` wrote; its observations, as `reset` returns them.

        Raises:
            StateFileError: It is no such file, or of another environment or number of worlds.
        """
        memory = self._session.load(path)
        self._seeds = memory.get("seeds", [None] * self.num_envs)
        shown = self._session.shown
        info = to_numpy(shown.timestep.info)
        self.reset_infos[:] = self._notebook.of_reset(info, np.arange(self.num_worlds))
        return self._begun(shown)

    def _memory(self) -> dict[str, Any]:
        if self._stepping:
            raise CallOrderError("save_state() was called before step_wait(). Call that first.")
        return {"seeds": self._seeds}

    def get_images(self) -> list[np.ndarray]:
        """Pictures of the first worlds, at most 16."""
        return [self._session.render(world) for world in range(min(self.num_worlds, TILES))]

    def render(self, mode: str | None = None) -> np.ndarray | None:
        """The pictures of `get_images` side by side; "human" shows them in a window.

        Raises:
            RenderError: Made without a render mode, or no such mode.
        """
        mode = mode or self.render_mode
        if self.render_mode is None or mode not in RENDER_MODES:
            raise RenderError(f"cannot render {mode!r}: make it with one of {RENDER_MODES}.")
        picture: np.ndarray = tile_images(self.get_images())
        if mode == "rgb_array":
            return picture
        if self._window is None:
            self._window = Window(self._spec.name, self.metadata["render_fps"])
        self._window.show(picture)
        return None

    def has_attr(self, attr_name: str) -> bool:
        try:
            self.get_attr(attr_name)
        except AttributeError:
            return False
        return True

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """A note of `set_attr`, `alive`, `action_masks`, `render`, a parameter or a rule by row."""
        return [self._attribute(attr_name, row) for row in self._rows(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Set a parameter or a rule from the next step on; what is neither is kept as a note.

        Args:
            attr_name: Of a parameter, a rule, or anything else that nothing here has.
            value: For each of the rows.
            indices: Rows; whole worlds for a parameter, all for a rule. None: all.

        Raises:
            RulesError: It cannot be set, or the value does not fit.
        """
        values = dict.fromkeys(self._rows(indices), value)
        self._attributes.set(attr_name, values, is_taken=self.has_attr(attr_name))

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        methods = self.get_attr(method_name, indices)
        return [method(*method_args, **method_kwargs) for method in methods]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Indices = None) -> list[bool]:
        """No row has a wrapper of its own."""
        del wrapper_class
        return [False for _ in self._rows(indices)]

    def _rows(self, indices: Indices) -> list[int]:
        if isinstance(indices, int):
            indices = [indices]
        rows = range(self.num_envs)
        return [*rows] if indices is None else [rows[row] for row in indices]

    def _attribute(self, name: str, row: int) -> Any:
        env = self._session.env
        match name:
            case _ if self._attributes.has_note(name, row):
                return self._attributes.get(name, row)
            case "render_mode":
                return self.render_mode
            case "alive":
                return bool(self.alive[row])
            case "action_masks" if mask_size(env, self._spec.groups[0]):
                return functools.partial(self._action_mask, row)
            case "render" if isinstance(env, Renders):
                return functools.partial(self._session.render, row // self.num_agents)
            case _:
                return self._attributes.get(name, row)

    def _action_mask(self, row: int) -> np.ndarray:
        """Legal actions of a row: bool (actions,); before the first reset all of them."""
        self._session.require("action_masks", running=False)
        if self._masks is None:
            return np.ones(mask_size(self._session.env, self._spec.groups[0]), bool)
        if isinstance(self._masks, Mapping):
            self._masks = to_rows(self._spec, self._masks)
        return np.array(self._masks[row])

    def _begun(self, shown: Transition) -> Observations:
        self._stepping = False
        self.alive = np.array(to_numpy(shown.acting)).reshape(-1)
        now, self._masks = self._session.look(own=True)
        if self.render_mode == "human":
            self.render()
        return self._observe(now.observation)

    def _observe(self, observation: Any) -> Observations:
        """By row; zeros for agents that have ended, on this step or before."""
        observed = to_rows(self._spec, observation)
        if self.num_agents > 1 and not self.alive.all():
            observed = blanked(observed, ~self.alive)
        return self._elements(observed)

    def _elements(self, observation: Any) -> Observations:
        return spaces.element(self._spec.groups[0].observation, observation)

    def _end(self, infos: Infos, ended: np.ndarray, now: Sight) -> tuple[Infos, np.ndarray]:
        """Infos of a step on which agents `ended`, and which rows are done: those, and padding."""
        tally = self._session.tally()
        assert tally.final is not None
        observation, info = tally.final  # before any reset
        over = np.repeat(tally.over, self.num_agents)
        dones: np.ndarray = ended | over
        rows = np.flatnonzero(dones)
        space = self._spec.groups[0].observation
        last = split(space, self._elements(at(to_rows(self._spec, observation), rows)), len(rows))
        infos = self._notebook.of_step(infos, info, self.alive)
        self._notebook.add_endings(infos, rows, ended, now.truncated.reshape(-1), tally, last)
        begun = self._notebook.of_reset(now.info, np.flatnonzero(tally.over))
        for row, info_of_row in zip(np.flatnonzero(over).tolist(), begun, strict=True):
            self.reset_infos[row] = info_of_row
        self.alive = np.array(tally.acting).reshape(-1)
        return infos, dones
