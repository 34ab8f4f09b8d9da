"""Every command, given what makes no sense: an answer in words, never a traceback."""

import sys

import pytest

pytest.importorskip("typer")

from typer.testing import CliRunner

from bridge import __version__
from bridge.cli import app
from bridge.sources.catalogue import LIBRARIES

IDENTIFIERS = ("", "no-such-v0", ":", "json:", "json:no", "json:loads", ":x", "a..b:c", ".a:b")
IDENTIFIERS += ("sys:exit", "os:getcwd", "subprocess:Popen", "os.path:join", "/tmp:x", "x y:z")
IDENTIFIERS += ("native/no", "gymnax/", "/", "CartPole-v1:x", "sys:maxsize", "[red]:x")
BAD = [
    *(
        (command, identifier)
        for command in ("info", "check", "parity", "support")
        for identifier in IDENTIFIERS
    ),
    ("render", "no-such-v0", "--out", "a.gif"),
    ("render", "CartPole-v1", "--out", "folder.gif", "--steps", "1"),
    ("render", "CartPole-v1", "--out", "a.avi"),
    ("render", "CartPole-v1"),
    ("parity", "CartPole-v1", "--episodes", "0"),
    ("parity", "CartPole-v1", "--episodes", "9" * 30),
    ("parity", "causeway_v0"),
    ("bench", "no-such-suite"),
    ("bench", "stages", "--rounds", "1"),
    ("bench", "stages", "--rounds", "9" * 30),
    ("support",),
    ("support", "CartPole-v1", "--seconds", "-1"),
    ("support", "CartPole-v1", "--seconds", "nan"),
    ("support", "CartPole-v1", "--out", "folder.gif"),
    ("migrate",),
    ("migrate", "no-such-file.py"),
    ("migrate", "no-such-folder/x.py", "folder.gif"),
    ("no-such-command",),
    ("--no-such-option",),
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "folder.gif").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("arguments", BAD, ids=" ".join)
def test_it_is_refused_in_words(arguments):
    result = CliRunner().invoke(app, [*arguments])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (1, 2) and result.output.strip()
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("here")
def test_nothing_but_an_environment_is_called(tmp_path):
    (tmp_path / "calls.py").write_text("called = []\ndef launch():\n    called.append(1)\n")
    result = CliRunner().invoke(app, ["info", "calls:launch"])
    assert result.exit_code == 2 and "nothing else is called" in result.output
    assert not sys.modules.pop("calls").called


@pytest.mark.usefixtures("here")
def test_a_class_that_needs_more_is_refused(tmp_path):
    lines = ("from native.classic_control.cartpole import CartPole", "class Mine(CartPole):")
    lines += ("    def __init__(self, needed): ...", "def make(): return CartPole()")
    (tmp_path / "refused_games.py").write_text("\n".join(lines))
    for attribute, reason in (("Mine", "needed"), ("make", "env = make()")):
        result = CliRunner().invoke(app, ["info", f"refused_games:{attribute}"])
        assert result.exit_code == 2 and reason in result.output, result.output
    sys.modules.pop("refused_games")


def test_an_unknown_library_is_refused_with_those_that_there_are():
    result = CliRunner().invoke(app, ["support", "nolib"])
    assert result.exit_code == 2
    assert all(library in result.output for library in LIBRARIES)


def test_version():
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"jitbridge {__version__}\n")


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--algorithm", "foo", "'foo' is not one of 'ppo', 'dqn', 'es'"),
        ("--learner", "foo", "'foo' is not one of 'sb3', 'device'"),
        ("--steps", "x", "must be an integer, got 'x'"),
        ("--steps", "0", "must be at least 1, got '0'"),
    ],
)
def test_an_option_is_refused_in_our_words_whatever_reads_it(option, value, says):
    pytest.importorskip("pydantic")  # without it typer asks click, whose words are others
    result = CliRunner().invoke(app, ["train", "CartPole-v1", option, value])
    said = " ".join(result.output.replace("│", " ").split())
    assert result.exit_code == 2 and f"Invalid value for '{option}': {says}" in said
