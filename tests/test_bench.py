"""The benchmark: what it times has happened, what it counts was alive, and it says where it ran."""

import dataclasses
import functools
import io
import itertools
import json
import os
import subprocess
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bridge import session
from bridge.bench import (
    adapters,
    gigastep,
    interfaces,
    megastep,
    memory,
    parameters,
    play,
    report,
    rollout,
    scaling,
    stages,
    startup,
    suites,
    timing,
)
from bridge.bench.play import Bare, UnfairError
from bridge.bench.report import Plot, Report
from bridge.bench.timing import Contender, alternate
from bridge.errors import BridgeError, MissingExtraError, UnknownNameError, UnsuitableError
from bridge.programs import programs
from native.batch import Autoreset
from native.registry import REGISTRY, make


def contender(run, name="it", **fields):
    known = {"env_steps": 10, "agent_steps": 30, "first_call_s": 1.0}
    return Contender(name, run, **(known | fields))


@pytest.fixture
def slow_program():
    """Dispatched in no time, done after some milliseconds."""
    square = jnp.full((200, 200), 1 / 200)
    compiled = jax.jit(lambda x: jax.lax.fori_loop(0, 40, lambda _, y: y @ square, x))
    jax.block_until_ready(compiled(square))
    return lambda: compiled(square)


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the contenders move."""

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
    return clock


class TestTiming:
    @pytest.mark.parametrize("kept", [True, False])
    def test_work_that_is_only_dispatched_is_waited_for(self, slow_program, kept):
        results = []

        def waits(iterations):
            for _ in range(iterations):
                jax.block_until_ready(slow_program())

        def forgets(iterations):
            for _ in range(iterations):
                results[:] = [slow_program()]
                if not kept:
                    results.clear()

        both = [contender(waits, "waits"), contender(forgets, "forgets")]
        honest, forgetful = alternate(both, rounds=5, seconds=0.02)
        assert forgetful.median_s > honest.median_s / 2

    def test_nobody_pays_for_what_was_running_before(self, clock, monkeypatch):
        pending = [0.0]

        def wait():
            clock.now += pending[0]
            pending[0] = 0.0

        def run(iterations):
            clock.now += iterations

        monkeypatch.setattr(timing, "wait_for_device", wait)
        (timed,) = alternate(
            [contender(run)],
            rounds=3,
            seconds=1,
            progress=lambda _: pending.append(pending.pop() + 9),
        )
        assert timed.median_s == 1

    def test_work_left_running_by_one_is_not_paid_by_the_next(self, clock, monkeypatch):
        pending = [0.0]

        def wait():
            clock.now += pending[0]
            pending[0] = 0.0

        monkeypatch.setattr(timing, "wait_for_device", wait)

        def dispatches(iterations):
            pending[0] += iterations

        def works(iterations):
            clock.now += iterations

        both = [contender(dispatches, "dispatches"), contender(works, "works")]
        for timed in alternate(both, rounds=4, seconds=3):
            assert (timed.median_s, timed.low_s, timed.high_s) == (1, 1, 1)

    def test_the_first_call_is_in_no_block(self, clock):
        blocks = []

        def run(iterations):
            clock.now += iterations * 0.01 if blocks else 100.0
            blocks.append(iterations)

        (timed,) = alternate([contender(run, first_call_s=100.0)], rounds=5, seconds=0.5)
        assert timed.high_s == pytest.approx(0.01)
        assert timed.first_call_s == 100.0
        assert blocks[-1] == 50  # nor does it say how many fill one

    @pytest.mark.parametrize("each", [1e-6, 1e-3, 0.3, 5.0])
    def test_a_block_takes_as_long_as_asked_or_one_iteration(self, clock, each):
        blocks = []

        def run(iterations):
            blocks.append(iterations)
            clock.now += iterations * each

        alternate([contender(run)], rounds=3, seconds=0.1)
        assert len(set(blocks[-3:])) == 1
        assert blocks[-1] == max(1, round(0.1 / each))

    @pytest.mark.parametrize(("period", "filled"), [(1, 10), (4, 8), (26, 26)])
    def test_a_block_is_whole_periods(self, clock, period, filled):
        blocks = []

        def run(iterations):
            blocks.append(iterations)
            clock.now += iterations

        alternate([contender(run, period=period)], rounds=3, seconds=10)
        assert blocks[-3:] == [filled] * 3

    def test_blocks_alternate_and_nobody_has_a_place_of_its_own(self, clock):
        names, heard = "abc", []

        def run(iterations):
            clock.now += iterations

        crowd = [contender(run, name) for name in names]
        alternate(crowd, rounds=6, seconds=1, progress=heard.append)
        turns = [tuple(heard[i : i + 3]) for i in range(0, 18, 3)]
        assert all(sorted(turn) == list(names) for turn in turns)
        for place in range(3):
            assert sorted(turn[place] for turn in turns) == sorted(names * 2)

    def test_medians_quartiles_and_rates(self, clock):
        # Two blocks find out how many; then the five that count.
        lengths = iter([2.0, 2.0, 1.0, 2.0, 3.0, 4.0, 90.0])

        def run(iterations):
            assert iterations == 1
            clock.now += next(lengths)

        (timed,) = alternate([contender(run)], rounds=5, seconds=2)
        assert (timed.low_s, timed.median_s, timed.high_s) == (2, 3, 4)
        assert timed.spread == pytest.approx(2 / 3)
        assert timed.env_steps_per_s == pytest.approx(10 / 3)
        assert timed.agent_steps_per_s == pytest.approx(10)
        assert timed.rounds == 5

    def test_all_are_closed_even_if_one_fails(self, clock):
        closed = []

        def works(iterations):
            clock.now += iterations

        def fails(iterations):
            raise ValueError(iterations)

        both = [
            contender(run, run.__name__, close=functools.partial(closed.append, run.__name__))
            for run in (works, fails)
        ]
        with pytest.raises(ValueError, match="1"):
            alternate(both, rounds=2, seconds=1)
        assert closed == ["works", "fails"]

    def test_what_takes_no_time_does_nothing(self):
        with pytest.raises(UnsuitableError, match=r"it: .* run\(n\) must do n"):
            alternate([contender(abs)], rounds=2, seconds=1)

    def test_rounds_can_be_told_from_outside(self, clock):
        def run(iterations):
            clock.now += iterations

        with timing.all_with(7):
            (timed,) = alternate([contender(run)], rounds=3)
        (again,) = alternate([contender(run)], rounds=3)
        assert (timed.rounds, again.rounds) == (7, 3)

    @pytest.mark.parametrize(
        ("names", "rounds", "message"),
        [("aa", 3, "different names"), ("", 3, "different names"), ("ab", 1, "at least 2")],
    )
    def test_refuses_what_cannot_be_compared(self, names, rounds, message):
        with pytest.raises(UnsuitableError, match=message):
            alternate([contender(abs, name) for name in names], rounds=rounds)


class TestLive:
    """Only transitions count, and a dead row is an error."""

    @pytest.mark.parametrize(
        ("mode", "share", "period"),
        [("NEXT_STEP", 4 / 5, 5), ("SAME_STEP", 1, 4), ("DISABLED", 1, 4)],
    )
    def test_steps_that_only_begin_again_do_not_count(self, mode, share, period):
        env = make("simple_spread_v3", horizon=4)
        joint = play.joint_actions(env, 3)
        live = play.count_live(Bare(env, Autoreset[mode], 3), joint, steps=40)
        assert live == play.Live(pytest.approx(3 * share), pytest.approx(9 * share), period)

    def test_agents_that_have_ended_do_not_count(self):
        env = make("causeway_v0")
        live = play.count_live(Bare(env, Autoreset.SAME_STEP, 32), play.joint_actions(env, 32))
        assert (live.env_steps, live.period) == (32, 1)
        assert 32 < live.agent_steps < 3 * 32

    def test_an_episode_that_nothing_begins_again_is_an_error(self):
        env = make("CartPole-v1", horizon=5)
        batch = Bare(env, Autoreset.DISABLED, 8)
        batch.restart = id
        with pytest.raises(UnfairError, match="of 8 of 8 rows has ended and nothing begins"):
            play.count_live(batch, play.joint_actions(env, 8))

    def test_so_it_is_in_a_trajectory(self):
        played = rollout.Trajectories(make("CartPole-v1", horizon=5), 8, 16)
        played._watch = lambda now, _: (now, jnp.zeros((16, 8, 1), bool))
        with pytest.raises(UnfairError, match="nothing begins it"):
            played.count_live()

    def test_transitions_tells_the_three_kinds_of_rows_apart(self):
        before = np.array([[1, 1], [1, 0], [0, 0]], bool)
        assert play.transitions(before, np.array([[1, 1], [0, 0], [1, 1]], bool)) == (2, 3)
        with pytest.raises(UnfairError, match=r"1 of 3 rows .* first is row 2"):
            play.transitions(before, np.array([[1, 1], [0, 0], [0, 0]], bool))

    def test_only_agents_that_act_count_in_a_trajectory(self):
        live = rollout.Trajectories(make("causeway_v0"), 8, 60).count_live()
        assert live.env_steps == 8 * 60
        assert live.env_steps < live.agent_steps < live.env_steps * 3

    def test_endings_are_staggered_or_refused(self):
        far = dataclasses.replace(make("CartPole-v1").params, track=1e9, tilt=1e9)
        for horizon in (adapters.PERIOD, None):
            env = make("CartPole-v1", params=far, horizon=horizon)
            batch = Bare(env, Autoreset.SAME_STEP, 40)
            joint = play.joint_actions(env, 40)
            if horizon is None:
                with pytest.raises(UnfairError, match=r"0\.0% of the rows"):
                    adapters.endings_staggered(batch, joint)
            else:
                assert adapters.endings_staggered(batch, joint) == play.Live(40, 40)
                for _ in range(30):
                    assert np.asarray(batch.step(joint[0]).over).sum() == 2


def played(rows, **rules):
    env = make("simple_spread_v3", **rules)
    joint = [{"agent": actions["agent"][:rows]} for actions in play.joint_actions(env, 6)]
    return play.bare(Bare(env, Autoreset.SAME_STEP, rows), joint)


@pytest.fixture(scope="module")
def reference():
    return played(6, horizon=9)


class TestTheSame:
    """An interface is timed only if it does what its bare batch does."""

    def test_the_same_batch_passes(self, reference):
        play.see_the_same("it", played(6, horizon=9), reference)

    def test_work_left_out_is_seen(self, reference):
        other, shown, turn = played(6, horizon=9), [], itertools.count()

        def lazy(action):  # shows every other step twice
            shown[:] = [other.step(action)] if next(turn) % 2 == 0 else shown
            return shown[0]

        with pytest.raises(UnfairError, match="it: in step 1 15 of 18 rewards"):
            play.see_the_same("it", dataclasses.replace(other, step=lazy), reference)

    def test_other_actions_are_seen(self, reference):
        other = played(6, horizon=9)
        other = dataclasses.replace(other, actions=other.actions[::-1])
        with pytest.raises(UnfairError, match="it: in step 1"):
            play.see_the_same("it", other, reference)

    @pytest.mark.parametrize("horizon", [None, 8])
    def test_episodes_of_another_length_are_seen(self, reference, horizon):
        with pytest.raises(UnfairError, match=f"it: in step {8 if horizon is None else 7}"):
            play.see_the_same("it", played(6, horizon=horizon), reference)

    def test_fewer_rows_are_seen(self, reference):
        with pytest.raises(UnfairError, match=r"it: rewards \(5, 3\), not \(6, 3\)"):
            play.see_the_same("it", played(5, horizon=9), reference)

    @pytest.mark.parametrize("interface", interfaces.INTERFACES, ids=lambda one: one.name)
    def test_every_interface_plays_what_the_bare_batch_plays(self, interface):
        pytest.importorskip(interface.module)
        env = make(adapters.ENVIRONMENTS[0 if interface.one_agent else 1])
        rows = 2 if interface.many else 1
        assert interface.suits(env, rows)
        joint = play.joint_actions(env, rows)
        actions = interfaces.spelled(interface, env, rows, joint)
        made = interfaces.through(interface, env, rows, actions)
        play.see_the_same("it", made, play.bare(Bare(env, interface.autoreset, rows), joint))
        if made.close is not None:
            made.close()

    def test_actions_differ_and_cover_the_space(self):
        joint = play.joint_actions(make("simple_spread_v3"), 64)
        assert len({actions["agent"].tobytes() for actions in joint}) == play.ACTIONS
        assert {*np.unique([actions["agent"] for actions in joint])} == {0, 1, 2, 3, 4}

    def test_the_bare_step_ends_with_the_reward_on_the_host(self, monkeypatch):
        seen, view = [], np.asarray
        env = make("CartPole-v1")
        batch = Bare(env, Autoreset.NEXT_STEP, 4)
        batch.begin()
        joint = play.joint_actions(env, 4)
        batch.step(joint[0])  # JAX too uses NumPy where it compiles
        monkeypatch.setattr(play.np, "asarray", lambda array: seen.append(array) or view(array))
        shown = batch.step(joint[0])
        assert len(seen) == 1 and seen[0] is shown.timestep.reward


class TestMemory:
    def test_a_leak_is_seen(self):
        kept = []
        assert memory.growth(lambda: kept.append(jnp.arange(8)), 10) == (10 * 32, 10)

    def test_no_leak_is_seen_where_there_is_none(self):
        kept = [None]

        def step():
            kept[0] = jnp.arange(8)

        assert memory.growth(step, 10) == (0, 0)


class TestStages:
    def test_time_is_put_where_it_was_spent(self, monkeypatch):
        now = [0]
        monkeypatch.setattr(stages.time, "perf_counter_ns", lambda: now[0])

        def work(nanoseconds):
            now[0] += nanoseconds

        clock = stages.Clock()
        program, view = clock._stepped(work), clock._viewed(work)

        def step(action):
            for do, nanoseconds in ((work, 1), (program, 20), (view, 300), (work, 4000), (view, 5)):
                do(nanoseconds * action)

        assert clock.stages(step, 1) == (4326, 1, 20, 305, 4000)
        assert clock.stages(step, 2) == (8652, 2, 40, 610, 8000)

    @pytest.mark.parametrize("interface", interfaces.INTERFACES, ids=lambda one: one.name)
    def test_every_interface_has_all_stages_and_is_left_alone(self, interface):
        pytest.importorskip(interface.module)
        whole, *parts = stages.measured(interface, make("CartPole-v1"), 1, 50)
        assert whole > 0 and all(part > 0 for part in parts) and sum(parts) < 2 * whole
        assert session.programs is programs


def fewest_aircraft(quick, progress):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gigastep, "SCENARIOS", (("identical_1_vs_1", 2, 1),))
        return gigastep.suite(quick, progress)


RUN_HERE = {
    "adapters": adapters.suite,
    "stages": stages.suite,
    "rollout": rollout.suite,
    "gigastep": fewest_aircraft,
    "megastep": megastep.suite,
    "scaling": scaling.suite,
    "parameters": parameters.suite,
    "memory": memory.suite,
}


LONG = {*suites.LONG, "adapters", "parameters", "scaling", "memory", "rollout"}


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[pytest.mark.long] * (name in LONG)) for name in RUN_HERE],
)
def found(request):
    """A quick run of a suite: its report, and what it said meanwhile."""
    if request.param in ("adapters", "stages") and not interfaces.installed()[0]:
        pytest.skip("measures adapters, and no library of one is installed")
    said = []
    return RUN_HERE[request.param](True, said.append), said


class TestSuites:
    def test_the_table_is_whole(self, found):
        suite, said = found
        assert suite.rows and said
        for row in suite.to_json()["rows"]:
            assert set(row) == set(suite.columns)
            for column, value in row.items():
                assert value is not None
                if isinstance(value, (int, float)) and "growth" not in column:
                    assert np.isfinite(value) and value >= 0

    def test_it_knows_where_it_ran(self, found):
        machine = found[0].to_json()["machine"]
        assert machine["versions"]["jax"] == jax.__version__
        assert machine["versions"]["numpy"] == np.__version__
        assert machine["devices"] and machine["cpu"] and machine["date"]
        assert "XLA_FLAGS" in machine["settings"]
        assert machine["settings"]["jax_cpu_enable_async_dispatch"] in (True, False)

    def test_it_can_be_written_and_drawn(self, found, tmp_path):
        pytest.importorskip("matplotlib")
        suite, _ = found
        json.dumps(suite.to_json(), allow_nan=False)
        suite.picture(tmp_path / "it.png")
        assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")

    def test_compilation_is_told_apart(self, found):
        suite, _ = found
        if suite.suite not in ("memory", "stages"):
            assert max(row["first call s"] for row in suite.to_json()["rows"]) > 0.05

    def test_what_is_special_in_each(self, found):
        suite, _ = found
        rows = suite.to_json()["rows"]
        if suite.suite == "adapters":
            for row in rows:
                assert row["efficiency"] == pytest.approx(row["bare us"] / row["adapter us"])
            assert {row["environment"] for row in rows} == {"CartPole-v1", "CartPole-v1, 5 % end"}
        elif suite.suite == "memory":
            assert [row["environment"] for row in rows] == sorted(REGISTRY)[:2]
            for row in rows:
                assert (row["growth in bytes"], row["growth in arrays"]) == (0, 0)
                assert row["bytes a row"] > row["of it shown"] > 0
        elif suite.suite == "stages":
            here, _ = interfaces.installed()
            many = {"gymnasium.make_vec", "sb3.make_vec_env", "torchrl.make"} & {
                each.name for each in here
            }
            assert {row["rows"] for row in rows} == {1} and len(rows) == 6 + len(many)
        elif suite.suite == "rollout":
            for row in rows:
                ratio = row["agent-steps/s"] / row["env-steps/s"]
                assert ratio == pytest.approx(1) or 1 < ratio < row["agents"]
        elif suite.suite == "parameters":
            assert {row["parameters"] for row in rows} == {*parameters.WAYS}
            for row in rows:
                if row["parameters"] == parameters.SHARED:
                    assert row["against shared"] == 1
        elif suite.suite == "gigastep":
            through = {gigastep.DEVICE, *gigastep.BATCHED, *gigastep.SINGLE}
            assert {row["through"] for row in rows} == through and len(rows) == len(through)
            assert all(row["agents"] == 2 for row in rows)
        elif suite.suite == "megastep":
            (row,) = rows
            assert row["us a frame"] == pytest.approx(1e6 / row["frames/s"])
            assert (row["game"], row["worlds"]) == ("pointgoal", 4) and 30 < row["walls"] < 60
        else:
            assert {row["against"] for row in rows} == {"rows", "agents", "devices"}
            assert max(row["devices"] for row in rows) == 2


def test_interfaces_of_absent_libraries_are_named(monkeypatch):
    for name in ["stable_baselines3", "dm_env", *sys.modules]:
        if name.split(".")[0] in ("stable_baselines3", "dm_env"):
            monkeypatch.setitem(sys.modules, name, None)
    for name in ("bridge.sb3", "bridge.dm_env"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    here, absent = interfaces.installed()
    assert not {"sb3.make_vec_env", "dm_env.make"} & {interface.name for interface in here}
    assert any("sb3.make_vec_env" in line and "jitbridge[sb3]" in line for line in absent)
    assert any("dm_env.make" in line and "jitbridge[dm-env]" in line for line in absent)


class TestReport:
    @pytest.fixture
    def one(self):
        rows = [("a [b]", np.int64(1), np.float32(2.5)), ("c", 10_000, None)]
        return Report("s", "T", ("name", "n", "us"), rows, ("A note.",), report.machine("numpy"))

    def test_json_holds_plain_numbers(self, one):
        rows = json.loads(json.dumps(one.to_json()))["rows"]
        assert rows[0] == {"name": "a [b]", "n": 1, "us": 2.5}
        assert rows[1]["us"] is None

    def test_the_table_shows_brackets_and_has_notes_and_machine_under_it(self, one):
        rich = pytest.importorskip("rich.console")
        console = rich.Console(width=200, record=True, file=io.StringIO())
        console.print(one.table())
        said = console.export_text()
        for words in ("a [b]", "10,000", "2.50"):
            assert words in said
        assert one.small_print()[0] == "A note."
        assert f"jax {jax.__version__}" in one.small_print()[1]

    def test_a_picture_of_nothing_is_refused(self, one, tmp_path):
        pytest.importorskip("matplotlib")
        with pytest.raises(UnsuitableError, match="no column of numbers"):
            dataclasses.replace(one, rows=[]).picture(tmp_path / "it.png")

    @pytest.mark.parametrize(
        "plot", [None, Plot("n"), Plot("us", x="n", series=("name",), panel="name", line=1.0)]
    )
    def test_a_picture_of_any_kind(self, one, plot, tmp_path):
        pytest.importorskip("matplotlib")
        dataclasses.replace(one, plot=plot).picture(tmp_path / "it.svg")
        assert "<svg" in (tmp_path / "it.svg").read_text()

    @pytest.mark.parametrize(
        ("cell", "words"),
        [
            (None, ""),
            (0.0, "0.00"),
            (0.00123, "0.0012"),
            (1.5, "1.50"),
            (15.55, "15.6"),
            (1234.5, "1,234"),
            (1_000_000, "1,000,000"),
            ("x", "x"),
        ],
    )
    def test_numbers_for_people(self, cell, words):
        assert report.shown(cell) == words

    def test_a_library_that_is_not_there_has_no_version(self):
        assert report.machine("no_such_library")["versions"]["no_such_library"] is None


class TestCommand:
    """`python -m bridge bench`, with suites that take no time."""

    @pytest.fixture
    def call(self, monkeypatch):
        testing = pytest.importorskip("typer.testing")
        cli = pytest.importorskip("bridge.cli")
        rounds = []

        def fake(quick, progress):
            progress("doing [it]")
            sys.stdout.write("noise\n")
            rounds.append((quick, timing.rounds_for_all()))
            return Report("fake", "Fake", ("name", "us"), [("a", 1.0)], (), report.machine())

        def needs(*_):
            raise MissingExtraError("bridge.bench.needs", "no_such_library", "peers")

        for name, suite in (("fake", fake), ("needs", needs)):
            module = types.ModuleType(f"bridge.bench.{name}")
            module.suite = suite
            monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(suites, "SUITES", {"fake": "", "needs": ""})
        monkeypatch.setattr(suites, "DEFAULT", ("fake", "needs"))

        def call(*arguments):
            words = ["bench", *map(str, arguments)]
            result = testing.CliRunner().invoke(cli.app, words)
            assert result.exception is None or isinstance(result.exception, SystemExit)
            return result, rounds

        return call

    def test_json_is_all_there_is_on_stdout(self, call):
        result, _ = call("--json", "--as-it-comes")
        done, left_out = json.loads(result.stdout)
        assert done["rows"] == [{"name": "a", "us": 1.0}]
        assert left_out["rows"] == [] and "jitbridge[peers]" in left_out["notes"][0]

    @pytest.mark.parametrize("before", [None, "1"])
    def test_as_it_comes_holds_for_the_command_alone(self, call, monkeypatch, before):
        name, held = "JITBRIDGE_TUNE_CPU", []
        if before is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, before)
        machine = report.machine
        monkeypatch.setattr(report, "machine", lambda: held.append(os.getenv(name)) or machine())
        call("fake", "--as-it-comes")
        assert held == ["0"] and os.getenv(name) == before

    def test_tables_and_what_was_left_out_are_shown(self, call):
        result, _ = call("--as-it-comes")
        assert result.exit_code == 0
        for words in ("Fake", "1.00", "needs: left out", "no_such_library"):
            assert words in result.stdout
        assert "noise" not in result.stdout

    def test_quick_and_rounds_reach_the_suite(self, call):
        _, rounds = call("fake", "--as-it-comes", "--quick", "--rounds", 4)
        assert rounds == [(True, 4)]
        assert timing.rounds_for_all() is None

    def test_a_picture_of_each_table_that_has_rows(self, call, tmp_path):
        pytest.importorskip("matplotlib")
        call("--as-it-comes", "--pictures", tmp_path / "made")
        assert [path.name for path in (tmp_path / "made").iterdir()] == ["fake.png"]

    def test_no_such_suite(self, call):
        result, rounds = call("fake", "fakes", "--as-it-comes")
        assert result.exit_code == 2 and not rounds
        assert "No suite named 'fakes'. There are: fake, needs." in result.output

    def test_settings_that_come_too_late_are_said_as_they_are(self, call):
        jax.devices()
        result, rounds = call("fake")
        assert result.exit_code == 0 and rounds
        held = jax.config.values.get("jax_cpu_enable_async_dispatch")
        assert f"jax_cpu_enable_async_dispatch={held}" in " ".join(result.stdout.split())

    def test_what_was_done_is_shown_when_the_next_fails(self, call, monkeypatch):
        def unfair(*_):
            raise UnfairError("dead rows")

        monkeypatch.setattr(sys.modules["bridge.bench.needs"], "suite", unfair)
        result, _ = call("--as-it-comes")
        assert result.exit_code == 2
        assert "Fake" in result.stdout and "dead rows" in result.stderr


def test_a_process_of_its_own_sets_jax_up_and_says_so(tmp_path):
    pytest.importorskip("typer")
    command = [sys.executable, "-W", "error", "-m", "bridge", "bench", "memory", "--quick"]
    done = subprocess.run(
        [*command, "--json"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    (found,) = json.loads(done.stdout)
    assert found["machine"]["settings"]["jax_cpu_enable_async_dispatch"] is False


def test_what_has_been_kept_is_not_compiled_again():
    said = []
    report = startup.suite(True, said.append)
    (row,) = report.to_json()["rows"]
    assert row["environment"] == "CartPole-v1" == said[0]
    parts = row["of cold: imports s"], row["tracing s"], row["compiling s"]
    assert min(parts) > 0 and sum(parts) == pytest.approx(row["cold s"])
    assert row["with kept: compiling s"] < row["compiling s"] / 2 and row["programs"] >= 2


def test_what_does_not_get_to_its_first_step_says_why(monkeypatch):
    monkeypatch.setattr(startup, "QUICK", ("CartPole-v9",))
    report = startup.suite(True, lambda _: None)
    assert not report.rows
    assert "CartPole-v9" in report.notes[-1] and "Did you mean" in report.notes[-1]


def test_every_suite_is_a_module_and_all_but_the_long_run_by_default():
    short = {"adapters", "stages", "peers", "rollout", "scaling", "memory", "parameters"}
    short.add("collecting")
    assert short == {*suites.DEFAULT}
    assert {*suites.SUITES} - short == {
        *("gigastep", "megastep", "training", "startup", "scaling_out")
    }
    with pytest.raises(UnknownNameError):
        next(suites.run(["adapter"], quick=True, rounds=None, progress=print))
    assert issubclass(UnfairError, BridgeError)
