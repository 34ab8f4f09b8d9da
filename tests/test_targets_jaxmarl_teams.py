"""JaxMARL's names for Hanabi and SMAX, and what its scripts for them ask for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("jaxmarl")

from jaxmarl.environments.smax import map_name_to_scenario
from jaxmarl.wrappers.baselines import SMAXLogWrapper

from bridge.errors import RulesError, RuleValueError, UnknownNameError
from bridge.targets.jaxmarl import make
from native.hanabi.hanabi import Hanabi
from native.registry import make as make_native
from native.smax.scenarios import SCENARIOS
from native.smax.smax import Smax
from native.smax.units import Params


@pytest.fixture(autouse=True)
def as_jax_comes():
    """What JaxMARL is written for."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def test_their_hanabi_is_ours():
    env = make("hanabi", num_agents=3, num_ranks=3, num_cards_of_rank=np.array([3, 2, 2]))
    assert env.env == Hanabi(players=3, ranks=3, copies=(3, 2, 2), noop=True, beliefs=True)
    _, state = env.reset(jax.random.key(0))
    moves = env.get_legal_moves(state)
    assert moves["player_1"].tolist() == [False] * (env.action_space().n - 1) + [True]


@pytest.mark.parametrize("name", ["3m", "2s3z", "5m_vs_6m", "smacv2_5_units"])
def test_their_scenarios_are_ours(name):
    env = make("HeuristicEnemySMAX", scenario=map_name_to_scenario(name), see_enemy_actions=True)
    allies, enemies = SCENARIOS[name]
    assert env.env == make_native(f"smax_{name}_v1")
    assert env.num_allies == len(allies) and env.state_size == 12 * len(allies + enemies)


def test_their_words_for_battles_are_ours():
    both = make("SMAX", num_allies=2, num_enemies=3, observation_type="conic")
    rules = {"enemy_policy": None, "observation": "conic", "name": "smax"}
    assert both.env == Smax(allies="mm", enemies="mmm", **rules)
    env = make(
        "HeuristicEnemySMAX",
        enemy_shoots=False,
        action_type="continuous",
        unit_type_attacks=jnp.full(6, 2.0),
        won_battle_bonus=2.0,
        max_steps=50,
    )
    numbers = Params(unit_type_attacks=(2.0,) * 6, won_battle_bonus=2.0)
    rules = {"enemy_policy": "harmless", "continuous_actions": True, "horizon": 50}
    rules |= {"params": numbers, "name": "smax"}
    assert env.env == Smax(allies="mmmmm", enemies="mmmmm", **rules)
    with pytest.raises(RuleValueError, match="action_type must be one of discrete, continuous"):
        make("SMAX", action_type="Discrete")
    with pytest.raises(RulesError, match="no rule 'map_width'"):
        make("SMAX", map_width=64)
    with pytest.raises(RulesError, match="no rule 'name'"):
        make("SMAX", name="mine")
    with pytest.raises(UnknownNameError):
        make("LearnedPolicyEnemySMAX")


def test_their_log_of_battles_takes_it_and_what_is_seen_has_the_world():
    env = SMAXLogWrapper(make("HeuristicEnemySMAX", num_allies=2, num_enemies=2, max_steps=3))
    seen, state = env.reset(jax.random.key(0))
    assert seen["world_state"].shape == (env.state_size,)
    for t in range(3):
        stop = dict.fromkeys(env.agents, jnp.int32(4))
        seen, state, _, done, info = env.step(jax.random.key(t), state, stop)
    assert done["__all__"] and seen["world_state"].shape == (env.state_size,)
    assert info["returned_episode_lengths"].tolist() == [3, 3]
    assert not info["returned_won_episode"].any()
