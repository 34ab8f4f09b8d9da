"""Vector environments on the host, played as a batch: each row as its environment plays alone."""

import functools
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from bridge.errors import CallOrderError, ClosedError, UnsuitableError
from bridge.gymnasium import make, make_vec
from bridge.sources.host import from_host
from bridge.sources.host_vec import from_host_vec
from native.batch import Autoreset, Batch
from native.rollout import Choice, collect, random_policy
from native.spaces import Box, Dict, Discrete, MultiDiscrete
from native.wrappers import TimeLimit

HAS_MODES = hasattr(gymnasium.vector, "AutoresetMode")
needs_modes = pytest.mark.skipif(not HAS_MODES, reason="Gymnasium before 1.1 has one mode")
NEXT_STEP, SAME_STEP, DISABLED = Autoreset

ROWS, STEPS = 4, 40
LIMIT = 12  # short, so that some episodes end by it


def one():
    return gymnasium.make("CartPole-v1", max_episode_steps=LIMIT)


def rows(make=one, number=ROWS, mode=None, **given):
    if mode is not None:
        given["autoreset_mode"] = gymnasium.vector.AutoresetMode(mode.value)
    return gymnasium.vector.SyncVectorEnv([make] * number, **given)


def own_mode():
    return from_host_vec(rows())._kind.autoreset


def pushes(steps=STEPS, number=ROWS):
    """Actions that let some rows fall and others last."""
    drawn = np.random.default_rng(0).integers(0, 2, (steps, number, 1))
    steady = np.arange(steps)[:, None, None] % 2 * np.ones_like(drawn)
    return jnp.asarray(np.where(np.arange(number)[:, None] % 2, drawn, steady), jnp.int32)


def seeds(number=ROWS):
    return jnp.arange(7, 7 + number, dtype=jnp.uint32)


def played(batch, words, actions):
    """`collect` of given actions: first, and what every step showed."""

    def policy(key, shown, tick):
        del key, shown
        return Choice({"agent": actions[tick]}, memory=tick + 1)

    def whole(words, actions):
        carry, first = batch.init(words, batch.env.params)
        now = collect(
            batch,
            carry,
            first,
            policy,
            jax.random.key(0),
            len(actions),
            memory=jnp.int32(0),
            record=lambda step: step.after,
        )
        return first, now[1]

    return jax.jit(whole)(words, actions)


def by_hand(mode, seed, actions):
    """One row as its environment plays alone: what `Transition` says of every step."""
    env = one()
    seen = env.reset(seed=int(seed))[0]
    steps, returns, length, over = [], 0.0, 0, False
    for action in np.asarray(actions).ravel():
        final, reward, ended = None, 0.0, (False, False)
        if over and mode is DISABLED:
            seen = np.zeros(4, np.float32)
            shown = (seen, final, 0.0, False, False, False, False, returns, length)
        elif over:  # NEXT_STEP: the action is ignored
            seen, returns, length, over = env.reset()[0], 0.0, 0, False
            shown = (seen, final, 0.0, False, False, True, False, 0.0, 0)
        else:
            seen, reward, *ended, _ = env.step(action)
            returns, length, over = returns + reward, length + 1, any(ended)
            terminated, truncated = ended[0], ended[1] and not ended[0]
            final = seen if mode is SAME_STEP else None
            if over and mode is SAME_STEP:
                seen = env.reset()[0]
            acting = not over or mode is SAME_STEP
            shown = (seen, final, reward, terminated, truncated, acting, over, returns, length)
            if over and mode is SAME_STEP:
                returns, length, over = 0.0, 0, False
        steps.append(shown)
    return [
        np.stack(column) if column[0] is not None else column for column in zip(*steps, strict=True)
    ]


def assert_as_by_hand(mode, steps, words, actions):
    for row, seed in enumerate(words):
        seen, final, *numbers = by_hand(mode, seed, actions[:, row])
        np.testing.assert_array_equal(steps.timestep.observation["agent"][:, row, 0], seen)
        if mode is SAME_STEP:
            np.testing.assert_array_equal(steps.final[0]["agent"][:, row, 0], np.stack(final))
        ours = (
            steps.timestep.reward[:, row, 0],
            steps.timestep.terminated[:, row, 0],
            steps.timestep.truncated[:, row, 0],
            steps.acting[:, row, 0],
            steps.over[:, row],
            steps.returns[:, row, 0],
            steps.lengths[:, row],
        )
        for our, their in zip(ours, numbers, strict=True):
            np.testing.assert_array_equal(our, their)
    assert steps.timestep.terminated.any() and steps.timestep.truncated.any()


@needs_modes
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (NEXT_STEP, NEXT_STEP),
        (SAME_STEP, SAME_STEP),
        (DISABLED, DISABLED),
        (NEXT_STEP, SAME_STEP),
        (DISABLED, SAME_STEP),
        (NEXT_STEP, DISABLED),
        (SAME_STEP, DISABLED),
    ],
    ids=lambda mode: mode.name,
)
def test_each_row_is_its_environment_played_alone(theirs, ours):
    env = from_host_vec(rows(mode=theirs, copy=False))  # which shows one buffer always
    first, steps = played(Batch(env, ours), seeds(), pushes())
    alone = one().reset(seed=7)[0]
    np.testing.assert_array_equal(first.timestep.observation["agent"][0, 0], alone)
    assert first.acting.all() and not first.over.any() and first.first.all()
    assert_as_by_hand(ours, steps, np.asarray(seeds()), pushes())


def test_the_one_mode_of_an_old_gymnasium_too():
    mode = own_mode()
    _, steps = played(Batch(from_host_vec(rows()), mode), seeds(), pushes())
    assert_as_by_hand(mode, steps, np.asarray(seeds()), pushes())


@pytest.mark.parametrize("mode", [own_mode(), DISABLED], ids=lambda mode: mode.name)
def test_what_is_shown_has_the_form_of_any_batch(mode):
    def shown(env):
        def stepped(words):
            batch = Batch(env, mode)
            carry, first = batch.init(words, env.params)
            return first, batch.step(carry, {"agent": pushes()[0]}, env.params)[1]

        return jax.eval_shape(stepped, seeds())

    assert shown(from_host_vec(rows())) == shown(from_host(one))


def test_seeds_of_a_vmap_share_the_rows_and_play_as_alone():
    words, actions = seeds().reshape(2, 2), pushes()
    mode = own_mode()
    sets = actions.reshape(STEPS, 2, 2, 1).swapaxes(0, 1)
    together = jax.vmap(functools.partial(played, Batch(from_host_vec(rows()), mode)))
    first, steps = together(words, sets)
    for number in range(2):
        alone = Batch(from_host_vec(rows(number=2)), mode)
        expected = played(alone, words[number], sets[number])
        mine = jax.tree.map(lambda leaf, number=number: leaf[number], (first, steps))
        jax.tree.map(np.testing.assert_array_equal, mine, expected)


def test_a_vmap_within_a_vmap():
    words, sets = seeds().reshape(2, 2, 1), pushes().reshape(STEPS, 2, 2, 1, 1)
    batch = Batch(from_host_vec(rows()), own_mode())
    nested = jax.vmap(jax.vmap(functools.partial(played, batch), in_axes=(0, 1)), in_axes=(0, 1))
    _, steps = nested(words, sets)
    flat = jax.tree.map(lambda leaf: leaf.reshape(ROWS, *leaf.shape[2:]), steps)
    _, expected = played(batch, seeds(), pushes())
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(a[:, :, 0].swapaxes(0, 1), b), flat, expected
    )


def test_the_host_is_called_once_a_step():
    envs, calls = rows(), []
    step = envs.step
    envs.step = lambda actions: calls.append(len(actions)) or step(actions)
    batch = Batch(from_host_vec(envs), own_mode())
    jax.block_until_ready(
        jax.vmap(functools.partial(played, batch))(
            seeds().reshape(2, 2), pushes().reshape(STEPS, 2, 2, 1).swapaxes(0, 1)
        )
    )
    assert calls == [ROWS] * STEPS


def test_a_carry_is_stepped_once():
    env = from_host_vec(rows())
    batch, action = Batch(env, own_mode()), {"agent": pushes()[0]}
    carry, _ = batch.init(seeds(), ())
    after, _ = batch.step(carry, action, ())
    with pytest.raises(Exception, match=r"this carry was stepped before.*go on from the carry"):
        jax.block_until_ready(batch.step(carry, action, ()))
    _, shown = batch.step(after, action, ())  # which no refusal has moved
    assert shown.lengths.tolist() == [2] * ROWS
    other = Batch(from_host_vec(rows()), own_mode())
    other.init(seeds(), ())
    with pytest.raises(Exception, match="this carry was stepped before"):
        jax.block_until_ready(other.step(after, action, ()))


class Odd(gymnasium.Env):
    """Shows what it was given last, in an observation of parts."""

    observation_space = gymnasium.spaces.Dict(
        {
            "picture": gymnasium.spaces.Box(0, 255, (2, 3, 1), np.uint8),
            "count": gymnasium.spaces.Discrete(50, start=5),
            "flags": gymnasium.spaces.Tuple([gymnasium.spaces.MultiBinary(3)]),
            "far": gymnasium.spaces.Box(-9, 9, (), np.float64),
        }
    )
    action_space = gymnasium.spaces.MultiDiscrete([3, 4])

    def reset(self, *, seed=None, options=None):
        del options
        super().reset(seed=seed)
        self.count = 0
        return self.look(np.zeros(2)), {}

    def step(self, action):
        if action[0] == 2:
            raise ArithmeticError("the odd one has left the map")
        self.count += 1
        return self.look(action), float(action[1]) / 2, self.count >= 3, False, {"any": object()}

    def look(self, action):
        return {
            "picture": np.full((2, 3, 1), self.count, np.uint8),
            "count": np.int64(5 + self.count),
            "flags": (np.array([1, 0, self.count % 2], np.int8),),
            "far": np.array(action[1] / 4),
        }


class Steered(Odd):
    action_space = gymnasium.spaces.Box(-2, 2, (2,), np.float64)

    def step(self, action):
        return self.look(action), float(action.sum()), False, False, {}


@needs_modes
def test_observations_of_parts_and_actions_of_several_numbers():
    env = from_host_vec(rows(Odd, 2, SAME_STEP))
    (group,) = env.spec.groups
    assert group.action == MultiDiscrete((3, 4))
    assert isinstance(group.observation, Dict)
    assert dict(group.observation.parts)["picture"] == Box(0, 255, (2, 3, 1), "uint8")
    assert dict(group.observation.parts)["count"] == Discrete(50)
    batch = Batch(env, SAME_STEP)
    carry, shown = batch.init(seeds(2), ())
    for _ in range(3):
        action = {"agent": jnp.array([[[0, 1]], [[1, 3]]], jnp.int32)}
        carry, shown = jax.jit(batch.step)(carry, action, ())
    assert shown.over.all() and shown.timestep.reward.tolist() == [[0.5], [1.5]]
    begun, final = shown.timestep.observation["agent"], shown.final[0]["agent"]
    assert begun["count"].tolist() == [[0], [0]] and final["count"].tolist() == [[3], [3]]
    assert final["picture"].shape == (2, 1, 2, 3, 1) and final["picture"].dtype == jnp.uint8
    assert (final["picture"] == 3).all() and not begun["picture"].any()
    assert final["flags/0"].tolist() == [[[True, False, True]]] * 2
    assert final["far"].tolist() == [[0.25], [0.75]] and final["far"].dtype == jnp.float32


def test_actions_of_a_box():
    env = from_host_vec(rows(Steered, 2))
    assert env.spec.groups[0].action == Box(-2.0, 2.0, (2,))
    batch = Batch(env, own_mode())
    carry, _ = batch.init(seeds(2), ())
    action = {"agent": jnp.array([[[0.5, 1]], [[-1, -0.25]]], jnp.float32)}
    _, shown = batch.step(carry, action, ())
    assert shown.timestep.reward.tolist() == [[1.5], [-1.25]]


@needs_modes
@pytest.mark.parametrize("mode", Autoreset, ids=lambda mode: mode.name)
def test_through_make_vec_it_is_what_it_was(mode):
    mine, theirs = (
        make_vec(from_host_vec(rows(mode=mode)), autoreset_mode=mode.name),
        rows(mode=mode),
    )
    assert mine.num_envs == ROWS
    assert (mine.reset(seed=3)[0] == theirs.reset(seed=3)[0]).all()
    for action in np.asarray(pushes())[:, :, 0]:
        ours, expected = mine.step(action), theirs.step(action)
        for one_array, other in zip(ours[:2], expected[:2], strict=True):
            np.testing.assert_array_equal(one_array, other)
        ended = expected[2] | expected[3]
        np.testing.assert_array_equal(ours[2] | ours[3], ended)
        np.testing.assert_array_equal(ours[2], expected[2])
        if ended.any() and mode is SAME_STEP:
            for row in np.flatnonzero(ended):
                np.testing.assert_array_equal(
                    ours[4]["final_obs"][row], expected[4]["final_obs"][row]
                )
        if ended.any() and mode is DISABLED:
            shown = [envs.reset(options={"reset_mask": ended})[0] for envs in (mine, theirs)]
            np.testing.assert_array_equal(*shown)


@needs_modes
def test_ppo_of_stable_baselines3_takes_it():
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    from bridge.sb3 import make_vec_env

    venv = make_vec_env(from_host_vec(rows()))
    assert venv.num_envs == ROWS
    model = stable_baselines3.PPO("MlpPolicy", venv, n_steps=16, batch_size=32, n_epochs=1, seed=1)
    model.learn(2 * 16 * ROWS)
    lengths = [episode["l"] for episode in model.ep_info_buffer]
    assert lengths and max(lengths) <= LIMIT


@needs_modes
def test_ppo_on_the_device_trains_two_seeds_on_shares_of_its_rows():
    pytest.importorskip("optax")
    from native.agents.ppo import PPO
    from native.agents.training import Learner

    settings = PPO(num_envs=2, n_steps=16, batch_size=32, n_epochs=1, steps=128)
    learner = Learner([settings], from_host_vec(rows()), updates=2)
    training = learner.begin(seeds=range(2))
    for _ in range(2):
        training, metrics = learner.advance(training)
    assert all(leaf.shape[:2] == (2, 2) for leaf in jax.tree.leaves(metrics))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(training.weights))
    assert training.carry.episode.shape == (2, 2) and training.carry.episode.min() >= 1


def test_what_is_no_vector_environment_is_refused():
    closed = rows()
    closed.close()
    for given, message in (
        (rows, r"from_host_vec\(make\(\)\) instead of from_host_vec\(make\)"),
        (gymnasium.vector.SyncVectorEnv, "not what makes it"),
        (one(), r"is one environment. Give it gymnasium.make_vec"),
        (closed, "SyncVectorEnv is closed"),
        (make_vec("CartPole-v1", 2), "runs JAX, which may wait"),
        (3, "got int"),
    ):
        with pytest.raises(UnsuitableError, match=message):
            from_host_vec(given)
    with pytest.raises(UnsuitableError, match=r"pass bridge.sources.host_vec.from_host_vec"):
        make_vec(rows(), ROWS)


def test_modes_that_cannot_be_had_are_refused():
    env = from_host_vec(rows())
    (other,) = {NEXT_STEP, SAME_STEP} - {own_mode()}
    if own_mode() is NEXT_STEP and HAS_MODES:
        env, other = from_host_vec(rows(mode=SAME_STEP)), NEXT_STEP
    with pytest.raises(UnsuitableError, match=r"begins rows again as .* autoreset_mode="):
        Batch(env, other)
    with pytest.raises(UnsuitableError, match="leave out rng='threefry2x32'"):
        Batch(env, DISABLED, "threefry2x32")


@needs_modes
def test_a_kind_that_cannot_reset_some_rows_says_so():
    numpy = gymnasium.make_vec("CartPole-v1", num_envs=2, vectorization_mode="vector_entry_point")
    env = from_host_vec(numpy)
    assert env.spec.horizon == 500
    with pytest.raises(UnsuitableError, match="autoreset_mode='SameStep'"):
        Batch(env, SAME_STEP)
    envs = make_vec(env)
    first = envs.reset(seed=5)[0]
    np.testing.assert_array_equal(first, np.asarray(numpy.reset(seed=5)[0]))
    envs.reset(seed=[4, 9])
    with pytest.raises(UnsuitableError, match=r"cannot reset rows \[1\] alone"):
        envs.reset(options={"reset_mask": np.array([False, True])})
    metadata, numpy.metadata = numpy.metadata, {}
    with pytest.raises(UnsuitableError, match=r"tells no autoreset mode, None: set envs.metadata"):
        from_host_vec(numpy)
    numpy.metadata = metadata


def test_wrong_numbers_of_rows_are_refused():
    env = from_host_vec(rows())
    batch, name = Batch(env, own_mode()), own_mode().name
    with pytest.raises(UnsuitableError, match=r"has 4 rows, and 3 seeds were given.*divides 4"):
        batch.init(seeds(3), ())
    with pytest.raises(Exception, match=r"has 4 rows and was called for 2. Give `init` 4 seeds"):
        jax.block_until_ready(batch.init(seeds(2), ()))
    with pytest.raises(Exception, match=r"has 4 rows and was called for 8"):
        jax.block_until_ready(jax.vmap(lambda words: batch.init(words, ()))(seeds(8).reshape(2, 4)))
    with pytest.raises(UnsuitableError, match="give num_envs=4, not 3"):
        make_vec(env, 3, autoreset_mode=name)
    with pytest.raises(UnsuitableError, match="give num_envs=4, not 1, to an interface of many"):
        make(env)
    with pytest.raises(UnsuitableError, match="leave out `devices`"):
        make_vec(env, 4, autoreset_mode=name, devices=jax.devices()[:1])


def test_it_is_not_saved_and_not_copied(tmp_path):
    env = from_host_vec(rows())
    envs = make_vec(env, autoreset_mode=own_mode().name)
    envs.reset(seed=0)
    for refused in (
        lambda: envs.save_state(tmp_path / "state.npz"),
        lambda: envs.load_state(tmp_path / "state.npz"),
        lambda: pickle.dumps(envs),
        lambda: pickle.dumps(env),
    ):
        with pytest.raises(UnsuitableError, match=r"host/CartPole-v1 is .*on the host"):
            refused()
    assert not list(tmp_path.iterdir())


def test_one_of_its_environments_alone_and_a_wrapper_are_refused():
    env = from_host_vec(rows())
    with pytest.raises(UnsuitableError, match="none of them alone"):
        env.step(jax.random.key(0), None, None, ())
    with pytest.raises(UnsuitableError, match="with no wrapper around it"):
        Batch(TimeLimit(env, 5), NEXT_STEP).init(seeds(), ())


def test_an_error_on_the_host_comes_through_and_a_reset_begins_anew():
    envs = make_vec(from_host_vec(rows(Odd, 2)), autoreset_mode=own_mode().name)
    good, bad = np.array([[0, 1], [1, 1]]), np.array([[0, 1], [2, 1]])
    envs.reset(seed=0)
    envs.step(good)
    with pytest.raises(ArithmeticError, match="the odd one has left the map"):
        envs.step(bad)
    with pytest.raises(CallOrderError, match=r"a call failed: ArithmeticError.*Begin with"):
        envs.step(good)
    envs.reset()
    assert envs.step(good)[1].tolist() == [0.5, 0.5]
    assert envs.step(good)[1].tolist() == [0.5, 0.5]


def test_two_adapters_of_one_vector_environment_take_turns_by_reset():
    theirs = rows()
    env, mode = from_host_vec(theirs), own_mode().name
    one_of, other = (make_vec(env, autoreset_mode=mode) for _ in range(2))
    action = np.zeros(ROWS, int)
    for envs in (one_of, other):
        envs.reset(seed=0)
        envs.step(action)
    with pytest.raises(CallOrderError, match="one place at a time"):
        one_of.step(action)
    one_of.reset(seed=0)
    one_of.step(action)
    theirs.close()
    with pytest.raises(ClosedError, match="after close"):
        one_of.step(action)


def test_a_random_policy_plays_it():
    env = from_host_vec(rows())
    batch = Batch(env, own_mode())
    carry, shown = batch.init(seeds(), ())
    play = jax.jit(lambda now: collect(batch, *now, random_policy(env), jax.random.key(0), 20))
    now, (actions, steps) = play((carry, shown))
    now, _ = play(now)
    assert actions["agent"].shape == (20, ROWS, 1) and steps.timestep.reward.shape == (20, ROWS, 1)
