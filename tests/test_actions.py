"""Every bad action is refused by name, before anything is stepped; every good one arrives."""

import numpy as np
import pytest

from bridge.actions import check_names, checked, stacked
from bridge.errors import ActionError, BridgeError
from bridge.rows import Intake
from native.core import Group, Spec
from native.spaces import Box, Discrete, MultiBinary, MultiDiscrete

SEEN = Box(0.0, 1.0, (1,))
AGENTS = ("ann", "bob")


def group(space):
    return Group("team", AGENTS, SEEN, space)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_integers_of_any_width_become_int32(dtype):
    out = checked(group(Discrete(3)), np.array([[0, 2]], dtype), 1)
    assert out.dtype == np.int32 and out.tolist() == [[0, 2]]


@pytest.mark.parametrize(
    ("space", "values", "words"),
    [
        (Discrete(3), [[0, 3]], ["'bob'", "3", "0 ... 2"]),
        (Discrete(3), [[-1, 0]], ["'ann'", "-1", "0 ... 2"]),
        (Discrete(3), [[0.0, 1.0]], ["'ann'", "integer", "float64"]),
        (Discrete(3), [[None, 1]], ["'ann'", "integer"]),
        (Discrete(3), [[0, 1, 2]], ["'ann', 'bob'", "(1, 3)", "(1, 2)"]),
        (Discrete(3), [[0], [1, 2]], ["ragged"]),
        (MultiDiscrete((2, 5)), [[[1, 4], [1, 5]]], ["'bob'", "[1]", "5", "0 ... 4"]),
        (MultiBinary(2), [[[0, 1], [2, 0]]], ["'bob'", "2", "0 ... 1"]),
        (Box(-1.0, 1.0, (2,)), [[[0, 0], [0, np.nan]]], ["'bob'", "[1]", "nan", "finite"]),
        (Box(-1.0, 1.0, (2,)), [[[0, np.inf], [0, 0]]], ["'ann'", "inf", "finite"]),
        (Box(-1.0, 1.0, (2,)), [[["a", "b"], ["c", "d"]]], ["'ann'", "number"]),
    ],
)
def test_a_bad_action_is_named_with_its_agent_its_value_and_its_bound(space, values, words):
    with pytest.raises(ActionError) as caught:
        checked(group(space), values, 1)
    assert isinstance(caught.value, (BridgeError, ValueError))
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_in_a_batch_the_environment_is_named_too():
    with pytest.raises(ActionError, match="'bob' of environment 2"):
        checked(group(Discrete(2)), [[0, 1], [1, 1], [0, 9]], 3)


def test_box_actions_are_clipped_and_keep_float32():
    out = checked(group(Box(-1.0, 1.0, (1,))), [[[3], [-0.5]]], 1)
    assert out.dtype == np.float32 and out.tolist() == [[[1.0], [-0.5]]]


def test_the_callers_array_is_left_alone():
    mine = np.array([[[3.0], [-3.0]]], np.float32)
    checked(group(Box(-1.0, 1.0, (1,))), mine, 1)
    assert mine.tolist() == [[[3.0], [-3.0]]]


def test_flags_may_be_bools_or_integers():
    for values in ([[[True, False], [False, True]]], [[[1, 0], [0, 1]]]):
        out = checked(group(MultiBinary(2)), values, 1)
        assert out.dtype == bool and out.tolist() == [[[True, False], [False, True]]]


SPACES = [Discrete(3), MultiDiscrete((2, 5)), MultiBinary(2), Box(-1.0, 1.0, (2,))]
SPACES += [Box(-np.inf, np.inf, (2,)), Box(0, 9, (2,), "int32"), Box(0, 9, (2,), "uint8")]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_what_is_returned_is_never_the_callers(space):
    for dtype in (space.dtype, "int64", "int32", "float32"):
        if np.dtype(dtype).kind == "f" and not isinstance(space, Box):
            continue
        joint = np.zeros((1, 2, *space.shape), dtype)
        assert not np.shares_memory(checked(group(space), joint, 1), joint)
        lone = [np.zeros(space.shape, dtype) for _ in AGENTS]
        out = stacked(group(space), lone)
        assert not any(np.shares_memory(out, mine) for mine in lone)


def test_rows_are_never_the_callers():
    for space in SPACES:
        rows = np.zeros((6, *space.shape), space.dtype)
        spec = Spec("team", (group(space),))
        (out,) = Intake(spec, 3)(rows).values()
        assert not np.shares_memory(out, rows), space


def test_the_bytes_of_an_array_may_be_in_any_order():
    for dtype in (">i8", ">i4", ">u2"):
        out = checked(group(Discrete(3)), np.array([[0, 2]], dtype), 1)
        assert out.dtype.isnative and out.tolist() == [[0, 2]]
        with pytest.raises(ActionError, match=r"'ann'.*256"):
            checked(group(Discrete(3)), np.array([[256, 2]], dtype), 1)
    with pytest.raises(ActionError, match=str(1 << 56)):  # of which the first byte is 1
        stacked(group(Discrete(3)), [np.array(1 << 56, ">i8"), np.array(1, ">i8")])
    out = checked(group(Box(-9.0, 9.0, (1,))), np.array([[[3], [-0.5]]], ">f8"), 1)
    assert out.dtype.isnative and out.tolist() == [[[3.0], [-0.5]]]


def test_integers_of_unlike_types_go_together():
    mixed = [np.int64(1), np.uint64(2)]  # for NumPy, together, floats
    assert stacked(group(Discrete(3)), mixed).tolist() == [[1, 2]]
    assert checked(group(Discrete(3)), [mixed], 1).tolist() == [[1, 2]]
    assert checked(group(Discrete(3)), np.array([[1, 2]], object), 1).tolist() == [[1, 2]]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_true_and_false_are_one_and_zero(space):
    flags, numbers = (np.full((1, 2, *space.shape), 1, dtype) for dtype in (bool, int))
    np.testing.assert_array_equal(
        checked(group(space), flags, 1), checked(group(space), numbers, 1)
    )


def test_what_float32_cannot_hold_is_refused_unless_a_bound_cuts_it():
    huge = [[[0.0], [-1e39]]]
    assert checked(group(Box(-1.0, 1.0, (1,))), huge, 1).tolist() == [[[0.0], [-1.0]]]
    for space in (Box(-np.inf, np.inf, (1,)), Box(-np.inf, 1.0, (1,))):
        with pytest.raises(ActionError, match=r"'bob' at \[0\] is beyond 3.4e\+38.*-1e\+39"):
            checked(group(space), huge, 1)
    largest = float(np.finfo(np.float32).max)
    assert checked(group(Box(-np.inf, np.inf, (1,))), [[[largest], [0]]], 1)[0, 0, 0] == largest


def test_a_box_of_integers_takes_whole_numbers():
    space = Box(0, 255, (1,), "uint8")
    out = checked(group(space), [[[2.0], [300.0]]], 1)
    assert out.dtype == np.uint8 and out.tolist() == [[[2], [255]]]
    with pytest.raises(ActionError, match=r"'bob' at \[0\] is no whole number: 2.9"):
        checked(group(space), [[[2.0], [2.9]]], 1)


def test_flags_may_be_floats():
    assert checked(group(MultiBinary(1)), [[[0.0], [1.0]]], 1).tolist() == [[[False], [True]]]
    with pytest.raises(ActionError, match=r"neither 0 nor 1: 0.5"):
        checked(group(MultiBinary(1)), [[[0.0], [0.5]]], 1)


def test_masked_entries_are_refused():
    with pytest.raises(ActionError, match="masked"):
        checked(group(Discrete(3)), np.ma.array([[0, 1]], mask=[[True, False]]), 1)


def test_a_shape_is_the_users_own():
    with pytest.raises(ActionError, match=r"Expected shape \(\), as .*'bob', got shape \(1,\)"):
        stacked(group(Discrete(3)), [1, np.array([1])])
    with pytest.raises(ActionError, match=r"shape \(4, 2\): \(environments, \*action shape\)"):
        stacked(group(Box(0.0, 1.0, (2,))), [np.zeros((4, 2)), np.zeros((4, 3))], 4)
    with pytest.raises(ActionError, match=r"shape \(6, 2\): \(rows, \*action shape\)"):
        Intake(Spec("team", (group(Box(0.0, 1.0, (2,))),)), 3)(np.zeros((6, 3)))


def test_rows_are_named_with_their_agent():
    with pytest.raises(ActionError, match=r"'bob' of environment 2 \(row 5\) is outside .*: 9"):
        Intake(Spec("team", (group(Discrete(3)),)), 3)(np.array([0, 0, 0, 0, 0, 9]))


def test_a_message_is_short_however_many_agents_there_are():
    names = [f"agent_{i}" for i in range(5000)]
    with pytest.raises(ActionError, match=r"'agent_7'.* and 4,994 more") as caught:
        check_names(dict.fromkeys(names[:7] + names[8:]), names, names)
    assert len(str(caught.value)) < 200
    with pytest.raises(ActionError, match=r"'agent_7'.*'agnt_7', which is no agent"):
        check_names(dict.fromkeys(["agnt_7", *names[:7], *names[8:]]), names, names)
    with pytest.raises(ActionError, match=r"'agnt_7'\. Did you mean 'agent_7'\?"):
        check_names(dict.fromkeys(["agnt_7", *names]), names, names)


def test_a_value_is_short_however_large_it_is():
    for value in ("x" * 100_000, 10**5000, np.zeros((500, 500)), [[[[[1] * 99] * 99] * 99]]):
        with pytest.raises(ActionError) as caught:
            stacked(group(Discrete(3)), [0, value])
        assert len(str(caught.value)) < 500 and "'bob'" in str(caught.value)
