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
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from native import registry
from native.batch import Autoreset
from native.core import Environment

from .actions import check_names
from .adapter import Adapter, all_or_nothing, generator_from, generator_state
from .environments import OWN, Source, as_limited
from .errors import EpisodeOverError, MissingExtraError
from .programs import Device, EndFields, StepFields
from .resets import one_seed, refuse_options
from .rows import told
from .session import Session
from .words import PETTINGZOO, PETTINGZOO_VEC

try:
    import pettingzoo  # type: ignore[import-untyped]
except ImportError as error:
    raise MissingExtraError("bridge.pettingzoo", "pettingzoo", "pettingzoo") from error

from . import by_name, spaces  # they need Gymnasium, which PettingZoo brings
from .pettingzoo_aec import SimultaneousBridge, TurnBridge
from .pettingzoo_vec import ParallelVecBridge

__all__ = [
    "ParallelBridge",
    "ParallelVecBridge",
    "SimultaneousBridge",
    "TurnBridge",
    "aec_env",
    "parallel_env",
    "parallel_vec_env",
]

RENDER_MODES = ("human", "rgb_array")
AGILERL = "agilerl.vector.pz_vec_env"  # what its trainers import; to import it takes seconds
PROBE = "options"  # PettingZoo's own tests reset with {"options": 1}; it means nothing

Observations: TypeAlias = dict[str, Any]
Infos: TypeAlias = dict[str, dict[str, Any]]
Step: TypeAlias = tuple[Observations, dict[str, float], dict[str, bool], dict[str, bool], Infos]


def parallel_env(
    id_or_env: Source,
    *,
    render_mode: str | None = None,
    max_cycles: int | None = OWN,
    copy: bool = True,
    params: Any = None,
    rng: str = "pcg4d",
    **rules: Any,
) -> "ParallelBridge":
    """One world in which all agents act at once.

    A seed is given to `reset`, and it is on one device: `seed` and `devices` are refused.

    Args:
        id_or_env: A registered name or a native environment.
        render_mode: "human", "rgb_array" or None.
        copy: All that is handed out is the caller's own, and of each agent its own; False:
            observations, masks and arrays in infos are read-only views.
        max_cycles: Time limit in steps, `horizon` in other words; None or -1: without one. Where
            it is not given, it is the environment's own.
        params: Numbers of the dynamics by name, see `bridge.parameters`.
        rng: Generator of the random bits, see `native.prng`.
        **rules: Rules of the environment, by name.

    Raises:
        UnknownNameError, RulesError, UnsuitableError: See `bridge.environments.as_environment`.
        RenderError: No such render mode, or the environment has no picture.
    """
    env = _limited(id_or_env, max_cycles, PETTINGZOO.ours(rules))
    return ParallelBridge(env, render_mode=render_mode, copy=copy, params=params, rng=rng)


def aec_env(
    id_or_env: Source,
    *,
    render_mode: str | None = None,
    max_cycles: int | None = OWN,
    copy: bool = True,
    params: Any = None,
    rng: str = "pcg4d",
    **rules: Any,
) -> "pettingzoo.AECEnv[str, Any, Any]":
    """One world in which the agents take turns; it moves on when the last of them has acted.

    It is what `pettingzoo.utils.parallel_to_aec(parallel_env(...))` would be, and checks an action
    when it is given; its `unwrapped` is the `ParallelBridge`. A game that itself takes turns
    (`native.core.TakesTurns`) moves on with every action and is a `TurnBridge`. Arguments and
    errors are those of `parallel_env`.
    """
    env = _limited(id_or_env, max_cycles, PETTINGZOO.ours(rules))
    world = ParallelBridge(env, render_mode=render_mode, copy=copy, params=params, rng=rng)
    return TurnBridge(world) if env.spec.turns else SimultaneousBridge(world)


def parallel_vec_env(
    id_or_env: Source,
    num_envs: int,
    *,
    render_mode: str | None = None,
    max_cycles: int | None = OWN,
    copy: bool = True,
    params: Any = None,
    devices: Sequence[Device] | None = None,
    rng: str = "pcg4d",
    **rules: Any,
) -> ParallelVecBridge:
    """`num_envs` worlds at once, in the shape of AgileRL's `PettingZooVecEnv`.

    Where AgileRL has been imported before, it is one, as AgileRL's trainers ask. Seeds are given to
    `reset`, so `seed` is refused.

    Args:
        id_or_env: A registered name or a native environment.
        num_envs: How many worlds.
        render_mode: "rgb_array" or None.
        max_cycles, copy, rng: As in `parallel_env`.
        params: As in `parallel_env`; a value for all worlds, or one for each.
        devices: Share the worlds among these.
        **rules: As in `parallel_env`.

    Raises:
        UnknownNameError, RulesError, UnsuitableError, RenderError: As `parallel_env`.
    """
    env = _limited(id_or_env, max_cycles, PETTINGZOO_VEC.ours(rules))
    kind = ParallelVecBridge
    if AGILERL in sys.modules:
        kind = importlib.import_module(".agilerl", __package__).AgileVecBridge
    drawn: dict[str, Any] = {"render_mode": render_mode, "copy": copy}
    return kind(env, num_envs, **drawn, params=params, devices=devices, rng=rng)


def _limited(source: Source, max_cycles: Any, rules: Mapping[str, Any]) -> Environment[Any, Any]:
    return as_limited(source, "max_cycles", {**rules, "max_cycles": max_cycles})


class ParallelBridge(Adapter, pettingzoo.ParallelEnv[str, Any, Any]):  # type: ignore[misc]
    """Every agent that has not ended acts at once; those that have vanish from the dicts.

    Attributes:
        agents: Who has not ended, in the order of `possible_agents`; empty before `reset`.
        state_space: Of `state()`; absent where the environment has no global state.
        np_random: A NumPy generator seeded by `reset`, for wrappers that draw; the world does not.
    """

    def __init__(
        self,
        env: Environment[Any, Any],
        *,
        render_mode: str | None = None,
        copy: bool = True,
        params: Any = None,
        rng: str = "pcg4d",
    ) -> None:
        self._draw_in(env, render_mode, RENDER_MODES)
        self._session = Session(env, 1, Autoreset.DISABLED, params=params, rng=rng)
        spec = self._session.spec
        self.metadata |= {"name": spec.name, "is_parallelizable": True}
        self.copy = copy
        self.possible_agents = list(spec.agents)
        self.agents: list[str] = []
        self.observation_spaces = by_name.observation_spaces(env, spec)
        self.action_spaces = by_name.action_spaces(spec)
        if spec.global_state is not None:
            self.state_space = spaces.observation_space(spec.global_state)
        self.np_random = np.random.default_rng()
        self._row = {agent: row for row, agent in enumerate(spec.agents)}
        self._acting: dict[str, int] = {}  # `agents`, each with its row
        self._teams = [by_name.Team.of(env, group) for group in spec.groups]
        self._team = {agent: team for team in self._teams for agent in team.agents}
        self._ready = True

    @property
    def max_cycles(self) -> int | None:
        """The time limit in steps, or None. It may be set, as any rule, and holds from the next
        step on. Where there is no rule `horizon` it stays None: PettingZoo's own tests set it on
        everything, so that cannot be an error.
        """
        return self._session.spec.horizon

    @max_cycles.setter
    def max_cycles(self, limit: int | None) -> None:
        if hasattr(self._session.env, "horizon"):
            self._session.set_rule("horizon", limit)

    def observation_space(self, agent: str) -> Any:
        """The space of an agent's observations; always the same object, and no other agent's."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """The space of an agent's actions; always the same object, and no other agent's."""
        return self.action_spaces[agent]

    @all_or_nothing
    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observations, Infos]:
        """Begin an episode. Without a seed: the next one of the seed given last.

        Raises:
            SeedError: `seed` is no non-negative integer.
            OptionError: There are no options; if they are no dict, it is a TypeError too.
            ClosedError: After `close`.
        """
        seed = one_seed(seed)
        refuse_options(options, (PROBE,))
        self._session.require("reset", running=False)
        self._session.reset(seed)
        if seed is not None:
            self.np_random = np.random.default_rng(seed)
        return self._begun([[True] * len(self._row)])

    @all_or_nothing
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
        session.step(self._joint(actions))
        now = session.read(StepFields, own=self.copy)
        (rewards,) = now.reward.tolist()
        (terminated,) = now.terminated.tolist()
        (truncated,) = now.truncated.tolist()
        observations, infos = self._seen(now)
        step = (
            observations,
            {agent: rewards[row] for agent, row in acting.items()},
            {agent: terminated[row] for agent, row in acting.items()},
            {agent: truncated[row] for agent, row in acting.items()},
            infos,
        )
        if True in terminated or True in truncated:
            ends = session.read(EndFields)
            self._take_part(ends.acting)
            for agent in acting.keys() - self._acting.keys():
                total, length = ends.returns[0, acting[agent]].item(), ends.lengths.item()
                infos[agent]["episode"] = {"r": total, "l": length}
        if self._window is not None:
            self.render()
        return step

    def own_action(self, agent: str, action: Any) -> Any:
        """A checked copy of an action that `step` is to get later.

        Raises:
            NotResetError, ClosedError: Before `reset`, after `close`.
            ActionError: It does not fit the agent's action space.
        """
        self._session.require("step")
        return self._team[agent].own(agent, action)

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
        return self._picture()

    def close(self) -> None:
        """Let go of the state and the window. Calling it again does nothing."""
        self.agents, self._acting = [], {}
        super().close()

    def _resume(self, memory: Mapping[str, Any]) -> tuple[Observations, Infos]:
        """Go on from the state that the session has; `memory`: what was remembered beside it."""
        self.np_random = generator_from(memory.get("np_random")) or self.np_random
        return self._begun(self._session.read(EndFields).acting)

    def _memory(self) -> dict[str, Any]:
        return {"np_random": generator_state(self.np_random)}

    def _begun(self, acting: Any) -> tuple[Observations, Infos]:
        self._take_part(acting)
        if self._window is not None:
            self.render()
        return self._seen(self._session.read(StepFields, own=self.copy))

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

    def _seen(self, now: StepFields) -> tuple[Observations, Infos]:
        """Observations and infos of those who act, or acted."""
        acting, native, masks = self._acting, now.info, now.action_mask
        observations: Observations = {}
        infos: Infos = {agent: {} for agent in acting}
        if native:
            infos = dict(zip(acting, told(native, len(acting), own=self.copy), strict=True))
        for team in self._teams:
            mask = masks[team.group.name] if masks and team.mask_size else None
            seen = team.seen(now.observation[team.group.name], mask)
            for agent, own in zip(team.agents, seen, strict=True):
                if agent in acting:
                    observations[agent] = own
                    if mask is not None:
                        infos[agent]["action_mask"] = own["action_mask"]
        return observations, infos


def _register(name: registry.Name) -> None:
    """Make a name known to `pettingzoo.make`."""
    entry, rules = "bridge.pettingzoo:", {"id_or_env": name.id}
    pettingzoo.register("parallel", f"native/{name.id}", f"{entry}parallel_env", kwargs=rules)
    pettingzoo.register("aec", f"native/{name.id}", f"{entry}aec_env", kwargs=rules)


if hasattr(pettingzoo, "register"):  # which came with PettingZoo 1.27
    registry.follow(_register)
