"""One team or player of an environment: opponents that see, remember and have learned; turns."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nim import Nim
from probe import Probe

from bridge.errors import StateFileError
from bridge.session import Session
from native.batch import Autoreset, Batch, Transition
from native.core import Group
from native.registry import make
from native.rollout import rollout
from native.rules import RuleError
from native.testing import check_environment
from native.wrappers import Mixture, Opponent, Population, Random, View, one_team, time_limit


@dataclasses.dataclass(frozen=True)
class Takes(Opponent):
    """Takes as many sticks as its weight says; it counts its moves."""

    usual: int = 1

    @property
    def params(self) -> Any:
        return {"weight": self.usual}

    def init(self, key, group, params):
        del key, group, params
        return jnp.int32(0)

    def act(self, key, group, view, memory, params):
        del key, view
        chosen = jnp.full(len(group.agents), jnp.int32(params["weight"]) - 1)
        return chosen, memory + 1


@dataclasses.dataclass(frozen=True)
class Legal(Opponent):
    """Takes the most that its mask allows, and as many as it sees in any case."""

    def act(self, key: Any, group: Group, view: View, memory: Any, params: Any) -> Any:
        del key, params
        assert view.observation.shape == (len(group.agents), 2)
        assert view.action_mask is not None
        most = view.action_mask.sum(axis=-1, dtype=jnp.int32) - 1
        return jnp.where(view.acts, most, 0), memory


def played(env, actions, params=None):
    """Timesteps of one episode, on the host."""
    act = {env.spec.groups[0].name: jnp.array(actions, jnp.int32)[:, None]}
    states, steps = jax.jit(lambda p: rollout(env, jax.random.key(0), act, p))(
        env.params if params is None else params
    )
    return states, jax.tree.map(np.asarray, steps)


def test_a_player_of_turns_moves_again_when_the_opponent_has():
    states, steps = played(one_team(Nim(), "player_0", Takes()), [0, 0, 1])
    assert steps.info["sticks"].tolist() == [7, 5, 3, 0]
    assert steps.observation["player"][:, 0].tolist() == [[7, 1], [5, 1], [3, 1], [0, 1]]
    assert steps.reward[:, 0].tolist() == [0, 0, 0, -1], "the opponent took the last one"
    assert steps.terminated[:, 0].tolist() == [False, False, False, True]
    assert states.memory["player"].tolist() == [0, 1, 2, 3]


def test_who_takes_the_last_stick_ends_the_game_before_the_opponent_moves():
    _, steps = played(one_team(Nim(sticks=4), "player_0", Takes()), [0, 1, 0])
    assert steps.reward[:, 0].tolist() == [0, 0, 1, 0]
    assert steps.terminated[:, 0].tolist() == [False, False, True, False]
    assert not steps.observation["player"][3].any()


def test_the_opponent_moves_first_where_it_begins():
    _, steps = played(one_team(Nim(beginner=1), "player_0", Takes(2)), [0])
    assert steps.info["sticks"].tolist() == [5, 2]
    assert "current_agent" not in steps.info


def test_a_game_that_the_opponent_ends_before_our_first_turn_ends_on_the_first_step():
    env = one_team(Nim(sticks=2, beginner=1), "player_0", Takes(2))
    _, steps = played(env, [0, 0])
    assert steps.terminated[:, 0].tolist() == [False, True, False]
    assert steps.reward[:, 0].tolist() == [0, -1, 0]
    assert steps.observation["player"][1].any() and not steps.observation["player"][2].any()
    check_environment(env)


@pytest.mark.parametrize(
    "opponent",
    [
        pytest.param(Legal(), id="sees"),
        pytest.param(Random(), id="script", marks=pytest.mark.long),
        pytest.param(Takes(), id="learned", marks=pytest.mark.long),
    ],
)
def test_what_is_left_of_a_game_of_turns_keeps_the_contract(opponent):
    env = one_team(Nim(), "player_1", opponent)
    assert not env.spec.turns and env.spec.masks and env.spec.agents == ("player_1",)
    check_environment(env)


def test_a_game_of_turns_with_a_horizon_needs_it_around_what_is_left():
    limited = time_limit(Nim(), 3)
    with pytest.raises(RuleError, match=r"horizon of 3 moves.*`time_limit`"):
        one_team(limited, "player_0", Takes())
    env = time_limit(one_team(Nim(), "player_0", Takes()), 2)
    _, steps = played(env, [0, 0, 0])
    assert steps.truncated[:, 0].tolist() == [False, False, True, False]


def test_weights_travel_as_data_for_all_rows_or_for_each():
    env = one_team(Nim(), "player_0", Takes())
    batch = Batch(env, Autoreset.DISABLED)
    step = jax.jit(batch.step)
    seeds, acts = jnp.arange(3, dtype=jnp.uint32), {"player": jnp.zeros((3, 1), jnp.int32)}
    begun, _ = batch.init(seeds, env.params)
    for weight, left in ((1, [5, 5, 5]), (3, [3, 3, 3]), ([1, 2, 3], [5, 4, 3])):
        params = dataclasses.replace(
            env.params, own={"opponent": {"weight": jnp.array(weight, jnp.int32)}}
        )
        shown = step(begun, acts, params)[1]
        assert shown.timestep.info["sticks"].tolist() == left
    assert step._cache_size() == 2, "one program for shared weights, one for those of each row"


def test_a_population_draws_a_member_for_each_episode():
    env = one_team(Nim(sticks=30), "player_0", Population(Takes(), 3))
    params = dataclasses.replace(env.params, own={"opponent": {"weight": jnp.array([1, 2, 3])}})

    def takes(key):
        state, _ = env.init(key, params)
        nothing = {"player": jnp.zeros(1, jnp.int32)}
        once, one = env.step(key, state, nothing, params)
        two = env.step(key, once, nothing, params)[1]
        return jnp.int32(29) - one.info["sticks"], one.info["sticks"] - two.info["sticks"] - 1

    first, second = jax.jit(jax.vmap(takes))(jax.random.split(jax.random.key(0), 64))
    assert set(first.tolist()) == {1, 2, 3}
    assert first.tolist() == second.tolist(), "the member stays for the episode"


@dataclasses.dataclass(frozen=True)
class Always:
    """A script that takes so many."""

    sticks: int

    def __call__(self, key, world, group, state, params):
        del key, world, state, params
        return jnp.full(len(group.agents), self.sticks - 1, jnp.int32)


@pytest.mark.parametrize(
    "members", [(Always(1), Always(3)), (Always(1), Takes(3))], ids=["scripts", "unlike"]
)
def test_a_mixture_draws_one_for_each_episode(members):
    env = one_team(Nim(sticks=30), "player_0", Mixture(members))
    assert bool(env.own_params) == isinstance(members[1], Takes), "scripts have no parameters"

    def takes(key):
        state, _ = env.init(key, env.params)
        nothing = {"player": jnp.zeros(1, jnp.int32)}
        once, one = env.step(key, state, nothing, env.params)
        two = env.step(key, once, nothing, env.params)[1]
        return jnp.int32(29) - one.info["sticks"], one.info["sticks"] - two.info["sticks"] - 1

    first, second = jax.jit(jax.vmap(takes))(jax.random.split(jax.random.key(0), 256))
    assert first.tolist() == second.tolist(), "the one that was drawn stays for the episode"
    # 256 fair draws: fewer than 80 of either has odds below 10^-8.
    assert set(first.tolist()) == {1, 3} and 80 < (first == 1).sum() < 176


def test_a_mixture_of_mixtures_draws_every_one():
    inner = Mixture((Always(1), Always(2)))
    env = one_team(Nim(sticks=30), "player_0", Mixture((Always(3), inner)))

    def takes(key):
        state, _ = env.init(key, env.params)
        shown = env.step(key, state, {"player": jnp.zeros(1, jnp.int32)}, env.params)[1]
        return jnp.int32(29) - shown.info["sticks"]

    taken = jax.jit(jax.vmap(takes))(jax.random.split(jax.random.key(0), 512)).tolist()
    # 1 and 2 a quarter each: fewer than 70 of 512 has odds below 10^-8.
    assert set(taken) == {1, 2, 3} and min(taken.count(1), taken.count(2)) > 70


@pytest.mark.parametrize(
    "world", [Nim(beginner=1), make("simple_tag_v3")], ids=["turns", "at once"]
)
def test_a_mixture_keeps_the_contract(world):
    team = "player_1" if world.spec.turns else "agent"
    check_environment(one_team(world, team, Mixture((Random(), Random()))))


def test_who_was_drawn_of_a_mixture_comes_back_with_a_saved_state(tmp_path):
    env = one_team(Nim(sticks=30), "player_0", Mixture((Always(1), Takes(3))))
    one = {"player": np.zeros((16, 1), np.int32)}

    def left(session):
        session.step(one)
        return session.read(Transition).timestep.info["sticks"].tolist()

    first, second = (Session(env, 16, Autoreset.SAME_STEP) for _ in range(2))
    first.reset(0)
    second.reset(100)
    first.step(one)
    first.save(tmp_path / "state.npz")
    ahead = left(first)
    assert left(second) != ahead
    second.load(tmp_path / "state.npz")
    assert left(second) == ahead and len({*ahead}) > 1
    other = one_team(Nim(sticks=30), "player_0", Mixture((Always(2), Takes(3))))
    with pytest.raises(StateFileError, match="'sticks': 1 in the file, 2 here"):
        Session(other, 16, Autoreset.SAME_STEP).load(tmp_path / "state.npz")


@pytest.mark.parametrize("members", [(Random(),), [Random(), Random()], (Random(), Takes)])
def test_a_mixture_is_of_two_opponents_or_more(members):
    with pytest.raises(RuleError, match="members"):
        Mixture(members)


def test_one_agent_of_a_group_is_left_and_its_mates_are_played():
    @dataclasses.dataclass(frozen=True)
    class Echo(Opponent):
        """Does what it did last, and one more; it sees that in its observation."""

        def act(self, key, group, view, memory, params):
            del key, group, params
            return view.observation[:, 1].astype(jnp.int32) + view.acts.astype(jnp.int32), memory

    env = one_team(Probe(agents=3), "probe_1", Echo())
    assert env.spec.agents == ("probe_1",)
    _, steps = played(env, [4, 4, 4])
    assert steps.reward.tolist() == [[0], [4], [4], [4]]
    assert steps.info["heard"].tolist() == [0, 4 + 2, 8 + 6, 12 + 12]


def test_an_opponent_with_actions_of_another_shape_is_refused_by_name():
    @dataclasses.dataclass(frozen=True)
    class Wrong(Opponent):
        def act(self, key, group, view, memory, params):
            del key, group, view, params
            return jnp.zeros(7), memory

    for opponent in (Wrong(), Mixture((Random(), Wrong()))):
        env = one_team(Probe(agents=3), "probe_1", opponent)
        with pytest.raises(RuleError, match=r"probe of probe with float32\[7\]; .* int32\[2\]"):
            played(env, [0])


def test_a_population_is_of_an_opponent():
    with pytest.raises(RuleError, match="member"):
        Population(Random(), 3)


def test_who_sees_nothing_costs_nothing():
    world = make("simple_tag_v3")
    env = one_team(world, "agent", Random())
    state, _ = jax.eval_shape(env.init, jax.random.key(0), env.params)
    inside, _ = jax.eval_shape(world.init, jax.random.key(0), world.params)
    assert jax.tree.leaves(state) == jax.tree.leaves(inside)


@pytest.mark.parametrize(("team", "opponent"), [("nobody", Takes()), ("player", Takes())])
def test_somebody_has_to_be_left_and_somebody_to_be_played(team, opponent):
    with pytest.raises(RuleError, match="nim has the groups"):
        one_team(Nim(), team, opponent)
    with pytest.raises(RuleError, match="opponent"):
        one_team(Nim(), "player_0", Takes)  # a class
