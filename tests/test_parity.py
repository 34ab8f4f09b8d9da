"""`parity`: ours and the original, side by side, on the machine of whoever asks."""

import dataclasses
import importlib.util

import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("gymnasium")

from bridge import figures
from bridge.errors import MissingExtraError, UnsuitableError
from bridge.parity import Shown, compare, original_of, play
from native.registry import make

CLASSIC = ("Acrobot-v1", "CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1")
GAMES = (
    *("simple_v3", "simple_adversary_v3", "simple_crypto_v3", "simple_push_v3"),
    *("simple_reference_v3", "simple_speaker_listener_v4", "simple_spread_v3", "simple_tag_v3"),
    "simple_world_comm_v3",
)
SLACK = 10  # as many times the page's error as another few episodes may have


@pytest.mark.parametrize("name", [*CLASSIC, *GAMES])
def test_what_the_page_says_can_be_seen(name):
    if name in GAMES:
        pytest.importorskip("mpe2", minversion="1.1")
    played = play(make(name), episodes=2, seed=3)
    told = [row for row in figures.errors(name) if row.dtype == "float32"]
    found = played.error
    assert found.environment == name and found.comparisons == len(played.step) >= 20
    assert found.endings == 0
    for part in ("observation", "reward"):
        worst = max(getattr(row, part) for row in told)
        assert getattr(found, part) <= max(SLACK * worst, 1e-6)
    assert np.ptp(np.asarray(played.theirs.reward)) > 0 or name in CLASSIC


EXACT = {
    "minatar": ("Asterix", "Breakout", "Freeway", "SpaceInvaders", "Seaquest"),
    "bsuite": (
        *("Catch", "DeepSea", "MemoryChain", "UmbrellaChain", "DiscountingChain"),
        "SimpleBandit",
    ),
}

QUIET = ("Freeway", "DiscountingChain")  # chance earns the same in every step


@pytest.mark.parametrize(
    ("package", "game"), [(package, game) for package, games in EXACT.items() for game in games]
)
def test_what_a_family_says_of_its_original_is_played_without_an_error(package, game):
    pytest.importorskip(package)
    name = f"{game}-{'MinAtar' if package == 'minatar' else package}"
    episodes = 1 if game == "Freeway" else 6
    played = play(make(name), episodes=episodes, seed=3)
    assert played.error[3:] == (len(played.step), 0, pytest.approx(0, abs=1e-7), 0)
    assert played.episode.max() == episodes - 1 and np.asarray(played.theirs.terminated).sum()
    assert np.ptp(np.asarray(played.theirs.reward)) > 0 or game in QUIET


def test_it_has_our_rules_and_our_time_limit():
    pytest.importorskip("minatar")
    calm = make("Asterix-MinAtar", difficulty_ramping=False, minimal_actions=False, horizon=7)
    played = play(calm, episodes=2, seed=0)
    assert played.error[3:] == (14, 0, 0, 0)
    assert np.asarray(played.theirs.truncated).sum() == 2
    pytest.importorskip("bsuite")
    for name, rules in (
        ("DeepSea-bsuite", {"size": 5, "deterministic": False}),
        ("UmbrellaChain-bsuite", {"n_distractor": 40}),
    ):
        error = play(make(name, **rules), episodes=8, seed=1).error
        assert (error.observation, error.endings) == (0, 0) and error.reward < 1e-7


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("Breakout-MinAtar", "minatar", "peers"), ("Catch-bsuite", "bsuite", "bsuite")],
)
def test_a_package_that_is_missing_is_named(name, package, extra, monkeypatch):
    found = importlib.util.find_spec
    hidden = lambda wanted: None if wanted == package else found(wanted)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", hidden)
    with pytest.raises(MissingExtraError, match=rf"{package}.*jitbridge\[{extra}\]"):
        original_of(make(name))


def test_a_game_without_an_original_in_a_family_that_has_some():
    with pytest.raises(UnsuitableError, match="MNISTBandit-bsuite has no original here"):
        original_of(make("MNISTBandit-bsuite"))


def test_other_dynamics_are_seen():
    heavier = make("CartPole-v1")
    heavier = dataclasses.replace(heavier, params=dataclasses.replace(heavier.params, gravity=9.9))
    assert play(heavier, episodes=2, seed=0).error.observation > 1e-4
    shorter = make("CartPole-v1", horizon=5)
    assert play(shorter, episodes=2, seed=0).error.endings >= 2


def test_errors_are_relative_to_what_is_large_and_endings_are_counted():
    flags = np.zeros((3, 1), bool)
    theirs = Shown({"a": np.array([[0.5], [100.0], [1.0]])}, np.zeros((3, 1)), flags, flags)
    ours = Shown({"a": np.array([[0.5], [101.0], [1.001]])}, np.zeros((3, 1)), ~flags, flags)
    found = compare("x", "one step", "float32", ours, theirs)
    assert found.observation == pytest.approx(0.01) and found.reward == 0
    assert (found.comparisons, found.endings) == (3, 3)


def test_errors_are_kept_to_two_digits_beside_those_of_other_sections(tmp_path, monkeypatch):
    kept = figures.parity()
    (tmp_path / "parity.json").write_bytes((figures.HERE / "parity.json").read_bytes())
    monkeypatch.setattr(figures, "HERE", tmp_path)
    row = figures.Error("CartPole-v1", "one step", "float32", 4, 1.2345e-7, 0.0, 0)
    figures.write_parity("mpe", [row])
    rounded = row._replace(observation=1.2e-7)
    assert figures.parity() == {**kept, "mpe": [rounded]}
    assert rounded in figures.errors("CartPole-v1")


def test_without_an_original_it_says_so():
    with pytest.raises(UnsuitableError, match="causeway_v0 has no original"):
        original_of(make("causeway_v0"))
    with pytest.raises(UnsuitableError, match="FrozenLake-v1 has no original here"):
        original_of(make("FrozenLake-v1"))


def test_a_state_begins_where_the_original_does():
    env = make("Pendulum-v1")
    original = original_of(env)
    from jax.random import key

    state = original.begin(4, env.init(key(0), env.params)[0])
    theirs = original._original.unwrapped.state
    assert (state.angle, state.speed) == (jnp.float32(theirs[0]), jnp.float32(theirs[1]))


def test_the_command_shows_a_table_and_draws_a_picture(tmp_path):
    pytest.importorskip("typer")
    Image = pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib")
    from typer.testing import CliRunner

    from bridge.cli import app

    path = tmp_path / "deep" / "errors.png"
    arguments = ["parity", "CartPole-v1", "--episodes", "2", "--picture", str(path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    for word in ("here, now", "docs/parity.md", "one step", "worst observation", path.name):
        assert word in result.output
    with Image.open(path) as drawn:
        assert drawn.size[0] > 800
        assert len(drawn.convert("RGB").getcolors(1 << 20)) > 10
    result = CliRunner().invoke(app, ["parity", "causeway_v0"])
    assert result.exit_code == 2 and "no original" in result.output
