"""Worlds in which the other player learns: to be shaped by whoever is trained in them.

    co_player = PPOCoPlayer(PPO(net_arch=(), learning_rate=0.1))
    env = against_learner(make("iterated_matrix_v0"), "player_0", co_player, games=4, episodes=20)

A *trial* is so many inner episodes. The co-player begins anew in each trial, and learns after each
inner episode from the games that it plays at once; all of them are against agents of the one who
stays. What comes out is an ordinary environment: PPO learns in it once a trial, or in every inner
episode, `native.agents.es` evolves in it, and `evaluate` judges.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from native import kernels, rules
from native.core import Environment, Spec, Timestep, pytree, restart, transition
from native.rules import RuleError
from native.wrappers import OneTeam, Random, Wrapper, one_team
from native.wrappers.base import own_key

from . import actions
from .acting import Acted, Seen
from .co_players import CoPlayer, Kept
from .players import Player, players_of


@pytree
class State:
    """Everything that changes; of worlds, what is seen and what is kept there are `games`."""

    env: Any
    acting: jax.Array  # bool (games, agents of the world)
    seen: Seen  # by the co-player
    mind: Any
    memory: Any
    kept: Kept  # the last steps of one inner episode, the latest last
    tick: jax.Array  # int32 (), of the inner episode
    inner_episode: jax.Array  # int32 (), inner episodes that are over
    over: jax.Array  # bool (), the trial


@dataclasses.dataclass(frozen=True)
class AgainstLearner(Wrapper):
    """What `against_learner` returns."""

    team: str
    co_player: CoPlayer
    games: int
    episodes: int
    stop: int | None = None

    def __post_init__(self) -> None:
        rules.check(self, games=rules.count(), episodes=rules.count())
        rules.check(self, stop=rules.optional(rules.count(0, self.episodes)))
        if isinstance(self.co_player, type) or not hasattr(self.co_player, "learn"):
            rules.refuse("co_player", "a co-player, such as PPOCoPlayer()", self.co_player)
        spec = self.env.spec
        if spec.turns or spec.masks or spec.num_agents != 2 or spec.horizon is None:
            raise RuleError(
                f"A learner is met in a world of two agents that act at once, without masks, for "
                f"a known time; {spec.name} has {spec.num_agents} agents, turns={spec.turns}, "
                f"masks={spec.masks}, horizon={spec.horizon}."
            )
        self.co_player.check(self._alone, self.games)

    @property
    def spec(self) -> Spec:
        """One group: the agent that is left, in each of the games."""
        left = self._left
        (agent,) = left.ours.group.agents
        several = tuple(f"{agent}_game_{i}" for i in range(self.games))
        group = dataclasses.replace(left.ours.group, agents=several if self.games > 1 else (agent,))
        spec = self.env.spec
        return Spec(f"{spec.name}_against_learner", (group,), render_fps=spec.render_fps)

    @property
    def own_params(self) -> Mapping[str, Any]:
        """The co-player's numbers; and "stop", inner episodes after which it learns no more."""
        stop = self.episodes if self.stop is None else self.stop
        return {**self.co_player.numbers, "stop": stop}

    def inner_state(self, state: State) -> Any:
        """That of the first game."""
        return jax.tree.map(lambda leaf: leaf[0], state.env)

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        """Begin a trial: a new mind, new games."""
        env, seen, observation, info = self._begin(key, params)
        mind = self.co_player.begin(own_key(key, "mind"), self._player, seen)
        memory = self.co_player.no_memory(self._player, self.games)
        acted = self.co_player.act(key, self._player, mind, seen, memory)
        agents = self.env.spec.num_agents
        state = State(
            env=env,
            acting=jnp.ones((self.games, agents), jnp.bool_),
            seen=seen,
            mind=mind,
            memory=memory,
            kept=self._empty(seen, acted),
            tick=jnp.int32(0),
            inner_episode=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(observation, self.games, info | self._info(state, jnp.bool_(False)))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, Any], params: Any
    ) -> tuple[State, Timestep]:
        """All games go on by a step; after the last of an inner episode the co-player learns."""
        left, player, co_player = self._left, self._player, self.co_player
        own = action[left.ours.group.name]
        acted = co_player.act(own_key(key, "act"), player, state.mind, state.seen, state.memory)
        does = actions.playable(player.action, acted.action)
        (theirs,) = left.theirs

        def one(key: jax.Array, env: Any, own: jax.Array, does: jax.Array) -> tuple[Any, Timestep]:
            joint = left.joint(own[None], {theirs.group.name: does[None]})
            return self.env.step(key, env, joint, self.inner_params(params))

        env, shown = jax.vmap(one)(jax.random.split(key, self.games), state.env, own, does)
        mine, its = int(left.ours.rows[0]), int(theirs.rows[0])
        row = Kept(
            seen=state.seen,
            acted=dataclasses.replace(acted, memory=()),
            other=own,
            reward=shown.reward[:, its],
            counts=state.acting[:, its],
        )
        # Not by an index, which differs from row to row of a batch as far as XLA knows.
        kept = jax.tree.map(lambda old, new: jnp.concatenate([old[1:], new[None]]), state.kept, row)
        tick = state.tick + 1
        done = (tick >= (self.env.spec.horizon or 1)) & ~state.over
        count = state.inner_episode + done.astype(jnp.int32)
        over = state.over | (count >= self.episodes)
        last = self._seen(shown.observation, jnp.zeros(self.games, jnp.bool_)), acted.memory
        acting = state.acting & ~(shown.terminated | shown.truncated)
        now = state.mind, env, *last, acting, self._observed(shown.observation)

        def ended() -> Any:
            own_numbers = {name: params.own[name] for name in co_player.numbers}
            inner = self.inner_params(params)
            learned = co_player.learn(
                own_key(key, "learn"), player, state.mind, kept, last, own_numbers, inner
            )
            learns = state.inner_episode < params.own["stop"]
            mind = _select(learns, learned, state.mind)
            env, seen, observation, _ = self._begin(own_key(key, "begin"), params)
            memory = co_player.no_memory(player, self.games)
            return mind, env, seen, memory, jnp.ones_like(acting), observation

        def go_on() -> Any:
            return now

        # All rows of a batch end an inner episode at the same time, so this stays a branch.
        then = jax.lax.cond(kernels.any_at_all(done), ended, go_on)
        mind, env, seen, memory, acting, observation = _select(done, then, now)
        after = State(
            env=env,
            acting=acting,
            seen=seen,
            mind=mind,
            memory=memory,
            kept=kept,
            tick=jnp.where(done, jnp.int32(0), tick),
            inner_episode=count,
            over=over,
        )
        everybody = jnp.ones(self.games, jnp.bool_)
        return after, transition(
            self.spec,
            acting=everybody & ~state.over,
            observation=observation,
            reward=shown.reward[:, mine],
            terminated=everybody & over,
            truncated=~everybody,
            info={
                **shown.info,
                **self._info(after, done, jnp.where(state.over, 0.0, row.reward.mean())),
            },
        )

    @property
    def _left(self) -> OneTeam:
        return one_team(self.env, self.team, Random())

    @property
    def _alone(self) -> OneTeam:
        (theirs,) = self._left.theirs
        return one_team(self.env, theirs.group.agents[0], Random())

    @property
    def _player(self) -> Player:
        (player,) = players_of(self._alone.spec, "group")
        return player

    def _begin(
        self, key: jax.Array, params: Any
    ) -> tuple[Any, Seen, dict[str, Any], dict[str, Any]]:
        """New games, what both see of them, and their info."""
        keys = jax.random.split(own_key(key, "games"), self.games)
        env, shown = jax.vmap(self.env.init, (0, None))(keys, self.inner_params(params))
        first = jnp.ones(self.games, jnp.bool_)
        seen = self._seen(shown.observation, first)
        return env, seen, self._observed(shown.observation), dict(shown.info)

    def _observed(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        """What the agent that is left sees: (games, ...)."""
        ours = self._left.ours
        name = ours.group.name
        place = int(ours.places[0])
        return {name: jax.tree.map(lambda leaf: leaf[:, place], observation[name])}

    def _seen(self, observation: Mapping[str, Any], first: jax.Array) -> Seen:
        (theirs,) = self._left.theirs
        place = int(theirs.places[0])
        seen = jax.tree.map(lambda leaf: leaf[:, place], observation[theirs.group.name])
        return Seen(observation=seen, first=first, mask=None, world=None)

    def _empty(self, seen: Seen, acted: Acted) -> Kept:
        group = self._left.ours.group
        row = Kept(
            seen=seen,
            acted=dataclasses.replace(acted, memory=()),
            other=jnp.zeros((self.games, *group.action.shape), group.action.dtype),
            reward=jnp.zeros(self.games, jnp.float32),
            counts=jnp.zeros(self.games, jnp.bool_),
        )
        steps = self.env.spec.horizon or 1
        kept: Kept = jax.tree.map(lambda leaf: jnp.zeros((steps, *leaf.shape), leaf.dtype), row)
        return kept

    def _info(
        self, state: State, done: jax.Array, reward: jax.Array | None = None
    ) -> dict[str, jax.Array]:
        return {
            "inner_done": done,
            "inner_episode": state.inner_episode,
            "co_player_reward": jnp.float32(0) if reward is None else reward,
        }


def _select(condition: jax.Array, yes: Any, no: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)


def against_learner(
    world: Environment[Any, Any],
    agent: str,
    co_player: CoPlayer,
    *,
    games: int,
    episodes: int,
    stop: int | None = None,
) -> AgainstLearner:
    """A world whose episodes are trials against a co-player that learns meanwhile.

    The last inner episode ends the trial: the agent terminates. `info["inner_done"]` says where one
    has ended, `info["inner_episode"]` how many have, and `info["co_player_reward"]` is the
    co-player's, the mean of the games. What a world tells has an axis of games before its own. With
    one trial that is longer than the training both learn in step.

    Args:
        world: Two agents that act at once, for a known time.
        agent: Name of the one that is left.
        co_player: Plays the other.
        games: Played at once, from all of which the co-player learns.
        episodes: Inner episodes of a trial.
        stop: Inner episodes after which the co-player learns no more; None: it always does.

    Raises:
        RuleError: There is no such agent, or something does not fit.
    """
    return AgainstLearner(world, agent, co_player, games, episodes, stop)
