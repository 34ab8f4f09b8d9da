"""TorchRL: many worlds as one batched `EnvBase`, whose tensors stay on the device.

| native                         | TorchRL                                                         |
| ------------------------------ | --------------------------------------------------------------- |
| world w                        | row w; `batch_size` is (worlds,)                                |
| one agent                      | "observation", "action", "reward", "done", ... of the shapes    |
|                                | (worlds, *space shape) and (worlds, 1)                          |
| several agents                 | the same of each group, ("adversary", "observation"), ..., of   |
|                                | (worlds, agents, *space shape) and (worlds, agents, 1)          |
| who acts                       | ("adversary", "mask"), bool (worlds, agents)                    |
| has ended                      | "done", until the world is reset                                |
| truncated on this step         | "truncated"; "terminated" is whatever else is done              |
| the world is over              | "done" of the root; "truncated" there if any agent was on this  |
|                                | step, else "terminated"                                         |
| action mask                    | "action_mask" beside the observation, and in the action spec    |
| info                           | "info", of the world                                            |
| reset with a mask              | `reset` with "_reset", as collectors call it                    |
| seed + w                       | `set_seed(seed)`, at the next reset of all worlds               |
| `Box`                          | `Bounded`; without finite bounds `Unbounded`                    |
| `Discrete`                     | `Categorical`; actions int64, observations int32                |
| `MultiDiscrete`, `MultiBinary` | `MultiCategorical`, `Binary`                                    |
| `Dict`                         | `Composite` below "observation"                                 |

A world that is over stays so until it is reset. An agent that ended before the others is padding
which is done in every step, so that no value leaks into or out of it. Tensors are copies, made on
the device: what is shown is also what `save_state` and a reset with a mask read, and torch lets
everybody write. Actions are checked on the host.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from native.batch import Autoreset, Transition
from native.core import Environment, Group, Spec
from native.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space

from . import driving
from .actions import checked, mask_size, stacked
from .adapter import Adapter, all_or_nothing
from .arrays import to_torch
from .environments import Source, as_environment
from .errors import MissingExtraError, SeedError
from .programs import Device, EndFields
from .resets import one_seed, refuse_options
from .session import Session
from .words import TORCHRL

try:
    import torch
    from tensordict import TensorDict  # type: ignore[import-not-found, import-untyped]
    from torchrl.data import (  # type: ignore[import-not-found, import-untyped]
        Binary,
        Bounded,
        Categorical,
        Composite,
        MultiCategorical,
        Unbounded,
    )
    from torchrl.envs import EnvBase  # type: ignore[import-not-found, import-untyped]
except ImportError as error:
    raise MissingExtraError("bridge.torchrl", "torchrl", "torchrl") from error

__all__ = ["Driver", "TorchRLBridge", "make"]

ENDINGS = ("done", "terminated", "truncated")


def make(
    id_or_env: Source,
    num_envs: int,
    *,
    seed: int | None = None,
    params: Any = None,
    devices: Sequence[Device] | None = None,
    rng: str = "pcg4d",
    **rules: Any,
) -> "TorchRLBridge":
    """`num_envs` copies of an environment as one TorchRL environment.

    Tensors are copies, and it draws nothing, so `copy` and `render_mode` are refused.

    Args:
        id_or_env: A registered name, a native environment, or one of `bridge.sources`.
        num_envs: How many worlds.
        seed: World w is seeded with `seed` + w. None: by `set_seed`, or the operating system.
        params: Numbers of the dynamics by name, see `bridge.parameters`.
        devices: Share the worlds among these.
        rng: Generator of the random bits, see `native.prng`.
        **rules: Rules of the environment, by name.

    Raises:
        UnknownNameError, RulesError: See `bridge.environments.as_environment`.
        SeedError: `seed` is no non-negative integer.
    """
    native = as_environment(id_or_env, **TORCHRL.ours(rules))
    env = TorchRLBridge(native, num_envs, params=params, devices=devices, rng=rng)
    if seed is not None:
        env.set_seed(seed)
    return env


class TorchRLBridge(Adapter, EnvBase):  # type: ignore[misc]
    """N worlds as one `EnvBase`.

    Attributes:
        num_worlds: N.
        group_map: Group -> its agents, as TorchRL's multi-agent trainers want to know.
    """

    def __init__(
        self,
        env: Environment[Any, Any],
        num_worlds: int,
        *,
        params: Any = None,
        devices: Sequence[Device] | None = None,
        rng: str = "pcg4d",
    ) -> None:
        mode = Autoreset.DISABLED
        session = Session(env, num_worlds, mode, params=params, devices=devices, rng=rng)
        num_worlds = session.num_envs
        platform = (devices or jax.devices())[0].platform
        device = "cpu" if platform == "cpu" else "cuda"
        EnvBase.__init__(self, device=device, batch_size=(num_worlds,))
        self._session = session
        self._seeds: int | None = None
        self.num_worlds = num_worlds
        self.group_map = {group.name: list(group.agents) for group in env.spec.groups}
        self._alone = env.spec.num_agents == 1
        self._make_specs(env)
        self._ready = True

    def _resume(self, memory: Mapping[str, Any]) -> Any:
        self._seeds = memory.get("seed")
        return self._begun()

    def _memory(self) -> dict[str, Any]:
        return {"seed": self._seeds}

    def close(self, *, raise_if_closed: bool = True) -> None:
        del raise_if_closed  # closing again does no harm
        self._session.close()
        self.is_closed = True

    def _set_seed(self, seed: int | None) -> None:
        if seed is None:
            raise SeedError("set_seed() needs an integer.")
        self._seeds = one_seed(seed)

    @all_or_nothing
    def _reset(self, tensordict: Any = None, **options: Any) -> Any:
        refuse_options(options)
        mask = None if tensordict is None else tensordict.get("_reset", None)
        if mask is None:
            seeds, self._seeds = self._seeds, None
            self._session.reset(seeds)
            return self._begun()
        rows = mask.reshape(self.num_worlds).numpy(force=True).copy()  # the device reads it later
        if rows.any():
            self._session.reset(None, rows)
        return self._begun()

    @all_or_nothing
    def _step(self, tensordict: Any) -> Any:
        self._session.require("step")
        joint: dict[str, np.ndarray] = {}
        for group in self._session.spec.groups:
            actions = tensordict.get(self._key(group, "action"))
            joint[group.name] = (
                stacked(group, [actions], self.num_worlds)
                if self._alone
                else checked(group, actions, self.num_worlds)
            )
        self._session.step(joint)
        shown = self._session.read(Transition)
        out = self._seen(shown)
        reward = self._tensor(shown.timestep.reward)[..., None]
        rows = self._session.spec.rows
        for group in self._session.spec.groups:
            out[self._key(group, "reward")] = (
                reward[:, 0] if self._alone else reward[:, rows[group.name]]
            )
        return self._wrapped(out)

    def _begun(self) -> Any:
        return self._wrapped(self._seen(self._session.read(Transition)))

    def _wrapped(self, source: Mapping[Any, Any]) -> Any:
        out = TensorDict({}, batch_size=self.batch_size, device=self.device)
        for key, value in source.items():
            out.set(key, value)
        if not self._alone:
            for group in self._session.spec.groups:
                out.get(group.name).batch_size = (self.num_worlds, len(group.agents))
        return out

    def _seen(self, shown: Transition) -> dict[Any, Any]:
        """Everything but rewards, by key."""
        spec, now = self._session.spec, shown.timestep
        done = ~self._tensor(shown.acting)
        truncated = self._tensor(now.truncated)
        out: dict[Any, Any] = {}
        for group in spec.groups:
            rows = slice(0, 1) if self._alone else spec.rows[group.name]
            late = truncated[:, rows]
            endings = (done[:, rows], done[:, rows] & ~late, late)
            for name, flags in zip(ENDINGS, endings, strict=True):
                out[self._key(group, name)] = flags if self._alone else flags[..., None]
            key = self._key(group, "observation")
            out[key] = self._nested(group, now.observation[group.name])
            if not self._alone:
                out[group.name, "mask"] = ~done[:, rows]
            if shown.action_mask is not None and group.name in shown.action_mask:
                mask = self._nested(group, shown.action_mask[group.name])
                out[self._key(group, "action_mask")] = mask
                self.full_action_spec[self._key(group, "action")].update_mask(mask.clone())
        if not self._alone:
            over, late = done.all(1, keepdim=True), truncated.any(1, keepdim=True)
            for name, flags in zip(ENDINGS, (over, over & ~late, over & late), strict=True):
                out[name] = flags
        for name, leaf in now.info.items():
            out["info", name] = self._tensor(leaf)
        return out

    def _nested(self, group: Group, value: Any) -> Any:
        """A tree of (worlds, agents, ...) as tensors; of one agent without that axis."""
        if not isinstance(value, Mapping):
            tensor = self._tensor(value)
            return tensor[:, 0] if self._alone else tensor
        shape = (self.num_worlds,) if self._alone else (self.num_worlds, len(group.agents))
        parts = {name: self._nested(group, part) for name, part in value.items()}
        return TensorDict(parts, batch_size=shape, device=self.device)

    def _tensor(self, leaf: Any) -> Any:
        """A copy of the caller's own."""
        if isinstance(leaf, jax.Array):
            return to_torch(leaf).clone()
        return torch.from_numpy(np.array(leaf)).to(self.device)

    def _key(self, group: Group, name: str) -> Any:
        return name if self._alone else (group.name, name)

    def _make_specs(self, env: Environment[Any, Any]) -> None:
        worlds = (self.num_worlds,)
        observation = Composite(shape=worlds, device=self.device)
        action, reward, done = observation.clone(), observation.clone(), observation.clone()
        flag = {"n": 2, "dtype": torch.bool, "device": self.device}
        for group in self._session.spec.groups:
            lead = worlds if self._alone else (*worlds, len(group.agents))
            if not self._alone:
                for spec in (observation, action, reward, done):
                    spec[group.name] = Composite(shape=lead, device=self.device)
                observation[group.name, "mask"] = Categorical(shape=lead, **flag)
            for name in ENDINGS:
                done[self._key(group, name)] = Categorical(shape=(*lead, 1), **flag)
            key = self._key(group, "observation")
            observation[key] = _spec(group.observation, lead, self.device)
            chosen = _spec(group.action, lead, self.device, choice=torch.int64)
            action[self._key(group, "action")] = chosen
            reward[self._key(group, "reward")] = Unbounded((*lead, 1), device=self.device)
            if n := mask_size(env, group):
                mask = Categorical(shape=(*lead, n), **flag)
                observation[self._key(group, "action_mask")] = mask
        if not self._alone:
            for name in ENDINGS:
                done[name] = Categorical(shape=(*worlds, 1), **flag)
        info = jax.eval_shape(env.init, jax.random.key(0), env.params)[1].info
        if info:
            observation["info"] = Composite(shape=worlds, device=self.device)
        for name, leaf in info.items():
            shape = (*worlds, *leaf.shape)
            dtype = getattr(torch, str(leaf.dtype))
            observation["info", name] = Unbounded(shape, dtype=dtype, device=self.device)
        self.observation_spec, self.action_spec = observation, action
        self.reward_spec, self.done_spec = reward, done


class Driver(driving.Driver):
    """Plays one by joint actions; worlds that are over begin again as collectors have it."""

    has_options = False
    has_render_mode = False

    def reset(self, adapter: Any, seed: int | None = 0) -> Any:
        if seed is not None:
            adapter.set_seed(seed)
        return _on_host(adapter.reset())

    def step(self, adapter: Any, joint: driving.Joint, spec: Spec) -> Any:
        return _on_host(super().step(adapter, joint, spec))

    def spell(self, joint: driving.Joint, spec: Spec) -> Any:
        actions = TensorDict({}, batch_size=(self.worlds,))
        for group in spec.groups:
            taken = torch.from_numpy(np.array(joint[group.name]))
            if spec.num_agents == 1:
                actions["action"] = taken[:, 0]
            else:
                actions[group.name, "action"] = taken
        return actions

    def take(self, adapter: Any, action: Any) -> Any:
        return adapter.step(action.clone())["next"]

    def over(self, adapter: Any) -> bool:
        return bool(_over(adapter).any())

    def begin_again(self, adapter: Any) -> None:
        over = torch.from_numpy(_over(adapter))[:, None]
        adapter.reset(TensorDict({"_reset": over}, batch_size=(self.worlds,)))

    def see(self, shown: Any, spec: Spec) -> driving.Seen:
        def whole(name: str) -> Any:
            if spec.num_agents == 1:
                return shown[name].numpy(force=True)
            of = [shown[group.name, name][..., 0] for group in spec.groups]
            return torch.cat(of, dim=1).numpy(force=True)

        return whole("reward"), whole("terminated") | whole("truncated")


def _over(adapter: Any) -> np.ndarray:
    """bool (worlds,), in which nobody acts any more."""
    over: np.ndarray = ~adapter._session.read(EndFields).acting.any(axis=1)
    return over


def _on_host(shown: Any) -> Any:
    """A `TensorDict` as dicts of NumPy arrays."""
    if hasattr(shown, "keys"):
        return {name: _on_host(value) for name, value in shown.items()}
    return shown.numpy(force=True).copy()


def _spec(space: Space, lead: tuple[int, ...], device: Any, choice: Any = torch.int32) -> Any:
    """A native space as a spec with leading axes; `choice`: dtype of a `Discrete`."""
    match space:
        case Dict(parts=parts):
            inner = {name: _spec(part, lead, device, choice) for name, part in parts}
            return Composite(inner, shape=lead, device=device)
        case Discrete(n=n):
            return Categorical(n, shape=lead, dtype=choice, device=device)
        case MultiDiscrete(nvec=nvec):
            shape = (*lead, len(nvec))
            return MultiCategorical(nvec, shape=shape, dtype=torch.int32, device=device)
        case MultiBinary(n=n):
            return Binary(n, shape=(*lead, n), dtype=torch.bool, device=device)
        case Box():
            shape, dtype = (*lead, *space.shape), getattr(torch, space.dtype)
            bounds = [torch.from_numpy(np.array(bound)) for bound in space.bounds]
            if not all(bool(bound.isfinite().all()) for bound in bounds):
                return Unbounded(shape, dtype=dtype, device=device)
            low, high = (bound.expand(shape).clone() for bound in bounds)
            return Bounded(low, high, shape, dtype=dtype, device=device)
