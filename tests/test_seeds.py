"""What the first pages of the originals show runs on ours with only its imports changed.

The texts are theirs, whole. `IMPORTS` is all that a user has to change; what a text leaves open, such
as the network, is given. Sizes are theirs too. `jax.tree_map`, which gymnax's page uses, is gone
from JAX itself, so it is put back for that text.
"""

import textwrap
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

IMPORTS = {
    "import gymnax": "from bridge.targets import gymnax_legacy as gymnax",
    "from gymnax.visualize import": "from bridge.targets.gymnax.visualize import",
    "from gymnax.experimental import": "from bridge.targets.gymnax.experimental import",
    "import jaxmarl": "from bridge.targets import jaxmarl",
    "from gigastep import": "from bridge.targets.gigastep import",
}

BASIC = """
import jax
import gymnax

rng = jax.random.PRNGKey(0)
rng, key_reset, key_act, key_step = jax.random.split(rng, 4)

# Instantiate the environment & its settings.
env, env_params = gymnax.make("Pendulum-v1")

# Reset the environment.
obs, state = env.reset(key_reset, env_params)

# Sample a random action.
action = env.action_space(env_params).sample(key_act)

# Perform the step transition.
n_obs, n_state, reward, done, _ = env.step(key_step, state, action, env_params)
"""

MAPPED = """
# Jit-accelerated step transition
jit_step = jax.jit(env.step)

# map (vmap/pmap) across random keys for batch rollouts
reset_rng = jax.vmap(env.reset, in_axes=(0, None))
step_rng = jax.vmap(env.step, in_axes=(0, 0, 0, None))

# map (vmap/pmap) across env parameters (e.g. for meta-learning)
reset_params = jax.vmap(env.reset, in_axes=(None, 0))
step_params = jax.vmap(env.step, in_axes=(None, 0, 0, 0))
"""

SCANNED = '''
def rollout(rng_input, policy_params, env_params, steps_in_episode):
    """Rollout a jitted gymnax episode with lax.scan."""
    # Reset the environment
    rng_reset, rng_episode = jax.random.split(rng_input)
    obs, state = env.reset(rng_reset, env_params)

    def policy_step(state_input, tmp):
        """lax.scan compatible step transition in jax env."""
        obs, state, policy_params, rng = state_input
        rng, rng_step, rng_net = jax.random.split(rng, 3)
        action = model.apply(policy_params, obs)
        next_obs, next_state, reward, done, _ = env.step(
            rng_step, state, action, env_params
        )
        carry = [next_obs, next_state, policy_params, rng]
        return carry, [obs, action, reward, next_obs, done]

    # Scan over episode step loop
    _, scan_out = jax.lax.scan(
        policy_step,
        [obs, state, policy_params, rng_episode],
        (),
        steps_in_episode
    )
    # Return masked sum of rewards accumulated by agent in episode
    obs, action, reward, next_obs, done = scan_out
    return obs, action, reward, next_obs, done
'''

FILM = """
from gymnax.visualize import Visualizer

state_seq, reward_seq = [], []
rng, rng_reset = jax.random.split(rng)
obs, env_state = env.reset(rng_reset, env_params)
while True:
    state_seq.append(env_state)
    rng, rng_act, rng_step = jax.random.split(rng, 3)
    action = env.action_space(env_params).sample(rng_act)
    next_obs, next_env_state, reward, done, info = env.step(
        rng_step, env_state, action, env_params
    )
    reward_seq.append(reward)
    if done:
        break
    else:
      obs = next_obs
      env_state = next_env_state

cum_rewards = jnp.cumsum(jnp.array(reward_seq))
vis = Visualizer(env, env_params, state_seq, cum_rewards)
vis.animate(f"docs/anim.gif")
"""

MANAGED = """
from gymnax.experimental import RolloutWrapper

# Define rollout manager for pendulum env
manager = RolloutWrapper(model.apply, env_name="Pendulum-v1")

# Simple single episode rollout for policy
obs, action, reward, next_obs, done, cum_ret = manager.single_rollout(rng, policy_params)

# Multiple rollouts for same network (different rng, e.g. eval)
rng_batch = jax.random.split(rng, 10)
obs, action, reward, next_obs, done, cum_ret = manager.batch_rollout(
    rng_batch, policy_params
)

# Multiple rollouts for different networks + rng (e.g. for ES)
batch_params = jax.tree_map(  # Stack parameters or use different
    lambda x: jnp.tile(x, (5, 1)).reshape(5, *x.shape), policy_params
)
obs, action, reward, next_obs, done, cum_ret = manager.population_rollout(
    rng_batch, batch_params
)
"""

# JaxMARL's page is a reference without a text to run: these are its signatures, called in turn.
REFERENCE = """
import jaxmarl

env = jaxmarl.make("simple_tag_v3")
env.name, env.agent_classes
key, key_reset, key_act, key_step = jax.random.split(key, 4)
obs, state = env.reset(key_reset)
legal = env.get_avail_actions(state)
keys = jax.random.split(key_act, env.num_agents)
actions = {a: env.action_space(a).sample(k) for a, k in zip(env.agents, keys)}
spaces = {a: env.observation_space(a) for a in env.agents}
same = env.get_obs(state)
obs, state, rewards, dones, infos = env.step(key_step, state, actions)
obs, state, rewards, dones, infos = env.step(key_step, state, actions, reset_state=state)
obs, state, rewards, dones, infos = env.step_env(key_step, state, actions)
"""

AIRCRAFT = """
from gigastep import GigastepEnv
import jax

n_agents = 20
dyn = GigastepEnv(n_agents=n_agents)
rng = jax.random.PRNGKey(3)
rng, key_reset = jax.random.split(rng, 2)

ep_done = False
state = dyn.reset(key_reset)
while not ep_done:
    rng, key_action,key_step = jax.random.split(rng, 3)
    action = jax.random.uniform(key_action, shape=(n_agents, 3), minval=-1, maxval=1)
    state, obs, rewards, alive, ep_done = dyn.step(state, action, key_step)
    # obs is an uint8 array of shape [n_agents, 84,84,3]
    # rewards is a float32 array of shape [n_agents]
    # alive is a bool array of shape [n_agents]
    # ep_done is a bool
"""

MANY_AIRCRAFT = """
from gigastep import GigastepEnv
import jax
import jax.numpy as jnp

n_agents = 20
batch_size = 32
dyn = GigastepEnv(n_agents=n_agents)
rng = jax.random.PRNGKey(3)
rng, key_reset = jax.random.split(rng, 2)
key_reset = jax.random.split(key_reset, batch_size)

state = dyn.v_reset(key_reset)
ep_dones = jnp.zeros(batch_size, dtype=jnp.bool_)
while not jnp.all(ep_dones):
    rng, key_action,key_step = jax.random.split(rng, 3)
    action = jax.random.uniform(key_action, shape=(batch_size, n_agents, 3), minval=-1, maxval=1)
    key_step = jax.random.split(key_step, batch_size)
    state, obs, rewards, alive, ep_dones = dyn.v_step(state, action, key_step)
    # obs is an uint8 array of shape [batch_size, n_agents, 84,84,3]
    # rewards is a float32 array of shape [batch_size, n_agents]
    # alive is a bool array of shape [batch_size, n_agents]
    # ep_done is a bool array of shape [batch_size]
"""


@pytest.fixture(autouse=True)
def as_jax_comes():
    """What the originals are written for."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture
def their_gymnax():
    pytest.importorskip("gymnax")


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
    model = types.SimpleNamespace(apply=lambda params, x, key=None: jnp.tanh(x @ params["w"]))
    return {"model": model, "policy_params": {"w": jnp.ones((3, 1))}}


def test_gymnax_basic(their_gymnax):
    left = run(BASIC)
    assert left.n_obs.shape == (3,) and left.reward < 0 and not left.done


def test_gymnax_mapped_over_keys_and_over_parameters(their_gymnax):
    left = run(BASIC, MAPPED)
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


def test_gymnax_scanned(their_gymnax):
    left = run(BASIC, SCANNED, **network())
    obs, action, reward, _, done = left.rollout(
        left.rng, left.policy_params, left.env_params, left.env_params.max_steps_in_episode
    )
    assert obs.shape == (200, 3) and action.shape == (200, 1) and reward.shape == (200,)
    assert done.tolist() == [False] * 199 + [True]


def test_gymnax_film(their_gymnax, tmp_path, monkeypatch):
    image = pytest.importorskip("PIL.Image")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    left = run(BASIC, FILM)
    assert len(left.state_seq) == 200
    with image.open("docs/anim.gif") as film:
        assert film.n_frames == 200


def test_gymnax_rollout_wrapper(their_gymnax, monkeypatch):
    monkeypatch.setattr(jax, "tree_map", jax.tree.map, raising=False)
    left = run(MANAGED, rng=jax.random.PRNGKey(0), **network())
    assert left.obs.shape == left.next_obs.shape == (5, 10, 200, 3)
    assert left.action.shape == (5, 10, 200, 1) and left.done.shape == (5, 10, 200)
    assert left.cum_ret.shape == (5, 10, 1) and (left.cum_ret < 0).all()
    np.testing.assert_allclose(left.cum_ret, left.cum_ret[:1].repeat(5, 0), rtol=1e-4)


def test_jaxmarl_reference():
    pytest.importorskip("jaxmarl")
    left = run(REFERENCE, key=jax.random.key(0))
    agents = [agent for group in left.env.agent_classes.values() for agent in group]
    assert agents == left.env.agents == list(left.rewards) and left.env.name == "simple_tag_v3"
    for agent in agents:
        assert left.legal[agent].shape == (left.env.action_space(agent).n,)
        assert left.obs[agent].shape == left.spaces[agent].shape == left.same[agent].shape
    assert not left.dones["__all__"]


def test_gigastep_one_world():
    left = run(AIRCRAFT)
    assert (left.obs.shape, left.obs.dtype) == ((20, 84, 84, 3), np.uint8)
    assert (left.rewards.shape, left.rewards.dtype) == ((20,), np.float32)
    assert (left.alive.shape, left.alive.dtype) == ((20,), np.bool_)
    teams = [left.alive[left.dyn.teams == team].any() for team in (0, 1)]
    assert left.ep_done and not all(teams)


def test_gigastep_many_worlds():
    left = run(MANY_AIRCRAFT)
    assert (left.obs.shape, left.obs.dtype) == ((32, 20, 84, 84, 3), np.uint8)
    assert left.rewards.shape == left.alive.shape == (32, 20)
    assert left.ep_dones.shape == (32,) and left.ep_dones.all()
