"""The files around the code say what the code and the tools say."""

import configparser
import re
import tomllib
from pathlib import Path

import bridge

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def tox() -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read(ROOT / "tox.ini")
    return parsed


def tox_commands() -> set[str]:
    sections = tox()
    return {
        line
        for name in sections.sections()
        for line in sections[name].get("commands", "").splitlines()
        if line
    }


def tox_environments() -> set[str]:
    """Names in `env_list`, with their braces multiplied out."""
    found = set()
    for line in tox()["tox"]["env_list"].split():
        before, options, after = re.fullmatch(r"([^{]*)(?:\{(.*)\})?(.*)", line).groups()
        found |= {before + option + after for option in (options or "").split(",")}
    return found


def test_the_changelog_begins_with_the_version():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == bridge.__version__


def test_the_version_stands_in_one_place():
    assert "version" in PROJECT["project"]["dynamic"]
    assert "version:" not in (ROOT / "CITATION.cff").read_text().replace("cff-version:", "")


def test_the_citation_has_the_project_s_licence():
    assert f"license: {PROJECT['project']['license']}\n" in (ROOT / "CITATION.cff").read_text()


def test_what_runs_before_a_commit_is_what_tox_runs():
    hooks = re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert {"ruff check .", "ruff format --check .", "mypy"} == set(hooks)
    assert set(hooks) <= tox_commands()


def test_the_workflows_run_what_is_run_here():
    text = "\n".join(path.read_text() for path in WORKFLOWS)
    runs = set(re.findall(r"- run: (.*)", text))
    assert runs == {".ci/run", "pip install tox", "tox run -e ${{ matrix.env }}"}
    in_ci = {"lint", "types", "docs"}  # `.ci/run` runs these
    assert set(re.findall(r"env: ([\w-]+)\}", text)) == tox_environments() - in_ci


def test_contributors_get_the_pinned_tools():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    groups = PROJECT["dependency-groups"]
    assert all(f'"{tool}"' in text for tool in (*groups["lint"], *groups["types"]))
