"""`migrate` on scripts as people write them: what it says, what it edits, and that they then run.

Beside each script in tests/scripts lies the edit that it gets. Where that changed for a good
reason: `pytest tests/test_migrate.py --write-golden`, and read the diff of the diffs.
"""

import ast
import difflib
import re
import runpy
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import pytest

pytest.importorskip("libcst")

from bridge import figures
from bridge.errors import UnsuitableError
from bridge.migrate import migrate
from bridge.migrate.finding import Finding
from native.registry import REGISTRY

FOLDER = Path(__file__).parent / "scripts"
SCRIPTS = sorted(FOLDER.glob("*.py"))
NEEDS = ("gymnasium", "mpe2", "stable_baselines3", "supersuit", "torch")


def edit(before: str, after: str) -> str:
    lines = (text.splitlines(keepends=True) for text in (before, after))
    return "".join(difflib.unified_diff(*lines, n=0))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_gets_the_edit_beside_it(path, request):
    source = path.read_text()
    found = migrate(source, everything=True)
    golden = path.with_suffix(".diff")
    if request.config.getoption("--write-golden"):
        golden.write_text(edit(source, found.source))
    assert edit(source, found.source) == golden.read_text()


@pytest.mark.filterwarnings("ignore")  # scripts are not ours to be strict with
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_the_edited_script_runs(path, tmp_path, monkeypatch, capsys):
    pytest.importorskip("gymnasium", minversion="1.1")
    for library in NEEDS:
        if re.search(rf"^\s*(import|from) {library}\b", path.read_text(), re.MULTILINE):
            pytest.importorskip(library)
    if path.stem == "left_alone":
        pytest.skip("it is the same as before")
    monkeypatch.chdir(tmp_path)
    after = tmp_path / path.name
    after.write_text(migrate(path.read_text(), everything=True).source)
    runpy.run_path(str(after), run_name="__main__")
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_an_edited_script_has_nothing_left_to_edit(path):
    once = migrate(path.read_text(), everything=True).source
    assert migrate(once).source == once
    compile(once, path.name, "exec")


def test_what_is_left_alone_is_named_with_the_reason():
    source = (FOLDER / "left_alone.py").read_text()
    found = migrate(source, everything=True)
    assert found.source == source
    said = [(one.environment, one.notes) for one in found.findings]
    expected = [
        ('f"pettingzoo.{kind}.{name}"', "known only when it runs"),
        ("ALE/Pong-v5", "no native twin"),
        ("cartpole", "no native twin"),
        ("CartPole-v1", "Noisy around each of them"),
        ("", 'not understood: if os.environ.get("HARD"):'),
        ("", "not a list of functions"),
        ("CartPole-v1", ".envs is used"),
        ('os.environ.get("ENV", "CartPole-v1")', "known only when it runs"),
        ("LunarLander-v3", "no native twin"),
    ]
    assert len(said) == len(expected)
    for (environment, notes), (name, reason) in zip(said, expected, strict=True):
        assert environment == name and reason in notes[0]


def only(source: str, **how: bool) -> Finding:
    (finding,) = migrate(source, **how).findings
    return finding


SYNC = """
import gymnasium as gym
envs = gym.vector.SyncVectorEnv([lambda: gym.make({name!r}) for _ in range({n})])
"""


def test_twin_parity_and_speed_are_those_of_the_pages():
    finding = only(SYNC.format(name="CartPole-v1", n=1000))
    row = figures.speed("CartPole-v1", "Gymnasium SyncVectorEnv", 1000)
    assert row.worlds == 1024 and finding.twin == row.task == "CartPole-v1"
    assert finding.speed == f"about {row.ratio:.0f} times (1024 worlds)"
    error = figures.errors("CartPole-v1")[0]
    assert finding.parity.startswith(f"{error.compared}: off by ") and error.dtype == "float32"
    other = only(SYNC.format(name="Acrobot-v1", n=20))
    assert other.speed.endswith("(16 worlds of CartPole-v1)")
    assert (other.twin, other.worlds, other.line) == ("Acrobot-v1", 20, 3)


def test_the_pages_have_what_the_command_looks_for():
    compared = {name for name in REGISTRY if figures.errors(name)}
    assert {"Acrobot-v1", "CartPole-v1", "MountainCar-v0", "Pendulum-v1"} <= compared
    peers = [
        *("Gymnasium SyncVectorEnv", "Gymnasium AsyncVectorEnv", "Gymnasium CartPoleVectorEnv"),
        *("SB3 DummyVecEnv", "SB3 SubprocVecEnv", "mpe2 parallel_env"),
        "SuperSuit concat_vec_envs_v1 of mpe2",
    ]
    for peer in peers:
        assert figures.speed("CartPole-v1", peer, 16) is not None, peer
    assert figures.speed("CartPole-v1", "no such peer", 16) is None


@pytest.mark.parametrize(
    "line",
    ['env = gym.make("CartPole-v1")', 'envs = gym.make_vec("CartPole-v1", num_envs=8)'],
)
def test_what_would_be_slower_is_left_alone_unless_all_is_wanted(line):
    source = f"import gymnasium as gym\n{line}\n"
    finding = only(source)
    assert not finding.edits and finding.notes == ("slower: --all edits it",)
    assert only(source, everything=True).edits


def test_nothing_is_run():
    migrate("from . import simple_tag_v3\nfrom .mpe2 import simple_tag_v3\nfrom mpe2 import *\n")
    migrate("raise SystemExit\nimport no_such_module\nopen('/nonexistent')\n")


def test_bytes_elsewhere_stay_as_they_are():
    source = "# \u00e9\r\nimport gymnasium\r\n\r\n"
    source += 'x = "\u2028" ; \te = gymnasium.make_vec("Acrobot-v1",\r\n 3)'
    after = migrate(source).source
    assert after == source.replace(
        '"Acrobot-v1",\r\n 3', '"bridge.gymnasium:native/Acrobot-v1", num_envs=3'
    )


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('import gymnasium as g\ng.make_vec("Acrobot-v1", 3, wrappers=[])\n', "wrappers"),
        ('import gymnasium as g\ng.make_vec("Acrobot-v1", 3, colour=1)\n', "no 'colour'"),
        ("import gymnasium as g\ng.make_vec(*args)\n", "arguments"),
        (SYNC.format(name="Acrobot-v1", n=2).replace(")])", ")], observation_mode=2)"), "observ"),
        (
            "import gymnasium as gym\ndef f():\n    e = gym.make('Acrobot-v1')\n"
            "    e.reset(seed=1 + 2)\n    return e\ngym.vector.SyncVectorEnv([f])\n",
            "seeds that are not understood",
        ),
        ("import gym\nenv = gym.make('CartPole-v1')\n", "four values or five"),
        (
            "import gym\nenv = gym.make('CartPole-v1')\na, b, c, d = env.step(0)\ngym.envs.x()\n",
            "gym.envs",
        ),
        ("from gym import make\nenv = make('CartPole-v1')\n", "as a whole"),
        ("from mpe2 import simple_tag_v3\nsimple_tag_v3.env(benchmark_data=True)\n", "benchmark"),
        ("from pettingzoo.mpe import simple_tag_v2\nsimple_tag_v2.env()\n", "no native twin"),
        ("import os, mpe2.simple_tag_v3 as t\nt.env()\n", "same line"),
        ("import mpe2.simple_tag_v3\nmpe2.simple_tag_v3.env()\n", "from bridge.mpe import"),
        (
            "from stable_baselines3.common.env_util import make_vec_env as m\n"
            "m('CartPole-v1', 8, wrapper_class=W)\n",
            "wrapper_class",
        ),
        (
            "from stable_baselines3.common.env_util import make_vec_env as m\n"
            "m('CartPole-v1', 8, env_kwargs=given)\n",
            "env_kwargs",
        ),
    ],
)
def test_what_has_no_counterpart_is_said(source, reason):
    found = migrate(source, everything=True)
    assert found.source == source
    assert any(reason in note for one in found.findings for note in one.notes), found.findings


def test_no_python_is_an_error_that_says_where():
    with pytest.raises(UnsuitableError, match="line 2"):
        migrate("x = 1\nprint 'hello'\n")


def call(*arguments: object) -> tuple[int, str]:
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from bridge.cli import app

    result = CliRunner().invoke(app, ["migrate", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_command_shows_prints_and_writes(tmp_path):
    source = SYNC.format(name="CartPole-v1", n=64)
    script, other = tmp_path / "script.py", tmp_path / "empty.py"
    script.write_text(source)
    other.write_text("x = 1\n")
    code, said = call(script, other)
    assert code == 0 and script.read_text() == source
    for word in ("SyncVectorEnv", "CartPole-v1", "off by", "about", "edited", "nothing that makes"):
        assert word in said
    code, said = call("--diff", script)
    assert code == 0 and script.read_text() == source
    assert '+envs = gym.make_vec("bridge.gymnasium:native/CartPole-v1", num_envs=64)' in said
    code, said = call("--write", script)
    assert code == 0 and "written" in said
    assert script.read_text() == migrate(source).source != source


def test_the_command_refuses_in_one_line(tmp_path):
    (tmp_path / "wrong.py").write_text("print 1\n")
    for name, reason in (("missing.py", "no file"), ("wrong.py", "no Python")):
        code, said = call(tmp_path / name)
        assert code == 2 and reason in said and name in said and "Traceback" not in said


def test_without_libcst_it_says_what_to_install():
    code = """
        import sys
        sys.modules["libcst"] = None
        try:
            import bridge.migrate
        except ImportError as error:
            assert str(error).endswith("pip install 'jitbridge[migrate]'"), error
        else:
            raise AssertionError
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_a_last_line_needs_no_end():
    source = (
        "import gymnasium as gym\ndef f():\n    env = gym.make('Acrobot-v1')\n"
        "    return gym.wrappers.RecordEpisodeStatistics(env)\n"
        "envs = gym.vector.SyncVectorEnv([f, f])"
    )
    assert migrate(source).source.splitlines()[-2:] == [
        'envs = gym.make_vec("bridge.gymnasium:native/Acrobot-v1", num_envs=2)',
        "envs = gym.wrappers.vector.RecordEpisodeStatistics(envs)",
    ]


MAKES = SYNC.format(name="Acrobot-v1", n=4)


def test_a_folder_is_read_whole_and_what_cannot_be_read_is_said(tmp_path):
    for name in ("a.py", "deep/b.py", ".hidden/c.py", "venv/d.py", "deep/__pycache__/e.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(MAKES)
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    (tmp_path / "deep" / "a_first.py").write_text("print 1\n")
    (tmp_path / "empty.py").touch()
    (tmp_path / "notes.txt").write_text("print 1\n")
    code, said = call("--write", tmp_path)
    assert code == 2 and "a_first.py: no Python" in said and "Traceback" not in said
    assert "3 of 4 scripts read" in said.replace("\n", " ") and "empty.py" not in said
    changed = {path.name for path in tmp_path.rglob("*.py") if "make_vec" in path.read_text()}
    assert changed == {"a.py", "b.py"}


def test_it_says_of_no_script_that_it_was_changed_that_was_not(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(MAKES)
    assert "can be edited" in call(path)[1] and path.read_text() == MAKES
    said = call("--write", path)[1]
    assert "edited" in said and "can be" not in said
    said = call("--write", path)[1]
    assert " edited " not in said and "written" not in said


def test_a_script_keeps_its_encoding_and_its_mode(tmp_path):
    for number, (encoding, cookie) in enumerate(
        [
            ("latin-1", "# -*- coding: latin-1 -*-\n"),
            ("cp1252", "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n"),
            ("utf-8-sig", ""),
            ("shift_jis", "# coding: shift_jis\n"),
        ]
    ):
        path = tmp_path / f"{number}.py"
        text = cookie + ("# \u30c6\r\n" if "jis" in encoding else "# \u00e9\r\n") + MAKES
        path.write_bytes(text.encode(encoding))
        path.chmod(0o750)
        code, _ = call("--write", path)
        assert code == 0 and path.stat().st_mode & 0o777 == 0o750
        assert path.read_bytes() == migrate(text).source.encode(encoding)
        assert migrate(text).source != text


@pytest.mark.parametrize(
    "data",
    [
        b"x = '\xe9'\n",
        b"# coding: no-such-thing\n",
        b"# coding: rot13\n",
        b"# coding: utf-16\nx = 1\n",
        b"\xff\xfex\x00",
        b"\xef\xbb\xbf# coding: latin-1\n",
        b"x = 1\x00\n",
        b"# coding: utf-7\nx = '+AOk-'\n",
        b"# coding: ascii\nx = '\xc3\xa9'\n",
    ],
)
def test_bytes_that_are_no_text_are_refused_in_one_line(tmp_path, data):
    path = tmp_path / "wrong.py"
    path.write_bytes(data)
    code, said = call("--write", path)
    assert path.read_bytes() == data
    if data != b"# coding: utf-7\nx = '+AOk-'\n":
        assert code == 2 and "wrong.py: " in said and "Traceback" not in said


def test_what_cannot_be_written_stays_as_it_is(tmp_path, monkeypatch):
    path = tmp_path / "a.py"
    path.write_text(MAKES)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    code, said = call("--write", path)
    assert code == 2 and "a.py: cannot be written: No space left" in said
    assert path.read_text() == MAKES and [*tmp_path.iterdir()] == [path]


NESTED = {
    "brackets": "x = " + "(" * 3000 + "1" + ")" * 3000,
    "lists": "x = " + "[" * 150 + "1" + "]" * 150,
    "calls": "x = " + "f(" * 5000 + "1" + ")" * 5000,
    "signs": "x = " + "-" * 10_000 + "1",
    "sums": "x = " + "1 + " * 3000 + "1",
    "attributes": "x = a" + ".a" * 50_000,
    "branches": "if a:\n    pass\n" + "elif a:\n    pass\n" * 2000,
    "lambdas": "x = " + "lambda: " * 4000 + "1",
    "strings": "x = (" + "'a' " * 20_000 + ")",
}


@pytest.mark.parametrize("kind", NESTED)
def test_deep_nesting_ends_no_process(kind):
    code = """
        import sys
        from bridge.errors import UnsuitableError
        from bridge.migrate import migrate
        try:
            migrate(sys.stdin.read())
        except UnsuitableError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, input=NESTED[kind], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nested too deeply" in done.stdout or kind == "strings"


def test_nesting_that_people_write_is_read():
    source = MAKES + "x = " + "[f(" * 30 + "1" + ")]" * 30 + "\n" + "y = " + "1 + " * 90 + "1\n"
    assert migrate(source).source == migrate(MAKES).source + source[len(MAKES) :]


ODD = [  # expressions where scripts have the name of an environment, or a number
    *("10**5000", "0x" + "f" * 5000, "1_000", "1e400", "3j", "...", "b'CartPole-v1'", "None"),
    *(
        "['CartPole-v1']",
        "{'a': []}",
        "{[]: 1}",
        "{{}}",
        "-'a'",
        "'\\d'",
        "'\\ud800'",
        "f'{f\"{1}\"}'",
    ),
    *("'a' 'b'", "'''a\nb'''", "r'\\'", "rb'a'", "u'a'", "(yield)", "*a", "a := 1", "lambda: 1"),
    *(
        "True",
        "'' or 'CartPole-v1'",
        "not 1",
        "1 if 2 else 3",
        "()",
        "'\\N{DASH}'",
        "0777",
        "1" * 5000,
    ),
    *(
        "'[red]'",
        "'\\x00'",
        "'\\r'",
        "'CartPole-v1'.lower()",
        "[*a][0]",
        "x[1:2, ...]",
        "await f()",
    ),
]


@pytest.mark.parametrize("odd", ODD)
def test_odd_expressions_crash_nothing(odd, tmp_path):
    texts = [
        f"import gymnasium as gym\ngym.make({odd})\n",
        f"import gymnasium as gym\nenv = gym.make_vec('Acrobot-v1', {odd})\n",
        f"import gymnasium as g\nn = {odd}\ng.vector.SyncVectorEnv([lambda: g.make(n)] * n)\n",
        "from stable_baselines3.common.env_util import make_vec_env as m\n"
        f"m('Acrobot-v1', {odd}, env_kwargs={{'render_mode': {odd}}})\n",
        f"import gymnasium as gym\nenv = gym.make('CartPole-v1')\nenv.reset(options={odd})\n",
    ]
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.py"
        path.write_text(text)
        code, said = call("--all", path)
        assert code in (0, 2), said
        code, said = call("--all", "--write", path)
        if code == 0:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse(path.read_text())
