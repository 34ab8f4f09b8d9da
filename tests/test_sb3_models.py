"""Models of SB3 made of weights from the device, and back: the same actions, values, odds."""

import dataclasses
import subprocess
import sys
import textwrap

import numpy as np
import pytest

pytest.importorskip("optax")
pytest.importorskip("flax")
torch = pytest.importorskip("torch")
sb3 = pytest.importorskip("stable_baselines3")

import jax
import jax.numpy as jnp
from nim import Nim

from bridge import sb3_models
from bridge.errors import UnsuitableError
from bridge.sb3 import make_vec_env
from bridge.spaces import element
from native.agents import PPO, actions, ppo
from native.agents.acting import Seen, look
from native.agents.networks import log_std_of
from native.agents.normalization import nothing_seen, seen
from native.agents.players import players_of
from native.core import Group, Spec
from native.registry import make
from native.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

SEEN = {
    "numbers": Box(-1.0, 1.0, (5,)),
    "one of": Discrete(4),
    "some of": MultiDiscrete((3, 2)),
    "image": Box(0, 255, (36, 40, 3), "uint8"),
    "parts": Dict({"image": Box(0, 255, (36, 36, 1), "uint8"), "b": Box(-1.0, 1.0, (2, 2))}),
}
DONE = {
    "Discrete": Discrete(3),
    "MultiDiscrete": MultiDiscrete((2, 3)),
    "MultiBinary": MultiBinary(3),
    "Box": Box(-1.0, 1.0, (2,)),
}
CASES = [(seen, "Discrete") for seen in SEEN] + [("numbers", done) for done in [*DONE][1:]]
SETTINGS = PPO(net_arch=((8, 6), (7,)), image_size=16, activation="relu")


def made(seen, done, settings=SETTINGS):
    """A spec of one agent, weights of all sizes, and 50 observations."""
    spec = Spec("made", (Group("one", ("a",), SEEN[seen], DONE[done]),))
    (player,) = players_of(spec, "group")
    keys = jax.random.split(jax.random.key(0), 50)
    observed = jax.vmap(SEEN[seen].sample)(keys)
    shown = Seen(observation=observed, first=jnp.zeros(50, bool), mask=None, world=None)
    weights = ppo.begin_player(settings, player, jax.random.key(1), shown)[0]
    leaves, tree = jax.tree.flatten(weights)
    noise = jax.random.split(jax.random.key(2), len(leaves))
    leaves = [
        leaf + 0.1 * jax.random.normal(k, leaf.shape) for leaf, k in zip(leaves, noise, strict=True)
    ]
    return spec, player, jax.tree.unflatten(tree, leaves), shown


def as_torch(model, space, observed):
    """Observations as the model's policy takes them."""
    rows = [
        element(space, jax.tree.map(lambda leaf, i=i: np.asarray(leaf[i]), observed))
        for i in range(50)
    ]
    if isinstance(space, Dict):
        stacked = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    else:
        stacked = np.stack(rows)
    turn = lambda each: np.moveaxis(each, -1, 1) if each.dtype == np.uint8 else each  # noqa: E731
    return model.policy.obs_to_tensor(jax.tree.map(turn, stacked))[0]


@pytest.mark.parametrize(("seen", "done"), CASES)
def test_it_says_of_every_observation_what_the_weights_say(seen, done):
    spec, player, weights, shown = made(seen, done)
    outputs, values, _ = look(SETTINGS, player, weights, None, shown, ())
    model = sb3_models.to_sb3(SETTINGS, spec, weights)
    observed = as_torch(model, SEEN[seen], shown.observation)
    action = np.asarray(actions.sample(DONE[done], jax.random.key(3), outputs, log_std_of(weights)))
    log_prob, entropy = actions.log_prob_and_entropy(
        DONE[done], outputs, log_std_of(weights), jnp.asarray(action)
    )
    with torch.no_grad():
        value, theirs, their_entropy = model.policy.evaluate_actions(
            observed, torch.from_numpy(action.astype(np.float32))
        )
        best = model.policy._predict(observed, deterministic=True).numpy()
    np.testing.assert_allclose(value[:, 0], values, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(theirs, log_prob, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(their_entropy, entropy, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(best, actions.mode(DONE[done], outputs), atol=1e-5)


@pytest.mark.parametrize(("seen", "done"), CASES)
def test_there_and_back_are_the_same_weights(seen, done):
    spec, _, weights, _ = made(seen, done)
    model = sb3_models.to_sb3(SETTINGS, spec, weights)
    jax.tree.map(
        np.testing.assert_array_equal, sb3_models.weights_of(SETTINGS, spec, model), weights
    )


def test_a_process_that_has_never_heard_of_us_loads_it_and_goes_on_learning(tmp_path):
    env = make("Acrobot-v1")  # whose space is the same in every Gymnasium
    settings = PPO(net_arch=(8,), num_envs=2, n_steps=16, batch_size=32, n_epochs=1, adam_eps=1e-3)
    weights = ppo.init(settings, env, jax.random.key(0)).weights["acrobot"]
    sb3_models.to_sb3(settings, env.spec, weights).save(tmp_path / "model")
    script = textwrap.dedent(f"""
        import sys, stable_baselines3
        path = {str(tmp_path / "model")!r}
        stable_baselines3.PPO.load(path, device="cpu")
        assert not {{"jax", "native", "bridge"}} & set(sys.modules)
        import gymnasium
        model = stable_baselines3.PPO.load(path, env=gymnasium.make("Acrobot-v1"), device="cpu")
        model.learn(32)
        print(model.num_timesteps, model.policy.optimizer.defaults["eps"])
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stdout.strip() == "32 0.001", done.stderr


def test_moments_become_a_vec_normalize():
    moments = seen(
        nothing_seen((4,)), jax.random.normal(jax.random.key(0), (50, 4)) * 3 + 1, jnp.ones(50)
    )
    venv = sb3_models.normalized(make_vec_env("CartPole-v1", 2), moments)
    values = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    from native.agents.normalization import normalize

    np.testing.assert_allclose(
        venv.normalize_obs(values), normalize(moments, jnp.asarray(values)), atol=1e-5
    )
    venv.close()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"gru": 4}, "GRU"),
        ({"central_critic": True}, "central critic"),
        ({"sharing": "agent"}, "several players"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(change, says):
    spec, _, weights, _ = made("numbers", "Discrete")
    with pytest.raises(UnsuitableError, match=says):
        sb3_models.to_sb3(dataclasses.replace(SETTINGS, **change), spec, weights)


def test_games_of_turns_and_of_masks_have_no_model(monkeypatch):
    spec = Nim().spec
    assert "turns" in sb3_models.no_counterpart(SETTINGS, spec)
    at_once = dataclasses.replace(spec, turns=False)
    monkeypatch.setattr(sb3_models.importlib.util, "find_spec", lambda _: None)
    assert "sb3-contrib" in sb3_models.no_counterpart(SETTINGS, at_once)
    monkeypatch.setattr(sb3_models.importlib.util, "find_spec", lambda _: "there")
    assert sb3_models.no_counterpart(SETTINGS, at_once) is None


def test_another_network_is_refused_by_name():
    spec, _, weights, _ = made("numbers", "Discrete")
    model = sb3_models.to_sb3(SETTINGS, spec, weights)
    with pytest.raises(UnsuitableError, match="net_arch"):
        sb3_models.weights_of(dataclasses.replace(SETTINGS, net_arch=(8,)), spec, model)
    with pytest.raises(UnsuitableError, match="ReLU"):
        sb3_models.weights_of(dataclasses.replace(SETTINGS, activation="tanh"), spec, model)
