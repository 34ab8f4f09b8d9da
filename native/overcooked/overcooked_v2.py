"""Overcooked, second version: several ingredients, recipes that not all cooks see, any crew.

Action       0 right, 1 down, 2 left, 3 up: turn there, and go there if it is floor; 4 nothing;
             5 use what is ahead.
Use          One cook after the other. With empty hands: take from a pile, or what lies on a
             counter; press a button, which costs all `button` and shows the recipe for ten steps.
             With something: put it on an empty counter; an ingredient into a pot that has fewer
             than three and neither cooks nor holds soup; a plate under soup; serve soup.
Walk         All at once. Who would share a cell or change places stays.
Pots         A pot with three ingredients begins to cook when it is used, for `cook_time` steps,
             this one included. With `start_cooking_interaction` it begins when it is used with
             empty hands, from one ingredient on.
Recipe       One of `recipes`, drawn at the start; with `sample_recipe_on_delivery` also when one is
             served right.
Observation  uint8 (rows, columns, channels): oneself, the others, the plan, what lies there, the
             recipe where it is shown, clocks, see `Overcooked2.channels`. With `agent_view_size`
             only so many cells to each side, zeros beyond the plan.
Reward       Shared: `delivery` for soup as ordered; for other soup nothing, with `negative_rewards`
             as much less. In `info["shaped_reward"]`, for each cook: `placement` for an ingredient
             that the pot lacks, `start` for starting a pot with the recipe, `soup` for taking such
             soup, `plate` for a plate while none lies about and fewer were in hands before the step
             than pots are in use; `shaping` times that is added to its reward.
Ending       truncates at `horizon` steps.
Start        At the plan's places, facing up, hands and pots empty. With `random_agent_positions`
             anywhere in one's room; with `random_reset` hands, pots and counters too.
Source       Gessler et al. (2025), as in JaxMARL's OvercookedV2.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

from . import items, kitchen, layouts_v2, sight
from .items import COOKED, DISH, FULL, PLATE
from .kitchen import BUTTON, COUNTER, DOWN, LEFT, PLATES, POT, RIGHT, SERVING, UP
from .layouts_v2 import Recipes
from .picture import Cells, paint
from .state_v2 import State, drawn, scatter_cooks, scatter_items

STAY, USE, ACTIONS = 4, 5, 6
TURNS = np.array([RIGHT, DOWN, LEFT, UP, UP, UP], np.int32)  # where an action faces
SHOWN_FOR = 10  # steps, by a button


@pytree
class Params:
    """Numbers of the dynamics.

    Attributes:
        delivery, button: Reward of all for soup as ordered, price of a button.
        placement, start, plate, soup: Shaped rewards.
        shaping: How many times the shaped rewards are added to the reward.
    """

    delivery: float = 20.0
    button: float = 5.0
    placement: float = 3.0
    start: float = 5.0
    plate: float = 3.0
    soup: float = 5.0
    shaping: float = 0.0


@dataclasses.dataclass(frozen=True)
class Overcooked2:
    """Everything that does not change.

    Attributes:
        layout: One of `layouts_v2.LAYOUTS`; or a plan: "W" counter, "P" pot, "B" plates, "X"
            serving, digits ingredients, "R" shows the recipe, "L" is a button that does, " " floor,
            and an "A" for each cook, in reading order.
        recipes: What may be ordered, three ingredients each; None: the layout's own, and of a plan
            that shows the recipe all there are.
        horizon: Steps after which an episode is truncated; None: never.
        cook_time: Steps until soup is done, 1 ... 255.
        agent_view_size: Cells seen to each side; None: all.
        indicate_successful_delivery: A channel tells of soup that was served as ordered.
        op_ingredient_permutations: Ingredients whose channels each cook sees in an order of its
            own, drawn at the start.
        params: Numbers of the dynamics.
    """

    layout: str = "cramped_room"
    recipes: Recipes | None = None
    horizon: int | None = 400
    cook_time: int = 20
    agent_view_size: int | None = None
    random_reset: bool = False
    random_agent_positions: bool = False
    start_cooking_interaction: bool = False
    negative_rewards: bool = False
    sample_recipe_on_delivery: bool = False
    indicate_successful_delivery: bool = False
    op_ingredient_permutations: tuple[int, ...] = ()
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        flags = [field.name for field in dataclasses.fields(self) if field.type is bool]
        rules.check(
            self,
            layout=rules.text,
            recipes=layouts_v2.fits,
            horizon=rules.time_limit,
            cook_time=rules.count(1, 255),
            agent_view_size=rules.optional(rules.count()),
            params=rules.params(Params),
            **dict.fromkeys(flags, rules.flag),
        )
        _ = self.orders
        rules.check(self, op_ingredient_permutations=self._some_ingredients)

    def _some_ingredients(self, rule: str, value: Any) -> tuple[int, ...]:
        made = tuple(value) if isinstance(value, (tuple, list)) else (value,)
        fits = rules.count(0, self.ingredients - 1)
        made = tuple(fits(rule, one) for one in made)
        if len({*made}) < len(made):
            rules.refuse(rule, "ingredients that differ", value)
        return made

    @property
    def kitchen(self) -> kitchen.Kitchen:
        """The plan, read."""
        return layouts_v2.plan(self.layout)

    @property
    def ingredients(self) -> int:
        """How many there are."""
        return layouts_v2.ingredients(self.kitchen)

    @property
    def orders(self) -> np.ndarray:
        """The recipes that are ordered, ingredients of an item each: int32 (recipes,)."""
        known = layouts_v2.recipes_of(self.layout, self.recipes)
        return np.array([sum(map(items.ingredient, recipe)) for recipe in known], np.int32)

    @property
    def channels(self) -> tuple[tuple[str, int], ...]:
        """What each channel shows, and the highest it can be."""
        return sight.channels(self.ingredients, self.cook_time, self.indicate_successful_delivery)

    @property
    def spec(self) -> Spec:
        """One group: the cooks."""
        side = None if self.agent_view_size is None else 2 * self.agent_view_size + 1
        rows, columns = side or self.kitchen.height, side or self.kitchen.width
        high = tuple(high for _, high in self.channels)
        seen = Box(0, high, (rows, columns, len(high)), "uint8")
        names = tuple(f"agent_{i}" for i in range(len(self.kitchen.starts)))
        cooks = Group("agent", names, seen, Discrete(ACTIONS))
        return Spec("overcooked_v2", (cooks,), self.horizon, render_fps=10)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Open the kitchen."""
        del params
        cooks, size = len(self.kitchen.starts), self.kitchen.height * self.kitchen.width
        keys = jax.random.split(key, 4)
        state = State(
            place=jnp.asarray(self.kitchen.starts, jnp.int32),
            facing=jnp.full(cooks, UP, jnp.int32),
            held=jnp.zeros(cooks, jnp.int32),
            lies=jnp.zeros(size, jnp.int32),
            timer=jnp.zeros(size, jnp.int32),
            recipe=self._recipe(keys[0]),
            order=self._orders_of_channels(keys[1]),
            delivered=jnp.bool_(False),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        if self.random_agent_positions or self.random_reset:
            state = scatter_cooks(keys[2], self.kitchen, state)
        if self.random_reset:
            whole = not self.start_cooking_interaction
            fixed = self.orders, self.ingredients, self.cook_time, whole
            state = scatter_items(keys[3], self.kitchen, state, *fixed)
        none = {"shaped_reward": jnp.zeros(cooks, jnp.float32)}
        return state, restart(self.observe(state), cooks, none)

    def _recipe(self, key: jax.Array) -> jax.Array:
        return jnp.asarray(self.orders)[drawn(key, (), len(self.orders))]

    def _orders_of_channels(self, key: jax.Array) -> jax.Array:
        cooks, plain = len(self.kitchen.starts), jnp.arange(self.ingredients, dtype=jnp.int32)
        if not self.op_ingredient_permutations:
            return jnp.broadcast_to(plain, (cooks, self.ingredients))
        moved = jnp.asarray(self.op_ingredient_permutations, jnp.int32)

        def one(key: jax.Array) -> jax.Array:
            return plain.at[moved].set(jax.random.permutation(key, moved))

        return jax.vmap(one)(jax.random.split(key, cooks))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Use, walk, cook, judge."""
        chosen = action["agent"]
        cooks = len(self.kitchen.starts)
        turns = chosen < STAY
        facing = jnp.where(turns, jnp.asarray(TURNS)[chosen], state.facing)
        used = dataclasses.replace(state, delivered=jnp.bool_(False))
        paid = jnp.float32(0)
        shaped: list[jax.Array] = []
        plates = (state.held == PLATE).sum(dtype=jnp.int32)
        for cook in range(cooks):
            used, tips, pay = self._use(used, cook, chosen[cook] == USE, plates, params)
            paid = paid + pay
            shaped.append(tips)
        pots = self.kitchen.marked(POT)
        timer = jnp.maximum(used.timer - 1, 0)
        done = pots & (used.timer > 0) & (timer == 0)
        recipe = used.recipe
        if self.sample_recipe_on_delivery:
            recipe = jnp.where(used.delivered, self._recipe(key), recipe)
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = dataclasses.replace(
            used,
            place=self.kitchen.walk(state.place, facing, turns),
            facing=facing,
            lies=used.lies | jnp.where(done, COOKED, 0),
            timer=timer,
            recipe=recipe,
            tick=tick,
            over=state.over | late,
        )
        acting = jnp.broadcast_to(~state.over, (cooks,))
        extra = jnp.where(acting, jnp.stack(shaped), jnp.float32(0))
        seen = self.observe(after, ~state.over)
        shown = transition(
            self.spec,
            acting=acting,
            observation=seen,
            reward=paid + params.shaping * extra,
            terminated=jnp.zeros(cooks, jnp.bool_),
            truncated=jnp.broadcast_to(late, (cooks,)),
            info={"shaped_reward": extra},
        )
        # It is hidden already, as words: byte by byte that takes longer than all else.
        return after, dataclasses.replace(shown, observation=seen)

    def _use(
        self, state: State, cook: int, uses: jax.Array, plates: jax.Array, params: Params
    ) -> tuple[State, jax.Array, jax.Array]:
        """What one cook does to what is ahead: the state, its shaped reward, what all are paid."""
        ahead = self.kitchen.ahead(state.place[cook], state.facing[cook])
        held, lies, timer = state.held[cook], state.lies[ahead], state.timer[ahead]
        empty, bare = held == 0, lies == 0

        def at(letters: str) -> jax.Array:
            return uses & jnp.asarray(self.kitchen.marked(letters))[ahead]

        pot = at(POT)
        cooked = pot & ((lies & COOKED) != 0)
        idle = pot & ~cooked & (timer == 0)
        scoops = cooked & (held == PLATE)
        fills = idle & items.is_ingredient(held) & (items.count(lies) < FULL)
        pile = jnp.asarray(self._piles)[ahead]
        picks = uses & (pile != 0) & empty
        takes = at(COUNTER) & empty & ~bare
        puts = at(COUNTER) & ~empty & bare
        serves = at(SERVING) & ((held & COOKED) != 0)
        presses = at(BUTTON) & empty
        ordered = state.recipe | DISH
        right = serves & (held == ordered)

        got = jnp.where(puts | fills | serves, 0, held)
        got = jnp.where(picks, pile, jnp.where(takes | scoops, lies | held, got))
        left = jnp.where(fills | puts, lies + held, jnp.where(takes | scoops, 0, lies))
        if self.start_cooking_interaction:
            starts = idle & ~bare & empty
        else:
            starts = idle & (items.count(left) == FULL)
        clock = jnp.where(starts, self.cook_time, jnp.where(presses, SHOWN_FOR, timer))

        both_bits = held | (held << 1)  # of the ingredient that is held
        lacking = (lies & both_bits) < (state.recipe & both_bits)
        pots = self.kitchen.marked(POT)
        in_use = (pots & (state.lies != 0)).sum(dtype=jnp.int32)
        useful = (plates < in_use) & ~(state.lies == PLATE).any()
        tips = (
            jnp.where(fills & lacking, params.placement, 0.0)
            + jnp.where(scoops & ((lies | held) == ordered), params.soup, 0.0)
            + jnp.where((picks | takes) & (got == PLATE) & useful, params.plate, 0.0)
        )
        if self.start_cooking_interaction:
            tips = tips + jnp.where(starts & (lies == state.recipe), params.start, 0.0)
        wrong = -params.delivery if self.negative_rewards else 0.0
        pay = jnp.where(serves, jnp.where(right, params.delivery, wrong), 0.0)
        here = uses & (np.arange(len(state.lies), dtype=np.int32) == ahead)
        mine = np.arange(len(self.kitchen.starts)) == cook
        after = dataclasses.replace(
            state,
            held=jnp.where(mine, got, state.held),
            lies=jnp.where(here, left, state.lies),
            timer=jnp.where(here, clock, state.timer),
            delivered=state.delivered | right,
        )
        return after, tips, pay - jnp.where(presses, params.button, 0.0)

    @property
    def _piles(self) -> np.ndarray:
        """What can be taken from each cell without end: int32 (cells,), items."""
        letters = "".join(self.kitchen.rows)
        found = [
            items.ingredient(int(x)) if x.isdigit() else PLATE * (x == PLATES) for x in letters
        ]
        return np.array(found, np.int32)

    def observe(self, state: State, shown: jax.Array | bool = True) -> dict[str, jax.Array]:
        """What each sees: group -> uint8 (cooks, rows, columns, channels), 0 unless `shown`."""
        permuted = bool(self.op_ingredient_permutations)
        seen = sight.words(self.kitchen, self._piles, state, permuted, shown)
        if self.agent_view_size is not None:
            seen = sight.around(seen, state.place, self.agent_view_size)
        return {"agent": sight.unpacked(seen, self.ingredients, self.indicate_successful_delivery)}

    def render(self, state: State, params: Params) -> jax.Array:
        """The kitchen from above: uint8 (40 rows, 40 columns, 3)."""
        del params
        cells = np.arange(len(state.lies), dtype=np.int32)
        item = jnp.where(sight.shows_recipe(self.kitchen, state), state.recipe, state.lies)
        cook = jnp.full_like(state.lies, -1)
        for i in range(len(self.kitchen.starts)):
            here = cells == state.place[i]
            item, cook = jnp.where(here, state.held[i], item), jnp.where(here, i, cook)
        cooking = self.kitchen.marked(POT) & (state.timer > 0)
        left = state.timer.astype(jnp.float32) / self.cook_time
        return paint(
            self.kitchen,
            Cells(
                plate=(item & PLATE) != 0,
                cooked=(item & COOKED) != 0,
                parts=items.parts(item, self.ingredients),
                cook=cook,
                facing=state.facing[jnp.maximum(cook, 0)],
                share=jnp.where(cooking, 1.0 - left, 0.0),
            ),
        )
