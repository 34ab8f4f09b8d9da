"""TorchRL: its own checks and collectors, and the same play as a batch of ours."""

import functools
import pickle
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchrl")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of itself
    from tensordict import TensorDict
    from torchrl.collectors import Collector
    from torchrl.data import Binary, Categorical, MultiCategorical, Unbounded
    from torchrl.envs import TransformedEnv
    from torchrl.envs.transforms import RewardSum
    from torchrl.envs.utils import check_env_specs

from drivers import begun, draw, stepped
from echo import SPACES, Echo
from odd_values import draw as draw_value

from bridge.errors import ActionError, ClosedError, NotResetError, OptionError, SeedError
from bridge.session import Session
from bridge.torchrl import _spec, make
from native import spaces
from native.batch import Autoreset
from native.classic_control.cartpole import CartPole
from native.registry import make as make_native

WORLDS, STEPS = 3, 40

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.*")


def key(env, group, name):
    return name if env.spec.num_agents == 1 else (group.name, name)


def given(env, joint):
    """A joint action as a TensorDict has it."""
    alone = env.spec.num_agents == 1
    return {
        key(env, group, "action"): torch.from_numpy(
            joint[group.name][:, 0] if alone else joint[group.name]
        )
        for group in env.spec.groups
    }


def flat(tree):
    """Leaves of a tree, or of a TensorDict, in the order of their names."""
    if hasattr(tree, "keys"):
        return [leaf for name in sorted(tree.keys()) for leaf in flat(tree[name])]
    return [np.asarray(tree)]


def test_torchrl_finds_that_its_specs_hold(name):
    check_env_specs(make(name, WORLDS), seed=0)
    check_env_specs(make(name, WORLDS, seed=1), break_when_any_done="both")


def test_it_plays_what_a_session_plays(name, env):
    """Translating and then stepping is stepping and then translating, bit for bit."""
    adapter, session = make(name, WORLDS, seed=5), Session(env, WORLDS, Autoreset.DISABLED)
    rng = np.random.default_rng(0)
    now, shown = adapter.reset(), begun(session, 5)
    compare(env, now, shown)
    for _ in range(STEPS):
        joint = draw(env, rng, WORLDS)
        if env.spec.masks:
            joint |= {name: np.asarray(m).argmax(-1) for name, m in shown.action_mask.items()}
        shown = stepped(session, joint)
        for name_of, action in given(env, joint).items():
            now.set(name_of, action)
        after = adapter.step(now)["next"]
        compare(env, after, shown)
        for group in env.spec.groups:
            reward = np.asarray(shown.timestep.reward)[:, env.spec.rows[group.name]]
            found = after[key(env, group, "reward")].reshape(reward.shape)
            np.testing.assert_array_equal(found, reward)
        over = ~np.asarray(shown.acting).any(axis=1)
        np.testing.assert_array_equal(after["done"][:, 0], over)
        now = after.exclude("reward")
        if over.any():
            now.set("_reset", torch.from_numpy(over)[:, None])
            now = adapter.reset(now)
            shown = begun(session, None, over)
            compare(env, now, shown)


def compare(env, found, shown):
    """Observations, masks and flags of a TensorDict are those of a transition."""
    acting, late = np.asarray(shown.acting), np.asarray(shown.timestep.truncated)
    for group in env.spec.groups:
        rows = env.spec.rows[group.name]
        expected = flat(shown.timestep.observation[group.name])
        if shown.action_mask is not None:
            expected += flat(shown.action_mask[group.name])
        names = ["observation", "action_mask"] if shown.action_mask is not None else ["observation"]
        seen = [leaf for n in names for leaf in flat(found[key(env, group, n)])]
        for a, b in zip(seen, expected, strict=True):
            np.testing.assert_array_equal(a.reshape(b.shape), b)
        flags = {
            n: found[key(env, group, n)].reshape(acting[:, rows].shape)
            for n in ("done", "terminated")
        }
        np.testing.assert_array_equal(flags["done"], ~acting[:, rows])
        np.testing.assert_array_equal(flags["terminated"], ~acting[:, rows] & ~late[:, rows])
        if env.spec.num_agents > 1:
            np.testing.assert_array_equal(found[group.name, "mask"], acting[:, rows])


def collected(source, frames=120, **options):
    """What a collector with a random policy gathers, in one TensorDict (worlds, steps)."""
    adapter = make(source, WORLDS, seed=2)
    collector = Collector(adapter, None, frames_per_batch=frames, total_frames=frames, **options)
    (data,) = list(collector)
    collector.shutdown()
    return data


def test_a_collector_resets_what_is_over_and_keeps_the_last_observation():
    data = collected(CartPole(horizon=7))
    done, after = data["next", "done"][..., 0], data["next", "observation"]
    assert done.sum() >= 3 * WORLDS
    late = data["next", "truncated"][..., 0]
    assert late.any() and (data["next", "terminated"][..., 0] ^ late)[done].all()
    for world, step in done[:, :-1].nonzero().tolist():
        begun = data["observation"][world, step + 1]
        assert begun.abs().max() <= 0.05, "an episode of CartPole begins near the middle"
        assert not torch.equal(begun, after[world, step])
    goes_on = ~done[:, :-1]
    assert torch.equal(after[:, :-1][goes_on], data["observation"][:, 1:][goes_on])


def test_a_collector_goes_on_until_the_last_agent_has_ended():
    env = make_native("causeway_v0")
    data = collected("causeway_v0", 600)
    (group,) = env.spec.groups
    ended, over = data["next", group.name, "done"][..., 0], data["next", "done"][..., 0]
    assert (ended.any(-1) & ~over).any(), "somebody ended before the others"
    assert torch.equal(ended.all(-1), over)
    idle = ~data[group.name, "mask"]
    assert idle.any() and ended[idle].all()
    assert not data["next", group.name, "reward"][..., 0][idle].any()


def test_random_actions_are_legal():
    data = make("causeway_v0", WORLDS, seed=0).rollout(60, break_when_any_done=False)
    (group,) = make_native("causeway_v0").spec.groups
    mask, chosen = data[group.name, "action_mask"], data[group.name, "action"][..., None]
    assert mask.gather(-1, chosen).all() and not mask.all()


def test_groups_have_their_own_shapes():
    env = make("simple_tag_v3", WORLDS)
    now = env.reset()
    assert env.group_map == {
        "adversary": ["adversary_0", "adversary_1", "adversary_2"],
        "agent": ["agent_0"],
    }
    assert now["adversary", "observation"].shape == (WORLDS, 3, 16)
    assert now["agent"].batch_size == (WORLDS, 1)
    assert env.full_action_spec["adversary", "action"].shape == (WORLDS, 3)


def test_transforms_work():
    env = TransformedEnv(make(CartPole(horizon=6), WORLDS, seed=0), RewardSum())
    steps = env.rollout(6, break_when_any_done=False)
    assert steps["next", "episode_reward"][:, -1, 0].tolist() == [6.0] * WORLDS


def scribble(shown):
    for leaf in shown.values(True, True):
        leaf.fill_(1)


@pytest.mark.parametrize("worlds", [3, 8192], ids=["packed", "not packed"])
@pytest.mark.parametrize("name", ["CartPole-v1", "simple_spread_v3", "causeway_v0"])
def test_whoever_writes_to_what_was_handed_out_changes_nothing_else(name, worlds, tmp_path):
    writer, twin = (make(name, worlds, seed=0) for _ in range(2))
    some = torch.arange(worlds) % 2 == 0
    for call in (
        lambda env: env.reset(),
        lambda env: env.step(env.rand_action(env.load_state(saved(env, tmp_path))))["next"],
        lambda env: env.reset(TensorDict({"_reset": some[:, None]}, [worlds])),
        lambda env: env.reset(TensorDict({"_reset": torch.zeros_like(some)[:, None]}, [worlds])),
        lambda env: env.load_state(saved(env, tmp_path)),
        lambda env: env.step(env.rand_action(env.load_state(saved(env, tmp_path))))["next"],
    ):
        shown = []
        for env in (writer, twin):
            torch.manual_seed(0)
            shown.append(call(env).clone(recurse=False))
        assert (shown[0] == shown[1]).all()
        scribble(shown[0])


def saved(env, folder):
    env.save_state(folder / "state.npz")
    return folder / "state.npz"


def test_seeds():
    first = [make("CartPole-v1", 2, seed=s).reset()["observation"] for s in (3, 3, 4)]
    assert torch.equal(first[0], first[1])
    assert torch.equal(first[0][1], first[2][0]), "world w has the seed of the first plus w"
    env = make("CartPole-v1", 2)
    env.set_seed(3)
    assert torch.equal(env.reset()["observation"], first[0])
    assert not torch.equal(env.reset()["observation"], first[0]), "the next episode"
    with pytest.raises(SeedError, match="-1"):
        env.set_seed(-1)
    with pytest.raises(SeedError, match="integer"):
        env.set_seed(None)


def test_bad_calls_are_refused():
    env = make("simple_spread_v3", WORLDS)
    with pytest.raises(NotResetError):
        env.step(env.rand_action())
    now = env.rand_action(env.reset())
    with pytest.raises(OptionError, match="'wind'"):
        env.reset(wind=1)
    now["agent", "action"][1, 2] = 5
    with pytest.raises(ActionError, match=r"'agent_2' of environment 1 .*5"):
        env.step(now)
    now["agent", "action"][1, 2] = 4
    assert torch.isfinite(env.step(now)["next", "agent", "reward"]).all()
    env.close()
    env.close()
    with pytest.raises(ClosedError):
        env.step(now)


def test_a_saved_state_continues(tmp_path):
    env, other = make("CartPole-v1", WORLDS, seed=0), make("CartPole-v1", WORLDS)
    env.reset()
    env.rollout(3, auto_reset=True)
    env.save_state(tmp_path / "state.npz")
    now = other.load_state(tmp_path / "state.npz")
    push = torch.ones(WORLDS, dtype=torch.int64)
    after = [e.step(now.clone().set("action", push))["next"] for e in (env, other)]
    assert (after[0] == after[1]).all()


def test_it_pickles():
    env = make("CartPole-v1", 2, seed=0)
    now = env.rand_action(env.reset())
    twin = pickle.loads(pickle.dumps(env))
    assert (env.step(now.clone())["next"] == twin.step(now.clone())["next"]).all()


def test_specs_of_every_space():
    make_spec = functools.partial(_spec, lead=(2, 3), device="cpu")
    assert isinstance(make_spec(spaces.Box(-np.inf, 1.0, (4,))), Unbounded)
    bounded = make_spec(spaces.Box((0, 1), 5, (2,), "uint8"))
    assert bounded.shape == (2, 3, 2) and bounded.dtype is torch.uint8
    assert bounded.low[0, 0].tolist() == [0, 1]
    assert isinstance(make_spec(spaces.Discrete(4)), Categorical)
    many = make_spec(spaces.MultiDiscrete((2, 3)))
    assert isinstance(many, MultiCategorical) and many.shape == (2, 3, 2)
    assert isinstance(make_spec(spaces.MultiBinary(3)), Binary)
    nested = make_spec(
        spaces.Dict({"a": spaces.Discrete(2), "b": spaces.Dict({"c": spaces.MultiBinary(1)})})
    )
    assert nested["b", "c"].shape == (2, 3, 1) and nested["a"].shape == (2, 3)


@pytest.mark.parametrize("agents", [1, 2])
def test_actions_are_copied_and_judged_as_everywhere(agents, monkeypatch):
    rng = np.random.default_rng(0)
    source = Echo(tuple(SPACES) if agents > 1 else ("unbounded",), agents)
    env, twin = make(source, WORLDS, seed=0), make(source, WORLDS, seed=0)
    groups = source.spec.groups

    def together(now):
        lead = (WORLDS,) if agents == 1 else (WORLDS, agents)
        for group in groups:
            good = draw_value(group.action, lead, rng).astype(group.action.dtype)
            now[key(source, group, "action")] = torch.from_numpy(good)
        return now

    now = together(env.reset())
    plain = twin.reset().update(now.clone())
    odd = key(source, next(group for group in groups if group.name == "unbounded"), "action")
    for bad in (float("nan"), 1e39):
        spoilt = now[odd].double()
        spoilt.view(-1)[-1] = bad
        with pytest.raises(ActionError, match=r"unbounded_\d.* of environment 2 at \[1\]"):
            env.step(now.clone().set(odd, spoilt))
    read, step = [], Session.step
    monkeypatch.setattr(
        Session, "step", lambda self, joint: read.append(joint) or step(self, joint)
    )
    for strange in (now[odd].double().requires_grad_(), now[odd].bfloat16(), now[odd]):
        shown = env.step(now.clone().set(odd, strange))["next", *as_tuple(odd)[:-1], "reward"]
        expected = twin.step(plain)["next", *as_tuple(odd)[:-1], "reward"]
        assert torch.equal(shown, expected)
    env.step(now)
    for group in groups:
        mine = now[key(source, group, "action")].numpy()
        assert not np.shares_memory(read[-1][group.name], mine)


def as_tuple(name):
    return name if isinstance(name, tuple) else (name,)


@pytest.mark.parametrize("seed", ["one", 1.5, [1], True], ids=str)
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(SeedError, match="non-negative integer"):
        make("CartPole-v1", 2, seed=seed)
