"""Observations without axes, without elements and without parts lie in their spaces, everywhere."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from drivers import available, draw

from native.core import Group, Spec, restart, transition
from native.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete
from native.testing import check_environment

NUMBER, NOTHING = Box(0.0, 9.0, ()), Box(-1.0, 1.0, (0,))
SPACES = {
    "number": NUMBER,
    "no numbers": NOTHING,
    "no parts": Dict({}),
    "parts": Dict(
        {
            "choice": Discrete(9),
            "choices": MultiDiscrete((9, 9)),
            "flags": MultiBinary(2),
            "inner": Dict({"number": NUMBER, "nothing": Dict({})}),
            "none": NOTHING,
        }
    ),
}


@dataclasses.dataclass(frozen=True)
class Odd:
    """Shows the tick, in every number there is; agent i ends on tick i + 2."""

    observation: Any
    agents: int = 1
    params: tuple[()] = ()

    @property
    def spec(self):
        names = tuple(f"odd_{i}" for i in range(self.agents))
        return Spec("odd", (Group("odd", names, self.observation, Discrete(2)),))

    def init(self, key, params):
        del key, params
        return jnp.int32(0), restart(self._see(jnp.int32(0)), self.agents)

    def step(self, key, state, action, params):
        del key, action, params
        ends = jnp.arange(2, self.agents + 2, dtype=jnp.int32)
        return state + 1, transition(
            self.spec,
            acting=state < ends,
            observation=self._see(state + 1),
            reward=jnp.ones(self.agents, jnp.float32),
            terminated=state + 1 == ends,
            truncated=jnp.zeros(self.agents, bool),
        )

    def _see(self, tick):
        def shown(space):
            if isinstance(space, Dict):
                return {name: shown(part) for name, part in space.parts}
            return jnp.full((self.agents, *space.shape), tick, jnp.int32).astype(space.dtype)

        return {"odd": shown(self.observation)}


@dataclasses.dataclass(frozen=True)
class Masked(Odd):
    """With a mask that forbids nothing."""

    @property
    def spec(self):
        return dataclasses.replace(super().spec, masks=True)

    def action_mask(self, state, params):
        del state, params
        return {"odd": jnp.ones((self.agents, 2), bool)}


@dataclasses.dataclass(frozen=True)
class Stated(Odd):
    """Whose state is a number."""

    @property
    def spec(self):
        return dataclasses.replace(super().spec, global_state=NUMBER)

    def global_state(self, state, params):
        del params
        return state.astype(jnp.float32)


CASES = {name: (Odd, space) for name, space in SPACES.items()}
CASES |= {f"{name} and a mask": (Masked, SPACES[name]) for name in ("number", "no parts")}
every_case = pytest.mark.parametrize(("kind", "space"), CASES.values(), ids=[*CASES])


def lies_in(space, value):
    assert space.contains(value), (space, value)


def joint(env, worlds):
    return draw(env, np.random.default_rng(0), worlds)


def driver(kind):
    found = [driver for driver in available() if type(driver).__name__ == kind]
    return found[0] if found else pytest.skip("its library is not installed")


@every_case
def test_the_environment_keeps_the_contract(space, kind):
    check_environment(kind(space, 2))


@every_case
def test_gymnasium_shows_elements_of_its_space(space, kind):
    pytest.importorskip("gymnasium")
    from bridge.gymnasium import make

    env = make(kind(space))
    lies_in(env.observation_space, env.reset(seed=0)[0])
    for _ in range(2):
        lies_in(env.observation_space, env.step(0)[0])


@pytest.mark.parametrize("mode", ["next_step", "same_step"])
@every_case
def test_gymnasium_s_rows_show_elements_of_their_spaces(space, kind, mode):
    pytest.importorskip("gymnasium")
    from bridge.gymnasium import make_vec

    envs = make_vec(kind(space, 2), 3, autoreset_mode=mode)
    lies_in(envs.observation_space, envs.reset(seed=0)[0])
    last = []
    for _ in range(4):
        observations, *_, info = envs.step(np.zeros(6, int))
        lies_in(envs.observation_space, observations)
        last += [seen for seen in info.get("final_obs", ()) if seen is not None]
    assert len(last) == (9 if mode == "same_step" else 0)
    for seen in last:
        lies_in(envs.single_observation_space, seen)


@every_case
def test_sb3_shows_elements_of_its_space(space, kind):
    pytest.importorskip("stable_baselines3")
    from bridge.sb3 import make_vec_env

    venv = make_vec_env(kind(space, 2), 3, seed=0)
    whole = driver("GymnasiumVector").make(kind(space, 2)).observation_space
    lies_in(whole, venv.reset())
    last = []
    for _ in range(4):
        observations, _, dones, infos = venv.step(np.zeros(6, int))
        lies_in(whole, observations)
        last += [infos[row]["terminal_observation"] for row in np.flatnonzero(dones)]
    assert len(last) == 9
    for seen in last:
        lies_in(venv.observation_space, seen)


@every_case
def test_pettingzoo_shows_elements_of_its_spaces(space, kind):
    pytest.importorskip("pettingzoo")
    from bridge.pettingzoo import aec_env, parallel_env

    world, turns = parallel_env(kind(space, 2)), aec_env(kind(space, 2))
    shown = [world.reset(seed=0)[0]]
    shown += [world.step(dict.fromkeys(world.agents, 0))[0] for _ in range(3)]
    for seen in shown:
        for agent, observation in seen.items():
            lies_in(world.observation_space(agent), observation)
    turns.reset(seed=0)
    for agent in turns.agent_iter():
        observation, _, over, late, _ = turns.last()
        lies_in(turns.observation_space(agent), observation)
        turns.step(None if over or late else 0)


def test_the_state_of_a_world_is_an_element_of_its_space():
    pytest.importorskip("pettingzoo")
    from bridge.pettingzoo import parallel_env

    world = parallel_env(Stated(NUMBER))
    world.reset(seed=0)
    lies_in(world.state_space, world.state())


@every_case
def test_many_worlds_of_pettingzoo_show_elements_of_their_spaces(space, kind):
    pytest.importorskip("pettingzoo")
    from bridge.pettingzoo import parallel_vec_env

    worlds = parallel_vec_env(kind(space, 2), 3)
    shown = [worlds.reset(seed=0)[0]]
    for _ in range(4):
        observations, *_, infos = worlds.step(dict.fromkeys(worlds.agents, np.zeros(3, int)))
        shown.append(observations)
        shown.append({a: info["final_obs"] for a, info in infos.items() if "final_obs" in info})
    for seen in shown:
        for agent, observation in seen.items():
            lies_in(worlds.observation_space(agent), observation)


@pytest.mark.parametrize("agents", [1, 2])
@every_case
def test_dm_env_shows_what_its_specs_say(space, kind, agents):
    pytest.importorskip("dm_env")
    from bridge.dm_env import make

    env = make(kind(space, agents), seed=0)
    actions = 0 if agents == 1 else {"odd_0": 0, "odd_1": 0}

    def check(spec, seen):
        if isinstance(spec, dict):
            assert spec.keys() == seen.keys()
            for name in spec:
                check(spec[name], seen[name])
        else:
            spec.validate(seen)
            assert isinstance(seen, (np.ndarray, np.integer))

    for step in (env.reset(), *(env.step(actions) for _ in range(4))):
        check(env.observation_spec(), step.observation)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.*")
@every_case
@pytest.mark.parametrize("agents", [1, 2])
def test_torchrl_finds_that_its_specs_hold(kind, space, agents):
    pytest.importorskip("torchrl")
    from torchrl.envs.utils import check_env_specs

    from bridge.torchrl import make

    env = make(kind(space, agents), 3, seed=0)
    check_env_specs(env)
    now = env.reset()
    for _ in range(3):
        now = env.step(env.rand_action(now))["next"]
        assert env.observation_spec.is_in(now.select(*env.observation_spec.keys()))
