"""Every bad action is refused by name, before anything is stepped; every good one arrives."""

import numpy as np
import pytest

from bridge.actions import checked
from bridge.errors import ActionError, BridgeError
from native.core import Group
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
