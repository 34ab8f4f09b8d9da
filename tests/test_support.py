"""The table of support says what was found, also when the process that looked did not end well."""

import json

import pytest

from bridge.conformance import support
from bridge.conformance.support import Support, examine, markdown, summary
from bridge.errors import UnsuitableError
from native.registry import make

pytest.importorskip("gymnasium")


def judged(monkeypatch, capsys, suites, contract=False):
    """What a report comes to in which these suites are run."""
    monkeypatch.setattr(support, "suites", lambda: suites)
    monkeypatch.setattr(support, "efficiency", lambda _: 1.25)
    support.report("CartPole-v1", contract)
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return summary("toys/cart", found, "")


def good(env):
    assert env == make("CartPole-v1")


def bad(_):
    raise AssertionError("it leaks\nhere and there")


def unsuited(_):
    raise UnsuitableError("it has one agent")


SUITES = {
    "native: spec": good,
    "pettingzoo: api": unsuited,
    "gymnasium: check": good,
    "gymnasium: strict": unsuited,
    "sb3: check": good,
    "sb3: strict": bad,
}


def test_each_verdict(monkeypatch, capsys):
    found = judged(monkeypatch, capsys, SUITES)
    assert found.verdicts == {"pettingzoo": "-", "gymnasium": "yes", "sb3": "1 of 2"}
    assert found.made and not found.works and found.efficiency == 1.25
    assert found.reasons == ("sb3: strict: AssertionError: it leaks",)


def test_what_passes_where_it_suits_works(monkeypatch, capsys):
    rest = {name: suite for name, suite in SUITES.items() if suite is not bad}
    assert judged(monkeypatch, capsys, rest).works
    assert not judged(monkeypatch, capsys, {"pettingzoo: api": unsuited}).works


def test_the_contract_if_asked(monkeypatch, capsys):
    assert judged(monkeypatch, capsys, SUITES, contract=True).verdicts["native"] == "yes"


@pytest.mark.parametrize("lines", range(1, 9))
def test_a_process_that_ends_early_leaves_no_yes_that_is_not_earned(monkeypatch, capsys, lines):
    monkeypatch.setattr(support, "suites", lambda: {"sb3: one": good, "gymnasium: two": good})
    monkeypatch.setattr(support, "efficiency", lambda _: 1.25)
    support.report("CartPole-v1", False)
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(found) == 5
    one = summary("toys/cart", found[:lines], "not finished within 3 s")
    assert ("not finished" in one.verdicts.values()) == (lines < 4)
    assert "not finished within 3 s" in one.reasons


def test_a_real_process_that_cannot_make_it():
    found = examine("CartPole-v7", seconds=120)
    assert not found.made and not found.works and found.verdicts == {}
    assert "Did you mean 'CartPole-v1'" in found.reasons[0]


def test_a_real_process_that_takes_too_long():
    found = examine("CartPole-v1", seconds=0.01)
    assert not found.works and found.reasons == ("not finished within 0.01 s",)


def test_efficiency_is_that_of_rows_or_nothing(monkeypatch):
    monkeypatch.setattr(support, "EFFORT", {"rounds": 2, "seconds": 0.001})
    assert support.efficiency(make("CartPole-v1")) > 0
    assert support.efficiency(make("simple_tag_v3")) is None


def test_no_name_breaks_the_table():
    page = markdown([Support("toys/9|8", True, {"sb3": "yes"}, None, ("a < b | c",))])
    assert page.splitlines()[4] == r"| 9\|8 | yes |  | a \< b \| c |"


def test_the_page_counts_and_says_why(monkeypatch, capsys):
    found = [judged(monkeypatch, capsys, SUITES), examine("toys/none", seconds=120)]
    page = markdown(found).splitlines()
    assert page[0] == "## toys: 0 of 2"
    assert page[4] == "| cart | - | yes | 1 of 2 | 1.25 | sb3: strict: AssertionError: it leaks |"
    assert page[5].startswith("| none |  |  |  |  | ")
