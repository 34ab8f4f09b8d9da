"""`migrate` on scripts that make gymnax's environments."""

import pytest

pytest.importorskip("libcst")

import seeds

from bridge.migrate import migrate

IMPORT = "import gymnax\n"
MADE = 'env, params = gymnax.make("CartPole-v1")\n'
FIVE = "obs, state, reward, done, info = env.step(key, state, 0, params)\n"
SIX = "obs, state, reward, terminated, truncated, info = env.step(key, state, 0, params)\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (IMPORT + MADE, "from bridge.targets import gymnax\n"),
        (IMPORT + MADE + SIX, "from bridge.targets import gymnax\n"),
        (IMPORT + MADE + FIVE, "from bridge.targets import gymnax_legacy as gymnax\n"),
        (
            "import gymnax as g\nenv, params = g.make(env_id='Catch-bsuite')\n",
            "from bridge.targets import gymnax as g\n",
        ),
        (
            "from gymnax import make\nenv, _ = make('DeepSea-bsuite', size=10)\n",
            "from bridge.targets.gymnax import make\n",
        ),
        (
            "from gymnax.experimental import RolloutWrapper\n"
            "manager = RolloutWrapper(apply, env_name='Pendulum-v1')\n",
            "from bridge.targets.gymnax.experimental import RolloutWrapper\n",
        ),
    ],
)
def test_the_import_is_edited(before, after):
    assert migrate(before).source == after + before.partition("\n")[2]


def test_the_functions_are_handed_on():
    """As every script of gymnax's hands them on: no two arguments of `reset` are options."""
    source = IMPORT + MADE + "vreset = jax.vmap(env.reset, in_axes=(0, None))\n"
    source += "obs, state = env.reset(key, params)\nshorter = params.replace(gravity=1.0)\n"
    source += "print(env.num_actions, env.name, env.default_params, state.time)\n"
    assert migrate(source).source != source


@pytest.mark.parametrize(
    "text", [seeds.BASIC + seeds.MAPPED + seeds.SCANNED + seeds.FILM, seeds.BASIC + seeds.MANAGED]
)
def test_the_pages_of_gymnax_change_in_their_imports_alone(text):
    lines = zip(text.splitlines(), migrate(text).source.splitlines(), strict=True)
    changed = [(before, after) for before, after in lines if before != after]
    assert changed[0] == ("import gymnax", "from bridge.targets import gymnax_legacy as gymnax")
    assert len(changed) == 2
    assert all("import" in before and "bridge.targets" in after for before, after in changed)


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ('env, params = gymnax.make("Freeway-Atari")', "no native twin"),
        ("env, params = gymnax.make(sys.argv[1])", "known only when it runs"),
        ("env, params = gymnax.make(**words)", "not understood"),
        ('env, params = gymnax.make("CartPole-v1", wheels=4)', "has no 'wheels'"),
        (MADE + "env = gymnax.wrappers.LogWrapper(env)", "gymnax.wrappers is used too"),
        (MADE + "obs, state = env.reset(key, params)\nprint(state.theta)", "state.theta"),
        (MADE + "print(params.gravity)", "params.gravity"),
        (MADE + "print(env.tau)", "env.tau"),
        (MADE + "env.num_envs_used = 3", "env.num_envs_used"),
    ],
)
def test_what_is_not_understood_is_left_alone_with_a_reason(rest, why):
    source = IMPORT + rest
    found = migrate(source)
    assert found.source == source
    assert any(why in note for finding in found.findings for note in finding.notes)


def test_one_environment_that_is_not_here_leaves_all_alone():
    source = IMPORT + MADE + 'other, _ = gymnax.make("FrozenLake-misc")'
    found = migrate(source)
    assert found.source == source
    assert [each.twin for each in found.findings] == ["CartPole-v1", None]
