"""Stable-Baselines3: the rows of a batch as a `VecEnv`; the table is in `bridge.sb3`."""

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from native.batch import Autoreset
from native.core import Environment

from . import together
from .actions import mask_size
from .adapter import Adapter, all_or_nothing
from .attributes import RowAttributes
from .errors import (
    CallOrderError,
    MissingExtraError,
    RenderError,
    UnsuitableError,
)
from .programs import Device, EndFields, StepFields
from .resets import one_seed, refuse_options
from .rows import Intake, at, blanked, only_kind, split, to_rows
from .sb3_infos import Infos, Notebook
from .session import Session
from .window import Window

try:
    from stable_baselines3.common.vec_env import VecEnv
    from stable_baselines3.common.vec_env.base_vec_env import tile_images
except ImportError as error:
    raise MissingExtraError("bridge.sb3_rows", "stable_baselines3", "sb3") from error

from . import spaces  # which needs Gymnasium, which SB3 brings

RENDER_MODES = ("rgb_array", "human")
TILES = 16  # worlds in one picture

Observations: TypeAlias = Any  # (rows, *space shape), or a dict of those
Told: TypeAlias = tuple[Observations, np.ndarray, np.ndarray, Infos]
Indices: TypeAlias = "int | Iterable[int] | None"


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
        rng: str = "pcg4d",
    ) -> None:
        only_kind(env.spec)
        self._draw_in(env, render_mode, RENDER_MODES)
        self._session = Session(
            env, num_worlds, Autoreset.SAME_STEP, params=params, devices=devices, rng=rng
        )
        self._spec = spec = self._session.spec
        group = only_kind(spec)
        self._intake = Intake(spec, num_worlds)
        self._notebook = Notebook(num_worlds, spec.num_agents)
        self._before: Any = None  # the session before the step that has begun; None: none has
        self._masks: Any = None
        self.num_worlds = num_worlds = self._session.num_envs
        self.num_agents = spec.num_agents
        self._attributes = RowAttributes(self._session, spec.num_agents)
        self.num_envs = num_worlds * self.num_agents
        self.alive = np.ones(self.num_envs, bool)
        observation_space = spaces.observation_space(group.observation)
        metadata = self.metadata  # of which SB3 knows nothing
        super().__init__(self.num_envs, observation_space, spaces.action_space(group.action))
        self.metadata = metadata
        self._ready = True

    @property
    def session(self) -> Session:
        """What they are rows of, for those who play many steps at once."""
        return self._session

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the next `reset`; all agents of a world have its seed.

        Raises:
            SeedError: `seed` is no non-negative integer.
        """
        together.warn_of_seeds(self._session.env, given=seed is not None)
        worlds = super().seed(one_seed(seed))
        self._seeds = [worlds[row // self.num_agents] for row in range(self.num_envs)]
        return self._seeds

    def set_options(self, options: list[dict[str, Any]] | dict[str, Any] | None = None) -> None:
        """Refuse any option: there is none.

        Raises:
            OptionError: An option was given; what is no dict is a TypeError too.
        """
        for given in options if isinstance(options, list) else [options]:
            refuse_options(given)

    @all_or_nothing
    def reset(self) -> Observations:
        seeded = together.takes_seeds(self._session.env)
        self._session.reset(self._seeds[:: self.num_agents] if seeded else None)
        self._reset_seeds()
        return self._begun()

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
        self.take_back()
        self._before = self._session.moment()
        self._session.step(joint)

    @all_or_nothing
    def step_wait(self) -> Told:
        """Observations, rewards float32 (rows,), dones bool (rows,) and an info for each row.

        Raises:
            ClosedError: After `close`.
            CallOrderError: No step has begun.
        """
        self._session.require("step_wait", running=False)
        if self._before is None:
            raise CallOrderError("step_wait() was called before step_async().")
        self._before = None
        infos = self._notebook.empty()  # while the device works
        now = self._session.read(StepFields, own=True)
        step = self._told(infos, now, lambda: self._session.read(EndFields))
        if self.render_mode == "human":
            self.render()
        return step

    def take_back(self) -> None:
        """Do not take the step that was begun and not waited for, if there is one."""
        if self._before is not None:
            self._session.go_back(self._before)
            self._before = None

    def tell(self, now: StepFields, ends: Callable[[], EndFields]) -> Told:
        """What `step_wait` returns, of a step of `Session.play` that showed this."""
        return self._told(self._notebook.empty(), now, ends)

    def observed(self) -> Observations:
        """What the last step or reset shows, as those return it."""
        return self._observe(self._session.read(StepFields, own=True).observation)

    def _resume(self, memory: Mapping[str, Any]) -> Observations:
        self._seeds = memory.get("seeds", [None] * self.num_envs)
        return self._begun()

    def save_state(self, path: str | os.PathLike[str]) -> None:
        """See `Adapter.save_state`; a step that was begun and not waited for is not in it."""
        now = self._session.moment()
        self._session.go_back(self._before or now)
        try:
            super().save_state(path)
        finally:
            self._session.go_back(now)

    def _memory(self) -> dict[str, Any]:
        return {"seeds": self._seeds}

    def __getstate__(self) -> dict[str, Any]:
        """A copy cannot take back the step that has begun; it waits for it as this does."""
        return {**self.__dict__, "_before": None if self._before is None else {}}

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

    @all_or_nothing
    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        if method_name == "set_params":
            rows = self._rows(indices)
            self._attributes.set_params(rows, *method_args, **method_kwargs)
            return [None] * len(rows)
        methods = self.get_attr(method_name, indices)
        return [method(*method_args, **method_kwargs) for method in methods]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Indices = None) -> list[bool]:
        """No row has a wrapper of its own."""
        del wrapper_class
        return [False for _ in self._rows(indices)]

    def _rows(self, indices: Indices) -> list[int]:
        if indices is not None:
            indices = [indices] if isinstance(indices, int) else [*indices]
        rows = range(self.num_envs)
        for row in indices or ():
            if not -self.num_envs <= row < self.num_envs:
                raise UnsuitableError(f"indices: there is no row {row!r} among {self.num_envs}.")
        return [*rows] if indices is None else [rows[row] for row in indices]

    def _attribute(self, name: str, row: int) -> Any:
        env = self._session.env
        match name:
            case _ if self._attributes.has_note(name, row):
                return self._attributes.get(name, row)
            case "render_mode":
                return self.render_mode
            case "spec":
                return self._spec
            case "alive":
                return bool(self.alive[row])
            case "action_masks" if mask_size(env, self._spec.groups[0]):
                return functools.partial(self._action_mask, row)
            case "render" if env.spec.render_fps:
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

    def _begun(self) -> Observations:
        self._before = None
        self.alive = np.array(self._session.read(EndFields).acting).reshape(-1)
        now = self._session.read(StepFields, own=True)
        self._masks = now.action_mask
        self._notebook.begin(self.reset_infos, now.info, np.arange(self.num_worlds))
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

    def _told(self, infos: Infos, now: StepFields, ends: Callable[[], EndFields]) -> Told:
        """A step as Stable-Baselines3 wants it; `infos`: empty; `ends`: read if an agent ended."""
        self._masks = now.action_mask
        dones = (now.terminated | now.truncated).reshape(-1)
        if np.logical_or.reduce(dones):
            infos, dones = self._end(infos, dones, now, ends())
        else:
            infos = self._notebook.of_step(infos, now.info, self.alive)
        return self._observe(now.observation), now.reward.reshape(-1), dones, infos

    def _end(
        self, infos: Infos, ended: np.ndarray, now: StepFields, ends: EndFields
    ) -> tuple[Infos, np.ndarray]:
        """Infos of a step on which agents `ended`, and which rows are done: those, and padding."""
        assert ends.final is not None
        observation, info = ends.final  # before any reset
        over = np.repeat(ends.over, self.num_agents)
        dones: np.ndarray = ended | over
        rows = np.flatnonzero(dones)
        space = self._spec.groups[0].observation
        last = split(space, self._elements(at(to_rows(self._spec, observation), rows)), len(rows))
        infos = self._notebook.of_step(infos, info, self.alive)
        self._notebook.add_endings(infos, rows, ended, now.truncated.reshape(-1), ends, last)
        self._notebook.begin(self.reset_infos, now.info, np.flatnonzero(ends.over))
        self.alive = np.array(ends.acting).reshape(-1)
        return infos, dones
