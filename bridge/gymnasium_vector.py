"""Gymnasium: many environments, or teams of agents, as the rows of one `VectorEnv`.

| native                            | Gymnasium                                               |
| --------------------------------- | ------------------------------------------------------- |
| world w, agent a                  | row w * num_agents + a                                  |
| observation                       | (rows, ...)                                             |
| reward                            | float64 (rows,)                                         |
| terminated, truncated             | bool (rows,)                                            |
| info, action mask                 | (rows, ...), with bool masks `_key`; the mask is int8   |
| acting                            | `info["alive"]`, bool (rows,), if there are many agents |
| what was before a reset           | `info["final_obs"]`, `info["final_info"]` (SAME_STEP)   |
| returns, lengths                  | `info["episode_statistics"]`: r, l                      |
| seed                              | world w: `seed + w`, or `seed[w]`                       |

`num_envs` of the constructor counts worlds; the attribute `num_envs` counts rows, as the interface
has it. Rows follow `SyncVectorEnv` in all three autoreset modes. Where that has zeros in rows that
a `_key` mask leaves out, ours hold what is true there. `episode_statistics` is laid out as
`RecordEpisodeStatistics` does, which refuses an environment that takes its key, "episode".

**Many agents.** All rows of a world begin together. The row of an agent that ended before the
others is padding: zeros, reward 0, no flags, any action. THE RULE: an observation jumps only where
its row showed a flag; so on a world's last step its padding rows show `terminated`. With SAME_STEP
an agent's own last observation is in `final_obs`, and what follows it, zeros or the next episode,
in its place. `alive` says whose next action counts: a transition is real if its row was alive
before it. Only real episodes enter `episode_statistics`.

**Buffers.** As in `SyncVectorEnv`, every array handed out is the caller's own: some of Gymnasium's
wrappers write to observations, and torch warns of those that it may not write to. With `copy=False`
observations, masks and info of one group are read-only views of the device's memory, where that is
the host's; they stay valid and unchanged.

Gymnasium before 1.1 has no autoreset metadata; the modes, and the names in `info`, are the same.
"""

import enum
from collections.abc import Mapping, Sequence
from copy import copy as copy_of
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from native.batch import Autoreset
from native.core import Environment

from . import spaces
from .adapter import StepsInHalves, all_or_nothing, generator_from, generator_state
from .attributes import AttributesByRow, RowAttributes
from .errors import (
    EpisodeOverError,
    MissingExtraError,
    OptionError,
    OptionTypeError,
    UnsuitableError,
)
from .programs import Device, EndFields, StepFields
from .resets import refuse_options
from .rows import Intake, at, blanked, only_kind, split, to_rows
from .session import Seeds, Session

try:
    import gymnasium.vector
    from gymnasium.utils import seeding
    from gymnasium.vector.utils import batch_space
except ImportError as error:
    raise MissingExtraError("bridge.gymnasium_vector", "gymnasium", "gymnasium") from error

from .gymnasium_spec import spec_of

RENDER_MODES = ("rgb_array",)

Observation: TypeAlias = Any  # an array, or a dict of those
Info: TypeAlias = dict[str, Any]
Array: TypeAlias = np.ndarray
Step: TypeAlias = tuple[Observation, Array, Array, Array, Info]

if TYPE_CHECKING:
    _VectorEnv = gymnasium.vector.VectorEnv[Observation, Any, Array]
else:  # how many parameters it takes depends on the version
    _VectorEnv = gymnasium.vector.VectorEnv

# Gymnasium's own since 1.1; ours has the same names and values.
AutoresetMode: Any = getattr(gymnasium.vector, "AutoresetMode", Autoreset)


class VectorBridge(AttributesByRow, StepsInHalves, _VectorEnv):
    """Many environments, or teams of agents, as rows of one batch.

    Attributes:
        num_worlds: Copies of the environment.
        num_agents: Agents, and so rows, of each.
        num_envs: Rows.
        autoreset_mode: The member of Gymnasium's enum, also in `metadata`.
        copy: Whether all that is shown is the caller's own, or partly views.
    """

    is_vector_env, viewer = True, None  # Gymnasium 0.29 reads these
    _given_spec: Any = None  # by `gymnasium.make_vec`
    closed = True  # until it is built: before 1.3 a garbage collector closes what is not

    def __init__(
        self,
        env: Environment[Any, Any],
        num_worlds: int,
        *,
        autoreset_mode: Any = "next_step",
        copy: bool = True,
        render_mode: str | None = None,
        params: Any = None,
        devices: Sequence[Device] | None = None,
        rng: str = "pcg4d",
    ) -> None:
        only_kind(env.spec)
        mode = _autoreset(autoreset_mode)
        self._draw_in(env, render_mode, RENDER_MODES)
        self.autoreset_mode = AutoresetMode(mode.value)
        if AutoresetMode is not Autoreset:
            self.metadata["autoreset_mode"] = self.autoreset_mode
        self._session = Session(env, num_worlds, mode, params=params, rng=rng, devices=devices)
        self.copy = copy
        self._spec = spec = self._session.spec
        group = only_kind(spec)
        self._observed = group.observation
        self._apart = spaces.is_apart(group.observation)
        self._mode = mode
        self.num_worlds = num_worlds = self._session.num_envs
        self.num_agents = spec.num_agents
        self.num_envs = num_worlds * self.num_agents
        self.single_observation_space = spaces.apart(group.observation)
        self.single_action_space = spaces.action_space(group.action)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._intake = Intake(spec, num_worlds)
        self._alive = np.ones(self.num_envs, bool)
        self._stepping = False
        self._attributes = RowAttributes(self._session, self.num_agents)
        self.closed = False
        self._ready = True

    @property
    def spec(self) -> Any:  # type: ignore[override]
        """Gymnasium's `EnvSpec` of these worlds; None if it could not make them."""
        spec = copy_of(self._given_spec)
        if spec is None:
            spec = spec_of(self._session.env, self._session.params)
        if spec is not None:
            spec.max_episode_steps = self._session.spec.horizon
        return spec

    @spec.setter
    def spec(self, spec: Any) -> None:
        self._given_spec = spec

    @all_or_nothing
    def reset(  # type: ignore[override]
        self, *, seed: Seeds = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Begin an episode in every row, or in those of `options["reset_mask"]`.

        Args:
            seed: World w gets `seed + w`, or `seed[w]`, where None goes on with the seed it has.
            options: "reset_mask": bool (rows,), equal within a world. Other rows keep, and
                show, their last observation.

        Raises:
            SeedError: A seed is no non-negative integer, or their number is not that of the worlds.
            OptionError: Unknown option, or no such mask; wrong types are a TypeError too.
        """
        mask = self._reset_mask(options)
        self._session.reset(seed, None if mask is None else mask[:: self.num_agents])
        if isinstance(seed, (int, np.integer)):
            self._np_random, self._np_random_seed = seeding.np_random(int(seed))
        self._stepping = False
        return self._shown(mask)[1:]

    @all_or_nothing
    def step(self, actions: Any) -> Step:
        """Advance every row.

        Raises:
            ActionError: The actions do not fit the action space; nothing is stepped.
            EpisodeOverError: DISABLED, and a row has ended and was not reset.
            NotResetError, ClosedError: Before `reset`, after `close`.
        """
        self._dispatch(actions)
        return self._collect()

    @all_or_nothing
    def step_async(self, actions: Any) -> None:
        """Begin a step; the device works while Python goes on."""
        self._dispatch(actions)

    @all_or_nothing
    def step_wait(self) -> Step:
        """What the step begun by `step_async` shows."""
        return self._collect()

    def _dispatch(self, actions: Any) -> None:
        self._may_begin()
        if self._mode is Autoreset.DISABLED:
            self._require_running()
        self._session.step(self._intake(actions))
        self._stepping = True

    def _collect(self) -> Step:
        self._may_end()
        self._stepping = False
        was_alive = self._alive
        now, observation, info = self._shown(None)
        terminated, truncated = now.terminated.reshape(-1), now.truncated.reshape(-1)
        if not self.copy:
            terminated, truncated = np.array(terminated), np.array(truncated)
        ended = terminated | truncated
        if np.logical_or.reduce(ended):
            ends = self._session.read(EndFields)
            if self.num_agents > 1:
                over = np.repeat(ends.over, self.num_agents)
                terminated = terminated | (over & ~was_alive)
            self._report(info, ends, ended, terminated | truncated)
        return observation, now.reward.reshape(-1).astype(np.float64), terminated, truncated, info

    def render(self) -> tuple[Array, ...]:
        """A picture for each row; one program call, and one picture, for each world.

        Raises:
            RenderError: Made without a render mode.
        """
        return tuple(picture for picture in self._pictures() for _ in range(self.num_agents))

    def close(self, **kwargs: Any) -> None:
        """Let go of the state. Calling it again does nothing."""
        _VectorEnv.close(self, **kwargs)  # which calls `close_extras` and sets `closed`

    def close_extras(self, **kwargs: Any) -> None:
        """Let go of the state."""
        del kwargs  # for vector environments with processes to stop
        super().close()

    def _resume(self, memory: Mapping[str, Any]) -> tuple[Observation, Info]:
        self._np_random = generator_from(memory.get("np_random"))
        self._stepping = False
        return self._shown(None)[1:]

    def _memory(self) -> dict[str, Any]:
        return {**super()._memory(), "np_random": generator_state(self._np_random)}

    def _shown(self, filled: Array | None) -> tuple[StepFields, Observation, Info]:
        """What is on the host; its observation and its info by row. `filled`: None is all."""
        now = self._session.read(StepFields, own=self.copy)
        observation = self._by_row(now.observation)
        if self.num_agents > 1 or self._mode is Autoreset.DISABLED:
            self._alive = self._session.read(EndFields).acting.reshape(-1)
        if self.num_agents > 1 and self._mode is Autoreset.SAME_STEP:
            gone = np.logical_or(now.terminated, now.truncated).reshape(-1) & ~self._alive
            observation = blanked(observation, gone) if gone.any() else observation
        if self._apart:
            observation = spaces.set_apart(self._observed, observation)
        masks = now.action_mask
        mask = None if masks is None else to_rows(self._spec, masks).view(np.int8)
        return now, observation, self._info(now.info, mask, self._alive, filled)

    def _by_row(self, grouped: Mapping[str, Any]) -> Observation:
        observed = to_rows(self._spec, grouped)
        return spaces.element(self._observed, observed)

    def _info(
        self,
        native: Mapping[str, Any],
        mask: Array | None,
        alive: Array,
        filled: Array | None,
    ) -> Info:
        info: Info = dict(native)
        if self.num_agents > 1:
            info = {name: np.repeat(value, self.num_agents, 0) for name, value in native.items()}
            info["alive"] = np.array(alive)
        if mask is not None:
            info["action_mask"] = mask
        for name in list(info):
            info[f"_{name}"] = np.ones(self.num_envs, bool) if filled is None else np.array(filled)
        return info

    def _report(self, info: Info, ends: EndFields, ended: Array, done: Array) -> None:
        """Add what is known of rows whose agent has `ended`; `done`: those, and padding."""
        info["episode_statistics"] = {
            "r": ends.returns.reshape(-1) * ended,
            "l": np.repeat(ends.lengths, self.num_agents) * ended,
        }
        info["_episode_statistics"] = ended
        if ends.final is None:
            return
        observation, native = ends.final
        native = {name: np.array(value) for name, value in native.items()}
        rows = np.flatnonzero(done)
        last = np.empty(self.num_envs, object)  # all None
        seen = split(self._observed, at(self._by_row(observation), rows), len(rows))
        if self._apart:
            seen = [spaces.set_apart(self._observed, one) for one in seen]
        last[rows] = np.fromiter(seen, object, len(rows))
        mask = np.ones_like(info["action_mask"]) if "action_mask" in info else None
        nobody = np.zeros(self.num_envs, bool)
        info |= {"final_obs": last, "_final_obs": done}
        info |= {
            "final_info": self._info(native, mask, nobody, done),
            "_final_info": np.array(done),
        }

    def _require_running(self) -> None:
        over = ~self._alive.reshape(self.num_worlds, self.num_agents).any(axis=1)
        if over.any():
            rows = np.flatnonzero(np.repeat(over, self.num_agents)).tolist()
            shown = ", ".join(map(str, rows[:8])) + (" ..." if len(rows) > 8 else "")
            raise EpisodeOverError(
                f"The episode of rows {shown} has ended and nothing resets by itself (DISABLED). "
                'Call reset(options={"reset_mask": mask}) with those rows True.'
            )

    def _reset_mask(self, options: Mapping[str, Any] | None) -> Array | None:
        refuse_options(options, ("reset_mask",))
        if not options:
            return None
        mask = options["reset_mask"]
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
            kind = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
            raise OptionTypeError(f"reset_mask must be a NumPy array of bool, got {kind}.")
        if mask.shape != (self.num_envs,):
            raise OptionError(f"reset_mask has shape {mask.shape}; expected ({self.num_envs},).")
        if not mask.any():
            raise OptionError("reset_mask has no row that is True.")
        self._session.require("a masked reset")
        worlds = mask.reshape(self.num_worlds, self.num_agents)
        mixed = np.flatnonzero(worlds.any(axis=1) & ~worlds.all(axis=1)).tolist()
        if mixed:
            raise OptionError(
                f"reset_mask resets only some rows of world {mixed[0]}, {worlds[mixed[0]]}; its "
                f"{self.num_agents} agents begin together."
            )
        return mask


def _autoreset(mode: Any) -> Autoreset:
    name = mode.name if isinstance(mode, enum.Enum) else str(mode)
    for member in Autoreset:
        if name.replace("_", "").lower() == member.value.lower():
            return member
    known = ", ".join(member.name for member in Autoreset)
    raise UnsuitableError(f"there is no autoreset mode {mode!r}; there are {known}.")
