"""A policy of Stable-Baselines3 as a `Network` and its weights, or why it cannot be one."""

from typing import Any, NoReturn

import numpy as np
import torch
from stable_baselines3.common.policies import (
    ActorCriticCnnPolicy,
    ActorCriticPolicy,
    MultiInputActorCriticPolicy,
)
from stable_baselines3.common.torch_layers import FlattenExtractor, MlpExtractor
from torch import nn

from native.spaces import Box, Flat, Space

from .errors import UnsuitableError
from .sb3_network import ACTIVATIONS, Hidden, Network

# The methods with which a policy computes: one that has others computes something else.
_COMPUTING = (
    *("forward", "extract_features", "evaluate_actions", "predict_values", "get_distribution"),
    *("_get_action_dist_from_latent", "obs_to_tensor"),
)


def mirrored(
    policy: ActorCriticPolicy, observation: Space, action: Flat
) -> tuple[Network, np.ndarray]:
    """The form of a policy, and its weights as `Network.weights` takes them.

    Args:
        policy: With its weights on any device.
        observation, action: The native spaces of its rows.

    Raises:
        UnsuitableError: It computes what has no counterpart here; the message says what.
    """
    check_kind(type(policy))
    for extractor in (policy.pi_features_extractor, policy.vf_features_extractor):
        if type(extractor) is not FlattenExtractor:
            refuse(f"the features extractor {type(extractor).__name__}")
    nets: Any = policy.mlp_extractor
    if type(nets) is not MlpExtractor:
        refuse(f"the mlp_extractor {type(nets).__name__}")
    linear: list[nn.Module] = []
    hidden: list[tuple[Hidden, ...]] = []
    towers: Any = ((nets.policy_net, policy.action_net), (nets.value_net, policy.value_net))
    for net, last in towers:
        linear += [*net[::2], last]
        hidden.append(tuple(map(_hidden, net[::2], net[1::2])))
    parameters = [parameter for module in linear for parameter in module.parameters()]
    if isinstance(action, Box):
        parameters.append(policy.log_std)
    flat = torch.cat([parameter.detach().reshape(-1) for parameter in parameters])
    return Network(observation, action, *hidden), flat.cpu().numpy()


def check_kind(kind: type[Any]) -> None:
    """Raise unless a class of policies computes what `ActorCriticPolicy` does.

    Raises:
        UnsuitableError: It has methods of its own.
    """
    of_parts = issubclass(kind, (ActorCriticCnnPolicy, MultiInputActorCriticPolicy))
    if of_parts or not issubclass(kind, ActorCriticPolicy):
        refuse(f"the policy {kind.__name__}")
    for name in _COMPUTING:
        if getattr(kind, name) is not getattr(ActorCriticPolicy, name):
            refuse(f"the policy {kind.__name__}, which has a {name}() of its own")


def refuse(what: str, instead: str = "") -> NoReturn:
    """Raise, because a policy has something that is not played on the device.

    Args:
        what: That has no form there.
        instead: What to do; "": use Stable-Baselines3's own.

    Raises:
        UnsuitableError: Always.
    """
    instead = instead or "Use stable_baselines3.PPO on the same VecEnv, which takes it."
    raise UnsuitableError(f"bridge.sb3.PPO plays on the device, and not with {what}. {instead}")


def _hidden(linear: nn.Linear, activation: nn.Module) -> Hidden:
    name = type(activation).__name__
    if name not in ACTIVATIONS or type(activation) is not getattr(nn, name):
        refuse(f"the activation {name}", f"Take one of {', '.join(ACTIVATIONS)}.")
    attributes = tuple(getattr(activation, one) for one in ACTIVATIONS[name][1])
    return Hidden(linear.out_features, name, attributes)
