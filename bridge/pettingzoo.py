"""PettingZoo: a native environment as a `ParallelEnv` or an `AECEnv`, and many worlds at once.

| native                        | PettingZoo                                                       |
| ----------------------------- | ---------------------------------------------------------------- |
| agent i of `spec.agents`      | `possible_agents[i]`, in `agents` until it has ended             |
| `horizon`                     | `max_cycles`; -1 or None: without a limit                        |
| reward, terminated, truncated | `float` and `bool` by agent                                      |
| an ended agent                | in the dicts of the step that ends it, in none after             |
| observation                   | by agent: a row of what the compiled step returned               |
| action mask                   | int8, in the observation (below); `infos[agent]["action_mask"]`  |
| info                          | of the world: in the infos of every agent                        |
| returns, length               | `infos[agent]["episode"]`: {"r", "l"} on the step that ends it   |
| `global_state`                | `state()`, `state_space`                                         |
| `render`                      | `render_mode` "rgb_array" or "human"                             |
| name                          | `pettingzoo.make("parallel", "native/NAME")`, likewise "aec"     |

Where actions are masked, an observation is {"observation": ..., "action_mask": ...}; one that is
a dict already has "action_mask" beside its other parts. Worlds in a batch: `ParallelVecBridge`.
"""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from native.batch import Autoreset
from native.core import Environment, Renders, TakesTurns
from native.registry import REGISTRY

from .actions import check_names
from .errors import EpisodeOverError, MissingExtraError, OptionError, RenderError, RulesError
from .programs import Device, Sight
from .rows import told
from .session import Session, Source, as_environment, with_horizon
from .window import FRAMES_PER_SECOND, Window, check_render_mode

try:
    import pettingzoo  # type: ignore[import-untyped]
    from pettingzoo.utils.conversions import parallel_to_aec  # type: ignore[import-untyped]
except ImportError as error:
    raise MissingExtraError("bridge.pettingzoo", "pettingzoo", "pettingzoo") from error

from . import named, spaces  # they need Gymnasium, which PettingZoo brings
from .pettingzoo_aec import TurnBridge
from .pettingzoo_vec import ParallelVecBridge

RENDER_MODES = ("human", "rgb_array")
AGILERL = "agilerl.vector.pz_vec_env"  # what its trainers import; to import it takes seconds
PROBE = "options"  # PettingZoo's own tests reset with {"options": 1}; it means nothing

Observations: TypeAlias = dict[str, Any]
Infos: TypeAlias = dict[str, dict[str, Any]]
Step: TypeAlias = tuple[Observations, dict[str, float], dict[str, bool], dict[str, bool], Infos]


def parallel_env(
    id_or_env: Source, *, render_mode: str | None = None, copy: bool = True, **rules: Any
) -> "ParallelBridge":
    """One world in which all agents act at once.

    Args:
        id_or_env: A registered name or a native environment.
        render_mode: "human", "rgb_array" or None.
        copy: All that is handed out is the caller's own, and of each agent its own; False:
            observations, masks and arrays in infos are read-only views.
        **rules: Rules of the environment, by name; `max_cycles` is another word for `horizon`.

    Raises:
        UnknownNameError, RulesError, UnsuitableError: See `bridge.session.as_environment`.
        RenderError: No such render mode, or the environment has no picture.
    """
    return ParallelBridge(_environment(id_or_env, rules), render_mode=render_mode, copy=copy)


def aec_env(
    id_or_env: Source, *, render_mode: str | None = None, copy: bool = True, **rules: Any
) -> "pettingzoo.AECEnv[str, Any, Any]":
    """One world in which the agents take turns; it moves on when the last of them has acted.

    It is `pettingzoo.utils.parallel_to_aec(parallel_env(...))`; its `unwrapped` is the
    `ParallelBridge`. A game that itself takes turns (`native.core.TakesTurns`) moves on with every
    action and is a `TurnBridge`. Arguments and errors are those of `parallel_env`.
    """
    env = _environment(id_or_env, rules)
    world = ParallelBridge(env, render_mode=render_mode, copy=copy)
    return TurnBridge(world) if isinstance(env, TakesTurns) else parallel_to_aec(world)


def parallel_vec_env(
    id_or_env: Source,
    num_envs: int,
    *,
    render_mode: str | None = None,
    copy: bool = True,
    devices: Sequence[Device] | None = None,
    **rules: Any,
) -> ParallelVecBridge:
    """`num_envs` worlds at once, in the shape of AgileRL's `PettingZooVecEnv`.

    Where AgileRL has been imported before, it is one, as AgileRL's trainers ask.

    Args:
        id_or_env: A registered name or a native environment.
        num_envs: How many worlds.
        render_mode: "rgb_array" or None.
        copy: As in `parallel_env`.
        devices: Share the worlds among these.
        **rules: As in `parallel_env`.

    Raises:
        UnknownNameError, RulesError, UnsuitableError, RenderError: As `parallel_env`.
    """
    env = _environment(id_or_env, rules)
    kind = ParallelVecBridge
    if AGILERL in sys.modules:
        kind = importlib.import_module(".agilerl", __package__).AgileVecBridge
    return kind(env, num_envs, render_mode=render_mode, copy=copy, devices=devices)


class ParallelBridge(pettingzoo.ParallelEnv[str, Any, Any]):  # type: ignore[misc]
    """Every agent that has not ended acts at once; those that have vanish from the dicts.

    Attributes:
        agents: Who has not ended, in the order of `possible_agents`; empty before `reset`.
        max_cycles: The time limit in steps, or None. It may be set and holds from the next `reset`
            on, which then needs a seed to be repeatable. An environment without the rule `horizon`
            has no limit and ignores it.
        state_space: Of `state()`; absent where the environment has no global state.
        np_random: A NumPy generator seeded by `reset`, for wrappers that draw; the world does not.
    """

    def __init__(
        self, env: Environment[Any, Any], *, render_mode: str | None = None, copy: bool = True
    ) -> None:
        check_render_mode(env, render_mode, RENDER_MODES)
        spec = env.spec
        self.metadata = {
            "name": spec.name,
            "render_modes": [*RENDER_MODES] if isinstance(env, Renders) else [],
            "render_fps": FRAMES_PER_SECOND,
            "is_parallelizable": True,
        }
        self.render_mode = render_mode
        self.copy = copy
        self.max_cycles = spec.horizon
        self.possible_agents = list(spec.agents)
        self.agents: list[str] = []
        self.observation_spaces = named.observation_spaces(env)
        self.action_spaces = named.action_spaces(env)
        if spec.global_state is not None:
            self.state_space = spaces.observation_space(spec.global_state)
        self.np_random = np.random.default_rng()
        self._session = Session(env, 1, Autoreset.DISABLED)
        self._window = Window(spec.name, FRAMES_PER_SECOND) if render_mode == "human" else None
        self._row = {agent: row for row, agent in enumerate(spec.agents)}
        self._acting: dict[str, int] = {}  # `agents`, each with its row
        self._teams = [named.Team.of(env, group) for group in spec.groups]

    def observation_space(self, agent: str) -> Any:
        """The space of an agent's observations; always the same object, and no other agent's."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """The space of an agent's actions; always the same object, and no other agent's."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observations, Infos]:
        """Begin an episode. Without a seed: the next one of the seed given last.

        Raises:
            SeedError: `seed` is no non-negative integer.
            OptionError: There are no options.
            ClosedError: After `close`.
        """
        for option in options or ():
            if option != PROBE:
                raise OptionError(f"unknown reset option {option!r}: this environment has none.")
        self._session.require("reset", running=False)
        env = self._session.env
        if self.max_cycles != env.spec.horizon and hasattr(env, "horizon"):
            self._session = Session(_limited(env, self.max_cycles), 1, Autoreset.DISABLED)
        self._session.begin(seed)
        if seed is not None:
            self.np_random = np.random.default_rng(seed)
        return self._begun([[True] * len(self._row)])

    def step(self, actions: Mapping[str, Any]) -> Step:
        """Advance by one step.

        Args:
            actions: An action for each of `agents`; those for agents that have ended are ignored.
                When all have ended, an empty dict is answered with five empty dicts.

        Returns:
            Observations, rewards, terminations, truncations and infos of those who acted.

        Raises:
            NotResetError, ClosedError: Before `reset`, after `close`.
            EpisodeOverError: All agents have ended, yet there are actions.
            ActionError: An action is missing, belongs to nobody, or does not fit its space; nothing
                is stepped.
        """
        acting = self._acting
        if not acting:
            return self._rest(actions)
        session = self._session
        session.dispatch(self._joint(actions))
        timestep, masks = session.look(own=self.copy)
        (rewards,) = timestep.reward.tolist()
        (terminated,) = timestep.terminated.tolist()
        (truncated,) = timestep.truncated.tolist()
        observations, infos = self._seen(timestep, masks)
        step = (
            observations,
            {agent: rewards[row] for agent, row in acting.items()},
            {agent: terminated[row] for agent, row in acting.items()},
            {agent: truncated[row] for agent, row in acting.items()},
            infos,
        )
        if True in terminated or True in truncated:
            tally = session.tally()
            self._take_part(tally.acting)
            for agent in acting.keys() - self._acting.keys():
                total, length = tally.returns[0, acting[agent]].item(), tally.lengths.item()
                infos[agent]["episode"] = {"r": total, "l": length}
        if self._window is not None:
            self.render()
        return step

    def state(self) -> np.ndarray:
        """One array about the whole world, an element of `state_space`; the caller's own.

        Raises:
            NotImplementedError: No global state; PettingZoo asks for this error.
            NotResetError, ClosedError: Before `reset`, after `close`.
        """
        space = self._session.spec.global_state
        if space is None:
            name = self._session.spec.name
            raise NotImplementedError(f"{name} has no global state.")  # what PettingZoo asks for
        state: np.ndarray = spaces.element(space, np.array(self._session.global_state()[0, ...]))
        return state

    def render(self) -> np.ndarray | None:
        """A picture, uint8 (height, width, 3); "human" shows it in a window instead.

        Raises:
            RenderError: Made without a render mode.
            NotResetError, ClosedError: Before `reset`, after `close`.
        """
        if self.render_mode is None:
            raise RenderError(f"render() needs an environment made with one of {RENDER_MODES}.")
        picture = self._session.render()
        if self._window is None:
            return picture
        self._window.show(picture)
        return None

    def close(self) -> None:
        """Let go of the state and the window. Calling it again does nothing."""
        self.agents, self._acting = [], {}
        self._session.close()
        if self._window is not None:
            self._window.close()

    def save_state(self, path: str | os.PathLike[str]) -> None:
        """Write the state of the world to an .npz file."""
        self._session.save(path)

    def load_state(self, path: str | os.PathLike[str]) -> tuple[Observations, Infos]:
        """Go on from a file that `save_state` wrote; returns what `reset` returns.

        Raises:
            StateFileError: It is no such file, or of another environment or time limit.
        """
        return self._begun(self._session.load(path).acting)

    def _begun(self, acting: Any) -> tuple[Observations, Infos]:
        self._take_part(acting)
        if self._window is not None:
            self.render()
        return self._seen(*self._session.look(own=self.copy))

    def _take_part(self, acting: Any) -> None:
        """`acting`: bool (1, agents), who has not ended."""
        (act,) = np.asarray(acting).tolist()
        self._acting = {agent: row for agent, row in self._row.items() if act[row]}
        self.agents = list(self._acting)

    def _rest(self, actions: Mapping[str, Any]) -> Step:
        self._session.require("step")
        if actions:
            raise EpisodeOverError("step() was called after every agent had ended. Call reset().")
        return {}, {}, {}, {}, {}

    def _joint(self, actions: Mapping[str, Any]) -> dict[str, np.ndarray]:
        acting, row = self._acting, self._row
        if type(actions) is not dict or not acting.keys() <= actions.keys() <= row.keys():
            check_names(actions, row, acting)
        return {team.group.name: team.joint(actions, acting) for team in self._teams}

    def _seen(self, timestep: Sight, masks: Mapping[str, Any] | None) -> tuple[Observations, Infos]:
        """Observations and infos of those who act, or acted."""
        acting, native = self._acting, timestep.info
        observations: Observations = {}
        infos: Infos = {agent: {} for agent in acting}
        if native:
            infos = dict(zip(acting, told(native, len(acting), own=self.copy), strict=True))
        for team in self._teams:
            mask = masks[team.group.name] if masks and team.mask_size else None
            seen = team.seen(timestep.observation[team.group.name], mask)
            for agent, own in zip(team.agents, seen, strict=True):
                if agent in acting:
                    observations[agent] = own
                    if mask is not None:
                        infos[agent]["action_mask"] = own["action_mask"]
        return observations, infos


def _environment(id_or_env: Source, rules: Mapping[str, Any]) -> Environment[Any, Any]:
    if "max_cycles" not in rules:
        return as_environment(id_or_env, **rules)
    if "horizon" in rules:
        raise RulesError("max_cycles is another word for horizon: give one of them.")
    native = {rule: value for rule, value in rules.items() if rule != "max_cycles"}
    return _limited(as_environment(id_or_env, **native), rules["max_cycles"])


def _limited(env: Environment[Any, Any], max_cycles: int | None) -> Environment[Any, Any]:
    return with_horizon(env, None if max_cycles == -1 else max_cycles)


def _register() -> None:
    """Make every name known to `pettingzoo.make`, which came with PettingZoo 1.27."""
    for name in REGISTRY if hasattr(pettingzoo, "register") else ():
        entry, rules = "bridge.pettingzoo:", {"id_or_env": name}
        pettingzoo.register("parallel", f"native/{name}", f"{entry}parallel_env", kwargs=rules)
        pettingzoo.register("aec", f"native/{name}", f"{entry}aec_env", kwargs=rules)


_register()
