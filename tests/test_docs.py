"""What README and docs say is run; every example is run; what CI runs is what README says."""

import contextlib
import io
import json
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
PAGES = [*(ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING"))]
PAGES += sorted((ROOT / "docs").glob("*.md"))
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


pytestmark = pytest.mark.usefixtures("promotion_as_users_have_it")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page, without their indentation."""
    return [
        re.sub(f"^{indent}", "", code, flags=re.MULTILINE)
        for indent, kind, code in BLOCK.findall(page.read_text())
        if kind == language
    ]


# torch's ONNX exporter warns of its own use of torch
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
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


def shown_output(command: str) -> list[str]:
    """The lines that docs/command_line.md shows below a command; none if it shows none."""
    page = (ROOT / "docs" / "command_line.md").read_text()
    below = re.search(
        rf"^```sh\n{re.escape(command)}\n```\n\n```text\n(.*?)^```$", page, re.DOTALL | re.MULTILINE
    )
    return below[1].splitlines() if below else []


def assert_shown(output: str, lines: list[str]) -> None:
    """The lines stand in the output in this order; `...` and runs of spaces stand for anything."""
    rest = [" ".join(line.split()) for line in output.splitlines()]
    for line in lines:
        pattern = ".*".join(re.escape(" ".join(part.split())) for part in line.split("..."))
        for number, said in enumerate(rest):
            if re.fullmatch(pattern, said):
                rest = rest[number + 1 :]
                break
        else:
            raise AssertionError(f"{line!r} is not in what follows:\n" + "\n".join(rest))


def is_long(command: str) -> bool:
    """Other tests take these ways in less time."""
    ways = (" bench ", " train gigastep", " --team ", " --resume", " runs/", " support ", " check ")
    ways += (" --set ", " --sweep ", "simple_tag_v3 --learner device", "DeepSea")
    return any(way in command for way in ways)


@pytest.mark.parametrize(
    "command",
    [pytest.param(line, marks=[pytest.mark.long] * is_long(line)) for line in commands()],
)
def test_the_commands_on_the_pages_run(command, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from bridge.cli import app

    if " experiment" in command or " tournament " in command:
        pytest.importorskip("omegaconf")
    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(command.removeprefix("python -m bridge"))
    if any(
        word in command for word in (" train ", " runs/", " experiment ")
    ):  # here only that it runs
        monkeypatch.setattr("bridge.training.evaluation.EPISODES", 4)
        monkeypatch.setattr("bridge.training.playing.FILMED_STEPS", 5)
        monkeypatch.setattr("bridge.training.board.INSTALLED", False)  # as after the set-up
    if " train.py" in command:
        script, *_ = blocks(ROOT / "docs" / "command_line.md", "python")
        Path("train.py").write_text(script)
    few = ["--steps", "256", "--num-envs", "2"]
    if " runs/" in command or "--resume" in command:  # what an earlier command left behind
        CliRunner().invoke(app, ["train", "CartPole-v1", *few, "--steps", "64"])
    if arguments[0] == "train":
        arguments += few[:2] if "es" in arguments else few  # of worlds evolution has its own number
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0 or "No better than random" in result.output, result.output
    assert_shown(result.output, shown_output(command))


def test_every_command_has_an_example():
    from typer.main import get_command

    from bridge.cli import app

    page = (ROOT / "docs" / "command_line.md").read_text()
    for name in get_command(app).commands:
        assert f"\n## {name}\n" in page and re.search(f"python -m bridge {name}\\b", page), name
        assert f"| `{name}" in page, name


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(notebook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = [cell for cell in json.loads(notebook.read_text())["cells"] if "outputs" in cell]
    module = types.ModuleType(notebook.stem)
    for number, cell in enumerate(cells):
        assert cell["outputs"] == [] and cell["execution_count"] is None
        code = "".join(cell["source"])
        exec(compile(code, f"{notebook.name}, cell {number}", "exec"), vars(module))
    sys.modules["matplotlib.pyplot"].close("all")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_alone_and_prints_something(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quick = ["--quick"] if "--quick" in example.read_text() else []
    monkeypatch.setattr(sys, "argv", [str(example), *quick])
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
