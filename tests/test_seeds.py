"""What the first pages of the originals show runs on ours with only its imports changed.

The texts are theirs, whole, with their sizes: see `seeds.py`. `IMPORTS` is all that a user has to
change. What a text leaves open, such as the network, is given. `jax.tree_map`, which gymnax's page
calls, is gone from JAX itself, so it is put back for that text.
"""

import textwrap
import types
from importlib.util import find_spec

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import seeds

IMPORTS = {
    "import gymnax": "from bridge.targets import gymnax_legacy as gymnax",
    "from gymnax.visualize import": "from bridge.targets.gymnax.visualize import",
    "from gymnax.experimental import": "from bridge.targets.gymnax.experimental import",
    "import jaxmarl": "from bridge.targets import jaxmarl",
    "from gigastep import": "from bridge.targets.gigastep import",
}


@pytest.fixture(autouse=True)
def as_jax_comes():
    """What the originals are written for."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


with_gymnax = pytest.mark.skipif(find_spec("gymnax") is None, reason="gymnax is not installed")


def run(*texts, **given):
    """The names that the texts leave behind."""
    names = {"jax": jax, "jnp": jnp, **given}
    for text in texts:
        lines = textwrap.dedent(text).splitlines()
        for theirs, ours in IMPORTS.items():
            lines = [ours + x[len(theirs) :] if x.startswith(theirs) else x for x in lines]
        exec(compile("\n".join(lines), "seed", "exec"), names)
    return types.SimpleNamespace(**names)


def network():
    """A linear policy of Pendulum's: (params, observation[, key]) -> torque."""

    def torque(params, x, key=None):
        del key
        return jnp.tanh(x @ params["w"])

    return {"model": types.SimpleNamespace(apply=torque), "policy_params": {"w": jnp.ones((3, 1))}}


@with_gymnax
def test_gymnax_basic():
    left = run(seeds.BASIC)
    assert left.n_obs.shape == (3,) and left.reward < 0 and not left.done


@with_gymnax
def test_gymnax_mapped_over_keys_and_over_parameters():
    left = run(seeds.BASIC, seeds.MAPPED)
    left.jit_step(left.key_step, left.state, left.action, left.env_params)
    keys = jax.random.split(left.rng, 6)
    obs, states = left.reset_rng(keys, left.env_params)
    assert left.step_rng(keys, states, jnp.zeros((6, 1)), left.env_params)[0].shape == (6, 3)
    gravities = jnp.asarray([0.0, 10.0])
    params = jax.tree.map(lambda x: jnp.stack([jnp.asarray(x)] * 2), left.env_params)
    params = params.replace(gravity=gravities)
    obs, states = left.reset_params(keys[0], params)
    speeds = left.step_params(keys[0], states, jnp.zeros((2, 1)), params)[0][:, 2]
    sine = obs[0, 1]
    np.testing.assert_allclose(speeds[1] - speeds[0], 1.5 * 10 * sine * 0.05, rtol=1e-3)


@with_gymnax
def test_gymnax_scanned():
    left = run(seeds.BASIC, seeds.SCANNED, **network())
    obs, action, reward, _, done = left.rollout(
        left.rng, left.policy_params, left.env_params, left.env_params.max_steps_in_episode
    )
    assert obs.shape == (200, 3) and action.shape == (200, 1) and reward.shape == (200,)
    assert done.tolist() == [False] * 199 + [True]


@with_gymnax
def test_gymnax_film(tmp_path, monkeypatch):
    image = pytest.importorskip("PIL.Image")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    left = run(seeds.BASIC, seeds.FILM)
    assert len(left.state_seq) == 200
    with image.open("docs/anim.gif") as film:
        assert film.n_frames == 200


@with_gymnax
def test_gymnax_rollout_wrapper(monkeypatch):
    monkeypatch.setattr(jax, "tree_map", jax.tree.map, raising=False)
    left = run(seeds.MANAGED, rng=jax.random.PRNGKey(0), **network())
    assert left.obs.shape == left.next_obs.shape == (5, 10, 200, 3)
    assert left.action.shape == (5, 10, 200, 1) and left.done.shape == (5, 10, 200)
    assert left.cum_ret.shape == (5, 10, 1) and (left.cum_ret < 0).all()
    np.testing.assert_allclose(left.cum_ret, left.cum_ret[:1].repeat(5, 0), rtol=1e-4)


def test_jaxmarl_reference():
    pytest.importorskip("jaxmarl")
    left = run(seeds.REFERENCE, key=jax.random.key(0))
    agents = [agent for group in left.env.agent_classes.values() for agent in group]
    assert agents == left.env.agents == list(left.rewards) and left.env.name == "simple_tag_v3"
    for agent in agents:
        assert left.legal[agent].shape == (left.env.action_space(agent).n,)
        assert left.obs[agent].shape == left.spaces[agent].shape == left.same[agent].shape
    assert not left.dones["__all__"]


def test_gigastep_one_world():
    left = run(seeds.AIRCRAFT)
    assert (left.obs.shape, left.obs.dtype) == ((20, 84, 84, 3), np.uint8)
    assert (left.rewards.shape, left.rewards.dtype) == ((20,), np.float32)
    assert (left.alive.shape, left.alive.dtype) == ((20,), np.bool_)
    teams = [left.alive[left.dyn.teams == team].any() for team in (0, 1)]
    assert left.ep_done and not all(teams)


def test_gigastep_many_worlds():
    left = run(seeds.MANY_AIRCRAFT)
    assert (left.obs.shape, left.obs.dtype) == ((32, 20, 84, 84, 3), np.uint8)
    assert left.rewards.shape == left.alive.shape == (32, 20)
    assert left.ep_dones.shape == (32,) and left.ep_dones.all()
