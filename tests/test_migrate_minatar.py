"""`migrate` on scripts that make MinAtar's games."""

import pytest

pytest.importorskip("libcst")

from bridge.migrate import migrate

MADE = "env = Environment('breakout', sticky_action_prob=0.2)\nprint(env.act(1), env.state())\n"
IMPORT = "from minatar import Environment\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (IMPORT + MADE, "from bridge.minatar import Environment\n"),
        ("import minatar\nenv = minatar.Environment('asterix')\n", "from bridge import minatar\n"),
        (
            "import minatar as m\nenv = m.Environment(env_name='freeway')\n",
            "from bridge import minatar as m\n",
        ),
        (
            "from minatar import Environment as Game\nimport sys\ngame = Game(sys.argv[1], 0.0)\n",
            "from bridge.minatar import Environment as Game\n",
        ),
    ],
)
def test_the_import_is_edited(before, after):
    found = migrate(before, everything=True)
    assert found.source == after + before.partition("\n")[2]
    assert migrate(before).source == before, "one game by itself is faster in plain Python"


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("env = Environment('pong')", "no native twin"),
        ("env = Environment(3)", "no native twin"),
        ("env = Environment()", "not understood"),
        ("env = Environment(*words)", "not understood"),
        ("env = Environment('breakout', ramping=False)", "not understood"),
        (MADE + "import minatar\nprint(minatar.Environment('asterix'))", "not clear which import"),
        (MADE + "print(env.env.ball_x)", "env.env.ball_x"),
        (MADE + "env.random.rand()", "env.random"),
        (MADE + "env.sticky_action_prob = 0.0", "env.sticky_action_prob"),
        ("game = Environment('breakout')\nprint(game.last_action)", "game.last_action"),
    ],
)
def test_what_is_not_understood_is_left_alone_with_a_reason(rest, why):
    source = IMPORT + rest
    found = migrate(source, everything=True)
    assert found.source == source
    assert any(why in note for finding in found.findings for note in finding.notes)


def test_the_module_within_is_named_and_left_alone():
    source = "from minatar.environment import Environment\nenv = Environment('breakout')"
    (found,) = migrate(source, everything=True).findings
    assert (found.twin, found.edits) == ("Breakout-MinAtar", ())
    assert "not clear which import of minatar" in found.notes[0]


def test_one_game_that_is_not_here_leaves_all_alone():
    source = IMPORT + "a = Environment('breakout')\nb = Environment('pong')"
    found = migrate(source, everything=True)
    assert found.source == source
    assert [each.twin for each in found.findings] == ["Breakout-MinAtar", None]


@pytest.mark.parametrize(("version", "minimal"), [("v0", "False"), ("v1", "True")])
@pytest.mark.parametrize(
    "made", ["gymnasium.make({})", "gymnasium.make_vec({}, 4)", "gymnasium.make({}, max_x=1)"]
)
def test_names_in_gymnasium_stick_and_so_are_left_alone(made, version, minimal):
    name = f"'MinAtar/SpaceInvaders-{version}'"
    source = f"import gymnasium\nenv = {made.format(name)}\n"
    found = migrate(source, everything=True)
    assert found.source == source
    (note,) = found.findings[0].notes
    assert "its actions stick" in note
    assert f'native.make("SpaceInvaders-MinAtar", minimal_actions={minimal}), 0.1)' in note


def test_what_the_note_says_to_write_does_what_it_says():
    pytest.importorskip("gymnasium")
    source = 'import gymnasium\nenv = gymnasium.make("MinAtar/Breakout-v0")\n'
    (note,) = migrate(source).findings[0].notes
    scope: dict[str, object] = {}
    exec(f"import bridge.gymnasium, native.wrappers\nenv = {note.partition('write ')[2]}", scope)
    assert scope["env"].action_space.n == 6
    assert scope["env"].observation_space.shape == (10, 10, 4)
