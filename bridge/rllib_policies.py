"""Who plays whom in RLlib: a policy for each group, or one for all."""

from collections.abc import Mapping
from typing import Any

from .environments import Source, as_environment
from .errors import UnsuitableError
from .rows import only_kind
from .wording import listed

SHARED = "shared"


class PolicyOf(Mapping[str, str]):
    """Agent -> policy, the same in every episode: RLlib's `policy_mapping_fn`.

    That it is the same always lets a runner play in arrays, see `bridge.rllib_arrays`.
    """

    def __init__(self, policy: Mapping[str, str]) -> None:
        if not isinstance(policy, Mapping):
            raise UnsuitableError(f"policy must be a dict, agent -> policy, got {policy!r}.")
        self._policy = dict(policy)

    def __call__(self, agent_id: str, episode: Any = None, **kwargs: Any) -> str:
        """The policy of an agent."""
        del episode, kwargs  # it is the same in all of them
        if agent_id not in self._policy:
            raise UnsuitableError(
                f"No policy plays {agent_id!r}. There is one for {listed([*self._policy])}: give "
                "`policies` the rules that the environment has."
            )
        return self._policy[agent_id]

    def __getitem__(self, agent_id: str) -> str:
        return self._policy[agent_id]

    def __iter__(self) -> Any:
        return iter(self._policy)

    def __len__(self) -> int:
        return len(self._policy)


def policies(id_or_env: Source, *, shared: bool = False, **rules: Any) -> dict[str, Any]:
    """Keywords of `config.multi_agent`: a policy for each group, by its name.

    Args:
        id_or_env: A registered name or a native environment.
        shared: One policy, "shared", for all agents.
        **rules: Rules of the environment, by name.

    Raises:
        UnknownNameError, RulesError: As `bridge.environments.as_environment`.
        UnsuitableError: `shared`, and groups have different spaces.
    """
    spec = as_environment(id_or_env, **rules).spec
    if shared:
        try:
            only_kind(spec)
        except UnsuitableError as error:
            raise UnsuitableError(
                f"{spec.name}: agents of different groups see or do different things, so one "
                "policy cannot play for all. Leave out `shared`: each group has a policy then."
            ) from error
    policy = {
        agent: SHARED if shared else group.name for group in spec.groups for agent in group.agents
    }
    return {"policies": {*policy.values()}, "policy_mapping_fn": PolicyOf(policy)}
