"""AgileRL takes our worlds for a batch and trains on them."""

import pickle
import warnings

import numpy as np
import pytest
from drivers import same
from fuses import Fuses

pytest.importorskip("agilerl")
pytestmark = pytest.mark.filterwarnings("ignore")  # AgileRL's own, and of what it imports

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of itself
    from agilerl.algorithms.ippo import IPPO
    from agilerl.algorithms.matd3 import MATD3
    from agilerl.components.replay_buffer import ReplayBuffer
    from agilerl.training.train_multi_agent_off_policy import train_multi_agent_off_policy
    from agilerl.training.train_multi_agent_on_policy import train_multi_agent_on_policy
    from agilerl.vector.pz_vec_env import PettingZooVecEnv

from bridge.pettingzoo import parallel_vec_env
from bridge.pettingzoo_vec import ParallelVecBridge
from native.registry import make

TEAM = make("simple_spread_v3", horizon=8)


def spaces(env):
    return {
        "observation_spaces": [env.single_observation_space(agent) for agent in env.agents],
        "action_spaces": [env.single_action_space(agent) for agent in env.agents],
        "agent_ids": [*env.agents],
        "device": "cpu",
    }


def test_it_is_agilerl_s_kind_of_batch():
    env, plain = parallel_vec_env(TEAM, 3), ParallelVecBridge(TEAM, 3)
    assert isinstance(env, PettingZooVecEnv) and isinstance(env, ParallelVecBridge)
    actions = {agent: np.ones(3, int) for agent in env.agents}
    same(env.reset(seed=0), plain.reset(seed=0))
    same(env.step(actions), plain.step(actions))
    same(pickle.loads(pickle.dumps(env)).step(actions), plain.step(actions))
    assert not env.closed
    env.close()
    assert env.closed


OPTIONS = {"env_name": "ours", "max_steps": 128, "evo_steps": 64, "eval_steps": 8, "verbose": False}


@pytest.mark.parametrize("native", [TEAM, Fuses()], ids=["together", "one by one"])
def test_it_trains_on_policy(native):
    env = parallel_vec_env(native, 4)
    agent = IPPO(**spaces(env), batch_size=16, learn_step=32, update_epochs=1)
    _, fitness = train_multi_agent_on_policy(env=env, algo="IPPO", pop=[agent], **OPTIONS)
    assert np.isfinite(fitness).all()


def test_it_trains_off_policy():
    env = parallel_vec_env(TEAM, 4)
    agent = MATD3(**spaces(env), batch_size=16, learn_step=8, vect_noise_dim=4)
    memory = ReplayBuffer(128)
    _, fitness = train_multi_agent_off_policy(
        env=env, algo="MATD3", pop=[agent], memory=memory, **OPTIONS
    )
    assert np.isfinite(fitness).all()
