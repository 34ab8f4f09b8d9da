"""Names: what a family lists, what is registered, what an installed package brings."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from probe import Probe
from sampling import OF_THE_GAME, sample

import native
from bridge.environments import as_environment
from bridge.errors import UnsuitableError
from native import registry, traits
from native.classic_control.cartpole import CartPole
from native.names import KINDS, RegistryError
from native.registry import REGISTRY, VARIANTS, UnknownEnvironmentError, make

ROOT = Path(__file__).parent.parent
CART = "native.classic_control.cartpole:CartPole"


@pytest.fixture
def alone(monkeypatch):
    """No library hears of what is registered."""
    monkeypatch.setattr(registry, "_followers", {})


def fresh(code: str, *folders: Path) -> str:
    """Run it in a process of its own; what it prints."""
    path = os.pathsep.join(map(str, (ROOT, *folders)))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ------------------------------------------------------------------------------- families


def test_names_are_listed_without_the_games():
    fresh(
        """
        import sys
        import native
        from native import registry
        assert len(native.REGISTRY) > 17 and len(native.VARIANTS) > 300
        assert "CartPole-v1" in native.REGISTRY and native.REGISTRY.get("nothing") is None
        packages = [f"native.{family}" for family in registry.FAMILIES]
        games = [m for m in sys.modules if m.rpartition(".")[0] in packages]
        tables = {"native.gigastep.bases", "native.smax.scenarios"}  # of names, without JAX
        assert {*games} == tables, games
        native.make("CartPole-v1")
        games = [m for m in sys.modules if m.rpartition(".")[0] in packages]
        assert {*games} == tables | {"native.classic_control.cartpole"}, games
        """
    )


def test_the_package_itself_loads_nothing_and_has_what_it_says():
    fresh(
        """
        import sys
        import native
        assert not [m for m in sys.modules if m.startswith("native.")] and "jax" not in sys.modules
        assert {*native.__all__} <= {*dir(native)}
        for name in native.__all__:
            getattr(native, name)
        from native import *
        assert native.make("CartPole-v1") == make("CartPole-v1")
        try:
            native.nothing
        except AttributeError as error:
            assert "'nothing'" in str(error)
        """
    )


def test_what_a_name_says_holds(name):
    traits.check(registry.name_of(name), make(name))


@pytest.mark.parametrize(
    "name",
    [
        *[name for name in VARIANTS if "facmac" in name],
        "gigastep_identical_1_vs_1",
        "gigastep_identical_1_vs_1_against_random",
        "gigastep_special_5_vs_5_pobs_rgb_maps_cont_against_circling",
        "gigastep_waypoint_5_vs_5_fobs_rgb_void_cont",
        *[
            pytest.param(name, marks=pytest.mark.long)
            for name in VARIANTS
            if "swarm_2500" not in name
        ],
    ],
)
def test_so_it_does_for_variants(name):
    traits.check(registry.name_of(name), make(name))


def test_a_variant_is_no_name_of_the_registry_and_has_rules_of_its_own():
    assert "simple_facmac_9a_v1" in VARIANTS and "simple_facmac_9a_v1" not in REGISTRY
    assert make("simple_facmac_9a_v1").spec.num_agents == 9
    assert make("simple_facmac_9a_v1", num_adversaries=4).spec.num_agents == 4
    with pytest.raises(KeyError):
        REGISTRY["simple_facmac_9a_v1"]


def test_every_kind_and_tag_is_in_the_sample_once_or_more():
    listed = [registry.name_of(name) for name in REGISTRY]
    words = {word for name in listed for word in (name.kind, *name.tags)}
    assert {*KINDS, *OF_THE_GAME} <= words
    assert words - OF_THE_GAME <= {
        word
        for name in map(registry.name_of, sample("kind", "tag", "turns"))
        for word in (name.kind, *name.tags)
    }
    assert not any("turns" in registry.name_of(name).tags for name in sample())
    assert len(sample()) <= len(words)


def test_every_family_says_what_it_is():
    titles = registry.titles()
    assert [*titles] == [*registry.FAMILIES]
    assert all(title.endswith(".") for title in titles.values())


# ------------------------------------------------------------------------------- registering


@pytest.mark.usefixtures("alone")
def test_a_registered_name_is_made_and_known_for_what_it_is():
    native.register("Cart.of-mine_v7", CartPole, tags=("mine",))
    name = registry.name_of("Cart.of-mine_v7")
    assert (name.kind, name.tags, name.horizon) == ("single", ("mine",), 500)
    assert name.family == "native" and registry.titles()["native"] == ""
    assert native.make(name.id, horizon=3) == CartPole(horizon=3)
    assert [*REGISTRY][-1] == name.id
    native.register("Later", "no.such.module:Thing", kind="single", family="others")
    assert registry.name_of("Later").family == "others"
    with pytest.raises(RegistryError, match=r"Later is not at 'no\.such\.module:Thing'\. ModuleNo"):
        native.make("Later")
    with pytest.raises(UnsuitableError, match="Later is not at"):
        as_environment("Later")


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("name", "build", "more", "message"),
    [
        ("CartPole-v1", CART, {}, "'CartPole-v1' is taken, by classic_control"),
        ("simple_facmac_6a_v1", CART, {}, "is taken, by mpe"),
        ("a/b", CART, {}, "'a/b' is no name"),
        ("", CART, {}, "'' is no name"),
        (3, CART, {}, "3 is no name"),
        ("x", CART, {"kind": "solo"}, "'solo' is no kind. The kinds are single, homog"),
        (
            "x",
            CART,
            {"kind": "single", "tags": "turns"},
            "tags are a tuple of strings, got 'turns'",
        ),
        ("x", 3, {}, "expected a class or 'module:attribute', got 3"),
        ("x", "native.core", {}, "expected a class or 'module:attribute'"),
        ("x", "native.core:Nothing", {}, "x is not at 'native.core:Nothing'. AttributeError"),
        ("x", dict, {}, "<class 'dict'> makes {}, which is no Environment"),
    ],
)
def test_what_cannot_be_registered_is_refused_by_name(name, build, more, message):
    before = dict(registry.names())
    with pytest.raises(RegistryError, match=message):
        native.register(name, build, **more)
    assert registry.names() == before


@pytest.mark.usefixtures("alone")
def test_a_name_that_says_what_does_not_hold_is_found_out_when_it_is_made():
    native.register("x", CART, kind="single", horizon=7, tags=("turns", "fun"))
    with pytest.raises(RegistryError, match=r"'turns'.* 7.*List it with .*horizon=500"):
        native.make("x")


@pytest.mark.usefixtures("alone")
def test_a_follower_hears_what_there_is_and_what_comes_and_may_refuse_it():
    heard = []

    def follower(name):
        if name.id == "bad":
            raise OSError("not this one")
        heard.append(name.id)

    registry.follow(follower)
    assert heard == [*REGISTRY]
    native.register("probe", Probe)
    assert heard[-1] == "probe"
    with pytest.raises(OSError, match="not this one"):
        native.register("bad", Probe)
    assert "bad" not in REGISTRY


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("native/CartPole-v1", "CartPole-v1"),
        ("bridge.gymnasium:native/CartPole-v1", "CartPole-v1"),
        ("native/gigastep_special_5_vs_5", "gigastep_special_5_vs_5"),
        ("bridge.gymnasium:native/simple_v4", "simple_v3"),
    ],
)
def test_a_prefix_that_others_want_is_told_from_the_name(given, meant):
    with pytest.raises(UnknownEnvironmentError, match=f"Did you mean '{meant}'"):
        make(given)


def test_a_name_that_is_none_is_answered_with_the_nearest():
    with pytest.raises(UnknownEnvironmentError, match="Did you mean 'CartPole-v1'"):
        make("Cartpole-v1")
    with pytest.raises(UnknownEnvironmentError, match=r"Known: Acrobot-v1, .*simple_v3"):
        make("?")


# ------------------------------------------------------------------------------- installed


@pytest.fixture
def installed(tmp_path):
    """Two packages as pip installs them: one brings two names, the other is broken."""
    package = tmp_path / "acme"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "games.py").write_text(
        "from native.classic_control.cartpole import CartPole as Cart\n"
        "from native.mpe.simple_spread import SimpleSpread as Spread\n"
    )
    (package / "names.py").write_text(
        '"""Games of Acme."""\n'
        "from native import Name\n"
        "NAMES = [\n"
        '    Name("AcmeCart-v0", ".games:Cart", "single", ("acme",), 500),\n'
        '    Name("acme_spread", ".games:Spread", "homogeneous", ("acme",), 25),\n'
        "]\n"
    )
    (package / "taken.py").write_text(
        "from native import Name\n"
        'NAMES = [Name("new", ".games:Cart", "single"), Name("CartPole-v1", ".x:Y", "single")]\n'
    )
    entries = {"acme": "acme = acme.names\nlost = acme.nowhere\ntaken = acme.taken\nodd = acme\n"}
    for name, entry_points in entries.items():
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{entry_points}")
    return tmp_path


def test_an_installed_package_brings_names_and_a_broken_entry_point_is_told(installed):
    said = fresh(
        """
        import sys, warnings
        import native
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            names = [*native.REGISTRY]
        assert names[-2:] == ["AcmeCart-v0", "acme_spread"] and "new" not in names, names
        assert "acme.games" not in sys.modules
        told = sorted(str(each.message) for each in caught)
        for message, words in zip(told, (
            ("'lost' of acme", "'acme.nowhere'", "ModuleNotFoundError"),
            ("'odd' of acme", "NAMES"),
            ("'taken' of acme", "'CartPole-v1' is taken, by classic_control"),
        ), strict=True):
            assert all(word in message for word in words), message
        assert native.make("acme_spread", N=2).spec.num_agents == 2
        print(native.registry.titles()["acme"])
        """,
        installed,
    )
    assert said == "Games of Acme.\n"


def test_names_of_others_are_in_the_libraries_registries_and_in_the_list(installed):
    pettingzoo = pytest.importorskip("pettingzoo")
    pytest.importorskip("typer")
    fresh(
        f"""
        import warnings
        warnings.simplefilter("ignore")
        import gymnasium, pettingzoo, native
        import bridge.gymnasium, bridge.pettingzoo
        native.register("Late-v3", "acme.games:Cart", kind="single", horizon=500)
        for name in ("AcmeCart-v0", "Late-v3"):
            assert gymnasium.spec("native/" + name).max_episode_steps == 500
        assert gymnasium.make("native/AcmeCart-v0").reset(seed=0)[0].shape == (4,)
        assert "native/acme_spread" not in gymnasium.registry
        if {hasattr(pettingzoo, "register")}:
            assert pettingzoo.make("parallel", "native/acme_spread").max_num_agents == 3
            assert pettingzoo.spec("aec", "native/Late-v3")
        from typer.testing import CliRunner
        from bridge.cli import app
        said = CliRunner().invoke(app, ["list", "--tag", "acme"]).output
        assert "Games of Acme." in said and "AcmeCart-v0" in said and "CartPole-v1" not in said
        """,
        installed,
    )


def test_tags_that_are_one_string_are_refused():
    with pytest.raises(RegistryError, match="tags are a tuple of strings, got 'demo'"):
        registry.register("of_one_string", "native.grid.causeway:Causeway", tags="demo")
    assert "of_one_string" not in registry.names()
