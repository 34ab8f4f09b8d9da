"""RICE-N: regions of the world grow, trade and emit carbon, and the climate is everybody's.

Action       of a region, each 0 ... 1: savings and mitigation, parts of its output and of its
             emissions; most exports, a part of its output; tariffs on the others' goods and wishes
             to import them, for each of the others in turn, tariffs first. A wish is in trillions
             of dollars. With `club` one more: above 0.5 it is a member in this step.
             Of the mediator: what members mitigate at least, and their least tariff on others.
Observation  step; two temperatures, three carbon masses, in 1000 gigatonnes; the club's two terms;
             then of each region, its own first and those after it in turn: people in billions,
             capital, technology, carbon for a trillion, output, consumption, investment, balance,
             revenue of tariffs, mitigation, membership, and the tariff on the observer's goods.
             The mediator sees what the first region sees, without tariffs.
Step         Capital, people and technology make output, less damage by warming and the cost of
             mitigation. Wishes to import shrink to the importer's output, by debt and to what the
             exporter can spare; tariffs of the step before are withheld from what arrives, and go
             to a fund outside the game. Savings become capital, emissions carbon, carbon warmth:
             see `rice_model`. A member mitigates at least as the club says; from the next step on
             it asks the club's tariff of others, at least, and none of members.
Reward       the utility of what the region consumes. The mediator earns `utility_weight` times the
             sum of these by 10 for a region, less `climate_weight` times the rise of temperature.
Ending       truncates at `horizon` steps of five years; nothing terminates.
Start        2015: no tariffs, no debts, no club.
Source       Zhang et al. (2022), "AI for Global Climate Cooperation", arXiv:2208.07004, without
             its negotiations; as in Pax's Rice and ClubRice, whose numbers these are, see
             docs/social_games.md. Clubs: Nordhaus (2015).
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box

from . import rice_model as model
from .markets import paint_market
from .rice_model import YEARS, Params
from .rice_regions import FIVE, Region, several

COMMON, OF_EACH = 8, 12  # numbers that all see, and of each region
BALANCE = 7  # which of these may be negative


@pytree
class State:
    """Everything that changes."""

    temperature: jax.Array  # float32 (2,), degrees above 1750: of the air, of the deep ocean
    carbon: jax.Array  # float32 (3,), gigatonnes: in the air, in the upper, in the deep ocean
    terms: jax.Array  # float32 (2,), mitigation and tariff of the club
    tariffs: jax.Array  # float32 (regions, regions), of the first on the second's goods
    people: jax.Array  # float32 (regions,) as all that follow; millions
    capital: jax.Array
    technology: jax.Array
    intensity: jax.Array
    output: jax.Array  # of the last step, as all that follow
    consumption: jax.Array
    investment: jax.Array
    balance: jax.Array  # what others owe it; the one that is not of the last step
    revenue: jax.Array
    mitigation: jax.Array
    member: jax.Array  # 0 or 1
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@dataclasses.dataclass(frozen=True)
class Rice:
    """Everything that does not change; a `mediator` sets the terms of the club."""

    regions: tuple[Region, ...] = FIVE
    club: bool = False
    mediator: bool = False
    horizon: int | None = 20
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        flags = {"club": rules.flag, "mediator": rules.flag}
        fits = rules.params(Params)
        rules.check(self, regions=several, **flags, horizon=rules.time_limit, params=fits)
        if self.mediator and not self.club:
            rules.refuse("mediator", "False without a club, whose terms it sets", True)

    @property
    def spec(self) -> Spec:
        """The regions; and the mediator, if there is one."""
        count = len(self.regions)
        low = np.zeros(COMMON + OF_EACH * count)
        low[[1, 2]] = low[COMMON + BALANCE :: OF_EACH] = -math.inf
        seen = Box(tuple(low.tolist()), math.inf, low.shape)
        acts = Box(0.0, 1.0, (3 + 2 * (count - 1) + self.club,))
        names = tuple(f"region_{i}" for i in range(count))
        mediator = Group("mediator", ("mediator",), seen, Box(0.0, 1.0, (2,)))
        groups = (Group("region", names, seen, acts), *(mediator,) * self.mediator)
        return Spec("rice_v0", groups, self.horizon, render_fps=4)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """As it was in 2015."""
        del key
        nothing = jnp.zeros(len(self.regions), jnp.float32)
        state = State(
            temperature=jnp.array(model.TEMPERATURE, jnp.float32),
            carbon=jnp.array(model.CARBON, jnp.float32),
            terms=self._terms({}, params),
            tariffs=jnp.zeros((len(self.regions),) * 2, jnp.float32),
            people=self._each("L_0"),
            capital=self._each("K_0"),
            technology=self._each("A_0"),
            intensity=self._each("sigma_0"),
            output=nothing,
            consumption=nothing,
            investment=nothing,
            balance=nothing,
            revenue=nothing,
            mitigation=nothing,
            member=nothing,
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(self._observe(state), self.spec.num_agents)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Five years."""
        del key
        count, past = len(self.regions), state.tick.astype(jnp.float32)
        does = jnp.clip(action["region"], 0.0, 1.0)
        savings, mitigation, most = does[:, 0], does[:, 1], does[:, 2]
        tariffs, wish = (_square(part) for part in jnp.split(does[:, 3 : 1 + 2 * count], 2, axis=1))
        terms, member = self._terms(action, params), jnp.zeros(count, jnp.float32)
        if self.club:
            member = (does[:, -1] > 0.5).astype(jnp.float32)
            mitigation = jnp.maximum(mitigation, member * terms[0])
            both = member[:, None] * member[None]
            tariffs = jnp.maximum(tariffs, member[:, None] * terms[1]) * (1 - both)

        made = model.production(params, state.technology, state.capital, state.people)
        lost = model.abatement(params, past, state.intensity, mitigation)
        kept = model.damage(params, state.temperature[0]) * jnp.maximum(1 - lost, 0.0)
        output = kept * made
        investment = savings * output
        balance = state.balance * (1 + params.r)
        credit = 1 - jnp.clip(-10 * balance / self._each("K_0"), 0.0, 1.0)
        spare = jnp.minimum(most * output, output - investment)
        imports = model.traded(wish, output, spare, credit)
        exports = imports.sum(axis=0)
        revenue = imports * state.tariffs
        domestic = jnp.maximum(output - investment - exports, 0.0)
        consumed = model.consumption(params, domestic, imports - revenue)
        earned = model.utility(params, state.people, consumed)

        grows = self._each("g_A") * jnp.exp(-YEARS * self._each("delta_A") * past)
        nears = ((1 + self._each("L_a")) / (1 + state.people)) ** self._each("l_g")
        emitted = (state.intensity * (1 - mitigation) * made).sum()
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(
            temperature=model.warmer(params, past, state.temperature, state.carbon),
            carbon=model.cycled(params, past, state.carbon, emitted),
            terms=terms,
            tariffs=tariffs * (1 - jnp.eye(count, dtype=jnp.float32)),
            people=state.people * nears,
            capital=(1 - params.delta_K) ** YEARS * state.capital + YEARS * investment,
            technology=state.technology * (math.exp(0.0033) + grows),
            intensity=model.cleaner(params, past, state.intensity),
            output=output,
            consumption=consumed,
            investment=investment,
            balance=balance + YEARS * (exports - imports.sum(axis=1)),
            revenue=revenue.sum(axis=1),
            mitigation=mitigation,
            member=member,
            tick=tick,
            over=state.over | late,
        )
        if self.mediator:
            rise = after.temperature[0] - state.temperature[0]
            worth = params.utility_weight * earned.mean() / 10 - params.climate_weight * rise
            earned = jnp.append(earned, worth)
        everyone = jnp.ones(len(earned), jnp.bool_)
        return after, transition(
            self.spec,
            acting=everyone & ~state.over,
            observation=self._observe(after),
            reward=earned,
            terminated=~everyone,
            truncated=everyone & late,
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """What each mitigates as bars, six degrees of warming as a line: uint8 (240, 360, 3)."""
        del params
        return paint_market(state.mitigation, state.temperature[0] / 6)

    def _each(self, letter: str) -> jax.Array:
        return jnp.array([getattr(region, letter) for region in self.regions], jnp.float32)

    def _terms(self, action: Mapping[str, jax.Array], params: Params) -> jax.Array:
        """Of the club; no club: none."""
        if "mediator" in action:
            return jnp.clip(action["mediator"][0], 0.0, 1.0)
        usual = jnp.float32(params.club_mitigation), jnp.float32(params.club_tariff)
        return jnp.stack(usual) if self.club else jnp.zeros(2, jnp.float32)

    def _observe(self, state: State) -> dict[str, Any]:
        count = len(self.regions)
        heat = state.tick.astype(jnp.float32)[None], state.temperature, state.carbon / 1000
        common = jnp.concatenate([*heat, state.terms])
        of_each = jnp.stack(
            [
                state.people / 1000,
                state.capital,
                state.technology,
                state.intensity,
                state.output,
                state.consumption,
                state.investment,
                state.balance,
                state.revenue,
                state.mitigation,
                state.member,
            ],
            axis=1,
        )
        turn = (np.arange(count)[:, None] + np.arange(count)) % count  # whom each sees where
        asked = state.tariffs[turn, np.arange(count)[:, None]]
        told = jnp.concatenate([of_each[turn], asked[..., None]], axis=2).reshape(count, -1)
        seen = jnp.concatenate([jnp.broadcast_to(common, (count, COMMON)), told], axis=1)
        if not self.mediator:
            return {"region": seen}
        rest = jnp.pad(of_each, ((0, 0), (0, 1))).reshape(-1)
        return {"region": seen, "mediator": jnp.concatenate([common, rest])[None]}


def _square(of_others: jax.Array) -> jax.Array:
    """(regions, regions), 0 on the diagonal, of what each does to the others in turn."""
    count = len(of_others)
    place = (np.arange(count) - np.arange(count)[:, None] - 1) % count
    padded = jnp.pad(of_others, ((0, 0), (0, 1)))
    return jnp.take_along_axis(padded, jnp.asarray(place, jnp.int32), axis=1)
