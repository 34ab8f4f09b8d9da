"""What README and docs say is run; every example is run; what CI runs is what README says."""

import contextlib
import io
import os
import re
import runpy
import shlex
import sys
import types
from pathlib import Path

import pytest

pytest.importorskip("stable_baselines3")  # README and docs use every library
pytest.importorskip("supersuit")
pytest.importorskip("typer")
pytest.importorskip("gymnasium", minversion="1.1")  # which make_vec by name wants

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page, without their indentation."""
    return [
        re.sub(f"^{indent}", "", code, flags=re.MULTILINE)
        for indent, kind, code in BLOCK.findall(page.read_text())
        if kind == language
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_on_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType(page.stem)
    monkeypatch.setitem(sys.modules, page.stem, module)  # what a page defines can be pickled
    for number, code in enumerate(blocks(page, "python")):
        exec(compile(code, f"{page.name}, block {number}", "exec"), vars(module))


def commands() -> list[str]:
    lines = [line for page in PAGES for code in blocks(page, "sh") for line in code.splitlines()]
    return sorted({line.split("  #")[0].strip() for line in lines if "python -m bridge" in line})


def is_long(command: str) -> bool:
    """Other tests take these ways in less time."""
    ways = (" bench ", " train gigastep", " --team ", " --resume", " runs/")
    return any(way in command for way in ways)


@pytest.mark.parametrize(
    "command",
    [pytest.param(line, marks=[pytest.mark.long] * is_long(line)) for line in commands()],
)
def test_the_commands_on_the_pages_run(command, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from bridge.cli import app

    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(command.removeprefix("python -m bridge"))
    if any(word in command for word in (" train ", " runs/")):  # here only that it runs
        monkeypatch.setattr("bridge.training.evaluation.EPISODES", 4)
        monkeypatch.setattr("bridge.training.playing.FILMED_STEPS", 5)
    few = ["--steps", "256", "--num-envs", "2"]
    if " runs/" in command or "--resume" in command:  # what an earlier command left behind
        CliRunner().invoke(app, ["train", "CartPole-v1", *few, "--steps", "64"])
    if arguments[0] == "train":
        arguments += few
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0 or "No better than random" in result.output, result.output


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_alone_and_prints_something(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        runpy.run_path(str(example), run_name="__main__")
    assert out.getvalue().strip()


def test_the_links_between_the_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_ci_runs_the_set_up_and_the_tests_of_the_readme():
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    for mark in ("<!-- set-up for the tests -->", "<!-- the tests -->"):
        assert mark in readme and mark in ci
        assert re.search(re.escape(mark) + r"\n```sh\n\w", readme)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
