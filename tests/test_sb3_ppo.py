"""PPO with rollouts on the device fills its buffer as Stable-Baselines3's own does."""

import copy
import re
import types

import jax
import numpy as np
import pytest
from echo import Echo
from fuses import Fuses
from probe import Probe

pytest.importorskip("stable_baselines3")

import torch
from gymnasium.spaces import Discrete, MultiDiscrete
from stable_baselines3 import PPO as Base
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback, ConvertCallback
from stable_baselines3.common.distributions import Categorical
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.preprocessing import preprocess_obs
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize
from torch import nn

from bridge.errors import ClosedError, NotResetError, UnsuitableError
from bridge.sb3 import PPO, make_vec_env
from bridge.sb3_network import ACTIVATIONS, features, num_features
from bridge.spaces import observation_space
from native import spaces as native_spaces
from native.spaces import Box

STEPS = 12
BUFFERED = (
    *("observations", "actions", "rewards", "episode_starts", "values", "log_probs"),
    *("advantages", "returns"),
)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """The networks are so small that threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True, scope="module")
def _programs_are_kept():
    """Compiled programs stay as long as somebody uses them."""
    return [make_vec_env(env, 3) for env in ("CartPole-v1", Fuses(), Probe())]


def small(kind, venv, **options):
    """A model with a small network, the same in each call."""
    torch.manual_seed(0)
    policy = {"net_arch": [8], **options.pop("policy_kwargs", {})}
    settings = {"n_steps": STEPS, "batch_size": STEPS, "n_epochs": 1, "device": "cpu", **options}
    return kind("MlpPolicy", venv, policy_kwargs=policy, **settings)


class Watch(BaseCallback):
    """Keeps what it is told in every step."""

    NAMES = (
        *("n_steps", "obs_tensor", "actions", "clipped_actions", "values", "log_probs"),
        *("new_obs", "rewards", "dones", "infos"),
    )

    def __init__(self, stop_after=None):
        super().__init__()
        self.told, self.stop_after = [], stop_after

    def _on_step(self):
        now = {name: self.locals[name] for name in self.NAMES}
        self.told.append({**copy.deepcopy(now), "num_timesteps": self.num_timesteps})
        return len(self.told) != self.stop_after


def collected(model, callback=None):
    """The buffer after one rollout, not yet learned from."""
    callback = callback or ConvertCallback(None)
    _, callback = model._setup_learn(1, callback, reset_num_timesteps=model._last_obs is None)
    model.collect_rollouts(model.env, callback, model.rollout_buffer, model.n_steps)
    buffer = model.rollout_buffer
    return types.SimpleNamespace(**{name: np.array(getattr(buffer, name)) for name in BUFFERED})


def fed(model, actions):
    """Make a model of SB3 choose given actions; they are evaluated by torch."""
    shape = model.action_space.shape
    whole = isinstance(model.action_space, (Discrete, MultiDiscrete))
    kind = torch.int64 if whole else torch.float32
    given = iter(torch.as_tensor(actions).to(kind).reshape(*actions.shape[:2], *shape))

    def forward(observation, deterministic=False):
        del deterministic
        action = next(given)
        values, log_prob, _ = model.policy.evaluate_actions(observation, action)
        return action, values, log_prob

    model.policy.forward = forward
    return model


def without_time(info):
    if "episode" not in info:
        return info
    return {**info, "episode": {**info["episode"], "t": 0.0}}


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def alike(ours, theirs):
    """The same keys and values, whatever their dtypes."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            alike(ours[name], value)
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            alike(one, other)
    else:
        assert type(ours) is type(theirs)
        close(ours, theirs)


def check_against_sb3(env, num_envs, rollouts=2, **rules):
    """Collect with ours, and with SB3's own loop fed with the same actions."""
    venvs = [make_vec_env(env, num_envs, seed=3, **rules) for _ in range(2)]
    ours, watch = small(PPO, venvs[0]), Watch()
    buffers = [collected(ours, watch) for _ in range(rollouts)]
    actions = np.concatenate([buffer.actions for buffer in buffers])
    theirs, watched = fed(small(Base, venvs[1]), actions), Watch()
    for buffer in buffers:
        expected = collected(theirs, watched)
        for name in BUFFERED:
            mine, other = (getattr(each, name) for each in (buffer, expected))
            assert (mine.shape, mine.dtype) == (other.shape, other.dtype), name
            np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-5, err_msg=name)
    for mine, other in zip(watch.told, watched.told, strict=True):
        for now in (mine, other):
            now["infos"] = [without_time(info) for info in now["infos"]]
        alike(mine, other)
    episodes = [[{**e, "t": 0} for e in model.ep_info_buffer] for model in (ours, theirs)]
    alike(*episodes)
    assert ours.num_timesteps == theirs.num_timesteps
    close(ours._last_obs, theirs._last_obs)
    for _ in range(STEPS):
        still = np.zeros((venvs[0].num_envs, *venvs[0].action_space.shape), np.int8)
        steps = [venv.step(still) for venv in venvs]
        for one, other in zip(*[step[:3] for step in steps], strict=True):
            close(one, other)
        alike(*[[without_time(info) for info in step[3]] for step in steps])
    assert venvs[0].get_attr("alive") == venvs[1].get_attr("alive")
    alike(*[[*venv.reset_infos] for venv in venvs])
    return buffers, watch


# ------------------------------------------------------------------- as SB3 itself would


@pytest.mark.parametrize(
    ("env", "rules"),
    [
        pytest.param("CartPole-v1", {"max_episode_steps": 11}, id="cartpole"),
        pytest.param(Fuses(), {}, id="team", marks=pytest.mark.long),
        pytest.param(Fuses(groups=2), {}, id="two groups"),
        pytest.param(Echo(("box",)), {}, id="box"),
        pytest.param(Echo(("multidiscrete",), 1), {}, id="multidiscrete", marks=pytest.mark.long),
        pytest.param(Echo(("multibinary",), 1), {}, id="multibinary", marks=pytest.mark.long),
    ],
)
def test_a_rollout_is_what_sb3s_own_loop_collects(env, rules):
    buffers, watch = check_against_sb3(env, 3, **rules)
    assert all(step["new_obs"].flags.writeable for step in watch.told)
    if not isinstance(env, Echo):
        ended = [
            info["TimeLimit.truncated"]
            for step in watch.told
            for info in step["infos"]
            if "TimeLimit.truncated" in info
        ]
        assert {*ended} == {True, False}
    assert len({tuple(step) for buffer in buffers for step in buffer.actions[..., 0]}) > 2


@pytest.mark.parametrize("wrong", ["nobody", "everybody"])
def test_a_wrong_bootstrap_would_be_seen(monkeypatch, wrong):
    right = PPO._bootstrap

    def planted(self, rewards, late):
        if wrong == "everybody":
            late = [(0, 0, np.ones(4, np.float32)), *late]
            right(self, rewards, late)

    monkeypatch.setattr(PPO, "_bootstrap", planted)
    with pytest.raises(AssertionError, match="rewards"):
        check_against_sb3(Fuses(), 3)


def test_time_adds_what_the_future_was_worth_and_an_ending_does_not():
    venv = make_vec_env(Fuses(fuses=(2, 3), late=(False, True)), 1, seed=0)
    model, watch = small(PPO, venv, gamma=0.5), Watch()
    buffer = collected(model, watch)
    infos = watch.told[2]["infos"]
    assert [info["TimeLimit.truncated"] for info in infos] == [False, True]
    last = torch.as_tensor(infos[1]["terminal_observation"])[None]
    value = model.policy.predict_values(last).item()
    assert buffer.rewards[1, 0] == 2  # agent 1 of 1, at tick 2, terminated
    assert buffer.rewards[2].tolist() == pytest.approx([0, 6 + 0.5 * value])


@pytest.mark.parametrize(
    ("space", "policy"),
    [
        ("discrete", {"activation_fn": nn.ReLU, "net_arch": []}),
        ("multidiscrete", {"activation_fn": nn.ELU, "share_features_extractor": False}),
        ("multibinary", {"activation_fn": nn.GELU, "net_arch": {"pi": [6], "vf": [5, 7]}}),
        ("box", {"activation_fn": nn.SiLU, "net_arch": {"vf": [4]}, "log_std_init": -0.7}),
    ],
)
def test_probabilities_and_values_are_torchs(space, policy):
    model = small(
        PPO, make_vec_env(Echo((space,), 1), 400), policy_kwargs=policy, n_steps=4, batch_size=400
    )
    with torch.no_grad():  # far from the start, where all probabilities are alike
        for parameter in model.policy.parameters():
            parameter += 0.3 * torch.randn(parameter.shape)
    buffer = collected(model)
    actions = torch.as_tensor(buffer.actions).reshape(1600, -1)
    if space == "discrete":
        actions = actions.flatten()
    seen = torch.as_tensor(buffer.observations).reshape(1600, -1)
    actions = actions.float() if space == "multibinary" else actions
    values, log_probs, _ = model.policy.evaluate_actions(seen, actions)
    close(buffer.values.flatten(), values.detach()[:, 0])
    close(buffer.log_probs.flatten(), log_probs.detach())

    # In the first step all rows see the same: what they draw is as frequent as it is likely.
    distribution = model.policy.get_distribution(seen[:1]).distribution
    parts = distribution if isinstance(distribution, list) else [distribution]
    drawn = torch.as_tensor(buffer.actions[0]).double()
    if isinstance(parts[0], Categorical):
        for part, column in zip(parts, drawn.T, strict=True):
            for action, likely in enumerate(part.probs[0].tolist()):
                sigma = np.sqrt(likely * (1 - likely) / 400)
                assert abs((column == action).double().mean() - likely) < 4 * sigma
    else:
        mean, deviation = parts[0].mean[0].detach(), parts[0].stddev[0].detach()
        deviations = (drawn - mean) / deviation
        assert (deviations.mean(0).abs() < 4 / np.sqrt(400)).all()
        assert ((deviations.std(0) - 1).abs() < 0.2).all()
        assert np.corrcoef(deviations.T)[0, 1] < 0.25  # each has its own noise


@pytest.mark.parametrize(
    "activation",
    [nn.LeakyReLU, nn.SELU, nn.Mish, nn.Sigmoid, nn.Softsign, nn.Identity],
)
def test_every_activation_is_torchs(activation):
    compute, attributes = ACTIVATIONS[activation.__name__]
    module, x = activation(), torch.linspace(-8, 8, 101)
    close(compute(x.numpy(), *(getattr(module, name) for name in attributes)), module(x))


@pytest.mark.parametrize(
    ("space", "seen"),
    [
        (Box(-1.0, 9.0, (2, 3)), np.arange(12, dtype=np.float32).reshape(2, 2, 3)),
        (native_spaces.Discrete(4), np.array([3, 1])),
        (native_spaces.MultiDiscrete((2, 3)), np.array([[1, 2], [0, 1]])),
        (native_spaces.MultiBinary(3), np.array([[0, 1, 1], [1, 0, 0]], np.int8)),
    ],
)
def test_features_are_those_of_stable_baselines3(space, seen):
    theirs = preprocess_obs(torch.as_tensor(seen), observation_space(space))
    ours = features(space, seen)
    assert ours.dtype == np.float32 and ours.shape[1] == num_features(space)
    close(ours, theirs.reshape(2, -1))


def test_the_rows_may_be_shared_among_devices():
    two, one = (
        make_vec_env("CartPole-v1", 4, seed=0, devices=devices)
        for devices in (jax.devices()[:2], None)
    )
    buffers = [collected(small(PPO, venv)) for venv in (two, one)]
    close(buffers[0].rewards, buffers[1].rewards)
    close(buffers[0].values, buffers[1].values)


# ------------------------------------------------------------------------ learning


def test_it_learns():
    venv = make_vec_env("CartPole-v1", 16, seed=0)
    policy = {"net_arch": [32]}
    model = PPO("MlpPolicy", venv, 2e-3, 32, 128, 6, 0.98, 0.8, seed=0, policy_kwargs=policy)
    model.learn(20_000)
    returns, _ = evaluate_policy(
        model, make_vec_env("CartPole-v1", 16, seed=100), 16, return_episode_rewards=True
    )
    # A random policy keeps on for 20 steps, 60 and more in 2 of 100 episodes (of 10,000 played):
    # in 12 of 16, less often than once in 10^16.
    assert np.sum(np.array(returns) >= 60) >= 12


def test_the_same_seed_learns_the_same():
    def learned():
        model = small(PPO, make_vec_env("CartPole-v1", 3), seed=5).learn(3 * STEPS * 2)
        return [parameter.detach().numpy() for parameter in model.policy.parameters()]

    for one, other in zip(learned(), learned(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_equal_models_share_a_compiled_program():
    venv = make_vec_env("CartPole-v1", 3)
    for rate in (1e-3, 1e-4):
        small(PPO, venv, learning_rate=rate).learn(1)
    assert venv.session._programs.playing.cache_info().misses == 1


def test_either_class_loads_what_the_other_has_saved(tmp_path):
    venv = make_vec_env("CartPole-v1", 3, seed=0)
    model = small(PPO, venv).learn(3 * STEPS)
    seen = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    chosen = model.predict(seen, deterministic=True)[0]
    model.save(tmp_path / "ours")
    plain = Base.load(tmp_path / "ours", env=venv)
    assert type(plain) is Base
    plain.learn(3 * STEPS, reset_num_timesteps=False)
    plain.save(tmp_path / "plain")
    for path, steps in (("ours", 3 * STEPS), ("plain", 6 * STEPS)):
        again = PPO.load(tmp_path / path, env=venv)
        again.learn(3 * STEPS, reset_num_timesteps=False)
        assert again.num_timesteps == steps + 3 * STEPS
    without = PPO.load(tmp_path / "ours")
    np.testing.assert_array_equal(without.predict(seen, deterministic=True)[0], chosen)
    np.testing.assert_array_equal(
        Base.load(tmp_path / "ours").predict(seen, deterministic=True)[0], chosen
    )


# ----------------------------------------------------------------- environments, callbacks


def test_it_goes_on_from_where_the_environments_are(tmp_path):
    venv = make_vec_env(Probe(), 3, seed=0)
    model = small(PPO, venv)
    model.learn(3 * STEPS)
    stepped = venv.step(np.array([1, 2, 3]))[0]
    np.testing.assert_array_equal(collected(model).observations[0], stepped)

    venv.save_state(tmp_path / "state.npz")
    torch.manual_seed(1)
    before = collected(model)
    evaluate_policy(model, venv, 3)
    shown = venv.load_state(tmp_path / "state.npz")
    torch.manual_seed(1)
    again = collected(model)
    np.testing.assert_array_equal(again.observations[0], shown)
    np.testing.assert_array_equal(again.observations, before.observations)
    np.testing.assert_array_equal(again.rewards, before.rewards)

    shown = venv.reset()
    venv.step_async(np.zeros(3, int))  # and not waited for: it is not taken
    np.testing.assert_array_equal(collected(model).observations[0], shown)


@pytest.mark.parametrize("how", ["stops", "fails"])
def test_a_callback_that_ends_it_leaves_the_environments_at_its_step(how):
    class Ends(Watch):
        def _on_step(self):
            goes_on = super()._on_step()
            if not goes_on and how == "fails":
                raise KeyboardInterrupt
            return goes_on

    venv, other = (make_vec_env(Fuses(), 3, seed=0) for _ in range(2))
    model, watch = small(PPO, venv), Ends(stop_after=7)
    if how == "stops":
        model.learn(1_000, callback=watch)
    else:
        with pytest.raises(KeyboardInterrupt):
            model.learn(1_000, callback=watch)
    assert model.num_timesteps == 7 * 9
    other.reset()
    for step in watch.told:
        expected = other.step(step["clipped_actions"])
    np.testing.assert_array_equal(model._last_obs, expected[0])
    np.testing.assert_array_equal(model._last_episode_starts, expected[2])
    assert venv.get_attr("alive") == other.get_attr("alive")
    for _ in range(4):
        steps = [each.step(np.ones(9, int)) for each in (venv, other)]
        np.testing.assert_array_equal(steps[0][0], steps[1][0])
        np.testing.assert_array_equal(steps[0][2], steps[1][2])
    model.learn(1, reset_num_timesteps=False)
    assert model.num_timesteps == (7 + STEPS) * 9


def test_what_a_callback_does_to_the_environments_stays():
    class Resets(BaseCallback):
        def _on_step(self):
            self.shown = self.training_env.reset()
            return False

    venv, callback = make_vec_env(Probe(), 3, seed=0), Resets()
    model = small(PPO, venv)
    model.learn(1_000, callback=callback)
    np.testing.assert_array_equal(collected(model).observations[0], callback.shown)


def test_rewards_that_a_callback_changes_are_learned_from():
    class Doubles(BaseCallback):
        def _on_step(self):
            self.locals["rewards"] *= 2
            return True

    buffers = [
        collected(small(PPO, make_vec_env("CartPole-v1", 3, seed=0)), callback)
        for callback in (Doubles(), None)
    ]
    assert (buffers[0].rewards == 2 * buffers[1].rewards).all()


def test_parameters_set_between_rollouts_have_an_effect():
    venv = make_vec_env("CartPole-v1", 3, seed=0)
    model = small(PPO, venv)
    pushed = [collected(model)]
    venv.set_attr("force_mag", 0.0)
    pushed.append(collected(model))
    faster = [abs(np.diff(buffer.observations[:4, :, 1], axis=0)).mean() for buffer in pushed]
    assert faster[0] > 0.15 and faster[1] < 0.05


def test_episodes_are_written_to_the_file_of_the_monitor(tmp_path):
    model = small(PPO, make_vec_env(Fuses(), 3, monitor_dir=str(tmp_path)))
    model.learn(9 * STEPS)
    model.env.close()
    (path,) = tmp_path.iterdir()
    written = [line.split(",")[1] for line in path.read_text().splitlines()[2:]]
    assert written == [str(episode["l"]) for episode in model.ep_info_buffer]
    assert len(written) > 6


# --------------------------------------------------------------------------- refused


class Own(ActorCriticPolicy):
    def predict_values(self, obs):
        return super().predict_values(obs) * 2


class OwnExtractor(FlattenExtractor):
    pass


class OwnBuffer(RolloutBuffer):
    pass


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"wrap": VecNormalize}, "VecNormalize"),
        ({"wrap": lambda venv: VecFrameStack(venv, 2)}, "VecFrameStack"),
        ({"env": Fuses(parts=True)}, "dicts"),
        ({"env": Fuses(pixels=True)}, "pictures"),
        ({"env": Echo(("integers",))}, "int32"),
        ({"render_mode": "human"}, "human"),
        ({"use_sde": True, "env": Echo(("box",))}, "use_sde"),
        ({"policy": "CnnPolicy"}, "CnnPolicy"),
        ({"policy": "MultiInputPolicy"}, "MultiInput"),
        ({"policy": Own}, r"Own, which has a predict_values\(\)"),
        ({"policy_kwargs": {"features_extractor_class": OwnExtractor}}, "OwnExtractor"),
        ({"policy_kwargs": {"activation_fn": nn.Hardtanh}}, "Hardtanh"),
        ({"rollout_buffer_class": OwnBuffer}, "OwnBuffer"),
    ],
)
def test_what_has_no_form_on_the_device_is_refused_by_name(options, said, monkeypatch):
    monkeypatch.setattr("bridge.sb3_rows.Window", lambda *_: types.SimpleNamespace())
    env = options.pop("env", "CartPole-v1")
    wrap = options.pop("wrap", lambda venv: venv)
    venv = wrap(make_vec_env(env, 2, render_mode=options.pop("render_mode", None)))
    with pytest.raises(UnsuitableError, match=said) as refused:
        PPO(options.pop("policy", "MlpPolicy"), venv, n_steps=8, batch_size=8, **options)
    assert re.search("(Use|Take|Leave|Make) .*[.]$", str(refused.value))  # what to do instead


def test_other_environments_are_refused_wherever_they_are_given(tmp_path):
    model = small(PPO, make_vec_env("CartPole-v1", 2))
    model.save(tmp_path / "model")
    with pytest.raises(UnsuitableError, match="make_vec_env"):
        PPO("MlpPolicy", "CartPole-v1")
    with pytest.raises(UnsuitableError, match="VecNormalize"):
        model.set_env(VecNormalize(make_vec_env("CartPole-v1", 2)))
    with pytest.raises(UnsuitableError, match="VecNormalize"):
        PPO.load(tmp_path / "model", env=VecNormalize(make_vec_env("CartPole-v1", 2)))


def test_environments_that_cannot_be_stepped_say_so():
    venv = make_vec_env("CartPole-v1", 2)
    model = small(PPO, venv)
    model._last_obs = np.zeros((2, 4), np.float32)
    with pytest.raises(NotResetError):
        collected(model)
    venv.close()
    with pytest.raises(ClosedError):
        collected(model)
