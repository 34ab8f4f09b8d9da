"""Whole runs with RLlib on Ray, in their short form, and what the page says of them."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray.rllib")
yaml = pytest.importorskip("yaml")

from bridge.bench import scaling_out

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "scaling_out.md").read_text()
SAID = {
    "cartpole": ["1: "],
    "spread": ["1: -"],
    "tag": ["policies: adversary agent", "1: adversary"],
    "cluster": ["2 nodes", "2 runners on 2 nodes", "a runner is killed", "4: "],
    "sweep": ["lr 0.0001, gamma 0.99: ", "lr 0.001, gamma 0.99: ", "best: "],
}
ENVIRON = {"OMP_NUM_THREADS": "1", "RAY_DISABLE_IMPORT_WARNING": "1", "PYTHONUNBUFFERED": "1"}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_every_script_is_tested():
    assert {path.stem for path in (ROOT / "examples" / "rllib").glob("*.py")} == {*SAID}


@pytest.mark.long
@pytest.mark.parametrize("script", SAID)
def test_a_script_runs_to_its_end(script):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "ignore", f"examples/rllib/{script}.py", "--short"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **ENVIRON, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    lines = done.stdout.splitlines()
    for said in SAID[script]:
        assert any(line.startswith(said) for line in lines), (said, lines)


def test_the_python_about_rllib_on_the_page_runs():
    given = {}
    for code in blocks("py"):
        exec(code, given)
    assert given["config"].env_runner_cls.__name__ == "SingleAgentRunner"


def test_the_script_for_slurm_is_one(tmp_path):
    (script,) = [code for code in blocks("sh") if "#SBATCH" in code]
    (tmp_path / "job.sh").write_text(script)
    subprocess.run(["bash", "-n", str(tmp_path / "job.sh")], check=True)


def test_the_manifest_for_kubernetes_has_what_kuberay_asks_for():
    (text,) = blocks("yaml")
    job = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        (container,) = group["template"]["spec"]["containers"]
        assert container["image"] and container["resources"]["limits"]
        assert group["rayStartParams"] == {}
    assert all(group["groupName"] and group["replicas"] for group in groups[1:])


@pytest.mark.long
def test_the_suite_of_bench_runs():
    said = []
    report = scaling_out.suite(True, said.append)
    rows = report.to_json()["rows"]
    learns = importlib.util.find_spec("optax") is not None
    measured = ["processes"] * learns + ["runner"] * 2 + ["actor"] * 3
    assert [row["against"] for row in rows] == measured and said
    assert all(row["env-steps/s"] > 0 and row["env-steps/CPU-s"] > 0 for row in rows)
    assert [row["against one"] for row in rows[:-2]] == [1] * (len(rows) - 2)
    assert [row["how"] for row in rows[-3:]] == [
        *(scaling_out.HERE, scaling_out.COUNTING, scaling_out.HANDING)
    ]
    assert not learns or rows[0]["learner-steps/s"] > 0
    assert any("processes" in note for note in report.notes if "Left out" in note) != learns
