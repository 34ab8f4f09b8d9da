"""The pairs in examples/migrating: what `migrate` makes of one is the other, and both do the same.

`python tests/pairs.py` prints the table of docs/migrating.md, as measured then and there.
"""

import sys

import jax
import numpy as np
import pytest
from pairs import FOLDER, NAMES, OLD, STAND_IN, difference, play, play_apart

NEEDS = {
    **dict.fromkeys(("sb3_dummy", "sb3_subproc", "sb3_wrappers"), ("stable_baselines3",)),
    **dict.fromkeys(("pettingzoo_parallel", "pettingzoo_aec"), ("mpe2",)),
    "supersuit_pipeline": ("stable_baselines3", "supersuit", "mpe2"),
    "cleanrl_ppo": ("torch",),
    "dm_env_loop": ("dm_env",),
    "bsuite_experiment": ("bsuite",),
    "minatar_loop": ("minatar",),
    "gymnax_scan": ("gymnax",),
    "rllib_pettingzoo": ("ray.rllib", "mpe2"),
    "torchrl_collector": ("torchrl",),
}
BY_HAND = ("torchrl_collector",)  # the command names it and leaves it alone
PROCESSES = ("async_vector", "sb3_subproc")  # which fork, and JAX has threads
LONG = ("sb3_subproc", "sb3_wrappers", "async_vector")  # become what sb3_dummy, sync_vector do
WRITTEN = 2  # lines, at most


def test_every_pair_is_one():
    before = {path.stem for path in (FOLDER / "before").glob("*.py")}
    assert before == {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_one_or_two_lines_are_written(name):
    written = [line for line in difference(name) if line.startswith("+")]
    assert 1 <= len(written) <= WRITTEN


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BY_HAND])
def test_the_command_makes_one_of_the_other(name):
    pytest.importorskip("libcst")
    from bridge.migrate import migrate

    before, after = ((FOLDER / when / f"{name}.py").read_text() for when in ("before", "after"))
    assert migrate(before, everything=True).source == after


@pytest.mark.filterwarnings("ignore")  # theirs are not ours to be strict with
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.long] * (name in LONG)) for name in NAMES],
)
def test_both_find_the_same(name, tmp_path, monkeypatch):
    pytest.importorskip("gymnasium", minversion="1.1")
    for library in NEEDS.get(name, ()):
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    if name == OLD:
        monkeypatch.syspath_prepend(str(STAND_IN))
        monkeypatch.setitem(sys.modules, "gym", None)
        del sys.modules["gym"]  # the stand-in will be found, and forgotten
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        before = (play_apart if name in PROCESSES else play)(FOLDER / "before" / f"{name}.py")
        after = play(FOLDER / "after" / f"{name}.py")
    assert before["spaces"] == after["spaces"]
    assert {*before["infos"]} <= {*after["infos"]}
    assert alike(before["returns"], after["returns"])


def alike(theirs: list[float], ours: list[float]) -> bool:
    """Whether two means differ by no more than chance lets them: five standard errors."""
    one, other = np.asarray(theirs), np.asarray(ours)
    assert len(one) > 4 and len(other) > 4
    error = np.sqrt(one.var() / len(one) + other.var() / len(other))
    return bool(abs(one.mean() - other.mean()) <= 5 * error + 1e-6)
