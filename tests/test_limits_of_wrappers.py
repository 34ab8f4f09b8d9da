"""Time limits that an adapter is asked for, of environments that change another."""

import pytest

from bridge.environments import as_environment, as_limited, with_horizon
from bridge.errors import RulesError, RuleValueError
from native import opponents, wrappers
from native.registry import make

TAG = make("simple_tag_v3")
TEAM = wrappers.one_team(TAG, "adversary", opponents.of(TAG)["random"])
CART = make("CartPole-v1")


@pytest.mark.parametrize(
    "env",
    [TEAM, wrappers.levels(CART, 2), wrappers.time_limit(CART, 9), wrappers.time_limit(TEAM, 9)],
    ids=lambda env: type(env).__name__,
)
@pytest.mark.parametrize("limit", [7, 700, -1])
def test_the_limit_of_what_is_inside_is_set(env, limit):
    meant = None if limit == -1 else limit
    assert as_limited(env, "max_cycles", {"max_cycles": limit}).spec.horizon == meant
    changed = as_environment(env, horizon=limit)
    assert changed.spec.horizon == meant and type(changed) is type(env)
    assert env.spec.horizon in (9, 25, 500)


def test_where_it_is_another_s_the_way_out_is_told():
    several = wrappers.trials(CART, 2)
    with pytest.raises(RulesError, match=r"time limit is fixed.*native\.wrappers\.time_limit"):
        with_horizon(several, 7)
    assert several.env.horizon == 500
    with pytest.raises(RuleValueError, match="horizon must be"):
        as_environment(TEAM, horizon=0)
    with pytest.raises(RulesError, match=r"^simple_tag_v3 is already built: set num_good"):
        as_environment(TEAM, num_good=2)
