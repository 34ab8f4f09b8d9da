"""Models of Stable-Baselines3 made of weights that were learned on the device, and the way back.

| `native.agents`                       | Stable-Baselines3                                      |
| ------------------------------------- | ------------------------------------------------------ |
| features of numbers, of a Discrete    | `FlattenExtractor`, whose preprocessing is the same    |
| features of an image, of a Dict       | `NatureCNN`, `CombinedExtractor`                       |
| layers of the policy, of the value    | `mlp_extractor.policy_net`, `.value_net`               |
| outputs, value, log_std               | `action_net`, `value_net`, `log_std`                   |
| a kernel (inputs, outputs)            | a weight (outputs, inputs)                             |
| an image (height, width, channels)    | (channels, height, width), as `VecTransposeImage` has it |
| moments of the observations           | `VecNormalize.obs_rms`                                 |
| a game with action masks              | `sb3_contrib.MaskablePPO`                              |

The models are SB3's own: a process that has never heard of us loads them and goes on learning.
"""

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np

from native.core import Spec
from native.spaces import Box, Dict, Space

from .errors import MissingExtraError, UnsuitableError
from .spaces import action_space, observation_space

try:
    import stable_baselines3 as sb3
    import torch
    from gymnasium import spaces
    from stable_baselines3.common.running_mean_std import RunningMeanStd
    from stable_baselines3.common.vec_env import VecEnv, VecNormalize
except ImportError as error:
    raise MissingExtraError("bridge.sb3_models", "stable_baselines3", "sb3") from error

try:
    from native.agents.acting import Shape, network
    from native.agents.networks import NATURE, convolutions, is_image
    from native.agents.players import players_of
    from native.agents.ppo import PPO as Settings
except ImportError as error:
    raise MissingExtraError("bridge.sb3_models", "optax or flax", "agents") from error

__all__ = ["no_counterpart", "normalized", "to_sb3", "weights_of"]

_ACTIVATIONS = {
    "tanh": torch.nn.Tanh,
    "relu": torch.nn.ReLU,
    "elu": torch.nn.ELU,
    "silu": torch.nn.SiLU,
}


def to_sb3(settings: Settings, spec: Spec, weights: Any, seed: int | None = None) -> Any:
    """A model that acts as the weights of one player do.

    Args:
        settings: What was learned with; the model goes on with the same numbers, of those that
            are annealed with the first ones.
        spec: Of the environment, which has one player.
        weights: Its weights.
        seed: Of the model's own randomness.

    Returns:
        A `stable_baselines3.PPO`, or an `sb3_contrib.MaskablePPO` where the game has masks; on the
        CPU, and without an environment. Its observations are normalised if those of the training
        were, see `normalized`.

    Raises:
        UnsuitableError: SB3 has no counterpart for the network; the message says for what.
        MissingExtraError: The game has masks, and sb3-contrib is not installed.
    """
    observed = _suitable(settings, spec)
    (player,) = players_of(spec, settings.sharing)
    net = network(settings, player)
    layers = {"pi": list(net.policy_layers), "vf": list(net.value_layers)}
    dictionary, image = isinstance(observed, Dict), is_image(cast(Any, observed))
    kind: dict[str, Any] = {}
    if dictionary:
        kind = {"features_extractor_kwargs": {"cnn_output_dim": settings.image_size}}
    elif image:
        kind = {"features_extractor_kwargs": {"features_dim": settings.image_size}}
    made_by: Any = _maskable() if spec.masks else sb3.PPO
    model = made_by(
        "MultiInputPolicy" if dictionary else "CnnPolicy" if image else "MlpPolicy",
        None,
        learning_rate=float(settings.learning_rate),
        n_steps=settings.n_steps,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        gamma=float(settings.gamma),
        gae_lambda=float(settings.gae_lambda),
        clip_range=float(settings.clip_range),
        clip_range_vf=None if settings.clip_range_vf is None else float(settings.clip_range_vf),
        normalize_advantage=settings.normalize_advantage,
        ent_coef=float(settings.ent_coef),
        vf_coef=float(settings.vf_coef),
        max_grad_norm=float(settings.max_grad_norm),
        target_kl=None if settings.target_kl is None else float(settings.target_kl),
        policy_kwargs={
            "net_arch": layers,
            "activation_fn": _ACTIVATIONS[settings.activation],
            "optimizer_kwargs": {"eps": float(settings.adam_eps)},
            **kind,
        },
        seed=seed,
        device="cpu",
        _init_setup_model=False,
    )
    model.observation_space = _transposed(observation_space(observed))
    model.action_space = action_space(player.action)
    model.n_envs = settings.num_envs * spec.num_agents
    model._setup_model()
    with torch.no_grad():
        for parameter, value in _pairs(model.policy, observed, weights["params"]):
            parameter.copy_(torch.from_numpy(np.array(value, np.float32)))
    return model


def weights_of(settings: Settings, spec: Spec, model: Any) -> Any:
    """The weights of one player that act as a model of SB3 does.

    Args:
        settings: Of the network: layers, activation and `image_size` are those of the model.
        spec: Of the environment, which has one player.
        model: A `stable_baselines3.PPO` or an `sb3_contrib.MaskablePPO`.

    Raises:
        UnsuitableError: The network is another; the message says what differs.
    """
    import jax
    import jax.numpy as jnp

    observed = _suitable(settings, spec)
    (player,) = players_of(spec, settings.sharing)
    ours, theirs = _ACTIVATIONS[settings.activation], model.policy.activation_fn
    if ours is not theirs:
        raise UnsuitableError(
            f"The model's activation is {theirs.__name__}, that of the settings "
            f"{settings.activation!r}: name the one that it has."
        )
    seen = jax.tree.map(lambda leaf: leaf[None], _zeros(observed))
    net: Any = network(settings, player)
    shapes = jax.eval_shape(net.init, jax.random.key(0), seen, jnp.zeros(1, bool), (), None)
    weights = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    try:
        pairs = list(_pairs(model.policy, observed, weights["params"]))
        for parameter, value in pairs:
            value[...] = parameter.detach().numpy()
    except (AttributeError, IndexError, KeyError, ValueError) as error:
        raise UnsuitableError(
            f"The model's network is another than the settings say ({error}): its layers are "
            f"{model.policy.net_arch}; name them as net_arch=((policy ...), (value ...))."
        ) from error
    return jax.tree.map(jnp.asarray, weights)


def normalized(venv: VecEnv, moments: Any, gamma: float = 0.99) -> VecNormalize:
    """An environment whose observations are normalised by the moments of a training.

    Args:
        venv: The environment.
        moments: Of one player's observations.
        gamma: Of the training, for the rewards.

    Raises:
        UnsuitableError: Nothing was normalised.
    """
    if moments is None:
        raise UnsuitableError("There are no moments: the training did not normalise observations.")
    keys = None
    if isinstance(moments, Mapping):
        keys = [name for name, part in moments.items() if part is not None]
    wrapped = VecNormalize(venv, gamma=gamma, norm_obs_keys=keys)
    if keys is None:
        wrapped.obs_rms = cast(Any, _running(moments))
    else:
        wrapped.obs_rms = {name: _running(moments[name]) for name in keys}
    return wrapped


def _running(moments: Any) -> RunningMeanStd:
    running = RunningMeanStd(shape=moments.mean.shape)
    running.mean = np.asarray(moments.mean, np.float64)
    running.var = np.asarray(moments.variance, np.float64)
    running.count = float(moments.count)
    return running


def no_counterpart(settings: Shape, spec: Spec) -> str | None:
    """Why SB3 can hold no model of what is learned with these settings; None: it can."""
    if not isinstance(settings, Settings):
        return f"models are made of what PPO has learned, and this is {type(settings).__name__}"
    if spec.masks and importlib.util.find_spec("sb3_contrib") is None:
        return "a model for action masks needs sb3-contrib, which is not installed"
    return _why_unlike(settings, spec)


def _why_unlike(settings: Settings, spec: Spec) -> str | None:
    players = players_of(spec, settings.sharing)
    for holds, what, instead in (
        (settings.gru == 0, "a GRU", "it keeps nothing between steps"),
        (not settings.central_critic, "a central critic", "its critic sees what an agent sees"),
        (len(players) == 1 and not players[0].own, "several players", "a model is one policy"),
        (not spec.turns, "turns", "its policy acts in every step"),
    ):
        if not holds:
            return f"Stable-Baselines3's PPO has no counterpart for {what}: {instead}"
    observed = players[0].observation
    for name, part in observed.parts if isinstance(observed, Dict) else (("", observed),):
        if isinstance(part, Dict):
            return f"Stable-Baselines3's PPO reads a Dict of arrays, and {name!r} is itself a Dict"
        if isinstance(part, Box) and is_image(part) and convolutions(part) is not NATURE:
            return (
                f"Stable-Baselines3's convolutions need images of 36 by 36, these are {part.shape}"
            )
    return None


def _suitable(settings: Settings, spec: Spec) -> Space:
    """The space that the one player observes, if SB3 has a counterpart for its network.

    Raises:
        UnsuitableError: It has none.
    """
    if (why := _why_unlike(settings, spec)) is not None:
        raise UnsuitableError(f"{why}. `bridge.policy_file` saves what was learned as it is.")
    return players_of(spec, settings.sharing)[0].observation


def _maskable() -> Any:
    try:
        return importlib.import_module("sb3_contrib").MaskablePPO
    except ImportError as error:
        raise MissingExtraError(
            "The game has action masks; a model of it is a MaskablePPO of sb3-contrib, which is "
            "not installed. Install it with: pip install sb3-contrib"
        ) from error


def _pairs(policy: Any, observed: Space, params: Any) -> Iterator[tuple[Any, Any]]:
    """Every parameter of a policy with the weights that it stands for, shaped like it."""
    extractor, features = policy.features_extractor, params.get("features", {})
    if isinstance(observed, Dict):
        for name, part in observed.parts:
            if isinstance(part, Box) and is_image(part):
                yield from _images(extractor.extractors[name], part, features, name)
    elif isinstance(observed, Box) and is_image(observed):
        yield from _images(extractor, observed, features, "")
    towers = policy.mlp_extractor
    for name, tower in (("policy", towers.policy_net), ("value", towers.value_net)):
        linear = [layer for layer in tower if isinstance(layer, torch.nn.Linear)]
        count = sum(key.startswith(f"{name}_") for key in params)
        for i, layer in zip(range(count), linear, strict=True):
            yield from _dense(layer, params[f"{name}_{i}"])
    yield from _dense(policy.action_net, params["policy"])
    yield from _dense(policy.value_net, params["value"])
    if "log_std" in params:
        yield policy.log_std, params["log_std"]


def _dense(layer: Any, params: Any) -> Iterator[tuple[Any, Any]]:
    yield layer.weight, params["kernel"].T
    yield layer.bias, params["bias"]


def _images(extractor: Any, space: Box, features: Any, name: str) -> Iterator[tuple[Any, Any]]:
    convolution = [layer for layer in extractor.cnn if isinstance(layer, torch.nn.Conv2d)]
    height, width = space.shape[:2]
    for i, layer in enumerate(convolution):
        params = features[f"{name}conv_{i}"]
        yield layer.weight, np.moveaxis(np.asarray(params["kernel"]), (3, 2), (0, 1))
        yield layer.bias, params["bias"]
        _, window, stride = NATURE[i]
        height, width = ((side - window) // stride + 1 for side in (height, width))
    dense, channels = features[f"{name}dense"], NATURE[-1][0]
    # Torch flattens channels first. Both sides are views, so that either can be written to.
    kernel = np.asarray(dense["kernel"]).reshape(height, width, channels, -1)
    linear = extractor.linear[0].weight
    yield linear.view(-1, channels, height, width), np.moveaxis(kernel, (3, 2), (0, 1))
    yield extractor.linear[0].bias, dense["bias"]


def _transposed(space: Any) -> Any:
    """With channels first where SB3 wants them so."""
    if isinstance(space, spaces.Dict):
        return spaces.Dict({name: _transposed(part) for name, part in space.items()})
    if isinstance(space, spaces.Box) and space.dtype == np.uint8 and len(space.shape) == 3:
        low, high = (np.moveaxis(bound, -1, 0) for bound in (space.low, space.high))
        return spaces.Box(low, high, dtype=np.uint8)
    return space


def _zeros(space: Space) -> Any:
    if isinstance(space, Dict):
        return {name: _zeros(part) for name, part in space.parts}
    return np.zeros(space.shape, space.dtype)
