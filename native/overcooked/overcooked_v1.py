"""Overcooked: two cooks fill pots with onions, wait, and serve the soup on plates.

Action       0 up, 1 down, 2 right, 3 left: turn there, and go there if it is floor; 4 nothing;
             5 use what is ahead.
Use          Before anybody walks, the first cook before the second. With empty hands: take an
             onion or a plate from its pile, or what lies on a counter. With something: put it on
             an empty counter; an onion into a pot that has fewer than three and does not cook; a
             plate under soup that is done; serve soup.
Walk         Both at once. Who would share a cell or change places stays.
Pots         With the third onion a pot begins to cook, for `cook_time` steps, this one included.
             With `start_cooking_interaction` it begins when it is used with empty hands, from one
             onion on.
Observation  uint8 (rows, columns, 26), see `CHANNELS`, oneself before the other.
Reward       Shared: `delivery` for soup of three onions that is served, nothing for other soup. In
             `info["shaped_reward"]`, for each cook: `placement` for an onion into a pot, `soup`
             for soup from a pot, `plate` for a plate from the pile while none lies on a counter
             and there are fewer in hands than pots were in use before this step; `shaping` times
             that is added to its reward.
Ending       truncates at `horizon` steps.
Start        At the plan's places, facing up, hands and pots empty. With `random_facing` as it
             comes; with `random_reset` places, hands and pots too.
Source       Carroll et al. (2019), as in overcooked-ai 1.1.0, in which cooking needs to be started.
             Names, order of channels and random starts as in JaxMARL.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.kernels import apart
from native.prng import below
from native.spaces import Box, Discrete

from . import kitchen
from .kitchen import COUNTER, FLOOR, PLATES, POT, SERVING, Kitchen
from .layouts import ONIONS, plan
from .picture import Cells, paint
from .unpacking import Field, unpacked

STAY, USE, ACTIONS = 4, 5, 6
NOTHING, ONION, PLATE, DISH = range(4)  # in hands, on counters; DISH + n - 1: soup of n onions
FULL = 3  # onions
IDLE = -1  # a pot's timer before it cooks
URGENT = 40  # steps before the end
STEPS = "steps to cook"

# Name, and how many bits of a cell's word.
CHANNELS: tuple[tuple[str, int], ...] = (
    *(("self", 1), ("other", 1)),
    *(
        (f"{who} faces {way}", 1)
        for who in ("self", "other")
        for way in ["up", "down", "right", "left"]
    ),
    *(("pot", 1), ("counter", 1), ("onion pile", 1), ("tomato pile", 1), ("plate pile", 1)),
    *(("serving", 1), ("onions in idle pot", 2), ("tomatoes in idle pot", 0)),
    *(("onions in soup", 2), ("tomatoes in soup", 0), (STEPS, 8), ("soup done", 1)),
    *(("plate", 1), ("onion", 1), ("tomato", 0), ("urgent", 1)),
)
BITS = np.array([bits for _, bits in CHANNELS], np.int32)
SHIFT = (np.cumsum(BITS) - BITS).astype(np.int32)
FIELDS = [Field(0, int(shift), int(bits)) for shift, bits in zip(SHIFT, BITS, strict=True)]
PLAN = {POT: "pot", COUNTER: "counter", ONIONS: "onion pile", PLATES: "plate pile"}
PLACE = {name: int(SHIFT[i]) for i, (name, _) in enumerate(CHANNELS)}


@pytree
class State:
    """Everything that changes; all int32 but `over`."""

    place: jax.Array  # (2,), cell of each cook; cells are numbered row by row
    facing: jax.Array  # (2,), up, down, right, left
    held: jax.Array  # (2,), NOTHING ... DISH + 2
    counter: jax.Array  # (cells,), what lies there, NOTHING ... DISH + 2
    onions: jax.Array  # (pots,), 0 ... FULL
    timer: jax.Array  # (pots,), steps until the soup is done, 0: it is, IDLE: it does not cook
    tick: jax.Array  # ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics.

    Attributes:
        delivery: Reward of both for soup served.
        placement, plate, soup: Shaped rewards for an onion put, a plate and soup taken.
        shaping: How many times the shaped rewards are added to the reward.
    """

    delivery: float = 20.0
    placement: float = 3.0
    plate: float = 3.0
    soup: float = 5.0
    shaping: float = 0.0


@dataclasses.dataclass(frozen=True)
class Overcooked:
    """Everything that does not change.

    Attributes:
        layout: One of `layouts.LAYOUTS`; or a plan: "W" counter, "P" pot, "O" onions, "B" plates,
            "X" serving, " " floor, and where cooks start: "1" and "2", or "A" for each in reading
            order. In overcooked-ai's letters "X" is a counter, "D" plates, "S" serving.
        horizon: Steps after which an episode is truncated; None: never.
        cook_time: Steps from the last onion to soup, 1 ... 255.
        start_cooking_interaction: A pot cooks from when it is used with empty hands.
        random_facing: Which way cooks face at the start is drawn.
        random_reset: All but counters is drawn at the start.
        params: Numbers of the dynamics.
    """

    layout: str = "cramped_room"
    horizon: int | None = 400
    cook_time: int = 20
    start_cooking_interaction: bool = False
    random_facing: bool = False
    random_reset: bool = False
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        rules.check(
            self,
            layout=rules.text,
            horizon=rules.time_limit,
            cook_time=rules.count(1, 255),
            start_cooking_interaction=rules.flag,
            random_facing=rules.flag,
            random_reset=rules.flag,
            params=rules.params(Params),
        )
        _ = self.kitchen

    @property
    def kitchen(self) -> Kitchen:
        """The plan, read."""
        return plan(self.layout)

    @property
    def spec(self) -> Spec:
        """One group: the cooks."""
        highest = np.where(BITS == 2, FULL, 1)  # onions; all else but steps is a flag
        highest[[name for name, _ in CHANNELS].index(STEPS)] = max(self.cook_time - 1, 1)
        seen = Box(0, tuple(highest.tolist()), self._shape, "uint8")
        cooks = Group("agent", ("agent_0", "agent_1"), seen, Discrete(ACTIONS))
        return Spec("overcooked_v1", (cooks,), self.horizon, render_fps=10)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Open the kitchen."""
        del params
        floor, pots = self.kitchen.cells(FLOOR), len(self.kitchen.cells(POT))
        draws = jax.random.bits(key, (6 + pots,), jnp.uint32)
        facing, held, status = draws[2:4], draws[4:6], draws[6:]
        first, second = (below(draws[i], np.uint32(len(floor) - i)) for i in range(2))
        second = second + (second >= first).astype(jnp.uint32)  # any but the first
        place = jnp.asarray(self.kitchen.starts, jnp.int32)
        onions, timer = jnp.zeros(pots, jnp.int32), jnp.full(pots, IDLE, jnp.int32)
        if self.random_reset:
            place = jnp.asarray(floor)[jnp.stack([first, second])]
            left = _drawn(status, self.cook_time + FULL + 1)  # steps of cooking, then onions
            idle = left >= self.cook_time
            onions = jnp.where(idle, left - self.cook_time, FULL)
            timer = jnp.where(idle, IDLE, left)
        turned, fetched = self.random_facing or self.random_reset, self.random_reset
        item = _drawn(held, 4)
        state = State(
            place=place,
            facing=_drawn(facing, 4) if turned else jnp.full(2, kitchen.UP, jnp.int32),
            held=jnp.where(item == DISH, DISH + FULL - 1, item)
            if fetched
            else jnp.zeros_like(item),
            counter=jnp.full(self.kitchen.height * self.kitchen.width, NOTHING, jnp.int32),
            onions=onions,
            timer=timer,
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        none = {"shaped_reward": jnp.zeros(2, jnp.float32)}
        return state, restart(self.observe(state), 2, none)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Use, walk, cook, judge."""
        del key
        chosen = action["agent"]
        used, served = state, jnp.float32(0)
        shaped: list[jax.Array] = []
        in_use = (state.onions > 0).sum(dtype=jnp.int32)
        if self.start_cooking_interaction:  # overcooked-ai forgets those that are full and idle
            in_use = in_use - ((state.onions == FULL) & (state.timer == IDLE)).sum(dtype=jnp.int32)
        for cook in range(2):
            used, tips, pay = self._use(used, cook, chosen[cook] == USE, in_use, params)
            served = served + pay
            shaped.append(tips)
        turns = chosen < STAY
        facing = jnp.where(turns, chosen, state.facing)
        timer = used.timer
        if not self.start_cooking_interaction:
            begins = (used.onions == FULL) & (timer == IDLE)
            timer = jnp.where(begins, self.cook_time, timer)
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = dataclasses.replace(
            used,
            place=self.kitchen.walk(state.place, facing, turns),
            facing=facing,
            timer=jnp.where(timer > 0, timer - 1, timer),
            tick=tick,
            over=state.over | late,
        )
        acting = jnp.broadcast_to(~state.over, (2,))
        extra = jnp.where(acting, jnp.stack(shaped), jnp.float32(0))
        seen = self.observe(after, ~state.over)
        shown = transition(
            self.spec,
            acting=acting,
            observation=seen,
            reward=served + params.shaping * extra,
            terminated=jnp.zeros(2, jnp.bool_),
            truncated=jnp.broadcast_to(late, (2,)),
            info={"shaped_reward": extra},
        )
        # It is hidden already, as words: byte by byte that takes longer than all else.
        return after, dataclasses.replace(shown, observation=seen)

    def _use(
        self, state: State, cook: int, uses: jax.Array, in_use: jax.Array, params: Params
    ) -> tuple[State, jax.Array, jax.Array]:
        """What one cook does to what is ahead: the state, its shaped reward, what is served."""
        ahead = self.kitchen.ahead(state.place[cook], state.facing[cook])
        held = state.held[cook]
        empty, lies = held == NOTHING, state.counter[ahead]

        def at(letter: str) -> jax.Array:
            return uses & jnp.asarray(self.kitchen.marked(letter))[ahead]

        puts = at(COUNTER) & ~empty & (lies == NOTHING)
        takes = at(COUNTER) & empty & (lies != NOTHING)
        onion, plate = at(ONIONS) & empty, at(PLATES) & empty
        serves = at(SERVING) & (held >= DISH)

        pot = uses & (self.kitchen.cells(POT) == ahead)
        idle, some, room = state.timer == IDLE, state.onions > 0, state.onions < FULL
        fills = pot & idle & room & (held == ONION)
        empties = pot & (state.timer == 0) & (held == PLATE)
        fill, scoop = fills.any(), empties.any()
        soup = DISH - 1 + jnp.where(pot, state.onions, 0).sum(dtype=jnp.int32)
        timer = jnp.where(empties, IDLE, state.timer)
        if self.start_cooking_interaction:
            timer = jnp.where(pot & idle & some & empty, self.cook_time, timer)

        useful = ~(state.counter == PLATE).any()
        useful = useful & ((state.held == PLATE).sum(dtype=jnp.int32) < in_use)
        tips = (
            jnp.where(fill, params.placement, 0.0)
            + jnp.where(scoop, params.soup, 0.0)
            + jnp.where(plate & useful, params.plate, 0.0)
        )
        pays = serves & (held == DISH + FULL - 1)

        got = jnp.where(puts | serves | fill, NOTHING, held)
        got = jnp.where(takes, lies, jnp.where(onion, ONION, jnp.where(plate, PLATE, got)))
        got = jnp.where(scoop, soup, got)
        cells = np.arange(len(state.counter), dtype=np.int32)
        here = (puts | takes) & (cells == ahead)
        after = dataclasses.replace(
            state,
            held=jnp.where(np.arange(2) == cook, got, state.held),
            counter=jnp.where(here, jnp.where(puts, held, NOTHING), state.counter),
            onions=jnp.where(empties, 0, state.onions + fills.astype(jnp.int32)),
            timer=timer,
        )
        return after, tips, jnp.where(pays, params.delivery, 0.0)

    def observe(self, state: State, shown: jax.Array | bool = True) -> dict[str, jax.Array]:
        """What both see: group -> uint8 (2, rows, columns, channels), zeros unless `shown`."""
        seen = unpacked([apart(self._words, state, shown)], FIELDS)
        return {"agent": seen.reshape(2, *self._shape)}

    @property
    def _shape(self) -> tuple[int, int, int]:
        """Of what one cook sees."""
        return self.kitchen.height, self.kitchen.width, len(CHANNELS)

    def _words(self, state: State, shown: jax.Array | bool) -> jax.Array:
        """All that is in a cell as bits, as each cook sees it: int32 (2, cells)."""
        cells = np.arange(len(state.counter), dtype=np.int32)
        here = [cells == state.place[cook] for cook in range(2)]

        def marks(cook: int, who: str) -> jax.Array:
            turned = jnp.int32(1) << (state.facing[cook] + PLACE[f"{who} faces up"])
            return jnp.where(here[cook], turned | (1 << PLACE[who]), 0)

        words = jnp.stack([marks(i, "self") | marks(1 - i, "other") for i in range(2)])
        item = state.counter
        for cook in range(2):
            item = jnp.where(here[cook], state.held[cook], item)
        soup = jnp.where(item >= DISH, item - DISH + 1, 0)
        word = soup << PLACE["onions in soup"]
        word = word | ((soup > 0).astype(jnp.int32) << PLACE["soup done"])
        word = word | ((item == PLATE).astype(jnp.int32) << PLACE["plate"])
        word = word | ((item == ONION).astype(jnp.int32) << PLACE["onion"])
        for i, cell in enumerate(self.kitchen.cells(POT)):
            onions, timer = state.onions[i], state.timer[i]
            cooks = (onions << PLACE["onions in soup"]) | (timer << PLACE[STEPS])
            cooks = cooks | ((timer == 0).astype(jnp.int32) << PLACE["soup done"])
            pot = jnp.where(timer == IDLE, onions << PLACE["onions in idle pot"], cooks)
            word = jnp.where(cells == cell, pot, word)
        if self.horizon is not None:
            urgent = self.horizon - state.tick < URGENT
            word = word | (urgent.astype(jnp.int32) << PLACE["urgent"])
        for letter, name in {**PLAN, SERVING: "serving"}.items():
            word = word | (self.kitchen.marked(letter).astype(np.int32) << PLACE[name])
        return jnp.where(shown, words | word[None], 0)

    def render(self, state: State, params: Params) -> jax.Array:
        """The kitchen from above: uint8 (40 rows, 40 columns, 3)."""
        del params
        cells = np.arange(len(state.counter), dtype=np.int32)
        item, cook = state.counter, jnp.full_like(state.counter, -1)
        for i in range(2):
            here = cells == state.place[i]
            item, cook = jnp.where(here, state.held[i], item), jnp.where(here, i, cook)
        count = jnp.where(item == ONION, 1, jnp.maximum(item - DISH + 1, 0))
        cooked, share = item >= DISH, jnp.zeros(len(cells), jnp.float32)
        for i, cell in enumerate(self.kitchen.cells(POT)):
            here, timer = cells == cell, state.timer[i]
            left = timer.astype(jnp.float32) / self.cook_time
            count = jnp.where(here, state.onions[i], count)
            cooked = cooked | (here & (timer == 0))
            share = jnp.where(here & (timer != IDLE), 1.0 - left, share)
        parts = jnp.where(np.arange(FULL)[None] < count[:, None], 0, -1)
        return paint(
            self.kitchen,
            Cells(
                plate=(item == PLATE) | (item >= DISH),
                cooked=cooked,
                parts=parts,
                cook=cook,
                facing=state.facing[jnp.maximum(cook, 0)],
                share=share,
            ),
        )


def _drawn(bits: jax.Array, n: int) -> jax.Array:
    return below(bits, np.uint32(n)).astype(jnp.int32)
