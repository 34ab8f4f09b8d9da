"""What every native environment promises; and that every check catches the fault it is for."""

import dataclasses
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from probe import Probe

from native import core
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.social.cournot import Cournot
from native.spaces import Box, Dict, Discrete, MultiBinary
from native.testing import CHECKS, ContractError, check_environment

DEAR = {  # all operations are compiled once more
    "jit changes nothing": ("kind", "tag"),
    "x64 changes nothing": ("kind", "tag", "family"),
}


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(
            check,
            id=name,
            marks=[pytest.mark.sampled(*DEAR[name])] if name in DEAR else [],
        )
        for name, check in CHECKS.items()
    ],
)
def test_every_environment_keeps_the_contract(env, check):
    check(env)


def test_so_does_the_environment_that_tests_the_engine():
    check_environment(Probe(agents=2))


@pytree
class State:
    tick: jax.Array
    count: jax.Array  # int32 (2,)
    acting: jax.Array  # bool (2,)


@pytree
class Params:
    pay: float = 1.0


@dataclasses.dataclass(frozen=True)
class Tally:
    """Two agents count up by what they do, or by chance, and end at 2 or at the horizon.

    It keeps the contract. Every environment below breaks one clause of it.
    """

    horizon: int | None = 6
    params: Params = dataclasses.field(default_factory=Params)

    @property
    def spec(self) -> Spec:
        seen = Dict({"count": Box(0.0, 9.0, (1,)), "alone": MultiBinary(1)})
        group = Group("pair", ("a_0", "a_1"), seen, Discrete(3))
        everything = Box(0, 9, (2,), "int32")
        return Spec("tally", (group,), self.horizon, everything, masks=True, render_fps=5)

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        del key, params
        state = State(
            tick=jnp.int32(0), count=jnp.zeros(2, jnp.int32), acting=jnp.ones(2, jnp.bool_)
        )
        return state, restart(self.observe(state), 2, {"count": state.count})

    def step(
        self, key: jax.Array, state: State, action: Any, params: Any
    ) -> tuple[State, Timestep]:
        luck = jax.random.bernoulli(key, jnp.float32(0.3), (2,)).astype(jnp.int32)
        count = state.count + jnp.where(state.acting, (action["pair"] + luck) // 2, 0)
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        full = count >= 2
        after = State(tick=tick, count=count, acting=state.acting & ~full & ~late)
        return after, transition(
            self.spec,
            acting=state.acting,
            observation=self.observe(after),
            reward=params.pay * count.astype(jnp.float32),
            terminated=full,
            truncated=late,
            info={"count": count},
        )

    def observe(self, state: State) -> dict[str, Any]:
        alone = ~state.acting[::-1, None]
        return {"pair": {"count": state.count[:, None].astype(jnp.float32), "alone": alone}}

    def action_mask(self, state: State, params: Any) -> dict[str, jax.Array]:
        del params
        mask = jnp.stack([state.count >= 0, state.count < 9, state.count % 2 == 0], axis=-1)
        return {"pair": mask | ~state.acting[:, None]}

    def global_state(self, state: State, params: Any) -> jax.Array:
        del params
        return state.count

    def render(self, state: State, params: Any) -> jax.Array:
        del params
        return jnp.full((4, 6, 3), state.tick.astype(jnp.uint8))


def changed(timestep, **changes):
    return dataclasses.replace(timestep, **changes)


class Changed(Tally):
    """A tally whose step shows something else."""

    def step(self, key, state, action, params):
        after, timestep = super().step(key, state, action, params)
        return self.spoil(after, timestep)


@dataclasses.dataclass(frozen=True)
class Unhashable(Tally):
    layout: list[int] = dataclasses.field(default_factory=list)


class Identity(Tally):
    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Remembers(Tally):
    def init(self, key, params):
        object.__setattr__(self, "horizon", 9)
        return super().init(key, params)


@dataclasses.dataclass(frozen=True)
class Declares(Tally):
    """It has the methods of a tally, and another spec."""

    field: str = "masks"
    value: Any = False

    @property
    def spec(self):
        return dataclasses.replace(super().spec, **{self.field: self.value})


class Unclear(Tally):
    @property
    def spec(self):
        return dataclasses.replace(super().spec, horizon=0)


class SameNames(Tally):
    @property
    def spec(self):
        spec = super().spec
        group = dataclasses.replace(spec.groups[0], agents=("a_0", "a_0"))
        return dataclasses.replace(spec, groups=(group,))


class ActsInDict(Tally):
    @property
    def spec(self):
        spec = super().spec
        group = dataclasses.replace(spec.groups[0], action=Dict({"x": Discrete(3)}))
        return dataclasses.replace(spec, groups=(group,))


class OneReward(Tally):
    def init(self, key, params):
        state, timestep = super().init(key, params)
        return state, changed(timestep, reward=jnp.zeros((), jnp.float32))


class WrongDtype(Tally):
    def observe(self, state):
        seen = super().observe(state)["pair"]
        return {"pair": {**seen, "count": state.count[:, None]}}


class WrongNames(Tally):
    def observe(self, state):
        return {"pair": {"count": super().observe(state)["pair"]["count"]}}


class WeakReward(Changed):
    def spoil(self, after, timestep):
        return after, changed(timestep, reward=jnp.where(after.acting, 1.0, 0.0))


class NewInfo(Changed):
    def spoil(self, after, timestep):
        return after, changed(timestep, info={**timestep.info, "extra": after.tick})


class WiderState(Changed):
    def spoil(self, after, timestep):
        return dataclasses.replace(after, tick=after.tick[None]), timestep


class KeyedState(Changed):
    def init(self, key, params):
        return self.spoil(*super().init(key, params))

    def spoil(self, after, timestep):
        return dataclasses.replace(after, tick=jax.random.key(0)), timestep

    def step(self, key, state, action, params):
        return super().step(key, dataclasses.replace(state, tick=jnp.int32(0)), action, params)


class BranchesOnParams(Tally):
    def step(self, key, state, action, params):
        if params.pay > 3:
            key = jax.random.fold_in(key, 1)
        return super().step(key, state, action, params)


class CountsTooFar(Tally):
    @property
    def spec(self):
        spec = super().spec
        seen = Dict({"count": Box(0.0, 1.0, (1,)), "alone": MultiBinary(1)})
        group = dataclasses.replace(spec.groups[0], observation=seen)
        return dataclasses.replace(spec, groups=(group,))


class EarnsNan(Changed):
    def spoil(self, after, timestep):
        return after, changed(timestep, reward=jnp.log(timestep.reward - jnp.float32(1)))


TRACES = itertools.count()


class DrawsElsewhere(Changed):
    def spoil(self, after, timestep):
        return after, changed(timestep, reward=timestep.reward + jnp.float32(next(TRACES)))


class KnowsJit(Changed):
    def spoil(self, after, timestep):
        pay = jnp.float32(isinstance(after.tick, jax.core.Tracer))
        return after, changed(timestep, reward=timestep.reward + pay)


@jax.custom_batching.custom_vmap
def lonely(x):
    return x


@lonely.def_vmap
def _(axis_size, in_batched, x):
    del axis_size
    return x + 1, in_batched[0]


class KnowsVmap(Changed):
    def spoil(self, after, timestep):
        return after, changed(timestep, info={"count": lonely(after.count)})


class DefaultDtype(Tally):
    def step(self, key, state, action, params):
        key = jax.random.key(jnp.int32(jax.random.uniform(key) * 1000))
        return super().step(key, state, action, params)


class EndsTwice(Changed):
    def spoil(self, after, timestep):
        return after, changed(timestep, terminated=after.count >= 2)


class EndsBothWays(Changed):
    def spoil(self, after, timestep):
        ended = timestep.terminated | timestep.truncated
        return after, changed(timestep, terminated=ended, truncated=ended)


class BornEnded(Tally):
    def init(self, key, params):
        state, timestep = super().init(key, params)
        return state, changed(timestep, terminated=jnp.array([True, False]))


class EarnsForEver(Changed):
    def spoil(self, after, timestep):
        return after, changed(timestep, reward=after.count.astype(jnp.float32))


class SeesForEver(Changed):
    def spoil(self, after, timestep):
        return after, changed(timestep, observation=self.observe(after))


class GhostsCount(Tally):
    def step(self, key, state, action, params):
        after, timestep = super().step(key, state, action, params)
        ghost = jnp.where(state.acting, 0, action["pair"])
        return after, changed(timestep, info={"count": timestep.info["count"] + ghost.sum()})


class GhostsMove(Tally):
    def step(self, key, state, action, params):
        after, timestep = super().step(key, state, action, params)
        ghost = jnp.where(state.acting, 0, action["pair"])
        return dataclasses.replace(after, tick=after.tick - ghost.max() // 2), timestep


class NoHorizon(Tally):
    def step(self, key, state, action, params):
        return dataclasses.replace(Tally(), horizon=None).step(key, state, action, params)


class TruncatesEarly(Changed):
    def spoil(self, after, timestep):
        ended = timestep.terminated | timestep.truncated
        return after, changed(timestep, truncated=ended, terminated=jnp.zeros_like(ended))


class DeafToHorizon(Tally):
    @property
    def spec(self):
        return dataclasses.replace(super().spec, horizon=6)


class MaskOfOne(Tally):
    def action_mask(self, state, params):
        return {"pair": super().action_mask(state, params)["pair"][0]}


class NothingLegal(Tally):
    def action_mask(self, state, params):
        return {"pair": super().action_mask(state, params)["pair"] & (state.tick < 2)}


class MaskedWhenEnded(Tally):
    def action_mask(self, state, params):
        del params
        return {"pair": jnp.ones((2, 3), bool).at[:, 2].set(state.acting)}


class MaskElsewhere(Tally):
    def action_mask(self, state, params):
        return {"others": super().action_mask(state, params)["pair"]}


class GlobalTooLarge(Tally):
    def global_state(self, state, params):
        return 100 * super().global_state(state, params)


class GlobalShape(Tally):
    def global_state(self, state, params):
        return super().global_state(state, params)[:1]


class Turns(Tally):
    """The first who has not ended is to act; the other's action still counts."""

    @property
    def spec(self):
        return dataclasses.replace(super().spec, turns=True)

    def turn(self, state):
        return jnp.argmax(state.acting).astype(jnp.int32)

    def current_agent(self, state, params):
        del params
        return self.turn(state)

    def init(self, key, params):
        state, timestep = super().init(key, params)
        return state, changed(timestep, info={"current_agent": self.turn(state)})

    def step(self, key, state, action, params):
        after, timestep = super().step(key, state, action, params)
        return after, changed(timestep, info={"current_agent": self.turn(after)})


class TurnOfNobody(Turns):
    def turn(self, state):
        return state.tick


class TurnOfTheEnded(Turns):
    def turn(self, state):
        return jnp.int32(0) * state.tick


class TurnsUntold(Tally):
    @property
    def spec(self):
        return dataclasses.replace(super().spec, turns=True)

    current_agent = Turns.current_agent
    turn = Turns.turn


class TurnsToldLate(Turns):
    def current_agent(self, state, params):
        return jnp.where(state.tick == 0, 1, super().current_agent(state, params))


class FloatTurns(Turns):
    def current_agent(self, state, params):
        return super().current_agent(state, params).astype(jnp.float32)


class FloatPicture(Tally):
    def render(self, state, params):
        return super().render(state, params).astype(jnp.float32)


class ExactOfOne(Cournot):
    def exact_value(self, action, params):
        return super().exact_value(action, params)[:1]


class PaysOtherwise(Cournot):
    def step(self, key, state, action, params):
        after, timestep = super().step(key, state, action, params)
        return after, changed(timestep, reward=timestep.reward + state.price)


class ExactOfChoices(Probe):
    @property
    def spec(self):
        return dataclasses.replace(super().spec, exact_value=True)

    def exact_value(self, action, params):
        del params
        return action["probe"].astype(jnp.float32)


class Endless(Cournot):
    def exact_value(self, action, params):
        return super().exact_value(action, params) + jnp.sqrt(0 * action["firm"][:, 0])


def local() -> Tally:
    class Local(Tally):
        pass

    return Local()


FAULTS = {
    "rules are frozen and equal by value": [
        (Unhashable(), "not hashable"),
        (Identity(), "does not equal a copy"),
        (Remembers(), "changes when it is used"),
        (local(), "cannot be pickled"),
    ],
    "spec is usable": [
        (Unclear(), "horizon must be a positive integer"),
        (SameNames(), "two agents share the name 'a_0'"),
        (ActsInDict(), "expected Box, Discrete"),
        (Probe(agents=0), "no agents"),
        (
            Declares(),
            r"has a method action_mask, .*masks=False. Write .*masks=True",
        ),
        (Declares(field="global_state", value=None), "has a method global_state"),
        (Declares(field="render_fps", value=None), r"has a method render.*Write .*render_fps=30"),
        (
            Declares(field="turns", value=True),
            r"Declares has no method current_agent",
        ),
    ],
    "one row per agent": [
        (OneReward(), r"reward is float32\[\]; expected float32\[2\]"),
        (WrongDtype(), r"\['count'\] is int32"),
        (WrongNames(), "expected a dict of"),
    ],
    "init and step agree": [
        (WeakReward(), "timestep.reward is weakly typed"),
        (NewInfo(), "structure"),
        (KeyedState(), r"state.tick has dtype key<.*what is checked keeps their key_data"),
        (WiderState(), r"state.tick is int32\[1\]; expected int32\[\]"),
    ],
    "params can be traced": [(BranchesOnParams(), "cannot be traced")],
    "observations lie in their spaces": [(CountsTooFar(), r"observes \['count'\] outside")],
    "rewards are finite": [(EarnsNan(), "earns NaN")],
    "same key, same story": [(DrawsElsewhere(), "Draw from `key`")],
    "jit changes nothing": [(KnowsJit(), "With and without jax.jit")],
    "vmap is a loop": [(KnowsVmap(), "Under jax.vmap and alone: timestep.info")],
    "x64 changes nothing": [(DefaultDtype(), "jax_enable_x64")],
    "agents end once and in one way": [
        (EndsTwice(), "ends again"),
        (EndsBothWays(), "both terminated and truncated"),
        (BornEnded(), "ended already|ends again"),
    ],
    "ended agents are silent": [
        (EarnsForEver(), "earns a reward after"),
        (SeesForEver(), "observes something after"),
    ],
    "ended agents cannot act": [
        (GhostsCount(), "acted otherwise: timestep.info"),
        (GhostsMove(), "acted otherwise: state.tick"),
    ],
    "the horizon truncates": [
        (NoHorizon(), "goes on after step 6"),
        (TruncatesEarly(), "the rules terminate"),
        (DeafToHorizon(), "give it self.horizon"),
    ],
    "action masks": [
        (MaskOfOne(), r"expected bool\[2, 3\]"),
        (NothingLegal(), "no legal action"),
        (MaskedWhenEnded(), "has ended; its mask"),
        (MaskElsewhere(), "has the groups"),
    ],
    "turns": [
        (TurnOfNobody(), "no row of 2 agents"),
        (TurnOfTheEnded(), "agent that has ended"),
        (TurnsUntold(), 'no "current_agent"'),
        (TurnsToldLate(), "info.*shows"),
        (FloatTurns(), "expected int32"),
    ],
    "global state": [(GlobalTooLarge(), "leaves Box"), (GlobalShape(), r"expected int32\[2\]")],
    "exact value": [
        (ExactOfOne(), r"float32\[1\]; expected float32\[2\]"),
        (PaysOtherwise(), r"exact_value of firm_0 is .* at step 1, which pays"),
        (ExactOfChoices(), "needs actions of numbers"),
        (Endless(), "no finite gradient in firm"),
    ],
    "picture": [(FloatPicture(), "expected uint8")],
}


def test_every_check_has_a_fault_to_catch():
    assert set(FAULTS) == set(CHECKS)


def test_the_environment_that_the_faults_are_planted_in_has_none():
    check_environment(Tally())
    check_environment(Turns())


@pytest.mark.parametrize(
    ("check", "env", "message"),
    [
        pytest.param(
            check, env, message, id=f"{check}: {getattr(env, '__name__', type(env).__name__)}"
        )
        for check, faults in FAULTS.items()
        for env, message in faults
    ],
)
def test_a_planted_fault_is_caught(check, env, message):
    with pytest.raises(ContractError, match=message):
        CHECKS[check](env)


def test_check_environment_runs_them_all():
    with pytest.raises(ContractError, match="leaves Box"):
        check_environment(GlobalTooLarge())


def test_the_message_names_the_agent_and_the_step():
    with pytest.raises(ContractError, match=r"'a_[01]' observes .* at step \d+"):
        CHECKS["observations lie in their spaces"](CountsTooFar())


def test_a_contract_error_is_an_assertion():
    assert issubclass(ContractError, AssertionError)


def test_the_time_limit_is_reached_with_its_last_step_and_never_without_one():
    ticks = [jnp.int32(tick) for tick in (6, 7, 8)]
    assert [bool(core.late(tick, 7)) for tick in ticks] == [False, True, True]
    assert [bool(core.late(tick, None)) for tick in ticks] == [False, False, False]
    assert core.late(ticks[0], None).dtype == core.late(ticks[0], 7).dtype == bool
