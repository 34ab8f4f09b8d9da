"""The contract as functions: call them on an environment of your own.

    from native.testing import check_environment

    def test_contract():
        check_environment(MyEnvironment())

Every check is also a function of its own, by name in `CHECKS`. A check that fails raises
`ContractError`, whose message says what is wrong, where, and what would be right; what the
environment itself raises is passed on. No check needs pytest.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from . import behaviour, structure
from .episodes import AnyEnvironment, ContractError

__all__ = ["CHECKS", "ContractError", "check_environment"]

Check: TypeAlias = Callable[[AnyEnvironment], None]


def check_environment(env: AnyEnvironment) -> None:
    """Run every check; the first that fails raises.

    Raises:
        ContractError: The environment breaks the contract.
    """
    for check in CHECKS.values():
        check(env)


CHECKS: Mapping[str, Check] = {
    "rules are frozen and equal by value": structure.check_rules,
    "spec is usable": structure.check_spec,
    "one row per agent": structure.check_shapes,
    "init and step agree": structure.check_init_and_step_agree,
    "params can be traced": structure.check_params,
    "action masks": behaviour.check_action_mask,
    "observations lie in their spaces": behaviour.check_observations,
    "rewards are finite": behaviour.check_rewards,
    "same key, same story": behaviour.check_determinism,
    "jit changes nothing": behaviour.check_jit,
    "vmap is a loop": behaviour.check_vmap,
    "x64 changes nothing": behaviour.check_x64,
    "agents end once and in one way": behaviour.check_endings,
    "ended agents are silent": behaviour.check_ended_agents_are_silent,
    "ended agents cannot act": behaviour.check_ended_agents_cannot_act,
    "the horizon truncates": behaviour.check_horizon,
    "turns": behaviour.check_turns,
    "global state": behaviour.check_global_state,
    "exact value": behaviour.check_exact_value,
    "picture": structure.check_render,
}
