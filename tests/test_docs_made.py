"""The pages that are made from the code when the documentation is built."""

import importlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")

from bridge import figures

ROOT = Path(__file__).parent.parent


def module(name):
    """A module of docs/."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs"))
        return importlib.import_module(name)


@pytest.fixture(scope="module")
def makers():
    """The two modules of docs/ that make pages."""
    return module("environments"), module("reference")


def test_every_environment_has_a_page_that_says_what_its_file_says(name, makers):
    environments, _ = makers
    page = environments.page(name)
    said = environments.document(environments.make(name)).splitlines()
    assert page.startswith(f"# {name}\n") and all(line in page for line in said[:1])
    spec = environments.make(name).spec
    assert all(f"`{group.action}`" in page for group in spec.groups)


def test_a_family_shows_all_its_environments(makers):
    environments, _ = makers
    page = environments.family_page("native.grid", ["causeway_v0"])
    assert page.startswith("# grid\n")
    assert "[causeway_v0](causeway_v0.md)" in page and "(causeway_v0.png)" in page


def test_aligned_terms_of_a_docstring_become_a_list_of_definitions(makers):
    environments, _ = makers
    made = environments.prose("A game.\n\nReward    1 on every\n          step.\nOne word.")
    assert made == "A game.\n\n\nReward\n: 1 on every\n  step.\nOne word."


@pytest.mark.parametrize(("page", "tables"), [("parity", 9), ("performance", 1), ("returns", 1)])
def test_tables_are_those_of_the_figures(page, tables):
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    made = module("tables").made(text)
    assert made == text, "python docs/tables.py"
    assert text.count("<!-- figures: ") == tables


def test_other_figures_make_other_tables_and_leave_the_page_as_it_is(monkeypatch):
    tables = module("tables")
    error = figures.Error("Pong-v1", "one step", "float32", 12, 2.5e-7, 0.0, 3)
    monkeypatch.setattr(figures, "parity", lambda: {"atari": [error]})
    speed = figures.Speed("Pong-v1", "ALE", 4096, 1234567.8, "ours: make_vec", 1234.5)
    monkeypatch.setattr(figures, "peers", lambda: [speed])
    page = "A.\n<!-- figures: {} -->\nold\n<!-- end -->\nB.\n"
    first, *_, told, end, last = tables.made(page.format("atari")).splitlines()
    assert (first, end, last) == ("A.", "<!-- end -->", "B.")
    cells = ["Pong-v1", "one step", "float32", "12", "2.5e-07", "0.0e+00", "3"]
    assert [cell.strip() for cell in told.strip("|").split("|")] == cells
    *_, told, _, _ = tables.made(page.format("peers")).splitlines()
    cells = ["Pong-v1", "ALE", "4,096", "1,234,568", "make_vec", "1234"]
    assert [cell.strip() for cell in told.strip("|").split("|")] == cells


def test_returns_are_measured_kept_and_drawn(monkeypatch, tmp_path):
    pytest.importorskip("flax")
    pytest.importorskip("matplotlib")
    returns, tables = module("returns"), module("tables")
    monkeypatch.setattr(returns, "EPISODES", 4)
    rows = returns.learned("simple_tag_v3", seeds=2, steps=1)
    assert [row.side for row in rows] == ["adversary", "agent"]
    assert all(row.low <= row.iqm <= row.high and len(row.curve[-1][1]) == 2 for row in rows)
    monkeypatch.setattr(figures, "HERE", tmp_path)
    (tmp_path / "returns.json").write_text("[]")
    figures.write_returns(rows[:1])
    figures.write_returns(rows)
    assert [*map(repr, figures.returns())] == [*map(repr, json_like(rows))]
    first, second = (np.mean(row.curve[-1][1]) for row in rows)
    assert [row.mean for row in rows] == pytest.approx([first, second])
    *_, told = tables.returns([rows[1]._replace(iqm=-12_345.6)]).splitlines()
    cells = [cell.strip() for cell in told.strip("|").split("|")]
    assert cells[:2] == ["`simple_tag_v3` agent", "PPO"] and cells[3] == "-12,346"
    assert float(cells[5]) == pytest.approx(second, rel=1e-3)
    monkeypatch.setattr(returns, "PICTURES", tmp_path)
    returns.draw(rows)
    assert (tmp_path / "mpe.png").stat().st_size > 10_000


def json_like(rows):
    return [row._replace(curve=[[at, [*each]] for at, each in row.curve]) for row in rows]


def test_an_environment_links_to_the_pages_that_have_it(makers):
    environments, _ = makers
    page = environments.page("CartPole-v1")
    assert "../../parity.md" in page and "../../training.md" in page
    assert "## See also" not in environments.page("causeway_v0")


def test_the_reference_has_what_is_to_be_imported_with_what_it_raises(makers, tmp_path):
    _, reference = makers
    listed = [module for modules in reference.SECTIONS.values() for module in modules]
    assert len(set(listed)) == len(listed)
    reference.write(tmp_path)
    page = (tmp_path / "bridge.sb3.md").read_text()
    assert "{py:function} make_vec_env(id_or_env: Source, num_envs: int | None=None" in page
    assert "- `SeedError`: `seed` is no non-negative integer." in page
    assert "{py:class} Group(name: str, " in (tmp_path / "native.core.md").read_text()
    index = (tmp_path / "index.md").read_text()
    assert all(f"(bridge.{adapter}.md)" in index for adapter in ("gymnasium", "dm_env", "torchrl"))


def test_a_docstring_s_sections_become_lists(makers):
    _, reference = makers
    text = "What.\n\nArgs:\n    a: One,\n        and more.\n    b: Two.\n\nRaises:\n    E: If <x>."
    assert reference.markdown(text) == (
        "What.\n\n**Arguments**\n\n- `a`: One, and more.\n- `b`: Two.\n\n"
        "**Raises**\n\n- `E`: If \\<x>."
    )
