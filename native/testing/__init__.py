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

from . import conduct, form
from .trial import AnyEnvironment, ContractError

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
    "rules are frozen and equal by value": form.check_rules,
    "spec is usable": form.check_spec,
    "one row per agent": form.check_shapes,
    "init and step agree": form.check_init_and_step_agree,
    "params can be traced": form.check_params,
    "action masks": conduct.check_action_mask,
    "observations lie in their spaces": conduct.check_observations,
    "rewards are finite": conduct.check_rewards,
    "same key, same story": conduct.check_determinism,
    "jit changes nothing": conduct.check_jit,
    "vmap is a loop": conduct.check_vmap,
    "x64 changes nothing": conduct.check_x64,
    "agents end once and in one way": conduct.check_endings,
    "ended agents are silent": conduct.check_ended_agents_are_silent,
    "ended agents cannot act": conduct.check_ended_agents_cannot_act,
    "the horizon truncates": conduct.check_horizon,
    "turns": conduct.check_turns,
    "global state": conduct.check_global_state,
    "picture": form.check_render,
}
