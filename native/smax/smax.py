"""SMAX: two teams of StarCraft's units on an open square; each is an agent and sees only near by.

Action       go in one of four directions, stop, or shoot one of the others; by the rule
             `continuous_actions` four numbers. See `controls`.
Combat       eight times in a step units go, shoot, die and push each other apart. See `combat`.
Observation  numbers of the others in sight and of oneself, see `observation`; the rule
             `observation` is "unit_list" or "conic".
Reward       shared by a team, also by its dead: the other team's health lost, as a share of all of
             it, and `won_battle_bonus` for a battle won with somebody left. By the rule
             `use_self_play_reward` the bonus alone, and minus it for a battle lost.
Ending       terminates all when a team is dead, truncates all at `horizon` steps. The dead stay
             agents until then: they see zeros and can only stop.
Start        the teams face each other; by the rule `starts` "anywhere" as in SMACv2. See `start`.
Enemies      play by the rule `enemy_policy`, see `heuristic`; with None they are agents too.
Information  `won`: the allies live and no enemy does; `allies_alive`, `enemies_alive`: how many.
Source       Rutherford et al. (2023), "JaxMARL"; after Samvelyan et al. (2019), "SMAC", and Ellis
             et al. (2022), "SMACv2". See docs/smax.md for what differs.
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
from native.spaces import Box, Discrete

from . import combat, controls, heuristic, observation, picture, start
from .combat import Orders
from .scenarios import UNKNOWN
from .units import LETTERS, Params, Stats, Units, stats

TEAMS = ("ally", "enemy")
STARTS = ("facing", "anywhere")
OBSERVATIONS = ("unit_list", "conic")


@pytree
class State:
    """Everything that changes."""

    units: Units
    start: jax.Array  # float32 (2, units), where they began: x and y
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@dataclasses.dataclass(frozen=True)
class Smax:
    """Everything that does not change."""

    allies: str = "mmm"  # a letter for each, see `units.LETTERS`; "?": drawn in each episode
    enemies: str = "mmm"
    starts: str = "facing"
    enemy_policy: str | None = "closest"
    observation: str = "unit_list"
    continuous_actions: bool = False
    see_enemy_actions: bool = True
    walls_cause_death: bool = True
    use_self_play_reward: bool = False
    horizon: int | None = 100
    params: Params = dataclasses.field(default_factory=Params)
    name: str = rules.label("smax_3m_v1")

    def __post_init__(self) -> None:
        flags = (
            *("continuous_actions", "see_enemy_actions"),
            *("walls_cause_death", "use_self_play_reward"),
        )
        rules.check(
            self,
            allies=_team,
            enemies=_team,
            starts=rules.one_of(*STARTS),
            enemy_policy=rules.optional(rules.one_of(*heuristic.MODES)),
            observation=rules.one_of(*OBSERVATIONS),
            **dict.fromkeys(flags, rules.flag),
            horizon=rules.time_limit,
            params=rules.params(Params),
            name=rules.text,
        )

    @property
    def spec(self) -> Spec:
        """A group of allies, and one of enemies if they are agents."""
        counts = len(self.allies), len(self.enemies)
        units = sum(counts)
        numbers = observation.size(units, conic=self.observation == "conic")
        seen = Box(-math.inf, math.inf, (numbers,))

        def team(name: str, count: int, others: int) -> Group:
            action = Discrete(controls.MOVES + others)
            moves = Box(0.0, 1.0, (controls.NUMBERS,)) if self.continuous_actions else action
            return Group(name, tuple(f"{name}_{i}" for i in range(count)), seen, moves)

        groups = (team(TEAMS[0], *counts), team(TEAMS[1], *counts[::-1]))
        return Spec(
            self.name,
            groups if self.enemy_policy is None else groups[:1],
            self.horizon,
            Box(-math.inf, math.inf, (observation.OF_EACH * units,)),
            masks=not self.continuous_actions,
            render_fps=8,
        )

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Draw who fights and where, and push apart who overlaps."""
        for_kinds, for_places = jax.random.split(key)
        allies, enemies = len(self.allies), len(self.enemies)
        known = self._known_kinds
        drawn = start.kinds(for_kinds, self.allies, self.enemies) if known is None else known
        place = start.facing if self.starts == "facing" else start.anywhere
        x, y = place(for_places, allies, enemies)
        able = stats(drawn, params)
        nothing = jnp.zeros(allies + enemies, jnp.float32)
        units = Units(
            x=x,
            y=y,
            health=able.health,
            alive=nothing == 0,
            cooldown=nothing,
            kind=jnp.asarray(drawn),
            dx=nothing,
            dy=nothing,
            attack=jnp.zeros(allies + enemies, jnp.int32),
        )
        # A start is rare, and by its loop `native.starts` knows that it is not to be had for all.
        units = combat.push_apart(units, able.radius, unrolled=0)
        state = State(
            units=units,
            start=jnp.stack([units.x, units.y]),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        agents = self.spec.num_agents
        return state, restart(self._observe(units, able), agents, self._inform(units))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Give orders, fight, judge, look."""
        for_noise, for_orders, for_enemies = jax.random.split(key, 3)
        orders, attack = self._orders(for_orders, for_enemies, state, action, params)
        low, high = combat.COOLDOWN_NOISE
        luck = low + (high - low) * jax.random.uniform(for_noise, (1, len(attack)), jnp.float32)
        return self.advance(state, orders, attack, luck, params)

    def advance(
        self, state: State, orders: Orders, attack: jax.Array, luck: jax.Array, params: Params
    ) -> tuple[State, Timestep]:
        """`step` by given orders and given luck, see `combat.fight`.

        Args:
            state: Before it.
            orders: Of all units.
            attack: Which actions they are, where they are attacks: int32 (units,), else 0.
            luck: As in `combat.fight`.
            params: Numbers of the dynamics.
        """
        able, spec, allies = self._stats(state, params), self.spec, len(self.allies)
        fought = combat.fight(
            state.units, able, orders, luck, allies, walls_cause_death=self.walls_cause_death
        )
        fought = dataclasses.replace(fought, dx=orders.dx, dy=orders.dy, attack=attack)
        ended = ~fought.alive[:allies].any() | ~fought.alive[allies:].any()
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        units = jax.tree.map(
            lambda now, then: jnp.where(state.over, now, then), state.units, fought
        )
        after = State(units=units, start=state.start, tick=tick, over=state.over | ended | late)
        earned = combat.rewards(
            state.units,
            fought,
            able,
            allies,
            params.won_battle_bonus,
            sparse=self.use_self_play_reward,
        )
        by_team = [
            jnp.broadcast_to(reward, (len(group.agents),))
            for reward, group in zip(earned, spec.groups, strict=False)
        ]
        everyone = jnp.ones(spec.num_agents, jnp.bool_)
        return after, transition(
            spec,
            acting=~state.over & everyone,
            observation=self._observe(units, able),
            reward=jnp.concatenate(by_team),
            terminated=ended & everyone,
            truncated=late & everyone,
            info=self._inform(units),
        )

    def action_mask(self, state: State, params: Params) -> dict[str, jax.Array]:
        """Who lives may go and shoot whom it reaches; the dead may stop."""
        masks = observation.legal(state.units, self._stats(state, params), len(self.allies))
        groups = self.spec.groups
        return {g.name: mask | state.over for g, mask in zip(groups, masks, strict=False)}

    def global_state(self, state: State, params: Params) -> jax.Array:
        """See `observation.whole`."""
        return observation.whole(state.units, self._stats(state, params), len(self.allies))

    def render(self, state: State, params: Params) -> jax.Array:
        """The square from above, allies blue, enemies red: uint8 (400, 400, 3)."""
        target = controls.target_of(state.units.attack, len(self.allies))
        return picture.paint(state.units, self._stats(state, params), target, len(self.allies))

    def act_by_heuristic(
        self, key: jax.Array, state: State, rows: slice, mode: str, params: Params
    ) -> jax.Array:
        """What the units in these rows do in a mode of `heuristic`: int32 (units of the team,)."""
        able = self._stats(state, params)
        return heuristic.act(key, state.units, able, state.start, len(self.allies), rows, mode)

    @property
    def _known_kinds(self) -> np.ndarray | None:
        """int32 (units,), if none is drawn."""
        both = self.allies + self.enemies
        return None if UNKNOWN in both else np.array([*map(LETTERS.find, both)], np.int32)

    def _stats(self, state: State, params: Params) -> Stats:
        known = self._known_kinds
        return stats(state.units.kind if known is None else known, params)

    def _orders(
        self,
        key: jax.Array,
        for_enemies: jax.Array,
        state: State,
        action: Mapping[str, jax.Array],
        params: Params,
    ) -> tuple[Orders, jax.Array]:
        """Of all units, and which actions are attacks: int32 (units,), 0 where none is."""
        allies, units = len(self.allies), state.units
        chosen = [action[group.name] for group in self.spec.groups]
        if self.enemy_policy is None:
            joint = jnp.concatenate(chosen)
            if self.continuous_actions:
                return controls.continuous(key, joint, units, allies)
            return controls.discrete(joint, allies)
        rows = slice(allies, allies + len(self.enemies))
        enemies = self.act_by_heuristic(for_enemies, state, rows, self.enemy_policy, params)
        if not self.continuous_actions:
            return controls.discrete(jnp.concatenate([*chosen, enemies]), allies)
        idle = jnp.zeros((len(self.enemies), controls.NUMBERS), jnp.float32)
        both = jnp.concatenate([*chosen, idle])
        ours = controls.continuous(key, both, units, allies)
        stop = jnp.full(allies, controls.STOP, jnp.int32)
        theirs = controls.discrete(jnp.concatenate([stop, enemies]), allies)
        joined: tuple[Orders, jax.Array] = jax.tree.map(
            lambda a, b: jnp.concatenate([a[:allies], b[allies:]]), ours, theirs
        )
        return joined

    def _observe(self, units: Units, able: Stats) -> dict[str, jax.Array]:
        return {
            group.name: observation.observe(
                units,
                able,
                len(self.allies),
                team=team,
                conic=self.observation == "conic",
                sees_enemy_actions=self.see_enemy_actions,
            )
            for team, group in enumerate(self.spec.groups)
        }

    def _inform(self, units: Units) -> dict[str, jax.Array]:
        allies = units.alive[: len(self.allies)].sum(dtype=jnp.int32)
        enemies = units.alive[len(self.allies) :].sum(dtype=jnp.int32)
        return {
            "won": (allies > 0) & (enemies == 0),
            "allies_alive": allies,
            "enemies_alive": enemies,
        }


def _team(rule: str, value: Any) -> str:
    known = LETTERS + UNKNOWN
    if not isinstance(value, str) or not value or set(value) - set(known):
        rules.refuse(rule, f"a letter for each unit, of {', '.join(known)}", value)
    return value
