"""How RLlib's multi-agent environments are played by joint actions."""

from typing import Any

import numpy as np

from native.core import Spec

from . import driving
from .rllib_env import ALL, ByAgent


class OneDriver(driving.Parallel):
    """Plays a `MultiAgentBridge`."""

    def see(self, shown: Any, spec: Spec) -> driving.Seen:
        return _seen(spec, *([part] for part in shown[1:4]))


class ManyDriver(driving.Driver):
    """Plays a `MultiAgentVecBridge`."""

    def spell(self, joint: driving.Joint, spec: Spec) -> Any:
        named = driving.by_agent(joint, spec)
        return [{agent: acts[w] for agent, acts in named.items()} for w in range(self.worlds)]

    def see(self, shown: Any, spec: Spec) -> driving.Seen:
        return _seen(spec, *shown[1:4])


def _seen(
    spec: Spec, rewards: list[ByAgent], terminateds: list[ByAgent], truncateds: list[ByAgent]
) -> driving.Seen:
    """Rewards and endings, both (worlds, agents), of what is told by agent."""
    flags = zip(rewards, terminateds, truncateds, strict=True)
    ended = [
        [
            agent in there and bool(done.get(agent) or late.get(agent, late[ALL]))
            for agent in spec.agents
        ]
        for there, done, late in flags
    ]
    earned = [[reward.get(agent, 0.0) for agent in spec.agents] for reward in rewards]
    return np.array(earned), np.array(ended)
