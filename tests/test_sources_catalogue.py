"""Names of other libraries' environments: found, suggested, refused, and what they load."""

import sys

import jax.numpy as jnp
import pytest

from bridge.environments import as_environment
from bridge.errors import MissingExtraError, RulesError, UnknownNameError
from bridge.sources import catalogue


class Registry:
    """Stands in for a library."""

    @staticmethod
    def make(name, size=3):
        jnp.arange(size) + jnp.ones((1, size), bool)  # which strict promotion of types refuses
        return (name, size)


@pytest.fixture
def library(monkeypatch):
    """A library called "toys" with two names; its objects are native environments already."""
    made = []

    def load(module, name, **rules):
        assert module is sys.modules["toys_registry"]
        made.append(Registry.make(name, **rules))
        return as_environment("CartPole-v1")

    toys = catalogue.Library("toys_registry", lambda _: ("small", "large"), load)
    monkeypatch.setattr(catalogue, "LIBRARIES", {"toys": toys})
    monkeypatch.setitem(sys.modules, "toys_registry", Registry)
    return made


def test_a_name_is_loaded_with_its_rules(library):
    assert as_environment("toys/small").spec.name == "CartPole-v1"
    as_environment("toys/large", size=5)
    assert library == [("small", 3), ("large", 5)]
    assert catalogue.names("toys") == ["toys/large", "toys/small"]


def test_an_unknown_name_suggests_the_nearest(library):
    with pytest.raises(UnknownNameError, match="Did you mean 'toys/small'"):
        as_environment("toys/smal")
    with pytest.raises(UnknownNameError, match="Known: toys/large, toys/small"):
        as_environment("toys/xyz")
    assert not library


@pytest.mark.usefixtures("library")
def test_a_rule_it_does_not_take_is_named():
    with pytest.raises(RulesError, match="toys/small does not take colour"):
        as_environment("toys/small", colour="red")


def test_a_library_that_is_absent_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pgx", None)
    with pytest.raises(MissingExtraError, match=r"jitbridge\[pgx\]"):
        as_environment("pgx/chess")


def test_other_prefixes_are_names_of_ours():
    with pytest.raises(UnknownNameError, match="No environment named 'nobody/chess'"):
        as_environment("nobody/chess")


@pytest.mark.filterwarnings("ignore")  # theirs are not ours to be strict with
@pytest.mark.parametrize("library", catalogue.LIBRARIES)
def test_each_library_has_names_of_its_own_and_one_can_be_loaded(library):
    module = catalogue.LIBRARIES[library].module
    pytest.importorskip(module, exc_type=ImportError)
    known = catalogue.names(library)
    assert len(set(known)) == len(known) >= 4
    assert all(name.startswith(f"{library}/") for name in known)
    first = {"craftax": "craftax/Craftax-Classic-Symbolic-v1", "jumanji": "jumanji/Snake-v1"}
    env = as_environment(first.get(library, known[0]))
    assert env.spec.num_agents >= 1
