"""Pgx: a turn-based game as a native environment, all of whose players are agents of one group.

| Pgx                               | native                                                       |
| --------------------------------- | ------------------------------------------------------------ |
| player i, whoever begins          | agent "player_i" of the group "player"                       |
| `current_player`                  | `current_agent`, and `info["current_agent"]`: int32 ()       |
| `step(state, action)`             | the action of that player; those of the others are ignored   |
| `observation` of one player       | every player's own view; grids of flags as uint8 0 and 1     |
| `legal_action_mask` of one player | mask of that player; of the others, who only wait, all True  |
| an illegal action                 | as theirs: ends the game, at the expense of who took it      |
| `rewards`                         | reward of each player, on every step                         |
| `terminated`                      | all players terminate, also at the game's own limit of moves |
| `truncated`, and `horizon`        | all players are truncated                                    |
| `auto_reset`                      | not used                                                     |

Where Pgx ends a game after so many moves (chess 512, 9x9 Go 162, ...) it says who has won, so that
is a termination. Through `bridge.pettingzoo.aec_env` the players take their true turns.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from bridge.errors import UnsuitableError
from bridge.rules import time_limit
from native.core import Group, Spec, Timestep
from native.spaces import Discrete

from .base import FixedTogether, State
from .foreign import ByValue, as_it_comes
from .states import strong
from .trees import space_of

__all__ = ["PgxGame", "from_pgx"]

GROUP = "player"


def from_pgx(env: Any, *, horizon: int | None = None) -> "PgxGame":
    """A Pgx game as a native environment.

    Args:
        env: A `pgx.Env`, such as `pgx.make("tic_tac_toe")`; it must not be changed any more.
        horizon: Truncate after so many steps; None or -1: the game goes on until it ends.

    Raises:
        UnsuitableError: It is no such game.
        RuleValueError: The horizon is no positive integer below 2**31.
    """
    if not (hasattr(env, "num_players") and hasattr(env, "init")):
        raise UnsuitableError(f"{type(env).__name__} has no num_players and init: pass a pgx.Env.")
    return PgxGame(ByValue(env), time_limit("horizon", horizon))


@dataclasses.dataclass(frozen=True)
class PgxGame(FixedTogether):
    """A Pgx game; make one with `from_pgx`."""

    game: ByValue
    horizon: int | None = None

    @functools.cached_property
    def spec(self) -> Spec:
        """One group of all players."""
        env: Any = self.game.it
        with as_it_comes():
            shown = jax.eval_shape(env.init, jax.random.key(0))
        players = tuple(f"{GROUP}_{player}" for player in range(env.num_players))
        (actions,) = shown.legal_action_mask.shape
        group = Group(GROUP, players, space_of(shown.observation), Discrete(actions))
        return Spec(f"pgx/{env.id}", (group,), self.horizon, masks=True, turns=True)

    def init(self, key: jax.Array, params: tuple[()]) -> tuple[State, Timestep]:
        """Begin a game; who moves first is drawn."""
        del params
        with as_it_comes():
            game = strong(self.game.it.init(key))
        return self.begun(game, self._observe(game), _info(game))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: tuple[()]
    ) -> tuple[State, Timestep]:
        """The current player moves."""
        del params
        move = action[GROUP][state.theirs.current_player]
        with as_it_comes():
            game = strong(self.game.it.step(state.theirs, move, key))
        return self.stepped(
            state,
            game,
            observation=self._observe(game),
            reward=game.rewards,
            terminated=game.terminated,
            truncated=game.truncated,
            info=_info(game),
        )

    def action_mask(self, state: State, params: tuple[()]) -> dict[str, jax.Array]:
        """What the current player may do; all True for the others, and when the game is over."""
        del params
        agents = jnp.arange(self.spec.num_agents, dtype=jnp.int32)
        waits = (agents != state.theirs.current_player) | state.over
        return {GROUP: waits[:, None] | state.theirs.legal_action_mask[None]}

    def current_agent(self, state: State, params: tuple[()]) -> jax.Array:
        """Whose action the next step reads: int32 ()."""
        del params
        return _info(state.theirs)["current_agent"]

    def _observe(self, game: Any) -> dict[str, jax.Array]:
        # `Env.observe` with a player is deprecated; what it calls is what every game implements.
        observe = functools.partial(self.game.it._observe, game)
        players = jnp.arange(self.spec.num_agents, dtype=jnp.int32)
        with as_it_comes():
            views = jax.vmap(observe)(players)
        space: Any = self.spec.groups[0].observation
        return {GROUP: views.astype(space.dtype)}


def _info(game: Any) -> dict[str, jax.Array]:
    return {"current_agent": game.current_player.astype(jnp.int32)}
