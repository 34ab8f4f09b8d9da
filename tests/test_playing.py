"""`evaluate`, `play` and `render` of a trained model: what it plays, a film, a window, a human."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("stable_baselines3")
pytest.importorskip("typer")
Image = pytest.importorskip("PIL.Image")
pygame = pytest.importorskip("pygame")

import numpy as np
from command_line import call

from bridge.errors import RenderError, UnsuitableError
from bridge.training import evaluation, games, keyboard, playing, recipes
from bridge.training.keyboard import Keyboard
from native.classic_control.cartpole import CartPole
from native.registry import make

SHORT = ("--episodes", 3)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> dict[str, Path]:
    """Folders of a plain policy, a normalised one, and one of a team."""
    where = tmp_path_factory.mktemp("runs")
    normalized = recipes.Recipe("PPO", 64, 2, {"n_steps": 32, "batch_size": 64}, normalize=True)
    options = {
        "CartPole-v1": (),
        "Pendulum-v1": (),
        "simple_tag_v3": ("--team", "adversary", "--opponent", "fleeing"),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "EPISODES", 2)
        patch.setattr(playing, "FILMED_STEPS", 1)
        patch.setattr(recipes, "RECIPES", {**recipes.RECIPES, "Pendulum-v1": normalized})
        for name, more in options.items():
            few = ("--steps", 64, "--num-envs", 2)
            arguments = ("--out", where / name, "--learner", "sb3", *few, *more)
            code, said = call("train", name, *arguments)
            assert code in (0, 1), said
    return {name: where / name for name in options}


# evaluate


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "simple_tag_v3"])
def test_evaluate_plays_what_the_folder_was_trained_on(trained, name):
    code, said = call("evaluate", trained[name], *SHORT)
    assert code in (0, 1), said
    assert "trained" in said and "random" in said and "than random" in said
    assert (code == 1) == ("No better" in said)
    assert call("evaluate", trained[name] / "model.zip", *SHORT) == (code, said)


def test_a_model_alone_is_told_what_it_plays(trained, tmp_path):
    model = tmp_path / "alone.zip"
    shutil.copy(trained["CartPole-v1"] / "model.zip", model)
    code, said = call("evaluate", model, *SHORT)
    assert code == 2 and "--env" in said and said.count("\n") == 1
    code, said = call("evaluate", model, *SHORT, "--env", "CartPole-v1")
    assert code in (0, 1) and "trained" in said


def test_without_its_checkpoint_a_folder_still_says_what_it_plays(trained, tmp_path):
    folder = shutil.copytree(trained["simple_tag_v3"], tmp_path / "run")
    (folder / "checkpoint.zip").unlink()
    whole = call("evaluate", trained["simple_tag_v3"], *SHORT)
    assert call("evaluate", folder, *SHORT) == whole


def test_the_normaliser_is_used_and_missed(trained, tmp_path):
    folder = shutil.copytree(trained["Pendulum-v1"], tmp_path / "run")
    from bridge.training import policies

    seen = np.array([[1.0, 0.0, 8.0]], np.float32)
    policy = policies.load(folder / "model.zip")
    bare = policies.Policy(policy.model)
    assert policy.normalizer is not None and not np.array_equal(policy(seen), bare(seen))
    (folder / "vecnormalize.pkl").write_text("no pickle")
    code, said = call("evaluate", folder, *SHORT)
    assert code == 2 and "holds no VecNormalize" in said
    (folder / "vecnormalize.pkl").unlink()
    code, said = call("evaluate", folder, *SHORT)
    assert code == 2 and "vecnormalize.pkl is missing" in said and said.count("\n") == 1


@pytest.mark.parametrize("command", ["evaluate", "play"])
def test_what_is_no_model_or_plays_something_else_is_refused_in_one_line(
    trained, tmp_path, command
):
    film = ("--out", tmp_path / "film.png") if command == "play" else ()
    (tmp_path / "text.zip").write_text("no zip")
    for model, words in (("none.zip", "no model at"), ("text.zip", "is no model of PPO")):
        code, said = call(command, tmp_path / model, "--env", "CartPole-v1", *film)
        assert code == 2 and words in said and said.count("\n") == 1
    code, said = call(command, trained["CartPole-v1"], "--env", "Acrobot-v1", *film)
    assert code == 2 and "observation_space" in said and said.count("\n") == 1


# play and render


@pytest.mark.parametrize("command", ["play", "render"])
@pytest.mark.parametrize("name", ["CartPole-v1", "simple_tag_v3"])
def test_a_model_is_filmed(trained, tmp_path, command, name):
    film = tmp_path / "deep" / "film.gif"
    code, said = call(command, trained[name], "--out", film, "--steps", 3)
    assert code == 0, said
    assert "3 steps ..." in said and "film.gif: 4 x " in said
    with Image.open(film) as picture:
        assert picture.n_frames <= 4


def test_render_says_that_it_works(tmp_path):
    _, said = call("render", "CartPole-v1", "--out", tmp_path / "film.png", "--steps", 2)
    assert "CartPole-v1: 2 steps ..." in said


@pytest.mark.parametrize("options", [(), ("--window", "--out", "film.gif")])
def test_play_is_told_where_to_show_it(trained, options):
    code, said = call("play", trained["CartPole-v1"], *options)
    assert code == 2 and "--out FILE" in said and said.count("\n") == 1


def test_play_shows_a_window_until_the_steps_are_over(trained, monkeypatch):
    monkeypatch.setattr(playing, "frames_per_second", lambda _: 1000)
    code, said = call("play", trained["simple_tag_v3"], "--window", "--steps", 26)
    assert code == 0, said
    assert "25 steps: adversary_0 " in said and "agent_0 " in said


def test_a_window_that_is_closed_ends_the_game(trained, monkeypatch):
    real = playing.Player.step

    def step(player):
        real(player)
        pygame.event.post(pygame.event.Event(pygame.QUIT))

    monkeypatch.setattr(playing.Player, "step", step)
    code, said = call("play", trained["CartPole-v1"], "--window")
    assert code == 0, said


@pytest.mark.parametrize("option", [("--window",), ("--human", "cart_0")])
def test_without_a_screen_nothing_is_played(trained, monkeypatch, option):
    monkeypatch.delenv("SDL_VIDEODRIVER")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(pygame.display, "get_driver", lambda: "offscreen")
    code, said = call("play", trained["CartPole-v1"], *option, "--steps", 1)
    assert code == 2 and said.count("\n") == 1
    assert "no screen" in said and "render ID|MODEL --out film.mp4" in said


# a human


def press(key, kind="KEYDOWN"):
    pygame.event.post(pygame.event.Event(getattr(pygame, kind), key=getattr(pygame, f"K_{key}")))


@pytest.fixture
def screen():
    pygame.display.init()
    pygame.display.set_mode((9, 9))
    yield
    pygame.display.quit()


@pytest.mark.usefixtures("screen")
def test_keys_are_actions_while_they_are_held():
    keys = Keyboard(make("simple_spread_v3"), "agent_1")
    assert keys.action() == 0 and keys.number == 1
    press("LEFT")
    assert keys.action() == 1 == keys.action()
    press("UP")
    assert keys.action() == 4  # the last pressed
    press("UP", "KEYUP")
    assert keys.action() == 1
    press("LEFT", "KEYUP")
    assert keys.action() == 0 and not keys.closed()
    press("ESCAPE")
    assert keys.closed()


@pytest.mark.usefixtures("screen")
def test_without_an_action_for_nothing_the_last_key_holds_on():
    keys = Keyboard(CartPole(), "cart_0")
    press("RIGHT")
    assert keys.action() == 1
    press("RIGHT", "KEYUP")
    assert keys.action() == 1


@pytest.mark.usefixtures("screen")
def test_a_human_plays_a_mate_or_an_opponent():
    world = make("simple_tag_v3")
    game = games.game("simple_tag_v3", world, "adversary", "chasing")

    def still(observation):
        return np.zeros(len(observation), np.int64)

    for agent, row in (("agent_0", 3), ("adversary_1", 1)):
        player = playing.Player(game.env, still, 0, Keyboard(game.env, agent))
        before = np.asarray(player._state.env.position)
        press("RIGHT")
        for _ in range(3):
            player.step()
        press("RIGHT", "KEYUP")
        moved = np.asarray(player._state.env.position) - before
        assert moved[row, 0] > 0.05


@pytest.mark.parametrize(
    ("name", "agent", "words"),
    [
        ("Pendulum-v1", "pendulum_0", "no arrow keys for pendulum_0 of Pendulum-v1"),
        ("simple_crypto_v3", "alice_0", "no arrow keys for alice_0"),
        ("simple_speaker_listener_v4", "speaker_0", "no arrow keys for speaker_0"),
        ("CartPole-v1", "carter", "no agent 'carter'; it has cart_0"),
    ],
)
def test_who_has_no_keys_is_refused_by_name(name, agent, words):
    with pytest.raises(UnsuitableError, match=words):
        Keyboard(make(name), agent)


@pytest.mark.parametrize("name", sorted(keyboard.KEYS))
def test_keys_are_actions_that_there_are(name):
    actions = [group.action for group in make(name).spec.groups]
    assert any(getattr(action, "n", None) == len(keyboard.KEYS[name]) for action in actions)


def test_what_has_no_picture_cannot_be_watched():
    class Blind(CartPole):
        @property
        def spec(self):
            return dataclasses.replace(super().spec, render_fps=None)

    with pytest.raises(RenderError, match="no picture"):
        playing.Player(Blind(), lambda seen: seen, 0)


def test_what_is_filmed_begins_again_when_it_is_over():
    player = playing.Player(CartPole(horizon=2), lambda seen: np.zeros(len(seen), int), 0)
    ticks = []
    for _ in range(5):
        player.step()
        ticks.append((player.tick, player.over))
    assert ticks == [(1, False), (2, True), (0, False), (1, False), (2, True)]


def test_the_files_say_what_they_are(trained):
    found = json.loads((trained["simple_tag_v3"] / "evaluation.json").read_text())
    assert found["environment"] == "simple_tag_v3_adversary_against_fleeing"
    assert (found["identifier"], found["team"]) == ("simple_tag_v3", "adversary")
